//! What the checker asks of the embedded tables, and nothing else of the catalogue.
//!
//! One trait, so that the tests can answer with figures that are easy to compute by hand. Figures that
//! the tables hold as floats become quantities by their shortest decimal text
//! (`Quantity::from_f64`), as they would from a document.

mod embedded;

pub(crate) use embedded::Embedded;

use plimsoll_model::{
    AcceleratorKind, Bytes, Cpu, GbitPerSecond, GramsPerKwh, Millisecond, OfferSpec, PerHour, Ratio, Usd,
    Watts,
};

/// What is known of an accelerator, whatever `defaults` says: names and memory are facts, not defaults.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Accelerator {
    /// The name that aliases lead to.
    pub(crate) name: String,
    pub(crate) kind: AcceleratorKind,
    pub(crate) memory: Option<Bytes>,
    pub(crate) watts: Option<Watts>,
}

/// Carbon intensity over a typical year.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct YearlyCarbon {
    pub(crate) grams_per_kwh: GramsPerKwh,
    /// Factors by month and hour of the day in UTC, where known.
    pub(crate) shape: Option<Box<[[Ratio; 24]; 12]>>,
}

/// A region of a cloud: (cloud, region).
pub(crate) type CloudRegion<'a> = (&'a str, &'a str);

/// Degrees north and east.
pub(crate) type Coordinates = (f64, f64);

/// A figure of the tables.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Figure<'a> {
    /// Power of an accelerator.
    Accelerator(&'a str),
    /// Power of hosts in a cloud, or `on-prem`.
    Host(&'a str),
    /// PUE of a cloud's building or of one's own.
    Pue(Option<&'a str>),
    /// Interruptions of spot offers of which nobody publishes any.
    Interruptions,
    /// Dollars a GB.
    Egress(CloudRegion<'a>, CloudRegion<'a>),
    /// Dollars a GB to a place that no cloud has, in a country.
    EgressTo(CloudRegion<'a>, Option<&'a str>),
    /// Round-trip time as measured.
    Rtt(CloudRegion<'a>, CloudRegion<'a>),
    /// Round-trip time by distance.
    RttByDistance(Coordinates, Coordinates),
    /// Throughput.
    Throughput(CloudRegion<'a>, CloudRegion<'a>),
    /// Carbon intensity.
    Carbon(CloudRegion<'a>),
}

/// What a plan has to say of a figure that it takes from the tables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    /// With its unit, and whether it is an estimate.
    pub(crate) value: String,
    pub(crate) source: String,
    pub(crate) as_of: String,
}

/// The embedded tables.
pub(crate) trait Tables {
    /// What a plan has to say of a figure.
    fn said(&self, figure: Figure<'_>) -> Option<Said>;

    /// An accelerator by its name or an alias.
    fn accelerator(&self, name: &str) -> Option<Accelerator>;
    /// Whether the country lies in the jurisdiction: itself, `EU`, `EEA` or a continent.
    fn country_in(&self, country: &str, jurisdiction: &str) -> bool;
    /// The country of a region.
    fn country_of(&self, region: CloudRegion<'_>) -> Option<String>;
    /// The clouds that have a region of this bare name.
    fn clouds_with(&self, region: &str) -> Vec<String>;
    /// An embedded offer by name.
    fn offer(&self, name: &str) -> Option<OfferSpec>;
    /// Every embedded offer.
    fn offers(&self) -> Vec<OfferSpec>;
    /// The day of the newest embedded price.
    fn newest_price(&self) -> String;
    /// Power of a host under load without its accelerators, in a cloud or of one's own.
    fn host_watts(&self, cloud: Option<&str>, cpu: Cpu, memory: Bytes) -> Option<Watts>;
    /// PUE of a cloud's building or of one's own.
    fn pue(&self, cloud: Option<&str>) -> Option<Ratio>;
    /// Dollars a GB.
    fn egress(&self, from: CloudRegion<'_>, to: CloudRegion<'_>) -> Option<Usd>;
    /// Dollars a GB to a place that no cloud has, in a country if that is known.
    fn egress_to(&self, from: CloudRegion<'_>, country: Option<&str>) -> Option<Usd>;
    /// Round-trip time as measured.
    fn rtt(&self, from: CloudRegion<'_>, to: CloudRegion<'_>) -> Option<Millisecond>;
    /// Where a region lies.
    fn coordinates(&self, region: CloudRegion<'_>) -> Option<Coordinates>;
    /// Round-trip time by distance.
    fn rtt_by_distance(&self, from: Coordinates, to: Coordinates) -> Option<Millisecond>;
    /// Throughput.
    fn throughput(&self, from: CloudRegion<'_>, to: CloudRegion<'_>) -> Option<GbitPerSecond>;
    /// Carbon intensity.
    fn carbon(&self, region: CloudRegion<'_>) -> Option<YearlyCarbon>;
    /// Interruptions an instance-hour of a spot offer of which nobody publishes any.
    fn interruptions(&self) -> Option<PerHour>;
}
