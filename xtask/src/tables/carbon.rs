//! Carbon intensity: one figure a region for the year, and for the United States how the hours of a year deviate.

use std::collections::BTreeMap;

use super::Sources;
use super::input::Table;
use super::output::Text;
use super::regions::Regions;
use crate::error::{Error, Result};

/// A region's figure: grams, the source's key, and the region it is of when that is another.
struct Figure {
    grams: String,
    source: &'static str,
    from: String,
}

type Key = (String, String);

pub(super) fn tables(sources: &Sources<'_>, regions: &Regions) -> Result<Vec<(String, String)>> {
    let mut figures: BTreeMap<Key, Figure> = BTreeMap::new();
    for row in Table::read(sources.data, "carbon/gcp_region_carbon_2019-2024.csv")?.rows() {
        let region = row.get("region")?;
        if row.get("year")? == "2024" && regions.knows("gcp", region) {
            row.number("grid_gco2e_per_kwh")?;
            let grams = row.get("grid_gco2e_per_kwh")?.to_owned();
            let figure = Figure { grams, source: "carbon-gcp-2024", from: String::new() };
            figures.insert(("gcp".into(), region.to_owned()), figure);
        }
    }
    for row in Table::read(sources.data, "carbon/ccf_region_factors_2024.csv")?.rows() {
        // Azure's names come in several spellings of case there.
        let (cloud, region) = (row.get("cloud")?, row.get("region")?.to_ascii_lowercase());
        if regions.knows(cloud, &region) {
            row.number("gco2e_per_kwh")?;
            let grams = row.get("gco2e_per_kwh")?.to_owned();
            let figure = Figure { grams, source: "carbon-ccf-2024", from: String::new() };
            figures.entry((cloud.to_owned(), region)).or_insert(figure);
        }
    }
    let mut shapes = BTreeMap::new();
    for row in Table::read(sources.facts, "carbon.csv")?.rows() {
        let key = (row.get("cloud")?.to_owned(), row.get("region")?.to_owned());
        if !regions.knows(&key.0, &key.1) {
            return Err(row.wrong("there is no such region"));
        }
        if let Some(from) = row.maybe("same_as")? {
            let (cloud, region) = from.split_once('/').ok_or_else(|| row.wrong("same_as is cloud/region"))?;
            let other = figures.get(&(cloud.to_owned(), region.to_owned()));
            let grams = other
                .map(|other| other.grams.clone())
                .ok_or_else(|| row.wrong("that region has no figure"))?;
            let figure = Figure { grams, source: "carbon-same-grid", from: from.to_owned() };
            if figures.insert(key.clone(), figure).is_some() {
                return Err(row.wrong("the region has a figure of its own"));
            }
        }
        if let Some(shape) = row.maybe("shape")? {
            shapes.insert(key, shape.to_owned());
        }
    }

    let mut text = Text::new(
        "Carbon intensity of the grid for a year, g CO2e a kWh, location-based. GCP: Google's region-carbon-info for 2024. AWS and Azure:
         Cloud Carbon Footprint's factors of 2024-03. `from`: the region on the same grid whose figure it is, where a region has
         none of its own (an estimate). shape: rows of carbon_shapes.csv. Regions without a row have no figure: see
         catalog/facts/carbon.csv. Market-based figures (certificates) are left out on purpose.",
        "cloud,region,grams_per_kwh,source,from,shape",
    );
    for ((cloud, region), Figure { grams, source, from }) in &figures {
        let shape = shapes.get(&(cloud.clone(), region.clone())).map_or("", String::as_str);
        text.row([cloud.as_str(), region, grams, source, from, shape]);
    }
    let named: Vec<&str> = {
        let mut named: Vec<&str> = shapes.values().map(String::as_str).collect();
        named.sort_unstable();
        named.dedup();
        named
    };
    Ok(vec![text.into_file("carbon.csv"), shape_table(sources, &named)?])
}

/// Days of each month of 2022.
const DAYS: [f64; 12] = [31.0, 28.0, 31.0, 30.0, 31.0, 30.0, 31.0, 31.0, 30.0, 31.0, 30.0, 31.0];

/// Twelve months of 24 hours for each area: the mean of that hour over the mean of the year.
fn shape_table(sources: &Sources<'_>, areas: &[&str]) -> Result<(String, String)> {
    let table = Table::read(sources.data, "carbon/us_grid_hourly_2022.csv.gz")?;
    let hours: Vec<String> = (0..24).map(|hour| format!("h{hour:02}")).collect();
    let mut text = Text::new(
        "How carbon intensity moves within a year: for each month and UTC hour the mean of that hour over the mean of the whole year, so
         that the mean over all hours of the year is 1. From the generation mix of 2022 that the US Energy Information
         Administration publishes hour by hour (EIA-930); production, imports not followed. Multiply a region's yearly figure.",
        &format!("shape,month,{}", hours.join(",")),
    );
    for area in areas {
        let mut sums = [[(0.0_f64, 0_u32); 24]; 12];
        for row in table.rows() {
            let stamp = row.get("hour_utc")?;
            let part =
                |from: usize, to: usize| stamp.get(from..to).and_then(|part| part.parse::<usize>().ok());
            let (Some(month @ 1..=12), Some(hour @ 0..=23)) = (part(5, 7), part(11, 13)) else {
                return Err(row.wrong("hour_utc is YYYY-MM-DD HHZ"));
            };
            // A few hours were not reported; the mean of the month's other days stands for them.
            if row.maybe(area)?.is_some() {
                let (sum, count) = &mut sums[month - 1][hour];
                *sum += row.number(area)?;
                *count += 1;
            }
        }
        if sums.iter().flatten().any(|(_, count)| *count == 0) {
            return Err(Error::new(format!(
                "us_grid_hourly_2022 has nothing of {area} for some month and hour"
            )));
        }
        let means = sums.map(|month| month.map(|(sum, count)| sum / f64::from(count)));
        let days = means.iter().zip(DAYS).map(|(month, days)| month.iter().sum::<f64>() * days);
        let year = days.sum::<f64>() / 8760.0;
        for (month, means) in means.iter().enumerate() {
            let factors = means.iter().map(|mean| format!("{:.4}", mean / year));
            text.row([(*area).to_owned(), (month + 1).to_string()].into_iter().chain(factors));
        }
    }
    Ok(text.into_file("carbon_shapes.csv"))
}
