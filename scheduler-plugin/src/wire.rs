//! The extender protocol of kube-scheduler, to the letter.
//!
//! The Go types have no JSON tags, so their keys are in `PascalCase`; the pods and nodes inside are the API's `camelCase`.
//! Members that a request does not use are sent as `null`, nil slices and maps too; members that we do not know are
//! passed over. Names and objects are borrowed from the body: of a thousand names none is copied, and a node that
//! passes is sent back as the very text that came.
//!
//! Nothing here recurses on what a client sends: objects are skipped or kept as text ([`RawValue`]).

mod reply;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::value::RawValue;

pub use reply::{BindReply, FilterReply, Host, HostPriorities, PreemptReply, Reason, Victims};

/// A request that is not what the protocol says, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The body is no JSON, or not of this shape.
    #[error("the body is not {what}: {why}")]
    Json {
        /// The message that was expected.
        what: &'static str,
        /// What the reader says, with line and column.
        why: String,
    },
    /// A member without which there is no answer.
    #[error("{what} has no `{member}`")]
    Missing {
        /// The message.
        what: &'static str,
        /// What it lacks.
        member: &'static str,
    },
}

/// Text borrowed from the body where it has no escapes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// `ExtenderArgs`: what filter and prioritize are asked.
#[derive(Debug)]
pub struct Args<'a> {
    /// The pod.
    pub pod: Pod<'a>,
    /// The nodes it may go to.
    pub candidates: Candidates<'a>,
}

/// The nodes of a request: by name (`nodeCacheCapable: true`), or whole.
#[derive(Debug)]
pub enum Candidates<'a> {
    /// Names of nodes that we know from watching.
    Names(Vec<Text<'a>>),
    /// Objects: of a scheduler without `nodeCacheCapable`, or of an autoscaler that tries what does not exist.
    Objects(Vec<Node<'a>>),
}

impl Candidates<'_> {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Names(names) => names.len(),
            Self::Objects(nodes) => nodes.len(),
        }
    }
}

/// A pod: who it is, and its text.
#[derive(Debug, Clone)]
pub struct Pod<'a> {
    /// `metadata.uid`; empty for a pod that does not exist.
    pub uid: Cow<'a, str>,
    /// `metadata.name`.
    pub name: Cow<'a, str>,
    /// `metadata.namespace`.
    pub namespace: Cow<'a, str>,
    /// The object.
    pub text: &'a RawValue,
}

/// A node: its name and its text.
#[derive(Debug)]
pub struct Node<'a> {
    /// `metadata.name`.
    pub name: Cow<'a, str>,
    /// The object.
    pub text: &'a RawValue,
}

/// `ExtenderPreemptionArgs`.
#[derive(Debug)]
pub struct PreemptArgs<'a> {
    /// The pod that would come.
    pub pod: Pod<'a>,
    /// By node, the pods that would go: of either form only their UIDs matter.
    pub nodes: Vec<(String, Victims)>,
}

/// `ExtenderBindingArgs`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BindArgs {
    /// The pod.
    #[serde(default, deserialize_with = "text")]
    pub pod_name: String,
    /// Its namespace.
    #[serde(default, deserialize_with = "text")]
    pub pod_namespace: String,
    /// Which pod of that name.
    #[serde(default, rename = "PodUID", deserialize_with = "text")]
    pub pod_uid: String,
    /// Where it goes.
    #[serde(default, deserialize_with = "text")]
    pub node: String,
}

/// A text, or `null` for an empty one.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(from)?.unwrap_or_default())
}

impl<'a> Args<'a> {
    /// Reads the body of filter or prioritize.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Raw<'a> {
            #[serde(borrow, default)]
            pod: Option<&'a RawValue>,
            #[serde(borrow, default)]
            nodes: Option<List<'a>>,
            #[serde(borrow, default)]
            node_names: Option<Vec<Text<'a>>>,
        }
        #[derive(Deserialize)]
        struct List<'a> {
            #[serde(borrow, default)]
            items: Option<Vec<&'a RawValue>>,
        }

        let what = "ExtenderArgs";
        let raw: Raw<'a> = parse(body, what)?;
        let pod = Pod::read(raw.pod.ok_or(Malformed::Missing { what, member: "Pod" })?)?;
        // Objects win: they say more, and who sends them cannot rely on what we know.
        let candidates = match (raw.nodes, raw.node_names) {
            (Some(list), _) => {
                let items = list.items.unwrap_or_default();
                Candidates::Objects(items.into_iter().map(Node::read).collect::<Result<_, _>>()?)
            }
            (None, Some(names)) => Candidates::Names(names),
            (None, None) => return Err(Malformed::Missing { what, member: "NodeNames` or `Nodes" }),
        };
        Ok(Self { pod, candidates })
    }
}

impl<'a> Pod<'a> {
    fn read(text: &'a RawValue) -> Result<Self, Malformed> {
        let Metadata { name, namespace, uid } = metadata(text, "a Pod")?;
        let plain = |text: Option<Text<'a>>| text.map_or(Cow::Borrowed(""), |text| text.0);
        Ok(Self { uid: plain(uid), name: plain(name), namespace: plain(namespace), text })
    }
}

impl<'a> Node<'a> {
    fn read(text: &'a RawValue) -> Result<Self, Malformed> {
        let what = "a Node";
        let name = metadata(text, what)?.name.filter(|name| !name.0.is_empty());
        let name = name.ok_or(Malformed::Missing { what, member: "metadata.name" })?;
        Ok(Self { name: name.0, text })
    }
}

#[derive(Deserialize, Default)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    namespace: Option<Text<'a>>,
    #[serde(borrow, default)]
    uid: Option<Text<'a>>,
}

fn metadata<'a>(text: &'a RawValue, what: &'static str) -> Result<Metadata<'a>, Malformed> {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow, default)]
        metadata: Option<Metadata<'a>>,
    }
    let object: Object<'a> = parse(text.get().as_bytes(), what)?;
    Ok(object.metadata.unwrap_or_default())
}

impl<'a> PreemptArgs<'a> {
    /// Reads the body of preempt.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Raw<'a> {
            #[serde(borrow, default)]
            pod: Option<&'a RawValue>,
            #[serde(default)]
            node_name_to_victims: Option<Entries<Option<Whole>>>,
            #[serde(default)]
            node_name_to_meta_victims: Option<Entries<Option<Victims>>>,
        }

        let what = "ExtenderPreemptionArgs";
        let raw: Raw<'a> = parse(body, what)?;
        let pod = Pod::read(raw.pod.ok_or(Malformed::Missing { what, member: "Pod" })?)?;
        let nodes = match (raw.node_name_to_meta_victims, raw.node_name_to_victims) {
            (Some(Entries(meta)), _) => {
                meta.into_iter().map(|(node, victims)| (node, victims.unwrap_or_default())).collect()
            }
            (None, Some(Entries(whole))) => {
                whole.into_iter().map(|(node, victims)| (node, victims.unwrap_or_default().into())).collect()
            }
            (None, None) => {
                return Err(Malformed::Missing {
                    what,
                    member: "NodeNameToMetaVictims` or `NodeNameToVictims",
                });
            }
        };
        Ok(Self { pod, nodes })
    }
}

/// Victims as whole pods.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Whole {
    #[serde(default)]
    pods: Option<Vec<Option<Named>>>,
    #[serde(default, rename = "NumPDBViolations")]
    violations: Option<i64>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    metadata: Option<Uid>,
}

#[derive(Deserialize)]
struct Uid {
    #[serde(default)]
    uid: Option<String>,
}

impl From<Whole> for Victims {
    fn from(whole: Whole) -> Self {
        let uid = |pod: Option<Named>| pod?.metadata?.uid;
        let uids = whole.pods.unwrap_or_default().into_iter().filter_map(uid).collect();
        Self { uids, violations: whole.violations.unwrap_or(0) }
    }
}

/// A map as its entries, in order; of equal keys the last stands, as in Go.
struct Entries<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Visitor<T> {
            type Value = Entries<T>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map by node")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut at = rustc_hash::FxHashMap::default();
                let mut entries: Vec<(String, T)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, T>()? {
                    if let Some(known) = at.get(&key) {
                        let known: usize = *known;
                        entries[known] = (key, value);
                    } else {
                        at.insert(key.clone(), entries.len());
                        entries.push((key, value));
                    }
                }
                Ok(Entries(entries))
            }
        }
        from.deserialize_map(Visitor(std::marker::PhantomData))
    }
}

impl BindArgs {
    /// Reads the body of bind.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let what = "ExtenderBindingArgs";
        let args: Self = parse(body, what)?;
        let members = [
            ("PodName", &args.pod_name),
            ("PodNamespace", &args.pod_namespace),
            ("PodUID", &args.pod_uid),
            ("Node", &args.node),
        ];
        match members.iter().find(|(_, value)| value.is_empty()) {
            Some((member, _)) => Err(Malformed::Missing { what, member }),
            None => Ok(args),
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8], what: &'static str) -> Result<T, Malformed> {
    let why = |error: &serde_json::Error| error.to_string();
    let mut from = serde_json::Deserializer::from_slice(body);
    // A list where an object is due would fill the fields by their order.
    let read = if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        T::deserialize(&mut from)
    } else {
        let found = IgnoredAny::deserialize(&mut from);
        let why = match found {
            Ok(_) => "expected an object".to_owned(),
            Err(error) => why(&error),
        };
        return Err(Malformed::Json { what, why });
    };
    let read = read.and_then(|value| from.end().map(|()| value));
    read.map_err(|error| Malformed::Json { what, why: why(&error) })
}
