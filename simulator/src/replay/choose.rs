//! Which policy to use: the one that would have done best on what came last.
//!
//! No scorer is best for every mix of pods. A replay takes a tenth of a second, so the candidates are tried on the
//! arrivals of late instead of argued about.

use std::ops::Range;

use super::{Arrivals, Input, Policy, run};
use crate::draws::Draws;

/// How candidates are tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// What arrives, made from the recent pods.
    pub arrivals: Arrivals,
    /// The level of arrived load, in per cent of the devices, at which the allocation counts.
    pub level: f64,
    /// A run of each candidate for each seed; all candidates see the same arrivals.
    pub seeds: Range<u64>,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The candidate that allocated most; of equals the first.
    pub best: usize,
    /// What each allocated, in per cent of all devices, the mean over the seeds.
    pub allocations: Vec<f64>,
}

/// Tries the candidates on recent arrivals; nothing without candidates or seeds.
pub fn choose(recent: &Input, candidates: &[Policy], trial: &Trial) -> Option<Choice> {
    let runs = trial.seeds.clone().count();
    if runs == 0 {
        return None;
    }
    let allocations: Vec<f64> = candidates
        .iter()
        .map(|policy| {
            let allocation =
                |seed| run(recent, trial.arrivals, policy, Draws::chacha(seed)).at(trial.level).allocation;
            trial.seeds.clone().map(allocation).sum::<f64>() / runs as f64
        })
        .collect();
    let most = allocations.iter().copied().max_by(f64::total_cmp)?;
    let best = allocations.iter().position(|allocation| *allocation >= most)?;
    Some(Choice { best, allocations })
}
