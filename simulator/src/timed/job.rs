//! What arrives over time.

use std::sync::Arc;

use plimsoll_packing::fleet::{Ask, Model, Request};
use plimsoll_traces::jobs::TracedJob;

use super::generate::Generator;

/// A job: a request of one machine, or of several where its devices need them, for a length of work.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Unique in the trace.
    pub name: Box<str>,
    /// When it comes, in microseconds from time 0.
    pub arrive: u64,
    /// How long it runs undisturbed, in microseconds; on the fastest kind that it may run on where kinds differ.
    pub work: u64,
    /// How long it would run on each kind, in microseconds; nothing where all are as fast.
    pub times: Option<Arc<[(Model, u64)]>>,
    /// Its steps, where the trace counts in them.
    pub steps: Option<u64>,
    /// The work as the trace states it, before it is brought on a grid of times.
    pub stated: u64,
    /// What it holds while it runs. `Ask::Whole` may be more than a machine has: then it is a gang.
    pub ask: Request,
    /// When it must be done, in microseconds from time 0.
    pub deadline: Option<u64>,
    /// When it may start.
    pub earliest: Option<u64>,
    /// Whether it may be stopped.
    pub interruptible: bool,
    /// Larger first.
    pub priority: i64,
}

/// What jobs get that their trace does not say, and the grid that their times lie on.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// Microseconds of the grid that times are rounded down to; 0: none.
    pub tick: u64,
    /// Whether all come at time 0.
    pub at_once: bool,
    /// The latest finish, in microseconds from the arrival.
    pub deadline: Option<u64>,
    /// The same as a multiple of the work.
    pub deadline_factor: Option<f64>,
    /// Whether they may be stopped.
    pub interruptible: bool,
    /// Larger first.
    pub priority: i64,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            tick: 0,
            at_once: false,
            deadline: None,
            deadline_factor: None,
            interruptible: true,
            priority: 0,
        }
    }
}

impl Terms {
    /// A time on the grid.
    pub fn on_grid(&self, time: u64) -> u64 {
        if self.tick > 0 { time - time % self.tick } else { time }
    }

    /// When a job comes that the trace has at a time.
    pub fn arrival(&self, time: u64) -> u64 {
        if self.at_once { 0 } else { self.on_grid(time) }
    }

    /// When a job is due for which the trace says nothing.
    pub fn due(&self, arrive: u64, work: u64) -> Option<u64> {
        let by_factor = || self.deadline_factor.map(|factor| (work as f64 * factor) as u64);
        self.deadline.or_else(by_factor).map(|after| arrive.saturating_add(after))
    }
}

impl Job {
    /// How long it runs undisturbed on a kind, in microseconds; nothing where it cannot.
    pub fn time_on(&self, model: Model) -> Option<u64> {
        match &self.times {
            Some(times) => times.iter().find(|(known, _)| *known == model).map(|(_, time)| *time),
            None => (self.ask.models.is_empty() || self.ask.models.contains(&model)).then_some(self.work),
        }
    }

    /// Whole devices, those that a share or a slice lies on included.
    pub fn devices(&self) -> u64 {
        match self.ask.devices {
            Ask::None => 0,
            Ask::Share(_) | Ask::Slice(_) => 1,
            Ask::Whole(count) => u64::from(count),
        }
    }
}

impl Job {
    /// The same as a trace states it.
    pub fn to_traced(&self) -> TracedJob {
        let (gpus, gpu_milli) = match self.ask.devices {
            Ask::None => (0, 0),
            Ask::Share(milli) => (1, milli),
            Ask::Slice(slice) => (1, u16::from(slice.length) * 125),
            Ask::Whole(count) => (u64::from(count), 0),
        };
        TracedJob {
            name: self.name.to_string(),
            submit: self.arrive,
            duration_us: Some(self.stated),
            gpus,
            gpu_milli,
            cpu_milli: self.ask.cpu_milli,
            memory_mib: self.ask.memory_mib,
            deadline: self.deadline,
            earliest: self.earliest,
            interruptible: Some(self.interruptible),
            priority: (self.priority != 0).then_some(self.priority),
            ..TracedJob::default()
        }
    }
}

/// Jobs in order of arrival.
#[derive(Debug, Clone)]
pub enum Trace {
    /// Read from a file; all runs share it.
    List(Arc<Vec<Job>>),
    /// Made as they come, from the run's seed.
    Generated(Generator),
}

impl Trace {
    /// The jobs of a run.
    pub fn jobs(&self, seed: u64) -> Box<dyn Iterator<Item = Job> + '_> {
        match self {
            Self::List(jobs) => Box::new(jobs.iter().cloned()),
            Self::Generated(generator) => Box::new(generator.jobs(seed)),
        }
    }
}
