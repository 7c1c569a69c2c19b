//! Carbon intensity over time, weighted exactly by the time that is run.
//!
//! A site's own `carbon` comes first, then the most specific row of `carbonIntensity` (of equals the
//! last), then the tables: intensity(t) = the yearly figure × the factor of t's month and UTC hour. As
//! with every row for places, a site that no row names is taken for its `near`.
//!
//! A series holds each value until the next row's time, its first one also before and its last one on.
//! Everything is piecewise constant, so the integral is a sum of integers.

use num_bigint::BigInt;
use num_traits::Zero as _;
use plimsoll_model::{Series, Time, estate::CarbonRow};

use crate::{
    Checker,
    exact::{Rat, int, ratio},
    offer::Offer,
    place::{Location, Rank},
    tables::YearlyCarbon,
    violation::Missing,
};

const HOUR: i64 = 3_600_000_000_000;
/// Picograms × nanoseconds in a gram-hour.
const PICO_NANOS: i128 = 1_000_000_000_000 * HOUR as i128;

/// Grams of CO2 equivalent a kWh over time.
#[derive(Debug, Clone)]
pub(crate) enum Intensity<'a> {
    /// In 10^-12 g/kWh.
    Constant(i128),
    Series(&'a Series),
    Yearly(YearlyCarbon),
}

/// Where an intensity comes from.
#[derive(Debug, Clone)]
pub(crate) enum Origin<'a> {
    /// A figure of the estate.
    Stated,
    /// A series of the estate, about a place or a grid zone.
    Series { about: String, path: &'a str },
    /// The tables' figure of a place.
    Tables(&'a Location),
}

impl Checker<'_> {
    /// The intensity of the electricity that an offer runs on.
    pub(crate) fn intensity<'s>(&'s self, offer: &'s Offer) -> Result<Intensity<'s>, Missing> {
        let missing = || Missing(format!("nothing states the carbon intensity of {}", offer.location.text()));
        self.intensity_with_origin(offer).map(|(intensity, _)| intensity).ok_or_else(missing)
    }

    /// The intensity of the electricity that an offer runs on, and where it comes from.
    pub(crate) fn intensity_with_origin<'s>(
        &'s self,
        offer: &'s Offer,
    ) -> Option<(Intensity<'s>, Origin<'s>)> {
        if let Some(carbon) =
            offer.location.site.and_then(|site| self.inputs.estate.sites[site].carbon.as_ref())
        {
            let rows = self.inputs.estate.carbon_intensity.iter().rev();
            let zone = carbon.zone.as_ref().and_then(|zone| {
                rows.filter(|row| row.zone.as_ref() == Some(zone)).find_map(|row| self.stated(row, zone))
            });
            let figure =
                carbon.grams_per_kwh.map(|grams| (Intensity::Constant(grams.pico()), Origin::Stated));
            return zone.or(figure);
        }
        let near = self.near(&offer.location);
        let row = match (self.carbon_row(&offer.location), near) {
            (Some((rank, row)), near) if near.is_none() || rank.names_a_site() => Some(row),
            (_, Some(near)) => self.carbon_row(near).map(|(_, row)| row),
            (_, None) => None,
        };
        let place = near.unwrap_or(&offer.location);
        row.and_then(|row| self.stated(row, &offer.location.text())).or_else(|| {
            let region = place.cloud_region()?;
            let year = self.default(|tables| tables.carbon(region))?;
            Some((Intensity::Yearly(year), Origin::Tables(place)))
        })
    }

    fn carbon_row(&self, location: &Location) -> Option<(Rank, &CarbonRow)> {
        let rows = self.inputs.estate.carbon_intensity.iter();
        let ranked = rows.filter_map(|row| Some((self.rank(row.region.as_deref()?, location)?, row)));
        // `min_by_key` keeps the first of equals; the contract the last.
        ranked.rev().min_by_key(|(rank, _)| *rank)
    }

    fn stated<'s>(&'s self, row: &'s CarbonRow, about: &str) -> Option<(Intensity<'s>, Origin<'s>)> {
        let series = row.series.as_ref().and_then(|path| Some((path, self.inputs.series.get(path)?)));
        let series = series.filter(|(_, series)| !series.is_empty()).map(|(path, series)| {
            (Intensity::Series(series), Origin::Series { about: about.to_owned(), path })
        });
        series.or(row.grams_per_kwh.map(|grams| (Intensity::Constant(grams.pico()), Origin::Stated)))
    }
}

impl Intensity<'_> {
    /// The integral over the runs, in g/kWh × hours.
    pub(crate) fn integral(&self, runs: &[(Time, Time)]) -> Rat {
        let pieces = runs.iter().map(|(start, end)| (start.nanos(), end.nanos()));
        match self {
            Self::Constant(pico) => {
                let nanos: i128 = pieces.map(|(start, end)| i128::from(end) - i128::from(start)).sum();
                ratio(BigInt::from(*pico) * nanos, PICO_NANOS)
            }
            Self::Series(series) => {
                let sum: BigInt = pieces.map(|(start, end)| over_series(series, start, end)).sum();
                ratio(sum, PICO_NANOS)
            }
            Self::Yearly(year) => over_year(year, pieces),
        }
    }
}

fn over_series(series: &Series, start: i64, end: i64) -> BigInt {
    let first = series.partition_point(|(time, _)| time.nanos() <= start).saturating_sub(1);
    let mut sum = BigInt::zero();
    let mut at = start;
    for (index, (_, grams)) in series.iter().enumerate().skip(first) {
        let until = series.get(index + 1).map_or(end, |(next, _)| next.nanos().min(end));
        if until > at {
            sum += BigInt::from(grams.pico()) * (i128::from(until) - i128::from(at));
            at = until;
        }
        if at >= end {
            break;
        }
    }
    sum
}

fn over_year(year: &YearlyCarbon, pieces: impl Iterator<Item = (i64, i64)>) -> Rat {
    let mut nanos = [[0_i128; 24]; 12];
    for (start, end) in pieces {
        let mut at = start;
        while at < end {
            let hour = at.div_euclid(HOUR);
            let until = end.min((hour + 1) * HOUR);
            let (month, of_day) = (month_of(hour.div_euclid(24)), hour.rem_euclid(24));
            nanos[month][of_day as usize] += i128::from(until - at);
            at = until;
        }
    }
    let mut sum = BigInt::zero();
    for (month, hours) in nanos.iter().enumerate() {
        for (hour, nanos) in hours.iter().enumerate() {
            let factor = year.shape.as_ref().map_or(1_000_000_000_000, |shape| shape[month][hour].pico());
            sum += BigInt::from(factor) * *nanos;
        }
    }
    ratio(sum * year.grams_per_kwh.pico(), PICO_NANOS) / int(1_000_000_000_000_i64)
}

/// The month, from 0, of a day counted from 1970-01-01 (Howard Hinnant's `civil_from_days`).
fn month_of(day: i64) -> usize {
    let day_of_era = (day + 719_468).rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Years begin in March here, so that a leap day is the last.
    let from_march = (5 * day_of_year + 2) / 153;
    ((from_march + 2) % 12) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::{GramsPerKwh, Ratio};

    fn at(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn months_are_the_calendars() {
        for (date, month) in [
            ("1970-01-01", 0),
            ("2024-02-29", 1),
            ("2024-03-01", 2),
            ("2026-11-25", 10),
            ("2026-12-31", 11),
            ("1968-02-29", 1),
        ] {
            let day = at(&format!("{date}T00:00:00Z")).nanos().div_euclid(24 * HOUR);
            assert_eq!(month_of(day), month, "{date}");
        }
    }

    #[test]
    fn a_series_holds_before_between_and_after() {
        let series: Series = vec![
            (at("2026-11-25T10:00:00Z"), GramsPerKwh::from_units(100)),
            (at("2026-11-25T11:00:00Z"), GramsPerKwh::from_units(300)),
        ];
        let integral = |start, end| Intensity::Series(&series).integral(&[(at(start), at(end))]);
        assert_eq!(integral("2026-11-25T08:00:00Z", "2026-11-25T09:00:00Z"), int(100));
        assert_eq!(integral("2026-11-25T10:30:00Z", "2026-11-25T11:30:00Z"), int(200));
        assert_eq!(integral("2026-11-25T09:00:00Z", "2026-11-25T13:00:00Z"), int(800));
        assert_eq!(integral("2026-11-25T12:00:00Z", "2026-11-25T14:00:00Z"), int(600));
        let pieces = [
            (at("2026-11-25T09:30:00Z"), at("2026-11-25T10:00:00Z")),
            (at("2026-11-25T11:00:00Z"), at("2026-11-25T11:15:00Z")),
        ];
        assert_eq!(Intensity::Series(&series).integral(&pieces), int(125));
    }

    #[test]
    fn a_year_has_a_shape_by_month_and_utc_hour() {
        let mut shape = Box::new([[Ratio::from_units(1); 24]; 12]);
        shape[10][23] = Ratio::from_pico(500_000_000_000);
        shape[11][0] = Ratio::from_units(2);
        let year = YearlyCarbon { grams_per_kwh: GramsPerKwh::from_units(400), shape: Some(shape) };
        let turn = [(at("2026-11-30T22:30:00Z"), at("2026-12-01T00:15:00Z"))];
        assert_eq!(Intensity::Yearly(year.clone()).integral(&turn), int(200 + 200 + 200));
        let flat = YearlyCarbon { shape: None, ..year };
        assert_eq!(Intensity::Yearly(flat).integral(&turn), int(700));
    }
}
