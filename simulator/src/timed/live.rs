//! A job in flight: what it has done, and where it runs.

use super::{cluster::Part, job::Job, market::Rent};

/// A job in flight.
#[derive(Debug, Clone)]
pub struct Live {
    /// What arrived.
    pub job: Job,
    /// Its place in the order of arrivals, from 0.
    pub order: u64,
    /// Microseconds of its work that are done and safe.
    pub done: u64,
    /// Microseconds that it has run, in vain or not, before it was last started.
    pub ran: u64,
    /// When it first started.
    pub first_start: Option<u64>,
    /// When it came, and the crowd before it: see [`super::fairness`].
    pub(super) came: (u64, u128),
    /// When it was last stopped.
    pub(super) stopped: u64,
    /// Microseconds between being stopped and started again.
    pub(super) paused: u64,
    /// Where it runs.
    pub running: Option<Running>,
    /// How often it was started.
    pub(super) starts: u32,
}

/// A job that runs.
#[derive(Debug, Clone)]
pub struct Running {
    /// Since when.
    pub since: u64,
    /// Its number among all starts: on a faster kind a job may be gone, and its place another's, before it would have
    /// been done where it was stopped.
    pub(super) start: u64,
    /// Microseconds at the beginning in which nothing gets done.
    pub(super) overhead: u64,
    /// How long all of the job takes here, in microseconds, beside its work.
    pub(super) time: u64,
    /// What it holds of machines of one's own.
    pub(super) parts: Vec<Part>,
    /// What it rents.
    pub(super) rents: Vec<Rent>,
}

impl Running {
    /// Microseconds of a job's work that are done since it was started.
    pub(super) fn worked(&self, work: u64, now: u64) -> u64 {
        scaled(now.saturating_sub(self.since + self.overhead), work, self.time)
    }

    /// How long so much of a job's work takes here, in microseconds.
    pub(super) fn takes(&self, left: u64, work: u64) -> u64 {
        let (left, work) = (u128::from(left), u128::from(work.max(1)));
        if u128::from(self.time) == work {
            left as u64
        } else {
            (left * u128::from(self.time)).div_ceil(work) as u64
        }
    }
}

/// A part of an amount, rounded down.
fn scaled(amount: u64, by: u64, of: u64) -> u64 {
    if by == of { amount } else { (u128::from(amount) * u128::from(by) / u128::from(of.max(1))) as u64 }
}

impl Live {
    /// Microseconds of work that are left at a time.
    pub fn remaining(&self, now: u64) -> u64 {
        let done = self.running.as_ref().map_or(0, |running| running.worked(self.job.work, now));
        self.job.work.saturating_sub(self.done + done)
    }

    /// Whether it may not start yet.
    pub fn is_early(&self, now: u64) -> bool {
        self.job.earliest.is_some_and(|earliest| earliest > now)
    }

    /// Whether it runs and nothing of it is left: it leaves by itself at this very moment.
    pub fn is_done(&self, now: u64) -> bool {
        self.running.is_some() && self.remaining(now) == 0
    }

    /// Microseconds that it has run until a time.
    pub fn attained(&self, now: u64) -> u64 {
        self.ran + self.running.as_ref().map_or(0, |running| now - running.since)
    }
}

/// Why a job is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// For another job.
    Preempt,
    /// The provider took the capacity back.
    Interrupt,
    /// To go on at a better time.
    Suspend,
    /// To go on elsewhere at once.
    Move,
}

impl Reason {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Preempt => "preempt",
            Self::Interrupt => "interrupt",
            Self::Suspend => "suspend",
            Self::Move => "move",
        }
    }
}
