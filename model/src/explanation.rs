//! Explanations: why a plan is as it is, as a value from which both the prose and the JSON are made.
//!
//! What a plan says itself is repeated in its own types ([`Placement`], [`Unplaced`], [`Price`]). What can
//! only be said with the documents it was made from is absent without them.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Time, Usd,
    document::ApiVersion,
    plan::{
        Constraint, ObjectiveParts, Placement, PlacementUsd, Price, Shortfall, Status, Unplaced, document,
    },
};

/// `kind: Explanation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum ExplanationKind {
    /// The only value.
    #[default]
    Explanation,
}

document! {
    /// The answer of `plimsoll explain`.
    pub struct Explanation {
        /// The version of the format.
        pub api_version: ApiVersion,
        /// The kind of document.
        pub kind: ExplanationKind,
        /// The plan that is explained.
        pub plan: PlanFacts,
        /// What it is explained from.
        pub basis: Basis,
        /// The workload asked about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub workload: Option<AboutWorkload>,
        /// The plan as a whole, when no workload was named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub whole: Option<AboutPlan>,
    }
}

/// What an explanation is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The plan alone.
    Plan,
    /// The plan and the documents it was made from.
    Documents,
}

document! {
    /// Which plan, and how good it is.
    pub struct PlanFacts {
        /// SHA-256 over the documents it was made from.
        pub digest: String,
        /// The planning moment.
        pub now: Time,
        /// How good the plan is.
        pub status: Status,
        /// What was minimised.
        pub total_usd: Usd,
        /// No plan costs less; null when nothing is proven.
        pub bound_usd: Option<Usd>,
        /// (total − bound) / bound.
        pub gap: Option<f64>,
        /// Workloads placed.
        pub placed: u64,
        /// Workloads left out.
        pub left_out: u64,
    }
}

document! {
    /// One workload: where it runs or why it does not, what binds it, and the offer asked about.
    pub struct AboutWorkload {
        /// Its name.
        pub name: String,
        /// Where it runs, as the plan has it.
        pub placement: Option<Placement>,
        /// Why it is left out, as the plan has it.
        pub unplaced: Option<Unplaced>,
        /// What made its placement cheap, or late.
        pub decisions: Vec<Decision>,
        /// The limits with a price that it meets (with the documents; else those of its own offers).
        pub prices: Vec<Price>,
        /// How many offers there are, and how many each rule excludes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub offers: Option<OfferCount>,
        /// What a single rule or limit costs it: all else as planned, without it the workload would cost less.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub would_save: Option<Vec<Saving>>,
        /// Why it is not on the offer asked about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub why_not: Option<WhyNot>,
    }
}

document! {
    /// How many offers a workload could choose from.
    #[derive(Eq)]
    pub struct OfferCount {
        /// All of the estate.
        pub all: u64,
        /// Those that pass every rule of the workload and the estate.
        pub eligible: u64,
        /// How many each rule excludes, each offer under the first.
        pub filtered: IndexMap<Constraint, u64>,
    }
}

document! {
    /// The plan as a whole.
    pub struct AboutPlan {
        /// The total by part.
        pub parts: ObjectiveParts,
        /// The part of it that is billed: compute, data, expected rework.
        pub billed_usd: Usd,
        /// The placements that cost most, the dearest first.
        pub dearest: Vec<Spender>,
        /// What teams spend, of what they may (with the documents).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub teams: Option<Vec<Team>>,
        /// The decisions that mattered most, the weightiest first.
        pub decisions: Vec<Decision>,
        /// What one more unit of a limit would save.
        pub prices: Vec<Price>,
        /// How far each limit is used (with the documents).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub limits: Option<Vec<LimitUse>>,
        /// The rules and limits that cost most, each alone and all else as planned (with the documents).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub would_save: Option<Vec<Saving>>,
        /// What is left out, and why.
        pub unplaced: Vec<Unplaced>,
        /// What is lacking of which limits for everything required to fit, when something is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub shortfall: Option<Shortfall>,
    }
}

document! {
    /// A placement and its share of the plan's cost.
    pub struct Spender {
        /// The workload.
        pub workload: String,
        /// The offer it runs on.
        pub offer: String,
        /// What it costs.
        pub usd: Usd,
    }
}

document! {
    /// What a team spends.
    pub struct Team {
        /// The team; null for workloads of none.
        pub team: Option<String>,
        /// Its workloads that are placed.
        pub workloads: u64,
        /// Compute, data and expected rework.
        pub usd: Usd,
        /// Its budget.
        pub budget_usd: Option<Usd>,
    }
}

document! {
    /// How far a limit is used.
    pub struct LimitUse {
        /// Which constraint.
        pub constraint: Constraint,
        /// Which one of them.
        pub name: String,
        /// The most that is in use at a moment (own machines: those on which anything runs), or the sum over
        /// the plan.
        pub used: f64,
        /// The limit.
        pub has: f64,
        /// The unit of both.
        pub unit: String,
        /// Who uses it, with how much.
        pub used_by: Vec<Holder>,
    }
}

document! {
    /// A workload that uses something limited.
    pub struct Holder {
        /// The workload.
        pub workload: String,
        /// How much of it, in the limit's unit.
        pub amount: f64,
    }
}

/// What made a choice what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DecisionKind {
    /// The offer is the cheapest: the next best costs more.
    Cheapest,
    /// A cheaper offer is left to others.
    GivesWay,
    /// The instances are paid for already.
    Reserved,
    /// Data that another workload reads in the same place is moved once.
    SharedData,
    /// The start was put off within the deadline.
    Waits,
    /// It runs in pieces within the deadline.
    Pieces,
}

document! {
    /// A decision, and what it is worth.
    pub struct Decision {
        /// What kind of decision.
        pub kind: DecisionKind,
        /// The workload.
        pub workload: String,
        /// The offer it runs on.
        pub offer: String,
        /// What the next best would cost more, or what was saved; null when it is not known.
        pub worth_usd: Option<Usd>,
        /// The other offer, the other workload, or the place of the data.
        pub other: Option<String>,
        /// What `other` would cost more, by part.
        pub because: IndexMap<String, Usd>,
        /// The dataset.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub dataset: Option<String>,
        /// Instances that are paid for already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub instances: Option<f64>,
        /// What the placement's compute costs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub compute_usd: Option<Usd>,
        /// What it would cost if nothing were reserved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub unreserved_usd: Option<Usd>,
        /// How many pieces it runs in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub pieces: Option<u64>,
        /// Hours until the start, or from the start to the end in pieces.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub hours: Option<f64>,
    }
}

document! {
    /// What a single rule or limit costs a workload.
    pub struct Saving {
        /// The workload.
        pub workload: String,
        /// The rule or limit.
        pub without: Barrier,
        /// The best offer that nothing else excludes.
        pub offer: String,
        /// What the plan would cost less with the workload there and all else as it is.
        pub saves_usd: Usd,
        /// The difference by part.
        pub because: IndexMap<String, Usd>,
    }
}

/// What stands between a workload and an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// It runs there.
    Chosen,
    /// It could run there and would cost more.
    Dearer,
    /// It could run there at the same cost.
    Same,
    /// It could run there for less: the plan is not the best possible.
    Cheaper,
    /// It could run there, but in a later of its ways than it does, and they are in order.
    Later,
    /// It is left out, could run there, and that would cost more than leaving it out.
    NotWorthIt,
    /// A rule of the workload or the estate excludes the offer, whatever the others do.
    Excluded,
    /// The offer would do, but not beside the other workloads as planned.
    Blocked,
    /// A figure that its price needs is nowhere stated.
    NoPrice,
    /// There is no such offer any more.
    NoOffer,
    /// The plan alone does not tell.
    Unknown,
}

document! {
    /// Why a workload is not on an offer.
    pub struct WhyNot {
        /// The offer asked about.
        pub offer: String,
        /// Its price an hour: the one in force, or without the documents the list price of the catalogue.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub hourly: Option<Usd>,
        /// The answer in a word.
        pub verdict: Verdict,
        /// Everything that excludes the offer, or stands in the way there beside the others.
        pub barriers: Vec<Barrier>,
        /// A figure that the price needs and nothing states.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub lacks: Option<String>,
        /// When it would start there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub start: Option<Time>,
        /// When it would end there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub end: Option<Time>,
        /// Instances it would take.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub instances: Option<f64>,
        /// What it would cost there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub usd: Option<PlacementUsd>,
        /// What the plan would cost more with it there and all else as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub extra_usd: Option<Usd>,
        /// The difference by part.
        #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
        pub because: IndexMap<String, Usd>,
        /// The best plan found with it there, where the others may give way.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub instead: Option<Instead>,
    }
}

document! {
    /// Something that excludes an offer or stands in the way.
    pub struct Barrier {
        /// Which constraint.
        pub constraint: Constraint,
        /// Which one of them: the team, the quota, the offer, the workload.
        pub name: String,
        /// What the placement needs.
        pub needs: serde_json::Value,
        /// What there is.
        pub has: serde_json::Value,
        /// By how much the limit would have to give; null where no unit fits.
        pub relax_by: Option<f64>,
        /// The unit of `relaxBy`, and of `needs` and `has` when they are numbers.
        pub unit: Option<String>,
        /// The other workloads that use the limit then, with how much.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub held_by: Vec<Holder>,
    }
}

document! {
    /// A plan in which a workload is forced onto an offer.
    pub struct Instead {
        /// What that plan costs in all.
        pub total_usd: Usd,
        /// What it costs more than the plan explained.
        pub extra_usd: Usd,
        /// When the workload starts there.
        pub start: Time,
        /// Whether it is proven that no such plan costs less.
        pub proven: bool,
        /// The other workloads that would move, or start at another time.
        pub moves: Vec<Relocation>,
        /// The workloads that would be left out beside those that are.
        pub left_out: Vec<String>,
    }
}

document! {
    /// Another offer or another time for a workload.
    #[derive(Eq)]
    pub struct Relocation {
        /// The workload.
        pub workload: String,
        /// The offer in the plan explained; null when it is left out there.
        pub from: Option<String>,
        /// The offer instead.
        pub to: String,
        /// When it starts in the plan explained.
        pub from_start: Option<Time>,
        /// When it starts instead.
        pub to_start: Time,
    }
}
