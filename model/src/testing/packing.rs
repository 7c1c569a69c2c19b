//! Made-up packings.

use proptest::{collection::btree_map, prelude::*, sample::select};

use super::{
    any_usd, capacity, duration, list, maybe,
    plan::{assumption, number},
    text,
};
use crate::{
    Packing,
    document::ApiVersion,
    packing::{
        Adding, Addition, Amounts, Assignment, Cause, Class, Flags, Hold, Inputs, Move, NewNode, NodeKind,
        Objective, Obstacle, PackingKind, Request, Solver, Unplaced,
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
    let moved =
        (any::<u64>(), text(), text(), text()).prop_map(|(step, pod, from, to)| Move { step, pod, from, to });
    let rest =
        (list(fill, kind), list(fill, addition(fill)), list(fill, moved), list(fill, assumption(fill)));
    let rest = (rest, maybe(fill, adding(fill)));
    let flags = (any::<u32>(), list(fill, capacity()), number(), maybe(fill, duration()));
    let flags = flags.prop_map(|(moves, add, gap, time_limit)| Flags { moves, add, gap, time_limit });
    let flags = (text(), maybe(fill, text()), flags).prop_map(|(digest, estate, flags)| Inputs {
        digest,
        estate,
        flags,
    });
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
        node_kinds: rest.0.0,
        add: rest.0.1,
        adding: rest.1,
        moves: rest.0.2,
        assumptions: rest.0.3,
        solver: Solver {
            pod_classes: head.4.0,
            node_classes: head.4.1,
            patterns: head.4.2,
            rounds: head.4.3,
        },
        inputs,
    })
}

fn addition(fill: f64) -> impl Strategy<Value = Addition> {
    let devices = (maybe(fill, text()), maybe(fill, text()), any::<u16>());
    let node = (maybe(fill, text()), btree_map(text(), text(), 1..3), list(fill, text()), devices);
    let node =
        (node, btree_map(text(), any::<u64>(), 1..3)).prop_map(|((like, labels, taints, devices), room)| {
            NewNode {
                like,
                labels,
                taints,
                room,
                resource: devices.0,
                model: devices.1,
                accelerators: devices.2,
            }
        });
    let rest = (node, list(fill, assignment(fill)));
    (text(), capacity(), any::<u64>(), any_usd(), rest).prop_map(|(offer, capacity, count, usd, rest)| {
        Addition { offer, capacity, count, usd, node: rest.0, assignments: rest.1 }
    })
}

fn adding(fill: f64) -> impl Strategy<Value = Adding> {
    (any_usd(), maybe(fill, any_usd()), list(fill, text()), list(fill, text()))
        .prop_map(|(usd, bound_usd, among, left)| Adding { usd, bound_usd, among, left })
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
