//! What goes in beside the problem, and what comes out.

use crate::{column::Column, linear::TimeLeft};

/// How hard to try, and when to stop.
#[derive(Debug, Clone, Copy)]
pub struct Params {
    /// Seed of every random choice.
    pub seed: u64,
    /// The relative gap at which the search may stop.
    pub gap: f64,
    /// Work units: nodes of branch and bound, moves of the search.
    pub effort: u64,
    /// Whether HiGHS may be used.
    pub highs: bool,
    /// The seconds of wall time left, asked throughout; `None` without limit. Who interrupts the search
    /// lets it answer 0.
    pub time_left: Option<TimeLeft>,
}

/// How many moves a search may make, with which randomness, and when it has no more time for them.
#[derive(Debug, Clone, Copy)]
pub struct Moves {
    /// How many.
    pub count: u64,
    /// Seed of its choices.
    pub seed: u64,
    /// As in [`Params`].
    pub time_left: Option<TimeLeft>,
}

impl Moves {
    /// Moves looked at between looks at the clock.
    const PATIENCE: u64 = 64;

    /// Whether the time is over at this move.
    pub fn is_over(&self, at: u64) -> bool {
        at.is_multiple_of(Self::PATIENCE) && self.time_left.is_some_and(|left| left() <= 0.0)
    }
}

impl Params {
    /// So many moves under these limits.
    pub const fn moves(&self, count: u64) -> Moves {
        Moves { count, seed: self.seed, time_left: self.time_left }
    }

    /// Whether the time is over.
    pub fn is_over(&self) -> bool {
        self.time_left.is_some_and(|left| left() <= 0.0)
    }
}

/// The effort of a plan when none is asked for.
pub const DEFAULT_EFFORT: u64 = 20_000;

impl Default for Params {
    fn default() -> Self {
        Self { seed: 0, gap: 0.0, effort: DEFAULT_EFFORT, highs: true, time_left: None }
    }
}

/// The best plan found, and what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// By task: where and when; `None` is left out.
    pub columns: Vec<Option<Column>>,
    /// Dollars, values forgone included.
    pub total: f64,
    /// No plan that places all required tasks costs less; `None` when one is left out.
    pub bound: Option<f64>,
    /// Whether every required task is placed.
    pub complete: bool,
    /// What one more unit of a limit would save.
    pub prices: Vec<Price>,
    /// What was done, in order.
    pub phases: Vec<Phase>,
    /// Work units spent.
    pub effort: u64,
    /// Whether the time was over before the search was: another run may find another plan.
    pub cut_short: bool,
}

/// A limit that has a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priced {
    /// The instances of an offer.
    Count(u32),
    /// A quota.
    Quota(u32),
    /// A budget.
    Budget(u32),
    /// A carbon budget.
    Carbon(u32),
}

/// What one more unit of a limit would save.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// The limit.
    pub limit: Priced,
    /// Dollars a unit in the linear relaxation, at least 0.
    pub usd: f64,
    /// What one unit more would save there.
    pub low: f64,
    /// What one unit less would cost there.
    pub high: f64,
}

/// One phase of the solver.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Its name.
    pub name: &'static str,
    /// The best total after it.
    pub total: Option<f64>,
    /// The best bound after it.
    pub bound: Option<f64>,
    /// What it counted.
    pub counts: Vec<(&'static str, u64)>,
}
