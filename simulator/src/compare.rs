//! Policies against each other: the same seeds give both the same arrivals, so the differences of equal seeds are
//! looked at and not the means, which vary with what all of them have in common.

use indexmap::IndexMap;
use plimsoll_model::simulation::{Comparison, Metric, SimulationRun};

/// Every policy against each that is named before it, at every point, for every metric that both have.
pub fn comparisons(runs: &[SimulationRun]) -> Vec<Comparison> {
    let mut found = Vec::new();
    let mut from = 0;
    while from < runs.len() {
        let point = &runs[from].point;
        let to = from + runs[from..].iter().take_while(|run| run.point == *point).count();
        let mut policies: IndexMap<&str, Vec<&SimulationRun>> = IndexMap::new();
        for run in &runs[from..to] {
            policies.entry(&run.policy).or_default().push(run);
        }
        for (at, (policy, own)) in policies.iter().enumerate() {
            for (against, others) in policies.iter().take(at) {
                pair(policy, own, against, others, &mut found);
            }
        }
        from = to;
    }
    found
}

fn pair(
    policy: &str,
    own: &[&SimulationRun],
    against: &str,
    others: &[&SimulationRun],
    found: &mut Vec<Comparison>,
) {
    let Some(first) = own.first() else { return };
    for (metric, value) in &first.metrics {
        let levels: Vec<Option<&str>> = match value {
            Metric::Number(_) => vec![None],
            Metric::ByLevel(levels) => levels.keys().map(|level| Some(level.as_str())).collect(),
        };
        for level in levels {
            let differences: Vec<f64> = own
                .iter()
                .filter_map(|run| {
                    let other = others.iter().find(|other| other.seed == run.seed)?;
                    Some(figure(run, metric, level)? - figure(other, metric, level)?)
                })
                .collect();
            let Some((mean, half)) = interval(&differences) else { continue };
            found.push(Comparison {
                point: first.point.clone(),
                metric: metric.clone(),
                level: level.map(str::to_owned),
                policy: policy.to_owned(),
                against: against.to_owned(),
                mean,
                low: half.map(|half| mean - half),
                high: half.map(|half| mean + half),
                paired: true,
            });
        }
    }
}

/// A metric of a run, at a level where it has levels.
pub fn figure(run: &SimulationRun, metric: &str, level: Option<&str>) -> Option<f64> {
    match (run.metrics.get(metric)?, level) {
        (Metric::Number(number), None) => Some(*number),
        (Metric::ByLevel(levels), Some(level)) => levels.get(level).copied(),
        _ => None,
    }
}

/// The mean, and half the width of the interval that holds the true mean with 95 % (Student's t); nothing of the
/// latter for a single value.
pub fn interval(values: &[f64]) -> Option<(f64, Option<f64>)> {
    let count = values.len();
    if count == 0 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / count as f64;
    if count == 1 {
        return Some((mean, None));
    }
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let error = (squares / (count - 1) as f64 / count as f64).sqrt();
    Some((mean, Some(t(count - 1) * error)))
}

/// The 97.5 % quantile of Student's t: by table up to 30 degrees of freedom, beyond by the expansion of Cornish and
/// Fisher (Abramowitz and Stegun 26.7.5), which is exact to four decimals there.
fn t(freedom: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788,
        2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639,
        2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
    ];
    if let Some(value) = freedom.checked_sub(1).and_then(|at| TABLE.get(at)) {
        return *value;
    }
    let (n, z) = (freedom as f64, 1.959_964_f64);
    z + (z.powi(3) + z) / (4.0 * n) + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(policy: &str, seed: u64, value: f64) -> SimulationRun {
        SimulationRun {
            point: IndexMap::new(),
            policy: policy.to_owned(),
            seed,
            jobs: 1,
            events: 1,
            metrics: [("cost_usd".to_owned(), Metric::Number(value))].into_iter().collect(),
            events_digest: String::new(),
            bound: false,
            series: IndexMap::new(),
        }
    }

    #[test]
    fn differences_are_paired() {
        // Seeds differ by 100, policies by 1 and 3: the interval is about 2 ± 12.7, not about 2 ± 900.
        let runs = [run("a", 1, 100.0), run("a", 2, 200.0), run("b", 1, 101.0), run("b", 2, 203.0)];
        let found = comparisons(&runs);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].policy.as_str(), found[0].against.as_str()), ("b", "a"));
        assert!((found[0].mean - 2.0).abs() < 1e-9);
        assert!((found[0].high.unwrap() - 14.7062).abs() < 1e-3, "{found:?}");
        let one = comparisons(&[runs[0].clone(), runs[2].clone()]);
        assert_eq!((one[0].low, one[0].high), (None, None));
    }

    #[test]
    fn quantiles_agree_where_table_and_expansion_meet() {
        assert!((t(30) - 2.0423).abs() < 1e-9);
        assert!((t(31) - 2.0395).abs() < 1e-4);
        assert!((t(120) - 1.9799).abs() < 1e-4);
    }
}
