//! What is known beside nodes and pods, and how pods hang on it.

mod named;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plimsoll_formats::{Foreign, Hardware};
use plimsoll_model::fleet;
use serde::Deserialize;
use serde_json::Value;

use super::{Facts, Source, budget::Budget, read, source::Stated};
pub(super) use named::{Ref, Unread};

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

/// Who states something of a gang: the key of an object.
type Stater = (Source, Box<str>);

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
    /// What is stated of gangs, by the gang with its namespace.
    gangs: Arc<BTreeMap<Box<str>, BTreeMap<Stater, Stated>>>,
    /// The kinds of which all objects are known.
    seen: BTreeSet<Source>,
    /// Disruption budgets.
    budgets: Arc<BTreeMap<Box<str>, Arc<Budget>>>,
}

/// What a change of an object changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing that matters.
    None,
    /// The devices of nodes.
    Nodes,
    /// Nothing that pods hang on.
    Known,
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
        if source == Source::DisruptionBudgets {
            return self.note_budget(&key, Budget::of(object));
        }
        let gave = source == Source::ResourceClaims && self.allocate(&key, Allocation::of(object));
        let text: Arc<str> = source.text(namespace, name, object).into();
        let before = self.text(source, &key).cloned();
        let is_same = before.as_ref() == Some(&text);
        if !is_same {
            let texts = Arc::make_mut(self.texts.entry(source).or_default());
            texts.insert(key.clone(), Arc::clone(&text));
            self.note_gangs(source, &key, before.as_deref(), Some(&text));
        }
        match source {
            _ if gave => Effect::Room,
            _ if is_same => Effect::None,
            Source::DeviceClasses | Source::ResourceSlices => Effect::Nodes,
            Source::ResourceClaims => Effect::Pods,
            _ => Effect::Room,
        }
    }

    /// An object went.
    pub(super) fn delete(&mut self, source: Source, key: &str) -> Effect {
        if source == Source::DisruptionBudgets {
            return self.note_budget(key, None);
        }
        let Some(before) = self.text(source, key).cloned() else { return Effect::None };
        if let Some(texts) = self.texts.get_mut(&source) {
            Arc::make_mut(texts).remove(key);
        }
        self.note_gangs(source, key, Some(&before), None);
        let gave = source == Source::ResourceClaims && self.allocate(key, None);
        match source {
            Source::DeviceClasses | Source::ResourceSlices => Effect::Nodes,
            _ if gave || source.states_gangs() => Effect::Room,
            _ => Effect::Pods,
        }
    }

    /// The keys of all objects of a kind.
    pub(super) fn keys(&self, source: Source) -> Vec<Box<str>> {
        if source == Source::DisruptionBudgets {
            return self.budgets.keys().cloned().collect();
        }
        self.texts.get(&source).map_or_else(Vec::new, |texts| texts.keys().cloned().collect())
    }

    /// Notes what an object states of gangs by its text, and no more what it stated before.
    fn note_gangs(&mut self, source: Source, key: &str, before: Option<&str>, now: Option<&str>) {
        if !source.states_gangs() {
            return;
        }
        let read = |text: Option<&str>| -> Vec<(String, Stated)> {
            text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
        };
        let (before, now) = (read(before), read(now));
        if before.is_empty() && now.is_empty() {
            return;
        }
        let by = (source, Box::<str>::from(key));
        let all = Arc::make_mut(&mut self.gangs);
        for (gang, _) in before {
            if let Some(stated) = all.get_mut(&*gang) {
                stated.remove(&by);
                if stated.is_empty() {
                    all.remove(&*gang);
                }
            }
        }
        for (gang, stated) in now {
            all.entry(gang.into()).or_default().insert(by.clone(), stated);
        }
    }

    /// How many pods of a gang must be there, where an object says so.
    pub(super) fn gang_size(&self, gang: &str) -> Option<u32> {
        self.gangs.get(gang)?.values().filter_map(|stated| stated.size).max()
    }

    /// The priority of a gang, where an object says so.
    pub(super) fn gang_priority(&self, gang: &str) -> Option<i32> {
        let of = |stated: &Stated| stated.priority.or_else(|| self.class(stated.class.as_deref()?));
        self.gangs.get(gang)?.values().filter_map(of).max()
    }

    /// What the name of a priority means.
    fn class(&self, name: &str) -> Option<i32> {
        let document: Value = serde_json::from_str(self.text(Source::PriorityClasses, name)?).ok()?;
        i32::try_from(document.get("value")?.as_i64()?).ok()
    }

    /// The budgets that a pod is in, by their keys.
    pub(super) fn budgets_of(&self, namespace: &str, labels: &BTreeMap<String, String>) -> Box<[Box<str>]> {
        let prefix = format!("{namespace}/");
        let all = self.budgets.range(Box::<str>::from(&*prefix)..);
        let all = all.take_while(|(key, _)| key.starts_with(&prefix));
        all.filter(|(_, budget)| budget.selects(labels)).map(|(key, _)| key.clone()).collect()
    }

    /// A budget.
    pub(crate) fn budget(&self, key: &str) -> Option<&Arc<Budget>> {
        self.budgets.get(key)
    }

    /// Notes a budget; whether it is of other pods than before.
    fn note_budget(&mut self, key: &str, budget: Option<Budget>) -> Effect {
        let known = self.budgets.get(key);
        if known.map(|known| &**known) == budget.as_ref() {
            return Effect::None;
        }
        let is_same = known.zip(budget.as_ref()).is_some_and(|(known, budget)| known.is_of_the_same(budget));
        let all = Arc::make_mut(&mut self.budgets);
        match budget {
            Some(budget) => _ = all.insert(key.into(), Arc::new(budget)),
            None => _ = all.remove(key),
        }
        if is_same { Effect::Known } else { Effect::Pods }
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
        if before == now {
            return Vec::new();
        }
        let touched = before.iter().chain(&now).map(|(_, key)| key.clone()).collect();
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

    /// Whether a pod names a claim or template that is not there (yet). What nobody sees will not come.
    pub(super) fn lacks(&self, refs: &[Ref]) -> bool {
        let comes = |one: &&Ref| one.is_of_devices() && self.seen.contains(&one.source);
        refs.iter().filter(comes).any(|one| self.text(one.source, &one.key).is_none())
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
        let (mut found, mut classes) = (Vec::new(), BTreeSet::new());
        let mut has_devices = false;
        for one in refs {
            let Some(text) = self.text(one.source, &one.key) else { continue };
            found.extend(read::document(&one.key, text));
            if one.is_of_devices() {
                has_devices = true;
                continue;
            }
            let Bound { volume, class } = Bound::of(text);
            let volume = volume.and_then(|volume| self.text(Source::Volumes, &volume));
            found.extend(volume.and_then(|text| read::document(&one.key, text)));
            classes.extend(class);
        }
        let classes = classes
            .into_iter()
            .filter_map(|class| read::document(&class, self.text(Source::StorageClasses, &class)?));
        found.extend(classes);
        if has_devices {
            found.extend(self.all(Source::DeviceClasses));
        }
        found
    }

    /// All objects of a kind are known, or none can be.
    pub(super) fn sees(&mut self, source: Source, is_seen: bool) {
        if is_seen {
            self.seen.insert(source);
        } else {
            self.seen.remove(&source);
        }
    }

    /// What a pod waits for that nobody can plan yet, in words: a claim that will be bound before the scheduler looks.
    pub(super) fn waits_for(&self, refs: &[Ref]) -> Option<String> {
        let claims = refs.iter().filter(|one| one.source == Source::VolumeClaims);
        let claims = claims.filter(|_| self.seen.contains(&Source::VolumeClaims));
        claims.into_iter().find_map(|claim| {
            let name = claim.key.split_once('/').map_or(&*claim.key, |(_, name)| name);
            let Some(text) = self.text(Source::VolumeClaims, &claim.key) else {
                return Some(format!("its PersistentVolumeClaim {name} is not there"));
            };
            let Bound { volume, class } = Bound::of(text);
            let class = self.text(Source::StorageClasses, &class?).filter(|_| volume.is_none())?;
            let is_late = class.contains("WaitForFirstConsumer");
            (!is_late).then(|| format!("its PersistentVolumeClaim {name} is not bound yet"))
        })
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
                stays: Some(fleet::Stays::OfNode),
                ..fleet::Pod::default()
            };
            allocation.counts.iter().filter(is_counted).map(of)
        })
    }
}

/// What a claim of a volume is bound to, and its class.
#[derive(Debug, Default, Deserialize)]
struct Bound {
    #[serde(default, rename = "volumeName")]
    volume: Option<String>,
    #[serde(default, rename = "storageClassName")]
    class: Option<String>,
}

impl Bound {
    fn of(text: &str) -> Self {
        #[derive(Default, Deserialize)]
        struct Claim {
            #[serde(default)]
            spec: Option<Bound>,
        }
        serde_json::from_str::<Claim>(text).unwrap_or_default().spec.unwrap_or_default()
    }
}

/// The key of an object.
pub(crate) fn key(namespace: Option<&str>, name: &str) -> Box<str> {
    namespace.map_or_else(|| name.into(), |namespace| format!("{namespace}/{name}").into())
}
