//! What a scenario says of a policy of shares.

use plimsoll_model::scenario::PolicySpec;
use plimsoll_packing::fleet::{Ask, Model, Request};

use crate::{
    experiment::{Context, Problems},
    timed::{job::Trace, prepare::Machines},
};

/// The rules by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Division {
    /// The job that gets least gets as much as can be.
    MaxMin,
    /// All that are there are done as early as can be.
    Makespan,
    /// Nobody takes much longer than alone.
    FinishTimeFairness,
    /// By arrival.
    Fifo,
    /// The most steps of all together.
    MaxThroughput,
    /// The least sum of completion times.
    Allox,
}

/// How shares are divided and granted.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The rule.
    pub division: Division,
    /// Whether it knows that jobs are faster on some kinds than on others.
    pub aware: bool,
    /// Microseconds between two divisions, at least.
    pub every: u64,
    /// The kinds, the fastest first.
    pub kinds: Vec<Model>,
}

/// Gavel's least time between two divisions.
const EVERY: u64 = 1_920_000_000;

/// Reads and checks what a policy says.
pub(in crate::timed::policies) fn terms(
    context: &Context<'_>,
    spec: &PolicySpec,
    field: &str,
    division: Division,
    machines: &Machines,
    trace: &Trace,
) -> Result<Terms, Problems> {
    let scenario = &context.point.scenario.value;
    let micros = |duration: plimsoll_model::Duration| (duration.nanos() / 1000) as u64;
    let refuse = |message: String, help: &str| context.refuse(field, message, help);
    let name = spec.title();
    if scenario.engine.rounds.is_none_or(|rounds| micros(rounds) == 0) {
        let help = "engine.rounds = \"360s\" is how long a job has what it is given";
        return refuse(format!("`{name}` needs `engine.rounds`"), help);
    }
    if machines.models.is_empty() {
        let message = format!("`{name}` shares accelerators, and there are none");
        return refuse(message, "name machines that have some");
    }
    if !machines.partitions.is_empty() {
        let help = "cluster.partitions = \"ignore\" makes one of all";
        return refuse(format!("`{name}` does not know partitions"), help);
    }
    let is_whole = |ask: &Request| matches!(ask.devices, Ask::Whole(_));
    let are_whole = match trace {
        Trace::List(jobs) => jobs.iter().all(|job| is_whole(&job.ask)),
        Trace::Generated(made) => made.requests().iter().all(is_whole),
    };
    if !are_whole {
        let message =
            format!("`{name}` divides whole accelerators, and some jobs ask for none or for parts of one");
        return refuse(message, "it is for lists of training jobs, as those of format gavel");
    }
    if let (Division::Allox, Trace::List(jobs)) = (division, trace)
        && let Some(job) = jobs.iter().find(|job| job.devices() > 1)
    {
        let message = format!("`{name}` is for jobs of one accelerator, and `{}` asks for more", job.name);
        return refuse(message, "the other rules know gangs");
    }
    Ok(Terms {
        division,
        aware: spec.heterogeneity.unwrap_or(true),
        every: spec.every.map_or(EVERY, micros),
        kinds: fastest_first(machines, trace),
    })
}

/// The kinds of accelerators, by their speed on the mean over the jobs.
fn fastest_first(machines: &Machines, trace: &Trace) -> Vec<Model> {
    let mut sums = vec![0.0; machines.models.len()];
    if let Trace::List(jobs) = trace {
        for job in jobs.iter() {
            for (model, time) in job.times.iter().flat_map(|times| times.iter()) {
                sums[usize::from(model.0)] += job.work as f64 / (*time).max(1) as f64;
            }
        }
    }
    let mut kinds: Vec<u16> = (0..sums.len() as u16).collect();
    kinds.sort_by(|one, other| sums[usize::from(*other)].total_cmp(&sums[usize::from(*one)]));
    kinds.into_iter().map(Model).collect()
}
