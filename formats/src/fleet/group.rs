//! Pods that belong together: gangs, those that keep off each other's nodes, those spread over zones.

use std::collections::BTreeMap;

use plimsoll_model::{
    Fleet,
    fleet::{Pod, Requirement, Spread, Test, ZONE},
    read::View,
};

use super::{expand::Draft, remarks::Remarks};
use crate::labels::requirement;

pub(super) type Labels = BTreeMap<String, String>;

/// Pods that wait and run together or not at all. Those of a gang that run already run.
pub(super) fn gangs(drafts: &[Draft<'_>], pods: &mut [Pod], fleet: &mut Fleet, remarks: &mut Remarks) {
    let mut all: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        if let Some(gang) = &draft.gang {
            all.entry((draft.object.namespace(), gang)).or_default().push(index);
        }
    }
    for ((_, name), members) in all {
        let waiting: Vec<usize> = members.iter().copied().filter(|index| pods[*index].on.is_none()).collect();
        if waiting.len() < members.len() && !waiting.is_empty() {
            remarks.say("gang of which some run", "those that wait run all, or none", name);
        }
        if waiting.len() < 2 {
            continue;
        }
        let gang = fleet.gangs.len() as u32;
        fleet.gangs.push(name.to_owned());
        for index in waiting {
            pods[index].gang = Some(gang);
        }
    }
}

/// A selector of pods.
#[derive(Debug)]
pub(super) struct Selector<'a> {
    labels: Vec<(&'a str, &'a str)>,
    requirements: Vec<requirement::Requirement<'a>>,
    /// The namespaces in which it looks; none for all.
    namespaces: Option<Vec<&'a str>>,
}

impl<'a> Selector<'a> {
    pub(super) fn read(term: &View<'a>, namespace: &'a str) -> Option<Self> {
        let selector = term.field("labelSelector")?;
        let labels = selector.field("matchLabels").map_or_else(Vec::new, |labels| labels.entries());
        let expressions = selector.field("matchExpressions").map_or_else(Vec::new, |list| list.items());
        let named: Vec<&str> = term
            .field("namespaces")
            .map_or_else(Vec::new, |list| list.items())
            .iter()
            .filter_map(View::text)
            .collect();
        let namespaces = match term.field("namespaceSelector") {
            Some(_) => None,
            None if named.is_empty() => Some(vec![namespace]),
            None => Some(named),
        };
        Some(Self {
            labels: labels.into_iter().filter_map(|(key, value)| Some((key, value.text()?))).collect(),
            requirements: expressions
                .iter()
                .map(requirement::Requirement::of_pod)
                .collect::<Result<_, _>>()
                .ok()?,
            namespaces,
        })
    }

    /// Only pods that have these labels as this one has them (`matchLabelKeys`).
    fn and_its_own(&mut self, term: &View<'a>, labels: &'a Labels) {
        for key in term.field("matchLabelKeys").map_or_else(Vec::new, |keys| keys.items()) {
            self.labels.extend(key.text().and_then(|key| Some((key, &**labels.get(key)?))));
        }
    }

    pub(super) fn finds(&self, namespace: &str, labels: &Labels) -> bool {
        let has = |key: &str, value: &str| labels.get(key).is_some_and(|own| own == value);
        self.namespaces.as_ref().is_none_or(|all| all.contains(&namespace))
            && self.labels.iter().all(|(key, value)| has(key, value))
            && self.requirements.iter().all(|one| {
                let own: Vec<String> = labels.get(&one.key).cloned().into_iter().collect();
                one.admits(&own)
            })
    }

    /// The same text for the same selector.
    pub(super) fn words(&self) -> String {
        let mut words: Vec<String> =
            self.labels.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        words.extend(self.requirements.iter().map(requirement::Requirement::words));
        words.sort();
        let spaces = self.namespaces.as_ref().map_or("all namespaces".to_owned(), |all| all.join(", "));
        format!("{} in {spaces}", words.join(", "))
    }
}

pub(super) const HARD: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// Required anti-affinity by host name.
pub(super) fn aparts(
    drafts: &[Draft<'_>],
    labels: &[Labels],
    pods: &mut [Pod],
    fleet: &mut Fleet,
    remarks: &mut Remarks,
) {
    let mut groups: BTreeMap<String, (Selector<'_>, Vec<usize>)> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        let terms = draft.spec.at(&["affinity", "podAntiAffinity", HARD]);
        for term in terms.map_or_else(Vec::new, |terms| terms.items()) {
            let name = draft.object.name;
            let by_host =
                term.field("topologyKey").and_then(|key| key.text()) == Some("kubernetes.io/hostname");
            let Some(selector) = Selector::read(&term, draft.object.namespace()).filter(|_| by_host) else {
                remarks.leave(index, "anti-affinity beyond single nodes", name);
                continue;
            };
            if !selector.finds(draft.object.namespace(), &labels[index]) {
                remarks.leave(index, "anti-affinity to pods of another kind", name);
                continue;
            }
            groups.entry(selector.words()).or_insert_with(|| (selector, Vec::new())).1.push(index);
        }
    }
    for (words, (selector, members)) in groups {
        let group = fleet.aparts.len() as u32;
        for index in &members {
            let name = drafts[*index].object.name;
            match pods[*index].apart {
                None => pods[*index].apart = Some(group),
                Some(_) => remarks.leave(*index, "the second of two anti-affinities", name),
            }
        }
        let others = drafts.iter().enumerate().filter(|(index, draft)| {
            members.binary_search(index).is_err() && selector.finds(draft.object.namespace(), &labels[*index])
        });
        for (index, other) in others {
            let value = format!("an anti-affinity of others to it ({words})");
            remarks.leave(index, value, other.object.name);
        }
        fleet.aparts.push(words);
    }
}

/// What tells spreads apart: whom they count, and how.
type Kind = (String, u32, u32, bool, bool);

/// Spread over zones that may not be left undone.
pub(super) fn spreads<'a>(
    drafts: &[Draft<'a>],
    labels: &'a [Labels],
    pods: &mut [Pod],
    fleet: &mut Fleet,
    remarks: &mut Remarks,
) {
    let mut known: BTreeMap<Kind, u32> = BTreeMap::new();
    let mut selectors: Vec<(u32, Selector<'_>)> = Vec::new();
    for (index, draft) in drafts.iter().enumerate() {
        let list = draft.spec.field("topologySpreadConstraints").map_or_else(Vec::new, |list| list.items());
        for one in list {
            let text = |field: &str| one.field(field).and_then(|view| view.text());
            if text("whenUnsatisfiable") == Some("ScheduleAnyway") {
                continue;
            }
            let name = draft.object.name;
            let by_zone = text("topologyKey") == Some(ZONE);
            if !by_zone {
                let value = format!("spread over `{}`", text("topologyKey").unwrap_or_default());
                remarks.leave(index, value, name);
                continue;
            }
            let selector = Selector::read(&one, draft.object.namespace());
            let Some(mut selector) = selector.filter(|it| it.finds(draft.object.namespace(), &labels[index]))
            else {
                remarks.leave(index, "a spread that does not count the pod itself", name);
                continue;
            };
            selector.and_its_own(&one, &labels[index]);
            let number = |field: &str| one.field(field).and_then(|view| view.integer());
            let number =
                |field: &str| number(field).and_then(|it| u32::try_from(it).ok()).unwrap_or(1).max(1);
            if pods[index].spread.is_some() {
                remarks.leave(index, "the second of two spreads", name);
                continue;
            }
            let ignores_affinity = text("nodeAffinityPolicy") == Some("Ignore");
            let honors_taints = text("nodeTaintsPolicy") == Some("Honor");
            let (skew, fewest) = (number("maxSkew"), number("minDomains"));
            let kind = (selector.words(), skew, fewest, ignores_affinity, honors_taints);
            let spread = *known.entry(kind).or_insert_with(|| {
                let (at, name) = (fleet.spreads.len() as u32, selector.words());
                let others = BTreeMap::new();
                fleet.spreads.push(Spread { name, skew, fewest, ignores_affinity, honors_taints, others });
                selectors.push((at, selector));
                at
            });
            pods[index].spread = Some(spread);
            // A node without the label is no place for it.
            pods[index].rule.and(Requirement { key: ZONE.to_owned(), test: Test::Exists });
        }
    }
    for (spread, selector) in selectors {
        others(spread, &selector, drafts, labels, pods, fleet, remarks);
    }
    if !known.is_empty() {
        let value = "counted over the zones of nodes that its pods' selectors and affinities let in, whether there is room or not";
        remarks.say("spread over zones", value, format!("{} of them", known.len()));
    }
}

/// Counts the pods that a spread counts and that do not ask for it: those that run, where they do.
fn others(
    spread: u32,
    selector: &Selector<'_>,
    drafts: &[Draft<'_>],
    labels: &[Labels],
    pods: &[Pod],
    fleet: &mut Fleet,
    remarks: &mut Remarks,
) {
    let zones: BTreeMap<&str, &str> =
        fleet.nodes.iter().filter_map(|node| Some((&*node.name, node.zone()?))).collect();
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        let is_other = pods[index].spread != Some(spread);
        if !is_other || !selector.finds(draft.object.namespace(), &labels[index]) {
            continue;
        }
        match &pods[index].on {
            None => remarks.leave(index, "a spread of others that counts it", draft.object.name),
            Some(node) => {
                remarks.leave_silently(index);
                if let Some(zone) = zones.get(&**node) {
                    *counts.entry((*zone).to_owned()).or_default() += 1;
                }
            }
        }
    }
    fleet.spreads[spread as usize].others = counts;
}
