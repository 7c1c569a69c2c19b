//! Files to documents: what a text is, what it says, and where it says it.
//!
//! Nothing here touches a disk; bytes come in with the name that people know them by. Every reader
//! either returns what the whole text says, or everything that is wrong with it.

mod documents;
mod draft;
mod located;
#[cfg(test)]
mod round_trip;
mod scenario;
mod series;
#[cfg(test)]
mod tests;
mod view;

pub use documents::{
    Documents, catalog, documents, every_document, front, is_document, packing, plan, serve,
};
pub use draft::Draft;
pub use located::{Located, Places};
pub use scenario::{Point, ScenarioFile};
pub use series::series;
pub use view::View;
