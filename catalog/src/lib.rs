//! What can be rented, where it is, and what moving, waiting and power cost there.
//!
//! Two halves. The *embedded* catalogue is text in `tables/` (made by `cargo run -p xtask -- tables`) and `facts/`
//! (made by hand), compiled into the program and parsed on first use into plain values that borrow from that text:
//! all 90,000 offers are there some milliseconds after the first call, and no row owns a string. The *file* half
//! ([`CatalogFile`]) reads a user's own catalogue, a CSV file, and trusts none of its bytes.
//!
//! Three things hold everywhere:
//!
//! - Every figure comes with its source and its date ([`Fact`]), and says when it is an estimate.
//! - What is not known is `None`, never 0. The caller turns that into an error or a stated assumption.
//! - No I/O, no clock, and no order that depends on hashing: slices and iterators are in the order of the tables,
//!   which is sorted.
//!
//! Money is an integer of billionths of a dollar, sizes are integers, so that no price is rounded on its way in.
//! README.md beside this file tells where the figures come from.

mod accelerator;
mod carbon;
mod country;
mod decimal;
mod file;
mod network;
mod offer;
mod power;
mod region;
mod risk;
mod source;
mod speed;
mod table;

pub use accelerator::{Accelerator, Kind, accelerator, accelerators, aliases, canonical};
pub use carbon::{CarbonFact, Shape, carbon};
pub use country::{Country, countries, country, country_in, is_jurisdiction};
pub use file::{COLUMNS, CatalogFile, FileError, FileErrors, FileOffer, SkyPilotFile};
pub use network::{Place, distance_km, egress, egress_to, rtt_estimate_ms, rtt_ms, throughput_gbps};
pub use offer::{
    Arch, Capacity, CatalogOffer, InstanceType, clouds, instance_types, newest_price_date, offers, offers_of,
};
pub use power::{host_watts, pue};
pub use region::{Region, region, regions, regions_named};
pub use risk::default_interruptions_per_hour;
pub use source::{Fact, Source, sources};
pub use speed::{Speed, speeds};
