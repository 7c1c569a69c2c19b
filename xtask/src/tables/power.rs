//! How often spot is taken back, and what a host and its building draw.

use super::Sources;
use super::input::Table;
use super::output::Text;
use super::prices::PriceBook;
use crate::error::{Error, Result};

/// Spot Advisor's bands: label, and the share of instances taken back in a month that stands for the band.
const BANDS: [(&str, f64); 5] =
    [("<5%", 0.025), ("5-10%", 0.075), ("10-15%", 0.125), ("15-20%", 0.175), (">20%", 0.25)];

/// Hours in a month, as AWS counts them.
const HOURS: f64 = 730.0;

/// `interruptions.csv`.
pub(super) fn interruptions(book: &PriceBook) -> (String, String) {
    let mut text = Text::new(
        "Interruptions of a spot instance an hour. AWS publishes a band a type and region: the share of instances taken back in
         the month before. With a constant rate r an instance survives a month of 730 hours with probability exp(-730 r), so
         r = -ln(1 - share) / 730, at the middle of the band; the open band above 20 % is taken as 25 %.
         Other providers publish no rate: default is the mean of these rates over all AWS spot offers of this catalogue,
         an estimate that every plan shows as an assumption.",
        "scope,band,label,monthly_share,per_hour,source",
    );
    let rate = |share: f64| -(-share).ln_1p() / HOURS;
    for (band, (label, share)) in BANDS.iter().enumerate() {
        let (band, share, rate) = (band.to_string(), share.to_string(), format!("{:.3e}", rate(*share)));
        text.row(["aws", &band, label, &share, &rate, "aws-advisor-2025"]);
    }
    let mut counts = [0_u32; BANDS.len()];
    for band in book.bands() {
        counts[usize::from(band)] += 1;
    }
    let all: u32 = counts.iter().sum();
    let mean =
        counts.iter().zip(BANDS).map(|(count, (_, share))| f64::from(*count) * rate(share)).sum::<f64>()
            / f64::from(all.max(1));
    text.row(["default", "", "", "", &format!("{mean:.3e}"), "risk-default"]);
    text.into_file("interruptions.csv")
}

/// The newest processors of Cloud Carbon Footprint's list; which of them a cloud has decides its figure.
const NEWEST: [&str; 4] = ["Cascade Lake", "AMD EPYC 2nd Gen", "AMD EPYC 3rd Gen", "AWS Graviton2"];

/// `power.csv`.
pub(super) fn host(sources: &Sources<'_>) -> Result<(String, String)> {
    let table = Table::read(sources.data, "accelerators/ccf_processor_watts.csv")?;
    let mut text = Text::new(
        "Power of hosts and buildings. vcpu: watts of one vCPU under full load; for each cloud the median of max_watts over the newest
         processors that Cloud Carbon Footprint lists for it (Cascade Lake, EPYC of the 2nd and 3rd generation, Graviton2); default:
         the highest of these. memory: watts a GiB (Cloud Carbon Footprint: 0.392 Wh a GB and hour; clouds' GB are GiB).
         pue: power usage effectiveness; aws, azure, gcp as Cloud Carbon Footprint has them; neocloud: a colocation site of today;
         on-prem: the average of the Uptime Institute's survey of 2023. Estimates are flagged.",
        "what,of,value,source,estimate",
    );
    let mut highest = String::new();
    for cloud in ["aws", "azure", "gcp"] {
        let mut watts = Vec::new();
        for row in table.rows() {
            if row.get("cloud")? == cloud && NEWEST.contains(&row.get("processor")?) {
                watts.push((row.number("max_watts")?, row.get("max_watts")?));
            }
        }
        watts.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let (_, median) =
            *watts.get(watts.len() / 2).ok_or_else(|| Error::new(format!("no processors of {cloud}")))?;
        text.row(["vcpu", cloud, median, "host-ccf", "1"]);
        if highest.as_str() < median {
            median.clone_into(&mut highest);
        }
    }
    text.row(["vcpu", "default", &highest, "host-ccf", "1"]);
    text.row(["memory", "default", "0.392", "host-ccf", "1"]);
    text.row(["pue", "aws", "1.135", "pue-ccf", ""]);
    text.row(["pue", "azure", "1.185", "pue-ccf", ""]);
    text.row(["pue", "gcp", "1.1", "pue-ccf", ""]);
    text.row(["pue", "neocloud", "1.3", "pue-colo", "1"]);
    text.row(["pue", "on-prem", "1.58", "pue-uptime", "1"]);
    Ok(text.into_file("power.csv"))
}
