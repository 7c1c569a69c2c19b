//! Ruin and recreate: take some members out that are in each other's way, put each back where it is
//! cheapest beside the others, and keep what is better, or a little worse at first.
//!
//! Schrimpf et al. 2000, "Record breaking optimization results using the ruin and recreate principle";
//! passing over a column now and then ("blinks") after Christiaens & Vanden Berghe 2020, "Slack induction by
//! string removals for vehicle routing problems".

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{
    charges::Charges,
    model::{Model, Placing},
    plan::Plan,
};
use crate::{outcome::Moves, problem::Nanos};

/// Columns of a kind that members are put back on first: those of least reduced cost.
const NEAR: usize = 300;
/// Pairs of a kind that runs in pieces are looked for on.
const NEAR_PIECES: usize = 10;
/// Members that are taken out at a time, at most.
const RUIN: u32 = 12;
/// How deep into a member's columns one looks for who is in the way.
const WISHES: u32 = 12;
/// One column of so many is passed over.
const BLINK: u32 = 64;
/// How much worse a plan may become in a step: at first and in the end, as a share of a member's mean cost.
const HEAT: (f64, f64) = (0.05, 0.0005);

/// A column of a pair without pieces.
#[derive(Debug, Clone, Copy)]
struct Near {
    pair: u32,
    start: u32,
    own: f64,
    reduced: f64,
}

/// The columns of a kind that are looked at first.
#[derive(Debug, Clone, Default)]
struct Wishes {
    /// By cost.
    by_own: Vec<Near>,
    /// By reduced cost.
    by_reduced: Vec<Near>,
    /// Pairs that may run in pieces: least own and reduced cost, and the best placing at no prices.
    pieces: Vec<(f64, f64, Placing)>,
}

/// What is needed to put members back.
#[derive(Debug)]
pub(super) struct Recreate<'m> {
    model: &'m Model<'m>,
    wishes: Vec<Wishes>,
    charges: Charges,
    none: Charges,
    /// By kind what leaving one out counts.
    pub missing: Vec<f64>,
    costs: Vec<f64>,
}

impl<'m> Recreate<'m> {
    /// From the prices that columns are charged, and what leaving out one of each kind counts.
    pub(super) fn new(model: &'m Model<'m>, charges: Charges, missing: Vec<f64>) -> Self {
        let none = Charges::none(model);
        let mut costs = Vec::new();
        let mut wishes = Vec::with_capacity(model.kinds.len());
        for kind in &model.kinds {
            let mut all: Vec<Near> = Vec::new();
            let mut pieces = Vec::new();
            for (number, pair) in model.pairs_of(kind) {
                if pair.pieces {
                    let placing = |charges: &Charges| {
                        let found = charges.in_pieces(model, (kind, pair), f64::INFINITY, |_, _| true)?;
                        Some((found.cost, model.in_pieces(number, &found.runs)))
                    };
                    if let (Some(reduced), Some(own)) = (placing(&charges), placing(&none)) {
                        pieces.push((own.0, reduced.0, reduced.1));
                    }
                    continue;
                }
                charges.by_start(model, kind, pair, &mut costs);
                let near = |(start, reduced): (u32, &f64)| {
                    let integral = model.integrals(pair)[start as usize];
                    let own = pair.base + pair.rate * integral + pair.delay(pair.start(start));
                    Near { pair: number, start, own, reduced: *reduced }
                };
                all.extend((0..).zip(&costs).map(near));
            }
            let tie = |a: &Near, b: &Near| a.pair.cmp(&b.pair).then(a.start.cmp(&b.start));
            let by_reduced = |a: &Near, b: &Near| a.reduced.total_cmp(&b.reduced).then_with(|| tie(a, b));
            if all.len() > NEAR {
                all.select_nth_unstable_by(NEAR, by_reduced);
                all.truncate(NEAR);
            }
            all.sort_unstable_by(by_reduced);
            let mut own = all.clone();
            own.sort_unstable_by(|a, b| a.own.total_cmp(&b.own).then_with(|| tie(a, b)));
            pieces.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.2.pair.cmp(&b.2.pair)));
            pieces.truncate(NEAR_PIECES);
            wishes.push(Wishes { by_own: own, by_reduced: all, pieces });
        }
        Self { model, wishes, charges, none, missing, costs }
    }

    /// Where a member is put back: cheapest by its own cost, or with what it is `charged`. `None`: nowhere, or
    /// not worth it.
    pub(super) fn insert(
        &mut self,
        plan: &mut Plan<'_>,
        member: usize,
        charged: bool,
        mut blink: impl FnMut() -> bool,
    ) -> Option<Placing> {
        let wishes = &self.wishes[plan.kind_of[member] as usize];
        let list = if charged { &wishes.by_reduced } else { &wishes.by_own };
        let mut best: Option<(f64, Placing)> = None;
        for near in list {
            if plan.fits_at(member, self.model.pair_at(near.pair), near.start) && !blink() {
                let key = if charged { near.reduced } else { near.own };
                best = Some((key, self.model.placing(near.pair, near.start)));
                break;
            }
        }
        for (own, reduced, placing) in &wishes.pieces {
            let (least, charges) = if charged { (*reduced, &self.charges) } else { (*own, &self.none) };
            let below = best.as_ref().map_or(f64::INFINITY, |best| best.0);
            if least >= below || blink() {
                continue;
            }
            let pair = (placing.pair, self.model.pair_at(placing.pair));
            if let Some(found) = plan.in_pieces(member, pair, charges, below) {
                let key = charges.reduced(self.model, plan.kind(member), &found);
                best = Some((key, found));
            }
        }
        let best = match best {
            Some(best) => Some(best.1),
            None => plan.cheapest(member, &self.none, &mut self.costs),
        };
        best.filter(|placing| placing.own <= self.missing[plan.kind_of[member] as usize])
    }

    /// What a plan costs, with what leaving out counts.
    pub(super) fn cost(&self, plan: &Plan<'_>) -> f64 {
        let of = |(placed, kind): (&Option<Placing>, &u32)| {
            placed.as_ref().map_or(self.missing[*kind as usize], |placing| placing.own)
        };
        plan.placed.iter().zip(&plan.kind_of).map(of).sum()
    }

    /// A window in which a member would like to run, and the pair.
    fn wish(&self, kind: u32, rng: &mut ChaCha8Rng) -> Option<(u32, (Nanos, Nanos))> {
        let wishes = &self.wishes[kind as usize];
        let depth = rng.random_range(0..WISHES).min(rng.random_range(0..WISHES)) as usize;
        if !wishes.pieces.is_empty() {
            let (.., placing) = &wishes.pieces[depth % wishes.pieces.len()];
            let runs: Vec<(Nanos, Nanos)> = placing.runs().collect();
            return Some((placing.pair, runs[rng.random_range(0..runs.len())]));
        }
        let list = if rng.random_range(0..2) == 0 { &wishes.by_own } else { &wishes.by_reduced };
        let near = list.get(depth.min(list.len().checked_sub(1)?))?;
        let pair = self.model.pair_at(near.pair);
        let start = pair.start(near.start);
        Some((near.pair, (start, start + pair.run)))
    }
}

/// Members that stand in each other's way: a first one, whoever is where one of them would like to be, and
/// so on.
fn related(
    recreate: &Recreate<'_>,
    plan: &Plan<'_>,
    first: u32,
    most: usize,
    out: &mut Vec<u32>,
    rng: &mut ChaCha8Rng,
) {
    out.clear();
    out.push(first);
    for _ in 0..3 * most {
        if out.len() >= most {
            break;
        }
        let of = out[rng.random_range(0..out.len())];
        let Some((pair, window)) = recreate.wish(plan.kind_of[of as usize], rng) else { break };
        for (limit, _) in recreate.model.takes(recreate.model.pair_at(pair)) {
            let there = &plan.there[*limit as usize];
            if there.is_empty() {
                continue;
            }
            let from = rng.random_range(0..there.len());
            let mut taken = 0;
            for other in there[from..].iter().chain(&there[..from]) {
                let placing = plan.placed[*other as usize].as_ref();
                let meets = placing.is_some_and(|p| p.runs().any(|r| r.0 < window.1 && window.0 < r.1));
                if meets && !out.contains(other) {
                    out.push(*other);
                    taken += 1;
                    if out.len() >= most || taken >= 4 {
                        break;
                    }
                }
            }
        }
    }
}

/// Improves a plan until so many columns have been looked at; never leaves a worse one. How many rounds.
pub(super) fn improve(recreate: &mut Recreate<'_>, plan: &mut Plan<'_>, moves: Moves, enough: f64) -> u64 {
    let mut rng = ChaCha8Rng::seed_from_u64(moves.seed);
    let members = plan.placed.len() as u32;
    let mut cost = recreate.cost(plan);
    let (mut best, mut least) = (plan.placed.clone(), cost);
    let placed = plan.placed.iter().flatten();
    let mean = placed.clone().map(|placing| placing.own.abs()).sum::<f64>() / placed.count().max(1) as f64;
    let (from, mut rounds, mut out) = (plan.looked, 0_u64, Vec::new());
    while plan.looked - from < moves.count && least > enough && !moves.is_over(rounds) {
        rounds += 1;
        // Counted too, so that plans in which everything fits at once have an end.
        plan.looked += 8;
        let share = (plan.looked - from) as f64 / moves.count as f64;
        let heat = mean * HEAT.0 * (HEAT.1 / HEAT.0).powf(share.min(1.0));
        let first = rng.random_range(0..members);
        let most = rng.random_range(2..=RUIN) as usize;
        related(recreate, plan, first, most, &mut out, &mut rng);
        let charged = rng.random_range(0..2) == 0;
        order(plan, &mut out, &mut rng);
        let before: Vec<Option<Placing>> = out.iter().map(|member| plan.take(*member as usize)).collect();
        let mut change = 0.0;
        for (member, old) in out.iter().zip(&before) {
            let missing = recreate.missing[plan.kind_of[*member as usize] as usize];
            change -= old.as_ref().map_or(missing, |placing| placing.own);
            let new = recreate.insert(plan, *member as usize, charged, || rng.random_range(0..BLINK) == 0);
            change += new.as_ref().map_or(missing, |placing| placing.own);
            if let Some(placing) = new {
                plan.place(*member as usize, placing);
            }
        }
        let luck: f64 = rng.random();
        if change < -heat * luck.max(1e-12).ln() {
            cost += change;
            if cost < least - 1e-9 * least.abs() {
                least = cost;
                best.clone_from(&plan.placed);
            }
        } else {
            for member in &out {
                plan.take(*member as usize);
            }
            for (member, old) in out.iter().zip(before) {
                if let Some(placing) = old {
                    plan.place(*member as usize, placing);
                }
            }
        }
    }
    for (member, placing) in best.iter().enumerate() {
        if plan.placed[member] != *placing {
            plan.take(member);
        }
    }
    for (member, placing) in best.into_iter().enumerate() {
        if let (Some(placing), None) = (placing, &plan.placed[member]) {
            plan.place(member, placing);
        }
    }
    rounds
}

/// In which order members are put back: at random, those that take most first, or those that have least
/// choice.
fn order(plan: &Plan<'_>, out: &mut [u32], rng: &mut ChaCha8Rng) {
    for i in (1..out.len()).rev() {
        out.swap(i, rng.random_range(0..=i));
    }
    let area = |member: &u32| -> f64 {
        let kind = plan.kind(*member as usize);
        plan.model.pairs_of(kind).next().map_or(0.0, |(_, pair)| {
            let amount: i64 = plan.model.takes(pair).iter().map(|take| take.1).max().unwrap_or(0);
            amount as f64 * pair.run as f64
        })
    };
    let starts = |member: &u32| -> u32 {
        plan.model.pairs_of(plan.kind(*member as usize)).map(|(_, pair)| pair.count).max().unwrap_or(0)
    };
    match rng.random_range(0..3) {
        0 => out.sort_by(|a, b| area(b).total_cmp(&area(a))),
        1 => out.sort_by_key(starts),
        _ => {}
    }
}
