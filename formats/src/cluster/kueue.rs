//! Kueue's queues: quotas of teams by flavor.
//!
//! A ClusterQueue is a team. Manifests are in the queue that their label `kueue.x-k8s.io/queue-name`
//! names, by way of the LocalQueue of their namespace; a Workload is in it when its `team` is the
//! queue's name. Quotas count what pods ask for, as Kueue does.
//!
//! In a cohort queues borrow from each other. With nominal quotas N, lending limits L (N where not
//! stated) and usages U, a queue uses its guaranteed N − L alone and the rest from a common pool, so
//! Σ max(0, U − (N − L)) ≤ Σ L. That holds just when for every set of queues Σ (U − (N − L)) over the
//! set is at most Σ L over all, and each of these is a quota of several teams.

mod confine;
mod flavors;
mod share;

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{
    Bytes, Cpu, Match, OneOf, Workload,
    estate::{Counts, EstateSpec, Quota},
    read::Located,
};

use super::{
    karpenter::{Pool, devices},
    nodes::Nodes,
    note,
    object::Object,
    overlay::both,
};
use crate::Translation;
use confine::confine;
use flavors::Flavors;
use share::{Amount, Share, read_shares};

const GROUP: &str = "kueue.x-k8s.io";
const QUEUE: &str = "kueue.x-k8s.io/queue-name";

/// Beyond so many queues with lending limits in a cohort not every set of them has a quota.
const MOST_LENDERS: usize = 6;

/// The labels of nodes that flavors name.
pub(super) fn flavor_labels(objects: &[Object<'_>]) -> BTreeSet<String> {
    of_kind(objects, "ResourceFlavor")
        .flat_map(|flavor| {
            flavor.at(&["spec", "nodeLabels"]).map_or_else(Vec::new, |labels| labels.entries())
        })
        .map(|(key, _)| key.to_owned())
        .collect()
}

fn of_kind<'r, 'a>(objects: &'r [Object<'a>], kind: &'r str) -> impl Iterator<Item = &'r Object<'a>> {
    objects.iter().filter(move |object| object.group == GROUP && object.kind == kind)
}

/// Translates the queues, and puts the workloads of manifests in theirs.
pub(super) fn translate(
    objects: &[Object<'_>],
    pools: &[Pool],
    nodes: &Nodes,
    workloads: &mut [(usize, Located<Workload>)],
    estate: Option<&EstateSpec>,
    out: &mut Translation,
) {
    let mut flavors = Flavors { objects, pools, nodes, estate, known: BTreeMap::new() };
    let mut shares: BTreeMap<String, Vec<Share>> = BTreeMap::new();
    for queue in of_kind(objects, "ClusterQueue") {
        let own = flavors.merged(read_shares(queue, out), out);
        let cohort = ["cohortName", "cohort"].iter().find_map(|field| queue.text(&["spec", field]));
        match cohort.filter(|cohort| !cohort.is_empty()) {
            Some(cohort) => shares.entry(root(objects, cohort)).or_default().extend(own.clone()),
            None => alone(&own, &mut flavors, out),
        }
        confine(queue, &mut flavors, out);
        uncovered(queue, &own, out);
        let stop = queue.text(&["spec", "stopPolicy"]).filter(|policy| *policy != "None");
        if let Some(policy) = stop {
            let value = "its workloads are placed all the same";
            note(out, format!("stopPolicy {policy} of {}", queue.title()), value, "its manifest");
        }
    }
    for (cohort, mut members) in shares {
        members.extend(cohort_shares(objects, &cohort, &mut flavors, out));
        together(&cohort, &members, &mut flavors, out);
    }
    for object in objects.iter().filter(|object| object.group == GROUP) {
        if !matches!(object.kind, "ClusterQueue" | "LocalQueue" | "ResourceFlavor" | "Cohort") {
            note(out, format!("passed over: {}", object.title()), "says nothing of quotas", "its manifest");
        }
    }
    // Manifests alone say nothing of the queues that they name.
    if objects.iter().any(|object| object.group == GROUP) {
        assign(objects, workloads, out);
    }
}

/// The outermost cohort around one.
fn root(objects: &[Object<'_>], cohort: &str) -> String {
    let mut at = cohort;
    // As many steps as there are cohorts: a ring has no outermost one.
    for _ in of_kind(objects, "Cohort") {
        let found = of_kind(objects, "Cohort").find(|object| object.name == at);
        let parent = found.and_then(|object| {
            ["parentName", "parent"].iter().find_map(|field| object.text(&["spec", field]))
        });
        match parent.filter(|parent| !parent.is_empty()) {
            Some(parent) => at = parent,
            None => break,
        }
    }
    at.to_owned()
}

/// Quotas that cohorts bring in themselves, for all their queues.
fn cohort_shares(
    objects: &[Object<'_>],
    outermost: &str,
    flavors: &mut Flavors<'_, '_>,
    out: &mut Translation,
) -> Vec<Share> {
    let mut all = Vec::new();
    for cohort in of_kind(objects, "Cohort").filter(|cohort| root(objects, cohort.name) == outermost) {
        let own = flavors.merged(read_shares(cohort, out), out);
        if own.iter().any(|share| share.borrowing.is_some() || share.lending.is_some()) {
            let value = "not held: its queues share with all of the outermost cohort";
            note(out, format!("limits of {}", cohort.title()), value, "its manifest");
        }
        all.extend(own.into_iter().map(|share| Share {
            queue: String::new(),
            lending: None,
            borrowing: None,
            ..share
        }));
    }
    all
}

/// A limit on what queues ask for of a resource of a flavor.
fn quota(
    name: &str,
    share: &Share,
    teams: Vec<String>,
    limit: u64,
    flavors: &mut Flavors<'_, '_>,
    out: &mut Translation,
) {
    let matches = flavors.matches(&share.flavor, out).unwrap_or_default();
    let mut quota = Quota {
        name: Some(format!("{name}, {} of {}", share.resource, share.flavor)),
        matches,
        team: Some(teams.into()),
        counts: Some(Counts::Asked),
        ..Quota::default()
    };
    match Amount::of(&share.resource) {
        Some(Amount::Cores) => quota.cpu = Some(Cpu(limit)),
        Some(Amount::Bytes) => quota.memory = Some(Bytes(limit)),
        Some(Amount::Devices) => {
            quota.accelerators = Some(u32::try_from(limit).unwrap_or(u32::MAX));
            if share.only_devices {
                out.estate.quotas.push(quota);
                return;
            }
            let names = devices(&share.resource).unwrap_or_default();
            let of_vendor = Match { accelerator: Some(names.into()), ..Match::default() };
            match both(&quota.matches, &of_vendor) {
                Some(matches) => quota.matches = matches,
                // The flavor has no such devices: nothing to limit.
                None => return,
            }
        }
        None => return,
    }
    out.estate.quotas.push(quota);
}

/// The quotas of a queue without a cohort.
fn alone(shares: &[Share], flavors: &mut Flavors<'_, '_>, out: &mut Translation) {
    for share in shares {
        let name = format!("ClusterQueue {}", share.queue);
        quota(&name, share, vec![share.queue.clone()], share.nominal, flavors, out);
    }
}

/// The quotas of the queues of a cohort.
fn together(cohort: &str, shares: &[Share], flavors: &mut Flavors<'_, '_>, out: &mut Translation) {
    let mut by_flavor: BTreeMap<(&str, &str), Vec<&Share>> = BTreeMap::new();
    for share in shares {
        by_flavor.entry((&share.flavor, &share.resource)).or_default().push(share);
    }
    for members in by_flavor.values() {
        let queues: Vec<&Share> = members.iter().copied().filter(|share| !share.queue.is_empty()).collect();
        for share in &queues {
            if let Some(more) = share.borrowing {
                let limit = share.nominal.saturating_add(more);
                let name = format!("ClusterQueue {}", share.queue);
                quota(&name, share, vec![share.queue.clone()], limit, flavors, out);
            }
        }
        let pool = members.iter().fold(0_u64, |sum, share| sum.saturating_add(share.lent()));
        let Some(first) = queues.first().copied() else { continue };
        if queues.iter().filter(|share| share.kept() > 0).count() > MOST_LENDERS {
            let what = format!("lending limits in the cohort {cohort}");
            note(out, what, "held for all its queues together", "too many of them");
        }
        for (set, limit) in joint(&queues, pool) {
            let teams: Vec<String> = set.into_iter().map(|at| queues[at].queue.clone()).collect();
            let name = format!("cohort {cohort}: {}", teams.join(" + "));
            quota(&name, first, teams, limit, flavors, out);
        }
    }
}

/// What queues may use together: sets of them, by index, each with its limit. A queue that keeps nothing for
/// itself is in every set, since with it a set only says more.
fn joint(queues: &[&Share], pool: u64) -> Vec<(Vec<usize>, u64)> {
    let (keepers, others): (Vec<usize>, Vec<usize>) =
        (0..queues.len()).partition(|at| queues[*at].kept() > 0);
    let full = (1_u64 << keepers.len().min(63)) - 1;
    let sets = if keepers.len() <= MOST_LENDERS { 0..=full } else { full..=full };
    let mut all = Vec::new();
    for set in sets {
        let inside: Vec<usize> =
            (0..).zip(&keepers).filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, at)| *at).collect();
        let limit = inside.iter().fold(pool, |sum, at| sum.saturating_add(queues[*at].kept()));
        let mut set: Vec<usize> = others.iter().chain(&inside).copied().collect();
        set.sort_unstable();
        if !set.is_empty() {
            all.push((set, limit));
        }
    }
    all
}

/// Kueue admits no pod that asks for what its queue does not cover.
fn uncovered(queue: &Object<'_>, shares: &[Share], out: &mut Translation) {
    let covers = |amount| shares.iter().any(|share| Amount::of(&share.resource) == Some(amount));
    if !covers(Amount::Devices) {
        out.estate.quotas.push(Quota {
            name: Some(format!("ClusterQueue {}, which covers no accelerators", queue.name)),
            team: Some(OneOf::from(queue.name)),
            accelerators: Some(0),
            counts: Some(Counts::Asked),
            ..Quota::default()
        });
    }
}

/// Gives workloads of manifests the team of their queue.
fn assign(objects: &[Object<'_>], workloads: &mut [(usize, Located<Workload>)], out: &mut Translation) {
    let queues: BTreeMap<(&str, &str), &str> = of_kind(objects, "LocalQueue")
        .filter_map(|queue| Some(((queue.namespace(), queue.name), queue.text(&["spec", "clusterQueue"])?)))
        .collect();
    for (document, workload) in workloads {
        let name = workload.value.metadata.name.clone();
        let mine = |object: &&Object<'_>| {
            object.document == *document
                && (object.name == name
                    || name.strip_prefix(object.name).is_some_and(|rest| rest.starts_with('-')))
        };
        let Some(object) = objects.iter().filter(mine).max_by_key(|object| object.name.len()) else {
            continue;
        };
        let Some(queue) =
            object.label(QUEUE).or_else(|| object.text(&["spec", "template", "metadata", "labels", QUEUE]))
        else {
            continue;
        };
        match (queues.get(&(object.namespace(), queue)), &workload.value.spec.team) {
            (None, _) => {
                let value = "no quota: its LocalQueue is not among the documents";
                note(out, format!("queue {queue} of {name}"), value, QUEUE);
            }
            (Some(cluster), None) => workload.value.spec.team = Some((*cluster).to_owned()),
            (Some(cluster), Some(team)) if team != cluster => {
                let value = format!(
                    "does not count: its team is {team}; `plimsoll.dev/team: {cluster}` makes it count"
                );
                note(out, format!("queue {queue} of {name}"), value, QUEUE);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(nominal: u64, lending: Option<u64>) -> Share {
        Share {
            queue: String::new(),
            flavor: String::new(),
            resource: "cpu".to_owned(),
            nominal,
            borrowing: None,
            lending,
            only_devices: false,
        }
    }

    proptest! {
        /// The quotas of several teams hold just when every queue finds what it uses: first in what it keeps
        /// for itself, then in the common pool.
        #[test]
        fn joint_quotas_are_borrowing(
            queues in prop::collection::vec(((0_u64..9), prop::option::of(0_u64..9), (0_u64..15)), 1..6),
            brought in 0_u64..4,
        ) {
            let shares: Vec<Share> = queues.iter().map(|(nominal, lending, _)| share(*nominal, *lending)).collect();
            let refs: Vec<&Share> = shares.iter().collect();
            let pool = brought + shares.iter().map(Share::lent).sum::<u64>();
            let borrowed: u64 = queues.iter().zip(&shares).map(|(q, s)| q.2.saturating_sub(s.kept())).sum();
            let holds = joint(&refs, pool)
                .iter()
                .all(|(set, limit)| set.iter().map(|at| queues[*at].2).sum::<u64>() <= *limit);
            prop_assert_eq!(holds, borrowed <= pool);
        }

        /// Flavors of the same offers taken together lend what they lend apart.
        #[test]
        fn shares_add_up(a in 0_u64..9, b in 0_u64..9, la in prop::option::of(0_u64..9), lb in prop::option::of(0_u64..9)) {
            let (mut one, other) = (share(a, la), share(b, lb));
            let lent = one.lent() + other.lent();
            one.add(&other);
            prop_assert_eq!((one.nominal, one.lent(), one.kept()), (a + b, lent, a + b - lent));
        }
    }
}
