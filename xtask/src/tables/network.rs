//! What lies between regions: prices, round trips, throughput.
//!
//! Skyplane's files name a region `aws:us-east-1`, and Google's zones instead of regions; here it is `aws/us-east-1`.

use std::collections::{BTreeMap, BTreeSet};

use super::Sources;
use super::input::{Row, Table};
use super::money::{NANO, decimal, scaled};
use super::output::{Text, matrix};
use super::regions::Regions;
use crate::error::Result;

/// `cloud/region`.
type Place = String;

pub(super) fn tables(sources: &Sources<'_>, regions: &Regions) -> Result<Vec<(String, String)>> {
    let grid = Grid::read(sources, regions)?;
    let aws = aws_rows(sources)?;
    let mut files =
        vec![grid.table(), aws_table(&aws), defaults(sources, &grid, &aws, regions)?, rtt(sources, regions)?];
    files.extend(throughput(sources, regions)?);
    Ok(files)
}

fn place(row: Row<'_>, column: &str, regions: &Regions) -> Result<Place> {
    let (cloud, name) =
        row.get(column)?.split_once(':').ok_or_else(|| row.wrong("a place is cloud:region"))?;
    let zone = cloud == "gcp" && name.as_bytes().get(name.len().wrapping_sub(2)) == Some(&b'-');
    let region = if zone { &name[..name.len() - 2] } else { name };
    if regions.knows(cloud, region) {
        Ok(format!("{cloud}/{region}"))
    } else {
        Err(row.wrong(&format!("{cloud}/{region} is not in catalog/facts/regions.csv")))
    }
}

fn cloud(place: &str) -> &str {
    place.split_once('/').map_or(place, |(cloud, _)| cloud)
}

fn continent<'a>(place: &str, regions: &'a Regions) -> &'a str {
    place
        .split_once('/')
        .and_then(|(cloud, region)| regions.get(cloud, region))
        .map_or("", |region| &region.continent)
}

fn country<'a>(place: &str, regions: &'a Regions) -> &'a str {
    place
        .split_once('/')
        .and_then(|(cloud, region)| regions.get(cloud, region))
        .map_or("", |region| &region.country)
}

/// Prices of 2022 between every two of 63 regions, in billionths of a dollar.
struct Grid(BTreeMap<(Place, Place), i64>);

impl Grid {
    fn read(sources: &Sources<'_>, regions: &Regions) -> Result<Self> {
        let mut grid = BTreeMap::new();
        for row in Table::read(sources.data, "network/egress_price_grid_2022.csv.gz")?.rows() {
            let pair = (place(row, "src", regions)?, place(row, "dst", regions)?);
            if pair.0 != pair.1 {
                grid.insert(pair, scaled(row.get("usd_per_gb")?, NANO)?);
            }
        }
        Ok(Self(grid))
    }

    /// AWS is left to the newer list, with which the grid agrees in every pair that both have.
    fn table(&self) -> (String, String) {
        let from: BTreeSet<&str> =
            self.0.keys().map(|(from, _)| from.as_str()).filter(|from| cloud(from) != "aws").collect();
        let to: BTreeSet<&str> = self.0.keys().map(|(_, to)| to.as_str()).collect();
        let (from, to): (Vec<_>, Vec<_>) = (from.into_iter().collect(), to.into_iter().collect());
        matrix(
            "Egress from regions of Azure and GCP, US dollars a GB (2^30 bytes) at the first tier: a row is where data leaves, a column
             where it goes. Skyplane's price grid of 2022, premium network tier. Within a region 0 (empty here).",
            "from",
            &from,
            &to,
            |from, to| {
                let price = self.0.get(&(from.to_owned(), to.to_owned()));
                price.map_or_else(String::new, |price| decimal(*price, NANO))
            },
        )
        .into_file("egress_grid.csv")
    }
}

/// AWS: for each region what it costs to `internet`, to `*` (any other AWS region), and to those that differ from `*`.
fn aws_rows(sources: &Sources<'_>) -> Result<BTreeMap<String, BTreeMap<String, i64>>> {
    let mut lists: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for row in Table::read(sources.data, "network/aws_transfer_prices_2023.csv")?.rows() {
        let (from, to) = (row.get("src")?, row.get("dst")?);
        if from != to {
            lists.entry(from.to_owned()).or_default().insert(to.to_owned(), scaled(row.get("cost")?, NANO)?);
        }
    }
    for rows in lists.values_mut() {
        let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
        for price in rows.iter().filter(|(to, _)| *to != "internet").map(|(_, price)| *price) {
            *counts.entry(price).or_default() += 1;
        }
        if let Some((usual, _)) = counts.into_iter().max_by_key(|(_, count)| *count) {
            rows.retain(|to, price| to == "internet" || *price != usual);
            rows.insert("*".into(), usual);
        }
    }
    Ok(lists)
}

fn aws_table(lists: &BTreeMap<String, BTreeMap<String, i64>>) -> (String, String) {
    let mut text = Text::new(
        "Egress from regions of AWS, US dollars a GB (2^30 bytes) at the first tier, 2023. to: internet (and so other clouds), * (any
         other AWS region: AWS prices by where data leaves), or a region that has a price of its own. The list has 27 regions to
         go to; * for a younger one is the same rule carried on, and flagged as an estimate.",
        "from,to,usd_per_gb",
    );
    for (from, rows) in lists {
        for (to, price) in rows {
            text.row([from.as_str(), to, &decimal(*price, NANO)]);
        }
    }
    text.into_file("egress_aws.csv")
}

/// For regions that no list has: the median between continents over those that a list has, then the hand-made rows.
fn defaults(
    sources: &Sources<'_>,
    grid: &Grid,
    aws: &BTreeMap<String, BTreeMap<String, i64>>,
    regions: &Regions,
) -> Result<(String, String)> {
    let mut samples: BTreeMap<(String, String, &str, String), Vec<i64>> = BTreeMap::new();
    for ((from, to), price) in &grid.0 {
        let relation = if cloud(from) == cloud(to) { "same" } else { "other" };
        // Google bills within a country less than across a border of the same continent.
        let (from_area, to_area) = match (country(from, regions), country(to, regions)) {
            (one, two) if one == two && relation == "same" => (one, two),
            _ => (continent(from, regions), continent(to, regions)),
        };
        if cloud(from) == "aws" {
            continue;
        }
        // To anywhere else: another cloud wherever it is, or another continent of the same cloud.
        let anywhere = relation == "other" || continent(from, regions) != continent(to, regions);
        let areas = [(from_area, to_area), (continent(from, regions), "*")];
        for (from_area, to_area) in areas.into_iter().take(1 + usize::from(anywhere)) {
            let key = (cloud(from).to_owned(), from_area.to_owned(), relation, to_area.to_owned());
            samples.entry(key).or_default().push(*price);
        }
    }
    for (from, rows) in aws {
        let Some(region) = regions.get("aws", from) else { continue };
        for (to, relation) in [("*", "same"), ("internet", "other")] {
            if let Some(price) = rows.get(to).filter(|_| !from.contains("gov")) {
                let key = ("aws".to_owned(), region.continent.clone(), relation, "*".to_owned());
                samples.entry(key).or_default().push(*price);
            }
        }
    }
    let mut text = Text::new(
        "Egress where neither region is in a price list, US dollars a GB (2^30 bytes). to: same, another region of the cloud; other,
         another cloud. A row names countries, continents or * (any); of the rows that fit, one of a country comes before one of a
         continent, that before *. Medians over the regions that a list has, then the rows of catalog/facts/egress_hand.csv. All but a provider's published free egress are estimates.",
        "cloud,from_area,to,to_area,usd_per_gb,source",
    );
    for ((cloud, from, relation, to), mut prices) in samples {
        prices.sort_unstable();
        let median = prices[prices.len() / 2];
        text.row([cloud.as_str(), &from, relation, &to, &decimal(median, NANO), "egress-default"]);
    }
    for row in Table::read(sources.facts, "egress_hand.csv")?.rows() {
        let columns = ["cloud", "from_continent", "to", "to_continent", "usd_per_gb", "source"];
        let fields: Vec<&str> = columns.iter().map(|column| row.get(column)).collect::<Result<_>>()?;
        text.row(fields);
    }
    Ok(text.into_file("egress_default.csv"))
}

fn rtt(sources: &Sources<'_>, regions: &Regions) -> Result<(String, String)> {
    let mut times = BTreeMap::new();
    for row in Table::read(sources.data, "network/rtt_clean.csv.gz")?.rows() {
        let (a, b) = (place(row, "a", regions)?, place(row, "b", regions)?);
        row.number("rtt_ms")?;
        let pair = if a < b { (a, b) } else { (b, a) };
        times.insert(pair, row.get("rtt_ms")?.to_owned());
    }
    let places: BTreeSet<&str> = times.keys().flat_map(|(a, b)| [a.as_str(), b.as_str()]).collect();
    let places: Vec<&str> = places.into_iter().collect();
    let table = matrix(
        "Round-trip time between regions in ms, each pair once (above the diagonal). Skyplane's measurements of April 2022: the median
         over both directions and network tiers of the smallest time seen; 243 samples that beat light in fibre are left out.
         Other pairs: 22 ms + 1.58 ms per 100 km of great circle, least squares on these; the error of that is 22 ms at the median
         and 68 ms at the 90th percentile.",
        "between",
        &places,
        &places,
        |a, b| times.get(&(a.to_owned(), b.to_owned())).cloned().unwrap_or_default(),
    );
    Ok(table.into_file("rtt.csv"))
}

fn throughput(sources: &Sources<'_>, regions: &Regions) -> Result<Vec<(String, String)>> {
    let mut samples: BTreeMap<&str, BTreeMap<(Place, Place), Vec<f64>>> = BTreeMap::new();
    let table = Table::read(sources.data, "network/throughput_2022.csv.gz")?;
    for row in table.rows() {
        if row.get("src_tier")? != "PREMIUM"
            || row.get("dst_tier")? != "PREMIUM"
            || row.maybe("gbps_received")?.is_none()
        {
            continue;
        }
        let pair = (place(row, "src", regions)?, place(row, "dst", regions)?);
        let gbps = row.number("gbps_received")?;
        if pair.0 != pair.1 && gbps > 0.0 {
            samples.entry(row.get("measured")?).or_default().entry(pair).or_default().push(gbps);
        }
    }
    let newest = samples
        .keys()
        .next_back()
        .map(|date| samples[date].keys().cloned().collect::<BTreeSet<_>>())
        .unwrap_or_default();
    let mut files = Vec::new();
    for (date, mut pairs) in samples {
        let last = pairs.keys().all(|pair| newest.contains(pair));
        if !last {
            pairs.retain(|pair, _| !newest.contains(pair));
        }
        let from: BTreeSet<&str> = pairs.keys().map(|(from, _)| from.as_str()).collect();
        let to: BTreeSet<&str> = pairs.keys().map(|(_, to)| to.as_str()).collect();
        let (from, to): (Vec<_>, Vec<_>) = (from.into_iter().collect(), to.into_iter().collect());
        let comment = format!(
            "Throughput in Gbit/s from one machine to one machine of another region (a row sends, a column receives), measured {date} by
             Skyplane with iperf3, 64 connections, 5 s, premium network tier; the median of what was received.{}",
            if last { "" } else { "\nOnly pairs that the newer measurement lacks." }
        );
        let table = matrix(&comment, "from", &from, &to, |from, to| {
            pairs
                .get(&(from.to_owned(), to.to_owned()))
                .map_or_else(String::new, |samples| format!("{:.3}", median(samples)))
        });
        files.push(table.into_file(format!("throughput_{date}.csv")));
    }
    Ok(files)
}

fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}
