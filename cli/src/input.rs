//! What commands read: documents and plans.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _},
    path::Path,
};

use plimsoll_model::{Diagnostic, Fleet, Inputs, Packing, Plan, estate::EstateSpec, read::Places};
use plimsoll_planner::load;

use crate::{args::Files, failure::Failure};

/// Reads and checks the documents.
pub(crate) fn inputs(files: &Files) -> Result<Inputs, Failure> {
    load(&files.load())
}

/// The same, by the names of the files.
pub(crate) fn load(args: &load::LoadArgs) -> Result<Inputs, Failure> {
    Ok(load::inputs(args, &mut io::stdin().lock())?)
}

/// The same with the texts, for placements to be written into.
pub(crate) fn inputs_and_texts(files: &Files) -> Result<(Inputs, load::Texts), Failure> {
    Ok(load::inputs_and_texts(&files.load(), &mut io::stdin().lock())?)
}

/// Reads and checks an estate alone.
pub(crate) fn estate(path: &Path) -> Result<Inputs, Failure> {
    let args = load::LoadArgs { estate: Some(path.to_path_buf()), ..load::LoadArgs::default() };
    Ok(load::estate(&args, &mut io::stdin().lock())?)
}

/// The inputs of nobody in particular: the embedded catalogue.
pub(crate) fn embedded() -> Inputs {
    Inputs {
        workloads: Vec::new(),
        estate: EstateSpec::default(),
        assumptions: Vec::new(),
        embedded_catalog: true,
        file_offers: Vec::new(),
        series: BTreeMap::new(),
        places: Places::default(),
        digest: String::new(),
    }
}

/// What nodes can be added from: an estate, else the embedded catalogue.
pub(crate) fn market(files: &Files) -> Result<Inputs, Failure> {
    files.estate.as_deref().map_or_else(|| Ok(embedded()), estate)
}

/// Reads a cluster's nodes and pods.
pub(crate) fn fleet(nodes: &Path, files: &Files) -> Result<Fleet, Failure> {
    let args = load::LoadArgs { estate: None, ..files.load() };
    Ok(plimsoll_planner::cluster::read(nodes, &args, &mut io::stdin().lock())?)
}

/// Reads a plan; `-` is standard input.
pub(crate) fn plan(path: &Path) -> Result<Plan, Failure> {
    let (name, bytes) = bytes(path, "plan")?;
    plimsoll_model::read::plan(&name, &bytes).map_err(Failure::problems)
}

/// Reads a packing; `-` is standard input.
pub(crate) fn packing(path: &Path) -> Result<Packing, Failure> {
    let (name, bytes) = bytes(path, "packing")?;
    plimsoll_model::read::packing(&name, &bytes).map_err(Failure::problems)
}

/// The bytes of a document of ours, with the name it goes by.
fn bytes(path: &Path, what: &str) -> Result<(String, Vec<u8>), Failure> {
    let (name, bytes) = if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        ("<stdin>".to_owned(), io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes))
    } else {
        (path.display().to_string(), fs::read(path))
    };
    let bytes = bytes.map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
            io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
            _ => error.to_string(),
        };
        Failure::problems(vec![Diagnostic::of_file(&name, format!("cannot read the {what}: {reason}"))])
    })?;
    Ok((name, bytes))
}
