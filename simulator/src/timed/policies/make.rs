//! Policies by name.

use std::sync::Arc;

use plimsoll_model::{
    Capacity,
    scenario::{PolicySpec, Split, TraceFormat},
};
use plimsoll_packing::scores::{
    BestFit, Clustering, DotProduct, Fgd, GpuPacking, KubeDefault, Mix, Regret, RegretParams, Sampling,
    Score, bids,
};

use super::{
    Fifo, Plan, Policy, Rank, Ranked,
    forecast::Forecast,
    spot::{Kind, Places, Spot},
    when::{Choice, Class, Rules, When},
};
use crate::{
    experiment::{Context, Problems, unknown},
    timed::{job::Trace, market::Offer, prepare::Machines},
};

/// What can be named over time.
const NAMES: [&str; 25] = [
    "fifo",
    "shortest-remaining",
    "least-attained-service",
    "kube-default",
    "best-fit",
    "fgd",
    "packing",
    "clustering",
    "dot-product",
    "regret",
    "plan",
    "run-now",
    "lowest-slot",
    "lowest-window",
    "carbon-time",
    "suspend-threshold",
    "suspend-lowest",
    "wait-for-reserved",
    "on-demand",
    "spot-greedy",
    "uniform-progress",
    "perfect-knowledge",
    "first-fit",
    "random",
    "mix",
];

/// How a policy of a scenario is made for a run.
#[derive(Clone)]
pub struct Maker {
    what: What,
    scorer: Option<Arc<dyn Score>>,
}

#[derive(Clone)]
enum What {
    Fifo { backfill: bool },
    Plan { every: u64 },
    Ranked(Rank),
    When(Rules),
    Spot(Kind, Places),
}

impl Maker {
    /// Chooses nodes.
    pub fn scorer(&self) -> Option<Arc<dyn Score>> {
        self.scorer.clone()
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

struct Surroundings<'a> {
    machines: &'a Machines,
    offers: &'a [Offer],
    has_carbon: bool,
    trace: &'a Trace,
}

impl Surroundings<'_> {
    fn one(&self, context: &mut Context<'_>, spec: &PolicySpec, field: &str) -> Result<Maker, Problems> {
        self.check(context, spec, field)?;
        let queue = |what: What, scorer: Option<Arc<dyn Score>>| Maker { what, scorer };
        let named = spec.scorer.as_deref().map(|name| self.scorer(context, name, field)).transpose()?;
        Ok(match spec.name.as_str() {
            "fifo" => queue(What::Fifo { backfill: spec.backfill.as_deref() == Some("any") }, named),
            "shortest-remaining" => queue(What::Ranked(Rank::ShortestRemaining), named),
            "least-attained-service" => {
                let limits = if spec.queues.is_empty() {
                    vec![3_250_000_000, 7_200_000_000]
                } else {
                    spec.queues.iter().map(|limit| (limit.nanos() / 1000) as u64).collect()
                };
                if limits.windows(2).any(|pair| pair[1] <= pair[0]) {
                    return context.refuse(
                        &format!("{field}.queues"),
                        "limits must rise",
                        "[\"3250s\", \"7200s\"]",
                    );
                }
                queue(What::Ranked(Rank::LeastAttained(limits)), named)
            }
            name @ ("kube-default" | "best-fit" | "fgd" | "packing" | "clustering" | "dot-product"
            | "regret" | "first-fit") => {
                let score = self.scorer(context, name, field)?;
                queue(What::Fifo { backfill: true }, Some(score))
            }
            "plan" => {
                let every = spec.every.map_or(300_000_000, |every| (every.nanos() / 1000) as u64);
                queue(What::Plan { every }, Some(self.regret(context, field)?))
            }
            "run-now" => self.when(context, spec, field, Choice::Now)?,
            "lowest-slot" => self.when(context, spec, field, Choice::LowestSlot)?,
            "lowest-window" => self.when(context, spec, field, Choice::LowestWindow)?,
            "carbon-time" => self.when(context, spec, field, Choice::CarbonTime)?,
            "suspend-threshold" => self.when(context, spec, field, Choice::SuspendThreshold)?,
            "suspend-lowest" => self.when(context, spec, field, Choice::SuspendLowest)?,
            "wait-for-reserved" => self.when(context, spec, field, Choice::Latest)?,
            "on-demand" => self.spot(context, spec, field, Kind::OnDemand)?,
            "spot-greedy" => self.spot(context, spec, field, Kind::Greedy)?,
            "uniform-progress" => self.spot(context, spec, field, Kind::UniformProgress)?,
            "perfect-knowledge" => self.spot(context, spec, field, Kind::PerfectKnowledge)?,
            known if NAMES.contains(&known) => {
                let help = "it is in mode = \"sequence\"";
                return context.refuse(field, format!("`{known}` is not simulated over time yet"), help);
            }
            name => {
                let (message, help) = unknown("policy", name, &NAMES);
                return context.refuse(field, message, &help);
            }
        })
    }

    /// Settings that the policy would not look at.
    fn check(&self, context: &Context<'_>, spec: &PolicySpec, field: &str) -> Result<(), Problems> {
        let queue = ["fifo", "shortest-remaining", "least-attained-service"].contains(&spec.name.as_str());
        let when = NAMES[11..18].contains(&spec.name.as_str());
        for (name, given, allowed) in [
            ("backfill", spec.backfill.is_some(), spec.name == "fifo"),
            ("queues", !spec.queues.is_empty(), spec.name == "least-attained-service"),
            ("scorer", spec.scorer.is_some(), queue),
            ("weights", !spec.weights.is_empty(), spec.name == "mix"),
            ("every", spec.every.is_some(), spec.name == "plan"),
            ("reserved_first", spec.reserved_first.is_some(), when),
            ("spot_up_to", spec.spot_up_to.is_some(), when),
            ("knows_duration", spec.knows_duration.is_some(), when),
            ("heterogeneity", spec.heterogeneity.is_some(), false),
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
        let owns = !self.machines.cluster.nodes.is_empty();
        if !owns && (queue || NAMES[3..11].contains(&spec.name.as_str())) {
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
    ) -> Result<Maker, Problems> {
        let jobs = &context.point.scenario.value.jobs;
        if !self.has_carbon && !matches!(choice, Choice::Now | Choice::Latest) {
            return context.refuse(
                field,
                format!("`{}` needs to know the carbon", spec.name),
                "market.carbon = { … }",
            );
        }
        let micros = |duration: plimsoll_model::Duration| (duration.nanos() / 1000) as u64;
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
        let rules = Rules {
            choice,
            classes,
            knows_duration: spec.knows_duration.unwrap_or(false),
            reserved_first: spec.reserved_first.unwrap_or(choice == Choice::Latest),
            spot_up_to: spec.spot_up_to.map(micros),
            slots: jobs.slots.map_or(0, micros),
            split: jobs.split.unwrap_or(Split::Any),
            offers: offers.map(|(at, offer)| (at, offer.capacity)).collect(),
        };
        Ok(Maker { what: What::When(rules), scorer: None })
    }

    fn spot(
        &self,
        context: &Context<'_>,
        spec: &PolicySpec,
        field: &str,
        kind: Kind,
    ) -> Result<Maker, Problems> {
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
        if scenario.engine.tick.is_none_or(|tick| tick.nanos() == 0) {
            let help = "engine.tick = \"10m\" is how often it looks and what rent is rounded up to";
            return context.refuse(field, format!("`{}` needs `engine.tick`", spec.name), help);
        }
        if kind != Kind::OnDemand && self.trace.jobs(0).take(1000).any(|job| job.deadline.is_none()) {
            let help = "jobs.deadline, jobs.deadline_factor, or a column `deadline_s`";
            return context.refuse(field, format!("`{}` needs deadlines", spec.name), help);
        }
        Ok(Maker { what: What::Spot(kind, Places { spot, on_demand }), scorer: None })
    }

    fn scorer(&self, context: &mut Context<'_>, name: &str, field: &str) -> Result<Arc<dyn Score>, Problems> {
        let mix = || {
            let jobs: Vec<_> = self.trace.jobs(0).take(20_000).map(|job| job.ask).collect();
            Mix::typical(&jobs, 95)
        };
        Ok(match name {
            "kube-default" => Arc::new(KubeDefault),
            "best-fit" => Arc::new(BestFit),
            "packing" => Arc::new(GpuPacking),
            "clustering" => Arc::new(Clustering),
            "dot-product" => Arc::new(DotProduct),
            "first-fit" => Arc::new(FirstFit),
            "fgd" => Arc::new(Fgd::new(&mix())),
            "regret" | "plan" => self.regret(context, field)?,
            _ => {
                let known = [
                    "kube-default",
                    "best-fit",
                    "packing",
                    "clustering",
                    "dot-product",
                    "first-fit",
                    "fgd",
                    "regret",
                ];
                let (message, help) = unknown("scorer", name, &known);
                return context.refuse(&format!("{field}.scorer"), message, &help);
            }
        })
    }

    /// Regret at the prices of packing programs over the mix of jobs: what the planner's core thinks a place is worth.
    fn regret(&self, context: &mut Context<'_>, field: &str) -> Result<Arc<dyn Score>, Problems> {
        let nodes = &self.machines.cluster.nodes;
        let mut classes = Vec::new();
        let mut counts: Vec<u64> = Vec::new();
        for job in self.trace.jobs(0).take(20_000) {
            if let Some(at) = classes.iter().position(|known| *known == job.ask) {
                counts[at] += 1;
            } else {
                classes.push(job.ask);
                counts.push(1);
            }
        }
        // What takes more than a node is placed as pieces of whole nodes, which any scorer places alike.
        let prices = match bids(nodes, &classes, &counts, Sampling::default()) {
            Ok(prices) => prices,
            Err(error) => return context.refuse(field, format!("no prices for `regret`: {error}"), ""),
        };
        if context.point.scenario.value.trace.format == Some(TraceFormat::Generated) {
            context.notes.push("regret: prices are of the mix of jobs that seed 0 makes".to_owned());
        }
        Ok(Arc::new(Regret::new(nodes, &classes, &prices, RegretParams::default())))
    }
}

/// All nodes alike: the first is taken.
struct FirstFit;

impl Score for FirstFit {
    fn name(&self) -> &'static str {
        "first-fit"
    }

    fn score(&self, _: &plimsoll_packing::fleet::Request, _: plimsoll_packing::scores::View<'_>) -> i64 {
        0
    }
}
