//! What is sent back. Keys are in `PascalCase`; scores are whole numbers, since one float spoils the list for Go.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// Why a node is dropped: one of few texts, since kube-scheduler counts nodes by text.
pub type Reason = std::sync::Arc<str>;

/// `ExtenderFilterResult`.
#[derive(Debug, Default)]
pub struct FilterReply<'a> {
    /// The nodes that pass, by name; nothing where objects were given.
    pub names: Option<Vec<&'a str>>,
    /// The nodes that pass, as they came; nothing where names were given.
    pub objects: Option<Vec<&'a RawValue>>,
    /// Dropped, but if pods went the node might do: it stays a candidate for preemption.
    pub failed: Vec<(&'a str, Reason)>,
    /// Dropped, whatever goes.
    pub unresolvable: Vec<(&'a str, Reason)>,
    /// Why there is no answer; then the rest is empty.
    pub error: String,
}

impl FilterReply<'_> {
    /// No answer.
    pub fn error(why: impl Into<String>) -> Self {
        Self { error: why.into(), ..Self::default() }
    }
}

#[derive(Serialize)]
struct List<'a> {
    metadata: Empty,
    items: &'a [&'a RawValue],
}

#[derive(Serialize)]
struct Empty {}

struct Reasons<'a>(&'a [(&'a str, Reason)]);

impl Serialize for Reasons<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(node, reason)| (node, &**reason)))
    }
}

impl Serialize for FilterReply<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Raw<'a> {
            nodes: Option<List<'a>>,
            node_names: Option<&'a [&'a str]>,
            failed_nodes: Reasons<'a>,
            failed_and_unresolvable_nodes: Reasons<'a>,
            error: &'a str,
        }
        Raw {
            nodes: self.objects.as_deref().map(|items| List { metadata: Empty {}, items }),
            node_names: self.names.as_deref(),
            failed_nodes: Reasons(&self.failed),
            failed_and_unresolvable_nodes: Reasons(&self.unresolvable),
            error: &self.error,
        }
        .serialize(to)
    }
}

/// One of `HostPriorityList`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Host<'a> {
    /// The node.
    pub host: &'a str,
    /// From 0 to 10.
    pub score: i64,
}

/// The answer of prioritize: a bare list.
pub type HostPriorities<'a> = Vec<Host<'a>>;

/// `MetaVictims`: the pods that would go from a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Victims {
    /// Who they are.
    pub uids: Vec<String>,
    /// How many disruption budgets that would break.
    pub violations: i64,
}

#[derive(Serialize, Deserialize)]
struct MetaPod {
    #[serde(rename = "UID", default)]
    uid: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetaVictims {
    #[serde(default)]
    pods: Option<Vec<Option<MetaPod>>>,
    #[serde(default, rename = "NumPDBViolations")]
    violations: Option<i64>,
}

impl<'de> Deserialize<'de> for Victims {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = MetaVictims::deserialize(from)?;
        let uids = raw.pods.unwrap_or_default().into_iter().filter_map(|pod| pod?.uid).collect();
        Ok(Self { uids, violations: raw.violations.unwrap_or(0) })
    }
}

impl Serialize for Victims {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let pods = self.uids.iter().map(|uid| Some(MetaPod { uid: Some(uid.clone()) })).collect();
        MetaVictims { pods: Some(pods), violations: Some(self.violations) }.serialize(to)
    }
}

/// `ExtenderPreemptionResult`: always by UID, whatever the request had.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PreemptReply {
    /// The nodes on which pods may go, each with at least one.
    pub nodes: Vec<(String, Victims)>,
}

impl Serialize for PreemptReply {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        struct Entries<'a>(&'a [(String, Victims)]);
        impl Serialize for Entries<'_> {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_map(self.0.iter().map(|(node, victims)| (node, victims)))
            }
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Raw<'a> {
            node_name_to_meta_victims: Entries<'a>,
        }
        Raw { node_name_to_meta_victims: Entries(&self.nodes) }.serialize(to)
    }
}

/// `ExtenderBindingResult`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BindReply {
    /// Why the pod is not bound; empty when it is.
    pub error: String,
}
