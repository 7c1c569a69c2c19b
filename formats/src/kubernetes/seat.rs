//! Where in its manifest a workload's place is written: the pod specs of its parts, with what they say
//! of nodes already, and what an earlier plan wrote there.
//!
//! What `-o manifests` writes is recorded in one annotation, `plimsoll.dev/placed`, beside it. Reading
//! takes what is recorded there as the last plan's, not as the user's: it restricts nothing, so that a
//! plan made from its own output is the same plan, and a later one may move.

use indexmap::IndexMap;
use plimsoll_model::{read::View, yaml::Change};

use super::{
    hosts::Affinity,
    kinds::Component,
    train::Entry,
    twin::{self, Twin},
};

/// The annotation that records a placement.
pub(super) const PLACED: &str = "plimsoll.dev/placed";

/// The same without the prefix.
pub(super) const PLACED_FIELD: &str = "placed";

/// The annotation that keeps some replicas off spot, without the prefix.
pub(super) const BASE_FIELD: &str = "onDemandReplicas";

/// The pods of a workload in one document; those of a group may be in several.
#[derive(Debug, Clone, PartialEq)]
pub struct Seat {
    /// The workload's name.
    pub workload: String,
    /// The name of those of its replicas that are never on spot, where they are a workload of their own.
    pub base: Option<String>,
    /// Of such a workload, the two objects that the one becomes, or why it cannot.
    pub(super) twin: Option<Result<Twin, String>>,
    /// The index of the document among those that were translated.
    pub document: usize,
    /// Its pod specs.
    pub(super) pods: Vec<PodPlace>,
}

impl Seat {
    /// The same where nothing can stand behind its object, which stays one.
    #[must_use]
    pub fn alone(&self, why: &str) -> Self {
        let is_document = |twin: &Twin| twin.object.is_empty();
        let mut alone = self.clone();
        if matches!(&alone.twin, Some(Ok(twin)) if is_document(twin)) {
            alone.twin = Some(Err(why.to_owned()));
        }
        alone
    }
}

/// One pod spec, and what it says of nodes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PodPlace {
    /// The path of the pod's spec.
    pub(super) spec: String,
    /// The path of what has the annotations.
    pub(super) template: String,
    /// The index of its document.
    pub(super) document: usize,
    /// Where it is a patch of a `TrainJob`'s runtime, and may not be there.
    pub(super) entry: Option<Entry>,
    pub(super) node_selector: IndexMap<String, String>,
    /// The keys and values of its tolerations, in order.
    pub(super) tolerations: Vec<(String, Option<String>)>,
    pub(super) affinity: Affinity,
    pub(super) placed: Placed,
    /// Text of the annotation as it is.
    pub(super) record: Option<String>,
    /// Whether its labels are of EKS' own node groups rather than Karpenter's.
    pub(super) uses_eks_labels: bool,
}

impl PodPlace {
    pub(super) fn of(component: &Component<'_>) -> Self {
        let Component { spec, template, .. } = component;
        let labels = spec.field("nodeSelector").map_or_else(Vec::new, |labels| labels.entries());
        let text = |(key, value): &(&str, View<'_>)| Some(((*key).to_owned(), value.text()?.to_owned()));
        let node_selector: IndexMap<String, String> = labels.iter().filter_map(text).collect();
        let tolerations = spec.field("tolerations").map_or_else(Vec::new, |list| list.items());
        let key = |toleration: &View<'_>| {
            let text = |field| Some(toleration.field(field)?.text()?.to_owned());
            (text("key").unwrap_or_default(), text("value"))
        };
        let record = record(template);
        Self {
            spec: spec.path().to_owned(),
            template: template.path().to_owned(),
            entry: component.entry.clone(),
            document: component.document,
            uses_eks_labels: node_selector.keys().any(|key| key.starts_with("eks.amazonaws.com/")),
            node_selector,
            tolerations: tolerations.iter().map(key).collect(),
            affinity: Affinity::of(spec),
            placed: record.as_deref().map(Placed::read).unwrap_or_default(),
            record,
        }
    }
}

impl PodPlace {
    /// The same, from the object at this path on.
    pub(super) fn within(&self, object: &str) -> Self {
        let path = |path: &str| twin::within(path, object);
        Self { spec: path(&self.spec), template: path(&self.template), ..self.clone() }
    }
}

/// A change of the node that these fields lead to.
pub(super) fn fields(path: &[&str], change: Change) -> Change {
    let field = |inner, name: &&str| Change::Fields(IndexMap::from([((*name).to_owned(), inner)]));
    path.iter().rev().fold(change, field)
}

fn record(template: &View<'_>) -> Option<String> {
    Some(template.at(&["metadata", "annotations", PLACED])?.text()?.to_owned())
}

/// What an earlier plan wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) offer: String,
    pub(super) instances: String,
    /// The offer of the replicas that are never on spot; empty where there are none.
    pub(super) base: String,
    /// Keys of the node selector.
    pub(super) labels: Vec<String>,
    /// Keys of tolerations.
    pub(super) tolerations: Vec<String>,
    /// Keys of expressions of its node affinity.
    pub(super) affinity: Vec<String>,
}

impl Placed {
    /// What was written on the pods of a template.
    pub(super) fn of(template: &View<'_>) -> Self {
        record(template).as_deref().map(Self::read).unwrap_or_default()
    }

    /// `OFFER; instances 2; base OFFER; labels KEY KEY; tolerations KEY; affinity KEY`
    pub(super) fn read(text: &str) -> Self {
        let mut placed = Self::default();
        for (index, part) in text.split(';').map(str::trim).enumerate() {
            let keys = |rest: &str| rest.split_whitespace().map(str::to_owned).collect();
            if index == 0 {
                part.clone_into(&mut placed.offer);
            } else if let Some(rest) = part.strip_prefix("labels ") {
                placed.labels = keys(rest);
            } else if let Some(rest) = part.strip_prefix("tolerations ") {
                placed.tolerations = keys(rest);
            } else if let Some(rest) = part.strip_prefix("affinity ") {
                placed.affinity = keys(rest);
            } else if let Some(offer) = part.strip_prefix("base ") {
                offer.clone_into(&mut placed.base);
            } else if let Some(count) = part.strip_prefix("instances ") {
                count.clone_into(&mut placed.instances);
            }
        }
        placed
    }

    pub(super) fn write(&self) -> String {
        let list = |name: &str, keys: &[String]| {
            if keys.is_empty() { String::new() } else { format!("; {name} {}", keys.join(" ")) }
        };
        let base = if self.base.is_empty() { String::new() } else { format!("; base {}", self.base) };
        format!(
            "{}; instances {}{base}{}{}{}",
            self.offer,
            self.instances,
            list("labels", &self.labels),
            list("tolerations", &self.tolerations),
            list("affinity", &self.affinity)
        )
    }
}
