//! A plan within every limit: what is valid stays, what is not goes where it adds least, others make room.

use std::cmp::Ordering;

use super::{
    Previous,
    menu::{Entry, Tolls, menu},
};
use crate::{
    column::{Column, columns, kilograms, own_money, static_cost},
    construct::{cheapest, shed, topological},
    problem::{Choice, Problem},
    score::{EQUAL, Ranks},
    state::{Limit, State},
};

/// Columns for which room is made, for each task that is placed anew.
const ROOMS: usize = 12;
/// Tasks that may have to leave together.
const LEAVING: usize = 8;
/// Moves towards budgets that are exceeded.
const SAVINGS: usize = 200;

/// What became of the plan in force.
pub(super) struct Mended<'a> {
    pub(super) state: State<'a>,
    /// By task where it stayed.
    pub(super) valid: Vec<Option<Column>>,
    pub(super) freed: u64,
    pub(super) ejected: u64,
}

pub(super) fn mend<'a>(
    problem: &'a Problem,
    ranks: &'a Ranks,
    tolls: &'a Tolls,
    previous: &Previous,
) -> Mended<'a> {
    let mut mend =
        Mend { problem, ranks, tolls, readers: problem.readers(), state: State::new(problem), ejected: 0 };
    let mut by_importance: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    // Of equals the larger ones first: small ones find a place more easily.
    let size =
        |task: u32| previous.columns.get(task as usize).and_then(Option::as_ref).map(|c| mend.size(task, c));
    by_importance.sort_by_cached_key(|task| (mend.rank(*task), std::cmp::Reverse(size(*task)), *task));
    let order = topological(problem, &by_importance);
    let mut freed = 0;
    for &task in &order {
        if let Some(column) = previous.columns.get(task as usize).and_then(Option::as_ref) {
            match mend.still(task, column) {
                Some(column) => {
                    mend.state.place(task as usize, column);
                }
                None => freed += 1,
            }
        }
    }
    let valid = mend.state.columns().to_vec();
    mend.insert_missing(&order);
    mend.save(&order);
    // Sums are whole only now: what had to go may fit after all.
    mend.insert_missing(&order);
    shed(problem, &mut mend.state, &order);
    Mended { state: mend.state, valid, freed, ejected: mend.ejected }
}

struct Mend<'a> {
    problem: &'a Problem,
    ranks: &'a Ranks,
    tolls: &'a Tolls,
    readers: Vec<Vec<u32>>,
    state: State<'a>,
    ejected: u64,
}

impl Mend<'_> {
    /// How important a task is; the least number first. Optional ones come after all required.
    fn rank(&self, task: u32) -> usize {
        let t = &self.problem.tasks[task as usize];
        if t.required { self.ranks.of(t.priority) } else { self.ranks.len() }
    }

    /// What a column takes of quotas and counts, to tell large from small.
    fn size(&self, task: u32, column: &Column) -> i64 {
        let Some(choice) = self.problem.tasks[task as usize].choices.get(column.choice as usize) else {
            return 0;
        };
        choice.quotas.iter().map(|quota| quota.1).fold(choice.units, i64::saturating_add)
    }

    /// Where a task that was on a column may stay: at the same time, else at another on the same choice.
    fn still(&self, task: u32, column: &Column) -> Option<Column> {
        let t = &self.problem.tasks[task as usize];
        let choice = t.choices.get(column.choice as usize).filter(|choice| !choice.spare)?;
        let first = self.state.first_start(task as usize, choice)?;
        let mut list = Vec::new();
        columns(self.problem, t, column.choice as usize, first, &mut list);
        let same = list.into_iter().find(|allowed| allowed.runs == column.runs);
        same.filter(|same| self.state.obstacle(task as usize, same).is_none())
            .or_else(|| cheapest(self.problem, &self.state, task, column.choice))
    }

    /// Places what is not placed, the most important first. Who makes room is placed again at once, or is less
    /// important and so comes later.
    fn insert_missing(&mut self, order: &[u32]) {
        for &task in order {
            if self.state.column(task as usize).is_none() {
                self.insert(task);
            }
        }
    }

    /// Places a task where it adds least at the last known prices, with others making room where that is better.
    fn insert(&mut self, task: u32) {
        let list = menu(self.problem, &self.state, self.tolls, task, true);
        let t = &self.problem.tasks[task as usize];
        let most = if t.required { f64::INFINITY } else { t.value };
        let mut best: Option<(f64, usize)> = None;
        let mut blocked: Vec<usize> = Vec::new();
        for (at, entry) in list.iter().enumerate() {
            // What is shared rarely makes a column cheaper than it is on its own.
            if best.is_some_and(|best| entry.key > best.0 + EQUAL) {
                break;
            }
            if self.state.obstacle(task as usize, &entry.column).is_some() {
                if blocked.len() < ROOMS {
                    blocked.push(at);
                }
                continue;
            }
            let delta = self.state.place(task as usize, entry.column.clone());
            self.state.remove(task as usize);
            let key = delta + entry.toll;
            if delta <= most && best.is_none_or(|best| key < best.0 - EQUAL) {
                best = Some((key, at));
            }
        }
        // Room is made where that costs less than the best place that is free.
        let mut room: Option<(f64, usize, Vec<Turn>)> = None;
        for at in blocked {
            let entry = &list[at];
            let least = room.as_ref().map(|room| room.0).or(best.map(|best| best.0)).unwrap_or(f64::INFINITY);
            if entry.key > least + EQUAL {
                break;
            }
            if let Some((delta, turns)) = self.make_room(task, entry)
                && delta <= most
                && delta + entry.toll < least - EQUAL
            {
                room = Some((delta + entry.toll, at, turns));
            }
        }
        match (room, best) {
            (Some((_, at, turns)), _) => {
                for turn in &turns {
                    self.state.remove(turn.task as usize);
                }
                self.state.place(task as usize, list[at].column.clone());
                for turn in turns {
                    self.ejected += 1;
                    if let Some(to) = turn.to {
                        self.state.place(turn.task as usize, to);
                    }
                }
            }
            (None, Some((_, at))) => {
                self.state.place(task as usize, list[at].column.clone());
            }
            (None, None) => {}
        }
    }

    /// Who would leave for a column, and where to, with what that adds in all; `None` where no few may. Leaves the
    /// state as it was.
    fn make_room(&mut self, task: u32, entry: &Entry) -> Option<(f64, Vec<Turn>)> {
        let total = self.state.total();
        let mut left: Vec<(u32, Column)> = Vec::new();
        let mut forgone = 0.0;
        let mut turns = Vec::new();
        let mut possible = true;
        while let Some(limit) = self.state.obstacle(task as usize, &entry.column) {
            let victim = (left.len() < LEAVING).then(|| self.victim(task, entry, limit)).flatten();
            let Some((victim, column)) = victim.and_then(|v| Some((v, self.state.remove(v as usize)?)))
            else {
                possible = false;
                break;
            };
            left.push((victim, column));
        }
        if possible {
            self.state.place(task as usize, entry.column.clone());
            // The largest first, as everywhere.
            let mut out = left.clone();
            out.sort_by_cached_key(|(victim, column)| {
                (self.rank(*victim), std::cmp::Reverse(self.size(*victim, column)), *victim)
            });
            for (victim, _) in &out {
                let to = self.elsewhere(*victim);
                if let Some(to) = &to {
                    self.state.place(*victim as usize, to.clone());
                } else if self.rank(*victim) > self.rank(task) {
                    let t = &self.problem.tasks[*victim as usize];
                    forgone += if t.required { 0.0 } else { t.value };
                } else {
                    possible = false;
                    break;
                }
                turns.push(Turn { task: *victim, to });
            }
        }
        let delta = self.state.total() - total + forgone;
        self.state.remove(task as usize);
        for (victim, _) in &left {
            self.state.remove(*victim as usize);
        }
        for (victim, column) in left {
            self.state.place(victim as usize, column);
        }
        possible.then_some((delta, turns))
    }

    /// Who should leave a limit that stands in the way of a task: the least important first, then who takes most
    /// for what moving it costs.
    fn victim(&self, task: u32, entry: &Entry, limit: Limit) -> Option<u32> {
        let over =
            self.state.excess(task as usize, &entry.column).into_iter().find(|broken| broken.0 == limit)?.1;
        let overlaps = |column: &Column| {
            let meets = |run: &(i64, i64)| entry.column.runs.iter().any(|r| r.0 < run.1 && run.0 < r.1);
            column.runs.iter().any(meets)
        };
        let mut best: Option<(std::cmp::Reverse<usize>, bool, f64, u32)> = None;
        for &other in self.state.users(limit) {
            let Some(column) = self.state.column(other as usize) else { continue };
            let t = &self.problem.tasks[other as usize];
            let linked = !t.inputs.is_empty() || !self.readers[other as usize].is_empty();
            if other == task || linked || self.rank(other) < self.rank(task) || !overlaps(column) {
                continue;
            }
            let takes = self.takes(other, column, limit);
            if takes <= 0 {
                continue;
            }
            // Roughly what leaving costs: the distance to the cheapest that is somewhere else.
            let away = t
                .choices
                .iter()
                .filter(|choice| !choice.spare && amount(choice, limit) == 0)
                .map(static_cost)
                .fold(f64::INFINITY, f64::min);
            let here = static_cost(&t.choices[column.choice as usize]);
            let regret = (away - here).max(0.0) / takes.min(over) as f64;
            let key = (std::cmp::Reverse(self.rank(other)), takes < over, regret, other);
            let better = best.as_ref().is_none_or(|best| {
                (key.0, key.1).cmp(&(best.0, best.1)).then(key.2.total_cmp(&best.2)).then(key.3.cmp(&best.3))
                    == Ordering::Less
            });
            if better {
                best = Some(key);
            }
        }
        best.map(|best| best.3)
    }

    fn takes(&self, task: u32, column: &Column, limit: Limit) -> i64 {
        amount(&self.problem.tasks[task as usize].choices[column.choice as usize], limit)
    }

    /// The column of a task that adds least where it fits without anyone leaving.
    fn elsewhere(&mut self, task: u32) -> Option<Column> {
        // Its most promising choices first: mostly one of them is free.
        [false, true].into_iter().find_map(|all| self.least(task, all))
    }

    fn least(&mut self, task: u32, all: bool) -> Option<Column> {
        let mut best: Option<(f64, Column)> = None;
        for entry in menu(self.problem, &self.state, self.tolls, task, all) {
            if best.as_ref().is_some_and(|best| entry.key > best.0 + EQUAL) {
                break;
            }
            if self.state.obstacle(task as usize, &entry.column).is_none() {
                let delta = self.state.place(task as usize, entry.column.clone());
                self.state.remove(task as usize);
                let key = delta + entry.toll;
                if best.as_ref().is_none_or(|best| key < best.0 - EQUAL) {
                    best = Some((key, entry.column));
                }
            }
        }
        best.map(|best| best.1)
    }

    /// Moves tasks to where they cost less money (emit less) until no sum is over its limit, the one first that
    /// gives up least for what it saves; what then still is over is shed.
    fn save(&mut self, order: &[u32]) {
        for _ in 0..SAVINGS {
            let over = self.state.over_budget();
            if over.is_none() {
                return;
            }
            let guilty = |task: &u32| {
                let t = &self.problem.tasks[*task as usize];
                over.tasks.iter().any(|o| o.0 == *task)
                    || t.budgets.iter().any(|b| over.budgets.iter().any(|o| o.0 == *b))
                    || t.carbon_budgets.iter().any(|b| over.carbon.iter().any(|o| o.0 == *b))
            };
            let members: Vec<u32> = order.iter().copied().filter(guilty).collect();
            let amount = over.amount();
            let mut best: Option<(f64, u32, Column)> = None;
            for task in members {
                if let Some((price, column)) = self.saving(task, best.as_ref().map_or(f64::INFINITY, |b| b.0))
                {
                    best = Some((price, task, column));
                }
            }
            let Some((_, task, column)) = best else { break };
            let Some(before) = self.state.remove(task as usize) else { break };
            self.state.place(task as usize, column);
            if self.state.over_budget().amount() >= amount - EQUAL {
                self.state.remove(task as usize);
                self.state.place(task as usize, before);
                break;
            }
        }
        shed(self.problem, &mut self.state, order);
    }

    /// A free column on which a task draws less on sums, for less than `most` dollars of cost for each unit.
    fn saving(&mut self, task: u32, most: f64) -> Option<(f64, Column)> {
        let t = &self.problem.tasks[task as usize];
        if !t.inputs.is_empty() || !self.readers[task as usize].is_empty() {
            return None;
        }
        let now = self.state.column(task as usize)?.clone();
        let draw = |column: &Column| {
            let choice = &t.choices[column.choice as usize];
            let carbon = !t.carbon_budgets.is_empty();
            let kg = if carbon { kilograms(self.problem, choice, &column.runs) } else { 0.0 };
            let money = !t.budgets.is_empty() || t.max_cost.is_some();
            kg + if money { own_money(choice) } else { 0.0 }
        };
        let here = draw(&now);
        let mut list = menu(self.problem, &self.state, self.tolls, task, false);
        list.retain(|entry| entry.column.choice != now.choice || entry.column.runs != now.runs);
        let price = |entry: &Entry| {
            let saved = here - draw(&entry.column);
            (saved > EQUAL).then(|| (entry.column.own - now.own).max(0.0) / saved)
        };
        let mut priced: Vec<(f64, Column)> =
            list.iter().filter_map(|e| Some((price(e).filter(|p| *p < most)?, e.column.clone()))).collect();
        priced.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.state.remove(task as usize);
        let found =
            priced.into_iter().find(|(_, column)| self.state.obstacle(task as usize, column).is_none());
        self.state.place(task as usize, now);
        found
    }
}

/// What a choice takes of a limit; of own machines simply 1.
fn amount(choice: &Choice, limit: Limit) -> i64 {
    match limit {
        Limit::Count(offer) => i64::from(choice.offer == offer) * choice.units,
        Limit::Quota(quota) => choice.quotas.iter().filter(|q| q.0 == quota).map(|q| q.1).sum(),
        Limit::Group(group) => i64::from(choice.group == Some(group)),
        // Whoever holds others to another area has to leave, wherever they are.
        Limit::Bond(_) => 1,
    }
}

/// Who leaves, and where to.
struct Turn {
    task: u32,
    to: Option<Column>,
}
