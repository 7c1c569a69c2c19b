//! What a cluster says of itself as parts of an estate: its nodes, Karpenter's pools and overlays,
//! Kueue's queues.
//!
//! They are read together, because they refer to each other: a flavor of a queue names the label of a
//! pool or of nodes; the region of a pool is where the nodes are. What Kubernetes and the model say alike
//! is translated exactly (requirements as `only`, limits and quotas as `quotas`, overlays as `prices`,
//! nodes as `sites`); what is not, is said in the assumptions.

mod karpenter;
mod kueue;
mod machine;
mod nodes;
mod object;
mod overlay;
mod selection;
#[cfg(test)]
mod tests;

use plimsoll_model::{Workload, estate::EstateSpec, plan::Assumption, read::Located};

use crate::{Documents, Translation};
use object::Object;

/// Translates what is about the cluster among all documents of the Kubernetes API. `workloads` are those
/// that the manifests became; they are given the team of their queue.
pub(crate) fn translate(
    documents: &Documents<'_>,
    workloads: &mut [(usize, Located<Workload>)],
    estate: Option<&EstateSpec>,
) -> Translation {
    let objects = object::objects(documents);
    let mut out = Translation::default();
    let labels = kueue::flavor_labels(&objects);
    let nodes = nodes::translate(&objects, &labels, estate, &mut out);
    let pools = karpenter::translate(&objects, &nodes, estate, &mut out);
    overlay::translate(&objects, &pools, estate, &mut out);
    kueue::translate(&objects, &pools, &nodes, workloads, estate, &mut out);
    out
}

/// Whether an object is read here.
pub(crate) fn reads(group: &str, kind: &str) -> bool {
    (group.is_empty() && kind == "Node") || is_pool_or_queue(group)
}

fn is_pool_or_queue(group: &str) -> bool {
    group == "kueue.x-k8s.io" || group.starts_with("karpenter.")
}

/// Adds to the assumptions.
fn note(out: &mut Translation, what: String, value: impl Into<String>, source: impl Into<String>) {
    let (value, source) = (value.into(), source.into());
    out.assumptions.push(Assumption { what, value, source, as_of: None });
}

/// Names in a row, cut after a few.
fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    let mut shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        shown += &format!(" and {} more", names.len() - MOST);
    }
    shown
}
