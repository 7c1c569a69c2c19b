//! What a cluster says of itself as parts of an estate: its nodes, Karpenter's pools and overlays,
//! Kueue's queues.
//!
//! They are read together, because they refer to each other: a flavor of a queue names the label of a
//! pool or of nodes; the region of a pool is where the nodes are. What Kubernetes and the model say alike
//! is translated exactly (requirements as `only`, limits and quotas as `quotas`, overlays as `prices`,
//! nodes as `sites`); what is not, is said in the assumptions.

mod karpenter;
mod kueue;
mod launch;
mod nodes;
mod object;
mod overlay;
mod selection;

use plimsoll_model::{Workload, estate::EstateSpec, plan::Assumption, read::Located};

use crate::{Documents, Translation};

pub(crate) use launch::Taint;
pub use launch::{ClassSeat, PoolSeat};
pub use nodes::{Host, Hosts};

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

/// Adds to the assumptions.
fn note(out: &mut Translation, what: String, value: impl Into<String>, source: impl Into<String>) {
    let (value, source) = (value.into(), source.into());
    out.assumptions.push(Assumption { what, value, source, as_of: None });
}
