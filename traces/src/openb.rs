//! Alibaba's trace `cluster-trace-gpu-v2023` ("openb"), as the simulator of the paper that introduced it reads it.
//!
//! Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient Descent",
//! ATC 2023. 1,213 nodes with 6,212 GPUs, and lists of some 8,000 pods that ask for whole GPUs or for
//! thousandths of one. Node rows are `sn,cpu_milli,memory_mib,gpu,model`; pod rows have eleven columns, or only
//! the first five in the lists that were made from the traced one.

#[cfg(test)]
mod tests;

use std::path::Path;

use crate::{
    Fault, Listing, Tolerance, TraceError,
    table::{self, Row, alternatives, wrong},
};

/// What no machine has more of; keeps every sum far from overflow.
const MOST_CPU_MILLI: u64 = 1_000_000_000;
const MOST_MEMORY_MIB: u64 = 1 << 40;
const MOST_GPUS: u64 = 1_024;
const MOST_SECONDS: u64 = 1 << 40;
/// Thousandths of a GPU.
const WHOLE: u64 = 1_000;

const NODE: &[&str] = &["sn", "cpu_milli", "memory_mib", "gpu", "model"];
const POD: &[&str] = &[
    "name",
    "cpu_milli",
    "memory_mib",
    "num_gpu",
    "gpu_milli",
    "gpu_spec",
    "qos",
    "pod_phase",
    "creation_time",
    "deletion_time",
    "scheduled_time",
];
const SHORT_POD: &[&str] = &["name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli"];

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its serial number, unique in the file.
    pub name: String,
    /// Thousandths of a CPU.
    pub cpu_milli: u64,
    /// MiB.
    pub memory_mib: u64,
    /// GPUs.
    pub gpus: u32,
    /// Their model; nothing on a machine without GPUs.
    pub model: Option<String>,
}

/// A pod that asked for a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its name, unique in the file.
    pub name: String,
    /// Thousandths of a CPU.
    pub cpu_milli: u64,
    /// MiB.
    pub memory_mib: u64,
    /// GPUs; 0 for a pod that needs none.
    pub gpus: u32,
    /// Thousandths of each GPU: 1,000 for whole ones, less for a share of a single one, 0 without GPUs.
    pub gpu_milli: u32,
    /// The models that will do, as the file lists them; empty when any will. openb repeats some
    /// (`V100M16|V100M32|V100M32`), and the published runs count such a list apart from the one without.
    pub models: Vec<String>,
    /// When it came, left and was placed; nothing in the lists of five columns.
    pub times: Option<Times>,
    /// Its line in the file, from 1.
    pub row: u64,
}

impl Pod {
    /// Thousandths of a GPU, over all GPUs.
    pub fn gpu_milli_total(&self) -> u64 {
        u64::from(self.gpus) * u64::from(self.gpu_milli)
    }
}

/// When a pod came, left and was placed, in seconds of the trace's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Creation.
    pub created: u64,
    /// Deletion.
    pub deleted: u64,
    /// Placement; nothing for a pod that was never placed.
    pub scheduled: Option<u64>,
}

/// Reads a list of nodes from a file, plain or gzip.
pub fn read_nodes(path: &Path, tolerance: Tolerance) -> Result<Listing<Node>, TraceError> {
    nodes(&path.display().to_string(), &table::bytes_of(path)?, tolerance)
}

/// Reads a list of pods from a file, plain or gzip.
pub fn read_pods(path: &Path, tolerance: Tolerance) -> Result<Listing<Pod>, TraceError> {
    pods(&path.display().to_string(), &table::bytes_of(path)?, tolerance)
}

/// The nodes in `bytes`, plain or gzip; `file` is what errors call it.
pub fn nodes(file: &str, bytes: &[u8], tolerance: Tolerance) -> Result<Listing<Node>, TraceError> {
    table::read(file, bytes, &[NODE], tolerance, |node: &Node| &node.name, |row, _| node(row))
}

/// The pods in `bytes`, plain or gzip; `file` is what errors call it.
pub fn pods(file: &str, bytes: &[u8], tolerance: Tolerance) -> Result<Listing<Pod>, TraceError> {
    table::read(
        file,
        bytes,
        &[POD, SHORT_POD],
        tolerance,
        |pod: &Pod| &pod.name,
        |row, kind| pod(row, kind == 0),
    )
}

fn node(row: &Row<'_>) -> Result<Node, Fault> {
    let gpus = row.number(3, "gpu", MOST_GPUS)? as u32;
    let model = match (gpus, row.cell(4)) {
        (0, "") => None,
        (0, model) => {
            let what = format!("has no GPU, but of model `{model}`");
            return Err(Fault::Contradiction { reason: "a model without GPUs", what });
        }
        (_, "") => return Err(wrong("model", "", "the model of the GPUs is expected")),
        (_, model) => Some(model.to_owned()),
    };
    Ok(Node {
        name: row.name(0, "sn")?.to_owned(),
        cpu_milli: row.number(1, "cpu_milli", MOST_CPU_MILLI)?,
        memory_mib: row.number(2, "memory_mib", MOST_MEMORY_MIB)?,
        gpus,
        model,
    })
}

fn pod(row: &Row<'_>, long: bool) -> Result<Pod, Fault> {
    let gpus = row.number(3, "num_gpu", MOST_GPUS)? as u32;
    let gpu_milli = row.number(4, "gpu_milli", WHOLE)? as u32;
    match (gpus, u64::from(gpu_milli)) {
        (0, 0) | (1, 1..) | (2.., WHOLE) => {}
        (0, _) => return Err(unlike(format!("asks for no GPU, but for {gpu_milli}/1000 of each"))),
        (_, 0) => return Err(unlike(format!("asks for {gpus} GPUs, but for 0/1000 of each"))),
        _ => {
            return Err(unlike(format!(
                "asks for {gpu_milli}/1000 of each of {gpus} GPUs; a share is of one GPU"
            )));
        }
    }
    Ok(Pod {
        name: row.name(0, "name")?.to_owned(),
        cpu_milli: row.number(1, "cpu_milli", MOST_CPU_MILLI)?,
        memory_mib: row.number(2, "memory_mib", MOST_MEMORY_MIB)?,
        gpus,
        gpu_milli,
        models: if long { alternatives(row.cell(5)) } else { Vec::new() },
        times: if long { Some(times(row)?) } else { None },
        row: row.line(),
    })
}

/// The fault of a count of GPUs beside thousandths that are no part of it.
fn unlike(what: String) -> Fault {
    Fault::Contradiction { reason: "a count of GPUs and a part of them that do not go together", what }
}

fn times(row: &Row<'_>) -> Result<Times, Fault> {
    let created = row.number(8, "creation_time", MOST_SECONDS)?;
    let deleted = row.number(9, "deletion_time", MOST_SECONDS)?;
    let scheduled = match row.cell(10) {
        "" => None,
        _ => Some(row.number(10, "scheduled_time", MOST_SECONDS)?),
    };
    if deleted < created || scheduled.is_some_and(|scheduled| scheduled < created) {
        let what = format!(
            "times run backwards: created at {created}, scheduled at {}, deleted at {deleted}",
            scheduled.map_or("no time".to_owned(), |at| at.to_string()),
        );
        return Err(Fault::Contradiction { reason: "times run backwards", what });
    }
    Ok(Times { created, deleted, scheduled })
}
