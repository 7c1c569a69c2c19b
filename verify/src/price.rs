//! What one placement costs, part by part, each part rounded once.
//!
//! Where the contract is silent:
//! - Figures that nothing needs may be missing (then energy or carbon is null): watts are needed by an
//!   `electricity` price, and with the carbon intensity by a carbon price above 0 and by the carbon
//!   budget of the workload's team; round-trip times by a latency price above 0.
//! - Latency is priced over the run time, pauses left out.

use num_traits::{ToPrimitive as _, Zero as _};
use plimsoll_model::{Time, Usd, plan::PlacementUsd};

use crate::{
    Checker,
    data::Move,
    exact::{Rat, hours, hours_between, int, micro, pico, rework, usd},
    fit::Fit,
    state::{Placed, State},
    violation::Missing,
};

/// A placement with its exact costs.
#[derive(Debug, Clone)]
pub(crate) struct Priced {
    /// The parts before rounding, but for egress, which is a sum of rounded transfers.
    pub(crate) exact: Parts,
    pub(crate) usd: PlacementUsd,
    pub(crate) kwh: Option<Rat>,
    pub(crate) carbon_kg: Option<Rat>,
    pub(crate) moves: Vec<Move>,
    /// Figures that a part needs and nothing states; that part is then 0.
    pub(crate) missing: Vec<Missing>,
}

/// The parts of a cost before rounding.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    pub(crate) compute: Rat,
    pub(crate) carbon: Rat,
    pub(crate) risk: Rat,
    pub(crate) delay: Rat,
    pub(crate) latency: Rat,
    pub(crate) moving: Rat,
}

impl Priced {
    /// What budgets count, in micro-dollars: compute, egress and risk.
    pub(crate) fn spent(&self) -> i128 {
        self.usd.compute.to_micro() + self.usd.egress.to_micro() + self.usd.risk.to_micro()
    }
}

impl Checker<'_> {
    /// The cost of a placement, with all others as they are. `None` when it cannot run there at all.
    pub(crate) fn price(&self, state: &State, workload: usize, placed: &Placed) -> Option<Priced> {
        let fit = placed.fit.as_ref()?;
        let work = hours(placed.work?);
        let spec = &self.inputs.workloads[workload].spec;
        let mut missing = Vec::new();
        let mut exact = Parts::default();

        let billed = state.billed_hours(workload, placed);
        exact.compute = billed * &placed.offer.hourly;

        let kilowatts =
            self.watts(&placed.offer).map(|watts| &fit.n * watts * self.pue(&placed.offer) / int(1000));
        let kwh = kilowatts.clone().map(|kilowatts| kilowatts * &work);
        if let Some(price) = placed.offer.own.as_ref().and_then(|own| own.electricity.as_ref()) {
            match &kwh {
                Ok(kwh) => exact.compute += kwh * price,
                Err(gap) => missing.push(gap.clone()),
            }
        }

        let grams = kilowatts.and_then(|kilowatts| {
            let stated = self.intensity(&placed.offer)?.integral(&placed.runs);
            Ok(kilowatts * self.carbon_in_scenario(&placed.offer, stated, &work))
        });
        let carbon_kg = grams.map(|grams| grams / int(1000));
        match &carbon_kg {
            Ok(kg) => exact.carbon = kg * usd(self.flags.carbon_price) / int(1000),
            Err(gap) if self.needs_carbon(workload) && !missing.contains(gap) => missing.push(gap.clone()),
            Err(_) => {}
        }

        match self.exposure(spec, &placed.offer, fit) {
            Ok(exposure) => exact.risk = rework(&exposure).unwrap_or_default() * &exact.compute,
            Err(gap) => missing.push(gap),
        }

        exact.delay =
            usd(self.flags.delay_price) * hours_between(self.not_before(spec), self.done(workload, placed));
        match self.milliseconds(workload, placed) {
            Ok(ms) => exact.latency = ms * work,
            Err(gap) => missing.push(gap),
        }
        if self.current(workload).is_some_and(|current| current != placed.offer.name) {
            exact.moving = spec.move_cost.map_or_else(Rat::zero, usd);
        }

        let (moves, gaps) = self.moves(state, workload, placed);
        missing.extend(gaps);
        let usd = rounded(&exact, &moves);
        Some(Priced { exact, usd, kwh: kwh.ok(), carbon_kg: carbon_kg.ok(), moves, missing })
    }

    fn needs_carbon(&self, workload: usize) -> bool {
        let team = &self.inputs.workloads[workload].spec.team;
        let budgeted =
            || self.inputs.estate.carbon_budgets.iter().any(|budget| Some(&budget.team) == team.as_ref());
        self.flags.carbon_price.pico() > 0 || budgeted()
    }

    /// When a workload counts as done: a batch at its end, a service at its start.
    fn done(&self, workload: usize, placed: &Placed) -> Time {
        let is_service = self.inputs.workloads[workload].spec.duration.is_none();
        if is_service { placed.start } else { placed.end() }
    }

    /// Price × Σ share × rtt: dollars an hour.
    fn milliseconds(&self, workload: usize, placed: &Placed) -> Result<Rat, Missing> {
        let spec = &self.inputs.workloads[workload].spec;
        let price = spec.latency.and_then(|goal| goal.price).filter(|price| !price.is_zero());
        let Some(price) = price else { return Ok(Rat::zero()) };
        let (mut weighted, mut shares) = (Rat::zero(), Rat::zero());
        for client in &spec.clients {
            let share = client.share.map_or_else(|| int(1), |share| pico(share.pico()));
            if !share.is_zero() {
                weighted += &share * self.rtt(&self.locate(&client.region), &placed.offer.location)?;
                shares += share;
            }
        }
        Ok(if shares.is_zero() { shares } else { usd(price) * weighted / shares })
    }

    /// The offer on which a workload runs now: its document's word before a previous plan's.
    pub(crate) fn current(&self, workload: usize) -> Option<&str> {
        let document = &self.inputs.workloads[workload];
        let previous = || self.flags.previous.get(&document.metadata.name);
        document.spec.current.as_ref().or_else(previous).map(String::as_str)
    }
}

fn rounded(exact: &Parts, moves: &[Move]) -> PlacementUsd {
    let mut usd = PlacementUsd {
        compute: micro(&exact.compute),
        egress: moves.iter().map(|moved| micro(&moved.usd)).sum(),
        carbon: micro(&exact.carbon),
        risk: micro(&exact.risk),
        delay: micro(&exact.delay),
        latency: micro(&exact.latency),
        moving: micro(&exact.moving),
        total: Usd::ZERO,
    };
    usd.total = parts(&usd).into_iter().map(|(_, part)| part).sum();
    usd
}

/// The parts by the names that plans use.
pub(crate) fn parts(usd: &PlacementUsd) -> [(&'static str, Usd); 7] {
    [
        ("compute", usd.compute),
        ("egress", usd.egress),
        ("carbon", usd.carbon),
        ("risk", usd.risk),
        ("delay", usd.delay),
        ("latency", usd.latency),
        ("move", usd.moving),
    ]
}

/// Instances as a plan shows them.
pub(crate) fn instances(fit: &Fit) -> f64 {
    fit.n.to_f64().unwrap_or(f64::NAN)
}
