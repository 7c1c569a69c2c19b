//! Policies by name.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plimsoll_model::{
    Capacity,
    scenario::{PolicySpec, Split, TraceFormat},
};
use plimsoll_packing::{
    fleet::Request,
    scores::{Mix, Regret, Score},
};

use super::{
    Fifo, Plan, Policy, Rank, Ranked,
    forecast::Forecast,
    shares::{self, Division, Shares, Terms},
    spot::{Kind, Places, Spot},
    when::{Choice, Class, Place, Rules, When},
};
use crate::{
    experiment::{Context, Problems, unknown},
    scorers,
    timed::{
        cluster::{Cluster, kept_for_gangs},
        job::{Job, Trace},
        market::Offer,
        prepare::Machines,
    },
};

/// What can be named over time, and what kind of policy it is.
const NAMES: &[(&str, Family)] = &[
    ("fifo", Family::Queue),
    ("shortest-remaining", Family::Queue),
    ("least-attained-service", Family::Queue),
    ("kube-default", Family::Scorer),
    ("best-fit", Family::Scorer),
    ("fgd", Family::Scorer),
    ("packing", Family::Scorer),
    ("clustering", Family::Scorer),
    ("dot-product", Family::Scorer),
    ("regret", Family::Scorer),
    ("first-fit", Family::Scorer),
    ("plan", Family::Plan),
    ("max-min", Family::Shares(Division::MaxMin)),
    ("makespan", Family::Shares(Division::Makespan)),
    ("finish-time-fairness", Family::Shares(Division::FinishTimeFairness)),
    ("max-throughput", Family::Shares(Division::MaxThroughput)),
    ("allox", Family::Shares(Division::Allox)),
    ("run-now", Family::When(Choice::Now)),
    ("lowest-slot", Family::When(Choice::LowestSlot)),
    ("lowest-window", Family::When(Choice::LowestWindow)),
    ("carbon-time", Family::When(Choice::CarbonTime)),
    ("suspend-threshold", Family::When(Choice::SuspendThreshold)),
    ("suspend-lowest", Family::When(Choice::SuspendLowest)),
    ("wait-for-reserved", Family::When(Choice::Latest)),
    ("on-demand", Family::Spot(Kind::OnDemand)),
    ("spot-greedy", Family::Spot(Kind::Greedy)),
    ("uniform-progress", Family::Spot(Kind::UniformProgress)),
    ("perfect-knowledge", Family::Spot(Kind::PerfectKnowledge)),
    ("random", Family::Sequence),
    ("mix", Family::Sequence),
];

/// Kinds of policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Orders a queue for machines.
    Queue,
    /// Chooses nodes for whatever fits.
    Scorer,
    Plan,
    /// Gives jobs shares of time on each kind of accelerator.
    Shares(Division),
    /// Chooses when to start.
    When(Choice),
    /// Has a deadline and capacity that comes and goes.
    Spot(Kind),
    /// Only in a sequence.
    Sequence,
}

/// Whether the policy of a name rents what is on offer.
pub(crate) fn rents(name: &str) -> bool {
    let rents = |family: &Family| matches!(family, Family::When(_) | Family::Spot(_));
    NAMES.iter().any(|(known, family)| *known == name && rents(family))
}

/// Whether the policy of a name decides when jobs start.
pub(crate) fn waits(name: &str) -> bool {
    NAMES.iter().any(|(known, family)| *known == name && matches!(family, Family::When(_)))
}

/// Whether the policy of a name decides by the carbon of electricity.
pub(crate) fn looks_at_carbon(name: &str) -> bool {
    let looks = |family: &Family| match family {
        Family::When(choice) => !matches!(choice, Choice::Now | Choice::Latest),
        _ => false,
    };
    NAMES.iter().any(|(known, family)| *known == name && looks(family))
}

/// The names of a family's policies.
fn names(of: impl Fn(Family) -> bool) -> Vec<&'static str> {
    NAMES.iter().filter(|(_, family)| of(*family)).map(|(name, _)| *name).collect()
}

/// How a policy of a scenario is made for a run.
#[derive(Clone)]
pub struct Maker {
    what: What,
    scorer: Option<Arc<dyn Score>>,
    /// Requests that no place can hold, with whether the job would be one for spot instances.
    misfits: Arc<BTreeSet<(Request, bool)>>,
}

#[derive(Clone)]
enum What {
    Fifo { backfill: bool },
    Plan { every: u64 },
    Ranked(Rank),
    Shares(Terms),
    When(Rules),
    Spot(Kind, Places),
}

impl Maker {
    /// Chooses nodes.
    pub fn scorer(&self) -> Option<Arc<dyn Score>> {
        self.scorer.clone()
    }

    /// Whether jobs run on machines of one's own, rather than on what is rented.
    pub(in crate::timed) fn is_on_machines(&self) -> bool {
        match &self.what {
            What::Fifo { .. } | What::Plan { .. } | What::Ranked(_) | What::Shares(_) => true,
            What::When(rules) => rules.place == Place::Machines,
            What::Spot(..) => false,
        }
    }

    /// Whether all of a job runs on one kind of accelerator.
    pub(in crate::timed) fn is_by_kind(&self) -> bool {
        matches!(self.what, What::Shares(_))
    }

    /// What a job's place depends on.
    pub(in crate::timed) fn key(&self, ask: &Request, work: u64, interruptible: bool) -> (Request, bool) {
        let spot = match &self.what {
            What::When(rules) => interruptible && rules.is_for_spot(work),
            What::Spot(kind, _) => interruptible && *kind != Kind::OnDemand,
            _ => false,
        };
        (ask.clone(), spot)
    }

    /// Whether any place holds such a job when nobody else is there.
    pub(in crate::timed) fn holds(
        &self,
        (ask, spot): &(Request, bool),
        empty: &mut Cluster,
        offers: &[Offer],
    ) -> bool {
        let holds = |offer: u16| offers[usize::from(offer)].holds(ask);
        match &self.what {
            What::When(rules) if rules.place == Place::Anywhere => true,
            What::When(rules) if rules.place == Place::Offers => rules.holds(offers, ask, *spot),
            // All of a job runs on one kind.
            What::Shares(terms) => terms.kinds.iter().any(|kind| shares::holds(empty, ask, *kind)),
            What::Spot(_, places) => holds(places.on_demand) && (!*spot || holds(places.spot)),
            _ => empty.could_hold(ask),
        }
    }

    /// Says what [`Maker::has_place`] answers no to.
    pub(in crate::timed) fn set_misfits(&mut self, misfits: Arc<BTreeSet<(Request, bool)>>) {
        self.misfits = misfits;
    }

    /// Whether a place can hold a job.
    pub fn has_place(&self, job: &Job) -> bool {
        let key = || self.key(&job.ask, job.work, job.interruptible);
        self.misfits.is_empty() || !self.misfits.contains(&key())
    }

    /// Whether it bounds what is possible and is no schedule.
    pub fn is_bound(&self) -> bool {
        matches!(self.what, What::Spot(Kind::PerfectKnowledge, _))
    }

    /// Whether rent is by whole ticks.
    pub fn bills_by_tick(&self) -> bool {
        matches!(self.what, What::Spot(..))
    }

    /// The policy of a run.
    pub fn policy<'a>(
        &'a self,
        trace: &Trace,
        seed: u64,
        forecast: &'a Forecast,
        tick: u64,
        offers: &'a [Offer],
    ) -> Box<dyn Policy + 'a> {
        match &self.what {
            What::Fifo { backfill } => Box::new(Fifo::new(*backfill)),
            What::Plan { every } => Box::new(Plan::new(*every)),
            What::Ranked(rank) => Box::new(Ranked::new(rank.clone())),
            What::Shares(terms) => Box::new(Shares::new(terms, seed)),
            What::When(rules) => Box::new(When::new(rules, means(rules, trace, seed, tick), forecast)),
            What::Spot(kind, places) => Box::new(Spot::new(*kind, *places, tick, offers)),
        }
    }
}

/// The classes with the mean durations of the jobs that belong to them.
fn means(rules: &Rules, trace: &Trace, seed: u64, tick: u64) -> Vec<Class> {
    let mut classes = rules.classes.clone();
    if rules.knows_duration {
        return classes;
    }
    let mut sums = vec![(0_u128, 0_u128); classes.len()];
    for job in trace.jobs(seed) {
        let found =
            classes.iter().position(|class| class.shorter_than.is_none_or(|limit| job.stated < limit));
        let (sum, count) = &mut sums[found.unwrap_or(classes.len() - 1)];
        (*sum, *count) = (*sum + u128::from(job.stated), *count + 1);
    }
    for (class, (sum, count)) in classes.iter_mut().zip(sums) {
        let mean = (sum / count.max(1)) as u64;
        class.mean = if tick > 0 { mean - mean % tick } else { mean };
    }
    classes
}

/// The policies of a scenario.
pub(in crate::timed) fn all(
    context: &mut Context<'_>,
    machines: &Machines,
    offers: &[Offer],
    has_carbon: bool,
    trace: &Trace,
) -> Result<Vec<Maker>, Problems> {
    let specs = context.point.scenario.value.run.policies.clone();
    let surroundings = Surroundings { machines, offers, has_carbon, trace };
    (0..)
        .zip(&specs)
        .map(|(at, spec)| surroundings.one(context, spec, &format!("run.policies[{at}]")))
        .collect()
}

/// Requests, and how many jobs ask each.
#[derive(Default)]
struct Asks {
    asks: Vec<Request>,
    counts: Vec<u64>,
}

struct Surroundings<'a> {
    machines: &'a Machines,
    offers: &'a [Offer],
    has_carbon: bool,
    trace: &'a Trace,
}

impl Surroundings<'_> {
    fn one(&self, context: &mut Context<'_>, spec: &PolicySpec, field: &str) -> Result<Maker, Problems> {
        let Some((_, family)) = NAMES.iter().find(|(name, _)| *name == spec.name) else {
            let (message, help) = unknown("policy", &spec.name, &names(|_| true));
            return context.refuse(field, message, &help);
        };
        // The queue by arrival has a namesake that knows kinds of accelerators.
        let by_kind = spec.name == "fifo" && spec.heterogeneity.is_some();
        let family = if by_kind { &Family::Shares(Division::Fifo) } else { family };
        self.check(context, spec, field, *family)?;
        let scorer = match family {
            Family::Queue => spec.scorer.as_deref(),
            Family::Scorer => Some(spec.name.as_str()),
            _ => None,
        };
        let scorer = match family {
            // A plan places what is larger than a node before the rest by its rank: it keeps nothing back.
            Family::Plan => Some(Arc::new(self.regret(context, &self.mix(), field)?) as Arc<dyn Score>),
            _ => scorer.map(|name| self.scorer(context, name, field)).transpose()?,
        };
        let what = match family {
            Family::Queue => match spec.name.as_str() {
                "fifo" => What::Fifo { backfill: spec.backfill.is_some() },
                "shortest-remaining" => What::Ranked(Rank::ShortestRemaining),
                _ => What::Ranked(Rank::LeastAttained(limits(context, spec, field)?)),
            },
            Family::Scorer => What::Fifo { backfill: true },
            Family::Plan => What::Plan { every: spec.every.map_or(300_000_000, micros) },
            Family::Shares(division) => {
                What::Shares(shares::terms(context, spec, field, *division, self.machines, self.trace)?)
            }
            Family::When(choice) => What::When(self.when(context, spec, field, *choice)?),
            Family::Spot(Kind::PerfectKnowledge)
                if self.offers.iter().any(|offer| offer.interruptions_per_hour > 0.0) =>
            {
                let message = "knows when spot ends only where `market.spot.availability` says it";
                return context.refuse(field, message, "leave interruptions_per_hour or the policy out");
            }
            Family::Spot(kind) => What::Spot(*kind, self.spot(context, spec, field, *kind)?),
            Family::Sequence => {
                let message = format!("`{}` is not simulated over time yet", spec.name);
                return context.refuse(field, message, "it is in mode = \"sequence\"");
            }
        };
        Ok(Maker { what, scorer, misfits: Arc::default() })
    }

    /// Settings that the policy would not look at, and what it needs.
    fn check(
        &self,
        context: &Context<'_>,
        spec: &PolicySpec,
        field: &str,
        family: Family,
    ) -> Result<(), Problems> {
        let queue = family == Family::Queue;
        let share = matches!(family, Family::Shares(_));
        // Without knowledge of kinds these two would be something else.
        let knows = matches!(family, Family::Shares(Division::MaxThroughput | Division::Allox));
        let when = matches!(family, Family::When(_));
        let rents = when || matches!(family, Family::Spot(_));
        for (name, given, allowed) in [
            ("backfill", spec.backfill.is_some(), queue && spec.name == "fifo"),
            ("queues", !spec.queues.is_empty(), spec.name == "least-attained-service"),
            ("scorer", spec.scorer.is_some(), queue),
            ("weights", !spec.weights.is_empty(), spec.name == "mix"),
            ("every", spec.every.is_some(), family == Family::Plan || share),
            ("reserved_first", spec.reserved_first.is_some(), when),
            ("spot_up_to", spec.spot_up_to.is_some(), when),
            ("knows_duration", spec.knows_duration.is_some(), when),
            ("heterogeneity", spec.heterogeneity.is_some(), share && !knows),
            ("without", !spec.without.is_empty(), rents),
        ] {
            if given && !allowed {
                let message = format!("means nothing to `{}`", spec.name);
                return context.refuse(&format!("{field}.{name}"), message, "remove it");
            }
        }
        if let Some(backfill) = spec.backfill.as_deref().filter(|backfill| *backfill != "any") {
            let message = format!("there is no way to backfill called `{backfill}`");
            return context.refuse(&format!("{field}.backfill"), message, "`any` is");
        }
        for (at, name) in spec.without.iter().enumerate() {
            if !self.offers.iter().any(|offer| offer.name == *name) {
                let known: Vec<&str> = self.offers.iter().map(|offer| offer.name.as_str()).collect();
                let (message, help) = unknown("offer", name, &known);
                return context.refuse(&format!("{field}.without[{at}]"), message, &help);
            }
        }
        let on_machines = matches!(family, Family::Queue | Family::Scorer | Family::Plan | Family::Shares(_));
        if on_machines && self.machines.cluster.nodes.is_empty() {
            let message = format!("`{}` needs machines", spec.name);
            return context.refuse(field, message, "add a section [cluster]");
        }
        Ok(())
    }

    fn when(
        &self,
        context: &Context<'_>,
        spec: &PolicySpec,
        field: &str,
        choice: Choice,
    ) -> Result<Rules, Problems> {
        let jobs = &context.point.scenario.value.jobs;
        if !self.has_carbon && looks_at_carbon(&spec.name) {
            return context.refuse(
                field,
                format!("`{}` needs to know the carbon", spec.name),
                "market.carbon = { … }",
            );
        }
        let mut classes: Vec<Class> = jobs
            .queues
            .iter()
            .map(|queue| Class {
                shorter_than: queue.shorter_than.map(micros),
                wait: queue.wait_up_to.map_or(0, micros),
                mean: 0,
            })
            .collect();
        if classes.is_empty() {
            classes.push(Class { shorter_than: None, wait: u64::MAX, mean: 0 });
        }
        let offers = (0..).zip(self.offers).filter(|(_, offer)| !spec.without.contains(&offer.name));
        let offers: Vec<(u16, Capacity)> = offers.map(|(at, offer)| (at, offer.capacity)).collect();
        let place = match (self.offers.is_empty(), self.machines.cluster.nodes.is_empty()) {
            (false, _) => Place::Offers,
            (true, false) => Place::Machines,
            (true, true) => Place::Anywhere,
        };
        if place == Place::Offers && offers.is_empty() {
            let message = format!("`{}` may use none of the offers", spec.title());
            return context.refuse(&format!("{field}.without"), message, "leave it one");
        }
        Ok(Rules {
            choice,
            classes,
            knows_duration: spec.knows_duration.unwrap_or(false),
            reserved_first: spec.reserved_first.unwrap_or(choice == Choice::Latest),
            spot_up_to: spec.spot_up_to.map(micros),
            slots: jobs.slots.map_or(0, micros),
            split: jobs.split.unwrap_or(Split::Any),
            offers,
            place,
        })
    }

    fn spot(
        &self,
        context: &Context<'_>,
        spec: &PolicySpec,
        field: &str,
        kind: Kind,
    ) -> Result<Places, Problems> {
        let of = |class: Capacity| {
            let mut found = (0..)
                .zip(self.offers)
                .filter(|(_, offer)| offer.capacity == class && !spec.without.contains(&offer.name));
            found.next().map(|(at, _): (u16, _)| at)
        };
        let on_demand = of(Capacity::OnDemand);
        let spot = of(Capacity::Spot).or(on_demand.filter(|_| kind == Kind::OnDemand));
        let (Some(spot), Some(on_demand)) = (spot, on_demand) else {
            let message = format!("`{}` needs an offer of capacity spot and one on-demand", spec.name);
            return context.refuse(field, message, "add them to market.offers");
        };
        let scenario = &context.point.scenario.value;
        if scenario.engine.tick.is_none_or(|tick| micros(tick) == 0) {
            let help = "engine.tick = \"10m\" is how often it looks and what rent is rounded up to";
            return context.refuse(field, format!("`{}` needs `engine.tick`", spec.name), help);
        }
        let has_deadlines = match self.trace {
            Trace::List(jobs) => jobs.iter().all(|job| job.deadline.is_some()),
            // All of them have one, or none.
            Trace::Generated(made) => made.jobs(0).take(1).all(|job| job.deadline.is_some()),
        };
        if kind != Kind::OnDemand && !has_deadlines {
            let help = "jobs.deadline, jobs.deadline_factor, or a column `deadline_s`";
            return context.refuse(field, format!("`{}` needs deadlines", spec.name), help);
        }
        Ok(Places { spot, on_demand })
    }

    fn scorer(&self, context: &mut Context<'_>, name: &str, field: &str) -> Result<Arc<dyn Score>, Problems> {
        let mix = || {
            let jobs: Vec<_> = self.trace.jobs(0).take(20_000).map(|job| job.ask).collect();
            Mix::typical(&jobs, 95)
        };
        if let Some(scorer) = scorers::named(name, mix) {
            return Ok(scorer);
        }
        if name == "regret" {
            let mix = self.mix();
            let regret = self.regret(context, &mix, field)?;
            // What takes more than a node is placed as pieces of whole nodes, which any scorer places alike: they are kept
            // back for as much of it as the mix has.
            let nodes = &self.machines.cluster.nodes;
            return Ok(Arc::new(regret.keeping(kept_for_gangs(nodes, &mix.asks, &mix.counts))));
        }
        let known = names(|family| family == Family::Scorer);
        let (message, help) = unknown("scorer", name, &known);
        context.refuse(&format!("{field}.scorer"), message, &help)
    }

    /// What the jobs that seed 0 makes ask for.
    fn mix(&self) -> Asks {
        let mut known: BTreeMap<Request, usize> = BTreeMap::new();
        let mut mix = Asks::default();
        for job in self.trace.jobs(0).take(20_000) {
            let at = *known.entry(job.ask).or_insert_with_key(|ask| {
                mix.asks.push(ask.clone());
                mix.counts.push(0);
                mix.asks.len() - 1
            });
            mix.counts[at] += 1;
        }
        mix
    }

    /// Regret at the prices of packing programs over a mix: what the planner's core thinks a place is worth.
    fn regret(&self, context: &mut Context<'_>, mix: &Asks, field: &str) -> Result<Regret, Problems> {
        let scorer = match scorers::regret(&self.machines.cluster.nodes, &mix.asks, &mix.counts) {
            Ok(scorer) => scorer,
            Err(error) => return context.refuse(field, error, ""),
        };
        let note = "regret: prices are of the mix of jobs that seed 0 makes";
        let made_up = context.point.scenario.value.trace.format == Some(TraceFormat::Generated);
        if made_up && !context.notes.iter().any(|known| known == note) {
            context.notes.push(note.to_owned());
        }
        Ok(scorer)
    }
}

fn micros(duration: plimsoll_model::Duration) -> u64 {
    (duration.nanos() / 1000) as u64
}

/// Run times at which a job falls to the next queue.
fn limits(context: &Context<'_>, spec: &PolicySpec, field: &str) -> Result<Vec<u64>, Problems> {
    let limits: Vec<u64> = spec.queues.iter().map(|limit| micros(*limit)).collect();
    if limits.is_empty() {
        return Ok(vec![3_250_000_000, 7_200_000_000]);
    }
    if limits.windows(2).any(|pair| pair[1] <= pair[0]) {
        return context.refuse(&format!("{field}.queues"), "limits must rise", "[\"3250s\", \"7200s\"]");
    }
    Ok(limits)
}
