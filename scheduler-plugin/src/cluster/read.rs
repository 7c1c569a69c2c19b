//! Documents to what pods need, by the readers of `plimsoll plan --cluster`.

use std::collections::BTreeMap;

use plimsoll_formats::{Foreign, Hardware, is_accelerator};
use plimsoll_model::{Diagnostic, Document, Fleet, fleet, read};
use serde::Deserialize;
use serde_json::Value;

use super::Facts;
use crate::names;

/// A text as a document of another program.
pub(super) fn document(name: &str, text: &str) -> Option<Foreign> {
    let mut all = read::documents(name, text.as_bytes()).ok()?;
    let (value, place) = all.pop()?.split();
    matches!(value, Document::Foreign).then_some(place)
}

/// What a pod needs, and what is wrong with its annotations. Without what is wrong it is read all the same.
pub(super) fn pod(
    hardware: &Hardware,
    facts: &Facts,
    text: &str,
    beside: &[Foreign],
) -> (Option<fleet::Pod>, Option<String>) {
    let one = |text: &str| one(hardware, &facts.key(), facts.node.as_deref(), text, beside);
    let (read, problems) = one(text);
    let Some(problem) = problems.first() else { return (read, None) };
    let fault = match &problem.help {
        Some(help) => format!("{}; {help}", problem.message),
        None => problem.message.clone(),
    };
    let (read, problems) = one(&unannotated(text));
    (read.filter(|_| problems.is_empty()), Some(fault))
}

/// Its labels.
pub(super) fn labels(text: &str) -> BTreeMap<String, String> {
    #[derive(Deserialize)]
    struct Pod {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        labels: BTreeMap<String, String>,
    }
    serde_json::from_str(text).map_or_else(|_| BTreeMap::new(), |pod: Pod| pod.metadata.labels)
}

/// The gang that it names, with its namespace.
pub(super) fn gang(facts: &Facts, text: &str) -> Option<String> {
    let gang = plimsoll_formats::gang(&document(&facts.key(), text)?)?;
    Some(format!("{}/{gang}", facts.namespace))
}

/// The same without annotations of ours.
fn unannotated(text: &str) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap_or_default();
    let annotations = value.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    if let Some(annotations) = annotations {
        annotations.retain(|key, _| !key.starts_with(names::PREFIX) && key != "gpu-fraction");
    }
    value.to_string()
}

fn one(
    hardware: &Hardware,
    name: &str,
    node: Option<&str>,
    text: &str,
    beside: &[Foreign],
) -> (Option<fleet::Pod>, Vec<Diagnostic>) {
    let Some(document) = document(name, text) else { return (None, Vec::new()) };
    let stub = |name: &str| fleet::Node { name: name.to_owned(), ..fleet::Node::default() };
    let given = Fleet { nodes: node.map(stub).into_iter().collect(), ..Fleet::default() };
    let documents: Vec<&Foreign> = std::iter::once(&document).chain(beside).collect();
    let (mut fleet, problems) = hardware.pods(&documents, given);
    (fleet.pods.pop(), problems)
}

/// Reads a pod that was never watched, from the object in a request.
pub(super) fn read_text(hardware: &Hardware, text: &str, beside: &[Foreign]) -> Option<fleet::Pod> {
    let list = format!(r#"{{"apiVersion":"v1","kind":"PodList","items":[{text}]}}"#);
    let (read, problems) = one(hardware, "the request", None, &list, beside);
    read.filter(|_| problems.is_empty())
}

/// Whether a pod asks for accelerators by resources or annotations; what it claims (DRA) is another matter.
pub(crate) fn asks(text: &str) -> bool {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase")]
    struct Spec {
        #[serde(default)]
        containers: Option<Vec<Container>>,
        #[serde(default)]
        init_containers: Option<Vec<Container>>,
        #[serde(default)]
        resources: Option<Resources>,
    }
    #[derive(Deserialize)]
    struct Container {
        #[serde(default)]
        resources: Option<Resources>,
    }
    #[derive(Deserialize)]
    struct Resources {
        #[serde(default)]
        requests: Option<BTreeMap<String, Value>>,
        #[serde(default)]
        limits: Option<BTreeMap<String, Value>>,
    }
    #[derive(Deserialize)]
    struct Pod {
        #[serde(default)]
        metadata: Option<Metadata>,
        #[serde(default)]
        spec: Option<Spec>,
    }
    #[derive(Deserialize)]
    struct Metadata {
        #[serde(default)]
        annotations: Option<BTreeMap<String, Value>>,
    }

    let Ok(pod) = serde_json::from_str::<Pod>(text) else { return false };
    let spec = pod.spec.unwrap_or_default();
    let containers = spec.containers.iter().flatten().chain(spec.init_containers.iter().flatten());
    let resources = containers.filter_map(|one| one.resources.as_ref()).chain(spec.resources.as_ref());
    let mut named = resources.flat_map(|one| [&one.requests, &one.limits]).flatten().flat_map(BTreeMap::keys);
    let annotations = pod.metadata.and_then(|metadata| metadata.annotations).unwrap_or_default();
    named.any(|resource| is_accelerator(resource))
        || ["gpu-fraction", "plimsoll.dev/request"].iter().any(|key| annotations.contains_key(*key))
}
