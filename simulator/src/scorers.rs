//! Scorers by name: the same for policies of a sequence and for those over time.

use std::sync::Arc;

use plimsoll_packing::{
    fleet::{Node, Request},
    scores::{
        BestFit, Clustering, DotProduct, Fgd, GpuPacking, KubeDefault, Mix, Regret, RegretParams, Sampling,
        Score, View, bids,
    },
};

/// The scorer of a name; nothing where it needs more than the mix of jobs, or where there is none.
pub(crate) fn named(name: &str, mix: impl FnOnce() -> Mix) -> Option<Arc<dyn Score>> {
    Some(match name {
        "kube-default" => Arc::new(KubeDefault),
        "best-fit" => Arc::new(BestFit),
        "packing" => Arc::new(GpuPacking),
        "clustering" => Arc::new(Clustering),
        "dot-product" => Arc::new(DotProduct),
        "first-fit" => Arc::new(FirstFit),
        "fgd" => Arc::new(Fgd::new(&mix())),
        _ => return None,
    })
}

/// Regret at the prices of packing programs over a mix of requests, each so many times: what the planner's core thinks
/// a place is worth.
///
/// # Errors
/// Why there are no prices.
pub(crate) fn regret(nodes: &[Node], classes: &[Request], counts: &[u64]) -> Result<Regret, String> {
    let prices = bids(nodes, classes, counts, Sampling::default())
        .map_err(|error| format!("no prices for `regret`: {error}"))?;
    Ok(Regret::new(nodes, classes, &prices, RegretParams::default()))
}

/// All nodes alike: the first in the order of nodes is taken.
struct FirstFit;

impl Score for FirstFit {
    fn name(&self) -> &'static str {
        "first-fit"
    }

    fn score(&self, _: &Request, _: View<'_>) -> i64 {
        0
    }
}
