//! Jobs with times: what came when, how long it ran, what it asked for.
//!
//! One record serves every format; what a format does not say is absent, never made up. Rows must be in order of
//! arrival, as replays need them and as every public list is.

mod formats;
mod steps;
mod swf;
#[cfg(test)]
mod tests;

use crate::{
    Fault, Listing, Tolerance, TraceError, openb,
    table::{self, Row, wrong},
};

pub(crate) use formats::MOST_GPUS;
pub use formats::{JobFormat, native_csv};
pub use swf::swf;

/// A job of a trace.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TracedJob {
    /// Its name in the trace, else `job-N` for the N-th row after the header, from 0.
    pub name: String,
    /// When it came: microseconds, or for traces whose arrivals are in mean gaps millionths of one.
    pub submit: u64,
    /// Whether `submit` is in mean gaps rather than in microseconds.
    pub is_in_gaps: bool,
    /// How long it ran, in microseconds; nothing where steps say it.
    pub duration_us: Option<u64>,
    /// What it does, where how fast that goes depends on the kind of accelerator.
    pub steps: Option<Steps>,
    /// Whole accelerators.
    pub gpus: u64,
    /// Of one accelerator only so many thousandths; 0 or 1,000 for all of it.
    pub gpu_milli: u16,
    /// The kinds of accelerator that will do; empty for any.
    pub accelerators: Vec<String>,
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// MiB.
    pub memory_mib: u64,
    /// When it must be done, on the clock of `submit`.
    pub deadline: Option<u64>,
    /// When it may start, on the same clock.
    pub earliest: Option<u64>,
    /// Whether it may be stopped.
    pub interruptible: Option<bool>,
    /// Larger first.
    pub priority: Option<i64>,
    /// Whose it is.
    pub team: Option<String>,
    /// The cluster or queue that it belongs to.
    pub partition: Option<String>,
    /// Its line in the file, from 1; 0 for what was made up.
    pub row: u64,
}

/// Work in steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    /// The type of job, as tables of throughput have it.
    pub job_type: String,
    /// How many there are to do.
    pub count: u64,
}

/// Seconds beyond which a time is no time: 2,000 years.
pub(crate) const MOST_SECONDS: f64 = 6.4e10;

/// Reads jobs; `file` is what errors call it.
///
/// # Errors
/// A file that is no such list, and with [`Tolerance::Strict`] a row that cannot be read or that came before the one
/// above it.
pub fn jobs(
    file: &str,
    bytes: &[u8],
    format: JobFormat,
    tolerance: Tolerance,
) -> Result<Listing<TracedJob>, TraceError> {
    let mut latest = 0;
    table::read_by(
        file,
        bytes,
        |header| format.columns(header),
        tolerance,
        |job: &TracedJob| &job.name,
        |row, columns| {
            let job = TracedJob { row: row.line(), ..columns.job(row)? };
            in_order(job, &mut latest)
        },
    )
}

/// A job that came no earlier than those above it.
fn in_order(job: TracedJob, latest: &mut u64) -> Result<TracedJob, Fault> {
    if job.submit < *latest {
        let early = (*latest - job.submit) as f64 / 1e6;
        let what = format!("times run backwards: it came {early} s before the row above");
        return Err(Fault::Contradiction { reason: "times run backwards", what });
    }
    *latest = job.submit;
    Ok(job)
}

/// openb's pods as jobs in order of arrival, and how many were never placed and so left out: how long they would run is
/// not known. Nothing for a list without times.
pub fn of_openb(pods: Vec<openb::Pod>) -> Option<(Vec<TracedJob>, u64)> {
    let mut never = 0;
    let mut rows = Vec::with_capacity(pods.len());
    for pod in pods {
        let times = pod.times?;
        let Some(scheduled) = times.scheduled else {
            never += 1;
            continue;
        };
        rows.push(TracedJob {
            name: pod.name,
            submit: times.created * 1_000_000,
            duration_us: Some(times.deleted.saturating_sub(scheduled) * 1_000_000),
            gpus: pod.gpus.into(),
            gpu_milli: pod.gpu_milli as u16,
            accelerators: pod.models,
            cpu_milli: pod.cpu_milli,
            memory_mib: pod.memory_mib,
            row: pod.row,
            ..TracedJob::default()
        });
    }
    rows.sort_by_key(|row| row.submit);
    Some((rows, never))
}

/// A time in so many microseconds a unit.
fn time(row: &Row<'_>, index: usize, column: &'static str, unit_us: f64) -> Result<u64, Fault> {
    let cell = row.cell(index);
    match cell.parse::<f64>() {
        Ok(value) if value >= 0.0 && value * unit_us / 1e6 <= MOST_SECONDS => {
            Ok((value * unit_us).round() as u64)
        }
        _ => Err(wrong(column, cell, "a number of 0 or more is expected")),
    }
}
