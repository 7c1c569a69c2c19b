//! What a scenario says of prices, carbon, and what can be rented.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    section,
    values::{self, Count},
};
use crate::Capacity;

section! {
    /// Prices, carbon, and what can be rented.
    pub struct Market {
        /// Grams of CO2e a kWh over time.
        pub carbon: Option<SeriesFile>,
        /// $ a tonne of CO2e, where a policy weighs carbon against money; default 0.
        pub carbon_price: Option<f64>,
        /// $ a kWh over time, for machines of one's own.
        pub electricity: Option<SeriesFile>,
        /// Prices and availability of spot capacity.
        pub spot: Option<Spot>,
        /// What a policy sees of the future.
        pub forecast: Option<Forecast>,
        /// What may be rented.
        pub offers: Vec<MarketOffer>,
    }
}

section! {
    /// A series in a file.
    pub struct SeriesFile {
        /// A CSV file, plain or gzip.
        pub file: String,
        /// The column of times; default: the first.
        pub time: Option<String>,
        /// The column of values; default: the second.
        pub value: Option<String>,
        /// What a hole means; default `error`.
        pub gaps: Option<Gaps>,
    }
}

/// What a hole in a series means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gaps {
    /// The series is refused.
    #[default]
    Error,
    /// The value before it holds on.
    Hold,
    /// Values on the line between its ends.
    Linear,
}

section! {
    /// Spot capacity over time.
    pub struct Spot {
        /// What it costs.
        pub prices: Option<PriceSeries>,
        /// Whether it can be had.
        pub availability: Option<Availability>,
    }
}

section! {
    /// Prices of spot capacity.
    pub struct PriceSeries {
        /// The file.
        pub file: String,
        /// The offer whose price it is; default: the only spot offer.
        pub offer: Option<String>,
        /// Only rows of this zone.
        pub zone: Option<String>,
        /// Only rows of this instance type.
        pub instance_type: Option<String>,
    }
}

section! {
    /// Whether spot capacity can be had.
    pub struct Availability {
        /// `SkyPilot`'s JSON, or a log of instances that came and went.
        pub file: String,
        /// The offer that it is about; default: the only spot offer.
        pub offer: Option<String>,
        /// Only rows of this zone.
        pub zone: Option<String>,
        /// Only rows of this instance type.
        pub instance_type: Option<String>,
    }
}

section! {
    /// What a policy sees of the future.
    pub struct Forecast {
        /// The standard deviation of its error, as a part of the series' mean; default 0.
        pub carbon_error: Option<f64>,
        /// The form of the error; default `normal`.
        pub noise: Option<Noise>,
    }
}

/// The form of a forecast's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Noise {
    /// Gaussian.
    Normal,
}

section! {
    /// What may be rented.
    pub struct MarketOffer {
        /// Unique.
        pub name: String,
        /// How it is had; default `on-demand`.
        pub capacity: Option<Capacity>,
        /// The cloud.
        pub cloud: Option<String>,
        /// The region.
        pub region: Option<String>,
        /// The zone.
        pub zone: Option<String>,
        /// The provider's name for it.
        #[serde(alias = "instanceType")]
        pub instance_type: Option<String>,
        /// The kind of accelerator.
        pub accelerator: Option<String>,
        /// Accelerators of an instance.
        pub accelerators: Option<Count>,
        /// Cores of an instance; with 1 it is billed by the CPUs that jobs ask for.
        pub cpu: Option<Count>,
        /// Memory of an instance, such as `64Gi`.
        pub memory: Option<crate::Bytes>,
        /// $ an hour of an instance.
        pub hourly: f64,
        /// How many there are; default: without limit.
        pub count: Option<u64>,
        /// Whether it is paid for, used or not; default: for reserved capacity.
        pub sunk: Option<bool>,
        /// Watts of an instance under load.
        pub watts: Option<f64>,
        /// Energy of the site for each unit that machines draw.
        pub pue: Option<f64>,
        /// Interruptions per instance-hour.
        #[serde(alias = "interruptionsPerHour")]
        pub interruptions_per_hour: Option<f64>,
        /// From the request to the start of an instance.
        pub startup: Option<crate::Duration>,
    }
}
