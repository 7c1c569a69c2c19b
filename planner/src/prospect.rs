//! A workload seen against the world: which offers it may use, and why not the others.
//!
//! The checks run in a fixed order; the first that fails names the constraint under which an excluded
//! offer is counted. For a workload that is left out all of them run, to say what stands in the way.

mod fit;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use indexmap::IndexMap;
use plimsoll_model::{
    Capacity, Duration, Millisecond, Ratio, Time, Workload, plan::Constraint, workload::WorkloadSpec,
};
use serde_json::{Value, json};

use crate::{
    build::Rules,
    flags::Settings,
    terms::{Fraction, Terms, rework},
    world::{AcceleratorIx, Assumptions, LocationIx, Offer, OfferIx, World},
};
pub use fit::Dimension;
use fit::{demand, instances, misfits, per_instance, wanted};

/// Beyond this share of rework an offer is not eligible.
pub(crate) const MOST_REWORK: f64 = 1e6;

/// Something that stands in the way of a placement.
#[derive(Debug, Clone, PartialEq)]
pub struct Obstacle {
    /// Which constraint.
    pub constraint: Constraint,
    /// Which one of them.
    pub name: String,
    /// What the placement needs.
    pub needs: Value,
    /// What there is.
    pub has: Value,
    /// By how much the limit must give, in the unit.
    pub relax: Option<(f64, &'static str)>,
}

impl Obstacle {
    /// Whether what a run would cost means nothing behind this: it would be on another machine than was asked
    /// for, or never end.
    pub const fn is_beyond_cost(&self) -> bool {
        use Constraint::{Accelerator, Memory, Risk, Size, Speed};
        matches!(self.constraint, Accelerator | Size | Memory | Speed | Risk)
    }
}

/// What a place is to a workload.
#[derive(Debug, Clone, Default)]
struct Verdict {
    region: bool,
    not_in: bool,
    residency: Option<String>,
    /// The largest round trip to a client with a share, and who that is.
    slowest: Option<(Millisecond, String)>,
    /// A round trip that nothing states.
    unknown_rtt: Option<String>,
    /// Dollars a millisecond and hour × Σ share × rtt, in dollars an hour.
    latency_usd: f64,
}

impl Verdict {
    fn allows(&self) -> bool {
        self.region && !self.not_in && self.residency.is_none()
    }
}

/// An entry of `speed`: the accelerator its key names, if any; the key; the speed.
type Speed = (Option<AcceleratorIx>, String, Ratio);

/// A workload with its names looked up, run one way; the first way knows the others.
#[derive(Debug, Clone)]
pub struct Prospect<'w> {
    /// What was asked.
    pub workload: &'w Workload,
    /// Its position in document order.
    pub index: usize,
    world: &'w World<'w>,
    settings: &'w Settings,
    /// What is asked when it runs this way.
    way: Cow<'w, WorkloadSpec>,
    /// Which way that is: 0 is the workload itself.
    nth: u32,
    others: Vec<Prospect<'w>>,
    accelerators: Option<Vec<AcceleratorIx>>,
    speeds: Vec<Speed>,
    verdicts: Vec<Verdict>,
    rules: &'w Rules,
    /// The later of now and its earliest start.
    pub earliest: Time,
    /// When it must end.
    pub deadline: Option<Time>,
}

impl<'w> Prospect<'w> {
    /// Looks up a workload's names.
    pub fn new(
        index: usize,
        world: &'w World<'w>,
        settings: &'w Settings,
        rules: &'w Rules,
        notes: &mut Assumptions,
    ) -> Self {
        let mut ways = world.inputs.workloads[index].spec.ways().into_iter();
        let mut prospect = |way| Self::of(way, index, world, settings, rules, notes);
        // A workload can always be run as it is stated.
        let itself = ways.next().unwrap_or(Cow::Borrowed(&world.inputs.workloads[index].spec));
        let mut first = prospect(itself);
        first.others = ways.map(prospect).collect();
        for (nth, other) in (1..).zip(&mut first.others) {
            other.nth = nth;
        }
        first
    }

    fn of(
        way: Cow<'w, WorkloadSpec>,
        index: usize,
        world: &'w World<'w>,
        settings: &'w Settings,
        rules: &'w Rules,
        notes: &mut Assumptions,
    ) -> Self {
        let named = |names: &[String]| names.iter().filter_map(|n| world.known_accelerator(n)).collect();
        let wanted = way.request.accelerators.as_ref();
        let accelerators = wanted.filter(|a| !a.any_of.is_empty()).map(|a| named(&a.any_of));
        let speeds = way.speed.iter().flatten();
        let speeds = speeds.map(|(key, speed)| (world.known_accelerator(key), key.clone(), *speed)).collect();
        let now = world.now;
        let mut this = Self {
            workload: &world.inputs.workloads[index],
            index,
            world,
            settings,
            nth: 0,
            others: Vec::new(),
            accelerators,
            speeds,
            verdicts: Vec::new(),
            rules,
            earliest: way.earliest.map_or(now, |e| e.resolve(now).max(now)),
            deadline: way.deadline.map(|d| d.resolve(now)),
            way,
        };
        this.verdicts =
            (0..world.places.locations()).map(|l| this.verdict(LocationIx(l as u32), false, notes)).collect();
        this
    }

    /// What it asks for.
    pub fn spec(&self) -> &'w WorkloadSpec {
        &self.workload.spec
    }

    /// The most that a replica asks for, whichever way it runs.
    pub fn asked(&self, of: Dimension) -> Option<u64> {
        self.ways().filter_map(|way| of.asked(&way.way.request)).max()
    }

    /// The same workload, asking for no more than so much.
    pub fn limited(&self, of: Dimension, most: u64) -> Self {
        let mut limited = self.clone();
        for way in std::iter::once(&mut limited.way).chain(limited.others.iter_mut().map(|way| &mut way.way))
        {
            of.limit(&mut way.to_mut().request, most);
        }
        limited
    }

    /// Whether it runs for the horizon instead of a duration.
    pub fn is_service(&self) -> bool {
        self.spec().duration.is_none()
    }

    /// `whole`: also looks at what no longer matters where the place is not allowed.
    fn verdict(&self, at: LocationIx, whole: bool, notes: &mut Assumptions) -> Verdict {
        let (spec, places) = (&*self.way, &self.world.places);
        let allowed = |names: &[String]| names.is_empty() || places.among(names, at);
        let mut verdict = Verdict {
            region: allowed(&spec.regions) && allowed(&spec.clouds) && allowed(&spec.zones),
            not_in: places.among(&spec.not_in, at),
            ..Verdict::default()
        };
        if !allowed(&spec.residency) {
            verdict.residency = Some(spec.residency.join(", "));
        }
        let datasets = &self.world.inputs.estate.datasets;
        for input in &spec.inputs {
            let named = input.dataset.as_deref().and_then(|name| self.world.dataset(name));
            let Some(dataset) = named.map(|at| &datasets[at]) else { continue };
            if verdict.residency.is_none() && !allowed(&dataset.residency) {
                verdict.residency =
                    Some(format!("{} (dataset {})", dataset.residency.join(", "), dataset.name));
            }
        }
        let Some(goal) = spec.latency.filter(|_| whole || verdict.allows()) else { return verdict };
        let share =
            |client: &plimsoll_model::workload::Client| client.share.unwrap_or(Ratio::from_units(1)).to_f64();
        let total: f64 = spec.clients.iter().map(share).sum();
        for (client, from) in spec.clients.iter().zip(&self.world.clients[self.index]) {
            if share(client) <= 0.0 {
                continue;
            }
            let Some(rtt) = self.world.network().rtt(*from, at, notes) else {
                verdict.unknown_rtt = Some(client.region.clone());
                continue;
            };
            if verdict.slowest.as_ref().is_none_or(|s| rtt > s.0) {
                verdict.slowest = Some((rtt, client.region.clone()));
            }
            if let Some(price) = goal.price {
                verdict.latency_usd += price.to_f64() * share(client) / total * rtt.to_f64();
            }
        }
        verdict
    }

    /// Dollars an hour for latency at a location.
    pub fn latency_usd(&self, at: LocationIx) -> f64 {
        self.verdict_at(at).latency_usd
    }

    /// The client whose round trip to an eligible location nothing states, if any.
    pub fn unknown_rtt(&self, at: LocationIx) -> Option<&str> {
        self.verdict_at(at).unknown_rtt.as_deref()
    }

    /// The ways to run it.
    fn ways(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }

    /// What a location is to the first way that may use it, else to the workload itself.
    fn verdict_at(&self, at: LocationIx) -> &Verdict {
        let of = |way: &'_ Self| way.verdicts[at.0 as usize].allows();
        let way = self.others.iter().find(|way| !of(self) && of(way)).unwrap_or(self);
        &way.verdicts[at.0 as usize]
    }

    /// The terms on an offer, by the first way that admits it; else the first constraint that keeps the
    /// workload itself from it.
    pub fn judge(&self, ix: OfferIx, notes: &mut Assumptions) -> Result<Terms, Constraint> {
        let admitted =
            |judged: &Result<Terms, Constraint>| judged.as_ref().err().is_none_or(|by| !decides(*by));
        let itself = self.judge_way(ix, notes);
        if self.others.is_empty() || admitted(&itself) {
            return itself;
        }
        self.others.iter().map(|way| way.judge_way(ix, notes)).find(admitted).unwrap_or(itself)
    }

    fn judge_way(&self, ix: OfferIx, notes: &mut Assumptions) -> Result<Terms, Constraint> {
        let mut first = None;
        let verdict = &self.verdicts[self.world.offer(ix).location.0 as usize];
        let terms = self.check(ix, verdict, notes, &mut |constraint, _| {
            first = Some(constraint);
            false
        });
        match (first, terms) {
            (None, Some(terms)) => Ok(terms),
            (Some(constraint), _) => Err(constraint),
            (None, None) => Err(Constraint::Size),
        }
    }

    /// Everything about an offer itself that stands in the way, of the first way that the offer admits, else
    /// of the one that is kept from it by least; with the terms, when they exist.
    pub fn obstacles(&self, ix: OfferIx, notes: &mut Assumptions) -> (Vec<Obstacle>, Option<Terms>) {
        let admitted = |of: &(Vec<Obstacle>, Option<Terms>)| {
            of.1.is_some() && !of.0.iter().any(|obstacle| decides(obstacle.constraint))
        };
        let mut least = self.obstacles_of_way(ix, notes);
        for way in &self.others {
            if admitted(&least) {
                break;
            }
            let other = way.obstacles_of_way(ix, notes);
            // Without terms nothing that is relaxed helps.
            if admitted(&other) || (other.1.is_none(), other.0.len()) < (least.1.is_none(), least.0.len()) {
                least = other;
            }
        }
        least
    }

    fn obstacles_of_way(&self, ix: OfferIx, notes: &mut Assumptions) -> (Vec<Obstacle>, Option<Terms>) {
        let mut all = Vec::new();
        let verdict = self.verdict(self.world.offer(ix).location, true, notes);
        let terms = self.check(ix, &verdict, notes, &mut |_, obstacle| {
            all.push(obstacle());
            true
        });
        (all, terms)
    }

    /// The terms on an offer that at most one constraint excludes, with that one; none where that means that
    /// a run there has no meaningful cost.
    pub fn nearly(&self, ix: OfferIx) -> Option<(Option<Obstacle>, Terms)> {
        let notes = &mut Assumptions::ignored();
        let verdict = &self.verdicts[self.world.offer(ix).location.0 as usize];
        let mut all: Vec<Obstacle> = Vec::new();
        let mut terms = self.check(ix, verdict, notes, &mut |_, obstacle| {
            all.push(obstacle());
            all.len() < 2 && !all.iter().any(Obstacle::is_beyond_cost)
        });
        // Round trips are known beforehand only to places that are allowed; other ways to run it may do better.
        let elsewhere = !verdict.allows() && self.spec().latency.is_some();
        if (terms.is_some() && elsewhere) || (!all.is_empty() && !self.others.is_empty()) {
            (all, terms) = self.obstacles(ix, notes);
        }
        let terms = terms.filter(|_| !all.iter().any(Obstacle::is_beyond_cost))?;
        (all.len() < 2).then(|| (all.pop(), terms))
    }

    /// Runs the checks in order; `found` says whether to go on, from the constraint or from all that is to be said
    /// of it, which takes longer than the check. The terms, where they exist.
    fn check(
        &self,
        ix: OfferIx,
        verdict: &Verdict,
        notes: &mut Assumptions,
        found: &mut dyn FnMut(Constraint, &dyn Fn() -> Obstacle) -> bool,
    ) -> Option<Terms> {
        let (spec, request) = (&*self.way, &self.way.request);
        let offer = self.world.offer(ix);
        macro_rules! fail {
            ($constraint:ident, $name:expr, $needs:expr, $has:expr, $relax:expr) => {
                let say = || Obstacle {
                    constraint: Constraint::$constraint,
                    name: $name.to_string(),
                    needs: json!($needs),
                    has: json!($has),
                    relax: $relax,
                };
                if !found(Constraint::$constraint, &say) {
                    return None;
                }
            };
        }
        if !self.accelerator_fits(offer) {
            fail!(
                Accelerator,
                wanted(request),
                wanted(request),
                offer.accelerator_name.as_deref().unwrap_or("none"),
                None
            );
        }
        let mut is_too_large = false;
        for misfit in misfits(request, offer) {
            is_too_large |= misfit.relax.is_some();
            fail!(Size, misfit.what, misfit.needs, misfit.has, misfit.relax);
        }
        // What else stands in the way is asked of as much as an instance holds.
        let fitting = is_too_large.then(|| {
            let mut fitting = spec.clone();
            for of in Dimension::ALL {
                of.limit(&mut fitting.request, of.of(offer).unwrap_or(u64::MAX));
            }
            fitting
        });
        let spec = fitting.as_ref().unwrap_or(spec);
        let request = &spec.request;
        if let Some(least) = request.accelerators.as_ref().and_then(|a| a.memory)
            && offer.accelerator_memory.is_none_or(|has| has < least)
        {
            let has = offer.accelerator_memory.map(|m| m.0);
            let relax = has.map(|has| ((least.0 - has) as f64, "bytes"));
            fail!(Memory, "accelerator memory", least.0, has, relax);
        }
        if spec.capacity.as_ref().is_some_and(|allowed| !allowed.contains(&offer.capacity)) {
            let allowed: Vec<&str> = spec.capacity.iter().flatten().map(|c| c.as_str()).collect();
            fail!(Capacity, offer.capacity, offer.capacity.as_str(), allowed, None);
        }
        if offer.capacity == Capacity::Spot && !spec.interruptible {
            fail!(Interruptible, "interruptible", true, false, None);
        }
        let at = || self.world.places.label(offer.location);
        if !verdict.region {
            let allowed: Vec<&String> = spec.regions.iter().chain(&spec.clouds).chain(&spec.zones).collect();
            fail!(Region, "regions", at(), allowed, None);
        }
        if verdict.not_in {
            fail!(NotIn, "notIn", at(), spec.not_in, None);
        }
        if let Some(only) = self.rules.kept_off(ix, spec) {
            fail!(Only, only, offer.name(), only, None);
        }
        if let Some(required) = &verdict.residency {
            fail!(Residency, "residency", at(), required, None);
        }
        let speed = self.speed(offer);
        if speed.is_none() {
            let key = offer.accelerator_name.as_deref().or(offer.instance_type.as_deref()).unwrap_or("cpu");
            fail!(Speed, key, key, self.speeds.iter().map(|s| &s.1).collect::<Vec<_>>(), None);
        }
        if let (Some(bound), Some((rtt, client))) = (spec.latency.and_then(|l| l.bound()), &verdict.slowest)
            && *rtt > bound
        {
            let by = rtt.to_f64() - bound.to_f64();
            fail!(Latency, format!("from {client}"), rtt.to_f64(), bound.to_f64(), Some((by, "ms")));
        }
        let per_instance = per_instance(spec, offer)?;
        let instances = instances(spec.replicas, per_instance, request, offer);
        let hourly = instances.to_f64() * offer.hourly.to_f64();
        if let Some(most) = spec.max_hourly {
            // n × hourly ≤ most, exactly.
            let over = offer.hourly.pico().saturating_mul(i128::from(instances.over));
            if over > most.pico().saturating_mul(i128::from(instances.under)) {
                fail!(MaxHourly, "maxHourly", hourly, most.to_f64(), Some((hourly - most.to_f64(), "usd")));
            }
        }
        let run = match (spec.duration, speed) {
            (None, _) => self.settings.horizon,
            (Some(duration), Some(speed)) => duration.divided_by_pico(speed.pico())?,
            // Without the speed map, for what else stands in the way.
            (Some(duration), None) => duration,
        };
        let at_risk = self.at_risk(offer, instances, run);
        let exposure = self.exposure(offer, at_risk, notes);
        if rework(exposure) > MOST_REWORK {
            fail!(Risk, offer.capacity, format!("{:.3e}", rework(exposure)), MOST_REWORK, None);
        }
        let units = if offer.nodes.is_some() { 0 } else { instances.over };
        if let Some(count) = offer.count {
            if offer.nodes.is_none() && units > u64::from(count) {
                let by = units - u64::from(count);
                fail!(Count, offer.name(), units, count, Some((by as f64, "instances")));
            }
            if offer.nodes.is_some() && count == 0 {
                fail!(Count, offer.name(), 1, 0, Some((1.0, "instances")));
            }
        }
        for (_, quota) in self.rules.quotas_of(ix, spec) {
            let Some(needs) = quota.takes(spec.replicas, demand(request), offer, instances) else {
                fail!(Quota, quota.name, "an offer that states its size", offer.name(), None);
                continue;
            };
            if needs > quota.limit {
                let (needs, has) = (quota.amount(needs), quota.amount(quota.limit));
                fail!(Quota, quota.name, needs, has, Some((needs - has, quota.unit_name())));
            }
        }
        if let Some(deadline) = self.deadline
            && self.earliest.ceil_second() + run > deadline
        {
            let by = (self.earliest.ceil_second() + run).hours_since(deadline);
            fail!(
                Deadline,
                "deadline",
                (self.earliest.ceil_second() + run).to_string(),
                deadline.to_string(),
                Some((by, "h"))
            );
        }
        Some(Terms {
            way: self.nth,
            per_instance,
            instances,
            demand: demand(request),
            run,
            exposure,
            at_risk,
        })
    }

    fn accelerator_fits(&self, offer: &Offer) -> bool {
        let Some(request) = &self.way.request.accelerators else { return true };
        let named =
            self.accelerators.as_ref().is_none_or(|any| offer.accelerator.is_some_and(|a| any.contains(&a)));
        let kind = request.kind.is_none_or(|kind| offer.kind == Some(kind));
        named && kind && offer.accelerator.is_some()
    }

    /// The speed on an offer: 1 without a map; `None` when the map lacks it.
    fn speed(&self, offer: &Offer) -> Option<Ratio> {
        if self.spec().speed.is_none() {
            return Some(Ratio::from_units(1));
        }
        let find = |test: &dyn Fn(&Speed) -> bool| self.speeds.iter().find(|s| test(s)).map(|s| s.2);
        offer
            .accelerator
            .and_then(|a| find(&|s| s.0 == Some(a)))
            .or_else(|| offer.instance_type.as_deref().and_then(|t| find(&|s| s.1 == t)))
            .or_else(|| offer.accelerator.is_none().then(|| find(&|s| s.1 == "cpu")).flatten())
    }

    /// np on an offer: instance-hours that an interruption undoes.
    fn at_risk(&self, offer: &Offer, instances: Fraction, run: Duration) -> f64 {
        if offer.capacity != Capacity::Spot {
            return 0.0;
        }
        let p = self.spec().checkpoint.map_or(run, |c| run.min(c.every + c.restart));
        instances.to_f64() * p.hours()
    }

    /// λp on an offer.
    fn exposure(&self, offer: &Offer, at_risk: f64, notes: &mut Assumptions) -> f64 {
        if offer.capacity != Capacity::Spot {
            return 0.0;
        }
        let rate = self.world.interruptions(offer, &self.rules.interruptions, notes);
        rate.map_or(f64::NAN, |rate| rate.to_f64() * at_risk)
    }

    /// The offers with an accelerator it wants, else all: those without limit, cheapest first, and those
    /// of which only so many can be had (own nodes among them).
    pub fn candidates(&self) -> (Vec<OfferIx>, Vec<OfferIx>) {
        let world = self.world;
        let any: Option<Vec<&Vec<AcceleratorIx>>> =
            self.ways().map(|way| way.accelerators.as_ref()).collect();
        let Some(any) = any else { return world.by_price().clone() };
        let any: BTreeSet<AcceleratorIx> = any.into_iter().flatten().copied().collect();
        let mut list: Vec<OfferIx> = any.iter().flat_map(|a| world.with_accelerator(*a)).copied().collect();
        // Not unstable: what is sorted already, accelerator by accelerator, is merged.
        list.sort_by_key(|ix| (world.offer(*ix).hourly, *ix));
        list.dedup();
        list.into_iter().partition(|ix| world.offer(*ix).count.is_none())
    }

    /// Hours that it runs at least, wherever it runs.
    pub fn least_hours(&self) -> f64 {
        let Some(duration) = self.spec().duration else { return self.settings.horizon.hours() };
        let fastest = self.speeds.iter().map(|s| s.2.to_f64()).fold(0.0, f64::max);
        let hours = if fastest > 0.0 { duration.hours() / fastest } else { duration.hours() };
        // A hair less: run times are rounded to the nanosecond.
        hours * (1.0 - 1e-9)
    }

    /// The offers that pass every rule, and how many of the others each constraint excludes, each offer under
    /// the first.
    pub fn eligible(&self) -> (Vec<(OfferIx, Terms)>, IndexMap<Constraint, u64>) {
        let (free, limited) = self.candidates();
        let (mut offers, mut filtered) = (Vec::new(), BTreeMap::new());
        // The others have none of the accelerators asked for.
        let others = self.world.offers.len() - free.len() - limited.len();
        if others > 0 {
            filtered.insert(Constraint::Accelerator, others as u64);
        }
        for ix in free.into_iter().chain(limited) {
            match self.judge(ix, &mut Assumptions::ignored()) {
                Ok(terms) => offers.push((ix, terms)),
                Err(constraint) => *filtered.entry(constraint).or_default() += 1,
            }
        }
        (offers, filtered.into_iter().collect())
    }
}

/// Whether a constraint decides in which way a workload runs on an offer: that follows from what the offer
/// is, not from how much of it there is.
fn decides(by: Constraint) -> bool {
    !matches!(by, Constraint::Count | Constraint::Quota | Constraint::Deadline)
}
