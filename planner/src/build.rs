//! The problem in numbers: every eligible choice of every workload, thinned to those that matter.
//!
//! A choice is dropped when two others of the same signature (the same couplings to anything shared)
//! are at least as good in every respect that can matter; with one such it stays as a spare, so that
//! the runner-up of a placement is always among the choices.

mod carbon;
pub(crate) mod choices;
mod extra;
mod limits;
mod network;
mod outlooks;
mod profile;
mod rules;
mod tasks;
mod thin;

pub use limits::Named;
pub use network::{between, cheapest_copy, transfer};
pub use outlooks::mean;
pub use rules::{Quota, Rules};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ndarray::Array2;
use plimsoll_model::{Duration, Time, read::Located, workload::Together};
use plimsoll_solver::{Problem, problem::Series};

use crate::{
    error::PlanError,
    flags::Settings,
    prospect::Prospect,
    terms::Terms,
    world::{Assumptions, Intensity, LocationIx, OfferIx, Outlook, World},
};

/// The problem with what its indices mean.
#[derive(Debug)]
pub struct Build<'w> {
    /// The numbers.
    pub problem: Problem,
    /// The workloads, by task.
    pub prospects: Vec<Prospect<'w>>,
    /// By problem offer: the world's.
    pub offers: Vec<OfferIx>,
    /// By task and choice: the exact terms; equal tasks hold theirs together.
    pub terms: Vec<Arc<Vec<Terms>>>,
    /// By budget.
    pub budgets: Vec<Named>,
    /// By carbon budget.
    pub carbon_budgets: Vec<Named>,
    /// By bond: the group that is kept together.
    pub groups_together: Vec<&'w Together>,
    /// By series, for exact integrals.
    pub intensities: Vec<Intensity>,
    world: &'w World<'w>,
    settings: &'w Settings,
    rules: &'w Rules,
    outlooks: &'w [Outlook<'w>],
    /// By scenario: the problem's series there.
    series_in: Vec<Vec<Series>>,
    by_offer: BTreeMap<OfferIx, u32>,
    series_at: BTreeMap<LocationIx, Option<u32>>,
    until: Time,
    /// Figures that nothing states, each with the first workload that needs it.
    missing: BTreeMap<String, String>,
    /// What would cost more than a plan can state.
    beyond: Option<PlanError>,
    /// The last figure that a price needed in vain.
    lacking: String,
    reserved: BTreeSet<OfferIx>,
    shared_data: Vec<bool>,
    /// By dataset, level of size and place: how long the cheapest copy takes to get there.
    arrivals: Vec<Array2<Option<Duration>>>,
    has_consumer: Vec<bool>,
    /// Whether it hands data to another.
    hands_over: Vec<bool>,
    money_counts: Vec<bool>,
    time_matters: bool,
}

impl<'w> Build<'w> {
    /// States the problem.
    ///
    /// # Errors
    /// When a price needs a figure that nothing states.
    pub fn new(world: &'w World<'w>, settings: &'w Settings, rules: &'w Rules) -> Result<Self, PlanError> {
        Self::for_outlooks(world, settings, rules, &[])
    }

    /// States a problem that keeps every choice that may be the best at some mean of scenarios.
    ///
    /// # Errors
    /// When a price needs a figure that nothing states.
    pub fn for_outlooks(
        world: &'w World<'w>,
        settings: &'w Settings,
        rules: &'w Rules,
        outlooks: &'w [Outlook<'w>],
    ) -> Result<Self, PlanError> {
        let inputs = world.inputs;
        let mut this = Self {
            problem: Problem {
                now: settings.now.nanos(),
                usd_per_kg: settings.carbon_price.to_f64() / 1000.0,
                usd_per_delay_hour: settings.delay_price.to_f64(),
                ..Problem::default()
            },
            prospects: Vec::new(),
            offers: Vec::new(),
            terms: Vec::new(),
            budgets: Vec::new(),
            carbon_budgets: Vec::new(),
            groups_together: Vec::new(),
            intensities: Vec::new(),
            world,
            settings,
            rules,
            outlooks,
            series_in: vec![Vec::new(); outlooks.len()],
            by_offer: BTreeMap::new(),
            series_at: BTreeMap::new(),
            until: latest(world, settings),
            missing: BTreeMap::new(),
            beyond: None,
            lacking: String::new(),
            reserved: inputs.estate.reservations.iter().filter_map(|r| world.named(&r.offer)).collect(),
            shared_data: vec![false; inputs.estate.datasets.len()],
            arrivals: Vec::new(),
            has_consumer: vec![false; inputs.workloads.len()],
            hands_over: vec![false; inputs.workloads.len()],
            money_counts: Vec::new(),
            time_matters: false,
        };
        this.time_matters = this.time_can_matter();
        this.problem.quotas = rules.quotas.iter().map(|q| q.limit).collect();
        this.problem.quota_units = rules.quotas.iter().map(|q| q.unit).collect();
        this.limits();
        this.relations();
        for index in 0..inputs.workloads.len() {
            let prospect = Prospect::new(index, world, settings, rules, &mut Assumptions::ignored());
            this.prospects.push(prospect);
        }
        this.slots()?;
        this.network();
        this.tasks();
        this.egress_of_edges();
        this.reservations();
        if let Some(beyond) = this.beyond.take() {
            Err(beyond)
        } else if this.missing.is_empty() {
            Ok(this)
        } else {
            Err(PlanError::Missing {
                figures: this.missing.into_iter().map(|(figure, by)| figure + &by).collect(),
            })
        }
    }

    /// Whether several workloads read a dataset.
    pub fn is_shared(&self, dataset: u32) -> bool {
        self.shared_data[dataset as usize]
    }

    /// The problem's index of an offer that is in it.
    pub fn known_offer(&self, ix: OfferIx) -> Option<u32> {
        self.by_offer.get(&ix).copied()
    }

    /// The world the problem was made from.
    pub const fn world(&self) -> &'w World<'w> {
        self.world
    }

    /// The settings the problem was made with.
    pub const fn settings(&self) -> &'w Settings {
        self.settings
    }

    /// The estate's rules.
    pub const fn rules(&self) -> &'w Rules {
        self.rules
    }
}

/// A moment after which nothing of the plan runs: all work one after the other from the latest start.
fn latest(world: &World<'_>, settings: &Settings) -> Time {
    const DAY: i64 = 86_400_000_000_000;
    let now = settings.now.nanos();
    let mut last = now;
    let mut work: i64 = 60 * DAY;
    for workload in &world.inputs.workloads {
        let spec = &workload.spec;
        let slowest = spec.speed.iter().flatten().map(|s| s.1.pico()).min();
        let run = spec
            .duration
            .map_or(Some(settings.horizon), |d| d.divided_by_pico(slowest.unwrap_or(1_000_000_000_000)));
        work = work.saturating_add(run.unwrap_or(settings.horizon).nanos());
        for when in [spec.earliest, spec.deadline].into_iter().flatten() {
            last = last.max(when.resolve(settings.now).nanos());
        }
    }
    Time::from_nanos(last.saturating_add(work).min(now.saturating_add(20 * 366 * DAY)))
}

/// Refuses what costs more than a plan can state.
pub(crate) fn beyond(place: Option<&Located<()>>, what: &str) -> PlanError {
    PlanError::at(
        place,
        "spec",
        format!("{what} would cost $10^12 or more, which no plan can state"),
        "look at the prices, sizes, replicas and durations that it is made of",
    )
}
