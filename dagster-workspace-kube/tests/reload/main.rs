//! The activation of a changed workspace, with webservers that answer as planned and a clock that does not wait. Real
//! webservers are in `tests/cluster/reload.rs`.

mod activation;
mod answers;
mod failing;
mod webserver;
