//! The mutating webhook: adds the gate to pods that are to be planned, and takes from new pods what only the controller
//! says (a plan copied from another pod would keep room for this one).
//!
//! It fails open in every way: the registered policy is `Ignore`, and whatever is odd here (a review that cannot be
//! read, a cluster that has not been seen, a planner that is not there) lets the pod in as it came.

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{cluster::asks, names};

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
struct Request<'a> {
    uid: String,
    #[serde(default)]
    operation: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default, borrow)]
    object: Option<&'a RawValue>,
}

/// Answers a review. `plans`: whether the pods of a namespace are planned; `is_planning`: whether somebody would open the
/// gate again.
///
/// # Errors
/// When there is no UID to answer to.
pub fn answer(body: &[u8], plans: impl Fn(&str) -> bool, is_planning: bool) -> Result<Vec<u8>, Unreadable> {
    let review: Review<'_> = serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))?;
    let request = review.request;
    let mut response = json!({"uid": request.uid, "allowed": true});
    let is_creation = request.operation.as_deref().is_none_or(|operation| operation == "CREATE");
    let mut patch = Vec::new();
    if let Some(object) = request.object.filter(|_| is_creation) {
        let pod: Value = serde_json::from_str(object.get()).unwrap_or_default();
        patch.extend(unplanned(&pod));
        let gate = || gate(&pod, object.get(), request.namespace.as_deref(), plans);
        patch.extend(is_planning.then(gate).flatten());
    }
    if !patch.is_empty() {
        response["patchType"] = "JSONPatch".into();
        response["patch"] = base64(Value::Array(patch).to_string().as_bytes()).into();
    }
    let answer =
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
    Ok(answer.to_string().into_bytes())
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
fn gate(value: &Value, text: &str, namespace: Option<&str>, plans: impl Fn(&str) -> bool) -> Option<Value> {
    let stated = |kind: &str| value.pointer(&format!("/metadata/{kind}"))?.get(names::PLACE)?.as_str();
    let wants = match stated("annotations").or_else(|| stated("labels")) {
        Some("true") => true,
        Some("false") => false,
        _ => namespace.is_some_and(plans),
    };
    let is_bound = value
        .pointer("/spec/nodeName")
        .is_some_and(|node| node.as_str().is_some_and(|node| !node.is_empty()));
    // A pod without accelerators is never held up.
    if !wants || is_bound || !asks(text) {
        return None;
    }
    let ours = json!({"name": names::GATE});
    match value.pointer("/spec/schedulingGates").and_then(Value::as_array) {
        Some(gates) if gates.contains(&ours) => None,
        Some(_) => Some(json!({"op": "add", "path": "/spec/schedulingGates/-", "value": ours})),
        None => Some(json!({"op": "add", "path": "/spec/schedulingGates", "value": [ours]})),
    }
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
    use crate::cluster::Cluster;
    use crate::cluster::tests::{cluster, node, object, pod};

    fn review(pod: &Value) -> Vec<u8> {
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {"uid": "r", "operation": "CREATE", "namespace": "default", "object": pod}})
        .to_string()
        .into_bytes()
    }

    fn patch(pod: &Value, cluster: &Cluster, is_planning: bool) -> Value {
        let plans = |namespace: &str| cluster.plans_namespace(namespace);
        let answer = answer(&review(pod), plans, is_planning).expect("a review");
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
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
            assert!(answer(body.as_bytes(), |_| true, true).is_err(), "{body}");
        }
        let odd = br#"{"request":{"uid":"r","object":7}}"#;
        assert!(answer(odd, |_| true, true).is_ok(), "an odd pod is let in as it came");
    }
}
