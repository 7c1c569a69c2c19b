//! Everything a plan is made from, read and checked but not yet interpreted.
//!
//! The planner and the independent checker both start here and share nothing beyond it.

use std::collections::BTreeMap;

use crate::{GramsPerKwh, OfferSpec, Time, Workload, estate::EstateSpec, plan::Assumption, read::Places};

/// The documents and the files they name.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    /// The workloads in document order: the command line's, a folder's files by name.
    pub workloads: Vec<Workload>,
    /// The estate; the default one (embedded catalogue) when no document states one.
    pub estate: EstateSpec,
    /// Whether the embedded catalogue is among the estate's `catalog`.
    pub embedded_catalog: bool,
    /// The offers of the estate's catalogue files, in order. A later offer replaces an earlier one of
    /// the same name, and the estate's own `offers` replace both.
    pub file_offers: Vec<OfferSpec>,
    /// The carbon series the estate names, by path as written.
    pub series: BTreeMap<String, Series>,
    /// What other programs' documents do not say and was assumed, and which of them were passed over.
    pub assumptions: Vec<Assumption>,
    /// Where the documents are written, for messages.
    pub places: Places,
    /// SHA-256 (hex) over everything read.
    pub digest: String,
}

/// Carbon intensity over time: each value holds until the next one's time, the last one on, and the
/// first one also before. Never empty; times strictly ascend.
pub type Series = Vec<(Time, GramsPerKwh)>;
