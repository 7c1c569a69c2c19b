//! Sums, the objective, classes and kinds.

use std::collections::BTreeMap;

use plimsoll_model::{
    fleet::{Amount, Node, Pod},
    packing::{Amounts, Class, Hold},
    plan::Status,
};

use super::{View, rules};
use crate::{Violation, violation::Kind};

/// First fit is tried on instances up to so many pods × nodes.
const TRIED: usize = 40_000_000;

pub(super) fn check(view: &View<'_>, found: &mut Vec<Violation>) {
    let packing = view.packing;
    let pods = || view.fleet.pods.iter().zip(&view.places);
    for (name, stated, own) in [
        ("asked", packing.asked, amounts(pods().map(|(pod, _)| pod))),
        ("placed", packing.placed, amounts(pods().filter(|(_, place)| place.is_some()).map(|(pod, _)| pod))),
        ("running", packing.running, amounts(pods().filter(|(pod, _)| pod.on.is_some()).map(|(pod, _)| pod))),
    ] {
        if !is_same(stated, own) {
            let message = format!("is {stated:?}, and the pods make {own:?}");
            found.push(Violation::new(Kind::Arithmetic, name, message));
        }
    }
    objective(view, found);
    classes(view, found);
    let kinds: u128 = packing.node_kinds.iter().map(|kind| u128::from(kind.nodes)).sum();
    if kinds != view.fleet.nodes.len() as u128 {
        let message = format!("count {kinds} nodes, and there are {}", view.fleet.nodes.len());
        found.push(Violation::new(Kind::Arithmetic, "nodeKinds", message));
    }
}

fn amounts<'a>(pods: impl Iterator<Item = &'a Pod>) -> Amounts {
    let (mut count, mut milli, mut cpu) = (0_u64, 0_u64, 0_u64);
    for pod in pods {
        count += 1;
        milli += pod.accelerators_milli;
        cpu += pod.need("cpu");
    }
    Amounts { pods: count, accelerators: milli as f64 / 1e3, cpu: cpu as f64 / 1e3 }
}

/// Figures of a document are written to the thousandth or the millionth.
fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-3)
}

fn is_same(a: Amounts, b: Amounts) -> bool {
    a.pods == b.pods && close(a.accelerators, b.accelerators) && close(a.cpu, b.cpu)
}

fn objective(view: &View<'_>, found: &mut Vec<Violation>) {
    let stated = view.packing.objective;
    let mut wrong = |kind: Kind, message: String| found.push(Violation::new(kind, "objective", message));
    let worth: u64 = view.placed().map(|(pod, ..)| pod.worth).sum();
    let all: u64 = view.fleet.pods.iter().map(|pod| pod.worth).sum();
    let (worth, all) = (worth as f64 / 1e6, all as f64 / 1e6);
    if !close(stated.worth, worth) {
        wrong(Kind::Arithmetic, format!("worth is {}, and the placed pods make {worth}", stated.worth));
    }
    let is_below = |a: f64, b: f64| a < b && !close(a, b);
    if is_below(stated.bound_worth, worth) {
        wrong(Kind::Bound, format!("boundWorth {} is below the worth {worth}", stated.bound_worth));
    }
    if is_below(all, stated.bound_worth) {
        wrong(
            Kind::Bound,
            format!("boundWorth {} is above the worth of all pods, {all}", stated.bound_worth),
        );
    }
    let gap = if close(worth, stated.bound_worth) {
        0.0
    } else {
        (stated.bound_worth - worth) / stated.bound_worth
    };
    if (stated.gap - gap).abs() > 1e-9 {
        wrong(Kind::Arithmetic, format!("gap is {}, and bound and worth make {gap}", stated.gap));
    }
    let refused =
        view.fleet.pods.iter().zip(&view.places).find(|(pod, place)| pod.required && place.is_none());
    let status = match (refused, stated.gap <= 1e-6) {
        (Some(_), _) => Status::Infeasible,
        (None, true) => Status::Optimal,
        (None, false) => Status::Feasible,
    };
    if view.packing.status != status {
        wrong(Kind::Bound, format!("status is {:?}, and should be {status:?}", view.packing.status));
    }
    let size = view.fleet.pods.len().saturating_mul(view.fleet.nodes.len());
    if size <= TRIED {
        let found = first_fit(view);
        if is_below(stated.bound_worth, found) {
            wrong(Kind::Bound, format!("boundWorth is {}, and first fit places {found}", stated.bound_worth));
        }
    }
}

/// What is free on a node, as it fills.
struct Free<'a> {
    node: &'a Node,
    used: BTreeMap<&'a str, u64>,
    /// Of each device, the thousandths held; 1000 for one that is cut.
    held: Vec<u16>,
    apart: Vec<u32>,
}

impl<'a> Free<'a> {
    fn has_room(&self, pod: &Pod) -> bool {
        let used = |resource: &str| self.used.get(resource).copied().unwrap_or(0);
        pod.needs.iter().all(|(resource, need)| match self.node.room.get(resource) {
            None => *need == 0 || resource == "pods",
            Some(room) => used(resource).saturating_add(*need) <= *room,
        })
    }

    /// The devices of the first that will do; nothing for slices, which are not tried.
    fn devices(&self, pod: &Pod) -> Option<Vec<usize>> {
        let Some(ask) = &pod.ask else { return Some(Vec::new()) };
        let with = |free: u16| {
            let some = self.held.iter().enumerate().filter(move |(_, held)| 1000 - **held >= free);
            some.map(|(at, _)| at)
        };
        let (count, chosen): (usize, Vec<usize>) = match ask.amount {
            Amount::Whole(count) if rules::is_joined(pod, self.node) => {
                let size = usize::from(self.node.groups.size);
                let whole: Vec<usize> = with(1000).collect();
                let mut groups = whole.chunk_by(|a, b| a / size == b / size);
                let group = groups.find(|group| group.len() >= count.into())?;
                (count.into(), group[..count.into()].to_vec())
            }
            Amount::Whole(count) => (count.into(), with(1000).take(count.into()).collect()),
            Amount::Share(milli) => (1, with(milli).take(1).collect()),
            Amount::Slice { .. } => return None,
        };
        (chosen.len() == count).then_some(chosen)
    }

    fn fits(&self, pod: &Pod) -> Option<Vec<usize>> {
        let apart = pod.apart.is_none_or(|group| !self.apart.contains(&group));
        let may = apart && self.has_room(pod) && rules::has_devices(pod, self.node);
        (may && rules::admits(&pod.rule, self.node)).then(|| self.devices(pod)).flatten()
    }

    fn put(&mut self, pod: &'a Pod, devices: &[usize]) {
        for (resource, need) in &pod.needs {
            *self.used.entry(resource).or_default() += need;
        }
        let milli = match pod.ask.as_ref().map(|ask| ask.amount) {
            Some(Amount::Share(milli)) => milli,
            _ => 1000,
        };
        for at in devices {
            self.held[*at] += milli;
        }
        self.apart.extend(pod.apart);
    }

    fn hold(&mut self, hold: Hold) {
        if let Some(held) = self.held.get_mut(usize::from(hold.index)) {
            let milli = if hold.parts.is_some() { 1000 } else { hold.milli };
            *held = held.saturating_add(milli).min(1000);
        } else {
            // More run there than there are: all of them are held.
            self.held.fill(1000);
        }
    }
}

/// The nodes with the pods that stay on them.
fn free<'a>(view: &View<'a>, stays: impl Fn(&Pod) -> bool) -> BTreeMap<&'a str, Free<'a>> {
    let empty = |node: &'a Node| Free {
        node,
        used: BTreeMap::new(),
        held: vec![0; node.devices.as_ref().map_or(0, |devices| usize::from(devices.count))],
        apart: Vec::new(),
    };
    let mut free: BTreeMap<&str, Free<'_>> =
        view.fleet.nodes.iter().map(|node| (&*node.name, empty(node))).collect();
    for (pod, node, place) in view.placed().filter(|(pod, ..)| stays(pod)) {
        if let Some(free) = free.get_mut(&*node.name) {
            free.put(pod, &[]);
            place.devices.iter().for_each(|hold| free.hold(*hold));
        }
    }
    free
}

/// What a plain first fit places, required pods first and worthiest first, beside those that run; gangs and spreads are
/// left out. Nothing where it leaves a required pod out that the packing places: such a packing is none.
fn first_fit(view: &View<'_>) -> f64 {
    // Devices of pods that move are not known where they were.
    if !view.packing.moves.is_empty() {
        return 0.0;
    }
    let mut free = free(view, |pod| pod.on.is_some());
    let mut worth: u64 = view.fleet.pods.iter().filter(|pod| pod.on.is_some()).map(|pod| pod.worth).sum();
    let mut waiting: Vec<&Pod> = view
        .fleet
        .pods
        .iter()
        .filter(|pod| pod.on.is_none() && pod.gang.is_none() && pod.spread.is_none())
        .collect();
    waiting.sort_by_key(|pod| std::cmp::Reverse((pod.required, pod.worth)));
    let pods = view.fleet.pods.iter().zip(&view.places);
    let mut required =
        pods.filter(|(pod, place)| pod.required && pod.on.is_none() && place.is_some()).count();
    for pod in waiting {
        let place = free.values_mut().find_map(|node| node.fits(pod).map(|devices| (node, devices)));
        if let Some((node, devices)) = place {
            node.put(pod, &devices);
            worth += pod.worth;
            required = required.saturating_sub(usize::from(pod.required));
        }
    }
    if required > 0 { 0.0 } else { worth as f64 / 1e6 }
}

/// Classes hold the pods that did not run, each once; and what they say would fit, would.
fn classes(view: &View<'_>, found: &mut Vec<Violation>) {
    let classes = &view.packing.classes;
    let came = view.fleet.pods.iter().zip(&view.places).filter(|(pod, _)| pod.on.is_none());
    let (all, placed) = came
        .fold((0_u128, 0_u128), |(all, placed), (_, place)| (all + 1, placed + u128::from(place.is_some())));
    let sums = classes
        .iter()
        .fold((0, 0), |sum, class| (sum.0 + u128::from(class.pods), sum.1 + u128::from(class.placed)));
    if sums != (all, placed) {
        let message = format!("hold {} pods, {} placed; there are {all}, {placed} placed", sums.0, sums.1);
        found.push(Violation::new(Kind::Arithmetic, "classes", message));
    }
    let free = free(view, |_| true);
    for class in classes {
        let Some(pod) = view.fleet.pods.iter().find(|pod| pod.name == class.request.example) else {
            let message = "its example is no pod of these files";
            found.push(Violation::new(Kind::Document, &class.request.example, message));
            continue;
        };
        class_of(class, pod, found);
        let is_simple = pod.spread.is_none()
            && !matches!(pod.ask.as_ref().map(|ask| ask.amount), Some(Amount::Slice { .. }));
        let fit: u64 = free.values().map(|node| copies(node, pod)).fold(0, u64::saturating_add);
        // Of a gang, whole ones: as many as there are where all of its pods are alike and may be anywhere, else no more.
        let of_gang = |other: &&Pod| other.gang == pod.gang && other.on.is_none();
        let size = pod.gang.map_or(1, |_| view.fleet.pods.iter().filter(of_gang).count() as u64);
        let most = if pod.gang.is_some() { fit / class.pods.max(1) } else { fit };
        let is_exact = pod.gang.is_none() || (size == class.pods && pod.confine.is_none());
        if is_simple && (class.would_fit > most || is_exact && class.would_fit != most) {
            let message = format!("wouldFit is {}, and {most} more fit", class.would_fit);
            found.push(Violation::new(Kind::Arithmetic, format!("the class of {}", pod.name), message));
        }
        if view.packing.status == Status::Optimal && fit > 0 && class.placed < class.pods && pod.worth > 0 {
            if !is_simple || pod.gang.is_some() {
                continue;
            }
            let message = "some wait although they fit, and the packing calls itself optimal";
            found.push(Violation::new(Kind::Bound, format!("the class of {}", pod.name), message));
        }
    }
}

fn class_of(class: &Class, pod: &Pod, found: &mut Vec<Violation>) {
    let request = &class.request;
    let right = close(request.cpu, pod.need("cpu") as f64 / 1e3)
        && request.memory == pod.need("memory")
        && close(request.accelerators, pod.accelerators_milli as f64 / 1e3)
        && close(request.worth, pod.worth as f64 / 1e6);
    if !right {
        let message = "what it asks for, or is worth, is not what its class says";
        found.push(Violation::new(Kind::Arithmetic, &pod.name, message));
    }
}

/// How many more of a pod a node holds.
fn copies(free: &Free<'_>, pod: &Pod) -> u64 {
    if !rules::admits(&pod.rule, free.node) || !rules::has_devices(pod, free.node) {
        return 0;
    }
    let mut most = 110;
    if pod.ask.is_some() || pod.needs.iter().any(|(resource, need)| *need > 0 && resource != "pods") {
        most = u64::MAX;
    }
    for (resource, need) in pod.needs.iter().filter(|(_, need)| **need > 0) {
        let used = free.used.get(&**resource).copied().unwrap_or(0);
        match free.node.room.get(resource) {
            Some(room) => most = most.min(room.saturating_sub(used) / need),
            None if resource == "pods" => {}
            None => return 0,
        }
    }
    if pod.apart.is_some_and(|group| free.apart.contains(&group)) {
        return 0;
    }
    if pod.apart.is_some() {
        most = most.min(1);
    }
    let by_devices = match pod.ask.as_ref().map(|ask| ask.amount) {
        Some(Amount::Whole(count)) if rules::is_joined(pod, free.node) => free
            .held
            .chunks(usize::from(free.node.groups.size))
            .map(|group| group.iter().filter(|held| **held == 0).count() as u64 / u64::from(count))
            .sum(),
        Some(Amount::Whole(count)) => {
            free.held.iter().filter(|held| **held == 0).count() as u64 / u64::from(count.max(1))
        }
        Some(Amount::Share(milli)) => {
            free.held.iter().map(|held| u64::from((1000 - held) / milli.max(1))).sum()
        }
        Some(Amount::Slice { .. }) | None => u64::MAX,
    };
    most.min(by_devices)
}
