//! Runner-ups: what a placement would cost on another offer, with all else as it is.
//!
//! The workload moves alone: it starts at its first possible moment there, in one run; every other
//! workload keeps offer, start, runs and nodes. Costs of others may still change with it (who pays a
//! shared dataset, who uses a reservation, what an edge to a consumer costs), and count. The move is
//! none when it breaks a rule: a filter, a limit, a deadline, a start of a consumer, or when own nodes
//! have no room beside the replicas that stay.
//!
//! Of a workload whose ways are in order an earlier way comes before a cheaper offer.
//!
//! With at most [`SEARCH`] pairs of placement and offer, the checker also looks whether a better one
//! exists.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use plimsoll_model::{
    Plan, Usd,
    plan::{PlacementUsd, RunnerUp},
};

use crate::{
    Checker,
    compare::{Findings, near_tie},
    evaluate::Assessed,
    limits::check_count,
    price::{Priced, parts},
    state::{Decision, Placed, State},
    violation::{Kind, Violation},
};

/// Pairs of placement and offer up to which the best runner-up is searched for.
pub(crate) const SEARCH: usize = 2_000;

/// Offers that cost the same may differ by so much, as the parts of every placement are rounded.
const ROUNDING: Usd = Usd::from_micro(8);

/// What moving a workload changes.
#[derive(Debug, Clone)]
pub(crate) struct Moved {
    /// How many ways come before the one taken there, where they are in order.
    pub(crate) ways_before: usize,
    /// By part, in the order of [`parts`].
    pub(crate) extra: [Usd; 7],
    /// By part, how many micro-dollars the rounding of floats may make of it.
    slack: [i128; 7],
    /// The first rule that the move breaks.
    pub(crate) broken: Option<Violation>,
}

impl Moved {
    pub(crate) fn total(&self) -> Usd {
        self.extra.into_iter().sum()
    }
}

impl<'a> Checker<'a> {
    /// The best other offer among some for each placed workload, by workload, with all else as decided;
    /// found by trying each. Of equals the first.
    pub fn runner_ups(&self, decisions: &[Decision], offers: &[String]) -> BTreeMap<usize, RunnerUp> {
        let mut assessed = self.assess(decisions);
        let mut best = BTreeMap::new();
        for workload in 0..self.inputs.workloads.len() {
            let moves =
                offers.iter().filter_map(|offer| Some((offer, self.moved(&mut assessed, workload, offer)?)));
            let least = moves
                .filter(|(_, moved)| moved.broken.is_none())
                .min_by_key(|(_, moved)| (moved.ways_before, moved.total()));
            if let Some((offer, moved)) = least {
                let names = parts(&PlacementUsd::default()).map(|(name, _)| name.to_owned());
                let because = names.into_iter().zip(moved.extra).filter(|(_, extra)| !extra.is_zero());
                let (offer, extra_usd) = (offer.clone(), moved.total());
                best.insert(workload, RunnerUp { offer, extra_usd, because: because.collect() });
            }
        }
        best
    }

    pub(crate) fn compare_runner_ups(
        &self,
        plan: &Plan,
        assessed: &mut Assessed<'a>,
        found: &mut Vec<Violation>,
    ) {
        let offers: Vec<String> =
            if self.inputs.embedded_catalog { Vec::new() } else { self.written.keys().cloned().collect() };
        let searches =
            !offers.is_empty() && offers.len() * plan.placements.len() <= SEARCH && found.is_empty();
        for placement in &plan.placements {
            let Some(index) = self.names.get(&*placement.workload).copied() else { continue };
            if assessed.priced[index].is_none() {
                continue;
            }
            let mut findings = Findings { subject: &placement.workload, found };
            let mut extra = None;
            if let Some(runner_up) = &placement.runner_up {
                extra = self.compare_runner_up(assessed, index, runner_up, &mut findings);
            }
            if searches && (extra.is_some() || placement.runner_up.is_none()) {
                self.search_better(assessed, index, &offers, extra, &mut findings);
            }
        }
    }

    /// Compares one runner-up; returns its extra cost when it is one.
    fn compare_runner_up(
        &self,
        assessed: &mut Assessed<'a>,
        workload: usize,
        shown: &RunnerUp,
        findings: &mut Findings<'_>,
    ) -> Option<(usize, Usd)> {
        let Some(moved) = self.moved(assessed, workload, &shown.offer) else {
            findings.add(
                Kind::RunnerUp,
                format!("its runner-up {} is no other offer it could run on", shown.offer),
            );
            return None;
        };
        if let Some(broken) = &moved.broken {
            let message = format!("its runner-up {} is not allowed: {broken}", shown.offer);
            findings.add(Kind::RunnerUp, message);
        }
        let names = parts(&PlacementUsd::default()).map(|(name, _)| name);
        for ((name, extra), slack) in names.into_iter().zip(moved.extra).zip(moved.slack) {
            let says = shown.because.get(name).copied().unwrap_or_default();
            if (says.pico() - extra.pico()).abs() > slack * 1_000_000 {
                let message = format!("{name} on {} costs ${extra} more, the plan says ${says}", shown.offer);
                findings.add(Kind::RunnerUp, message);
            }
        }
        for unknown in shown.because.keys().filter(|key| !names.contains(&key.as_str())) {
            findings.add(Kind::RunnerUp, format!("`{unknown}` is no part of a placement's cost"));
        }
        let sum: Usd = shown.because.values().copied().sum();
        if sum != shown.extra_usd {
            let message = format!("extraUsd is ${sum} by its parts, the plan says ${}", shown.extra_usd);
            findings.add(Kind::RunnerUp, message);
        }
        moved.broken.is_none().then(|| (moved.ways_before, moved.total()))
    }

    fn search_better(
        &self,
        assessed: &mut Assessed<'a>,
        workload: usize,
        offers: &[String],
        shown: Option<(usize, Usd)>,
        findings: &mut Findings<'_>,
    ) {
        for offer in offers {
            let Some(moved) = self.moved(assessed, workload, offer).filter(|moved| moved.broken.is_none())
            else {
                continue;
            };
            let total = moved.total();
            let slack = moved.slack.iter().sum::<i128>() * 2_000_000 + ROUNDING.pico();
            let better = |(ways, extra): (usize, Usd)| match moved.ways_before.cmp(&ways) {
                Ordering::Less => true,
                Ordering::Equal => total.pico() + slack < extra.pico(),
                Ordering::Greater => false,
            };
            if shown.is_none_or(better) {
                let says = shown.map_or("has none".to_owned(), |(_, extra)| format!("costs ${extra} more"));
                findings.add(Kind::RunnerUp, format!("{offer} costs ${total} more, its runner-up {says}"));
                return;
            }
        }
    }

    /// What moving a workload to another offer changes. `None` when there is no such offer, it is the
    /// one it is on, or it cannot run there at all. Leaves the state as it was.
    fn moved(&self, assessed: &mut Assessed<'a>, workload: usize, offer: &str) -> Option<Moved> {
        let here = assessed.state.get(workload)?.clone();
        if here.offer.name == offer {
            return None;
        }
        let place = |start| {
            let nodes = self.offer(offer)?.own.is_some().then(Vec::new);
            self.place(&Decision { workload, offer: offer.to_owned(), start, runs: Vec::new(), nodes })
        };
        let probe = place(self.flags.now)?;
        let there = place(self.ready(&assessed.state, workload, &probe).time)?;
        self.with_all_else_as_it_is(assessed, workload, &there)
    }

    /// What putting a workload somewhere (else) changes. `None` when it cannot run there at all. Leaves
    /// the state as it was.
    pub(crate) fn with_all_else_as_it_is(
        &self,
        assessed: &mut Assessed<'a>,
        workload: usize,
        there: &Placed,
    ) -> Option<Moved> {
        let here = self.set(&mut assessed.state, workload, Some(there.clone()));
        let affected = self.affected(&assessed.state, workload, here.as_ref(), there);
        let after: Option<Vec<(usize, Priced)>> = affected
            .iter()
            .map(|index| Some((*index, self.price(&assessed.state, *index, assessed.state.get(*index)?)?)))
            .collect();
        let moved = after.map(|after| self.difference(assessed, workload, there, &after));
        self.set(&mut assessed.state, workload, here);
        moved
    }

    /// Whose costs a move can change.
    fn affected(
        &self,
        state: &State,
        workload: usize,
        here: Option<&Placed>,
        there: &Placed,
    ) -> BTreeSet<usize> {
        let mut affected = BTreeSet::from([workload]);
        affected.extend(self.consumers[workload].iter().filter(|consumer| state.get(**consumer).is_some()));
        for place in here.into_iter().chain([there]) {
            let offer = &*place.offer.name;
            if self.reservations.contains_key(offer) {
                affected.extend(state.on(offer).map(|(index, _)| index));
            }
        }
        // Of the others that read a dataset in a region, only the first can pay.
        for input in &self.inputs.workloads[workload].spec.inputs {
            let Some(readers) = input.dataset.as_deref().and_then(|name| self.readers.get(name)) else {
                continue;
            };
            for place in here.into_iter().chain([there]) {
                let key = place.offer.location.key();
                let in_region = |index: &usize| {
                    *index != workload
                        && state.get(*index).is_some_and(|other| other.offer.location.key() == key)
                };
                affected.extend(readers.iter().map(|reader| reader.workload).find(in_region));
            }
        }
        affected
    }

    /// The difference by part between the state, in which the workload has moved, and the costs before.
    fn difference(
        &self,
        assessed: &Assessed<'a>,
        workload: usize,
        there: &Placed,
        after: &[(usize, Priced)],
    ) -> Moved {
        let (mut extra, mut slack) = ([Usd::ZERO; 7], [0_i128; 7]);
        let mut ledger = assessed.ledger.clone();
        for (index, after) in after {
            let before = assessed.priced[*index].as_ref();
            let cost = before.map(|before| before.usd.clone()).unwrap_or_default();
            for (at, ((_, after), (_, before))) in parts(&after.usd).into_iter().zip(parts(&cost)).enumerate()
            {
                extra[at] = extra[at] + after - before;
            }
            for priced in before.into_iter().chain([after]) {
                let inexact =
                    [(2, &priced.exact.carbon), (3, &priced.exact.risk), (5, &priced.exact.latency)];
                for (at, _) in inexact.into_iter().filter(|(_, exact)| near_tie(exact)) {
                    slack[at] += 1;
                }
            }
            if let Some(before) = before {
                ledger.count(self, *index, before, -1);
            }
            ledger.count(self, *index, after, 1);
        }
        let state = &assessed.state;
        let own = after.iter().find(|(index, _)| *index == workload).map(|(_, priced)| priced);
        let broken = self
            .check_one(state, workload, there, own)
            .into_iter()
            .next()
            .or_else(|| after.iter().find_map(|(index, priced)| self.check_max_cost(*index, priced)))
            .or_else(|| self.check_together(state, workload, true))
            .or_else(|| self.late_consumer(state, workload))
            .or_else(|| check_count(state, &there.offer.name))
            .or_else(|| self.no_room(state, workload, there))
            .or_else(|| there.offer.quotas.iter().find_map(|quota| self.check_quota(state, *quota).pop()))
            .or_else(|| self.check_budgets(&ledger).pop());
        let spec = &self.inputs.workloads[workload].spec;
        Moved { ways_before: self.ways_before(spec, &there.offer), extra, slack, broken }
    }

    /// A consumer that would start before what it reads has arrived.
    fn late_consumer(&self, state: &State, workload: usize) -> Option<Violation> {
        self.consumers[workload].iter().find_map(|consumer| {
            let placed = state.get(*consumer)?;
            let ready = self.ready(state, *consumer, placed).time;
            (ready > placed.start).then(|| {
                let name = &*self.inputs.workloads[*consumer].metadata.name;
                let message = format!("starts at {}, its input would arrive at {ready}", placed.start);
                Violation::new(Kind::Precedence, name, message)
            })
        })
    }

    fn no_room(&self, state: &State, workload: usize, there: &Placed) -> Option<Violation> {
        if there.nodes.is_none() {
            // Nobody's nodes are named: any packing will do.
            return self.check_packable(state, &there.offer);
        }
        let replicas = u64::from(self.inputs.workloads[workload].spec.replicas);
        let room = if there.offer.own.is_some() { self.room(state, workload, there) } else { replicas };
        (room < replicas).then(|| {
            let message = format!("{replicas} replicas need room, there is room for {room}");
            Violation::new(Kind::Packing, &*there.offer.name, message)
        })
    }
}
