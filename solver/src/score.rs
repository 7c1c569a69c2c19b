//! What is minimised, in order: required workloads left out, highest priority first; later ways than the
//! first; then dollars.

use std::cmp::Ordering;

use crate::problem::Problem;

/// Totals closer than this are equal: far below a plan's micro-dollars, far above float noise.
pub const EQUAL: f64 = 1e-8;

/// The priorities of required tasks, highest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranks(Vec<i64>);

impl Ranks {
    /// The distinct priorities of the required tasks.
    pub fn new(problem: &Problem) -> Self {
        let mut ranks: Vec<i64> = problem.tasks.iter().filter(|t| t.required).map(|t| t.priority).collect();
        ranks.sort_unstable_by_key(|p| std::cmp::Reverse(*p));
        ranks.dedup();
        Self(ranks)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is required.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rank of a priority; 0 is the highest.
    pub fn of(&self, priority: i64) -> usize {
        self.0.iter().position(|p| *p == priority).unwrap_or(0)
    }
}

/// How good a plan is.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// Required tasks left out, by rank.
    pub left: Vec<u32>,
    /// The sum of the ways that tasks take, where they are in order of preference.
    pub ways: u64,
    /// Dollars, values forgone included.
    pub total: f64,
}

impl Score {
    /// Whether nothing required is left out.
    pub fn complete(&self) -> bool {
        self.left.iter().all(|n| *n == 0)
    }

    /// Better, equal within [`EQUAL`], or worse.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.left.cmp(&other.left).then(self.ways.cmp(&other.ways)).then_with(|| {
            let slack = EQUAL * self.total.abs().max(1.0);
            if (self.total - other.total).abs() <= slack {
                Ordering::Equal
            } else {
                self.total.total_cmp(&other.total)
            }
        })
    }

    /// Whether it is strictly better.
    pub fn better_than(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Less
    }
}
