//! Files to [`Inputs`]: the first passes of `plan`, `verify` and the rest.
//!
//! Bytes are read (`files`), documents parsed and located (`plimsoll_model::read`), those of other programs
//! translated (`plimsoll_formats`), names and limits checked ([`validate`]), and the catalogue files and carbon
//! series that the estate names read in turn (`named`). Each pass reports everything it finds before the next one
//! starts, and each finding has its file, line, column and field. What merely makes a workload impossible to place (a
//! deadline in the past, an accelerator that nobody offers) is no error here: the planner explains it.

mod digest;
mod files;
mod named;
mod validate;

use std::{
    collections::BTreeMap,
    fmt,
    io::Read,
    path::{Path, PathBuf},
};

use plimsoll_formats::{ClassSeat, Foreign, Hosts, PoolSeat, Seat, TaskSeat, Translation, translate};
use plimsoll_model::{
    Diagnostic, Document, Estate, Inputs, Workload,
    estate::EstateSpec,
    plan::Assumption,
    read,
    read::{Located, Places},
};

pub use validate::validate;

pub(crate) use digest::Digest;
pub(crate) use files::{File, read as read_files};
use named::Named;

/// What to read.
#[derive(Debug, Clone, Default)]
pub struct LoadArgs {
    /// Files in order; `-` is standard input, a folder every YAML and JSON file in it by name.
    pub files: Vec<PathBuf>,
    /// The estate's file, if it is not among them.
    pub estate: Option<PathBuf>,
    /// Whether folders inside of folders are searched too.
    pub recursive: bool,
    /// Whether documents that cannot be read are passed over.
    pub tolerate: bool,
}

/// Why the inputs cannot be used: everything that is wrong with them.
#[derive(Debug, thiserror::Error)]
pub struct LoadError {
    problems: Vec<Diagnostic>,
    passed_over: Vec<Assumption>,
}

impl LoadError {
    /// The problems, in the order of the files; never empty.
    pub fn problems(&self) -> &[Diagnostic] {
        &self.problems
    }

    /// What would not have been planned either, with the reason: it may be what was meant.
    pub fn passed_over(&self) -> &[Assumption] {
        &self.passed_over
    }

    fn beside(mut self, assumptions: &[Assumption]) -> Self {
        let passed_over = assumptions.iter().filter(|note| note.what.starts_with(PASSED_OVER));
        self.passed_over.extend(passed_over.cloned());
        self
    }
}

/// How what is passed over begins.
const PASSED_OVER: &str = "passed over";

impl From<Vec<Diagnostic>> for LoadError {
    fn from(problems: Vec<Diagnostic>) -> Self {
        Self { problems, passed_over: Vec::new() }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if index > 0 { "\n\n" } else { "" })?;
        }
        for note in &self.passed_over {
            write!(f, "\n\nnote: {}: {}", note.what, note.value)?;
        }
        Ok(())
    }
}

/// The texts that were read, and where in them workloads are placed.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    pub(crate) files: Vec<TextFile>,
    pub(crate) seats: Vec<PlacedSeat>,
    /// Classes of nodes, from which pools can be made.
    pub(crate) classes: Vec<ClassSeat>,
    /// The machines of a node list.
    pub(crate) hosts: Hosts,
}

/// A file that was read.
#[derive(Debug, Clone)]
pub(crate) struct TextFile {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// How many of its documents could be read, where that is not all of them.
    pub(crate) readable: Option<usize>,
}

/// A workload in a document.
#[derive(Debug, Clone)]
pub(crate) struct PlacedSeat {
    pub(crate) at: DocumentPlace,
    pub(crate) position: Position,
}

/// A document by its file and its index there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DocumentPlace {
    pub(crate) file: usize,
    pub(crate) document: usize,
}

/// How a workload's place is written there.
#[derive(Debug, Clone)]
pub(crate) enum Position {
    /// As `current` of a Workload of this name.
    Workload(String),
    /// On the pods of a manifest.
    Manifest(Box<Seat>),
    /// In the `resources` of a task.
    Task(Box<TaskSeat>),
    /// As what a node pool launches.
    Pool(Box<PoolSeat>),
}

/// Reads and checks everything a plan is made from.
///
/// # Errors
/// Everything that is wrong with the files, as far as the first pass that found something.
pub fn inputs(args: &LoadArgs, stdin: &mut dyn Read) -> Result<Inputs, LoadError> {
    read_all(args, stdin, true).map(|(inputs, _)| inputs)
}

/// The same with the texts, for placements to be written into.
///
/// # Errors
/// As for [`inputs`].
pub fn inputs_and_texts(args: &LoadArgs, stdin: &mut dyn Read) -> Result<(Inputs, Texts), LoadError> {
    read_all(args, stdin, true)
}

/// The same where no workload is needed: what an estate offers.
///
/// # Errors
/// As for [`inputs`].
pub fn estate(args: &LoadArgs, stdin: &mut dyn Read) -> Result<Inputs, LoadError> {
    read_all(args, stdin, false).map(|(inputs, _)| inputs)
}

fn read_all(
    args: &LoadArgs,
    stdin: &mut dyn Read,
    needs_workload: bool,
) -> Result<(Inputs, Texts), LoadError> {
    let mut digest = Digest::new();
    let files = files::read(args, stdin)?;
    let Documents { workloads, estate, mut assumptions, seats, classes, hosts, broken } =
        documents(&files, args.tolerate, &mut digest)?;
    if needs_workload && workloads.is_empty() {
        return Err(vec![no_workload(args, &assumptions)].into());
    }
    let located = estate.as_ref().map(|(estate, _)| estate);
    ok_if_none(validate(&workloads, located)).map_err(|error| error.beside(&assumptions))?;
    let Named { offers: file_offers, series, assumptions: of_files } = match &estate {
        Some((estate, folder)) => named::read(estate, folder, &mut digest)?,
        None => Named::default(),
    };
    assumptions.extend(of_files);
    ok_if_none(validate::places(&workloads, located, &file_offers))?;
    let (estate, of_estate) = match estate {
        Some((estate, _)) => {
            let (estate, place) = estate.split();
            (estate.spec, Some(place))
        }
        None => (EstateSpec::default(), None),
    };
    let (workloads, of_workloads) = workloads.into_iter().map(Located::split).unzip();
    let inputs = Inputs {
        workloads,
        embedded_catalog: estate.has_embedded_catalog(),
        estate,
        file_offers,
        series,
        assumptions,
        places: Places { estate: of_estate, workloads: of_workloads },
        digest: digest.hex(),
    };
    let text = |(index, file): (usize, File)| TextFile {
        name: file.name,
        bytes: file.bytes,
        readable: broken.get(&index).copied(),
    };
    Ok((inputs, Texts { files: files.into_iter().enumerate().map(text).collect(), seats, classes, hosts }))
}

fn ok_if_none(problems: Vec<Diagnostic>) -> Result<(), LoadError> {
    if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
}

/// The documents of all files, the estate with the folder that its paths are relative to.
struct Documents<'f> {
    workloads: Vec<Located<Workload>>,
    estate: Option<(Located<Estate>, &'f Path)>,
    assumptions: Vec<Assumption>,
    seats: Vec<PlacedSeat>,
    classes: Vec<ClassSeat>,
    hosts: Hosts,
    /// Files with documents that cannot be read and are passed over, with how many can.
    broken: BTreeMap<usize, usize>,
}

fn documents<'f>(files: &'f [File], tolerate: bool, digest: &mut Digest) -> Result<Documents<'f>, LoadError> {
    let (mut workloads, mut estate, mut problems) = (Vec::new(), None, Vec::new());
    let (mut passed_over, mut seats, mut broken) = (Vec::new(), Vec::new(), BTreeMap::new());
    // Workloads and foreign documents, each with its rank in document order.
    let (mut rank, mut foreign) = (0, Vec::new());
    for (file_index, file) in files.iter().enumerate() {
        digest.add("documents", &file.bytes);
        let read = read::every_document(&file.name, &file.bytes);
        if !read.problems.is_empty() {
            broken.insert(file_index, read.documents.len());
        }
        if tolerate && !file.is_estate && !read.lacks_estate {
            passed_over.extend(read.problems.iter().map(tolerated));
        } else {
            problems.extend(read.problems);
        }
        let mut has_estate = false;
        for (index, document) in read.documents.into_iter().enumerate() {
            let (value, place) = document.split();
            let at = DocumentPlace { file: file_index, document: index };
            rank += 1;
            let found = match value {
                Document::Workload(workload) => {
                    let own = Position::Workload(workload.metadata.name.clone());
                    seats.push(PlacedSeat { at, position: own });
                    workloads.push((rank, place.map(|()| *workload)));
                    continue;
                }
                Document::Foreign => {
                    // It may be part of an estate.
                    has_estate = true;
                    foreign.push((rank, &*file.folder, place, at));
                    continue;
                }
                Document::Estate(estate) => place.map(|()| *estate),
            };
            has_estate = true;
            match &estate {
                None => estate = Some((found, &*file.folder)),
                Some((first, _)) => problems.push(second_estate(first, &found)),
            }
        }
        // One that cannot be read may be one.
        if file.is_estate && !has_estate && !broken.contains_key(&file_index) {
            let problem = Diagnostic::of_file(&file.name, "the file holds no Estate");
            problems.push(problem.with_help("`-e` names the file with `kind: Estate`"));
        }
    }
    if !problems.is_empty() {
        // What else would be passed over may be what was meant.
        let documents: Vec<Foreign> = foreign.iter().map(|(_, _, document, _)| document.clone()).collect();
        return Err(LoadError::from(problems).beside(&translate(&documents, None).assumptions));
    }
    let (classes, hosts) = (Vec::new(), Hosts::new());
    Documents { workloads: Vec::new(), estate, assumptions: passed_over, seats, classes, hosts, broken }
        .with(workloads, &foreign, tolerate)
}

impl<'f> Documents<'f> {
    /// Adds what the foreign documents say; workloads come in document order.
    fn with(
        mut self,
        mut workloads: Vec<(usize, Located<Workload>)>,
        foreign: &[(usize, &'f Path, Foreign, DocumentPlace)],
        tolerate: bool,
    ) -> Result<Self, LoadError> {
        if let Some((_, folder, first, _)) = foreign.first() {
            let documents: Vec<Foreign> =
                foreign.iter().map(|(_, _, document, _)| document.clone()).collect();
            let stated = self.estate.as_ref().map(|(estate, _)| &estate.value.spec);
            let Translation {
                workloads: more,
                estate,
                assumptions,
                problems,
                seats,
                tasks,
                pools,
                classes,
                hosts,
            } = translate(&documents, stated);
            if tolerate {
                self.assumptions.extend(problems.iter().map(tolerated));
            } else {
                ok_if_none(problems).map_err(|error| error.beside(&assumptions))?;
            }
            (self.classes, self.hosts) = (classes, hosts);
            let of_manifests =
                seats.into_iter().map(|seat| (seat.document, Position::Manifest(Box::new(seat))));
            let of_tasks = tasks.into_iter().map(|task| (task.document, Position::Task(Box::new(task))));
            let of_pools = pools.into_iter().map(|pool| (pool.document, Position::Pool(Box::new(pool))));
            self.seats.extend(
                of_manifests
                    .chain(of_tasks)
                    .chain(of_pools)
                    .map(|(document, position)| PlacedSeat { at: foreign[document].3, position }),
            );
            workloads.extend(more.into_iter().map(|(index, workload)| (foreign[index].0, workload)));
            workloads.sort_by_key(|(rank, _)| *rank);
            self.assumptions.extend(assumptions);
            if estate != EstateSpec::default() {
                let none = || (first.with(Estate::named("estate")), *folder);
                let (stated, _) = self.estate.get_or_insert_with(none);
                stated.value.spec.extend(estate);
            }
        }
        self.workloads = workloads.into_iter().map(|(_, workload)| workload).collect();
        Ok(self)
    }
}

/// What is wrong with a document that is passed over.
fn tolerated(problem: &Diagnostic) -> Assumption {
    let line = problem.line().map_or_else(String::new, |line| format!(":{line}"));
    Assumption {
        what: format!("passed over: {}{line}", problem.file),
        value: problem.message.clone(),
        source: "--tolerate".to_owned(),
        as_of: None,
    }
}

fn no_workload(args: &LoadArgs, assumptions: &[Assumption]) -> Diagnostic {
    let names = args.files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    let problem = Diagnostic::of_file(names.join(", "), "there is no Workload to place");
    let passed_over = assumptions.iter().find_map(|note| {
        let object = note.what.strip_prefix("passed over: ")?;
        Some(format!("what is there was passed over; {object}: {}", note.value))
    });
    problem.with_help(
        passed_over.unwrap_or_else(|| "`plimsoll schema workload` says how to state one".to_owned()),
    )
}

fn second_estate(first: &Located<Estate>, second: &Located<Estate>) -> Diagnostic {
    second.problem("kind", format!("a second Estate, `{}`", second.value.metadata.name)).with_help(format!(
        "there is one already: `{}` in {}",
        first.value.metadata.name,
        first.place_of("kind")
    ))
}

#[cfg(test)]
mod tests;
