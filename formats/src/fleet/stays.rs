//! Running pods that stay where they are, whatever it would bring to move them.
//!
//! To move a pod is to evict it and to hold its copy on another node: nothing may ask that it be left alone, something must
//! make the copy, its data must not stay behind, and what keeps it off other nodes must be known.

use plimsoll_model::fleet::{Pod, Stays};

use super::{expand::Draft, pod::annotation, remarks::Remarks};

/// By which the cluster autoscaler is told whether a pod may be evicted.
const EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";

/// Why a pod stays that says so itself.
pub(super) fn stated(draft: &Draft<'_>) -> Option<Stays> {
    let is = |name: &str, stated| annotation(draft, name).is_some_and(|view| view.text() == Some(stated));
    let is_of_node = draft.object.owner().is_some_and(|(kind, _)| matches!(kind, "DaemonSet" | "Node"))
        || annotation(draft, "kubernetes.io/config.mirror").is_some();
    let is_asked = || is("karpenter.sh/do-not-disrupt", "true") || is(EVICT, "false") || draft.is_going();
    if is_of_node { Some(Stays::OfNode) } else { is_asked().then_some(Stays::Asked) }
}

/// Keeps those running pods of a whole cluster where they are that only their scheduler, or nobody, can bring elsewhere.
pub(super) fn keep(drafts: &[Draft<'_>], pods: &mut [Pod], remarks: &Remarks) {
    for (index, (draft, pod)) in drafts.iter().zip(pods).enumerate().filter(|(_, (draft, _))| draft.runs()) {
        let is_safe = || annotation(draft, EVICT).is_some_and(|view| view.text() == Some("true"));
        let why = || {
            if remarks.leaves(index) || pod.left.is_some() {
                Some(Stays::Scheduler)
            } else if is_safe() {
                None
            } else if draft.object.owner().is_none() {
                Some(Stays::Alone)
            } else {
                has_data(draft).then_some(Stays::Data)
            }
        };
        pod.stays = pod.stays.or_else(why);
    }
}

/// Whether it keeps files of its node.
fn has_data(draft: &Draft<'_>) -> bool {
    let volumes = draft.spec.field("volumes").map_or_else(Vec::new, |volumes| volumes.items());
    volumes.iter().any(|volume| volume.field("hostPath").is_some())
}
