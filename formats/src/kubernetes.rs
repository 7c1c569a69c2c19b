//! Kubernetes manifests: workloads, and the data that their claims name.

use plimsoll_model::estate::EstateSpec;

use crate::{Documents, Format, Translation, not_yet};

/// Translates the manifests, in order.
pub(crate) fn translate(documents: &Documents<'_>, _estate: Option<&EstateSpec>) -> Translation {
    not_yet(Format::Kubernetes, documents)
}
