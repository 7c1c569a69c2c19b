//! SkyPilot's YAML: tasks, pipelines, job groups, services and pools, as workloads.
//!
//! A file is one unit: its first document may be a head (`name` alone, or with `execution`), the others
//! are tasks that follow each other (a pipeline) or run side by side (a job group). What SkyPilot
//! refuses is refused here; what it ignores for placement is passed over in silence; what it leaves open
//! and a plan needs (the run time above all) is assumed, stated, and can be given in the task's `envs`
//! (`hints`), the one place of the document that SkyPilot lets users fill freely. Values of `envs` and
//! `secrets` are never shown.

mod accelerators;
mod ask;
mod data;
mod fields;
mod file;
mod hints;
mod place;
mod quantity;
mod seat;
mod service;
mod task;
mod ways;
mod workload;

use plimsoll_model::{
    Diagnostic,
    estate::EstateSpec,
    plan::Assumption,
    read::{Located, View},
};

pub use seat::TaskSeat;

use crate::{Documents, Translation};

/// Translates the tasks, in order.
pub(crate) fn translate(documents: &Documents<'_>, estate: Option<&EstateSpec>) -> Translation {
    let mut translation = Translation::default();
    for file in file::files(documents) {
        let mut findings = Findings::default();
        let tasks = file.tasks(&mut findings);
        let (workloads, seats) = workload::workloads(&file, &tasks, estate, &mut findings);
        findings.problems.sort_by_key(|problem| problem.span);
        for (_, document) in &file.documents {
            fields::hide_secrets(document, &mut findings.problems);
        }
        if findings.problems.is_empty() {
            let located = workloads.into_iter().map(|(index, document, workload)| {
                let located: Located<_> = document.with(workload);
                (index, located)
            });
            translation.workloads.extend(located);
            translation.tasks.extend(seats);
        }
        translation.assumptions.extend(findings.assumptions);
        translation.problems.extend(findings.problems);
    }
    translation
}

/// What is found while a file is read.
#[derive(Debug, Default)]
struct Findings {
    problems: Vec<Diagnostic>,
    assumptions: Vec<Assumption>,
}

impl Findings {
    fn wrong(&mut self, at: &View<'_>, message: impl Into<String>) {
        self.problems.push(at.problem(format!("`{}`: {}", at.path(), message.into())));
    }

    fn wrong_help(&mut self, at: &View<'_>, message: impl Into<String>, help: impl Into<String>) {
        self.wrong(at, message);
        if let Some(problem) = self.problems.pop() {
            self.problems.push(problem.with_help(help));
        }
    }

    fn assume(&mut self, what: String, value: impl Into<String>, source: impl Into<String>) {
        let assumption = Assumption { what, value: value.into(), source: source.into(), as_of: None };
        // The two workloads of a service have much in common.
        if !self.assumptions.contains(&assumption) {
            self.assumptions.push(assumption);
        }
    }
}
