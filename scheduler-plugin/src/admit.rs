//! The mutating webhook: adds the gate to pods that are to be planned, and takes from new pods what only the controller
//! says (a plan copied from another pod would keep room for this one).
//!
//! It fails open in every way: the registered policy is `Ignore`, and whatever is odd here (a review that cannot be
//! read, a cluster that has not been seen, a planner that is not there) lets the pod in as it came.

use k8s_openapi::api::core::v1;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    cluster::{Cluster, asks},
    names,
    trace::Context,
};

/// Why a review cannot be answered: it has no UID to answer to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the body is not an AdmissionReview of admission.k8s.io/v1: {0}")]
pub struct Unreadable(String);

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: Request<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    uid: String,
    #[serde(default)]
    operation: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    dry_run: Option<bool>,
    #[serde(default, borrow)]
    object: Option<&'a RawValue>,
}

/// The answer to a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The body.
    pub body: Vec<u8>,
    /// The trace that begins with it.
    pub begun: Option<Begun>,
}

/// The trace of a pod that has got the gate. What comes after is below the span of this answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The trace, and the span of this answer.
    pub context: Context,
    /// The pod's namespace.
    pub namespace: String,
    /// Its name; empty for one that the API server has not named yet.
    pub name: String,
}

/// What the webhook asks of the cluster.
pub trait Known {
    /// Whether the pods of a namespace are planned.
    fn plans(&self, namespace: &str) -> bool;
    /// Whether a pod claims accelerators, or claims what is not known yet.
    fn claims(&self, pod: &v1::Pod) -> bool;
}

impl Known for Cluster {
    fn plans(&self, namespace: &str) -> bool {
        self.plans_namespace(namespace)
    }

    fn claims(&self, pod: &v1::Pod) -> bool {
        Self::claims(self, pod)
    }
}

/// Answers a review. `is_planning`: whether somebody would open the gate again; `span`: the name of the span of this
/// answer, where it is to be traced.
///
/// # Errors
/// When there is no UID to answer to.
pub fn answer(
    body: &[u8],
    known: &impl Known,
    is_planning: bool,
    span: Option<[u8; 8]>,
) -> Result<Answered, Unreadable> {
    let review: Review<'_> = serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))?;
    let request = review.request;
    let mut response = json!({"uid": request.uid, "allowed": true});
    let is_creation = request.operation.as_deref().is_none_or(|operation| operation == "CREATE");
    let (mut patch, mut begun) = (Vec::new(), None);
    if let Some(object) = request.object.filter(|_| is_creation) {
        let pod: Value = serde_json::from_str(object.get()).unwrap_or_default();
        patch.extend(unplanned(&pod));
        let gate = || gate(&pod, object.get(), request.namespace.as_deref(), known);
        if let Some(gate) = is_planning.then(gate).flatten() {
            patch.push(gate);
            // The pod has no UID yet: that of the review is as good a name for a trace.
            let context = span.map(|parent| Context { parent, ..Context::of_uid(&request.uid) });
            patch.extend(context.map(|context| noted(&pod, context)));
            let text = |at: &str| pod.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
            let is_made = request.dry_run != Some(true);
            begun = context.filter(|_| is_made).map(|context| Begun {
                context,
                namespace: request.namespace.clone().unwrap_or_else(|| text("/metadata/namespace")),
                name: text("/metadata/name"),
            });
        }
    }
    if !patch.is_empty() {
        response["patchType"] = "JSONPatch".into();
        response["patch"] = base64(Value::Array(patch).to_string().as_bytes()).into();
    }
    let answer =
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
    Ok(Answered { body: answer.to_string().into_bytes(), begun })
}

/// Notes a trace in the pod; one that it brings along is another pod's.
fn noted(pod: &Value, context: Context) -> Value {
    if pod.pointer("/metadata/annotations").is_some_and(Value::is_object) {
        let path = format!("/metadata/annotations/{}", names::TRACEPARENT.replace('/', "~1"));
        return json!({"op": "add", "path": path, "value": context.text()});
    }
    json!({"op": "add", "path": "/metadata/annotations", "value": {names::TRACEPARENT: context.text()}})
}

/// Takes away what only the controller says.
fn unplanned(pod: &Value) -> impl Iterator<Item = Value> {
    let annotations = pod.pointer("/metadata/annotations");
    let there =
        names::DECIDED.iter().filter(move |key| annotations.is_some_and(|all| all.get(**key).is_some()));
    there.map(
        |key| json!({"op": "remove", "path": format!("/metadata/annotations/{}", key.replace('/', "~1"))}),
    )
}

/// What adds the gate, where the pod is to have it.
fn gate(value: &Value, text: &str, namespace: Option<&str>, known: &impl Known) -> Option<Value> {
    let stated = |kind: &str| value.pointer(&format!("/metadata/{kind}"))?.get(names::PLACE)?.as_str();
    let wants = match stated("annotations").or_else(|| stated("labels")) {
        Some("true") => true,
        Some("false") => false,
        _ => namespace.is_some_and(|namespace| known.plans(namespace)),
    };
    let is_bound = value
        .pointer("/spec/nodeName")
        .is_some_and(|node| node.as_str().is_some_and(|node| !node.is_empty()));
    // A pod without accelerators is never held up.
    if !wants || is_bound || !(asks(text) || claims(text, namespace, known)) {
        return None;
    }
    let ours = json!({"name": names::GATE});
    match value.pointer("/spec/schedulingGates").and_then(Value::as_array) {
        Some(gates) if gates.contains(&ours) => None,
        Some(_) => Some(json!({"op": "add", "path": "/spec/schedulingGates/-", "value": ours})),
        None => Some(json!({"op": "add", "path": "/spec/schedulingGates", "value": [ours]})),
    }
}

/// Whether the pod claims accelerators.
fn claims(text: &str, namespace: Option<&str>, known: &impl Known) -> bool {
    let pod = || serde_json::from_str::<v1::Pod>(text).ok();
    let Some(mut pod) = text.contains("resourceClaims").then(pod).flatten() else { return false };
    // A new pod may leave to the request where it is made.
    pod.metadata.namespace = namespace.map(str::to_owned).or(pod.metadata.namespace);
    known.claims(&pod)
}

/// Base 64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;
    use crate::cluster::tests::{cluster, node, object, pod};

    fn review(pod: &Value) -> Vec<u8> {
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {"uid": "r", "operation": "CREATE", "namespace": "default", "object": pod}})
        .to_string()
        .into_bytes()
    }

    fn patch(pod: &Value, cluster: &Cluster, is_planning: bool) -> Value {
        let answer = answer(&review(pod), cluster, is_planning, None).expect("a review");
        let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!((&answer["response"]["uid"], &answer["response"]["allowed"]), (&json!("r"), &json!(true)));
        let Some(patch) = answer["response"]["patch"].as_str() else { return Value::Null };
        let bytes = base64::engine::general_purpose::STANDARD.decode(patch).expect("base 64");
        serde_json::from_slice(&bytes).expect("a patch")
    }

    #[test]
    fn pods_that_ask_for_it_get_the_gate_and_no_others() {
        let nodes = [node("n0", 8, "H100")];
        let mut known = cluster(&nodes, &[]);
        let asks = |mut pod: Value, value: &str| {
            pod["metadata"]["annotations"][names::PLACE] = value.into();
            pod
        };
        let added = json!([{"op": "add", "path": "/spec/schedulingGates", "value": [{"name": names::GATE}]}]);
        assert_eq!(patch(&pod("a", 1), &known, true), Value::Null);
        assert_eq!(patch(&asks(pod("a", 1), "true"), &known, true), added);
        assert_eq!(patch(&asks(pod("cpu", 0), "true"), &known, true), Value::Null);
        assert_eq!(patch(&asks(pod("a", 1), "true"), &known, false), Value::Null, "nobody would open it");
        known.apply_namespace(&object(
            json!({"metadata": {"name": "default", "labels": {names::PLACE: "true"}}}),
        ));
        assert_eq!(patch(&pod("a", 1), &known, true), added);
        assert_eq!(patch(&asks(pod("a", 1), "false"), &known, true), Value::Null);
        let mut gated = pod("a", 1);
        gated["spec"]["schedulingGates"] = json!([{"name": "example.com/other"}]);
        assert_eq!(patch(&gated, &known, true)[0]["path"], "/spec/schedulingGates/-");
        gated["spec"]["schedulingGates"] = json!([{"name": names::GATE}]);
        assert_eq!(patch(&gated, &known, true), Value::Null);
    }

    /// What claims will be is not known before they are there: then the controller looks first.
    #[test]
    fn pods_that_claim_accelerators_get_the_gate_too() {
        use crate::cluster::tests::claims::{TEMPLATE, claiming, listed, template};
        let mut known = listed(1);
        template(&mut known, "gpu", 1);
        let network = json!({"spec": {"spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "dra.net"}}]}}}});
        let source = crate::cluster::Source::ResourceClaimTemplates;
        known.apply_object(source, (Some("default"), "network"), &network);
        let half = json!({"spec": {"spec": {"devices": {"requests": [{"name": "r", "exactly": {
            "deviceClassName": crate::cluster::tests::claims::DRIVER, "allocationMode": "All"}}]}}}});
        known.apply_object(source, (Some("default"), "all"), &half);
        for (claim, is_gated) in [("gpu", true), ("network", false), ("all", false), ("unknown", true)] {
            let mut it = claiming("a", TEMPLATE, claim);
            it["metadata"]["namespace"] = Value::Null;
            assert_eq!(patch(&it, &known, true) != Value::Null, is_gated, "{claim}");
        }
    }

    #[test]
    fn a_new_pod_brings_no_plan_along() {
        let mut copied = crate::cluster::tests::planned(pod("a", 1), "n0", 0);
        copied["metadata"]["annotations"][names::HELD_AT] = "2026-11-22T10:00:00Z".into();
        let known = cluster(&[node("n0", 8, "H100")], &[]);
        for is_planning in [true, false] {
            let made = patch(&copied, &known, is_planning);
            let ops = made.as_array().expect("a patch");
            let removed: Vec<&str> =
                ops.iter().filter(|op| op["op"] == "remove").filter_map(|op| op["path"].as_str()).collect();
            assert_eq!(
                removed,
                ["node", "planned-at", "held-at"]
                    .map(|key| format!("/metadata/annotations/plimsoll.dev~1{key}"))
            );
            assert_eq!(ops.len(), 3 + usize::from(is_planning), "{made}");
        }
    }

    #[test]
    fn what_is_no_review_is_refused() {
        for body in ["", "{}", "[]", r#"{"request":{}}"#] {
            assert!(answer(body.as_bytes(), &Cluster::default(), true, None).is_err(), "{body}");
        }
        let odd = br#"{"request":{"uid":"r","object":7}}"#;
        assert!(
            answer(odd, &Cluster::default(), true, Some([1; 8])).is_ok(),
            "an odd pod is let in as it came"
        );
    }

    #[test]
    fn a_trace_begins_with_the_gate_and_is_noted_in_the_pod() {
        let uid = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-0707070707070707-01";
        let mut known = Cluster::default();
        known.apply_namespace(&object(
            json!({"metadata": {"name": "team", "labels": {names::PLACE: "true"}}}),
        ));
        let ask = |pod: &Value, is_dry: bool, is_planning: bool| {
            let review = json!({"request": {"uid": uid, "operation": "CREATE", "namespace": "team",
                "dryRun": is_dry, "object": pod}});
            let body = review.to_string().into_bytes();
            let answered = answer(&body, &known, is_planning, Some([7; 8])).expect("a review");
            let answer: Value = serde_json::from_slice(&answered.body).expect("JSON");
            let patch = answer["response"]["patch"]
                .as_str()
                .map(|patch| base64::engine::general_purpose::STANDARD.decode(patch).expect("base 64"));
            let patch = patch.map_or(Value::Null, |patch| serde_json::from_slice(&patch).expect("a patch"));
            (patch, answered.begun)
        };
        let (patch, begun) = ask(&pod("a", 1), false, true);
        let noted =
            json!({"op": "add", "path": "/metadata/annotations/plimsoll.dev~1traceparent", "value": text});
        assert_eq!(patch[1], noted);
        let begun = begun.expect("a trace");
        assert_eq!((begun.context.text(), &*begun.namespace, &*begun.name), (text.to_owned(), "team", "a"));
        let mut bare = pod("a", 1);
        bare["metadata"].as_object_mut().expect("an object").remove("annotations");
        let (patch, _) = ask(&bare, false, true);
        assert_eq!(patch[1]["value"], json!({names::TRACEPARENT: text}));
        let (patch, begun) = ask(&pod("a", 1), true, true);
        assert_eq!((&patch[1], begun), (&noted, None), "nobody made it");
        assert_eq!(ask(&pod("cpu", 0), false, true).1, None);
        assert_eq!(ask(&pod("a", 1), false, false), (Value::Null, None));
    }
}
