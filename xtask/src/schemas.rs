//! `schemas/*.json`: what editors and other programs check documents with.

use plimsoll_model::schema;

use crate::error::{Error, Result};
use crate::generate::{Context, File, Made};

/// One file for each kind that `plimsoll schema` knows, with the same bytes that it prints.
pub(crate) fn make(_: &Context) -> Result<Made> {
    let file = |kind: &str| -> Result<File> {
        let text = schema::text(kind).ok_or_else(|| Error::new(format!("there is no schema of {kind}")))?;
        Ok(File { path: format!("schemas/{kind}.json"), text })
    };
    Ok(Made::Files(schema::kinds().map(|(kind, _)| file(kind)).collect::<Result<_>>()?))
}
