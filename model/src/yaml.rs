//! YAML 1.2 (core schema) and JSON as typed documents, with errors that point.
//!
//! Text becomes a small tree whose nodes know their lines and columns (`tree`), and the tree is read
//! through serde (`de`). What is refused here and not left to a parser's taste: duplicate keys,
//! unknown tags, nesting beyond `limits::DEPTH`, and aliases that blow a small file up
//! (`limits::budget`). Only plain scalars are typed, so `NO`, `on` and `yes` are text. JSON is read
//! by the same rules: it is YAML, save that documents may also follow each other without `---`.

mod de;
mod edit;
mod error;
mod limits;
mod parse;
mod path;
mod scalar;
mod suggest;
mod tree;
mod write;

pub use edit::{Change, ONE_OBJECT, edit, edit_beside, edit_readable, is_json_object};
pub use limits::FILE_BYTES;
pub use suggest::nearest;
pub use tree::Tree;
pub use write::{in_flow, to_string};

pub(crate) use de::{read, read_at};
pub(crate) use limits::FILE_PROBLEMS;
pub(crate) use parse::{parse, text_of};
pub(crate) use path::{Step, join, steps};
pub(crate) use tree::{Entry, Node, NodeId, Value};
