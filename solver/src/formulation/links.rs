//! Rows between the ends of producers and the starts of those who read their results, made when a
//! solution breaks them.
//!
//! With A\[t\] for "the producer's result is there by t":
//! - a run of the consumer there that starts by t needs A\[t\]: Σ x\[start ≤ t\] ≤ Σ ends\[arrival ≤ t\];
//! - one that starts at t or later because it had to wait needs a producer that arrives no sooner:
//!   Σ x\[forced, start ≥ t\] ≤ Σ over producers Σ ends\[arrival ≥ t\].
//!
//! Both hold place by place, so the flows from places whose ends are all early, or all late, stand for
//! those ends.

use std::collections::BTreeMap;

use super::{End, Formulation};
use crate::problem::{Edge, Nanos, ceil_second};

/// Rows for one consumer in one place at a time, at most.
const ROWS: usize = 4;
/// What a row must be broken by.
const BROKEN: f64 = 1e-6;

/// The ends of a producer in one place, as they arrive at a consumer: (arrival, variable), and the flow.
struct Source {
    flow: u32,
    early: Vec<(Nanos, u32)>,
    late: Vec<(Nanos, u32)>,
}

impl Formulation<'_> {
    /// Makes the rows that `values` break.
    pub(super) fn link(&mut self, values: &[f64]) {
        let mut rows: Vec<Vec<(u32, f64)>> = Vec::new();
        for &consumer in &self.members {
            let inputs = &self.problem.tasks[consumer as usize].inputs;
            if inputs.is_empty() {
                continue;
            }
            let mut places: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
            for (x, item) in self.items_of(consumer) {
                places.entry(self.place_of(item)).or_default().push(x);
            }
            for (place, items) in places {
                if items.iter().map(|x| values[*x as usize]).sum::<f64>() <= BROKEN {
                    continue;
                }
                let sources: Vec<Vec<Source>> =
                    inputs.iter().map(|edge| self.sources(consumer, *edge, place)).collect();
                for of_one in &sources {
                    self.too_early(values, &items, of_one, &mut rows);
                }
                self.too_late(values, &items, &sources, &mut rows);
            }
        }
        for terms in rows {
            self.program.row(f64::NEG_INFINITY, 0.0, terms);
        }
    }

    /// The ends of a producer, by place, as they arrive in a place.
    fn sources(&self, consumer: u32, edge: Edge, place: u32) -> Vec<Source> {
        let mut by_place: BTreeMap<u32, Vec<&End>> = BTreeMap::new();
        for end in self.ends.get(&edge.producer).into_iter().flatten() {
            by_place.entry(end.place).or_default().push(end);
        }
        let flows = self.flows.get(&(edge.producer, consumer));
        by_place
            .into_iter()
            .filter_map(|(from, ends)| {
                let flow = *flows?.get(&(from, place))?;
                let time = self.problem.network.time(from, place, edge.bytes);
                let arrives = |end: Nanos| ceil_second(end.min(Nanos::MAX / 2).saturating_add(time));
                let mut early: Vec<(Nanos, u32)> =
                    ends.iter().map(|end| (arrives(end.from), end.variable)).collect();
                let mut late: Vec<(Nanos, u32)> =
                    ends.iter().map(|end| (arrives(end.to), end.variable)).collect();
                early.sort_unstable();
                late.sort_unstable();
                Some(Source { flow, early, late })
            })
            .collect()
    }

    /// Starts before the result is there.
    fn too_early(&self, values: &[f64], items: &[u32], sources: &[Source], rows: &mut Vec<Vec<(u32, f64)>>) {
        let mut starts: Vec<(Nanos, u32)> =
            items.iter().map(|x| (self.items[*x as usize].latest(), *x)).collect();
        starts.sort_unstable();
        let mut level = 0.0;
        let mut broken: Vec<(f64, Nanos)> = Vec::new();
        for (i, (start, x)) in starts.iter().enumerate() {
            level += values[*x as usize];
            let more = starts.get(i + 1).is_some_and(|next| next.0 == *start);
            if more || values[*x as usize] <= 1e-9 {
                continue;
            }
            let there: f64 = sources.iter().map(|s| s.by(*start, values).0).sum();
            if level > there + BROKEN {
                broken.push((level - there, *start));
            }
        }
        broken.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, moment) in broken.into_iter().take(ROWS) {
            let mut terms: Vec<(u32, f64)> =
                starts.iter().take_while(|s| s.0 <= moment).map(|s| (s.1, 1.0)).collect();
            for source in sources {
                terms.extend(source.by(moment, values).1.into_iter().map(|v| (v, -1.0)));
            }
            rows.push(terms);
        }
    }

    /// Starts later than all results are there, of runs that may not wait.
    fn too_late(
        &self,
        values: &[f64],
        items: &[u32],
        sources: &[Vec<Source>],
        rows: &mut Vec<Vec<(u32, f64)>>,
    ) {
        let mut starts: Vec<(Nanos, u32)> = items
            .iter()
            .map(|x| (&self.items[*x as usize], *x))
            .filter(|(item, _)| item.forced)
            .map(|(item, x)| (item.column.start(), x))
            .collect();
        starts.sort_unstable_by(|a, b| b.cmp(a));
        let mut level = 0.0;
        let mut broken: Vec<(f64, Nanos)> = Vec::new();
        for (i, (start, x)) in starts.iter().enumerate() {
            level += values[*x as usize];
            let more = starts.get(i + 1).is_some_and(|next| next.0 == *start);
            if more || values[*x as usize] <= 1e-9 {
                continue;
            }
            let waited: f64 = sources.iter().flatten().map(|s| s.from(*start, values).0).sum();
            if level > waited + BROKEN {
                broken.push((level - waited, *start));
            }
        }
        broken.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, moment) in broken.into_iter().take(ROWS) {
            let mut terms: Vec<(u32, f64)> =
                starts.iter().take_while(|s| s.0 >= moment).map(|s| (s.1, 1.0)).collect();
            for source in sources.iter().flatten() {
                terms.extend(source.from(moment, values).1.into_iter().map(|v| (v, -1.0)));
            }
            rows.push(terms);
        }
    }
}

impl Source {
    /// What arrives by a moment, and the variables that say so: the ends, or the flow where it is less.
    fn by(&self, moment: Nanos, values: &[f64]) -> (f64, Vec<u32>) {
        let count = self.early.partition_point(|end| end.0 <= moment);
        self.least(&self.early[..count], values)
    }

    /// What arrives at a moment or later.
    fn from(&self, moment: Nanos, values: &[f64]) -> (f64, Vec<u32>) {
        let count = self.late.partition_point(|end| end.0 < moment);
        self.least(&self.late[count..], values)
    }

    fn least(&self, ends: &[(Nanos, u32)], values: &[f64]) -> (f64, Vec<u32>) {
        let sum: f64 = ends.iter().map(|end| values[end.1 as usize]).sum();
        let flow = values[self.flow as usize];
        if ends.len() == self.early.len() || flow < sum {
            (flow, vec![self.flow])
        } else {
            (sum, ends.iter().map(|end| end.1).collect())
        }
    }
}
