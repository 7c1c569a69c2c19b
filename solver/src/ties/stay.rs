//! No move for nothing.
//!
//! Whoever is not on the offer it runs on already goes back there where that costs no more: alone, or by
//! changing places with another that has no current offer or is not on it either. So every step leaves fewer
//! moves, and there is an end.

use super::Plan;
use crate::{
    column::Column,
    construct::{cheapest, topological},
};

/// Tries in all, for each task and at least.
const TRIES: (usize, usize) = (20, 20_000);

/// What becomes of a task: a choice, or left out.
type Turn = (u32, Option<u32>);

/// Takes tasks back to their current offers.
pub(super) fn go_back(plan: &mut Plan<'_>) {
    let home: Vec<Option<u32>> = plan
        .problem
        .tasks
        .iter()
        .map(|t| t.choices.iter().position(|choice| choice.current).map(|choice| choice as u32))
        .collect();
    let mut tries = (TRIES.0 * home.len()).max(TRIES.1);
    let mut back = Back { plan, home, tries: &mut tries };
    // Who goes back makes room for others: again until nobody moves.
    while back.round() {}
}

struct Back<'p, 'a> {
    plan: &'p mut Plan<'a>,
    /// By task its current offer, where it has one.
    home: Vec<Option<u32>>,
    tries: &'p mut usize,
}

impl Back<'_, '_> {
    /// Looks at everyone once; whether somebody moved.
    fn round(&mut self) -> bool {
        let mut moved = false;
        for task in 0..self.home.len() as u32 {
            let Some(home) = self.home[task as usize].filter(|_| self.is_away(task)) else { continue };
            moved |= self.turn(&[(task, Some(home))]) || self.exchange(task, home);
        }
        moved
    }

    /// Whether a task is not on its current offer, or has none.
    fn is_away(&self, task: u32) -> bool {
        let choice = self.choice(task);
        self.home[task as usize].is_none_or(|home| choice != Some(home))
    }

    fn choice(&self, task: u32) -> Option<u32> {
        self.plan.state.column(task as usize).map(|column| column.choice)
    }

    fn offer(&self, task: u32, choice: u32) -> u32 {
        self.plan.problem.tasks[task as usize].choices[choice as usize].offer
    }

    /// Takes a task back in exchange with another, of which those on its offer come first.
    fn exchange(&mut self, task: u32, home: u32) -> bool {
        let wanted = self.offer(task, home);
        let left = self.choice(task).map(|choice| self.offer(task, choice));
        let is_there = |this: &Self, other: u32| {
            this.choice(other).is_some_and(|choice| this.offer(other, choice) == wanted)
        };
        let others: Vec<u32> = (0..self.home.len() as u32)
            .filter(|other| *other != task && self.choice(*other).is_some() && self.is_away(*other))
            .collect();
        let (there, elsewhere): (Vec<u32>, Vec<u32>) =
            others.into_iter().partition(|other| is_there(self, *other));
        for other in there.into_iter().chain(elsewhere) {
            let choices = &self.plan.problem.tasks[other as usize].choices;
            let on = |offer: u32| choices.iter().position(|choice| choice.offer == offer);
            let mut turns: Vec<Option<u32>> = match left {
                Some(offer) => on(offer).map(|choice| Some(choice as u32)).into_iter().collect(),
                None => vec![None],
            };
            turns.extend(self.home[other as usize].map(Some));
            turns.dedup();
            for turn in turns {
                if self.turn(&[(task, Some(home)), (other, turn)]) {
                    return true;
                }
            }
        }
        false
    }

    /// Makes some turns together if they hold under the full rules and cost no more.
    fn turn(&mut self, turns: &[Turn]) -> bool {
        if *self.tries == 0 || self.plan.params.is_over() {
            return false;
        }
        let Some(forgone) = self.forgone(turns) else { return false };
        *self.tries -= 1;
        let readers = turns.iter().flat_map(|turn| &self.plan.readers[turn.0 as usize]);
        let mut touched: Vec<u32> = turns.iter().map(|turn| turn.0).chain(readers.copied()).collect();
        touched.sort_unstable();
        touched.dedup();
        let order = topological(self.plan.problem, &touched);
        let total = self.plan.state.total();
        // Who reads goes before who is read from, and comes back after it: edges are paid by readers.
        let mut before: Vec<(u32, Option<Column>)> =
            order.iter().rev().map(|task| (*task, self.plan.state.remove(*task as usize))).collect();
        before.reverse();
        let holds = before.iter().all(|(task, column)| match turns.iter().find(|turn| turn.0 == *task) {
            Some((_, turn)) => turn.is_none_or(|choice| self.place(*task, choice)),
            None => column.as_ref().is_none_or(|column| self.place_again(*task, column)),
        });
        let change = self.plan.state.total() - total + forgone;
        if holds && self.plan.affords(change) && self.plan.state.over_budget().is_none() {
            self.plan.note(change);
            return true;
        }
        for (task, _) in before.iter().rev() {
            self.plan.state.remove(*task as usize);
        }
        for (task, column) in before {
            if let Some(column) = column {
                self.plan.state.place(task as usize, column);
            }
        }
        false
    }

    /// Dollars of values forgone that some turns add; `None` where another required task would be left out that
    /// is no equal of the one that is placed.
    fn forgone(&self, turns: &[Turn]) -> Option<f64> {
        let tasks = &self.plan.problem.tasks;
        let placed = |this: &Self, task: u32| this.choice(task).is_some();
        let comes = turns.iter().find(|turn| turn.1.is_some() && !placed(self, turn.0));
        let goes = turns.iter().find(|turn| turn.1.is_none() && placed(self, turn.0));
        let of = |turn: Option<&Turn>| turn.map(|turn| &tasks[turn.0 as usize]);
        let rank = |turn: Option<&Turn>| of(turn).filter(|t| t.required).map(|t| t.priority);
        let value = |turn: Option<&Turn>| of(turn).filter(|t| !t.required).map_or(0.0, |t| t.value);
        (rank(comes) == rank(goes)).then(|| value(goes) - value(comes))
    }

    /// Places a task on a choice, at the cheapest time that fits.
    fn place(&mut self, task: u32, choice: u32) -> bool {
        let column = cheapest(self.plan.problem, &self.plan.state, task, choice);
        column.map(|column| self.plan.state.place(task as usize, column)).is_some()
    }

    /// Places a task where it was, if it may still be there.
    fn place_again(&mut self, task: u32, column: &Column) -> bool {
        let state = &mut self.plan.state;
        let may = state.may_start(task as usize, column) && state.obstacle(task as usize, column).is_none();
        if may {
            state.place(task as usize, column.clone());
        }
        may
    }
}
