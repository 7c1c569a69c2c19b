//! The best plan by exhaustion: every decision there is, judged by the independent checker alone.
//!
//! A depth-first search over the workloads, producers before consumers: left out, or every offer, every
//! start that the contract allows, and for pausable workloads every pattern of runs. A branch ends when
//! what is decided already breaks a rule that no later decision can mend, or is already worse than the
//! best plan; both are safe because costs only grow as workloads are added.

use std::{cmp::Ordering, collections::BTreeMap};

use plimsoll_model::{
    Inputs, Plan, Time, Usd,
    plan::{Constraint, Flags, Placement},
};
use plimsoll_verify::{Checker, Decision, Evaluation, Kind};

/// What is minimised: how many required workloads are left out, highest priority first; how many ways come
/// before those taken; then dollars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// By priority, descending.
    pub left_out: Vec<(i64, usize)>,
    /// How many ways come before those taken, where they are in order.
    pub ways_before: usize,
    /// The total, with the value of optional workloads left out.
    pub total: Usd,
}

/// Micro-dollars within which sums of rounded parts are equal.
pub const ROUNDING: i128 = 2;

impl Score {
    /// What a plan achieves, by its own account.
    pub fn of(plan: &Plan, inputs: &Inputs) -> Self {
        let mut left_out = BTreeMap::new();
        for unplaced in &plan.unplaced {
            let mut named = inputs.workloads.iter().filter(|one| one.metadata.name == unplaced.workload);
            if let Some(workload) = named.next().filter(|workload| workload.spec.is_required()) {
                *left_out.entry(workload.spec.priority).or_insert(0) += 1;
            }
        }
        let checker = Checker::new(inputs, &plan.inputs.flags);
        let ways_before = checker.evaluate(&decisions(plan, inputs)).ways_before;
        Self { left_out: left_out.into_iter().rev().collect(), ways_before, total: plan.objective.total_usd }
    }

    /// Fewer left out first, then earlier ways, then the smaller total.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.compare_first(other).then(self.total.cmp(&other.total))
    }

    /// Whatever comes before dollars.
    pub fn compare_first(&self, other: &Self) -> Ordering {
        self.compare_left_out(other).then(self.ways_before.cmp(&other.ways_before))
    }

    /// Fewer required workloads left out, highest priority first.
    pub fn compare_left_out(&self, other: &Self) -> Ordering {
        let count = |of: &Self, priority| {
            of.left_out.iter().find(|(of, _)| *of == priority).map_or(0, |(_, count)| *count)
        };
        let mut priorities: Vec<i64> =
            self.left_out.iter().chain(&other.left_out).map(|(priority, _)| *priority).collect();
        priorities.sort_unstable_by(|a, b| b.cmp(a));
        priorities
            .into_iter()
            .map(|priority| count(self, priority).cmp(&count(other, priority)))
            .fold(Ordering::Equal, Ordering::then)
    }

    /// The same but for roundings.
    pub fn agrees(&self, other: &Self) -> bool {
        self.compare_first(other).is_eq()
            && (self.total.to_micro() - other.total.to_micro()).abs() <= ROUNDING
    }
}

impl From<&Evaluation> for Score {
    fn from(evaluation: &Evaluation) -> Self {
        let left_out = evaluation.left_out.iter().rev().map(|(priority, count)| (*priority, *count));
        Self {
            left_out: left_out.collect(),
            ways_before: evaluation.ways_before,
            total: evaluation.total_usd,
        }
    }
}

/// The best that exhaustion found.
#[derive(Debug, Clone)]
pub struct Best {
    /// Its score.
    pub score: Score,
    /// Its decisions.
    pub decisions: Vec<Decision>,
}

/// What came of a search.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// No plan is better.
    Best(Best),
    /// Everything is worse than the cut-off.
    None,
    /// There was more to look at than allowed.
    TooLarge,
}

struct Search<'a> {
    inputs: &'a Inputs,
    flags: &'a Flags,
    checker: Checker<'a>,
    /// Workloads with producers first.
    order: Vec<usize>,
    /// The order is the documents': payers and who has reservations are then known when decided.
    by_document: bool,
    offers: Vec<Vec<String>>,
    decided: Vec<Decision>,
    best: Option<Best>,
    /// Nothing worse than this is looked at.
    cutoff: Option<Score>,
    looks: u64,
    most: u64,
}

/// Searches everything that is not worse than `cutoff`, with at most so many looks.
pub fn best(inputs: &Inputs, flags: &Flags, cutoff: Option<Score>, most: u64) -> Outcome {
    let mut search = Search::new(inputs, flags);
    (search.cutoff, search.most) = (cutoff, most);
    search.descend(0, &mut BTreeMap::new(), 0, Usd::ZERO, Usd::ZERO);
    if search.looks > search.most {
        return Outcome::TooLarge;
    }
    search.best.map_or(Outcome::None, Outcome::Best)
}

/// Whether a workload has a place anywhere at any time beside the others as decided: one that breaks no
/// rule and, when it may be left out, costs less than it is worth.
pub fn has_place_beside(inputs: &Inputs, flags: &Flags, others: &[Decision], workload: usize) -> bool {
    let mut search = Search::new(inputs, flags);
    search.decided = others.iter().filter(|other| other.workload != workload).cloned().collect();
    let without = search.checker.evaluate(&search.decided).total_usd;
    let required = inputs.workloads[workload].spec.is_required();
    search.choices(workload).into_iter().any(|choice| {
        search.decided.push(choice);
        let with = search.checker.evaluate(&search.decided);
        search.decided.pop();
        with.violations.is_empty() && (required || with.total_usd < without)
    })
}

/// What a plan decides, without the nodes, which the checker then chooses itself.
pub fn decisions(plan: &Plan, inputs: &Inputs) -> Vec<Decision> {
    let index = |name: &str| inputs.workloads.iter().position(|workload| workload.metadata.name == name);
    let decision = |placed: &Placement| {
        let runs = placed.runs.iter().flatten().map(|run| (run.start, run.end)).collect();
        let (workload, offer) = (index(&placed.workload)?, placed.offer.full_name());
        Some(Decision { workload, offer, start: placed.start, runs, nodes: None })
    };
    plan.placements.iter().filter_map(decision).collect()
}

/// The offers that no filter keeps from a workload.
fn eligible(checker: &Checker<'_>, workload: usize, names: &[String], now: Time) -> Vec<String> {
    let alone = |offer: &String| Decision {
        workload,
        offer: offer.clone(),
        start: now,
        runs: Vec::new(),
        nodes: None,
    };
    let allowed = |offer: &&String| {
        let found = checker.evaluate(&[alone(offer)]).violations;
        !found.iter().any(|violation| matches!(violation.kind, Kind::Constraint(by) if is_filter(by)))
    };
    names.iter().filter(allowed).cloned().collect()
}

/// Constraints that look at one workload and one offer alone, whatever the time and the others.
pub fn is_filter(constraint: Constraint) -> bool {
    matches!(
        constraint,
        Constraint::Accelerator
            | Constraint::Size
            | Constraint::Memory
            | Constraint::Capacity
            | Constraint::Interruptible
            | Constraint::MaxHourly
            | Constraint::Latency
            | Constraint::Residency
            | Constraint::Region
            | Constraint::NotIn
            | Constraint::Only
            | Constraint::Speed
            | Constraint::Risk
    )
}

/// Workloads in document order, but none before its producers.
fn producers_first(inputs: &Inputs) -> Vec<usize> {
    let index = |name: &str| inputs.workloads.iter().position(|workload| workload.metadata.name == name);
    let mut order: Vec<usize> = Vec::new();
    while order.len() < inputs.workloads.len() {
        let next = (0..inputs.workloads.len()).find(|workload| {
            let mut producers = inputs.workloads[*workload]
                .spec
                .inputs
                .iter()
                .filter_map(|input| index(input.from.as_deref()?));
            !order.contains(workload) && producers.all(|producer| order.contains(&producer))
        });
        let Some(next) = next else { break };
        order.push(next);
    }
    order
}

impl<'a> Search<'a> {
    fn new(inputs: &'a Inputs, flags: &'a Flags) -> Self {
        let order = producers_first(inputs);
        let by_document = order.iter().copied().eq(0..inputs.workloads.len());
        let checker = Checker::new(inputs, flags);
        let names: Vec<String> = checker.offers().iter().map(plimsoll_model::OfferSpec::full_name).collect();
        let offers =
            (0..inputs.workloads.len()).map(|workload| eligible(&checker, workload, &names, flags.now));
        let offers = offers.collect();
        Self {
            inputs,
            flags,
            checker,
            order,
            by_document,
            offers,
            decided: Vec::new(),
            best: None,
            cutoff: None,
            looks: 0,
            most: u64::MAX,
        }
    }
}

impl Search<'_> {
    fn descend(
        &mut self,
        depth: usize,
        left: &mut BTreeMap<i64, usize>,
        ways: usize,
        forgone: Usd,
        cost: Usd,
    ) {
        if self.looks > self.most {
            return;
        }
        let Some(workload) = self.order.get(depth).copied() else {
            if !self.by_document && !self.checker.evaluate(&self.decided).violations.is_empty() {
                return;
            }
            let left_out = left.iter().rev().map(|(priority, count)| (*priority, *count)).collect();
            let score = Score { left_out, ways_before: ways, total: cost + forgone };
            if self.best.as_ref().is_none_or(|best| score.compare(&best.score).is_lt()) {
                self.best = Some(Best { score, decisions: self.decided.clone() });
            }
            return;
        };
        let spec = &self.inputs.workloads[workload].spec;
        for decision in self.choices(workload) {
            self.decided.push(decision);
            self.looks += 1;
            let evaluation = self.checker.evaluate(&self.decided);
            let cost: Usd = evaluation.placements.iter().map(|placed| placed.usd.total).sum();
            let hopeless = evaluation.violations.iter().any(|violation| self.is_final(violation.kind));
            let ways = evaluation.ways_before;
            if !hopeless && self.may_win(left, ways, cost + forgone) {
                self.descend(depth + 1, left, ways, forgone, cost);
            }
            self.decided.pop();
        }
        if spec.is_required() {
            *left.entry(spec.priority).or_default() += 1;
            if self.may_win(left, ways, cost + forgone) {
                self.descend(depth + 1, left, ways, forgone, cost);
            }
            match left.get_mut(&spec.priority) {
                Some(1) | None => drop(left.remove(&spec.priority)),
                Some(count) => *count -= 1,
            }
        } else {
            let forgone = forgone + Usd::from_micro(spec.value.unwrap_or(Usd::ZERO).to_micro());
            if self.may_win(left, ways, cost + forgone) {
                self.descend(depth + 1, left, ways, forgone, cost);
            }
        }
    }

    /// Whether later decisions cannot mend what is wrong. Money can: a payer may come before.
    fn is_final(&self, kind: Kind) -> bool {
        match kind {
            Kind::Constraint(Constraint::Budget | Constraint::MaxCost) => self.by_document,
            _ => true,
        }
    }

    fn may_win(&self, left: &BTreeMap<i64, usize>, ways_before: usize, total: Usd) -> bool {
        let left_out = left.iter().rev().map(|(priority, count)| (*priority, *count)).collect();
        let score = Score { left_out, ways_before, total };
        let worse = |than: &Score, by: i128| {
            score.compare_first(than).then((score.total.to_micro() - by).cmp(&than.total.to_micro())).is_gt()
        };
        // Sums of rounded parts may fall by a micro-dollar as others are added.
        !self.best.as_ref().is_some_and(|best| worse(&best.score, 9))
            && !self.cutoff.as_ref().is_some_and(|cutoff| worse(cutoff, 9))
    }

    fn choices(&self, workload: usize) -> Vec<Decision> {
        let decision = |offer: &String, start, runs| Decision {
            workload,
            offer: offer.clone(),
            start,
            runs,
            nodes: None,
        };
        let mut list = Vec::new();
        for offer in &self.offers[workload] {
            for (index, start) in
                self.checker.possible_starts(&self.decided, workload, offer).into_iter().enumerate()
            {
                list.push(decision(offer, start, Vec::new()));
                if index == 0 {
                    list.extend(
                        self.patterns(workload, offer, start)
                            .into_iter()
                            .map(|runs| decision(offer, runs[0].0, runs)),
                    );
                }
            }
        }
        list
    }

    /// Every pattern of more than one run, from the first possible moment on.
    fn patterns(&self, workload: usize, offer: &str, first: Time) -> Vec<Vec<(Time, Time)>> {
        let spec = &self.inputs.workloads[workload].spec;
        let (Some(deadline), true) = (spec.deadline, spec.pausable) else { return Vec::new() };
        let deadline = deadline.resolve(self.flags.now);
        let alone =
            Decision { workload, offer: offer.to_owned(), start: first, runs: Vec::new(), nodes: None };
        let evaluation = self.checker.evaluate(&[alone]);
        let Some(work) = evaluation.placements.first().map(|placed| placed.end.since(placed.start).nanos())
        else {
            return Vec::new();
        };
        let base = spec.earliest.map_or(self.flags.now, |earliest| earliest.resolve(self.flags.now)).nanos();
        let step = spec.slots.map_or(3_600_000_000_000, plimsoll_model::Duration::nanos);
        let mut bounds = vec![first];
        for slot in 0.. {
            let time = Time::from_nanos(base + slot * step).ceil_second();
            if time >= deadline {
                break;
            }
            if time > first {
                bounds.push(time);
            }
        }
        bounds.push(deadline);
        let pieces: Vec<(Time, Time)> = bounds.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let mut patterns = Vec::new();
        if pieces.len() > 12 {
            return patterns;
        }
        for chosen in 1_u32..1 << pieces.len() {
            let mut runs: Vec<(Time, Time)> = Vec::new();
            let mut left = work;
            let mut spare = false;
            for (index, (start, end)) in pieces.iter().enumerate() {
                if chosen >> index & 1 == 0 {
                    continue;
                }
                if left == 0 {
                    spare = true;
                    break;
                }
                let length = end.since(*start).nanos().min(left);
                left -= length;
                let end = Time::from_nanos(start.nanos() + length);
                match runs.last_mut() {
                    Some(last) if last.1 == *start => last.1 = end,
                    _ => runs.push((*start, end)),
                }
            }
            if left == 0 && !spare && runs.len() > 1 {
                patterns.push(runs);
            }
        }
        patterns
    }
}
