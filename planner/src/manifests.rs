//! A plan written into the manifests that it was made from.
//!
//! Each placement becomes changes of the pod specs it is of, and of the node pools that launch its nodes
//! (`plimsoll_formats`); the texts are edited in place (`plimsoll_model::yaml::edit`). A file that cannot be edited without touching more than was
//! meant is left as it is, and said.

use std::collections::BTreeMap;

use plimsoll_formats::{PoolSeat, changes};
use plimsoll_model::{
    Inputs, Plan,
    yaml::{Change, edit},
};
use serde_json::json;

use crate::load::{PlacedSeat, Position, TextFile, Texts};

/// A file with the placements of its workloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// As the user named it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The files that hold workloads or node pools, edited, and what could not be written, each with why.
pub fn manifests(texts: &Texts, inputs: &Inputs, plan: &Plan) -> (Vec<Manifest>, Vec<String>) {
    let (mut files, mut remarks) = (Vec::new(), Vec::new());
    let mut by_file: BTreeMap<usize, BTreeMap<usize, Change>> = BTreeMap::new();
    let pools = texts.seats.iter().filter_map(|seat| match &seat.position {
        Position::Pool(pool) => Some(&**pool),
        _ => None,
    });
    let pools: Vec<&PoolSeat> = pools.collect();
    for PlacedSeat { at, position } in &texts.seats {
        let documents = by_file.entry(at.file).or_default();
        let change = match position {
            Position::Workload(name) => current(name, plan, inputs),
            Position::Manifest(seat) => {
                let change = changes(seat, plan, &inputs.estate, &pools);
                change.map(Some).map_err(|why| format!("{}: {why}", seat.workload))
            }
            Position::Pool(pool) => {
                let (change, remark) = pool.change(plan);
                remarks.extend(remark);
                Ok(Some(change))
            }
        };
        match change {
            Ok(Some(change)) => match documents.get_mut(&at.document) {
                Some(known) => known.and(change),
                None => _ = documents.insert(at.document, change),
            },
            Ok(None) => {}
            Err(remark) => remarks.push(remark),
        }
    }
    for (index, changes) in by_file {
        let TextFile { name, bytes, whole } = &texts.files[index];
        let original = String::from_utf8_lossy(bytes).into_owned();
        let (mark, body) = match original.strip_prefix('\u{feff}') {
            Some(body) => ("\u{feff}", body),
            None => ("", &*original),
        };
        let edited = if *whole { edit(body, &changes) } else { Err("some of its documents cannot be read") };
        let text = match edited {
            Ok(edited) => format!("{mark}{edited}"),
            Err(why) => {
                remarks.push(format!("{name}: it is left as it is: {why}"));
                original
            }
        };
        files.push(Manifest { name: name.clone(), text });
    }
    (files, remarks)
}

/// A Workload states where it runs in `current`.
fn current(name: &str, plan: &Plan, inputs: &Inputs) -> Result<Option<Change>, String> {
    let Some(placement) = plan.placements.iter().find(|placement| placement.workload == name) else {
        return Err(format!("{name}: it is left as it is, since it has no place in the plan"));
    };
    let offer = placement.offer.full_name();
    let stated = inputs.workloads.iter().find(|workload| workload.metadata.name == name);
    let known = stated.and_then(|workload| workload.spec.current.as_ref()) == Some(&offer);
    Ok((!known).then(|| Change::at("spec.current", Change::Put(json!(offer)))))
}
