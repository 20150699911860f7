//! The whole flow of the command on a cluster: real helm and charts, a kubelet that makes pods ready, webservers behind the
//! API server's pod proxy.

mod add;
mod config_maps;
pub(crate) mod faults;
mod many;
mod oci;
mod parts;
mod stuck;
pub(crate) mod system;
mod upkeep;
