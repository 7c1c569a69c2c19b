//! What is known beside nodes and pods, and how pods hang on it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::api::core::v1;
use plimsoll_formats::{Foreign, Hardware};
use plimsoll_model::fleet;
use serde_json::Value;

use super::{Facts, Source, read};

/// An object that a pod names: what it needs hangs on that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ref {
    source: Source,
    /// `namespace/name`, or the name.
    key: Box<str>,
    /// Whether other pods may name it too.
    is_shared: bool,
}

impl Ref {
    /// Those of a pod.
    pub(super) fn of(pod: &v1::Pod) -> Box<[Self]> {
        let namespace = pod.metadata.namespace.as_deref().unwrap_or("default");
        let new = |source, name: &String, is_shared| Self {
            source,
            key: format!("{namespace}/{name}").into(),
            is_shared,
        };
        let made = pod.status.iter().flat_map(|status| status.resource_claim_statuses.iter().flatten());
        let claims = pod.spec.iter().flat_map(|spec| spec.resource_claims.iter().flatten());
        let mut refs: Vec<Self> = claims
            .flat_map(|claim| {
                let template = claim.resource_claim_template_name.as_ref();
                let named = claim.resource_claim_name.as_ref();
                [
                    template.map(|name| new(Source::ResourceClaimTemplates, name, false)),
                    named.map(|name| new(Source::ResourceClaims, name, true)),
                ]
            })
            .flatten()
            .collect();
        let made = made.filter_map(|status| status.resource_claim_name.as_ref());
        refs.extend(made.map(|name| new(Source::ResourceClaims, name, false)));
        refs.into()
    }
}

/// The devices of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Allocation {
    node: Box<str>,
    /// How many of each driver.
    counts: Vec<(Box<str>, u16)>,
    /// The pods that may use them, by UID.
    pods: Vec<Box<str>>,
}

impl Allocation {
    /// Where the devices are a node's.
    fn of(object: &Value) -> Option<Self> {
        let allocation = object.pointer("/status/allocation")?;
        let terms = allocation.pointer("/nodeSelector/nodeSelectorTerms")?.as_array()?;
        let fields = terms.first().filter(|_| terms.len() == 1)?.get("matchFields")?.as_array()?;
        let is_name =
            |field: &&Value| field.get("key").and_then(Value::as_str) == Some(crate::names::NODE_FIELD);
        let node = fields.iter().find(is_name)?.pointer("/values/0")?.as_str()?;
        let mut counts: BTreeMap<&str, u16> = BTreeMap::new();
        for result in allocation.pointer("/devices/results")?.as_array()? {
            let is_admin = result.get("adminAccess").and_then(Value::as_bool) == Some(true);
            if let Some(driver) = result.get("driver").and_then(Value::as_str).filter(|_| !is_admin) {
                *counts.entry(driver).or_default() += 1;
            }
        }
        let pods = object.pointer("/status/reservedFor").and_then(Value::as_array);
        let pods = pods.into_iter().flatten().filter_map(|pod| pod.get("uid")?.as_str());
        Some(Self {
            node: node.into(),
            counts: counts.into_iter().map(|(driver, count)| (driver.into(), count)).collect(),
            pods: pods.map(Into::into).collect(),
        })
    }
}

type Texts = BTreeMap<Box<str>, Arc<str>>;

/// Pods by UID, each with whether it waits: those that run first.
type Sharers = BTreeSet<(bool, Box<str>)>;

/// The objects. A copy shares what it is a copy of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beside {
    texts: BTreeMap<Source, Arc<Texts>>,
    allocations: Arc<BTreeMap<Box<str>, Allocation>>,
    /// The pods that name a claim.
    sharers: Arc<BTreeMap<Box<str>, Sharers>>,
}

/// What a change of an object changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing that matters.
    None,
    /// The devices of nodes.
    Nodes,
    /// What those pods need that name it.
    Pods,
    /// The same, and it may give room to others.
    Room,
}

impl Beside {
    /// An object came or changed.
    pub(super) fn apply(
        &mut self,
        source: Source,
        (namespace, name): (Option<&str>, &str),
        object: &Value,
    ) -> Effect {
        let key = key(namespace, name);
        let gave = source == Source::ResourceClaims && self.allocate(&key, Allocation::of(object));
        let text: Arc<str> = source.text(namespace, name, object).into();
        let texts = Arc::make_mut(self.texts.entry(source).or_default());
        let is_same = texts.get(&*key).is_some_and(|known| *known == text);
        if !is_same {
            texts.insert(key, text);
        }
        match source {
            _ if gave => Effect::Room,
            _ if is_same => Effect::None,
            Source::DeviceClasses | Source::ResourceSlices => Effect::Nodes,
            Source::ResourceClaims => Effect::Pods,
            Source::ResourceClaimTemplates => Effect::Room,
        }
    }

    /// An object went.
    pub(super) fn delete(&mut self, source: Source, key: &str) -> Effect {
        let texts = Arc::make_mut(self.texts.entry(source).or_default());
        let was_there = texts.remove(key).is_some();
        let gave = source == Source::ResourceClaims && self.allocate(key, None);
        match source {
            _ if !was_there => Effect::None,
            Source::DeviceClasses | Source::ResourceSlices => Effect::Nodes,
            _ if gave => Effect::Room,
            _ => Effect::Pods,
        }
    }

    /// The keys of all objects of a kind.
    pub(super) fn keys(&self, source: Source) -> Vec<Box<str>> {
        self.texts.get(&source).map_or_else(Vec::new, |texts| texts.keys().cloned().collect())
    }

    /// Notes the devices of a claim; whether others may have some of them now.
    fn allocate(&mut self, key: &str, allocation: Option<Allocation>) -> bool {
        let known = self.allocations.get(key);
        if known == allocation.as_ref() {
            return false;
        }
        let gave = known.is_some();
        let all = Arc::make_mut(&mut self.allocations);
        match allocation {
            Some(allocation) => _ = all.insert(key.into(), allocation),
            None => _ = all.remove(key),
        }
        gave
    }

    /// A pod names these objects now, and others before; the keys of claims that it shares or shared.
    pub(super) fn share(
        &mut self,
        uid: &str,
        before: Option<(bool, &[Ref])>,
        now: Option<(bool, &[Ref])>,
    ) -> Vec<Box<str>> {
        if before == now {
            return Vec::new();
        }
        let shared = |refs: Option<(bool, &[Ref])>| -> Vec<(bool, Box<str>)> {
            let (waits, refs) = refs.unwrap_or_default();
            refs.iter().filter(|one| one.is_shared).map(|one| (waits, one.key.clone())).collect()
        };
        let (before, now) = (shared(before), shared(now));
        let touched = before.iter().chain(&now).map(|(_, key)| key.clone()).collect();
        if before.is_empty() && now.is_empty() {
            return Vec::new();
        }
        let all = Arc::make_mut(&mut self.sharers);
        for (waits, key) in before {
            if let Some(pods) = all.get_mut(&key) {
                pods.remove(&(waits, uid.into()));
                if pods.is_empty() {
                    all.remove(&key);
                }
            }
        }
        for (waits, key) in now {
            all.entry(key).or_default().insert((waits, uid.into()));
        }
        touched
    }

    /// Whether a pod names a claim or template that is not there (yet).
    pub(super) fn lacks(&self, refs: &[Ref]) -> bool {
        refs.iter().any(|one| self.text(one.source, &one.key).is_none())
    }

    fn text(&self, source: Source, key: &str) -> Option<&Arc<str>> {
        self.texts.get(&source)?.get(key)
    }

    /// The documents that nodes are read beside.
    pub(super) fn of_nodes(&self) -> impl Iterator<Item = Foreign> {
        [Source::DeviceClasses, Source::ResourceSlices].into_iter().flat_map(|source| self.all(source))
    }

    fn all(&self, source: Source) -> impl Iterator<Item = Foreign> {
        let texts = self.texts.get(&source).map(|texts| texts.iter()).into_iter().flatten();
        texts.filter_map(|(key, text)| read::document(key, text))
    }

    /// The documents that a pod is read beside. Of a claim that pods share the first that runs has the devices.
    pub(super) fn of_pod(&self, facts: &Facts, refs: &[Ref]) -> Vec<Foreign> {
        let is_its = |one: &&Ref| {
            !one.is_shared || facts.node.is_none() || {
                let first = self.sharers.get(&*one.key).and_then(Sharers::first);
                first.is_none_or(|(waits, uid)| !*waits && **uid == *facts.uid)
            }
        };
        self.documents(refs.iter().filter(is_its))
    }

    /// The documents that these pods are read beside together.
    pub(super) fn of_pods<'r>(&self, refs: impl Iterator<Item = &'r Ref>) -> Vec<Foreign> {
        self.documents(refs.collect::<BTreeSet<_>>().into_iter())
    }

    fn documents<'r>(&self, refs: impl Iterator<Item = &'r Ref>) -> Vec<Foreign> {
        let mut found: Vec<Foreign> =
            refs.filter_map(|one| read::document(&one.key, self.text(one.source, &one.key)?)).collect();
        if !found.is_empty() {
            found.extend(self.all(Source::DeviceClasses));
        }
        found
    }

    /// Why a pod that waits is left to the scheduler, where that hangs on other pods.
    pub(super) fn left(&self, facts: &Facts, refs: &[Ref]) -> Option<String> {
        let open = |one: &&Ref| one.is_shared && !self.allocations.contains_key(&*one.key);
        let of = |one: &Ref| self.sharers.get(&*one.key).map_or(0, BTreeSet::len);
        let shared = refs.iter().filter(open).find(|one| of(one) > 1).filter(|_| facts.node.is_none())?;
        let name = shared.key.split_once('/').map_or(&*shared.key, |(_, name)| name);
        Some(format!(
            "{} pods share its ResourceClaim {name}, which has no devices yet: the first that is scheduled chooses for all",
            of(shared)
        ))
    }

    /// The devices of claims of which no pod runs, as pods on the nodes: nobody else can have them.
    pub(super) fn held<'b>(
        &'b self,
        hardware: &'b Hardware,
        runs_on: impl Fn(&str, &str) -> bool + 'b,
    ) -> impl Iterator<Item = fleet::Pod> + 'b {
        let unused =
            move |allocation: &&Allocation| !allocation.pods.iter().any(|uid| runs_on(uid, &allocation.node));
        let all = self.allocations.iter().filter(move |(_, allocation)| unused(allocation));
        all.flat_map(move |(key, allocation)| {
            let is_counted = move |(driver, _): &&(Box<str>, u16)| {
                let found = hardware.nodes.binary_search_by(|node| (*node.name).cmp(&allocation.node));
                let devices = found.ok().and_then(|at| hardware.nodes[at].devices.as_ref());
                devices.is_some_and(|devices| devices.resource == hardware.claimed(driver))
            };
            let of = move |(driver, count): &(Box<str>, u16)| fleet::Pod {
                name: format!("claim {key} of {driver}"),
                ask: Some(fleet::Ask {
                    resource: hardware.claimed(driver).to_owned(),
                    models: Vec::new(),
                    amount: fleet::Amount::Whole(*count),
                }),
                accelerators_milli: u64::from(*count) * 1000,
                on: Some(allocation.node.clone().into()),
                fixed: true,
                ..fleet::Pod::default()
            };
            allocation.counts.iter().filter(is_counted).map(of)
        })
    }
}

/// The key of an object.
pub(crate) fn key(namespace: Option<&str>, name: &str) -> Box<str> {
    namespace.map_or_else(|| name.into(), |namespace| format!("{namespace}/{name}").into())
}

/// Marks the pods that name an object to be read again.
#[derive(Debug, Clone, Default)]
pub(super) struct Unread {
    keys: BTreeSet<(Source, Box<str>)>,
    /// All that claim devices.
    devices: bool,
}

impl Unread {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && !self.devices
    }

    pub(super) fn add(&mut self, source: Source, key: &str) {
        if source == Source::DeviceClasses {
            self.devices = true;
        } else {
            self.keys.insert((source, key.into()));
        }
    }

    /// Whether a pod that names these is to be read again.
    pub(super) fn has(&self, refs: &[Ref]) -> bool {
        refs.iter().any(|one| self.devices || self.keys.contains(&(one.source, one.key.clone())))
    }
}
