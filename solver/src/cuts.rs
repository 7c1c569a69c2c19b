//! Cutting planes: inequalities that every plan keeps and a fractional solution may break.
//!
//! The limits over time are knapsacks whose sizes are lumpy: a workload that takes the whole of a quota
//! shares it with nothing, yet 0.7 of it leaves 0.3 to others. Covers say so. C is a cover when its
//! members do not fit together: Σ x over C ≤ |C| − 1 (Balas 1975, "Facets of the knapsack polytope";
//! Wolsey 1975; Hammer, Johnson & Peled 1975). What stands outside C is lifted, one task after the other,
//! each with the largest coefficients that no plan breaks, by dynamic programming over the capacity
//! (Zemel 1989, "Easily computable facets of the knapsack polytope"). Of a task at most one column is 1,
//! so its columns are lifted together, each by its own amount (Wolsey 1990, "Valid inequalities for 0-1
//! knapsacks and MIPs with generalised upper bound constraints").

use std::collections::{BTreeMap, BTreeSet};

use crate::{formulation::Formulation, linear::Row};

/// The share of a limit in use from which it is looked at.
const USED: f64 = 0.4;
/// The most cutting planes made at a look.
const AT_ONCE: usize = 200;

/// The cutting planes made for a program so far.
#[derive(Debug, Default)]
pub struct Cuts(BTreeSet<Vec<(u32, u64)>>);

impl Cuts {
    /// How many there are.
    pub fn made(&self) -> u64 {
        self.0.len() as u64
    }

    /// Adds the inequalities to the program that `values` break most; says whether there are any.
    pub fn make(&mut self, form: &mut Formulation<'_>, values: &[f64]) -> bool {
        let knapsacks = form.knapsacks(values, USED);
        let broken = knapsacks.iter().filter(|k| k.may_break()).filter_map(|k| k.lifted_cover(values));
        let mut cuts: Vec<(f64, Row)> = broken
            .map(|cut| (cut.terms.iter().map(|(x, a)| a * values[*x as usize]).sum::<f64>() - cut.high, cut))
            .collect();
        cuts.sort_by(|a, b| b.0.total_cmp(&a.0));
        let before = self.0.len();
        for (_, cut) in cuts.into_iter().take(AT_ONCE) {
            if self.0.insert(cut.terms.iter().map(|(x, a)| (*x, a.to_bits())).collect()) {
                form.program.rows.push(cut);
            }
        }
        self.0.len() > before
    }
}

/// What a column of a task takes of a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Portion {
    /// The column, 0 or 1.
    pub column: u32,
    /// Its task: of one task at most one column is 1.
    pub task: u32,
    /// How much it takes, in the units of the capacity.
    pub amount: f64,
}

/// Σ amount·x ≤ capacity.
#[derive(Debug, Clone, PartialEq)]
pub struct Knapsack {
    /// How much there is.
    pub capacity: f64,
    /// Who takes of it.
    pub portions: Vec<Portion>,
}

/// Capacities are counted in at most so many units: sizes are rounded down to them.
const UNITS: u64 = 512;
/// A cut is worth its row when it is broken by so much.
const WORTHWHILE: f64 = 0.002;

impl Knapsack {
    /// Whether the portions could exceed the capacity, one of each task.
    pub fn may_break(&self) -> bool {
        let mut most: BTreeMap<u32, f64> = BTreeMap::new();
        for portion in &self.portions {
            let of_task = most.entry(portion.task).or_default();
            *of_task = of_task.max(portion.amount);
        }
        most.values().sum::<f64>() > self.capacity
    }

    /// The limit itself as a row, scaled to a capacity of about 1.
    pub fn row(&self) -> Row {
        let scale = 1.0 / self.capacity.max(1.0);
        let terms = self.portions.iter().map(|p| (p.column, p.amount * scale)).collect();
        Row { low: f64::NEG_INFINITY, high: self.capacity * scale, terms }
    }

    /// A lifted cover inequality that `values` break, if one is found.
    pub fn lifted_cover(&self, values: &[f64]) -> Option<Row> {
        let (capacity, tasks) = self.in_units();
        let cover = cover(capacity, &tasks, values)?;
        let row = lift(capacity, &tasks, &cover, values);
        let activity: f64 = row.terms.iter().map(|(x, a)| a * values[*x as usize]).sum();
        (activity > row.high + WORTHWHILE).then_some(row)
    }

    /// The capacity in whole units and, by task, what its columns take of them. Rounding down keeps every
    /// plan: Σ ⌊a⌋·x ≤ Σ a·x ≤ b, and the left side is whole.
    fn in_units(&self) -> (usize, Vec<Sizes>) {
        let amounts = self.portions.iter().map(|p| p.amount.floor() as u64);
        let divisor = amounts.chain([self.capacity.floor() as u64]).fold(0, gcd).max(1);
        let unit = divisor.max((self.capacity.floor() as u64).div_ceil(UNITS));
        let mut tasks: BTreeMap<u32, Sizes> = BTreeMap::new();
        for portion in &self.portions {
            let size = (portion.amount.floor() as u64 / unit) as usize;
            tasks.entry(portion.task).or_default().0.entry(size).or_default().push(portion.column);
        }
        ((self.capacity.floor() as u64 / unit) as usize, tasks.into_values().collect())
    }
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The columns of one task by what they take.
#[derive(Debug, Default)]
struct Sizes(BTreeMap<usize, Vec<u32>>);

impl Sizes {
    /// Of each size, how much of the task's columns takes it or more.
    fn at_least(&self, values: &[f64]) -> Vec<(usize, f64)> {
        let mut sum = 0.0;
        let mut list = Vec::new();
        for (size, columns) in self.0.iter().rev().filter(|(size, _)| **size > 0) {
            let value: f64 = columns.iter().map(|x| values[*x as usize]).sum();
            sum += value;
            if value > 1e-6 {
                list.push((*size, sum));
            }
        }
        list
    }
}

/// A member of a cover: a task, by its columns that take a size or more.
#[derive(Debug, Clone, Copy)]
struct CoverMember {
    task: usize,
    size: usize,
}

/// The cover that `values` break most: Σ (1 − x) over it is least, and below 1; without members that it
/// does not need.
fn cover(capacity: usize, tasks: &[Sizes], values: &[f64]) -> Option<Vec<CoverMember>> {
    /// The least Σ (1 − x) with a total size, and its last member.
    type Cell = (f64, Option<(CoverMember, usize)>);
    let full = capacity + 1;
    // By task, the cells after it; what exceeds the capacity counts as `full`.
    let mut table: Vec<Vec<Cell>> = vec![vec![(f64::INFINITY, None); full + 1]];
    table[0][0].0 = 0.0;
    for (task, sizes) in tasks.iter().enumerate() {
        let before = &table[task];
        let mut after: Vec<Cell> = before.iter().map(|cell| (cell.0, None)).collect();
        for (size, value) in sizes.at_least(values) {
            for (total, cell) in before.iter().enumerate() {
                let cost = cell.0 + (1.0 - value).max(0.0);
                let reached = (total + size).min(full);
                if cost < after[reached].0 - 1e-12 {
                    after[reached] = (cost, Some((CoverMember { task, size }, total)));
                }
            }
        }
        table.push(after);
    }
    if table[tasks.len()][full].0 >= 1.0 - WORTHWHILE {
        return None;
    }
    let mut members = Vec::new();
    let mut total = full;
    for task in (0..tasks.len()).rev() {
        if let Some((member, before)) = table[task + 1][total].1 {
            members.push(member);
            total = before;
        }
    }
    members.sort_by_key(|m| (m.size, m.task));
    let mut sum: usize = members.iter().map(|m| m.size).sum();
    members.retain(|m| {
        let needed = sum - m.size <= capacity;
        if !needed {
            sum -= m.size;
        }
        needed
    });
    Some(members)
}

/// Lifts every other task into a cover inequality, those that take most in `values` first.
fn lift(capacity: usize, tasks: &[Sizes], cover: &[CoverMember], values: &[f64]) -> Row {
    let most = cover.len() - 1;
    let mut terms: Vec<(u32, f64)> = Vec::new();
    // By room, the most that the tasks lifted so far can add up to within it.
    let mut best = vec![0_usize; capacity + 1];
    let add = |best: &mut Vec<usize>, gains: &[(usize, usize)]| {
        let before = best.clone();
        for (size, gain) in gains {
            for room in *size..=capacity {
                best[room] = best[room].max(before[room - size] + gain);
            }
        }
    };
    for member in cover {
        let columns = tasks[member.task].0.range(member.size..).flat_map(|(_, columns)| columns);
        terms.extend(columns.map(|x| (*x, 1.0)));
        add(&mut best, &[(member.size, 1)]);
    }
    let mut rest: Vec<(f64, usize)> = (0..tasks.len())
        .filter(|task| cover.iter().all(|m| m.task != *task))
        .map(|task| {
            let sizes = tasks[task].0.iter();
            let taken =
                sizes.map(|(size, xs)| *size as f64 * xs.iter().map(|x| values[*x as usize]).sum::<f64>());
            (taken.sum(), task)
        })
        .collect();
    rest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    for (_, task) in rest {
        let mut gains = Vec::new();
        for (size, columns) in &tasks[task].0 {
            // Larger than the whole: never 1, so any coefficient holds.
            let others = capacity.checked_sub(*size).map_or(0, |room| best[room]);
            let gain = most.saturating_sub(others);
            if gain > 0 {
                terms.extend(columns.iter().map(|x| (*x, gain as f64)));
                gains.push((*size, gain));
            }
        }
        gains.retain(|(size, _)| *size <= capacity);
        add(&mut best, &gains);
    }
    terms.sort_unstable_by_key(|t| t.0);
    Row { low: f64::NEG_INFINITY, high: most as f64, terms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Columns of a few tasks with sizes, and a fractional point that keeps one column a task.
    fn knapsacks() -> impl Strategy<Value = (Knapsack, Vec<f64>)> {
        let sizes = prop::collection::vec(prop::collection::vec((1_u32..17, 0_u32..100), 1..4), 1..7);
        (4_u32..33, sizes, prop_oneof![Just(1.0), Just(1000.0), Just(0.37)]).prop_map(
            |(capacity, tasks, scale)| {
                let (mut portions, mut values) = (Vec::new(), Vec::new());
                for (task, columns) in (0..).zip(&tasks) {
                    let whole = columns.iter().map(|c| c.1).sum::<u32>().max(100);
                    for (size, weight) in columns {
                        let column = values.len() as u32;
                        portions.push(Portion { column, task, amount: f64::from(*size) * scale });
                        values.push(f64::from(*weight) / f64::from(whole));
                    }
                }
                (Knapsack { capacity: f64::from(capacity) * scale, portions }, values)
            },
        )
    }

    /// Every choice of at most one column a task that the capacity holds.
    fn plans(knapsack: &Knapsack) -> Vec<Vec<u32>> {
        let mut plans: Vec<(f64, Vec<u32>)> = vec![(0.0, Vec::new())];
        let tasks: std::collections::BTreeSet<u32> = knapsack.portions.iter().map(|p| p.task).collect();
        for task in tasks {
            for i in 0..plans.len() {
                for portion in knapsack.portions.iter().filter(|p| p.task == task) {
                    let (sum, mut plan) = plans[i].clone();
                    if sum + portion.amount <= knapsack.capacity {
                        plan.push(portion.column);
                        plans.push((sum + portion.amount, plan));
                    }
                }
            }
        }
        plans.into_iter().map(|p| p.1).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_cut_removes_a_plan((knapsack, values) in knapsacks()) {
            let Some(cut) = knapsack.lifted_cover(&values) else { return Ok(()) };
            for plan in plans(&knapsack) {
                let activity: f64 = cut.terms.iter().filter(|t| plan.contains(&t.0)).map(|t| t.1).sum();
                prop_assert!(activity <= cut.high + 1e-9, "{plan:?} breaks {cut:?} of {knapsack:?}");
            }
        }
    }

    #[test]
    fn what_takes_all_shares_with_nothing() {
        // 16 of 16, three of 1, and one of 8 or of 16.
        let sizes = [(0, 16.0), (1, 1.0), (2, 1.0), (3, 1.0), (4, 8.0), (4, 16.0)];
        let portions = (0..)
            .zip(sizes)
            .map(|(column, (task, amount))| Portion { column, task, amount: amount * 1000.0 })
            .collect();
        let knapsack = Knapsack { capacity: 16_000.0, portions };
        let cut = knapsack.lifted_cover(&[0.7, 0.7, 0.7, 0.2, 0.3, 0.0]).expect("0.7 + 0.7 > 1");
        assert_eq!(cut.high.to_bits(), 1.0_f64.to_bits());
        // The whole of it, with one small one or with the last task on either of its columns.
        assert!(cut.terms.contains(&(0, 1.0)) && cut.terms.contains(&(5, 1.0)), "{cut:?}");
        assert_eq!(knapsack.lifted_cover(&[0.4, 0.6, 0.6, 0.6, 0.0, 0.0]), None);
    }
}
