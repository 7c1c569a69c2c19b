//! Pods that must be within one domain: the hosts of one slice of TPUs, one domain of `NVLink`, one rack.
//!
//! A slice of several hosts is a node pool of GKE, and atomic: pods that ask for such a topology take all hosts of one
//! pool, and nobody else's pods that ask for TPUs come to one. Other domains are those of a label that the documents
//! name: required pod affinity to pods of the same kind, `plimsoll.dev/topology`, and what Kueue and JobSet state.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{
    Fleet,
    fleet::{Amount, Confine, Node, Pod, Requirement, Stays, Test},
};

use super::{
    expand::Draft,
    pod::annotation,
    remarks::Remarks,
    selector::{Crowd, Selector},
};
use crate::labels::{REQUIRED, chips_of};

const TPU: &str = "google.com/tpu";
const TOPOLOGY: &str = "cloud.google.com/gke-tpu-topology";
const POOL: &str = "cloud.google.com/gke-nodepool";

/// What remarks on slices of TPUs begin with.
const SLICES: &str = "slices of TPUs";

/// The pods that a confine has, by their places.
#[derive(Debug, Default)]
struct Members {
    waiting: Vec<usize>,
    running: Vec<usize>,
}

impl Members {
    fn add(&mut self, index: usize, pod: &Pod) {
        if pod.on.is_some() { &mut self.running } else { &mut self.waiting }.push(index);
    }
}

/// The places of nodes, by name.
type Nodes = BTreeMap<String, usize>;

/// Confines pods to slices of TPUs, and to the domains that they ask for.
pub(super) fn confines(
    drafts: &[Draft<'_>],
    crowd: &Crowd<'_>,
    pods: &mut [Pod],
    fleet: &mut Fleet,
    remarks: &mut Remarks,
) {
    let nodes: Nodes =
        fleet.nodes.iter().enumerate().map(|(index, node)| (node.name.clone(), index)).collect();
    slices(drafts, &nodes, pods, fleet, remarks);
    let mut near = Near { drafts, crowd, known: BTreeMap::new() };
    let mut found: BTreeMap<(u32, String, String), Members> = BTreeMap::new();
    let mut gangs: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for (draft, pod) in drafts.iter().zip(pods.iter()) {
        if let (Some(name), Some(gang)) = (&draft.gang, pod.gang) {
            gangs.insert((draft.object.namespace(), name), gang);
        }
    }
    for (index, draft) in drafts.iter().enumerate() {
        let name = draft.object.name;
        let stated = stated(index, &mut near, remarks);
        let gang = draft.gang.as_ref().and_then(|name| gangs.get(&(draft.object.namespace(), name)).copied());
        for (at, (key, part)) in stated.into_iter().enumerate() {
            // Whoever runs already is where it is.
            let waits = pods[index].on.is_none();
            match gang {
                // A slice of TPUs is within one of whatever there is.
                _ if at == 0 && pods[index].confine.is_some() && key == POOL => {}
                _ if waits && (at > 0 || pods[index].confine.is_some()) => {
                    remarks.say("not looked at", "the second of two domains to be within", name);
                }
                None if waits => {
                    let value = format!("one `{key}` for all, since they are no gang (plimsoll.dev/gang)");
                    remarks.say("not looked at", value, name);
                }
                None => {}
                Some(gang) => found.entry((gang, key, part)).or_default().add(index, &pods[index]),
            }
        }
    }
    for ((gang, key, part), members) in found {
        let name = match &*part {
            "" => fleet.gangs[gang as usize].clone(),
            part => part.to_owned(),
        };
        confine(&members, name, key, &nodes, pods, fleet, remarks);
    }
}

/// The waiting pods of a confine are within the domain of those that run, or within any one.
fn confine(
    members: &Members,
    name: String,
    key: String,
    nodes: &Nodes,
    pods: &mut [Pod],
    fleet: &mut Fleet,
    remarks: &mut Remarks,
) {
    for index in &members.running {
        // To move one would tear it.
        pods[*index].stays = Some(Stays::Within);
    }
    if members.waiting.is_empty() {
        return;
    }
    let domain = |index: &usize| {
        let on = pods[*index].on.as_ref()?;
        fleet.nodes[*nodes.get(on)?].labels.get(&key).cloned()
    };
    let domains: BTreeSet<Option<String>> = members.running.iter().map(domain).collect();
    let here = match domains.into_iter().collect::<Vec<_>>().as_slice() {
        [] => None,
        [Some(one)] => Some(one.clone()),
        _ => {
            let value =
                format!("pods of it that run are not all in one `{key}`: the others need not be there");
            remarks.say("within one domain", value, &*name);
            None
        }
    };
    let at = fleet.confines.len() as u32;
    for index in &members.waiting {
        pods[*index].confine = Some(at);
        // A node without the label is in none.
        let test = here.as_ref().map_or(Test::Exists, |here| Test::In(vec![here.clone()]));
        pods[*index].rule.and(Requirement { key: key.clone(), test });
    }
    if members.waiting.iter().any(|index| pods[*index].spread.is_some()) {
        remarks.say("not looked at", "a spread over zones of pods within one domain", &*name);
        members.waiting.iter().for_each(|index| pods[*index].spread = None);
    }
    fleet.confines.push(Confine { name, key });
}

/// The labels that a pod asks its gang, or a part of it, to have in common, with the part.
fn stated(index: usize, near: &mut Near<'_, '_, '_>, remarks: &mut Remarks) -> Vec<(String, String)> {
    let draft = &near.drafts[index];
    let text = |name: &str| Some(annotation(draft, name)?.text()?.to_owned());
    let mut found = Vec::new();
    if let Some(key) = text("plimsoll.dev/topology") {
        found.push((key, String::new()));
    }
    if let Some(key) = text("kueue.x-k8s.io/podset-required-topology") {
        found.push((
            key,
            format!("{} {}", draft.gang.as_deref().unwrap_or_default(), draft.role).trim().to_owned(),
        ));
    }
    if let Some(key) = text("alpha.jobset.sigs.k8s.io/exclusive-topology") {
        if key != POOL {
            let value = format!("that a `{key}` has pods of one Job alone (exclusive-topology)");
            remarks.say("not looked at", value, draft.object.name);
        }
        found.push((key, draft.part.clone().unwrap_or_default()));
    }
    let terms = draft.spec.at(&["affinity", "podAffinity", REQUIRED]);
    for term in terms.map_or_else(Vec::new, |terms| terms.items()) {
        let key = term.field("topologyKey").and_then(|key| key.text().map(str::to_owned));
        let selector = Selector::read(&term, draft.object.namespace());
        // Of its gang, it is one, and no others.
        let own = key.zip(selector).and_then(|(key, selector)| {
            let words = selector.words();
            let gang = Some((draft.object.namespace(), draft.gang.as_deref()?));
            let is_own = near.crowd.is_found(index, &selector) && near.gang(&selector, &words) == gang;
            is_own.then_some((key, words))
        });
        if let Some(own) = own {
            found.push(own);
        } else if !draft.is_live || draft.spec.field("nodeName").is_none() {
            let value = "which pods they must be near (pod affinity beyond a gang of their own)";
            remarks.leave(index, value, draft.object.name);
        } else {
            remarks.leave_silently(index);
        }
    }
    found
}

/// Whom pods must be near.
struct Near<'d, 'a, 'c> {
    drafts: &'d [Draft<'a>],
    crowd: &'d Crowd<'c>,
    /// By the words of a selector.
    known: BTreeMap<String, Option<(&'d str, &'d str)>>,
}

impl<'d> Near<'d, '_, '_> {
    /// The gang of all pods that a selector finds, with its namespace; none where they are of several, or of none.
    fn gang(&mut self, selector: &Selector<'_>, words: &str) -> Option<(&'d str, &'d str)> {
        if let Some(known) = self.known.get(words) {
            return *known;
        }
        let drafts = self.drafts;
        let mut gangs = self.crowd.found(selector).map(|index| {
            let draft = &drafts[index];
            Some((draft.object.namespace(), draft.gang.as_deref()?))
        });
        let first = gangs.next().flatten();
        let gang = first.filter(|_| gangs.all(|gang| gang == first));
        self.known.insert(words.to_owned(), gang);
        gang
    }
}

/// A slice of several hosts.
#[derive(Debug, Default)]
struct Slice {
    /// Chips of a host.
    chips: u16,
    /// How many hosts it has, and how many of them are there.
    hosts: u64,
    there: u64,
}

/// The slices of several hosts, by node pool.
fn pools(nodes: &[Node], remarks: &mut Remarks) -> BTreeMap<String, Slice> {
    let mut pools: BTreeMap<String, Slice> = BTreeMap::new();
    for node in nodes {
        let chips =
            node.devices.as_ref().filter(|devices| devices.resource == TPU).map(|devices| devices.count);
        let topology = node.labels.get(TOPOLOGY).and_then(|topology| chips_of(topology));
        let (Some(chips), Some(all)) = (chips.filter(|chips| *chips > 0), topology) else { continue };
        let hosts = all / u64::from(chips);
        if hosts < 2 {
            continue;
        }
        if let Some(pool) = node.labels.get(POOL) {
            let slice = pools.entry(pool.clone()).or_default();
            (slice.chips, slice.hosts) = (chips, hosts);
            slice.there += 1;
        } else {
            let value = format!("a host of a slice without `{POOL}`: it is taken for a node by itself");
            remarks.say(SLICES, value, &*node.name);
        }
    }
    for (pool, slice) in pools.iter().filter(|(_, slice)| slice.hosts != slice.there) {
        let value = format!("{} of its {} hosts are there: it gets no pods", slice.there, slice.hosts);
        remarks.say(SLICES, value, format!("node pool {pool}"));
    }
    pools
}

/// Pods that ask for a slice of several hosts take all hosts of one; others that ask for TPUs none of those.
fn slices(drafts: &[Draft<'_>], nodes: &Nodes, pods: &mut [Pod], fleet: &mut Fleet, remarks: &mut Remarks) {
    let chips_asked = |pod: &Pod| match pod.ask.as_ref().filter(|ask| ask.resource == TPU)?.amount {
        Amount::Whole(chips) => Some(chips),
        Amount::Share(_) | Amount::Slice { .. } => None,
    };
    if pods.iter().all(|pod| chips_asked(pod).is_none()) {
        return;
    }
    let pools = pools(&fleet.nodes, remarks);
    let mut units: BTreeMap<(&str, String, u16), Members> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        let Some(chips) = chips_asked(&pods[index]) else { continue };
        let is_multi = |value: &String| chips_of(value).is_some_and(|all| all > u64::from(chips));
        let of_slices = |key: &str, is_one: &dyn Fn(&String) -> bool| {
            let values = pinned(&pods[index], key);
            !values.is_empty() && values.iter().all(is_one)
        };
        if of_slices(TOPOLOGY, &is_multi) || of_slices(POOL, &|pool| pools.contains_key(pool)) {
            let owner = || draft.object.owner().filter(|_| draft.is_live).map(|(_, name)| name);
            let unit = draft.part.as_deref().or(draft.gang.as_deref()).or_else(owner);
            let unit = unit.unwrap_or(draft.object.name).to_owned();
            units.entry((draft.object.namespace(), unit, chips)).or_default().add(index, &pods[index]);
        } else if pods[index].on.is_none() && !pools.is_empty() {
            let all = pools.keys().cloned().collect();
            pods[index].rule.and(Requirement { key: POOL.to_owned(), test: Test::NotIn(all) });
        }
    }
    for ((_, unit, chips), members) in units {
        let count = (members.waiting.len() + members.running.len()) as u64;
        let fits = |slice: &Slice| slice.chips == chips && slice.hosts == count && slice.there == count;
        let will_do: Vec<String> =
            pools.iter().filter(|(_, slice)| fits(slice)).map(|(pool, _)| pool.clone()).collect();
        if members.waiting.is_empty() {
            confine(&members, unit, POOL.to_owned(), nodes, pods, fleet, remarks);
            continue;
        }
        if will_do.is_empty() {
            let value = format!("no node pool is a slice of {count} hosts with {chips} chips each");
            remarks.say(SLICES, value, &*unit);
        }
        for index in &members.waiting {
            let test = Test::In(will_do.clone());
            pods[*index].rule.and(Requirement { key: POOL.to_owned(), test });
        }
        // All of a slice, or none.
        if members.waiting.iter().any(|index| pods[*index].gang.is_none()) {
            let gang = fleet.gangs.len() as u32;
            fleet.gangs.push(unit.clone());
            members.waiting.iter().for_each(|index| pods[*index].gang = Some(gang));
        }
        confine(&members, unit, POOL.to_owned(), nodes, pods, fleet, remarks);
    }
}

/// The values of a label that a pod's rule leaves; none where it leaves any.
fn pinned(pod: &Pod, key: &str) -> Vec<String> {
    if let Some(value) = pod.rule.labels.get(key) {
        return vec![value.clone()];
    }
    let mut values = Vec::new();
    for term in pod.rule.terms.iter().flatten() {
        let of_term = term.iter().find_map(|one| match &one.test {
            Test::In(values) if one.key == key => Some(values),
            _ => None,
        });
        match of_term {
            Some(of_term) => values.extend(of_term.iter().cloned()),
            None => return Vec::new(),
        }
    }
    values
}
