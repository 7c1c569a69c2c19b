//! Why workloads are left out: whether each cause that a plan states is one.
//!
//! Of every cause: that the limit is what the documents say, that needs − has = `relaxBy`, in the unit of
//! that limit. Then, by trying: relaxed by `relaxBy` it places the workload beside the others as placed,
//! by slightly less it does not; with `together` all of them do and none alone; and no count, quota, budget,
//! `maxHourly` or `maxCost` that the plan does not name would do alone. On the nearest offer the workload
//! has a place when a cause gives. An optional workload counts as placed where it costs less than it is
//! worth; where it fits as it is, `costUsd` is no less than that.
//!
//! Trying is cut off at [`WORK`] over the whole plan. Nothing is said of what was tried in vain where a
//! pause, an alternative or another packing of many own nodes might do, nor of money within [`MARGIN`].

use std::{borrow::Cow, cell::Cell, rc::Rc};

use plimsoll_model::{
    Inputs, Plan, Time, Usd,
    plan::{Cause, Constraint, Flags, Unplaced},
    workload::WorkloadSpec,
};

use crate::{
    Checker,
    compare::Findings,
    evaluate::Assessed,
    offer::Offer,
    relax::{Amount, deadline, is_clear, limits, named_alike, near, relax, stated},
    state::Decision,
    violation::{Kind, Violation},
};

/// Looks at an offer that all trying may take, of which a try of a place counts as [`TRY`] and what a
/// change of the documents costs as one for each workload and offer.
const WORK: u64 = 1_000_000;
const TRY: u64 = 50;

/// Replicas on own nodes up to which another packing is looked for.
const PACKED: u64 = 10;

/// More than any limit with an amount lacks.
const MUCH: f64 = 1e6;

/// By how much sums of many rounded parts may be off, in dollars, kg or ms.
const MARGIN: f64 = 0.001;
const MARGIN_USD: Usd = Usd::from_micro(1000);

/// What trying needs to know.
struct Trials<'t> {
    decisions: &'t [Decision],
    /// Whether own nodes are packed anew; else all stay where they are.
    packs: bool,
    offers: &'t [Rc<Offer>],
    work: &'t Cell<u64>,
}

/// Which limits give by how much, how much more than it is worth an optional workload may cost, and
/// whether it is about one offer only.
struct Trial<'t> {
    relaxed: &'t [(&'t Cause, f64)],
    beyond: Usd,
    only: Option<&'t str>,
}

/// Whether there is a place for a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// There is, at so much; `least`: there is none cheaper.
    Found {
        usd: Usd,
        least: bool,
    },
    None,
    /// There may be one of a kind that is not tried.
    Unsure,
}

impl Trials<'_> {
    fn spend(&self, units: u64) -> Option<()> {
        self.work.set(self.work.get().checked_sub(units)?);
        Some(())
    }
}

impl Checker<'_> {
    /// Checks the causes of everything left out.
    pub(crate) fn check_causes(
        &self,
        plan: &Plan,
        decisions: &[Decision],
        assessed: &Assessed<'_>,
        found: &mut Vec<Violation>,
    ) {
        let (mut asked, sound) = (Vec::new(), found.is_empty());
        for unplaced in &plan.unplaced {
            let Some(index) = self.names.get(&*unplaced.workload).copied() else { continue };
            let mut findings = Findings { subject: &unplaced.workload, found };
            if !self.check_producer(assessed, index, unplaced, &mut findings) {
                self.check_amounts(index, unplaced, &mut findings);
                asked.push((index, unplaced));
            }
        }
        if !sound || asked.is_empty() {
            return;
        }
        let (offers, work) = (self.all_offers(), Cell::new(WORK));
        for (index, unplaced) in asked {
            let mut decisions = decisions.to_vec();
            let own = decisions.iter().filter(|decision| decision.nodes.is_some());
            let replicas = own.map(|decision| decision.workload).chain([index]);
            let replicas = replicas.map(|index| u64::from(self.inputs.workloads[index].spec.replicas));
            let packs = replicas.sum::<u64>() <= PACKED;
            if packs {
                for decision in &mut decisions {
                    decision.nodes = None;
                }
            }
            let trials = Trials { decisions: &decisions, packs, offers: &offers, work: &work };
            let mut findings = Findings { subject: &unplaced.workload, found };
            if self.try_causes(&trials, index, unplaced, &mut findings).is_none() {
                return;
            }
        }
    }

    /// Whether a workload is left out with a producer; and then whether the plan says so.
    fn check_producer(
        &self,
        assessed: &Assessed<'_>,
        workload: usize,
        unplaced: &Unplaced,
        findings: &mut Findings<'_>,
    ) -> bool {
        let spec = &self.inputs.workloads[workload].spec;
        let left_out: Vec<&str> = spec
            .inputs
            .iter()
            .filter(|input| input.from.is_some() && self.producer(&assessed.state, input).is_none())
            .filter_map(|input| input.from.as_deref())
            .collect();
        let says = |cause: &Cause| cause.constraint == Constraint::Producer;
        if left_out.is_empty() {
            if let Some(cause) = unplaced.causes.iter().find(|cause| says(cause)) {
                findings.add(Kind::Document, format!("its producer {} is not left out", cause.name));
            }
            return false;
        }
        match &unplaced.causes[..] {
            [cause] if says(cause) && left_out.contains(&&*cause.name) && cause.relax_by.is_none() => {}
            _ => findings.add(
                Kind::Document,
                format!("its producer {} is left out, which is its one cause", left_out.join(", ")),
            ),
        }
        true
    }

    /// The limit, the difference and the unit of each cause.
    fn check_amounts(&self, workload: usize, unplaced: &Unplaced, findings: &mut Findings<'_>) {
        if unplaced.together && unplaced.causes.len() < 2 {
            findings.add(Kind::Document, "one cause alone is not `together`");
        }
        // Nobody knows which accelerator a name that nobody has heard of is near to.
        let unheard = |cause: &Cause| cause.constraint == Constraint::Accelerator && cause.has.is_null();
        if unplaced.nearest.is_none() && !unplaced.causes.is_empty() && !unplaced.causes.iter().any(unheard) {
            findings.add(Kind::Document, "has causes and no nearest offer");
        }
        for cause in &unplaced.causes {
            let name = format!("{} `{}`", cause.constraint, cause.name);
            let mut wrong = |words: String| findings.add(Kind::Arithmetic, format!("{name} {words}"));
            if let Some(limits) = self.limits_of(workload, cause) {
                let same = |limit: &Amount| {
                    cause.has.as_f64().is_some_and(|has| near(has, limit.has))
                        && cause.unit.as_deref().is_none_or(|unit| unit == limit.unit)
                };
                if !limits.iter().any(same) {
                    let (has, unit) = (&cause.has, cause.unit.as_deref().unwrap_or("no unit"));
                    wrong(format!("is not what the documents say: {has}, in {unit}"));
                }
            }
            if let Some(by) = cause.relax_by
                && let Some(difference) = difference(cause)
                && !near(by, difference)
            {
                wrong(format!("lacks {difference}, relaxBy is {by}"));
            }
            if cause.constraint == Constraint::Size
                && let Some(needs) = cause.needs.as_f64()
                && !self.asked(workload, &cause.name).iter().any(|asked| near(needs, *asked))
            {
                wrong(format!("needs {needs}, and no way to run it asks for that"));
            }
            if cause.constraint == Constraint::Deadline {
                let due = deadline(self.inputs, self.flags.now, workload).map(|time| time.to_string());
                if due.as_deref() != cause.has.as_str() || cause.unit.as_deref() != Some("h") {
                    wrong(format!("is {}, in h", due.unwrap_or_else(|| "none".into())));
                }
            }
        }
    }

    /// What the ways to run a workload ask for of a replica's size, by what the cause calls it.
    fn asked(&self, workload: usize, of: &str) -> Vec<f64> {
        let asked = |way: Cow<'_, WorkloadSpec>| {
            let request = &way.request;
            let milli = match of {
                "count" => request.accelerators.as_ref()?.count().milli(),
                "cpu" => request.cpu?.milli(),
                "memory" => return Some(request.memory?.0 as f64),
                _ => return None,
            };
            Some(milli as f64 / 1000.0)
        };
        self.inputs.workloads[workload].spec.ways().into_iter().filter_map(asked).collect()
    }

    /// What the documents say of a limit; `None` where it is none with an amount.
    fn limits_of(&self, workload: usize, cause: &Cause) -> Option<Vec<Amount>> {
        match cause.constraint {
            Constraint::Count => {
                let count = self.offer(&cause.name).and_then(|offer| offer.spec.count);
                Some(count.iter().map(|count| Amount { has: f64::from(*count), unit: "instances" }).collect())
            }
            // Where an offer does not state its size, that is the cause.
            Constraint::Quota if cause.relax_by.is_none() => None,
            Constraint::Quota
            | Constraint::Budget
            | Constraint::CarbonBudget
            | Constraint::MaxHourly
            | Constraint::MaxCost
            | Constraint::Latency => Some(stated(self.inputs, self.flags, workload, cause)),
            _ => None,
        }
    }

    /// `None` where trying was cut off.
    fn try_causes(
        &self,
        trials: &Trials<'_>,
        workload: usize,
        unplaced: &Unplaced,
        findings: &mut Findings<'_>,
    ) -> Option<()> {
        let fits = |relaxed: &[(&Cause, f64)], beyond| {
            self.try_place(trials, workload, &Trial { relaxed, beyond, only: None })
        };
        let strictly = Usd::ZERO - MARGIN_USD;
        let place = fits(&[], Usd::from_units(1_000_000_000))?;
        let explained = !unplaced.causes.is_empty() || unplaced.cost_usd.is_some();
        if place == Place::None && !explained && !trials.offers.is_empty() {
            findings.add(Kind::Document, "fits nowhere, and no cause is given");
        }
        if let Place::Found { usd, least } = place {
            if let Some(cost) = unplaced.cost_usd.filter(|cost| least && *cost + MARGIN_USD < usd) {
                findings.add(Kind::Arithmetic, format!("costs at least ${usd}, the plan says ${cost}"));
            }
            // Where it would be worth it, limits are not why it is left out.
            if self.inputs.workloads[workload].spec.value.is_none_or(|value| usd < value + MARGIN_USD) {
                return Some(());
            }
        }
        // What would cost something only when it were smaller is worth nobody knows what.
        let no_value = self.inputs.workloads[workload].spec.value.is_none();
        let is_clear =
            |cause: &&Cause| self.is_clear(cause) && (no_value || cause.constraint != Constraint::Size);
        let clear: Vec<&Cause> = unplaced.causes.iter().filter(is_clear).collect();
        let all: Vec<(&Cause, f64)> = clear.iter().map(|cause| (*cause, enough(cause))).collect();
        let all_clear = clear.len() == unplaced.causes.len();
        for one in &all {
            if !unplaced.together && fits(&[*one], MARGIN_USD)? == Place::None {
                findings.add(Kind::Arithmetic, format!("relaxing {} does not place it", about(one.0)));
            }
            if unplaced.together && matches!(fits(&[*one], strictly)?, Place::Found { .. }) {
                findings.add(Kind::Arithmetic, format!("relaxing {} alone places it", about(one.0)));
            }
        }
        if unplaced.together && all_clear && fits(&all, MARGIN_USD)? == Place::None {
            findings.add(Kind::Arithmetic, "relaxing all causes together does not place it");
        }
        for (at, cause) in clear.iter().enumerate() {
            let Some(less) = slightly_less(cause) else { continue };
            let mut by = if unplaced.together { all.clone() } else { vec![(*cause, less)] };
            if unplaced.together {
                by[at].1 = less;
            }
            if matches!(fits(&by, strictly)?, Place::Found { .. }) {
                let message = format!("relaxing {} is more than enough: {less} would do", about(cause));
                findings.add(Kind::Arithmetic, message);
            }
        }
        let counted = trials.offers.iter().filter(|offer| offer.spec.count.is_some());
        let counts = counted.map(|offer| count(offer));
        for limit in limits(self.inputs, self.flags, workload).into_iter().chain(counts) {
            let known = |cause: &Cause| (cause.constraint, &cause.name) == (limit.constraint, &limit.name);
            if unplaced.causes.iter().any(known)
                || !self.is_clear(&Cause { relax_by: Some(MUCH), ..limit.clone() })
            {
                continue;
            }
            let only = (limit.constraint == Constraint::Count).then_some(&*limit.name);
            let trial = Trial { relaxed: &[(&limit, MUCH)], beyond: strictly, only };
            if matches!(self.try_place(trials, workload, &trial)?, Place::Found { .. }) {
                let message = format!("{} is no cause, but relaxing it places it", about(&limit));
                findings.add(Kind::Document, message);
            }
        }
        let Some(nearest) = unplaced.nearest.as_deref().filter(|_| all_clear && !all.is_empty()) else {
            return Some(());
        };
        let ways: Vec<&[(&Cause, f64)]> =
            if unplaced.together { vec![&all] } else { all.chunks(1).collect() };
        for relaxed in ways {
            let trial = Trial { relaxed, beyond: MARGIN_USD, only: Some(nearest) };
            if self.try_place(trials, workload, &trial)? != Place::None {
                return Some(());
            }
        }
        let message = format!("its nearest offer {nearest} does not hold it when its causes give");
        findings.add(Kind::Document, message);
        Some(())
    }

    /// Whether relaxing a cause has one meaning.
    fn is_clear(&self, cause: &Cause) -> bool {
        let unique = match cause.constraint {
            Constraint::Quota => named_alike(self.inputs, &cause.name) == 1,
            // How many of a commitment of the catalogue can be had follows from what is reserved.
            Constraint::Count => self.written.contains_key(&cause.name),
            _ => true,
        };
        unique && is_clear(cause)
    }

    /// Whether a workload has a place beside the others as placed when limits give. `None` where trying
    /// was cut off.
    fn try_place(&self, trials: &Trials<'_>, workload: usize, trial: &Trial<'_>) -> Option<Place> {
        trials.spend((self.inputs.workloads.len() + trials.offers.len()) as u64)?;
        let (mut inputs, mut flags): (Inputs, Flags) = (self.inputs.clone(), self.flags.clone());
        for (cause, by) in trial.relaxed {
            relax(&mut inputs, &mut flags, workload, cause, *by);
        }
        let checker = Checker::with(&inputs, &flags, self.tables);
        let gives = |offer: &Offer| {
            let mut relaxed = trial.relaxed.iter();
            relaxed.any(|(cause, _)| cause.constraint == Constraint::Count && cause.name == offer.name)
        };
        let offers = trials.offers.iter().filter(|offer| trial.only.is_none_or(|only| only == offer.name));
        let offers = offers.map(|offer| {
            let relaxed = gives(offer).then(|| checker.offer(&offer.name)).flatten();
            relaxed.unwrap_or_else(|| Rc::clone(offer))
        });
        checker.has_place(trials, workload, offers, trial)
    }

    fn has_place(
        &self,
        trials: &Trials<'_>,
        workload: usize,
        offers: impl Iterator<Item = Rc<Offer>>,
        trial: &Trial<'_>,
    ) -> Option<Place> {
        trials.spend(TRY * trials.decisions.len() as u64)?;
        let mut assessed = self.assess(trials.decisions);
        let spec = &self.inputs.workloads[workload].spec;
        let mut sure = spec.alternatives.is_empty() && !(spec.pausable && spec.deadline.is_some());
        let mut cheapest: Option<Usd> = None;
        for offer in offers {
            if self.first_filter(&self.way(spec, &offer), &offer).is_some() {
                continue;
            }
            let named = offer.own.is_some() && !trials.packs;
            let (start, runs, nodes) = (self.flags.now, Vec::new(), named.then(Vec::new));
            let mut decision = Decision { workload, offer: offer.name.clone(), start, runs, nodes };
            let probe = self.place_on(Rc::clone(&offer), &decision);
            for start in self.starts(&assessed.state, workload, &probe) {
                trials.spend(TRY)?;
                decision.start = start;
                let there = self.place_on(Rc::clone(&offer), &decision);
                let Some(moved) = self.with_all_else_as_it_is(&mut assessed, workload, &there) else {
                    continue;
                };
                match moved.broken.as_ref().map(|broken| broken.kind) {
                    Some(Kind::Packing) => sure = sure && trials.packs,
                    Some(Kind::Document) => sure = false,
                    Some(_) => {}
                    // The planner may see what its nodes hold otherwise.
                    None if named => sure = false,
                    None if spec.value.is_some_and(|value| moved.total() >= value + trial.beyond) => {}
                    // What it costs is asked only where nothing gives.
                    None if !trial.relaxed.is_empty() => {
                        return Some(Place::Found { usd: moved.total(), least: false });
                    }
                    None => cheapest = Some(cheapest.map_or(moved.total(), |usd| usd.min(moved.total()))),
                }
            }
        }
        Some(match cheapest {
            Some(usd) => Place::Found { usd, least: sure },
            None if sure => Place::None,
            None => Place::Unsure,
        })
    }
}

/// Needs − has, where both are amounts or times.
fn difference(cause: &Cause) -> Option<f64> {
    if cause.constraint == Constraint::Deadline {
        let time = |value: &serde_json::Value| value.as_str()?.parse::<Time>().ok();
        return Some(time(&cause.needs)?.hours_since(time(&cause.has)?));
    }
    Some(cause.needs.as_f64()? - cause.has.as_f64()?)
}

fn about(cause: &Cause) -> String {
    let unit = cause.unit.as_deref().unwrap_or_default();
    let by = cause.relax_by.map_or(String::new(), |by| format!(" by {by} {unit}"));
    format!("{} `{}`{by}", cause.constraint, cause.name)
}

/// How many of an offer can be had, as a cause of nothing yet.
fn count(offer: &Offer) -> Cause {
    Cause {
        constraint: Constraint::Count,
        name: offer.name.clone(),
        needs: serde_json::Value::Null,
        has: offer.spec.count.into(),
        relax_by: None,
        unit: Some("instances".to_owned()),
    }
}

/// What is stated, but for its rounding and that of sums.
fn enough(cause: &Cause) -> f64 {
    let by = cause.relax_by.unwrap_or(0.0);
    match cause.unit.as_deref() {
        Some("usd" | "kg" | "ms") => by + MARGIN.max(by * 1e-6),
        Some("h") => by + 2e-6_f64.max(by * 1e-9),
        _ => by,
    }
}

/// A little less than a cause asks for: a unit where units are whole.
fn slightly_less(cause: &Cause) -> Option<f64> {
    let by = cause.relax_by?;
    let less = match cause.unit.as_deref()? {
        "accelerators" | "instances" => by.ceil() - 1.0,
        "cores" => by - 0.001,
        "bytes" => by - 1.0,
        "h" => by - 1.0 / 3600.0,
        _ => by - MARGIN.max(by * 1e-6),
    };
    (less >= 0.0).then_some(less)
}
