//! The documents of a file: a head and tasks.

use std::collections::BTreeMap;

use plimsoll_model::read::View;

use super::{
    Findings, fields,
    task::{self, Task},
};
use crate::{Documents, Foreign};

/// Fields of a head.
const HEAD: [&str; 5] = ["name", "execution", "primary_tasks", "termination_delay", "inter_connection"];

/// The documents of one file.
#[derive(Debug)]
pub(super) struct File<'a> {
    /// The tasks' documents, each with its index among those given.
    pub(super) documents: Vec<(usize, &'a Foreign)>,
    head: Option<&'a Foreign>,
    /// The name of what the tasks make up.
    pub(super) name: String,
    /// Whether the tasks run side by side.
    pub(super) parallel: bool,
    /// The job group that keeps them in one region.
    pub(super) group: Option<String>,
}

/// The files, in order.
pub(super) fn files<'a>(documents: &Documents<'a>) -> Vec<File<'a>> {
    let mut groups: Vec<Vec<(usize, &'a Foreign)>> = Vec::new();
    for &(index, document) in documents {
        let follows = |last: &(usize, &Foreign)| {
            // A file that is named twice begins anew.
            last.1.file() == document.file() && line(last.1) < line(document)
        };
        match groups.last_mut() {
            Some(group) if group.last().is_some_and(follows) => group.push((index, document)),
            _ => groups.push(vec![(index, document)]),
        }
    }
    let mut files: Vec<File<'_>> = groups.into_iter().map(File::of).collect();
    // Each file is launched by itself: a job group of the same name elsewhere is another one.
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for file in &mut files {
        let Some(group) = &mut file.group else { continue };
        let count = seen.entry(group.clone()).or_default();
        *count += 1;
        if *count > 1 {
            *group = format!("{group} ({})", *count);
        }
    }
    files
}

fn line(document: &Foreign) -> u32 {
    document.position_of("").line
}

impl<'a> File<'a> {
    fn of(mut documents: Vec<(usize, &'a Foreign)>) -> Self {
        let first = documents[0].1;
        let head = is_head(first).then(|| documents.remove(0).1);
        let stated = head.or((documents.len() == 1).then_some(first)).and_then(|document| {
            document.root().field("name").and_then(|name| name.text().map(str::to_owned))
        });
        let execution = head.and_then(|head| head.text("execution"));
        let parallel = execution == Some("parallel");
        let apart = head
            .and_then(|head| head.root().field("inter_connection"))
            .is_some_and(|field| field.boolean() == Some(false));
        let name = stated.unwrap_or_else(|| stem(first.file()));
        let is_group = parallel && !apart && documents.len() > 1;
        Self { group: is_group.then(|| name.clone()), documents, head, name, parallel }
    }

    /// Reads the tasks.
    pub(super) fn tasks(&self, findings: &mut Findings) -> Vec<Task<'a>> {
        if let Some(head) = self.head {
            self.check_head(&head.root(), findings);
        }
        let named = |(_, document): &(usize, &'a Foreign)| task::read(&document.root(), findings);
        let mut tasks: Vec<Task<'a>> = self.documents.iter().map(named).collect();
        let several = tasks.len() > 1 || self.head.is_some() && self.parallel;
        for (index, task) in tasks.iter_mut().enumerate() {
            if self.parallel && task.name.is_none() {
                let root = self.documents[index].1.root();
                findings.problems.push(
                    root.problem("a task of a job group needs a `name`")
                        .with_help("add `name: …`, another for each task"),
                );
            }
            if task.name.is_none() {
                task.name = Some(if several { format!("{}-{index}", self.name) } else { self.name.clone() });
            }
        }
        tasks
    }

    fn check_head(&self, head: &View<'_>, findings: &mut Findings) {
        // What a job group's head has besides is ignored by SkyPilot too.
        if !self.parallel {
            fields::refuse_unknown(head, &HEAD, findings);
        }
        if let Some(execution) = head.field("execution") {
            match execution.text() {
                Some("parallel" | "serial") => {}
                _ => findings.wrong(&execution, "expected `serial` (a pipeline) or `parallel` (a job group)"),
            }
        }
        if self.documents.is_empty() {
            let what = if self.parallel { "the job group" } else { "the pipeline" };
            let problem = head.problem(format!("{what} `{}` has no task", self.name));
            findings
                .problems
                .push(problem.with_help("its tasks follow in the same file, each after a line `---`"));
        }
        if let Some(field) = head.field("inter_connection").filter(|field| field.boolean().is_none()) {
            findings.wrong(&field, "expected `true` or `false`");
        }
    }
}

fn is_head(document: &Foreign) -> bool {
    let fields = document.fields();
    let known = fields.iter().all(|field| HEAD.contains(field));
    document.has("execution") || (known && document.has("name"))
}

/// A file's name without folders and extension.
fn stem(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    if stem.is_empty() || stem.starts_with('<') { "task".to_owned() } else { stem.to_owned() }
}
