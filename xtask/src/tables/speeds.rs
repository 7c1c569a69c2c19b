//! How fast training jobs run on one accelerator beside another, where someone measured and published it.

use std::collections::BTreeMap;

use super::Sources;
use super::input::Table;
use super::output::Text;
use crate::error::Result;

pub(super) fn table(sources: &Sources<'_>) -> Result<(String, String)> {
    let mut steps: BTreeMap<String, BTreeMap<&str, f64>> = BTreeMap::new();
    for row in Table::read(sources.data, "accelerators/gavel_throughputs.csv")?.rows() {
        let accelerator = match row.get("worker")? {
            "k80" => "K80",
            "p100" => "P100",
            "v100" => "V100",
            _ => continue,
        };
        let rate = row.number("steps_per_s")?;
        if row.get("scale_factor")? == "1" && rate > 0.0 {
            steps.entry(row.get("job")?.to_owned()).or_default().insert(accelerator, rate);
        }
    }
    let mut text = Text::new(
        "Training speed of one accelerator relative to V100, by job (a model with its batch size): Gavel's steps a second on K80, P100 and
         V100, one worker, alone on it. A job that does not run on a card has no row for it.
         The Recommendation jobs are bound by the host and so run faster beside a P100 than beside a V100, as measured.",
        "workload,accelerator,speed",
    );
    for (job, rates) in &steps {
        let Some(reference) = rates.get("V100") else { continue };
        for (accelerator, rate) in rates {
            text.row([job.as_str(), accelerator, &format!("{:.3}", rate / reference)]);
        }
    }
    Ok(text.into_file("speeds.csv"))
}
