//! Kinds of objects that decisions hang on beside nodes and pods. A cluster may lack each of them.

use serde_json::{Map, Value, json};

use super::facts::pick;

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Classes of devices that pods claim.
    DeviceClasses,
    /// Devices that drivers list.
    ResourceSlices,
    /// Claims of devices.
    ResourceClaims,
    /// What claims are made from for each pod.
    ResourceClaimTemplates,
}

/// How the API serves a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// The group; empty for the core.
    pub group: &'static str,
    /// The versions that are understood, the best first.
    pub versions: &'static [&'static str],
    /// The kind.
    pub kind: &'static str,
    /// Its name in paths.
    pub plural: &'static str,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::DeviceClasses, Self::ResourceSlices, Self::ResourceClaims, Self::ResourceClaimTemplates];

    /// How the API serves it.
    pub const fn served(self) -> Served {
        const DRA: &str = "resource.k8s.io";
        let (group, versions, kind, plural): (_, &'static [&'static str], _, _) = match self {
            Self::DeviceClasses => (DRA, &["v1"], "DeviceClass", "deviceclasses"),
            Self::ResourceSlices => (DRA, &["v1"], "ResourceSlice", "resourceslices"),
            Self::ResourceClaims => (DRA, &["v1"], "ResourceClaim", "resourceclaims"),
            Self::ResourceClaimTemplates => (DRA, &["v1"], "ResourceClaimTemplate", "resourceclaimtemplates"),
        };
        Served { group, versions, kind, plural }
    }

    /// As rights, logs and metrics name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeviceClasses => "deviceclasses.resource.k8s.io",
            Self::ResourceSlices => "resourceslices.resource.k8s.io",
            Self::ResourceClaims => "resourceclaims.resource.k8s.io",
            Self::ResourceClaimTemplates => "resourceclaimtemplates.resource.k8s.io",
        }
    }

    /// What serve does without it, in words.
    pub const fn without(self) -> &'static str {
        match self {
            Self::DeviceClasses
            | Self::ResourceSlices
            | Self::ResourceClaims
            | Self::ResourceClaimTemplates => "pods that claim devices (DRA) are left to the scheduler",
        }
    }

    /// The document that is read, without what nobody looks at.
    pub(super) fn text(self, namespace: Option<&str>, name: &str, object: &Value) -> String {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let Served { group, versions, kind, .. } = self.served();
        let mut document = json!({
            "apiVersion": format!("{group}/{}", versions[0]),
            "kind": kind,
            "metadata": {"name": name},
        });
        if let Some(namespace) = namespace {
            document["metadata"]["namespace"] = namespace.into();
        }
        match self {
            Self::DeviceClasses => {
                document["spec"] = pick(spec, &["selectors", "extendedResourceName"]).into();
            }
            Self::ResourceSlices => document["spec"] = slice(spec).into(),
            Self::ResourceClaims => match object.pointer("/status/allocation") {
                // What has been asked for matters no more.
                Some(allocation) => {
                    document["status"] = json!({"allocation": {"devices": {"results": results(allocation)}}});
                }
                None => document["spec"] = pick(spec, &["devices"]).into(),
            },
            Self::ResourceClaimTemplates => {
                let inner = spec.get("spec").unwrap_or(&Value::Null);
                document["spec"] = json!({"spec": pick(inner, &["devices"])});
            }
        }
        document.to_string()
    }
}

/// What of a slice says which devices a node has.
fn slice(spec: &Value) -> Map<String, Value> {
    const ATTRIBUTES: [&str; 4] = ["type", "productName", "model", "deviceName"];
    let plain = |key: &str| key.rsplit('/').next().unwrap_or(key).to_owned();
    let named = |device: &Value, field: &str, names: &[&str]| -> Map<String, Value> {
        let all = device.get(field).and_then(Value::as_object).into_iter().flatten();
        let kept = all.filter(|(key, _)| names.contains(&&*plain(key)));
        kept.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let device = |device: &Value| {
        let mut kept = pick(device, &["nodeName", "taints"]);
        kept.insert("attributes".to_owned(), named(device, "attributes", &ATTRIBUTES).into());
        kept.insert("capacity".to_owned(), named(device, "capacity", &["memory"]).into());
        Value::Object(kept)
    };
    let mut kept = pick(spec, &["driver", "nodeName"]);
    let pool = spec.get("pool").unwrap_or(&Value::Null);
    kept.insert("pool".to_owned(), pick(pool, &["name", "generation"]).into());
    let devices = spec.get("devices").and_then(Value::as_array).into_iter().flatten();
    kept.insert("devices".to_owned(), devices.map(device).collect());
    kept
}

/// Whose devices a claim has.
fn results(allocation: &Value) -> Value {
    let all = allocation.pointer("/devices/results").and_then(Value::as_array).into_iter().flatten();
    all.map(|result| Value::Object(pick(result, &["driver", "adminAccess"]))).collect()
}
