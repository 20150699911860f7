//! Other tools, each used as its own documentation says, and given the position of the deployment instead of its name.

mod nondestructive;
mod noyalib;
mod serde_yaml;
mod yaml_edit;

use crate::task::Task;
use crate::tools::{Reads, Tool};

/// One row for each of them.
pub(crate) fn tools() -> [Tool; 4] {
    let peer = |name, reads, prepare| Tool { name, ours: false, reads, tasks: &Task::ALL, prepare };
    [
        peer("yaml-edit 0.3.6", Reads::Anchors, yaml_edit::prepare),
        peer("noyalib 0.0.58", Reads::Anchors, noyalib::prepare),
        peer("nondestructive 0.0.29", Reads::NoAnchors, nondestructive::prepare),
        peer("serde_yaml 0.9.34", Reads::Anchors, serde_yaml::prepare),
    ]
}
