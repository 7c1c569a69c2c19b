//! Carbon intensity of the grid under each region.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::source::source;
use crate::table::{fields, maybe, number, rows};

static CARBON: &str = include_str!("../tables/carbon.csv");
static SHAPES: &str = include_str!("../tables/carbon_shapes.csv");

/// For each month from January and each UTC hour: the mean of that hour over the mean of the year.
pub type Shape = [[f64; 24]; 12];

/// A year's intensity, and how it moves within the year where that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CarbonFact {
    /// g CO2e a kWh over a year.
    pub grams_per_kwh: f64,
    /// Factors for month and hour, whose mean over the year is 1; for regions of the United States.
    pub shape: Option<&'static Shape>,
    /// Who says so.
    pub source: &'static str,
    /// The day of the figure, `YYYY-MM-DD`.
    pub as_of: &'static str,
    /// Whether it is the figure of another region on the same grid; then [`CarbonFact::from`] says which.
    pub estimate: bool,
    /// `cloud/region` whose figure it is, if another's.
    pub from: Option<&'static str>,
}

/// The intensity under a region; `None` where no source has it.
pub fn carbon(cloud: &str, region: &str) -> Option<CarbonFact> {
    static PARSED: OnceLock<FxHashMap<(&str, &str), CarbonFact>> = OnceLock::new();
    PARSED.get_or_init(|| rows(CARBON).map(parse).collect()).get(&(cloud, region)).copied()
}

fn parse(line: &'static str) -> ((&'static str, &'static str), CarbonFact) {
    let [cloud, region, grams, key, from, shape] = fields(line);
    let source = source(key);
    let shape =
        maybe(shape).map(|name| shapes().get(name).expect("a region's shape is in the table of shapes"));
    let from = maybe(from);
    let grams_per_kwh = number(grams);
    let (estimate, source, as_of) = (from.is_some(), source.name, source.as_of);
    ((cloud, region), CarbonFact { grams_per_kwh, shape, source, as_of, estimate, from })
}

fn shapes() -> &'static FxHashMap<&'static str, Shape> {
    static PARSED: OnceLock<FxHashMap<&str, Shape>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let mut shapes: FxHashMap<&str, Shape> = FxHashMap::default();
        for line in rows(SHAPES) {
            let mut fields = line.split(',');
            let (Some(name), Some(month)) = (fields.next(), fields.next()) else { continue };
            let month: usize = month.parse().expect("a month of a shape is a number");
            let hours = &mut shapes.entry(name).or_insert([[f64::NAN; 24]; 12])[month - 1];
            for (hour, factor) in hours.iter_mut().zip(fields) {
                *hour = number(factor);
            }
        }
        shapes
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::regions;

    /// Of 2022, a year like most.
    const DAYS: [f64; 12] = [31.0, 28.0, 31.0, 30.0, 31.0, 30.0, 31.0, 31.0, 30.0, 31.0, 30.0, 31.0];

    #[test]
    fn a_shape_keeps_the_mean_of_the_year() {
        assert_eq!(shapes().len(), 7);
        for region in regions() {
            let Some(shape) = carbon(region.cloud, region.name).and_then(|fact| fact.shape) else { continue };
            assert_eq!(region.country, Some("US"), "{region:?}");
            assert!(shape.iter().flatten().all(|factor| (0.2..3.0).contains(factor)), "{region:?}");
            let mean =
                shape.iter().zip(DAYS).map(|(hours, days)| hours.iter().sum::<f64>() * days).sum::<f64>()
                    / 8760.0;
            assert!((mean - 1.0).abs() < 1e-4, "{region:?} {mean}");
        }
    }

    #[test]
    fn figures_by_hand() {
        let grams = |cloud, region| {
            carbon(cloud, region).map(|fact| (fact.grams_per_kwh, fact.source, fact.estimate))
        };
        let (google, ccf) =
            ("Google region-carbon-info 2024 (grid average)", "Cloud Carbon Footprint region factors");
        assert_eq!(grams("gcp", "us-east4"), Some((323.05, google, false)));
        assert_eq!(grams("aws", "us-east-1"), Some((379.07, ccf, false)));
        assert_eq!(grams("azure", "centralus"), Some((426.25, ccf, false)));
        let borrowed = carbon("aws", "eu-central-2").expect("Zurich has a figure");
        assert_eq!((borrowed.from, borrowed.estimate), (Some("gcp/europe-west6"), true));
        assert_eq!(carbon("azure", "austriaeast"), None);
        assert!(regions().iter().filter_map(|region| carbon(region.cloud, region.name)).count() > 130);
    }

    #[test]
    fn the_california_sun_shows() {
        let shape = carbon("gcp", "us-west2").and_then(|fact| fact.shape).expect("California has hours");
        // 20:00 UTC is noon there, 04:00 is evening.
        assert!(shape[3][20] < 0.8 && shape[3][4] > 1.05, "{:?}", shape[3]);
    }
}
