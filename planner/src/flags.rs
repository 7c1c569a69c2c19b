//! What the command line decides about a plan: prices, horizon, limits.

use indexmap::IndexMap;
use plimsoll_model::{Duration, Inputs, Ratio, Time, Usd, plan::Flags};
use plimsoll_solver::Params;

use crate::error::PlanError;

/// The flags of `plan` that bear on the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Dollars a tonne CO2e.
    pub carbon_price: Usd,
    /// Dollars a workload-hour until done.
    pub delay_price: Usd,
    /// The preset.
    pub objective: Objective,
    /// Dollars the whole plan may spend.
    pub budget: Option<Usd>,
    /// How long services run.
    pub horizon: Duration,
    /// The gap at which the search may stop.
    pub gap: Ratio,
    /// Work units.
    pub effort: u64,
    /// Wall-clock limit.
    pub time_limit: Option<Duration>,
    /// The planning moment.
    pub now: Time,
    /// The seed.
    pub seed: u64,
    /// Whether to do without HiGHS.
    pub no_lp: bool,
    /// What runs now, by workload, from a previous plan.
    pub previous: IndexMap<String, String>,
}

/// Presets of the prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Objective {
    /// Money alone.
    #[default]
    Cost,
    /// $10,000 a tonne.
    Carbon,
    /// $1,000 a workload-hour.
    Time,
}

impl Objective {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Carbon => "carbon",
            Self::Time => "time",
        }
    }

    /// The preset that is in force at some prices: itself, or cost where an explicit price won over its own.
    #[must_use]
    pub fn in_force(self, carbon_price: Usd, delay_price: Usd) -> Self {
        let overruled = match self {
            Self::Cost => false,
            Self::Carbon => carbon_price != self.carbon_price(),
            Self::Time => delay_price != self.delay_price(),
        };
        if overruled { Self::Cost } else { self }
    }

    /// Its carbon price.
    pub const fn carbon_price(self) -> Usd {
        if matches!(self, Self::Carbon) { Usd::from_units(10_000) } else { Usd::ZERO }
    }

    /// Its delay price.
    pub const fn delay_price(self) -> Usd {
        if matches!(self, Self::Time) { Usd::from_units(1_000) } else { Usd::ZERO }
    }
}

impl Settings {
    /// The defaults for some inputs: the estate's time and horizon, else the newest price's date and a
    /// day.
    pub fn of(inputs: &Inputs) -> Self {
        Self {
            carbon_price: Usd::ZERO,
            delay_price: Usd::ZERO,
            objective: Objective::Cost,
            budget: None,
            horizon: inputs.estate.horizon.unwrap_or(Duration::from_hours(24)),
            gap: Ratio::ZERO,
            effort: plimsoll_solver::outcome::DEFAULT_EFFORT,
            time_limit: None,
            now: default_now(inputs),
            seed: 0,
            no_lp: false,
            previous: IndexMap::new(),
        }
    }

    /// As a plan has recorded them.
    ///
    /// # Errors
    /// When the plan names a preset or a gap that this version does not know.
    pub fn of_flags(flags: &Flags) -> Result<Self, PlanError> {
        let unknown = |what: String| {
            PlanError::input(what, "the plan was made by another version of plimsoll: make it anew")
        };
        let presets = [Objective::Cost, Objective::Carbon, Objective::Time];
        let objective = presets.into_iter().find(|preset| preset.as_str() == flags.objective);
        Ok(Self {
            carbon_price: flags.carbon_price,
            delay_price: flags.delay_price,
            objective: objective
                .ok_or_else(|| unknown(format!("the plan's objective `{}` is not known", flags.objective)))?,
            budget: flags.budget,
            horizon: flags.horizon,
            gap: Ratio::from_f64(flags.gap).map_err(|why| unknown(format!("the plan's gap: {why}")))?,
            effort: flags.effort,
            time_limit: flags.time_limit,
            now: flags.now,
            seed: flags.seed,
            no_lp: flags.no_lp,
            previous: flags.previous.clone(),
        })
    }

    /// What the solver is told of them.
    pub(crate) fn params(&self, time_left: Option<fn() -> f64>) -> Params {
        Params { seed: self.seed, gap: self.gap.to_f64(), effort: self.effort, highs: !self.no_lp, time_left }
    }

    /// As a plan records them.
    pub fn to_flags(&self) -> Flags {
        Flags {
            carbon_price: self.carbon_price,
            delay_price: self.delay_price,
            objective: self.objective.as_str().to_owned(),
            budget: self.budget,
            horizon: self.horizon,
            gap: self.gap.to_f64(),
            effort: self.effort,
            time_limit: self.time_limit,
            now: self.now,
            seed: self.seed,
            no_lp: self.no_lp,
            previous: self.previous.clone(),
        }
    }
}

/// The newest date of the prices in use, as a day.
pub fn newest_price(inputs: &Inputs) -> Option<String> {
    let own = inputs.file_offers.iter().chain(&inputs.estate.offers).filter_map(|o| o.as_of.clone());
    let nodes = inputs.estate.sites.iter().flat_map(|s| &s.nodes).filter_map(|n| n.as_of.clone());
    let embedded = inputs.embedded_catalog.then(|| plimsoll_catalog::newest_price_date().to_owned());
    own.chain(nodes).chain(embedded).filter_map(|d| d.get(..10).map(str::to_owned)).max()
}

/// The planning moment when no flag states it: the estate's `time`, else the newest price's date, else
/// the date of the embedded catalogue.
fn default_now(inputs: &Inputs) -> Time {
    if let Some(time) = inputs.estate.time {
        return time;
    }
    let day = newest_price(inputs).unwrap_or_else(|| plimsoll_catalog::newest_price_date().to_owned());
    let midnight = |day: &str| format!("{day}T00:00:00Z").parse().ok();
    midnight(&day).or_else(|| midnight(plimsoll_catalog::newest_price_date())).unwrap_or(Time::from_nanos(0))
}
