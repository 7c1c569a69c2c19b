//! What a plan launches from a node pool of Karpenter, written into it as requirements.
//!
//! The pool's own requirements say what may be launched and are never touched. What the plan uses of it
//! is added behind them: requirements on a label of which there is one already narrow it. They are
//! recorded in the annotation `plimsoll.dev/placed`, and reading passes over what is recorded there, so
//! that a plan restricts no later one. Where no pool launches what a plan chose, and the files have a class of
//! nodes for it, a pool of ours is made: all that it requires, and its limits, are recorded so.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Bytes, Capacity, Cpu, Match, OfferSpec, Plan, read::View, yaml::Change};
use serde_json::{Value, json};

use super::object::Object;
use crate::labels::{machine::of_nodes, requirement::Requirement};

/// The annotation that records what was added.
const PLACED: &str = "plimsoll.dev/placed";

/// What limits are recorded behind.
const LIMITS: &str = "limits ";

const CLASS: &str = "karpenter.sh/capacity-type";

/// Takes the requirements that an earlier plan added out of a pool's own; their indices.
pub(super) fn take_ours(object: &Object<'_>, requirements: &mut Vec<Requirement<'_>>) -> Vec<usize> {
    let record = object.annotation(PLACED);
    let recorded = record.as_ref().and_then(View::text).map(In::read_all).unwrap_or_default();
    let is = |one: &Requirement<'_>, ours: &In| In::of(one).as_ref() == Some(ours);
    let mut ours: Vec<usize> =
        recorded.iter().filter_map(|ours| requirements.iter().rposition(|one| is(one, ours))).collect();
    ours.sort_unstable();
    ours.dedup();
    let mut index = 0..;
    requirements.retain(|_| !index.next().is_some_and(|at| ours.contains(&at)));
    ours
}

/// A node pool in a document, and what it allows.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolSeat {
    /// The index of the document among those that were translated.
    pub document: usize,
    /// The name of the pool.
    pub name: String,
    path: String,
    matches: Match,
    /// The labels of its nodes that it states already, and their values.
    stated: Vec<In>,
    /// Those of an earlier plan, by their indices.
    ours: Vec<(usize, In)>,
    /// How many requirements there are.
    count: usize,
    /// It must be able to choose among several instance types.
    chooses: bool,
    /// Whether its limits are those of an earlier plan.
    limited: bool,
    /// The text of the annotation as it is, and how many there are beside it.
    record: Option<String>,
    annotations: usize,
    pub(crate) taints: Vec<Taint>,
}

/// What pods must tolerate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taint {
    pub(crate) key: String,
    pub(crate) value: Option<String>,
    pub(crate) effect: String,
}

impl PoolSeat {
    /// `own`: its requirements without `ours`.
    pub(super) fn of(object: &Object<'_>, own: &[Requirement<'_>], ours: &[usize], matches: &Match) -> Self {
        let list = object.items(&["spec", "template", "spec", "requirements"]);
        let read = |index: &usize| {
            let text = |field| list[*index].field(field)?.text();
            let values = list[*index].field("values").map_or_else(Vec::new, |values| values.items());
            let values = values.iter().filter_map(View::text).map(str::to_owned).collect();
            Some((*index, In { key: text("key")?.to_owned(), values }))
        };
        let least = |one: &View<'_>| one.field("minValues").and_then(|least| least.integer());
        let annotations = object.at(&["metadata", "annotations"]).map_or(0, |all| all.entries().len());
        let record = object.annotation(PLACED).and_then(|record| Some(record.text()?.to_owned()));
        Self {
            document: object.document,
            name: object.name.to_owned(),
            path: object.view.path().to_owned(),
            matches: matches.clone(),
            stated: own.iter().filter_map(In::of).collect(),
            ours: ours.iter().filter_map(read).collect(),
            count: list.len(),
            chooses: list.iter().any(|one| least(one).is_some_and(|least| least > 1)),
            annotations: annotations - usize::from(object.annotation(PLACED).is_some()),
            limited: record.as_deref().is_some_and(|record| !limits_of(record).is_empty()),
            record,
            taints: taints(object),
        }
    }

    /// Whether the pool may launch an offer.
    pub fn allows(&self, offer: &OfferSpec) -> bool {
        let Match { cloud, region, capacity, instance_type, .. } = &self.matches;
        let place = format!("{}/{}", offer.cloud.as_deref().unwrap_or_default(), offer.region);
        offer.capacity != Capacity::OnPrem
            && cloud.as_ref().is_none_or(|cloud| offer.cloud.as_deref().is_some_and(|of| cloud.has(of)))
            && region.as_ref().is_none_or(|region| region.has(&place) || region.has(&offer.region))
            && capacity.as_ref().is_none_or(|capacity| capacity.has(&offer.capacity))
            && instance_type
                .as_ref()
                .is_none_or(|types| offer.instance_type.as_deref().is_some_and(|of| types.has(of)))
    }

    /// Its word for a class. What a commitment pays for is launched as on demand, where the pool may.
    pub(crate) fn class(&self, class: Capacity) -> &'static str {
        let may = |class| self.matches.capacity.as_ref().is_none_or(|capacity| capacity.has(&class));
        match class {
            Capacity::Spot => "spot",
            Capacity::Reserved if !may(Capacity::OnDemand) => "reserved",
            _ => "on-demand",
        }
    }

    /// The change that makes the pool launch what the plan uses of it and nothing else, and what to say.
    pub fn change(&self, plan: &Plan) -> (Change, Option<String>) {
        let (wanted, remark) = self.wanted(plan);
        let mut change = Change::Fields(indexmap::IndexMap::new());
        if !self.ours.iter().map(|(_, ours)| ours).eq(&wanted) {
            let gone = self.ours.iter().map(|(index, _)| (*index, Change::Gone)).collect::<BTreeMap<_, _>>();
            let new: Vec<Value> = wanted.iter().map(In::requirement).collect();
            let all_gone = new.is_empty() && gone.len() == self.count;
            let list = if all_gone { Change::Gone } else { Change::Items(gone, new) };
            change.and(Change::at("spec.template.spec.requirements", list));
        }
        let mut record = wanted.iter().map(In::write).collect::<Vec<_>>().join("; ");
        if self.limited {
            let limits = self.limits(plan);
            let before = self.record.as_deref().map(limits_of).unwrap_or_default();
            if limits != before {
                let put = if limits.is_empty() { Change::Gone } else { Change::Put(json!(limits)) };
                change.and(Change::at("spec.limits", put));
            }
            record.push_str(&written(&limits));
        }
        if self.record.as_deref().unwrap_or_default() != record {
            let field = Change::at(
                "metadata.annotations",
                Change::Fields(
                    [(
                        PLACED.to_owned(),
                        if wanted.is_empty() { Change::Gone } else { Change::Put(json!(record)) },
                    )]
                    .into(),
                ),
            );
            let none_left = wanted.is_empty() && self.annotations == 0;
            change.and(if none_left { Change::at("metadata.annotations", Change::Gone) } else { field });
        }
        (Change::at(&self.path, change), remark)
    }

    /// A pool of ours for a class of nodes, in no document yet.
    pub fn new(name: String) -> Self {
        Self {
            document: 0,
            name,
            path: String::new(),
            matches: Match::default(),
            stated: Vec::new(),
            ours: Vec::new(),
            count: 0,
            chooses: false,
            limited: true,
            record: None,
            annotations: 0,
            taints: Vec::new(),
        }
    }

    /// The manifest of a pool of ours that launches what a plan uses.
    pub fn manifest(&self, class: &ClassSeat, plan: &Plan) -> Value {
        let (wanted, limits) = (self.wanted(plan).0, self.limits(plan));
        let record = wanted.iter().map(In::write).collect::<Vec<_>>().join("; ") + &written(&limits);
        let requirements: Vec<Value> = wanted.iter().map(In::requirement).collect();
        let mut spec = json!({
            "template": { "spec": {
                "nodeClassRef": { "group": class.group, "kind": class.kind, "name": class.name },
                "requirements": requirements,
            } },
        });
        if !limits.is_empty() {
            spec["limits"] = json!(limits);
        }
        json!({
            "apiVersion": "karpenter.sh/v1",
            "kind": "NodePool",
            "metadata": { "name": self.name, "annotations": { (PLACED): record } },
            "spec": spec,
        })
    }

    /// The cores and memory of what a plan launches from the pool, where its offers state them.
    fn limits(&self, plan: &Plan) -> BTreeMap<String, String> {
        let ours = || plan.placements.iter().filter(|placement| self.allows(&placement.offer));
        let whole = |instances: f64| instances.ceil() as u64;
        let sum = |of: &dyn Fn(&OfferSpec) -> Option<u64>| {
            let each = ours()
                .map(|placement| Some(of(&placement.offer)?.saturating_mul(whole(placement.instances))));
            each.sum::<Option<u64>>().filter(|sum| *sum > 0)
        };
        let cpu = sum(&|offer| Some(offer.cpu?.0)).map(|milli| Cpu(milli).to_string());
        let memory = sum(&|offer| Some(offer.memory?.0)).map(|bytes| Bytes(bytes).to_string());
        let named = [("cpu", cpu), ("memory", memory)];
        named.into_iter().filter_map(|(name, limit)| Some((name.to_owned(), limit?))).collect()
    }

    /// The requirements that are to be added, and what to say of them.
    fn wanted(&self, plan: &Plan) -> (Vec<In>, Option<String>) {
        let offers = plan.placements.iter().map(|placement| &placement.offer);
        let offers: Vec<&OfferSpec> = offers.filter(|offer| self.allows(offer)).collect();
        let all = |key: &str, value: &dyn Fn(&OfferSpec) -> Option<String>| {
            let values = offers.iter().map(|offer| value(offer)).collect::<Option<BTreeSet<String>>>()?;
            (!values.is_empty()).then(|| In { key: key.to_owned(), values })
        };
        let types = all("node.kubernetes.io/instance-type", &|offer| {
            offer.instance_type.as_deref().map(|name| of_nodes(name).to_owned())
        });
        let remark = (types.is_some() && self.chooses).then(|| {
            format!("NodePool {}: its instance types are left to it, since it states `minValues`", self.name)
        });
        let wanted = [
            all(CLASS, &|offer| Some(self.class(offer.capacity).to_owned())),
            types.filter(|_| !self.chooses),
            all("topology.kubernetes.io/region", &|offer| Some(offer.region.clone())),
            all("topology.kubernetes.io/zone", &|offer| offer.zone.clone()),
        ];
        let wanted = wanted.into_iter().flatten().filter(|one| !self.stated.contains(one));
        (wanted.collect(), remark)
    }
}

/// A class of nodes, from which pools are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassSeat {
    /// The index of the document among those that were translated.
    pub document: usize,
    /// Its cloud.
    pub cloud: &'static str,
    group: String,
    kind: String,
    /// Its name.
    pub name: String,
}

impl ClassSeat {
    pub(super) fn of(object: &Object<'_>, cloud: &'static str) -> Self {
        let (group, kind, name) = (object.group.into(), object.kind.into(), object.name.into());
        Self { document: object.document, cloud, group, kind, name }
    }

    /// `Kind NAME`, for people.
    pub fn title(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }
}

/// The limits that an earlier plan recorded in a pool of ours.
fn limits_of(record: &str) -> BTreeMap<String, String> {
    let part = record.split(';').find_map(|part| part.trim().strip_prefix(LIMITS));
    let pairs = part.into_iter().flat_map(str::split_whitespace).filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, limit)| (name.to_owned(), limit.to_owned())).collect()
}

/// As they are recorded behind requirements: `; limits cpu=96 memory=1Ti`.
fn written(limits: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = limits.iter().map(|(name, limit)| format!("{name}={limit}")).collect();
    if pairs.is_empty() { String::new() } else { format!("; {LIMITS}{}", pairs.join(" ")) }
}

/// Whether a limit of a pool is one that an earlier plan wrote.
pub(super) fn is_our_limit(object: &Object<'_>, resource: &str, limit: &View<'_>) -> bool {
    let record = object.annotation(PLACED);
    let ours = record.as_ref().and_then(View::text).map(limits_of).unwrap_or_default();
    ours.get(resource).is_some_and(|ours| limit.text() == Some(ours))
}

/// A requirement that a label is one of some values.
#[derive(Debug, Clone, PartialEq, Eq)]
struct In {
    key: String,
    values: BTreeSet<String>,
}

impl In {
    fn of(one: &Requirement<'_>) -> Option<Self> {
        one.is_in().then(|| Self { key: one.key.clone(), values: one.values.iter().cloned().collect() })
    }

    fn requirement(&self) -> Value {
        json!({"key": self.key, "operator": "In", "values": self.values})
    }

    /// `KEY VALUE VALUE`
    fn write(&self) -> String {
        let values: Vec<&str> = self.values.iter().map(String::as_str).collect();
        format!("{} {}", self.key, values.join(" "))
    }

    fn read_all(text: &str) -> Vec<Self> {
        let read = |part: &str| {
            let mut words = part.split_whitespace().map(str::to_owned);
            Some(Self { key: words.next()?, values: words.collect() })
        };
        text.split(';').filter_map(read).collect()
    }
}

/// The taints that keep pods off the nodes of a pool.
pub(super) fn taints(pool: &Object<'_>) -> Vec<Taint> {
    pool.items(&["spec", "template", "spec", "taints"]).iter().filter_map(taint).collect()
}

/// A taint that keeps pods off which do not tolerate it.
pub(super) fn taint(taint: &View<'_>) -> Option<Taint> {
    let text = |field| Some(taint.field(field)?.text()?.to_owned());
    let effect = text("effect").unwrap_or_else(|| "NoSchedule".to_owned());
    (effect != "PreferNoSchedule").then_some(())?;
    Some(Taint { key: text("key")?, value: text("value").filter(|value| !value.is_empty()), effect })
}
