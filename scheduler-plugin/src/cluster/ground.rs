//! What pods are read beside: the hardware, and the objects that they name.

use std::sync::Arc;

use k8s_openapi::api::core::v1;
use plimsoll_formats::Hardware;
use plimsoll_model::fleet;

use super::{Beside, Facts, Pod, beside::Ref, read};

/// What pods are read beside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground<'c> {
    pub(crate) hardware: &'c Hardware,
    pub(crate) beside: &'c Beside,
}

impl Ground<'_> {
    /// What a pod needs, and what is wrong with what it says.
    pub(super) fn read(
        &self,
        facts: &Facts,
        text: &str,
        refs: &[Ref],
    ) -> (Option<Arc<fleet::Pod>>, Option<String>) {
        let beside = self.beside.of_pod(facts, refs);
        let (needs, fault) = read::pod(self.hardware, facts, text, &beside);
        let needs = needs.map(|mut needs| {
            if let Some(why) = self.beside.left(facts, refs) {
                needs.left = Some(why);
            }
            Arc::new(needs)
        });
        (needs, fault)
    }

    pub(super) fn reread(&self, pod: &Pod) -> Arc<Pod> {
        let (needs, fault) = self.read(&pod.facts, &pod.text, &pod.refs);
        Arc::new(Pod { needs, fault, ..pod.clone() })
    }

    /// Reads a pod that was never watched, from the object in a request: its text, and what that says.
    pub(crate) fn read_text(&self, text: &str, pod: &v1::Pod) -> Option<fleet::Pod> {
        let beside = self.beside.of_pods(Ref::of(pod).iter());
        read::read_text(self.hardware, text, &beside)
    }

    /// Whether a pod asks for accelerators by what it claims, or claims what is not known (yet).
    pub(crate) fn claims(&self, pod: &v1::Pod) -> bool {
        let refs = Ref::of(pod);
        if !refs.iter().any(Ref::is_of_devices) {
            return false;
        }
        let Ok(text) = serde_json::to_string(pod) else { return false };
        let asks = |needs: fleet::Pod| needs.left.is_none() && needs.ask.is_some();
        self.beside.lacks(&refs) || self.read_text(&text, pod).is_some_and(asks)
    }
}
