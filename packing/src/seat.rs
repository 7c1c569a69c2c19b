//! Names again where members of a class are only nearly alike: which of them goes where, so that all fit.
//!
//! Patterns hold what members need on average. Of a class the members nearest to that are placed. On a node each next pod is the one of its class that is nearest to what is left for it: a little above the
//! average where there is room, below it where the pods before it were large. So nodes end full, and hardly one
//! overfull, where members in any order overfill every second node.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    assign::{Devices, members},
    classes::{Amounts, Classes, RESOURCES},
    dive::{Rounded, Use},
    fleet::{Ask, Cluster, Placement, State},
    instance::{Instance, minus, plus},
    relax::Lambda,
};

/// Members looked at for one place, at most, each way from the nearest.
const LOOKS: usize = 16;

/// What a member needs of a resource, its place among the members, and the pod.
type Member = (u64, usize, usize);

/// What members of each class, in each domain that confines some, are still to be placed, by what they need of the resource that is worth most.
struct Members {
    of: BTreeMap<(u32, Option<u32>), BTreeSet<Member>>,
    /// That resource.
    resource: usize,
}

/// Places pods for patterns of the mean sizes of classes, at what a unit of each resource is worth; states follow.
pub fn seat(
    cluster: &Cluster,
    classes: &Classes,
    instance: &Instance,
    rounded: &Rounded,
    worths: &Lambda,
    states: &mut [State],
    placements: &mut [Option<Placement>],
) {
    let mut members = Members::chosen(cluster, classes, instance, rounded, worths);
    let mut nodes: Vec<_> = classes.nodes.iter().map(|class| class.nodes.iter()).collect();
    for it in &rounded.uses {
        for node in nodes[it.bin as usize].by_ref().take(it.copies as usize) {
            members.seat(cluster, classes, instance, it, *node, &mut states[*node], placements);
        }
    }
}

impl Members {
    /// As many of each class as patterns hold: those of gangs that run, then those nearest to the mean.
    fn chosen(
        cluster: &Cluster,
        classes: &Classes,
        instance: &Instance,
        rounded: &Rounded,
        worths: &Lambda,
    ) -> Self {
        let mut held: BTreeMap<(u32, Option<u32>), usize> = BTreeMap::new();
        for it in &rounded.uses {
            for (item, count) in &it.pattern.counts {
                let item = &instance.items[*item as usize];
                *held.entry((item.class, item.domain)).or_default() += (count * it.copies) as usize;
            }
        }
        let resource = binding(classes, worths);
        let mut of = BTreeMap::new();
        for (index, by_domain) in (0..).zip(members(cluster, classes, rounded)) {
            let class = &classes.pods[index as usize];
            let size = |pod: usize| classes.amounts(&cluster.pods[pod].request);
            for (domain, pods) in by_domain {
                let mut pods = Vec::from(pods);
                pods.sort_by_key(|pod| {
                    (cluster.pods[*pod].gang.is_none(), off(&size(*pod), &class.mean, resource))
                });
                pods.truncate(held.get(&(index, domain)).copied().unwrap_or(0));
                let pods = pods.into_iter().enumerate();
                let pods = pods.map(|(at, pod)| (size(pod)[resource], at, pod));
                of.insert((index, domain), pods.collect());
            }
        }
        Self { of, resource }
    }

    #[expect(clippy::too_many_arguments, reason = "one node of one use")]
    fn seat(
        &mut self,
        cluster: &Cluster,
        classes: &Classes,
        instance: &Instance,
        it: &Use,
        node: usize,
        state: &mut State,
        placements: &mut [Option<Placement>],
    ) {
        let bin = &instance.bins[it.bin as usize];
        let mut devices = Devices::of(state, &it.pattern, bin, instance);
        let mut held = it.pattern.holds.iter().peekable();
        // Pods with devices first: what is left for the others is the most adaptable.
        let mut places = Vec::new();
        for (item, count) in &it.pattern.counts {
            let item_of = &instance.items[*item as usize];
            let key = (item_of.class, item_of.domain);
            for _ in 0..*count {
                places.push((
                    classes.pods[item_of.class as usize].request.devices == Ask::None,
                    key,
                    held.next_if(|hold| hold.0 == *item),
                    bin.joined(item_of),
                ));
            }
        }
        places.sort_by_key(|place| place.0);
        let mut after = [0; RESOURCES];
        for (_, (class, _), ..) in &places {
            after = plus(&after, &classes.pods[*class as usize].mean);
        }
        let count = places.len();
        for (at, (_, key, hold, joined)) in places.into_iter().enumerate() {
            // What is over, or lacking, is for all that still come.
            let (room, mean) = (classes.room(state), &classes.pods[key.0 as usize].mean);
            let wanted: Amounts = std::array::from_fn(|r| {
                let over = (i128::from(room[r]) - i128::from(after[r])) / (count - at) as i128;
                u64::try_from(i128::from(mean[r]) + over).unwrap_or(0)
            });
            after = minus(&after, mean);
            let Some(of) = self.of.get_mut(&key) else { continue };
            for member in nearest(cluster, classes, of, &wanted, self.resource) {
                let pod = member.2;
                let request = &cluster.pods[pod].request;
                let holds = devices.holds(request, hold, joined);
                let enough =
                    !matches!(request.devices, Ask::Whole(count) if holds.len() < usize::from(count));
                if enough && state.take(request, &holds).is_ok() {
                    devices.took(request, &holds, joined);
                    placements[pod] = Some(Placement { node, devices: holds });
                    of.remove(&member);
                    break;
                }
            }
        }
    }
}

/// The members nearest to what is wanted, the nearest first; at last the smallest.
fn nearest(
    cluster: &Cluster,
    classes: &Classes,
    of: &BTreeSet<Member>,
    wanted: &Amounts,
    resource: usize,
) -> Vec<Member> {
    let size = (wanted[resource], usize::MAX, usize::MAX);
    let no_larger = of.range(..=size).rev().take(LOOKS);
    let larger = of.range(size..).take(LOOKS / 2);
    let mut near: Vec<Member> = no_larger.chain(larger).copied().collect();
    near.sort_by_key(|(_, at, pod)| {
        (off(&classes.amounts(&cluster.pods[*pod].request), wanted, resource), *at)
    });
    near.extend(of.first());
    near
}

/// How far sizes are from those wanted, in millionths: either way of the resource that is worth most, above of others.
fn off(size: &Amounts, wanted: &Amounts, resource: usize) -> u64 {
    let part = |by: u64, of: u64| by.saturating_mul(1_000_000) / of.max(1);
    let each = |r: usize| {
        let by = if r == resource { size[r].abs_diff(wanted[r]) } else { size[r].saturating_sub(wanted[r]) };
        part(by, wanted[r])
    };
    (0..RESOURCES).map(each).fold(0, u64::saturating_add)
}

/// The resource whose amount on pods is worth most.
pub fn binding(classes: &Classes, worths: &Lambda) -> usize {
    let worth = |r: &usize| {
        let asked: f64 =
            classes.pods.iter().map(|class| class.mean[*r] as f64 * class.pods.len() as f64).sum();
        worths[*r] * asked
    };
    (0..classes.dimensions()).rev().max_by(|a, b| worth(a).total_cmp(&worth(b))).unwrap_or(0)
}
