//! Files to a fleet: dumps and manifests, or the tables of the openb trace.

use std::{borrow::Cow, collections::BTreeMap, io::Read, path::Path};

use plimsoll_formats::Foreign;
use plimsoll_model::{
    Diagnostic, Document, Fleet, Span,
    fleet::{Amount, Ask, Devices, Groups, Node, Pod},
    read as documents,
};
use plimsoll_traces::{Tolerance, TraceError, openb};

use crate::load::{Digest, File, LoadArgs, LoadError, read_files};

/// The resource that counts the GPUs of a trace, as manifests call it.
const GPU: &str = "nvidia.com/gpu";

/// Reads nodes, and the pods of the same file and of `args.files`. A file that is named twice is read once.
///
/// # Errors
/// Everything that is wrong with the files.
pub fn read(nodes: &Path, args: &LoadArgs, stdin: &mut dyn Read) -> Result<Fleet, LoadError> {
    let mut paths = vec![nodes.to_path_buf()];
    paths.extend(args.files.iter().filter(|path| *path != nodes || path.as_os_str() == "-").cloned());
    let files = read_files(&LoadArgs { files: paths, ..args.clone() }, stdin)?;
    let (mut given, mut foreign, mut problems) = (Fleet::default(), Vec::<Foreign>::new(), Vec::new());
    let mut digest = Digest::new();
    for (index, file) in files.iter().enumerate() {
        digest.add("cluster", &file.bytes);
        let unpacked = match unpacked(file) {
            Ok(unpacked) => unpacked,
            Err(error) => {
                problems.push(of_trace(&error));
                continue;
            }
        };
        let file = unpacked.as_ref().unwrap_or(file);
        let read = if is_table(file) {
            table(file, index == 0, &mut given).map_err(|error| vec![of_trace(&error)])
        } else {
            objects(file, &mut foreign)
        };
        problems.extend(read.err().into_iter().flatten());
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    problems.extend(repeated(&given));
    let (mut fleet, more) = plimsoll_formats::fleet(&foreign, given);
    problems.extend(more);
    if problems.is_empty() {
        problems.extend(empty(&fleet, nodes, args));
    }
    fleet.digest = digest.hex();
    if problems.is_empty() { Ok(fleet) } else { Err(problems.into()) }
}

/// The file within one that is compressed; none for any other.
fn unpacked(file: &File) -> Result<Option<File>, TraceError> {
    let plain = plimsoll_traces::plain(&file.name, &file.bytes)?;
    let bytes = match plain {
        Cow::Borrowed(_) => return Ok(None),
        Cow::Owned(bytes) => bytes,
    };
    let name = file.name.strip_suffix(".gz").unwrap_or(&file.name).to_owned();
    Ok(Some(File { name, bytes, folder: file.folder.clone(), is_estate: file.is_estate }))
}

fn is_table(file: &File) -> bool {
    let header = [&b"sn,cpu_milli"[..], b"name,cpu_milli"];
    Path::new(&file.name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
        || header.iter().any(|header| file.bytes.starts_with(header))
}

/// The nodes of a table, or its pods.
fn table(file: &File, is_nodes: bool, given: &mut Fleet) -> Result<(), TraceError> {
    if is_nodes {
        let listing = openb::nodes(&file.name, &file.bytes, Tolerance::Strict)?;
        given.nodes.extend(listing.rows.into_iter().map(node));
    } else {
        let listing = openb::pods(&file.name, &file.bytes, Tolerance::Strict)?;
        given.pods.extend(listing.rows.into_iter().map(pod));
    }
    Ok(())
}

fn node(row: openb::Node) -> Node {
    let mut labels = BTreeMap::from([("kubernetes.io/hostname".to_owned(), row.name.clone())]);
    labels.extend(row.model.clone().map(|model| ("nvidia.com/gpu.product".to_owned(), model)));
    Node {
        name: row.name,
        labels,
        taints: Vec::new(),
        room: amounts(row.cpu_milli, row.memory_mib),
        groups: Groups::default(),
        site: None,
        devices: row.model.map(|model| Devices {
            resource: GPU.to_owned(),
            model,
            count: u16::try_from(row.gpus).unwrap_or(u16::MAX),
        }),
    }
}

fn pod(row: openb::Pod) -> Pod {
    let accelerators_milli = row.gpu_milli_total();
    let amount = match (row.gpus, row.gpu_milli) {
        (0, _) => None,
        (1, milli @ 1..1000) => u16::try_from(milli).ok().map(Amount::Share),
        (count, _) => u16::try_from(count).ok().map(Amount::Whole),
    };
    Pod {
        name: row.name,
        needs: amounts(row.cpu_milli, row.memory_mib),
        ask: amount.map(|amount| Ask { resource: GPU.to_owned(), models: row.models, amount }),
        accelerators_milli,
        worth: accelerators_milli * 1000 + row.cpu_milli * 20,
        ..Pod::default()
    }
}

fn amounts(cpu_milli: u64, memory_mib: u64) -> BTreeMap<String, u64> {
    BTreeMap::from([("cpu".to_owned(), cpu_milli), ("memory".to_owned(), memory_mib << 20)])
}

/// Names that several tables give.
fn repeated(given: &Fleet) -> Vec<Diagnostic> {
    let mut seen = std::collections::BTreeSet::new();
    let twice = given.pods.iter().filter(|pod| !seen.insert(&pod.name));
    let problem = |pod: &Pod| {
        let problem = Diagnostic::of_file("the lists of pods", format!("a second pod `{}`", pod.name));
        problem.with_help("name each list once; names must differ")
    };
    twice.take(1).map(problem).collect()
}

fn of_trace(error: &TraceError) -> Diagnostic {
    let problem = Diagnostic::of_file(&error.file, error.fault.to_string());
    let span =
        error.row.and_then(|row| u32::try_from(row).ok()).map(|line| Span { line, column: 1, length: 1 });
    Diagnostic { span, ..problem }
}

/// The objects of a file; documents of ours are none.
fn objects(file: &File, foreign: &mut Vec<Foreign>) -> Result<(), Vec<Diagnostic>> {
    let read = documents::documents(&file.name, &file.bytes)?;
    let mut problems = Vec::new();
    for document in read {
        let (value, place) = document.split();
        match value {
            Document::Foreign => foreign.push(place),
            Document::Workload(_) | Document::Estate(_) => problems.push(
                place
                    .problem("kind", "`--cluster` packs pods: manifests, dumps, or a table of them")
                    .with_help("Workloads and Estates are for `plimsoll plan` without `--cluster`"),
            ),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Without nodes or without pods there is nothing to pack.
fn empty(fleet: &Fleet, nodes: &Path, args: &LoadArgs) -> Option<Diagnostic> {
    let named = |paths: &[String]| paths.join(", ");
    if fleet.nodes.is_empty() {
        let problem = Diagnostic::of_file(nodes.display().to_string(), "there is no node");
        return Some(problem.with_help(
            "`kubectl get nodes,pods -A -o yaml` writes what --cluster reads; so is a table of openb nodes",
        ));
    }
    if fleet.pods.is_empty() {
        let mut files: Vec<String> = args.files.iter().map(|path| path.display().to_string()).collect();
        files.insert(0, nodes.display().to_string());
        let problem = Diagnostic::of_file(named(&files), "there is no pod to place");
        let over = fleet.assumptions.iter().find(|note| note.what.starts_with("passed over"));
        return Some(problem.with_help(over.map_or_else(
            || "name the manifests, a dump with its pods, or a table of them after the nodes".to_owned(),
            |note| format!("{}: {}", note.what, note.value),
        )));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_read_from_gzip_as_from_text() {
        // A node named n, by gzip.
        let bytes: &[u8] = &[
            0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0x2c, 0xc8, 0x0c, 0x4b, 0x2d,
            0x2a, 0xce, 0xcc, 0xcf, 0xb3, 0x52, 0x28, 0x33, 0xe4, 0xca, 0xce, 0xcc, 0x4b, 0xb1, 0x52, 0xf0,
            0xcb, 0x4f, 0x49, 0xe5, 0xca, 0x4d, 0x2d, 0x49, 0x4c, 0x49, 0x2c, 0x49, 0xb4, 0x52, 0xa8, 0xce,
            0x4b, 0xcc, 0x4d, 0xb5, 0x52, 0xc8, 0xab, 0xe5, 0x02, 0x00, 0x8d, 0x2b, 0xa5, 0x5e, 0x2e, 0x00,
            0x00, 0x00,
        ];
        let named = |name: &str, bytes: &[u8]| File {
            name: name.to_owned(),
            folder: std::path::PathBuf::new(),
            bytes: bytes.to_vec(),
            is_estate: false,
        };
        let packed = named("dump.yaml.gz", bytes);
        let file = unpacked(&packed).expect("it is whole").expect("it is compressed");
        assert_eq!((&*file.name, is_table(&file)), ("dump.yaml", false));
        let mut found = Vec::new();
        assert_eq!((objects(&file, &mut found), found.len()), (Ok(()), 1));
        assert!(unpacked(&file).expect("it is plain").is_none());
        assert!(is_table(&named("nodes", b"sn,cpu_milli")));
        assert!(unpacked(&named("dump.yaml.gz", &bytes[..20])).is_err());
    }
}
