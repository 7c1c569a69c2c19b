//! Kinds of objects that decisions hang on beside nodes and pods. A cluster may lack each of them.

use serde::{Deserialize, Serialize};
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
    /// Kubernetes' own pod groups.
    PodGroups,
    /// Kubernetes' own Workloads, of the version in which they name pod groups.
    Workloads,
    /// Pod groups of the coscheduling plugin.
    CoschedulingPodGroups,
    /// Pod groups of Volcano.
    VolcanoPodGroups,
    /// How many pods of which kind may be disturbed.
    DisruptionBudgets,
    /// What the names of priorities mean.
    PriorityClasses,
    /// Claims of volumes.
    VolumeClaims,
    /// Volumes.
    Volumes,
    /// How and where volumes are made.
    StorageClasses,
}

/// Where the scheduler has decided to make a volume.
const SELECTED: &str = "volume.kubernetes.io/selected-node";

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
    pub const ALL: [Self; 13] = [
        Self::DeviceClasses,
        Self::ResourceSlices,
        Self::ResourceClaims,
        Self::ResourceClaimTemplates,
        Self::PodGroups,
        Self::Workloads,
        Self::CoschedulingPodGroups,
        Self::VolcanoPodGroups,
        Self::DisruptionBudgets,
        Self::PriorityClasses,
        Self::VolumeClaims,
        Self::Volumes,
        Self::StorageClasses,
    ];

    /// How the API serves it.
    pub const fn served(self) -> Served {
        const DRA: &str = "resource.k8s.io";
        let (group, versions, kind, plural): (_, &'static [&'static str], _, _) = match self {
            Self::DeviceClasses => (DRA, &["v1"], "DeviceClass", "deviceclasses"),
            Self::ResourceSlices => (DRA, &["v1"], "ResourceSlice", "resourceslices"),
            Self::ResourceClaims => (DRA, &["v1"], "ResourceClaim", "resourceclaims"),
            Self::ResourceClaimTemplates => (DRA, &["v1"], "ResourceClaimTemplate", "resourceclaimtemplates"),
            Self::PodGroups => ("scheduling.k8s.io", &["v1beta1", "v1alpha2"], "PodGroup", "podgroups"),
            Self::Workloads => ("scheduling.k8s.io", &["v1alpha1"], "Workload", "workloads"),
            Self::CoschedulingPodGroups => ("scheduling.x-k8s.io", &["v1alpha1"], "PodGroup", "podgroups"),
            Self::VolcanoPodGroups => ("scheduling.volcano.sh", &["v1beta1"], "PodGroup", "podgroups"),
            Self::DisruptionBudgets => ("policy", &["v1"], "PodDisruptionBudget", "poddisruptionbudgets"),
            Self::PriorityClasses => ("scheduling.k8s.io", &["v1"], "PriorityClass", "priorityclasses"),
            Self::VolumeClaims => ("", &["v1"], "PersistentVolumeClaim", "persistentvolumeclaims"),
            Self::Volumes => ("", &["v1"], "PersistentVolume", "persistentvolumes"),
            Self::StorageClasses => ("storage.k8s.io", &["v1"], "StorageClass", "storageclasses"),
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
            Self::PodGroups => "podgroups.scheduling.k8s.io",
            Self::Workloads => "workloads.scheduling.k8s.io",
            Self::CoschedulingPodGroups => "podgroups.scheduling.x-k8s.io",
            Self::VolcanoPodGroups => "podgroups.scheduling.volcano.sh",
            Self::DisruptionBudgets => "poddisruptionbudgets.policy",
            Self::PriorityClasses => "priorityclasses.scheduling.k8s.io",
            Self::VolumeClaims => "persistentvolumeclaims",
            Self::Volumes => "persistentvolumes",
            Self::StorageClasses => "storageclasses.storage.k8s.io",
        }
    }

    /// Whether it says what gangs are.
    pub(super) const fn states_gangs(self) -> bool {
        matches!(
            self,
            Self::PodGroups | Self::Workloads | Self::CoschedulingPodGroups | Self::VolcanoPodGroups
        )
    }

    /// Whether labels and annotations of it are read.
    pub(crate) const fn has_metadata(self) -> bool {
        matches!(self, Self::VolumeClaims | Self::Volumes)
    }

    /// What serve does without it, in words.
    pub const fn without(self) -> &'static str {
        match self {
            Self::DeviceClasses
            | Self::ResourceSlices
            | Self::ResourceClaims
            | Self::ResourceClaimTemplates => "pods that claim devices (DRA) are left to the scheduler",
            Self::PodGroups | Self::Workloads | Self::CoschedulingPodGroups | Self::VolcanoPodGroups => {
                "a gang of theirs is the pods that name it when the plan is made"
            }
            Self::DisruptionBudgets => "of preemption the scheduler alone counts which budgets it breaks",
            Self::PriorityClasses => "a gang has the highest priority of its pods",
            Self::VolumeClaims | Self::Volumes | Self::StorageClasses => {
                "pods are planned wherever their volumes are"
            }
        }
    }

    /// The document that is read, without what nobody looks at.
    pub(super) fn text(self, namespace: Option<&str>, name: &str, object: &Value) -> String {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let Served { group, versions, kind, .. } = self.served();
        let mut document = json!({
            "apiVersion": if group.is_empty() { versions[0].to_owned() } else { format!("{group}/{}", versions[0]) },
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
            Self::DisruptionBudgets => {}
            Self::VolumeClaims => {
                let annotations = object.pointer("/metadata/annotations");
                if let Some(node) = annotations.and_then(|all| all.get(SELECTED)) {
                    document["metadata"]["annotations"] = json!({SELECTED: node});
                }
                document["spec"] = pick(spec, &["volumeName", "storageClassName"]).into();
            }
            Self::Volumes => {
                let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
                let is_place = |key: &str| ["/zone", "/region"].iter().any(|end| key.ends_with(end));
                let places = labels.into_iter().flatten().filter(|(key, _)| is_place(key));
                let places: Map<String, Value> =
                    places.map(|(key, value)| (key.clone(), value.clone())).collect();
                document["metadata"]["labels"] = places.into();
                document["spec"] = pick(spec, &["nodeAffinity"]).into();
            }
            Self::StorageClasses => {
                let kept = pick(object, &["provisioner", "volumeBindingMode", "allowedTopologies"]);
                kept.into_iter().for_each(|(key, value)| document[key] = value);
            }
            Self::PriorityClasses => document["value"] = object.get("value").cloned().unwrap_or_default(),
            Self::ResourceClaimTemplates => {
                let inner = spec.get("spec").unwrap_or(&Value::Null);
                document["spec"] = json!({"spec": pick(inner, &["devices"])});
            }
            Self::PodGroups | Self::Workloads | Self::CoschedulingPodGroups | Self::VolcanoPodGroups => {
                return json!(self.gangs((namespace, name), spec)).to_string();
            }
        }
        document.to_string()
    }

    /// The gangs that an object of this kind describes, by their names with the namespace.
    fn gangs(self, (namespace, name): (Option<&str>, &str), spec: &Value) -> Vec<(String, Stated)> {
        let number = |value: Option<&Value>| value?.as_u64().and_then(|size| u32::try_from(size).ok());
        let of = |name: &str, size: Option<u32>, spec: &Value| {
            let class = spec.get("priorityClassName").and_then(Value::as_str).map(str::to_owned);
            let priority = spec.get("priority").and_then(Value::as_i64);
            let priority = priority.and_then(|priority| i32::try_from(priority).ok());
            (super::key(namespace, name).into_string(), Stated { size, priority, class })
        };
        match self {
            Self::PodGroups => vec![of(name, number(spec.pointer("/schedulingPolicy/gang/minCount")), spec)],
            Self::Workloads => {
                let groups = spec.get("podGroups").and_then(Value::as_array).into_iter().flatten();
                let group = |group: &Value| {
                    Some(of(
                        group.get("name")?.as_str()?,
                        number(group.pointer("/policy/gang/minCount")),
                        &Value::Null,
                    ))
                };
                groups.filter_map(group).collect()
            }
            _ => vec![of(name, number(spec.get("minMember")), spec)],
        }
    }
}

/// What an object states of a gang.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stated {
    /// How many pods must be there; none of what is no gang.
    pub(super) size: Option<u32>,
    /// Their priority.
    pub(super) priority: Option<i32>,
    /// Or its name.
    pub(super) class: Option<String>,
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
