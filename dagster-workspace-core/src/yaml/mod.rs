//! YAML 1.2.2 as spans: [`Document`] is a text and a flat index into it, [`Node`] reads it. Nothing is decoded or copied
//! before it is asked for, and nothing is ever printed back: comments, blank lines and notation are the text itself.

pub(crate) mod block;
mod data;
mod document;
mod events;
pub(crate) mod lines;
mod node;
mod path;
pub mod quote;
pub(crate) mod record;
mod scalar;
mod scan;
mod schema;

pub use data::{DataError, DataProblem, Reader};
pub use document::{Document, Part};
pub(crate) use node::head;
pub use node::{Entry, Mapping, Node, Scalar, Sequence};
pub(crate) use path::is_called;
pub use path::{DottedKey, ItemKey, Path, PathError, Step};
pub use record::{Kind, Style};
pub use scan::Mode;
pub use schema::{Resolved, Schema, resolve};

/// Largest text that is read, in bytes: offsets stay far from the end of `u32`.
pub const MAX_LEN: usize = 64 << 20;

/// Deepest nesting of collections that is read; what walks a document may recurse this far.
pub const MAX_DEPTH: usize = 512;
