//! Made-up packings.

use proptest::{collection::btree_map, prelude::*, sample::select};

use super::{
    any_usd, duration, list, maybe,
    plan::{assumption, number},
    text,
};
use crate::{
    Packing,
    document::ApiVersion,
    packing::{
        Addition, Amounts, Assignment, Cause, Class, Flags, Hold, Inputs, Move, NodeKind, Objective,
        Obstacle, PackingKind, Request, Solver, Unplaced,
    },
    plan::Status,
};

/// A packing, each of whose fields may be anything.
pub fn packing(fill: f64) -> impl Strategy<Value = Packing> {
    let head = (
        select(vec![Status::Optimal, Status::Feasible, Status::Infeasible]),
        any::<bool>(),
        (number(), number(), number()).prop_map(|(worth, bound_worth, gap)| Objective {
            worth,
            bound_worth,
            gap,
        }),
        (amounts(), amounts(), amounts()),
        (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>()),
    );
    let pods = (list(fill, assignment(fill)), list(fill, unplaced(fill)), list(fill, class(fill)));
    let kind = (text(), any::<u64>(), maybe(fill, number()))
        .prop_map(|(kind, nodes, worth_of_one_more)| NodeKind { kind, nodes, worth_of_one_more });
    let add =
        (text(), any::<u64>(), any_usd()).prop_map(|(offer, count, usd)| Addition { offer, count, usd });
    let moved =
        (any::<u64>(), text(), text(), text()).prop_map(|(step, pod, from, to)| Move { step, pod, from, to });
    let rest = (list(fill, kind), list(fill, add), list(fill, moved), list(fill, assumption(fill)));
    let flags = (text(), any::<u32>(), number(), maybe(fill, duration())).prop_map(
        |(digest, moves, gap, time_limit)| Inputs { digest, flags: Flags { moves, gap, time_limit } },
    );
    (head, pods, rest, flags).prop_map(|(head, pods, rest, inputs)| Packing {
        api_version: ApiVersion::default(),
        kind: PackingKind::Packing,
        status: head.0,
        reproducible: head.1,
        objective: head.2,
        asked: head.3.0,
        placed: head.3.1,
        running: head.3.2,
        assignments: pods.0,
        unplaced: pods.1,
        classes: pods.2,
        node_kinds: rest.0,
        add: rest.1,
        moves: rest.2,
        assumptions: rest.3,
        solver: Solver {
            pod_classes: head.4.0,
            node_classes: head.4.1,
            patterns: head.4.2,
            rounds: head.4.3,
        },
        inputs,
    })
}

fn amounts() -> impl Strategy<Value = Amounts> {
    (any::<u64>(), number(), number()).prop_map(|(pods, accelerators, cpu)| Amounts {
        pods,
        accelerators,
        cpu,
    })
}

fn assignment(fill: f64) -> impl Strategy<Value = Assignment> {
    let hold = (any::<u16>(), any::<u16>(), maybe(fill, any::<u8>()))
        .prop_map(|(index, milli, parts)| Hold { index, milli, parts });
    let running = if fill < 1.0 { any::<bool>().boxed() } else { Just(true).boxed() };
    (text(), text(), list(fill, hold), running).prop_map(|(pod, node, devices, running)| Assignment {
        pod,
        node,
        devices,
        running,
    })
}

fn unplaced(fill: f64) -> impl Strategy<Value = Unplaced> {
    let obstacles = vec![Obstacle::Selector, Obstacle::Devices, Obstacle::Cpu, Obstacle::Gang];
    let cause = (select(obstacles), text(), any::<u64>(), maybe(fill, number()), maybe(fill, number()))
        .prop_map(|(constraint, name, nodes, needs, has)| Cause { constraint, name, nodes, needs, has });
    (text(), list(fill, cause), text()).prop_map(|(pod, causes, proof)| Unplaced { pod, causes, proof })
}

fn class(fill: f64) -> impl Strategy<Value = Class> {
    let counts = (any::<u64>(), any::<u64>(), any::<u64>(), maybe(fill, number()));
    (request(fill), counts).prop_map(|(request, (pods, placed, would_fit, price))| Class {
        request,
        pods,
        placed,
        would_fit,
        price,
    })
}

fn request(fill: f64) -> impl Strategy<Value = Request> {
    let figures = (number(), any::<u64>(), number(), any::<u64>(), number());
    let names = (maybe(fill, text()), list(fill, text()), maybe(fill, text()), text());
    (figures, names, btree_map(text(), any::<u64>(), 1..3)).prop_map(|(figures, names, others)| Request {
        cpu: figures.0,
        memory: figures.1,
        accelerators: figures.2,
        nodes: figures.3,
        worth: figures.4,
        resource: names.0,
        models: names.1,
        gang: names.2,
        example: names.3,
        others,
    })
}
