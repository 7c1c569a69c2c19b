//! A short search around a mended plan: who now is better elsewhere moves there.
//!
//! Descent first, then annealing from little heat (Kirkpatrick, Gelatt & Vecchi 1983), then descent again. Who
//! leaves where it was pays a threshold that is no cost, so that nobody moves for next to nothing; whatever the
//! search moved without need goes back in the last descent.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{
    THRESHOLD, holding,
    menu::{Entry, Tolls, menu},
};
use crate::{
    column::{Column, static_cost},
    construct::{Assignment, cheapest, finish},
    outcome::Moves,
    problem::Problem,
    score::{EQUAL, Ranks},
    state::State,
};

/// How hot annealing begins, as a share of a task's mean cost; it cools over two decades.
const HEAT: f64 = 0.02;
/// Rounds of descent over all tasks at most.
const ROUNDS: u32 = 6;
/// Of so many moves of annealing one moves all readers of a dataset.
const TOGETHER: u64 = 16;

/// Improves a plan by so many moves; returns the best one found, and the moves tried. Tasks of workflows stay where
/// they are: the phases after a repair move those.
pub(super) fn polish(
    problem: &Problem,
    ranks: &Ranks,
    tolls: &Tolls,
    before: &[Option<Column>],
    start: &Assignment,
    moves: Moves,
) -> (Assignment, u64) {
    let all: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    let readers = problem.readers();
    let loose =
        |task: &u32| problem.tasks[*task as usize].inputs.is_empty() && readers[*task as usize].is_empty();
    let free: Vec<u32> =
        all.iter().copied().filter(loose).filter(|task| start.columns[*task as usize].is_some()).collect();
    if free.is_empty() || moves.count == 0 {
        return (start.clone(), 0);
    }
    let state = holding(problem, &start.columns);
    let mean = state.total().abs() / free.len() as f64;
    let sums = !problem.budgets.is_empty()
        || !problem.carbon_budgets.is_empty()
        || problem.tasks.iter().any(|t| t.max_cost.is_some());
    let mut polish = Polish {
        problem,
        menus: vec![None; problem.tasks.len()],
        tolls,
        before,
        threshold: THRESHOLD * mean,
        // Sums of a whole plan are summed for each move that is accepted.
        price: if sums { 1 + problem.tasks.len() as u64 / 32 } else { 1 },
        sums,
        left: moves.count,
        moves,
        state,
    };
    polish.descend(&free);
    polish.anneal(&free, HEAT * mean);
    polish.descend(&free);
    polish.drop_worthless(&free);
    let work = moves.count - polish.left;
    let mut state = polish.state;
    let found = finish(problem, ranks, &mut state, &all);
    let better = found.score.better_than(&start.score) && state.over_budget().is_none();
    (if better { found } else { start.clone() }, work)
}

struct Polish<'a> {
    problem: &'a Problem,
    menus: Vec<Option<Vec<Entry>>>,
    tolls: &'a Tolls,
    /// By task where it was and may stay.
    before: &'a [Option<Column>],
    threshold: f64,
    /// Moves that an accepted move counts for.
    price: u64,
    sums: bool,
    left: u64,
    moves: Moves,
    state: State<'a>,
}

impl Polish<'_> {
    /// Whether work and time are left for another move, which is counted.
    fn goes_on(&mut self) -> bool {
        if self.left == 0 || self.moves.is_over(self.left) {
            return false;
        }
        self.left -= 1;
        true
    }

    /// What a task pays for being on a column, beside its cost.
    fn fare(&self, task: u32, choice: u32) -> f64 {
        match &self.before[task as usize] {
            Some(before) if before.choice != choice => self.threshold,
            _ => 0.0,
        }
    }

    /// The columns a task moves among, where it was among them.
    fn fill(&mut self, task: u32) {
        if self.menus[task as usize].is_some() {
            return;
        }
        let mut list = menu(self.problem, &self.state, self.tolls, task, false);
        if let Some(before) = &self.before[task as usize]
            && !list.iter().any(|entry| entry.column == *before)
        {
            // What it costs there is found out by trying.
            list.push(Entry { column: before.clone(), key: before.own, toll: 0.0, cost: f64::NEG_INFINITY });
        }
        self.menus[task as usize] = Some(list);
    }

    /// Every task moves to where it is cheapest, until nobody gains or the work is spent.
    fn descend(&mut self, free: &[u32]) {
        for _ in 0..ROUNDS {
            let mut moved = false;
            for &task in free {
                if !self.goes_on() {
                    return;
                }
                self.fill(task);
                moved |= self.best_move(task);
            }
            if !moved {
                return;
            }
        }
    }

    fn best_move(&mut self, task: u32) -> bool {
        let index = task as usize;
        let Some(menu) = self.menus[index].take() else { return false };
        let total = self.state.total();
        let Some(now) = self.state.remove(index) else {
            self.menus[index] = Some(menu);
            return false;
        };
        let without = self.state.total();
        // What leaving saves at most, and going where it was on top.
        let mut least = total - without + self.fare(task, now.choice) - EQUAL * total.abs().max(1.0);
        let mut best = None;
        for (at, entry) in menu.iter().enumerate() {
            let fare = self.fare(task, entry.column.choice);
            if entry.cost + fare >= least || self.state.obstacle(index, &entry.column).is_some() {
                continue;
            }
            let delta = self.state.place(index, entry.column.clone()) + fare;
            if delta < least && (!self.sums || self.is_within()) {
                (least, best) = (delta, Some(at));
            }
            self.state.remove(index);
        }
        let moved = best.is_some();
        self.state.place(index, best.map_or(now, |at| menu[at].column.clone()));
        self.menus[index] = Some(menu);
        moved
    }

    fn is_within(&mut self) -> bool {
        self.left = self.left.saturating_sub(self.price);
        self.state.over_budget().is_none()
    }

    /// Annealing; the state then holds the best plan met.
    fn anneal(&mut self, free: &[u32], hottest: f64) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.moves.seed);
        let mut groups: Vec<Vec<u32>> = vec![Vec::new(); self.problem.datasets.len()];
        for task in free {
            for (dataset, _) in &self.problem.tasks[*task as usize].reads {
                groups[*dataset as usize].push(*task);
            }
        }
        groups.retain(|group| group.len() > 1);
        // The last descents keep their share.
        let count = self.left.saturating_sub(free.len() as u64 * u64::from(ROUNDS) / 2);
        let (mut now, mut least) = (self.cost(free), f64::INFINITY);
        least = least.min(now);
        // What was done since the best plan, to be undone.
        let mut since: Vec<(u32, Column)> = Vec::new();
        let mut step = 0;
        while step < count {
            let spent = self.left;
            if !self.goes_on() {
                break;
            }
            let heat = hottest * 1e-2_f64.powf(step as f64 / count as f64);
            let bar = -heat * rng.random::<f64>().max(1e-12).ln();
            let done = if groups.is_empty() || step % TOGETHER != 0 {
                let task = free[rng.random_range(0..free.len())];
                self.fill(task);
                let dice: f64 = rng.random();
                self.single(task, dice * dice, bar)
            } else {
                let group = &groups[rng.random_range(0..groups.len())];
                let guide = group[rng.random_range(0..group.len())];
                self.fill(guide);
                self.together(group, guide, rng.random(), bar)
            };
            if let Some((change, undo)) = done {
                now += change;
                since.extend(undo);
                if now < least - EQUAL * least.abs().max(1.0) {
                    least = now;
                    since.clear();
                }
            }
            step += spent - self.left;
        }
        for (task, column) in since.into_iter().rev() {
            self.state.remove(task as usize);
            self.state.place(task as usize, column);
        }
    }

    /// The total with all fares.
    fn cost(&self, free: &[u32]) -> f64 {
        let fares =
            free.iter().filter_map(|task| Some(self.fare(*task, self.state.column(*task as usize)?.choice)));
        self.state.total() + fares.sum::<f64>()
    }

    /// Moves one task to a column that the dice choose, the better ones more often, if the change is below the bar;
    /// the change, and what undoes it.
    fn single(&mut self, task: u32, dice: f64, bar: f64) -> Option<(f64, Vec<(u32, Column)>)> {
        let index = task as usize;
        let list = self.menus[index].as_ref()?;
        let at = ((dice * list.len() as f64) as usize).min(list.len().checked_sub(1)?);
        let (column, cost) = (list[at].column.clone(), list[at].cost);
        let total = self.state.total();
        let old = self.state.remove(index)?;
        let saved = total - self.state.total() + self.fare(task, old.choice);
        let fare = self.fare(task, column.choice);
        if column != old && cost + fare - saved <= bar && self.state.obstacle(index, &column).is_none() {
            let change = self.state.place(index, column) + fare - saved;
            if change <= bar && (!self.sums || self.is_within()) {
                return Some((change, vec![(task, old)]));
            }
            self.state.remove(index);
        }
        self.state.place(index, old);
        None
    }

    /// Moves all readers of a dataset to the region of a column of one of them.
    fn together(
        &mut self,
        group: &[u32],
        guide: u32,
        dice: f64,
        bar: f64,
    ) -> Option<(f64, Vec<(u32, Column)>)> {
        let list = self.menus[guide as usize].as_ref()?;
        let at = ((dice * list.len() as f64) as usize).min(list.len().checked_sub(1)?);
        let region = self.region(guide, list[at].column.choice);
        let here = self.state.column(guide as usize)?.choice;
        if region == self.region(guide, here) {
            return None;
        }
        let total = self.state.total();
        let mut fares = 0.0;
        let mut old: Vec<(u32, Column)> = Vec::new();
        for &task in group {
            if let Some(column) = self.state.remove(task as usize) {
                fares -= self.fare(task, column.choice);
                old.push((task, column));
            }
        }
        let mut possible = true;
        for (task, column) in &old {
            let chosen = self.in_region(*task, region).unwrap_or_else(|| column.clone());
            if self.state.obstacle(*task as usize, &chosen).is_some() {
                possible = false;
                break;
            }
            fares += self.fare(*task, chosen.choice);
            self.state.place(*task as usize, chosen);
        }
        let change = self.state.total() - total + fares;
        if possible && change <= bar && (!self.sums || self.is_within()) {
            return Some((change, old));
        }
        for (task, _) in &old {
            self.state.remove(*task as usize);
        }
        for (task, column) in old {
            self.state.place(task as usize, column);
        }
        None
    }

    fn region(&self, task: u32, choice: u32) -> u32 {
        self.problem.network.region_of(self.problem.tasks[task as usize].choices[choice as usize].place)
    }

    /// The cheapest column of a task in a region that fits.
    fn in_region(&self, task: u32, region: u32) -> Option<Column> {
        let choices = &self.problem.tasks[task as usize].choices;
        let mut there: Vec<(f64, u32)> = (0_u32..)
            .zip(choices)
            .filter(|(_, choice)| !choice.spare && self.problem.network.region_of(choice.place) == region)
            .map(|(index, choice)| (static_cost(choice), index))
            .collect();
        there.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        there.into_iter().take(4).find_map(|(_, choice)| cheapest(self.problem, &self.state, task, choice))
    }

    /// Takes out optional tasks that cost more than leaving them out does.
    fn drop_worthless(&mut self, free: &[u32]) {
        for &task in free.iter().filter(|task| !self.problem.tasks[**task as usize].required) {
            let total = self.state.total();
            if let Some(column) = self.state.remove(task as usize) {
                let saved = total - self.state.total();
                if saved <= self.problem.tasks[task as usize].value + EQUAL * total.abs().max(1.0) {
                    self.state.place(task as usize, column);
                }
            }
        }
    }
}
