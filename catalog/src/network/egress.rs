//! What it costs to move a gigabyte out of a region.
//!
//! Most specific first: the list of AWS (2023) for data that leaves AWS, the grid of 2022 for Azure and GCP, then the
//! defaults by country, continent and cloud. Prices are of the first tier; volume discounts are the planner's matter.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::Place;
use super::matrix::Matrix;
use crate::country::country;
use crate::decimal::nano_cell;
use crate::region::{Region, region};
use crate::source::Fact;
use crate::table::{fields, rows};

static AWS: &str = include_str!("../../tables/egress_aws.csv");
static GRID: &str = include_str!("../../tables/egress_grid.csv");
static DEFAULTS: &str = include_str!("../../tables/egress_default.csv");

struct Tables {
    /// (from, to): to is a region, `*` or `internet`.
    aws: FxHashMap<(&'static str, &'static str), i64>,
    /// Dollars; a price has at most four decimals, so a double holds it to the nano-dollar.
    grid: Matrix,
    /// (cloud, from, relation, to).
    defaults: FxHashMap<[&'static str; 4], (i64, &'static str)>,
}

fn tables() -> &'static Tables {
    static PARSED: OnceLock<Tables> = OnceLock::new();
    PARSED.get_or_init(|| {
        let aws = rows(AWS).map(|line| {
            let [from, to, price] = fields(line);
            ((from, to), nano_cell(price))
        });
        let defaults = rows(DEFAULTS).map(|line| {
            let [cloud, from, relation, to, price, source] = fields(line);
            ([cloud, from, relation, to], (nano_cell(price), source))
        });
        Tables { aws: aws.collect(), grid: Matrix::parse(GRID), defaults: defaults.collect() }
    })
}

/// Billionths of a dollar for a GB (2^30 bytes) that leaves `from` for `to`; 0 within a region. `None` for a place that is
/// not in the catalogue, and for a provider whose price is not known (Nebius).
pub fn egress(from: Place<'_>, to: Place<'_>) -> Option<Fact<i64>> {
    let (source, target) = (region(from.0, from.1)?, region(to.0, to.1)?);
    if from == to {
        return Some(Fact::of("within-region", 0, false));
    }
    let same_cloud = from.0 == to.0;
    let tables = tables();
    if from.0 == "aws" {
        let exact = tables.aws.get(&(from.1, if same_cloud { to.1 } else { "internet" }));
        if let Some(price) = exact {
            return Some(Fact::of("egress-aws-2023", *price, false));
        }
        if let Some(price) = tables.aws.get(&(from.1, "*")).filter(|_| same_cloud) {
            // A destination that the list of 2023 has as a source is one that it priced.
            let listed = tables.aws.contains_key(&(to.1, "*"));
            let key = if listed { "egress-aws-2023" } else { "egress-aws-rule" };
            return Some(Fact::of(key, *price, !listed));
        }
    }
    if let Some(dollars) = tables.grid.get(from, to) {
        return Some(Fact::of("egress-2022", (dollars * 1e9).round() as i64, false));
    }
    default(source, if same_cloud { "same" } else { "other" }, areas(target.country))
}

/// The same for a place that no cloud has, such as a site of one's own, in a country if that is known.
pub fn egress_to(from: Place<'_>, country: Option<&str>) -> Option<Fact<i64>> {
    let source = region(from.0, from.1)?;
    if let Some(price) = tables().aws.get(&(from.1, "internet")).filter(|_| from.0 == "aws") {
        return Some(Fact::of("egress-aws-2023", *price, false));
    }
    default(source, "other", areas(country))
}

fn default(from: &Region, relation: &str, to: [&str; 3]) -> Option<Fact<i64>> {
    for from_area in areas(from.country) {
        for to_area in to {
            let row = tables().defaults.get(&[from.cloud, from_area, relation, to_area]);
            if let Some((price, source)) = row {
                return Some(Fact::of(source, *price, *source != "egress-list"));
            }
        }
    }
    None
}

/// The country, the continent, anywhere. What lies in no known country is only anywhere.
fn areas(code: Option<&str>) -> [&'static str; 3] {
    let found = code.and_then(country);
    [found.map_or("*", |country| country.code), found.map_or("*", |country| country.continent), "*"]
}
