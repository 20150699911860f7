//! The whole flow of the command on a cluster: real helm and charts, a kubelet that makes pods ready, webservers behind the
//! API server's pod proxy.

mod add;
pub(crate) mod faults;
mod many;
mod parts;
mod stuck;
pub(crate) mod system;
mod upkeep;
