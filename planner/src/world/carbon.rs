//! Carbon intensity of places over time.

use plimsoll_catalog as catalog;
use plimsoll_model::{GramsPerKwh, Time, estate::CarbonRow};

use super::{Assumptions, LocationIx, World, note, place::NAMES};

const HOUR: i64 = 3_600_000_000_000;

/// A carbon intensity: steps in time, each holding until the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Intensity(pub Vec<(Time, GramsPerKwh)>);

impl Intensity {
    /// The same at all times.
    pub fn constant(grams: GramsPerKwh) -> Self {
        Self(vec![(Time::from_nanos(0), grams)])
    }

    /// The pieces of [start, end): (nanoseconds, intensity).
    pub fn pieces(&self, start: Time, end: Time) -> Vec<(i64, GramsPerKwh)> {
        let mut at = self.0.partition_point(|s| s.0 <= start).saturating_sub(1);
        let (mut from, mut pieces) = (start, Vec::new());
        while from < end {
            let until = self.0.get(at + 1).map_or(end, |next| next.0.min(end));
            pieces.push(((until.nanos() - from.nanos()), self.0[at].1));
            from = until;
            at += 1;
        }
        pieces
    }
}

impl World<'_> {
    /// The carbon intensity where an offer runs, up to `until`; `None` where nothing states it.
    pub fn intensity(&self, location: LocationIx, until: Time, notes: &mut Assumptions) -> Option<Intensity> {
        let estate = &self.inputs.estate;
        let site = self.places.location(location).site.map(|s| &estate.sites[s]);
        if let Some(carbon) = site.and_then(|s| s.carbon.as_ref()) {
            if let Some(grams) = carbon.grams_per_kwh {
                return Some(Intensity::constant(grams));
            }
            let zone = carbon.zone.as_deref()?;
            let row = estate.carbon_intensity.iter().rev().find(|row| row.zone.as_deref() == Some(zone))?;
            return self.of_row(row, zone, notes);
        }
        let covers = |at: LocationIx| {
            estate
                .carbon_intensity
                .iter()
                .filter_map(|row| {
                    // A grid zone is no place: only sites name it.
                    Some((self.places.rank(row.region.as_deref()?, at)?, row))
                })
                .reduce(|best, next| if next.0 <= best.0 { next } else { best })
        };
        // A site that no row names has its neighbour's figure.
        let row = match self.places.near(location) {
            Some(near) => covers(location).filter(|(rank, _)| *rank <= NAMES).or_else(|| covers(near)),
            None => covers(location),
        };
        if let Some((_, row)) = row {
            return self.of_row(row, &self.places.label(location), notes);
        }
        if !self.embedded_defaults() {
            return None;
        }
        let known = self.places.near(location).unwrap_or(location);
        self.embedded_intensity(known, until, notes)
    }

    fn of_row(&self, row: &CarbonRow, what: &str, notes: &mut Assumptions) -> Option<Intensity> {
        if let Some(grams) = row.grams_per_kwh {
            return Some(Intensity::constant(grams));
        }
        let path = row.series.as_deref()?;
        let series = self.inputs.series.get(path)?;
        let (first, last) = (series.first()?, series.last()?);
        note!(
            notes,
            format!("carbon intensity of {what} outside of its series"),
            format!("the first value before {}, the last one after {}", first.0, last.0),
            path,
            None,
        );
        Some(Intensity(series.clone()))
    }

    fn embedded_intensity(
        &self,
        location: LocationIx,
        until: Time,
        notes: &mut Assumptions,
    ) -> Option<Intensity> {
        let place = self.places.location(location);
        let fact = catalog::carbon(place.cloud.as_deref()?, &place.region)?;
        let shaped = if fact.shape.is_some() { ", by month and hour" } else { "" };
        let borrowed = fact.from.map_or(String::new(), |of| format!(", the figure of {of}"));
        note!(
            notes,
            format!("carbon intensity of {}", self.places.label(location)),
            format!("{} g/kWh{shaped}{borrowed}", fact.grams_per_kwh),
            fact.source,
            Some(fact.as_of),
        );
        let Some(shape) = fact.shape else {
            return GramsPerKwh::from_f64(fact.grams_per_kwh).ok().map(Intensity::constant);
        };
        let first = self.now.nanos().div_euclid(HOUR);
        let last = until.nanos().div_euclid(HOUR).max(first);
        let mut steps = Vec::with_capacity((last - first + 1) as usize);
        for hour in first..=last {
            let time = Time::from_nanos(hour * HOUR);
            let factor = shape[usize::from(month(time)) - 1][hour.rem_euclid(24) as usize];
            steps.push((time, GramsPerKwh::from_f64(fact.grams_per_kwh * factor).ok()?));
        }
        Some(Intensity(steps))
    }
}

/// The month (1 to 12) of a moment in UTC.
fn month(time: Time) -> u8 {
    let stamp = jiff::Timestamp::from_nanosecond(i128::from(time.nanos())).unwrap_or_default();
    stamp.to_zoned(jiff::tz::TimeZone::UTC).month().unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_of_days() {
        for (text, month) in
            [("2026-11-25T00:00:00Z", 11), ("2024-02-29T23:59:59Z", 2), ("1970-01-01T00:00:00Z", 1)]
        {
            let time: Time = text.parse().unwrap();
            assert_eq!(super::month(time), month, "{text}");
        }
    }

    #[test]
    fn pieces_cover_a_run_exactly() {
        let grams = GramsPerKwh::from_units;
        let series = Intensity(vec![(Time::from_nanos(10), grams(1)), (Time::from_nanos(20), grams(2))]);
        let at = Time::from_nanos;
        assert_eq!(series.pieces(at(5), at(25)), vec![(15, grams(1)), (5, grams(2))]);
        assert_eq!(series.pieces(at(30), at(31)), vec![(1, grams(2))]);
        assert_eq!(series.pieces(at(20), at(20)), vec![]);
    }
}
