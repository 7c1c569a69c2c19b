//! Job lists that state work in training steps, as Gavel and its successors write them.
//!
//! Gavel (Narayanan et al., OSDI 2020) and Shockwave (Zheng et al., NSDI 2023) name for each job its type, on how many
//! accelerators it runs, and its steps; how fast a step is on which accelerator is in a table beside them
//! ([`crate::throughputs`]). Columns may come in any order.

use crate::{
    Fault,
    jobs::{MOST_GPUS, Steps, TracedJob, time},
    table::{Row, wrong},
};

/// The columns of both formats.
const NAMES: [&str; 11] = [
    "job_type",
    "scale_factor",
    "total_steps",
    "arrival_s",
    "arrival_unit",
    "duration_v100_s",
    "duration_s",
    "priority",
    "job",
    "mode",
    "slo",
];

/// Where each of [`NAMES`] is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places([Option<usize>; NAMES.len()]);

const SECOND: f64 = 1e6;
const MOST_STEPS: u64 = 1_000_000_000_000;

pub(super) fn columns(header: &[&str]) -> Result<Places, Fault> {
    let refuse = |expected: &str| {
        Err(Fault::Columns {
            found: header.join(","),
            expected: format!(
                "job_type, scale_factor, total_steps, arrival_s or arrival_unit, and any of duration_v100_s, duration_s, priority, job, mode, slo ({expected})"
            ),
        })
    };
    if let Some(unknown) = header.iter().find(|name| !NAMES.contains(name)) {
        return refuse(&format!("`{unknown}` is not known"));
    }
    if let Some(twice) = (1..header.len()).find(|at| header[..*at].contains(&header[*at])) {
        return refuse(&format!("`{}` is there twice", header[twice]));
    }
    let found = NAMES.map(|name| header.iter().position(|known| *known == name));
    if let Some((missing, _)) = NAMES[..3].iter().zip(found).find(|(_, at)| at.is_none()) {
        return refuse(&format!("`{missing}` is missing"));
    }
    match (found[3], found[4]) {
        (None, None) => refuse("there is no time of arrival"),
        (Some(_), Some(_)) => refuse("two times of arrival cannot both hold"),
        _ => Ok(Places(found)),
    }
}

impl Places {
    pub(super) fn job(&self, row: &Row<'_>) -> Result<TracedJob, Fault> {
        // The first three are there, or the header would have been refused.
        let needed = |column: usize| self.0[column].unwrap_or(0);
        let cell = |column: usize| self.0[column].filter(|index| !row.cell(*index).is_empty());
        let gpus = row.number(needed(1), "scale_factor", MOST_GPUS)?;
        if gpus == 0 {
            return Err(wrong("scale_factor", "0", "at least 1 accelerator is expected"));
        }
        let (at, column, in_gaps) = match self.0[3] {
            Some(at) => (at, "arrival_s", false),
            None => (needed(4), "arrival_unit", true),
        };
        let duration = |column: usize, name| cell(column).map(|at| time(row, at, name, SECOND)).transpose();
        Ok(TracedJob {
            name: match cell(8) {
                Some(at) => format!("job-{}", row.cell(at)),
                None => row.ordinal(),
            },
            submit: time(row, at, column, SECOND)?,
            duration_us: duration(5, "duration_v100_s")?.or(duration(6, "duration_s")?),
            gpus,
            steps: Some(Steps {
                job_type: row.name(needed(0), "job_type")?.to_owned(),
                count: row.number(needed(2), "total_steps", MOST_STEPS)?,
            }),
            is_in_gaps: in_gaps,
            priority: cell(7).map(|at| priority(row.cell(at))).transpose()?,
            ..TracedJob::default()
        })
    }
}

/// A weight: lists write whole ones as `5.0`.
fn priority(cell: &str) -> Result<i64, Fault> {
    match cell.parse::<f64>() {
        Ok(weight) if weight.fract() == 0.0 && (1.0..=1e6).contains(&weight) => Ok(weight as i64),
        _ => Err(wrong("priority", cell, "a whole number from 1 to 1000000 is expected")),
    }
}
