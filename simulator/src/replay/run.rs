//! One run.

use plimsoll_packing::{
    fleet::{Ask, Hold, Node, State},
    scores::{Fragmentation, Kinds, random},
};

use super::{
    Arrivals, Input, Lost, Outcome, Point, Policy,
    column::{Column, Fleet},
};
use crate::draws::Draws;

/// Who sees every arrival.
pub trait Watch {
    /// A pod, by its place in [`Input::pods`], came and was put on a node, by its place in [`Input::nodes`], or lost.
    fn arrived(&mut self, pod: u32, placed: Option<(usize, &[Hold])>);
}

/// Sees nothing.
impl Watch for () {
    fn arrived(&mut self, _: u32, _: Option<(usize, &[Hold])>) {}
}

/// Offers the arrivals to a policy. The draws serve the order of arrivals first, then the order of the nodes, then
/// the policy where it draws itself.
pub fn run(input: &Input, arrivals: Arrivals, policy: &Policy, draws: Draws) -> Outcome {
    watched(input, arrivals, policy, draws, &mut ())
}

/// As [`run`], with someone who sees every arrival.
pub fn watched(
    input: &Input,
    arrivals: Arrivals,
    policy: &Policy,
    mut draws: Draws,
    watch: &mut dyn Watch,
) -> Outcome {
    // Numbers that the original draws beside these: one that it prints for debugging, and before it orders the
    // nodes one for each of ten watches that its scheduler opens, with a time-out drawn at random. (Ten is found by
    // trying: with it, and with no other number, the published rows come out.)
    draws.skip_in_go(1);
    let order = arrivals.pods(input, &mut draws);
    draws.skip_in_go(10);
    let mut nodes = vec![0; input.nodes.len()];
    for (node, rank) in draws.permutation(input.nodes.len()).into_iter().enumerate() {
        nodes[rank] = node;
    }
    let fleet = Fleet::new(nodes.iter().map(|node| &input.nodes[*node]).collect());
    Running::new(input, policy, fleet, draws).through(&order, &nodes, watch)
}

struct Running<'a> {
    input: &'a Input,
    policy: &'a Policy,
    fleet: Fleet<'a>,
    draws: Draws,
    columns: Vec<Option<Column>>,
    fragmentation: Fragmentation,
    /// Of each node.
    fragments: Vec<f64>,
    /// Of each node.
    watts: Vec<u64>,
}

impl<'a> Running<'a> {
    fn new(input: &'a Input, policy: &'a Policy, fleet: Fleet<'a>, draws: Draws) -> Self {
        let fragmentation = Fragmentation::new(&input.typical);
        let fragments = fleet
            .nodes
            .iter()
            .zip(&fleet.states)
            .map(|(node, state)| fragmentation.of(node, state))
            .collect();
        let drawn = |(node, state): (&&Node, &State)| {
            input.power.as_ref().map_or(0, |power| power.watts(node, state))
        };
        let watts = fleet.nodes.iter().zip(&fleet.states).map(drawn).collect();
        let columns = input.classes.iter().map(|_| None).collect();
        Self { input, policy, fleet, draws, columns, fragmentation, fragments, watts }
    }

    fn through(mut self, order: &[u32], nodes: &[usize], watch: &mut dyn Watch) -> Outcome {
        let mut point = Point {
            arrived: 0,
            placed: 0,
            fragments: self.fragments.iter().sum(),
            watts: self.watts.iter().sum(),
        };
        let mut outcome = Outcome {
            milli: self.input.milli(),
            curve: Vec::with_capacity(order.len() + 1),
            lost: Lost::default(),
            first_refusal: None,
        };
        outcome.curve.push(point);
        for pod in order {
            let class = self.input.pods[*pod as usize] as usize;
            let request = &self.input.classes[class];
            point.arrived += request.milli();
            let placed = self.place(class);
            watch.arrived(*pod, placed.as_ref().map(|(at, holds)| (nodes[*at], holds.as_slice())));
            if let Some((at, _)) = placed {
                point.placed += request.milli();
                self.measure(at, &mut point);
            } else {
                outcome.lost.pods += 1;
                outcome.lost.milli += request.milli();
                outcome.lost.without_devices += u64::from(request.devices == Ask::None);
                outcome.lost.large += u64::from(request.milli() >= 4000);
                if request.devices != Ask::None && outcome.first_refusal.is_none() {
                    outcome.first_refusal = Some(100.0 * point.placed as f64 / outcome.milli as f64);
                }
            }
            outcome.curve.push(point);
        }
        outcome
    }

    /// Takes the change of a node into the figures.
    fn measure(&mut self, at: usize, point: &mut Point) {
        let (node, state) = (self.fleet.nodes[at], &self.fleet.states[at]);
        let fragments = self.fragmentation.of(node, state);
        point.fragments += fragments - self.fragments[at];
        self.fragments[at] = fragments;
        if let Some(power) = &self.input.power {
            let watts = power.watts(node, state);
            point.watts = point.watts + watts - self.watts[at];
            self.watts[at] = watts;
        }
    }

    /// Finds a node for a pod and puts it there.
    fn place(&mut self, class: usize) -> Option<(usize, Vec<Hold>)> {
        let request = &self.input.classes[class];
        let scorers = match self.policy {
            Policy::Random => &[],
            Policy::Scored(scorers) => scorers.as_slice(),
        };
        let column =
            self.columns[class].get_or_insert_with(|| Column::new(scorers.len(), self.fleet.nodes.len()));
        column.refresh(request, &self.fleet, scorers);
        let (at, holds) = match self.policy {
            Policy::Random => {
                let feasible = column.feasible();
                if feasible.is_empty() {
                    return None;
                }
                let at = feasible[self.draws.below(feasible.len())];
                (at, random::devices(request, &self.fleet.states[at], |n| self.draws.below(n)))
            }
            Policy::Scored(scorers) => {
                let at = column.best(scorers)?;
                let heaviest = scorers.iter().rev().max_by_key(|(weight, _)| *weight)?;
                (at, heaviest.1.devices(request, self.fleet.view(at)))
            }
        };
        let holds = holds.expect("a node that can take the pod has devices for it");
        self.fleet.states[at].take(request, &holds).expect("the chosen devices are free");
        self.fleet.kinds[at] = self.fleet.kinds[at].with(Kinds::of(request));
        self.fleet.changed(at);
        Some((at, holds))
    }
}
