//! YAML 1.2.2 as spans: [`Document`] is a text and a flat index into it, [`Node`] reads it. Nothing is decoded or copied
//! before it is asked for, and nothing is ever printed back: comments, blank lines and notation are the text itself.

mod data;
pub(crate) mod document;
mod events;
pub(crate) mod lines;
mod path;
pub mod quote;
mod scalar;
mod scan;
mod schema;

pub use data::{DataError, DataProblem, Reader};
pub use document::{Document, Entry, Kind, Mapping, Node, Part, Scalar, Sequence, Style};
pub use path::{ItemKey, Path, PathError, Step};
pub use scan::Mode;
pub use schema::{Resolved, Schema, resolve};

/// Largest text that is read, in bytes: offsets stay far from the end of `u32`.
pub const MAX_LEN: usize = 64 << 20;

/// Deepest nesting of collections that is read; what walks a document may recurse this far.
pub const MAX_DEPTH: usize = 512;
