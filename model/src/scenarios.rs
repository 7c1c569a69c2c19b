//! Scenarios: what prices, interruptions and carbon may come to, and what plans cost then.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    GramsPerKwh, Match, PerHour, Ratio, Time, Usd,
    estate::PriceRule,
    plan::{Constraint, Run, document},
};

document! {
    /// What may come instead of what the estate states: its changes apply to what is in force there, in
    /// order, each on the result of the one before.
    #[derive(Default)]
    pub struct Scenario {
        /// Its name, unique.
        pub name: String,
        /// How much it counts in an average, as a share of all weights (1).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub weight: Option<Ratio>,
        /// Changes of hourly prices, after the estate's own `prices`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub prices: Vec<PriceRule>,
        /// Changes of the rate at which spot instances are interrupted.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub interruptions: Vec<InterruptionChange>,
        /// Changes of carbon intensity.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub carbon_intensity: Vec<CarbonChange>,
    }
}

impl Scenario {
    /// Its weight.
    pub fn weight(&self) -> Ratio {
        self.weight.unwrap_or(Ratio::from_units(1))
    }
}

document! {
    /// Another rate of interruptions of the matching spot offers. It does one of the two.
    #[derive(Default)]
    pub struct InterruptionChange {
        /// Which offers.
        #[serde(rename = "match", default)]
        pub matches: Match,
        /// Multiplies the rate.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub multiply: Option<Ratio>,
        /// Replaces the rate: expected an instance-hour.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub per_hour: Option<PerHour>,
    }
}

document! {
    /// Another carbon intensity of every place that it covers, at all times. It does one of the two.
    #[derive(Default)]
    pub struct CarbonChange {
        /// A place or `*`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub region: Option<String>,
        /// A grid zone, as sites name it in `carbon.zone`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub zone: Option<String>,
        /// Multiplies the intensity.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub multiply: Option<Ratio>,
        /// Replaces the intensity.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub grams_per_kwh: Option<GramsPerKwh>,
    }
}

/// What a plan over scenarios is the best in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Aim {
    /// The cost on average, by the scenarios' weights.
    Average,
    /// The largest regret: what the plan costs more than the best plan of a scenario, where that is most.
    Regret,
}

impl Aim {
    /// The name in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::Regret => "regret",
        }
    }
}

document! {
    /// What a plan costs in each of the estate's scenarios, and how good that is. Money is the whole total:
    /// all parts, and the value of what is left out.
    pub struct Outlook {
        /// What the plan is the best in.
        pub aim: Aim,
        /// What it costs on average.
        pub expected_usd: Usd,
        /// Its largest regret.
        pub max_regret_usd: Usd,
        /// No plan has less of what is aimed at; null when nothing is proven.
        pub bound_usd: Option<Usd>,
        /// (what is aimed at − bound) / bound; 0 when equal, null when the bound is not positive.
        pub gap: Option<f64>,
        /// What it comes to in each scenario, as the estate lists them.
        pub scenarios: Vec<InScenario>,
        /// Other plans: the best for what the estate states (`forecast`), then the best with another aim,
        /// and the best of each scenario; each with what it costs everywhere.
        pub beside: Vec<Beside>,
        /// Plans that were searched for.
        pub solves: u64,
    }
}

document! {
    /// A plan in a scenario.
    pub struct InScenario {
        /// The scenario.
        pub name: String,
        /// Its share of all weights.
        pub weight: f64,
        /// What the plan costs.
        pub usd: Usd,
        /// What the best plan for this scenario costs, of all that were seen.
        pub best_usd: Usd,
        /// No plan costs less in it; null when nothing is proven.
        pub best_bound_usd: Option<Usd>,
        /// What the plan costs more than the best.
        pub regret_usd: Usd,
        /// The plan's emissions, kg CO2e; null when a figure is missing.
        pub carbon_kg: Option<f64>,
        /// The limits on money and carbon that the plan keeps for what the estate states and would break
        /// here, by name, with how much is too much in dollars or kilograms.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub exceeds: Vec<Exceeds>,
    }
}

document! {
    /// A limit that is broken in a scenario.
    pub struct Exceeds {
        /// Which constraint.
        pub constraint: Constraint,
        /// Which one of them: the team, the workload, or `plan`.
        pub name: String,
        /// By how much.
        pub by: f64,
        /// The unit of `by`: usd or kg.
        pub unit: String,
    }
}

document! {
    /// Another plan, as what is different.
    pub struct Beside {
        /// What it is the best for: `forecast`, `average`, `regret`, or `scenario`.
        pub of: Aspect,
        /// The scenario, when it is the best for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub scenario: Option<String>,
        /// What it costs at what the estate states.
        pub forecast_usd: Usd,
        /// What it costs on average.
        pub expected_usd: Usd,
        /// Its largest regret.
        pub max_regret_usd: Usd,
        /// What it costs in each scenario, by name.
        pub usd: IndexMap<String, Usd>,
        /// The workloads that it places otherwise than this plan.
        pub differs: Vec<Differs>,
    }
}

/// What another plan is the best for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Aspect {
    /// What the estate states.
    Forecast,
    /// The average.
    Average,
    /// The largest regret.
    Regret,
    /// One scenario.
    Scenario,
}

document! {
    /// A workload that another plan places otherwise.
    pub struct Differs {
        /// The workload.
        pub workload: String,
        /// Where it is in the other plan; null when it is left out there.
        pub offer: Option<String>,
        /// When it starts there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub start: Option<Time>,
        /// The pieces, when it runs in more than one there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub runs: Option<Vec<Run>>,
        /// The nodes and devices there, on own machines.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub nodes: Option<Vec<crate::plan::NodeUse>>,
    }
}
