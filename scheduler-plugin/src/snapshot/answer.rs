//! The answers: functions of a snapshot, a request and the time.

use std::sync::Arc;

use plimsoll_formats::Hardware;
use plimsoll_model::{Document, fleet, read};
use plimsoll_packing::fleet::Request;

use super::{
    Snapshot,
    judge::{Drop, Ours, Subject},
};
use crate::{
    cluster::Millis,
    wire::{
        Args, Candidates, FilterReply, Host, HostPriorities, Node, PreemptArgs, PreemptReply, Reason, Victims,
    },
};

/// The best score that the protocol knows.
const TOP: i64 = 10;

/// How a request was answered, for the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// By the snapshot.
    Judged,
    /// The pod is no business of ours.
    NotOurs,
    /// The view is older than its bound: everything passes.
    Stale,
    /// The cluster has not been seen whole: an error.
    NotReady,
    /// The planned node is not among those offered: the others compete.
    Overridden,
}

impl Answer {
    /// As metrics name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Judged => "judged",
            Self::NotOurs => "not_ours",
            Self::Stale => "stale",
            Self::NotReady => "not_ready",
            Self::Overridden => "overridden",
        }
    }
}

const NOT_READY: &str = "plimsoll has not seen the whole cluster yet; ask again";

/// Which nodes the pod may go to, with a reason for each other one.
pub fn filter<'a>(snapshot: &'a Snapshot, args: &'a Args<'a>, now: Millis) -> (FilterReply<'a>, Answer) {
    let ours = match who(snapshot, &args.pod, now) {
        Ok(ours) => ours,
        Err(Answer::NotReady) => return (FilterReply::error(NOT_READY), Answer::NotReady),
        Err(answer) => return (all(&args.candidates), answer),
    };
    let mut reply = FilterReply::default();
    let mut answer = Answer::Judged;
    match &args.candidates {
        Candidates::Names(names) => {
            let names = || names.iter().map(|name| &*name.0);
            let planned = planned(snapshot, &ours, names(), &mut answer);
            let mut passed = Vec::with_capacity(names().count());
            for name in names() {
                let drop = verdict(snapshot, &ours, name, planned.as_ref(), || None);
                sort(&mut reply, &mut passed, name, name, drop);
            }
            reply.names = Some(passed);
        }
        Candidates::Objects(nodes) => {
            let planned = planned(snapshot, &ours, nodes.iter().map(|node| &*node.name), &mut answer);
            let mut passed = Vec::with_capacity(nodes.len());
            for node in nodes {
                let unknown = || ours.refused_by(machine(node).as_ref());
                let drop = verdict(snapshot, &ours, &node.name, planned.as_ref(), unknown);
                sort(&mut reply, &mut passed, &node.name, node.text, drop);
            }
            reply.objects = Some(passed);
        }
    }
    (reply, answer)
}

/// How good each node is, from 0 to 10.
///
/// A node that is not in the list has 0 for kube-scheduler, and what all nodes have moves none: neither is sent. Of a
/// thousand nodes that are mostly alike the list has a few, which the scheduler reads in no time.
pub fn prioritize<'a>(
    snapshot: &'a Snapshot,
    args: &'a Args<'a>,
    now: Millis,
) -> (HostPriorities<'a>, Answer) {
    let names: Vec<&str> = match &args.candidates {
        Candidates::Names(names) => names.iter().map(|name| &*name.0).collect(),
        Candidates::Objects(nodes) => nodes.iter().map(|node| &*node.name).collect(),
    };
    let ours = match who(snapshot, &args.pod, now) {
        Ok(ours) => ours,
        Err(answer) => return (Vec::new(), answer),
    };
    let seats: Vec<Option<(u32, &super::Seat)>> = names.iter().map(|name| snapshot.seat(name)).collect();
    let has_planned = ours.planned.is_some_and(|node| seats.iter().flatten().any(|(at, _)| *at == node));
    let raw: Vec<Option<i64>> = seats
        .iter()
        .map(|seat| {
            let (at, seat) = (*seat)?;
            if ours.planned != Some(at)
                && seat.kept(ours.priority).is_some_and(|open| !open.fits(&ours.request))
            {
                return None;
            }
            ours.table.get(seat.group as usize).copied().flatten()
        })
        .collect();
    let least = raw.iter().flatten().min().copied().unwrap_or(0);
    let most = raw.iter().flatten().max().copied().unwrap_or(0);
    // Beside the planned node no other reaches the top.
    let top = if has_planned { TOP - 1 } else { TOP };
    let spread = most.saturating_sub(least);
    let score = |raw: i64| {
        if spread == 0 {
            return top;
        }
        let part = i128::from(raw - least) * i128::from(top) / i128::from(spread);
        i64::try_from(part).unwrap_or(0)
    };
    let answer = match ours.planned {
        Some(_) if !has_planned => Answer::Overridden,
        _ => Answer::Judged,
    };
    let hosts = names.iter().zip(&seats).zip(&raw).map(|((host, seat), raw)| Host {
        host,
        score: match seat {
            Some((at, _)) if ours.planned == Some(*at) => TOP,
            _ => raw.map_or(0, score),
        },
    });
    let hosts: Vec<Host<'_>> = hosts.filter(|host| host.score > 0).collect();
    let are_alike = hosts.len() == names.len() && hosts.windows(2).all(|two| two[0].score == two[1].score);
    (if are_alike { Vec::new() } else { hosts }, answer)
}

/// On which nodes pods may go to make room, and which.
///
/// kube-scheduler does not ask filter about these nodes: what filter would refuse once the victims are gone is dropped
/// here. So is a node that would lose a pod which has to stay or is more important, and one on which nothing would go. Of
/// what is left kube-scheduler takes a node that breaks the fewest disruption budgets, by the numbers given here.
pub fn preempt(snapshot: &Snapshot, args: PreemptArgs<'_>, now: Millis) -> (PreemptReply, Answer) {
    let goes = |victims: &Victims| !victims.uids.is_empty();
    let ours = match who(snapshot, &args.pod, now) {
        Ok(ours) => Some(ours),
        Err(Answer::NotReady) => return (PreemptReply::default(), Answer::NotReady),
        Err(Answer::Stale) => {
            let nodes = args.nodes.into_iter().filter(|(_, victims)| goes(victims)).collect();
            return (PreemptReply { nodes }, Answer::Stale);
        }
        Err(_) => None,
    };
    let priority = ours.as_ref().map(|ours| ours.priority);
    let stays = |uid: &String| {
        let known = snapshot.pods.get(&**uid);
        known.is_some_and(|pod| pod.stays || priority.is_some_and(|priority| pod.priority > priority))
    };
    let planned = ours.as_ref().and_then(|ours| ours.planned);
    let offers_planned = planned.is_some_and(|node| {
        args.nodes.iter().any(|(name, _)| snapshot.seat(name).is_some_and(|(at, _)| at == node))
    });
    let may = |(name, victims): &(String, Victims)| {
        if !goes(victims) || victims.uids.iter().any(stays) {
            return false;
        }
        let (Some(ours), Some((at, seat))) = (&ours, snapshot.seat(name)) else { return true };
        if offers_planned {
            return planned == Some(at);
        }
        if !ours.request.allows(&seat.node) || ours.is_held {
            return false;
        }
        seat.kept(ours.priority).is_none() || fits_without(snapshot, ours, at, victims)
    };
    let answer = if ours.is_some() { Answer::Judged } else { Answer::NotOurs };
    let mut nodes: Vec<(String, Victims)> = args.nodes.into_iter().filter(may).collect();
    for (_, victims) in &mut nodes {
        let broken = snapshot.budgets.broken(victims.uids.iter().map(String::as_str));
        victims.violations = victims.violations.max(broken);
    }
    (PreemptReply { nodes }, answer)
}

/// Whether the pod fits beside planned ones once the victims are gone, counted by numbers: which devices they leave is
/// not known.
fn fits_without(snapshot: &Snapshot, ours: &Ours<'_>, node: u32, victims: &Victims) -> bool {
    let open = snapshot.nodes[node as usize].open(ours.priority);
    let (mut cpu, mut memory, mut milli) = (open.cpu_milli, open.memory_mib, open.milli());
    for victim in victims.uids.iter().filter_map(|uid| snapshot.pods.get(&**uid)) {
        let Some(class) = victim.class.filter(|_| victim.on == Some(node)) else { continue };
        let held: &Request = &snapshot.classes[class as usize].request;
        cpu += held.cpu_milli;
        memory += held.memory_mib;
        milli += held.milli();
    }
    // Pods without accelerators among the victims give CPU and memory back that nobody counts here.
    let uncounted = victims.uids.iter().any(|uid| !snapshot.pods.contains_key(&**uid));
    ours.request.milli() <= milli
        && (uncounted || ours.request.cpu_milli <= cpu && ours.request.memory_mib <= memory)
}

/// The pod to judge, or how the request is answered without judging it.
fn who<'s>(snapshot: &'s Snapshot, pod: &crate::wire::Pod<'_>, now: Millis) -> Result<Ours<'s>, Answer> {
    match snapshot.subject(pod, now) {
        Subject::Free => Err(Answer::NotOurs),
        Subject::Unknown => Err(Answer::NotReady),
        Subject::Ours(_) if now > snapshot.until => Err(Answer::Stale),
        Subject::Ours(ours) => Ok(*ours),
    }
}

/// Everything passes.
fn all<'a>(candidates: &'a Candidates<'a>) -> FilterReply<'a> {
    match candidates {
        Candidates::Names(names) => {
            FilterReply { names: Some(names.iter().map(|name| &*name.0).collect()), ..FilterReply::default() }
        }
        Candidates::Objects(nodes) => FilterReply {
            objects: Some(nodes.iter().map(|node| node.text).collect()),
            ..FilterReply::default()
        },
    }
}

/// The planned node, where it is offered. A scheduler of a large cluster offers part of the nodes only, and one whose
/// planned node has filled up does not offer it: then the others compete, or the pod would starve.
fn planned<'n>(
    snapshot: &Snapshot,
    ours: &Ours<'_>,
    mut offered: impl Iterator<Item = &'n str>,
    answer: &mut Answer,
) -> Option<(u32, Reason)> {
    let node = ours.planned?;
    let name = &*snapshot.nodes[node as usize].name;
    if offered.any(|one| one == name) {
        return Some((node, format!("planned on {name}").into()));
    }
    *answer = Answer::Overridden;
    None
}

/// Why a node is dropped.
fn verdict(
    snapshot: &Snapshot,
    ours: &Ours<'_>,
    name: &str,
    planned: Option<&(u32, Reason)>,
    unknown: impl FnOnce() -> Option<Drop>,
) -> Option<Drop> {
    // A name that we have not seen yet is the scheduler's to judge.
    let Some((at, seat)) = snapshot.seat(name) else { return unknown() };
    match planned {
        Some((node, _)) if *node == at => None,
        Some((_, elsewhere)) => Some(Drop::Ever(Arc::clone(elsewhere))),
        None => ours.refused(at, seat),
    }
}

fn sort<'a, T>(reply: &mut FilterReply<'a>, passed: &mut Vec<T>, name: &'a str, it: T, drop: Option<Drop>) {
    match drop {
        None => passed.push(it),
        Some(Drop::Now(reason)) => reply.failed.push((name, reason)),
        Some(Drop::Ever(reason)) => reply.unresolvable.push((name, reason)),
    }
}

/// A node that is only an object in the request, read as the cluster's nodes are.
fn machine(node: &Node<'_>) -> Option<fleet::Node> {
    let list = format!(r#"{{"apiVersion":"v1","kind":"NodeList","items":[{}]}}"#, node.text.get());
    let (value, place) = read::documents("the request", list.as_bytes()).ok()?.pop()?.split();
    let place = matches!(value, Document::Foreign).then_some(place)?;
    Hardware::read(&[&place]).0.nodes.first().cloned()
}
