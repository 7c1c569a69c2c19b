//! What is in a trace, as people read it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use plimsoll_traces::{Listing, jobs::TracedJob};
use serde::Serialize;

use super::{
    format::{decimals, duration_hours, thousands},
    style::{bold, good, warn},
};

/// What a look into a trace finds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Findings {
    jobs: u64,
    /// Seconds from the first arrival to the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    span_s: Option<f64>,
    /// Seconds of the longest time without an arrival.
    #[serde(skip_serializing_if = "Option::is_none")]
    longest_gap_s: Option<f64>,
    /// Mean gaps from the first arrival to the last, where arrivals are counted in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    span_gaps: Option<f64>,
    /// How many types the jobs are of, where they have types.
    #[serde(skip_serializing_if = "Option::is_none")]
    job_types: Option<usize>,
    /// Steps of a job, where its work is in steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Spread>,
    /// Jobs that run for no time at all.
    without_duration: u64,
    duration: Option<Spread>,
    accelerators: Option<Spread>,
    /// Accelerators × hours.
    accelerator_hours: f64,
    /// By count of accelerators, as text: JSON keys are.
    by_accelerators: BTreeMap<u64, u64>,
    left_out: Vec<LeftOut>,
}

/// How values lie, in seconds or counts.
#[derive(Debug, Serialize)]
struct Spread {
    mean: f64,
    median: f64,
    p95: f64,
    most: f64,
}

#[derive(Debug, Serialize)]
struct LeftOut {
    rows: u64,
    reason: String,
    first: Option<u64>,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let at = |part: f64| values[((values.len() - 1) as f64 * part).round() as usize];
        let most = *values.last()?;
        Some(Self {
            mean: values.iter().sum::<f64>() / values.len() as f64,
            median: at(0.5),
            p95: at(0.95),
            most,
        })
    }
}

impl Findings {
    pub(crate) fn of(listing: &Listing<TracedJob>) -> Self {
        let jobs = &listing.rows;
        let seconds = |micros: u64| micros as f64 / 1e6;
        let gap = jobs.windows(2).map(|pair| pair[1].submit - pair[0].submit).max().unwrap_or(0);
        let first = jobs.first().map_or(0, |job| job.submit);
        let last = jobs.last().map_or(0, |job| job.submit);
        let mut by_accelerators: BTreeMap<u64, u64> = BTreeMap::new();
        for job in jobs {
            *by_accelerators.entry(job.gpus).or_default() += 1;
        }
        let held = |job: &TracedJob| {
            let part = if job.gpu_milli == 0 { 1.0 } else { f64::from(job.gpu_milli) / 1000.0 };
            job.gpus as f64 * part
        };
        let hours = |job: &TracedJob| held(job) * seconds(job.duration_us.unwrap_or(0)) / 3600.0;
        let steps = || jobs.iter().filter_map(|job| job.steps.as_ref());
        let in_gaps = jobs.iter().any(|job| job.is_in_gaps);
        let types: BTreeSet<&str> = steps().map(|steps| steps.job_type.as_str()).collect();
        let never_runs = |job: &&TracedJob| match (&job.steps, job.duration_us) {
            (Some(steps), None) => steps.count == 0,
            (_, duration) => duration.unwrap_or(0) == 0,
        };
        Self {
            jobs: jobs.len() as u64,
            span_s: (!in_gaps).then(|| seconds(last - first)),
            longest_gap_s: (!in_gaps).then(|| seconds(gap)),
            span_gaps: in_gaps.then(|| seconds(last - first)),
            job_types: (!types.is_empty()).then_some(types.len()),
            steps: Spread::of(steps().map(|steps| steps.count as f64).collect()),
            without_duration: jobs.iter().filter(never_runs).count() as u64,
            duration: Spread::of(jobs.iter().filter_map(|job| job.duration_us.map(seconds)).collect()),
            accelerators: Spread::of(jobs.iter().map(held).collect()),
            accelerator_hours: jobs.iter().map(hours).sum(),
            by_accelerators,
            left_out: listing
                .dropped
                .iter()
                .map(|dropped| LeftOut {
                    rows: dropped.rows,
                    reason: dropped.reason.clone(),
                    first: dropped.first.row,
                })
                .collect(),
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let mut line = |name: &str, value: String| _ = writeln!(out, "{name:<20}{value}");
        let time = |seconds: f64| duration_hours(seconds / 3600.0);
        line("jobs", thousands(self.jobs.into()));
        if let Some(span) = self.span_s {
            line("arrive over", time(span));
        }
        if let Some(gap) = self.longest_gap_s {
            line("longest gap", time(gap));
        }
        if let Some(gaps) = self.span_gaps {
            line("arrive over", format!("{} mean gaps", decimals(gaps, 1)));
        }
        if let Some(types) = self.job_types {
            line("job types", types.to_string());
        }
        if let Some(Spread { mean, median, p95, most }) = &self.steps {
            let [median, mean, p95, most] =
                [median, mean, p95, most].map(|steps| thousands(steps.round() as u128));
            line("steps", format!("median {median}, mean {mean}, 95% under {p95}, most {most}"));
        }
        if let Some(spread) = &self.duration {
            let Spread { mean, median, p95, most } = spread;
            line(
                "run for",
                format!(
                    "median {}, mean {}, 95% under {}, longest {}",
                    time(*median),
                    time(*mean),
                    time(*p95),
                    time(*most)
                ),
            );
        }
        if let Some(spread) = self.accelerators.as_ref().filter(|spread| spread.most > 0.0) {
            let mean = decimals(spread.mean, 2);
            line("accelerators", format!("mean {mean}, most {}", decimals(spread.most, 2)));
            if self.duration.is_some() {
                line("accelerator-hours", thousands(self.accelerator_hours.round() as u128));
            }
            let counts = self
                .by_accelerators
                .iter()
                .map(|(count, jobs)| format!("{count}: {}", thousands((*jobs).into())));
            line("jobs by count", counts.collect::<Vec<_>>().join(", "));
        }
        if self.without_duration > 0 {
            let count = thousands(self.without_duration.into());
            _ = writeln!(out, "{}", warn(&format!("{count} jobs run for no time at all")));
        }
        for left in &self.left_out {
            let row = left.first.map_or(String::new(), |row| format!(", first in row {row}"));
            let text = format!("{} rows left out: {}{row}", thousands(left.rows.into()), left.reason);
            _ = writeln!(out, "{}", warn(&text));
        }
        if self.left_out.is_empty() && self.without_duration == 0 {
            _ = writeln!(out, "{}", good("nothing is wrong with it"));
        } else {
            _ = writeln!(out, "{}", bold("the rest can be simulated"));
        }
        out
    }
}
