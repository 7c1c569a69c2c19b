//! Pods that belong together: gangs, those that keep off each other's nodes, those spread over zones.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{
    Fleet,
    fleet::{Pod, Requirement, Spread, Test, ZONE},
};

use super::{
    expand::Draft,
    least::{Least, Sizes},
    remarks::Remarks,
    selector::{Crowd, Selector},
};
use crate::labels::{HOST, REQUIRED};

/// Pods that wait and run together or not at all. Those of a gang that run already run.
///
/// Where a size is stated and as many run, those that wait run each for itself; where there are not as many, none does.
pub(super) fn gangs(
    drafts: &[Draft<'_>],
    sizes: &Sizes<'_>,
    pods: &mut [Pod],
    fleet: &mut Fleet,
    remarks: &mut Remarks,
) {
    let mut all: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        if let Some(gang) = &draft.gang {
            all.entry((draft.object.namespace(), gang)).or_default().push(index);
        }
    }
    for ((namespace, name), members) in all {
        let waiting: Vec<usize> = members.iter().copied().filter(|index| pods[*index].on.is_none()).collect();
        let least = sizes.least(namespace, name).filter(|_| !waiting.is_empty());
        if let Some(Least { field, pods: least }) = least {
            let (count, running) = (members.len(), members.len() - waiting.len());
            if count < least {
                let value =
                    format!("{field} is {least}, and there are {count} pods: none that waits is placed");
                remarks.say("gangs that cannot run", value, name);
                for index in waiting {
                    // What no node has, as people read it.
                    let key = format!("{field} {least} of {name}: {count} pods are there");
                    pods[index].rule.and(Requirement { key, test: Test::Exists });
                }
                continue;
            }
            if running >= least || least <= 1 {
                continue;
            }
            if least < count {
                let value = format!("all or none of {count} pods, not {field} {least}");
                remarks.say("gangs", value, name);
            }
        }
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

/// Required anti-affinity by host name.
pub(super) fn aparts(
    drafts: &[Draft<'_>],
    crowd: &Crowd<'_>,
    pods: &mut [Pod],
    fleet: &mut Fleet,
    remarks: &mut Remarks,
) {
    let mut groups: BTreeMap<String, (Selector<'_>, Vec<usize>)> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        let terms = draft.spec.at(&["affinity", "podAntiAffinity", REQUIRED]);
        for term in terms.map_or_else(Vec::new, |terms| terms.items()) {
            let name = draft.object.name;
            let by_host = term.field("topologyKey").and_then(|key| key.text()) == Some(HOST);
            let Some(selector) = Selector::read(&term, draft.object.namespace()).filter(|_| by_host) else {
                remarks.leave(index, "anti-affinity beyond single nodes", name);
                continue;
            };
            if !crowd.is_found(index, &selector) {
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
        for other in crowd.found(&selector).filter(|index| members.binary_search(index).is_err()) {
            let value = format!("an anti-affinity of others to it ({words})");
            remarks.leave(other, value, drafts[other].object.name);
        }
        fleet.aparts.push(words);
    }
}

/// What tells spreads apart: whom they count, and how.
type Kind = (String, u32, u32, bool, bool);

/// Spread over zones that may not be left undone.
pub(super) fn spreads<'a>(
    drafts: &[Draft<'a>],
    crowd: &Crowd<'a>,
    pods: &mut [Pod],
    fleet: &mut Fleet,
    remarks: &mut Remarks,
) {
    let mut known: BTreeMap<Kind, (Selector<'_>, Vec<usize>)> = BTreeMap::new();
    let mut spread: BTreeSet<usize> = BTreeSet::new();
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
            let Some(mut selector) = selector.filter(|it| crowd.is_found(index, it)) else {
                remarks.leave(index, "a spread that does not count the pod itself", name);
                continue;
            };
            selector.and_its_own(&one, crowd.labels(index));
            let number = |field: &str| one.field(field).and_then(|view| view.integer());
            let number =
                |field: &str| number(field).and_then(|it| u32::try_from(it).ok()).unwrap_or(1).max(1);
            if !spread.insert(index) {
                remarks.leave(index, "the second of two spreads", name);
                continue;
            }
            let ignores_affinity = text("nodeAffinityPolicy") == Some("Ignore");
            let honors_taints = text("nodeTaintsPolicy") == Some("Honor");
            let (skew, fewest) = (number("maxSkew"), number("minDomains"));
            let kind = (selector.words(), skew, fewest, ignores_affinity, honors_taints);
            known.entry(kind).or_insert_with(|| (selector, Vec::new())).1.push(index);
            // A node without the label is no place for it.
            pods[index].rule.and(Requirement { key: ZONE.to_owned(), test: Test::Exists });
        }
    }
    if !known.is_empty() {
        let value = "counted over the zones of nodes that its pods' selectors and affinities let in, whether there is room or not";
        remarks.say("spread over zones", value, format!("{} of them", known.len()));
    }
    // By what they say, so that the order of documents changes nothing.
    for ((name, skew, fewest, ignores_affinity, honors_taints), (selector, members)) in known {
        let spread = fleet.spreads.len() as u32;
        for index in members {
            // What is going is not counted any more.
            pods[index].spread = (pods[index].on.is_none() || !drafts[index].is_going()).then_some(spread);
        }
        let others = others(spread, &selector, drafts, crowd, pods, remarks);
        fleet.spreads.push(Spread { name, skew, fewest, ignores_affinity, honors_taints, others });
    }
}

/// Counts the pods that a spread counts and that do not ask for it, by the nodes where they run.
fn others(
    spread: u32,
    selector: &Selector<'_>,
    drafts: &[Draft<'_>],
    crowd: &Crowd<'_>,
    pods: &[Pod],
    remarks: &mut Remarks,
) -> BTreeMap<String, u32> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for index in crowd.found(selector).filter(|index| pods[*index].spread != Some(spread)) {
        let draft = &drafts[index];
        match &pods[index].on {
            None => remarks.leave(index, "a spread of others that counts it", draft.object.name),
            Some(_) if draft.is_going() => {}
            Some(node) => {
                remarks.leave_silently(index);
                *counts.entry(node.clone()).or_default() += 1;
            }
        }
    }
    counts
}
