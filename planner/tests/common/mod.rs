//! What the tests of plans share.

use std::{io::Write as _, path::PathBuf};

use plimsoll_model::Inputs;
use plimsoll_planner::load::{self, LoadArgs};

/// Reads documents as a file of a user's.
pub(crate) fn load(yaml: &str) -> Result<Inputs, String> {
    let mut file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    file.write_all(yaml.as_bytes()).unwrap();
    let args = LoadArgs { files: vec![PathBuf::from(file.path())], ..LoadArgs::default() };
    load::inputs(&args, &mut std::io::empty()).map_err(|error| error.to_string())
}
