//! What lies between places: egress, throughput, round-trip time.
//!
//! The estate's rows come first: the most specific wins (`from` before `to`), of equal ones the last.
//! Where no row names a site, the region near it stands for it. What no row covers comes from the
//! embedded tables (noted as an assumption), or is missing.

use plimsoll_catalog as catalog;
use plimsoll_model::{
    Bytes, GbitPerSecond, Millisecond, Usd,
    estate::{EgressModel, EgressRow, LatencyRow, ThroughputRow},
};

use super::{Assumptions, LocationIx, World, note, place::NAMES};

/// The throughput where nothing is known: 5 Gbit/s.
pub(super) const DEFAULT_GBPS: GbitPerSecond = GbitPerSecond::from_units(5);

/// Tiers of the internet price list of a provider: (bytes up to, dollars a GB of 2^30 bytes).
type Tiers = Vec<(u64, Usd)>;

/// A row about two places.
trait Row {
    fn from(&self) -> &str;
    fn to(&self) -> &str;
}

macro_rules! row {
    ($($name:ident),*) => {
        $(impl Row for $name {
            fn from(&self) -> &str {
                &self.from
            }
            fn to(&self) -> &str {
                &self.to
            }
        })*
    };
}
row!(EgressRow, LatencyRow, ThroughputRow);

/// The network of a world.
#[derive(Debug, Clone, Copy)]
pub struct Network<'w> {
    world: &'w World<'w>,
}

impl<'a> World<'a> {
    /// What lies between its places.
    pub const fn network(&'a self) -> Network<'a> {
        Network { world: self }
    }
}

impl<'w> Network<'w> {
    /// Whether transfer is charged by provider instead of by pair.
    pub fn by_cloud(self) -> bool {
        self.world.inputs.estate.egress_model.unwrap_or_default() == EgressModel::Cloud
    }

    /// Dollars a GB of 2^30 bytes from a place to another; `None` where nothing states it.
    pub fn egress(self, from: LocationIx, to: LocationIx, notes: &mut Assumptions) -> Option<Usd> {
        if self.same(from, to) {
            return Some(Usd::ZERO);
        }
        let (from, to) = match self.lookup(&self.world.inputs.estate.egress, from, to, false) {
            Found::Row(row) => return Some(row.usd_per_gb),
            Found::Same => return Some(Usd::ZERO),
            Found::Nothing(..) if !self.world.embedded_defaults() => return None,
            Found::Nothing(from, to) => (from, to),
        };
        let (source, target) = (self.pair(from)?, self.pair(to));
        let fact = match target {
            Some(target) => catalog::egress(source, target),
            None => catalog::egress_to(source, self.world.places.country(to)),
        }?;
        let usd = Usd::from_pico(i128::from(fact.value) * 1000);
        let estimate = if fact.estimate { ", a default" } else { "" };
        note!(
            notes,
            format!("egress from {} to {}", self.label(from), self.label(to)),
            format!("{usd} $/GB{estimate}"),
            fact.source,
            Some(fact.as_of),
        );
        Some(usd)
    }

    /// Dollars for moving `bytes`, exactly, as a count of 10^-12 dollars over 2^30; `None` where nothing
    /// states the price.
    pub fn egress_usd(
        self,
        from: LocationIx,
        to: LocationIx,
        bytes: Bytes,
        notes: &mut Assumptions,
    ) -> Option<i128> {
        if !self.by_cloud() {
            // What is beyond all bounds is refused by who adds it up.
            return Some(self.egress(from, to, notes)?.pico().saturating_mul(i128::from(bytes.0)));
        }
        if self.same(from, to) || self.provider(from) == self.provider(to) {
            return Some(0);
        }
        let (mut below, mut usd) = (0, 0);
        for (limit, price) in self.tiers(from) {
            usd += i128::from(bytes.0.min(limit).saturating_sub(below)) * price.pico();
            below = limit;
        }
        Some(usd)
    }

    /// The tiers of the provider a place belongs to (`egressModel: cloud`).
    ///
    /// Source: the providers' internet price lists as INTERFACE "What a plan costs" gives them.
    pub fn tiers(self, from: LocationIx) -> Tiers {
        const GB: u64 = 1 << 30;
        const TB: u64 = 1 << 40;
        let list: &[(u64, i128)] = match self.provider(from) {
            Some("aws") => &[(GB, 0), (10 * TB, 900), (50 * TB, 850), (150 * TB, 700), (u64::MAX, 500)],
            Some("azure") => &[(GB, 0), (10 * TB, 875), (50 * TB, 830), (150 * TB, 700), (u64::MAX, 500)],
            Some("gcp") => &[(TB, 1200), (10 * TB, 1100), (u64::MAX, 800)],
            _ => &[],
        };
        list.iter().map(|(limit, price)| (*limit, Usd::from_pico(price * 100_000_000))).collect()
    }

    /// The provider that a place counts as where egress is by provider: a site's is that of its `near`,
    /// as there are no rows to name the site.
    pub fn provider(self, location: LocationIx) -> Option<&'w str> {
        let places = &self.world.places;
        places.location(places.near(location).unwrap_or(location)).cloud.as_deref()
    }

    /// Throughput from a place to another; `None`: no time passes.
    pub fn throughput(
        self,
        from: LocationIx,
        to: LocationIx,
        notes: &mut Assumptions,
    ) -> Option<GbitPerSecond> {
        if self.same(from, to) {
            return None;
        }
        let (from, to) = match self.lookup(&self.world.inputs.estate.throughput, from, to, false) {
            Found::Row(row) => return Some(row.gbps),
            Found::Same => return None,
            Found::Nothing(from, to) => (from, to),
        };
        let what = || format!("throughput from {} to {}", self.label(from), self.label(to));
        let measured = self.world.embedded_defaults().then(|| {
            let fact = catalog::throughput_gbps(self.pair(from)?, self.pair(to)?)?;
            Some((GbitPerSecond::from_f64(fact.value).ok().filter(|g| !g.is_zero())?, fact))
        });
        if let Some(Some((gbps, fact))) = measured {
            note!(notes, what(), format!("{gbps} Gbit/s"), fact.source, Some(fact.as_of));
            return Some(gbps);
        }
        note!(notes, what(), format!("{DEFAULT_GBPS} Gbit/s"), "default where nothing is measured", None);
        Some(DEFAULT_GBPS)
    }

    /// Round-trip time between a client and an offer; `None` where nothing states it.
    pub fn rtt(self, client: LocationIx, offer: LocationIx, notes: &mut Assumptions) -> Option<Millisecond> {
        let (clients, offers) = match self.lookup(&self.world.inputs.estate.latency, client, offer, true) {
            Found::Row(row) => return Some(row.ms),
            Found::Same => return Some(Millisecond::ZERO),
            Found::Nothing(clients, offers) => (clients, offers),
        };
        if !self.world.embedded_defaults() {
            return None;
        }
        let pairs = self.pair(clients).zip(self.pair(offers));
        let measured = pairs.and_then(|(a, b)| catalog::rtt_ms(a, b)).filter(|fact| !fact.estimate);
        let by_distance =
            || Some(catalog::rtt_estimate_ms(self.coordinates(clients)?, self.coordinates(offers)?));
        let fact = measured.or_else(by_distance)?;
        let ms = Millisecond::from_f64(fact.value).ok()?;
        let estimate = if fact.estimate { ", by distance" } else { "" };
        note!(
            notes,
            format!("round-trip time between {} and {}", self.label(clients), self.label(offers)),
            format!("{:.1} ms{estimate}", ms.to_f64()),
            fact.source,
            Some(fact.as_of),
        );
        Some(ms)
    }

    /// Whether two locations are in one data place.
    fn same(self, a: LocationIx, b: LocationIx) -> bool {
        self.world.places.place(a) == self.world.places.place(b)
    }

    /// The row about two places, with sites replaced by what is near them where no row names them.
    /// `both_ways`: rows count in either direction, the places' own before the other.
    fn lookup<R: Row>(
        self,
        rows: &'w [R],
        from: LocationIx,
        to: LocationIx,
        both_ways: bool,
    ) -> Found<'w, R> {
        let places = &self.world.places;
        let ends = |location| [Some(location), places.near(location)];
        let mut nearest = (from, to);
        for (i, f) in ends(from).into_iter().enumerate() {
            let Some(f) = f else { continue };
            for (j, t) in ends(to).into_iter().enumerate() {
                let Some(t) = t else { continue };
                // Between a site and what stands for it nothing is charged and no time passes, unless
                // a row names the site. Round trips have rows within a region too.
                if i + j > 0 && !both_ways && self.same(f, t) {
                    return Found::Same;
                }
                let ranks = |name_from: &str, name_to: &str| {
                    Some((places.rank(name_from, f)?, places.rank(name_to, t)?))
                };
                let forward = |row: &R| ranks(row.from(), row.to());
                let backward = |row: &R| ranks(row.to(), row.from()).filter(|_| both_ways);
                // A site with a region near it counts as itself only where a row names it.
                let must_name_from = i == 0 && places.near(from).is_some();
                let must_name_to = j == 0 && places.near(to).is_some();
                let names =
                    |(a, b): (u8, u8)| (!must_name_from || a <= NAMES) && (!must_name_to || b <= NAMES);
                if !rows.iter().any(|row| forward(row).is_some_and(names) || backward(row).is_some_and(names))
                {
                    nearest = (f, t);
                    continue;
                }
                let best = rows
                    .iter()
                    .filter_map(|row| {
                        let there = forward(row).map(|(a, b)| (a, b, false));
                        // The row's own `from` comes first also when it counts the other way.
                        let back = backward(row).map(|(a, b)| (b, a, true));
                        Some((there.into_iter().chain(back).min()?, row))
                    })
                    .reduce(|best, next| if next.0 <= best.0 { next } else { best });
                if let Some((_, row)) = best {
                    return Found::Row(row);
                }
            }
        }
        if self.same(nearest.0, nearest.1) { Found::Same } else { Found::Nothing(nearest.0, nearest.1) }
    }

    /// Where a location lies on the globe: by the estate's `regions`, else by the embedded table.
    pub(crate) fn coordinates(self, location: LocationIx) -> Option<(f64, f64)> {
        let place = self.world.places.location(location);
        let full = place.cloud.as_ref().map(|cloud| format!("{cloud}/{}", place.region));
        let stated = |name: &str| {
            let regions = self.world.inputs.estate.regions.iter();
            regions.filter(|region| region.name == name).find_map(|region| region.lat.zip(region.lon))
        };
        full.and_then(|full| stated(&full)).or_else(|| stated(&place.region)).or_else(|| {
            let (cloud, region) = self.pair(location)?;
            catalog::region(cloud, region)?.lat_lon
        })
    }

    /// A location as the embedded tables know it.
    fn pair(self, location: LocationIx) -> Option<(&'w str, &'w str)> {
        let location = self.world.places.location(location);
        Some((location.cloud.as_deref()?, &location.region))
    }

    fn label(self, location: LocationIx) -> String {
        self.world.places.label(location)
    }
}

/// What a lookup came to.
enum Found<'w, R> {
    /// A row.
    Row(&'w R),
    /// Nothing is charged and no time passes.
    Same,
    /// No row covers these two, which stand for the ones asked about.
    Nothing(LocationIx, LocationIx),
}
