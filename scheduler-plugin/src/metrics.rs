//! What Prometheus reads from `/metrics`.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

/// Labels of a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    verb: &'static str,
    answer: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Verb {
    verb: &'static str,
}

/// Labels of what the controller does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct What {
    what: &'static str,
}

/// A gauge of a real number.
type Real = Gauge<f64, AtomicU64>;

/// Every metric.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    calls: Family<Call, Counter>,
    seconds: Family<Verb, Histogram, fn() -> Histogram>,
    refused: Family<What, Counter>,
    done: Family<What, Counter>,
    failed: Family<What, Counter>,
    spans: Family<What, Counter>,
    pods: Family<What, Gauge>,
    watches: Family<What, Gauge>,
    view_age: Real,
    plan_age: Real,
    plan_gap: Real,
    plan_seconds: Real,
    plan_usd: Real,
    plan_grams: Real,
    plan_unpriced: Gauge,
    leader: Gauge,
    synced: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        // 50 µs to 1.6 s, by doubling.
        let seconds = Family::new_with_constructor(
            (|| Histogram::new(exponential_buckets(5e-5, 2.0, 16))) as fn() -> Histogram,
        );
        let mut it = Self {
            registry: Registry::with_prefix("plimsoll"),
            calls: Family::default(),
            seconds,
            refused: Family::default(),
            done: Family::default(),
            failed: Family::default(),
            spans: Family::default(),
            pods: Family::default(),
            watches: Family::default(),
            view_age: Real::default(),
            plan_age: Real::default(),
            plan_gap: Real::default(),
            plan_seconds: Real::default(),
            plan_usd: Real::default(),
            plan_grams: Real::default(),
            plan_unpriced: Gauge::default(),
            leader: Gauge::default(),
            synced: Gauge::default(),
        };
        let to = &mut it.registry;
        to.register("calls", "Calls by verb and how they were answered", it.calls.clone());
        to.register_with_unit(
            "call",
            "From the whole body read to the answer made",
            Unit::Seconds,
            it.seconds.clone(),
        );
        to.register("refused_requests", "Requests that were no calls, by status", it.refused.clone());
        to.register("controller_actions", "What the controller did to pods", it.done.clone());
        to.register("controller_failures", "What failed and is tried again", it.failed.clone());
        to.register("spans", "Spans of traces by what became of them", it.spans.clone());
        to.register("pods", "Pods by what they wait for", it.pods.clone());
        to.register(
            "watches",
            "1 for each kind of object that is watched, 0 for those that the cluster does not serve or allow, or of which nothing comes",
            it.watches.clone(),
        );
        to.register_with_unit(
            "view_age",
            "Since the published view was true",
            Unit::Seconds,
            it.view_age.clone(),
        );
        to.register_with_unit("plan_age", "Since the last plan was made", Unit::Seconds, it.plan_age.clone());
        to.register_with_unit(
            "plan_gap",
            "Of the last plan to its bound, a part",
            Unit::Ratios,
            it.plan_gap.clone(),
        );
        to.register_with_unit(
            "plan_time",
            "Making the last plan took",
            Unit::Seconds,
            it.plan_seconds.clone(),
        );
        to.register(
            "plan_usd_per_hour",
            "Price of the nodes that pods with accelerators run on or are planned on",
            it.plan_usd.clone(),
        );
        to.register(
            "plan_co2e_grams_per_hour",
            "What these nodes emit under load, as far as that is known",
            it.plan_grams.clone(),
        );
        to.register(
            "plan_unpriced_nodes",
            "Those of them that have no known price",
            it.plan_unpriced.clone(),
        );
        to.register("leader", "1 for the replica that plans", it.leader.clone());
        to.register("synced", "1 once the cluster has been seen whole", it.synced.clone());
        it
    }
}

/// What pods wait for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Behind our gate.
    pub gated: usize,
    /// Planned and on their way.
    pub planned: usize,
    /// Open, and no plan has them.
    pub unplanned: usize,
}

impl Metrics {
    /// A call was answered.
    pub fn called(&self, verb: &'static str, answer: &'static str, took: Duration) {
        self.calls.get_or_create(&Call { verb, answer }).inc();
        self.seconds.get_or_create(&Verb { verb }).observe(took.as_secs_f64());
    }

    /// A request was refused.
    pub fn refused(&self, why: &'static str) {
        self.refused.get_or_create(&What { what: why }).inc();
    }

    /// The controller did something.
    pub fn did(&self, what: &'static str) {
        self.done.get_or_create(&What { what }).inc();
    }

    /// Something failed.
    pub fn failed(&self, what: &'static str) {
        self.failed.get_or_create(&What { what }).inc();
    }

    /// Spans of traces were exported, refused by the collector, or dropped for want of room.
    pub fn spans(&self, what: &'static str, count: u64) {
        self.spans.get_or_create(&What { what }).inc_by(count);
    }

    /// How many pods wait for what.
    pub fn waiting(&self, waiting: Waiting) {
        for (what, count) in
            [("gated", waiting.gated), ("planned", waiting.planned), ("unplanned", waiting.unplanned)]
        {
            self.pods.get_or_create(&What { what }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Whether a kind of object is watched that there need not be.
    pub fn watches(&self, what: &'static str, is_watched: bool) {
        self.watches.get_or_create(&What { what }).set(i64::from(is_watched));
    }

    /// A plan was made.
    pub fn planned(&self, gap: f64, took: Duration) {
        self.plan_gap.set(gap);
        self.plan_seconds.set(took.as_secs_f64());
    }

    /// What the nodes of a plan cost, in dollars an hour, and emit, in grams an hour; how many have no known price.
    pub fn billed(&self, usd: f64, grams: f64, unpriced: usize) {
        self.plan_usd.set(usd);
        self.plan_grams.set(grams);
        self.plan_unpriced.set(i64::try_from(unpriced).unwrap_or(i64::MAX));
    }

    /// How old view and plan are, in seconds; nothing where there is none yet.
    pub fn ages(&self, view: Option<f64>, plan: Option<f64>) {
        self.view_age.set(view.unwrap_or(f64::INFINITY));
        self.plan_age.set(plan.unwrap_or(f64::INFINITY));
    }

    /// Whether this replica plans, and has seen the cluster.
    pub fn state(&self, leads: bool, synced: bool) {
        self.leader.set(i64::from(leads));
        self.synced.set(i64::from(synced));
    }

    /// All of it, as Prometheus reads it.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        _ = text::encode(&mut out, &self.registry);
        out
    }
}
