//! What the network costs and takes between two locations: egress, throughput, round-trip time.
//!
//! The most specific row of the estate wins (`from` before `to`), of equals the last; then the tables.
//!
//! Where the contract is silent:
//! - A row *names* a site when its text is the site's name or its own region. A site that has a `near`
//!   and that no matching row names is replaced by it, in rows and tables alike; rows for countries,
//!   continents and `*` do not name a site.
//! - `egressModel: cloud` has no rows, so a site's `near` stands for it there too; within a region, or
//!   between a site and its `near`, egress is 0 in both models. Tiers count each transfer on its own.
//! - A latency row counts both ways. Which is more specific is decided by the row's own `from`, then
//!   `to`; then the row in the direction client → offer; then the last. Any matching row, also `*`,
//!   counts within a region.
//! - The tables price what leaves a cloud's region, to a place that no cloud has as to the internet;
//!   for what leaves a site or an unknown region there is no figure.
//! - Without a measurement the round-trip time is the tables' fit to the distance, by the coordinates
//!   of `regions` or else of the tables.
//! - A throughput of 0 is a transfer that never arrives.

use num_traits::Zero as _;
use plimsoll_model::{Millisecond, Usd, estate::EgressModel};

use crate::{
    Checker,
    exact::{GB, Rat, int, pico, ratio, usd},
    place::{Location, Rank},
    violation::Missing,
};

/// A row for two places with how well it fits: smaller is better.
type Fitting = (Rank, Rank, bool);

/// The two ends of a look-up after `near` has stood in.
struct Ends<'a> {
    from: &'a Location,
    to: &'a Location,
}

/// What the estate says of two locations.
pub(crate) enum Link<'a> {
    /// The row of this index.
    Row(usize),
    /// They are in one region: nothing is charged, and no time passes.
    Same,
    /// Nothing: the tables are asked about these two, which stand for them.
    Unstated { from: &'a Location, to: &'a Location },
}

impl Checker<'_> {
    /// Dollars for moving so many bytes; 0 within a region.
    pub(crate) fn egress(&self, from: &Location, to: &Location, bytes: u64) -> Result<Rat, Missing> {
        let gigabytes = ratio(bytes, GB);
        if bytes == 0 || from.same_region(to) {
            return Ok(Rat::zero());
        }
        if self.inputs.estate.egress_model == Some(EgressModel::Cloud) {
            let ends = self.stand_in(&[], from, to, false);
            return Ok(if ends.from.same_region(ends.to) || ends.from.cloud == ends.to.cloud {
                Rat::zero()
            } else {
                tiers(ends.from.cloud.as_deref(), &gigabytes)
            });
        }
        Ok(self.usd_per_gb(from, to)? * gigabytes)
    }

    /// Dollars a GB by the rows of the estate, else by the tables.
    pub(crate) fn usd_per_gb(&self, from: &Location, to: &Location) -> Result<Rat, Missing> {
        let price = match self.egress_link(from, to) {
            Link::Same => return Ok(Rat::zero()),
            Link::Row(at) => Some(self.inputs.estate.egress[at].usd_per_gb),
            Link::Unstated { from, to } => self.tabled_egress(from, to),
        };
        price.map(usd).ok_or_else(|| {
            Missing(format!("nothing states the egress price from {} to {}", from.text(), to.text()))
        })
    }

    fn tabled_egress(&self, from: &Location, to: &Location) -> Option<Usd> {
        let source = from.cloud_region()?;
        self.default(|tables| match to.cloud_region() {
            Some(target) => tables.egress(source, target),
            None => tables.egress_to(source, to.country.as_deref()),
        })
    }

    /// How long moving so many bytes takes, in seconds; 0 within a region. Never missing: without any
    /// figure it is 5 Gbit/s.
    pub(crate) fn transfer_seconds(
        &self,
        from: &Location,
        to: &Location,
        bytes: u64,
    ) -> Result<Rat, Missing> {
        if bytes == 0 {
            return Ok(Rat::zero());
        }
        let gbps = match self.throughput_link(from, to) {
            Link::Same => return Ok(Rat::zero()),
            Link::Row(at) => Some(self.inputs.estate.throughput[at].gbps),
            Link::Unstated { from, to } => from
                .cloud_region()
                .zip(to.cloud_region())
                .and_then(|(from, to)| self.default(|tables| tables.throughput(from, to))),
        };
        let gbps = gbps.map_or_else(|| int(5), |gbps| pico(gbps.pico()));
        if gbps.is_zero() {
            return Err(Missing(format!("the throughput from {} to {} is 0", from.text(), to.text())));
        }
        Ok(int(bytes) * int(8) / (gbps * int(1_000_000_000)))
    }

    /// The round-trip time in milliseconds.
    pub(crate) fn rtt(&self, from: &Location, to: &Location) -> Result<Rat, Missing> {
        let ms = match self.latency_link(from, to) {
            Link::Same => return Ok(Rat::zero()),
            Link::Row(at) => Some(self.inputs.estate.latency[at].ms),
            Link::Unstated { from, to } => self.tabled_rtt(from, to),
        };
        ms.map(|ms| pico(ms.pico())).ok_or_else(|| {
            Missing(format!("nothing states the latency from {} to {}", from.text(), to.text()))
        })
    }

    /// As measured between two regions, else by their distance.
    fn tabled_rtt(&self, from: &Location, to: &Location) -> Option<Millisecond> {
        let regions = from.cloud_region().zip(to.cloud_region());
        let measured = regions.and_then(|(from, to)| self.default(|tables| tables.rtt(from, to)));
        measured.or_else(|| {
            let (from, to) = (self.coordinates(from)?, self.coordinates(to)?);
            self.default(|tables| tables.rtt_by_distance(from, to))
        })
    }

    /// What the rows of `egress` say.
    pub(crate) fn egress_link<'s>(&'s self, from: &'s Location, to: &'s Location) -> Link<'s> {
        let rows: Vec<(&str, &str)> =
            self.inputs.estate.egress.iter().map(|row| (&*row.from, &*row.to)).collect();
        self.link(&rows, from, to)
    }

    /// What the rows of `throughput` say.
    pub(crate) fn throughput_link<'s>(&'s self, from: &'s Location, to: &'s Location) -> Link<'s> {
        let rows: Vec<(&str, &str)> =
            self.inputs.estate.throughput.iter().map(|row| (&*row.from, &*row.to)).collect();
        self.link(&rows, from, to)
    }

    /// What the rows of `latency` say, which count both ways, also within a region.
    pub(crate) fn latency_link<'s>(&'s self, from: &'s Location, to: &'s Location) -> Link<'s> {
        let rows: Vec<(&str, &str)> =
            self.inputs.estate.latency.iter().map(|row| (&*row.from, &*row.to)).collect();
        let ends = self.stand_in(&rows, from, to, true);
        match self.best(&rows, &ends, true) {
            Some(at) => Link::Row(at),
            None if from.same_region(to) || ends.from.same_region(ends.to) => Link::Same,
            None => Link::Unstated { from: ends.from, to: ends.to },
        }
    }

    fn link<'s>(&'s self, rows: &[(&str, &str)], from: &'s Location, to: &'s Location) -> Link<'s> {
        let ends = self.stand_in(rows, from, to, false);
        if from.same_region(to) || ends.from.same_region(ends.to) {
            return Link::Same;
        }
        match self.best(rows, &ends, false) {
            Some(at) => Link::Row(at),
            None => Link::Unstated { from: ends.from, to: ends.to },
        }
    }

    /// The ends with `near` in the place of each site that no matching row names.
    fn stand_in<'a>(
        &'a self,
        rows: &[(&str, &str)],
        from: &'a Location,
        to: &'a Location,
        both_ways: bool,
    ) -> Ends<'a> {
        let (near_from, near_to) = (self.near(from), self.near(to));
        let named = |a: &Location, b: &Location, (from, to): (bool, bool)| {
            rows.iter().any(|row| {
                self.fits(*row, a, b, both_ways).any(|(of_from, of_to)| {
                    (!from || of_from.names_a_site()) && (!to || of_to.names_a_site())
                })
            })
        };
        let keeps_from = near_from.is_some();
        let keeps_to = near_to.is_some();
        if (keeps_from || keeps_to) && named(from, to, (keeps_from, keeps_to)) {
            return Ends { from, to };
        }
        if let (Some(_), Some(near)) = (near_from, near_to)
            && named(from, near, (true, false))
        {
            return Ends { from, to: near };
        }
        if let (Some(near), Some(_)) = (near_from, near_to)
            && named(near, to, (false, true))
        {
            return Ends { from: near, to };
        }
        Ends { from: near_from.unwrap_or(from), to: near_to.unwrap_or(to) }
    }

    /// The ranks at which a row fits two ends: (of the end `from`, of the end `to`).
    fn fits(
        &self,
        (row_from, row_to): (&str, &str),
        from: &Location,
        to: &Location,
        both_ways: bool,
    ) -> impl Iterator<Item = (Rank, Rank)> {
        let forward = self.rank(row_from, from).zip(self.rank(row_to, to));
        let backward = self.rank(row_to, from).zip(self.rank(row_from, to)).filter(|_| both_ways);
        forward.into_iter().chain(backward)
    }

    /// The index of the row that wins.
    fn best(&self, rows: &[(&str, &str)], ends: &Ends<'_>, both_ways: bool) -> Option<usize> {
        let Ends { from, to } = ends;
        let fitting = |(at, (row_from, row_to)): (usize, &(&str, &str))| -> Option<(Fitting, usize)> {
            let forward = self.rank(row_from, from).zip(self.rank(row_to, to)).map(|(a, b)| (a, b, false));
            let backward = self.rank(row_from, to).zip(self.rank(row_to, from)).map(|(a, b)| (a, b, true));
            let best = [forward, backward.filter(|_| both_ways)].into_iter().flatten().min()?;
            Some((best, at))
        };
        // `min_by_key` keeps the first of equals; the contract the last.
        rows.iter().enumerate().filter_map(fitting).rev().min_by_key(|(fit, _)| *fit).map(|(_, at)| at)
    }
}

/// Marginal tiers of the source provider: (up to so many GB in total, dollars a GB).
fn tiers(source: Option<&str>, gigabytes: &Rat) -> Rat {
    const TB: i64 = 1024;
    // In hundredths of a cent: 0.0875 is 875.
    let tiers: &[(i64, i64)] = match source {
        Some("aws") => &[(1, 0), (10 * TB, 900), (50 * TB, 850), (150 * TB, 700), (i64::MAX, 500)],
        Some("azure") => &[(1, 0), (10 * TB, 875), (50 * TB, 830), (150 * TB, 700), (i64::MAX, 500)],
        Some("gcp") => &[(TB, 1200), (10 * TB, 1100), (i64::MAX, 800)],
        _ => &[],
    };
    let mut below = Rat::zero();
    let mut sum = Rat::zero();
    for (up_to, price) in tiers {
        let end = int(*up_to).min(gigabytes.clone());
        if end > below {
            sum += (&end - &below) * ratio(*price, 10_000);
            below = end;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_marginal() {
        let cost = |source, gigabytes: i64| tiers(Some(source), &int(gigabytes));
        assert_eq!(cost("aws", 1), int(0));
        assert_eq!(cost("aws", 101), int(9));
        assert_eq!(cost("aws", 10 * 1024), ratio(10_239 * 9, 100));
        assert_eq!(cost("aws", 11 * 1024), ratio(10_239 * 9, 100) + ratio(1024 * 85, 1000));
        let to_ten = ratio(10_239 * 875, 10_000);
        assert_eq!(cost("azure", 11 * 1024), &to_ten + ratio(1024 * 83, 1000));
        assert_eq!(
            cost("azure", 151 * 1024),
            to_ten + ratio(40 * 1024 * 83, 1000) + ratio(100 * 1024 * 7, 100) + ratio(1024 * 5, 100)
        );
        assert_eq!(cost("gcp", 1), ratio(12, 100));
        assert_eq!(cost("gcp", 2048), ratio(1024 * 12, 100) + ratio(1024 * 11, 100));
        assert_eq!(cost("gcp", 20 * 1024), ratio(1024 * 12 + 9 * 1024 * 11 + 10 * 1024 * 8, 100));
        assert_eq!(tiers(Some("lambda"), &int(1_000)), int(0));
        assert_eq!(tiers(None, &int(1_000)), int(0));
    }
}
