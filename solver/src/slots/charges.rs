//! What columns are charged at prices of limits, from prefix sums: of a whole window two look-ups.

use super::{
    model::{Kind, Model, Pair, Placing},
    pieces,
};
use crate::problem::Nanos;

/// The prices of a limit over time: dollars a unit at some moments.
#[derive(Debug, Clone, Default)]
pub(super) struct Steps {
    moments: Vec<Nanos>,
    /// The sum of the prices before each moment, and of all.
    sums: Vec<f64>,
}

impl Steps {
    /// Prices by moment, ascending.
    pub(super) fn new(prices: impl Iterator<Item = (Nanos, f64)>) -> Self {
        let (mut moments, mut sums, mut sum) = (Vec::new(), vec![0.0], 0.0);
        for (moment, price) in prices.filter(|of| of.1 > 0.0) {
            sum += price;
            moments.push(moment);
            sums.push(sum);
        }
        Self { moments, sums }
    }

    /// What one unit is charged for a window.
    pub(super) fn over(&self, start: Nanos, end: Nanos) -> f64 {
        let before = |moment: Nanos| self.moments.partition_point(|m| *m < moment);
        self.sums.get(before(end)).zip(self.sums.get(before(start))).map_or(0.0, |(end, start)| end - start)
    }

    /// Whether anything is charged between two moments.
    fn charges(&self, start: Nanos, end: Nanos) -> bool {
        self.moments.partition_point(|m| *m < start) < self.moments.partition_point(|m| *m < end)
    }
}

/// Reads a [`Steps`] at ascending moments.
struct Cursor<'s> {
    steps: &'s Steps,
    at: usize,
}

impl<'s> Cursor<'s> {
    const fn new(steps: &'s Steps) -> Self {
        Self { steps, at: 0 }
    }

    fn until(&mut self, moment: Nanos) -> f64 {
        while self.steps.moments.get(self.at).is_some_and(|m| *m < moment) {
            self.at += 1;
        }
        self.steps.sums[self.at]
    }
}

/// Prices of everything limited, none below 0.
#[derive(Debug, Clone)]
pub(super) struct Charges {
    /// By limit over time.
    pub over: Vec<Steps>,
    /// By sum of dollars, and of kilograms.
    pub money: Vec<f64>,
    pub carbon: Vec<f64>,
}

impl Charges {
    /// Nothing is charged.
    pub(super) fn none(model: &Model<'_>) -> Self {
        Self {
            over: model.limits.iter().map(|_| Steps::new(std::iter::empty())).collect(),
            money: vec![0.0; model.money.len()],
            carbon: vec![0.0; model.carbon.len()],
        }
    }

    /// What a placing costs with all it is charged.
    pub(super) fn reduced(&self, model: &Model<'_>, kind: &Kind, placing: &Placing) -> f64 {
        let pair = model.pair_at(placing.pair);
        let mut cost = placing.own + self.money(kind, pair) + self.carbon(kind) * placing.kilograms;
        for (limit, amount) in model.takes(pair) {
            let steps = &self.over[*limit as usize];
            cost += placing.runs().map(|run| steps.over(run.0, run.1)).sum::<f64>() * *amount as f64;
        }
        cost
    }

    fn money(&self, kind: &Kind, pair: &Pair) -> f64 {
        kind.money.iter().map(|sum| self.money[*sum as usize] * pair.money).sum()
    }

    /// What a kilogram is charged.
    fn carbon(&self, kind: &Kind) -> f64 {
        kind.carbon.iter().map(|sum| self.carbon[*sum as usize]).sum()
    }

    /// By start what a pair without pieces costs with all it is charged.
    pub(super) fn by_start(&self, model: &Model<'_>, kind: &Kind, pair: &Pair, out: &mut Vec<f64>) {
        out.clear();
        let base = pair.base + self.money(kind, pair);
        let rate = pair.rate + pair.kilowatts * self.carbon(kind);
        out.extend(
            (0..).zip(model.integrals(pair)).map(|(i, kg)| base + rate * kg + pair.delay(pair.start(i))),
        );
        let last = pair.start(pair.count - 1);
        for (limit, amount) in model.takes(pair) {
            let steps = &self.over[*limit as usize];
            if !steps.charges(pair.first, last + pair.run) {
                continue;
            }
            let (mut start, mut end) = (Cursor::new(steps), Cursor::new(steps));
            for (i, cost) in (0..).zip(out.iter_mut()) {
                let moment = pair.start(i);
                *cost += (end.until(moment + pair.run) - start.until(moment)) * *amount as f64;
            }
        }
    }

    /// The cheapest run in pieces of a pair with all it is charged, if it costs less than `below`; of slots
    /// only those that are `open`.
    pub(super) fn in_pieces(
        &self,
        model: &Model<'_>,
        (kind, pair): (&Kind, &Pair),
        below: f64,
        open: impl Fn(Nanos, Nanos) -> bool,
    ) -> Option<pieces::Found> {
        let base = pair.base + self.money(kind, pair);
        let rate = pair.rate + pair.kilowatts * self.carbon(kind);
        let last = pair.slot(pair.count - 1).1;
        let takes: Vec<(&Steps, f64)> = model
            .takes(pair)
            .iter()
            .map(|(limit, amount)| (&self.over[*limit as usize], *amount as f64))
            .filter(|(steps, _)| steps.charges(pair.first, last))
            .collect();
        let charged = |start: Nanos, end: Nanos| -> f64 {
            takes.iter().map(|(steps, amount)| steps.over(start, end) * amount).sum()
        };
        let slot = |(i, kg): (u32, &f64)| {
            let (start, end) = pair.slot(i);
            if open(start, end) { rate * kg + charged(start, end) } else { f64::INFINITY }
        };
        let whole: Vec<f64> = (0..).zip(model.integrals(pair)).map(slot).collect();
        let tail = |_, start, end| {
            if !open(start, end) {
                return f64::INFINITY;
            }
            rate * model.integral(pair, start, end) + charged(start, end) + pair.delay(end)
        };
        let mut found = pieces::cheapest(pair, &whole, tail, below - base)?;
        found.cost += base;
        Some(found)
    }

    /// The cheapest columns of a kind with all they are charged, one of each pair and at most `most`, those
    /// that cost less than `below`: cost and placing, cheapest first.
    pub(super) fn cheapest(
        &self,
        model: &Model<'_>,
        kind: &Kind,
        most: usize,
        below: f64,
        costs: &mut Vec<f64>,
    ) -> Vec<(f64, Placing)> {
        let mut best: Vec<(f64, u32, Pick)> = Vec::new();
        let mut limit = below;
        for (number, pair) in model.pairs_of(kind) {
            // Pairs come by the least they may cost.
            if pair.least >= limit {
                break;
            }
            let found = if pair.pieces {
                let found = self.in_pieces(model, (kind, pair), limit, |_, _| true);
                found.map(|found| (found.cost, number, Pick::Pieces(found.runs)))
            } else {
                self.by_start(model, kind, pair, costs);
                let least = (0..).zip(costs.iter()).min_by(|a, b| a.1.total_cmp(b.1));
                least.map(|(start, cost)| (*cost, number, Pick::Start(start)))
            };
            if let Some(found) = found.filter(|found| found.0 < limit) {
                let at = best.partition_point(|other| other.0 <= found.0);
                best.insert(at, found);
                best.truncate(most);
                if best.len() == most {
                    limit = best.last().map_or(limit, |last| last.0);
                }
            }
        }
        let placing = |(cost, number, pick)| match pick {
            Pick::Start(start) => (cost, model.placing(number, start)),
            Pick::Pieces(runs) => (cost, model.in_pieces(number, &runs)),
        };
        best.into_iter().map(placing).collect()
    }
}

enum Pick {
    Start(u32),
    Pieces(Vec<(Nanos, Nanos)>),
}
