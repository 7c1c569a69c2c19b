//! The items of a program: the times at which each task may run on each choice.
//!
//! A task without producers has the columns of its grid; a pausable one with more patterns than can be
//! listed has variables for its pieces. A task with producers starts when the last of them makes it, or
//! on its grid after that: these moments follow from where and when its producers may end. While they
//! are few each is an item; where they are many, neighbouring ones share an item that stands for all
//! starts between two moments, costs what the cheapest of them does, and runs for certain only where all
//! of them do. So the program stays a relaxation, and the finer the closer.

use std::collections::{BTreeMap, BTreeSet};

use super::{Formulation, Item, Times, reserved_compute};
use crate::{
    column::{Column, columns, grid_after, own_cost, static_cost, time_matters},
    construct::topological,
    problem::{Choice, HOUR, Nanos, Problem, Task, ceil_second},
};

/// Items of a task with producers whose time matters only to delays and deadlines, for which starts
/// between two moments are as good: more are not made.
const LED_BY_DELAY: usize = 400;

/// How closely a program looks at times.
#[derive(Debug, Clone, Copy)]
pub struct Fineness<'a> {
    /// Items of all tasks with producers together, about; each choice has one in any case.
    pub items: usize,
    /// What it is restricted to.
    pub keep: Option<&'a Keep>,
}

/// What a program is restricted to: by task and choice the starts that it may have.
#[derive(Debug, Clone, Default)]
pub struct Keep(BTreeMap<(u32, u32), Vec<(Nanos, Nanos)>>);

impl Keep {
    /// Keeps the starts that an item stands for.
    pub fn add(&mut self, item: &Item) {
        let starts = match item.times {
            Times::Exact => (item.column.start(), item.column.start()),
            Times::Until(latest) => (item.column.start(), latest),
            Times::Pieces => ALL,
        };
        let list = self.0.entry((item.task, item.column.choice)).or_default();
        match list.last_mut() {
            // Items come in the order of their starts: neighbours that touch are one.
            Some(last) if last.0 <= starts.0 && starts.0 <= last.1.saturating_add(SECOND) => {
                last.1 = last.1.max(starts.1);
            }
            _ => list.push(starts),
        }
    }
}

const ALL: (Nanos, Nanos) = (Nanos::MIN, Nanos::MAX);
const SECOND: Nanos = 1_000_000_000;

/// How much the time of a task matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Matter {
    /// Not at all.
    None,
    /// For delays and deadlines, its own or those of its consumers.
    Delay,
    /// For carbon or limits over time too.
    Fully,
}

/// The starts of a task on a choice.
struct Starts {
    choice: usize,
    /// The first moment at which it may start.
    first: Nanos,
    /// The last.
    last: Nanos,
    /// The moments at which it may start, or where a range of them begins.
    points: Vec<Nanos>,
    /// Whether it may also start on its grid.
    grid: bool,
}

/// When the results of producers arrive in a place.
#[derive(Default)]
struct Arrivals {
    /// Of the last of them, at the earliest and at the latest.
    range: (Nanos, Nanos),
    /// Of any.
    moments: BTreeSet<(Nanos, Nanos)>,
}

/// When a task may end, and where.
type Ends = BTreeMap<u32, BTreeSet<(u32, Nanos, Nanos)>>;

impl Formulation<'_> {
    /// Makes the items; false when they would be more than `most`.
    pub(super) fn times(&mut self, most: usize, Fineness { items, keep }: Fineness<'_>) -> bool {
        let problem = self.problem;
        let order = topological(problem, &self.members);
        let matter = matters(problem, &order);
        let led = order.iter().filter(|t| {
            let timed = matter.get(t).is_some_and(|m| *m != Matter::None);
            timed && !problem.tasks[**t as usize].inputs.is_empty()
        });
        let share = (items / led.count().max(1)).max(1);
        let readers = problem.readers();
        let mut ends: Ends = BTreeMap::new();
        for &task in &order {
            let from = self.items.len();
            if problem.tasks[task as usize].inputs.is_empty() {
                self.free(task, readers[task as usize].is_empty(), keep);
            } else {
                match matter.get(&task).copied().unwrap_or(Matter::None) {
                    Matter::None => self.led(task, 0, keep, &ends),
                    Matter::Delay => self.led(task, share.min(LED_BY_DELAY), keep, &ends),
                    Matter::Fully => self.led(task, share, keep, &ends),
                }
            }
            if self.items.len() > most {
                return false;
            }
            self.ranges.insert(task, (from, self.items.len()));
            let of = ends.entry(task).or_default();
            for x in from..self.items.len() {
                of.extend(self.ends_of(x as u32).into_iter().map(|end| (end.place, end.from, end.to)));
            }
        }
        true
    }

    /// The items of a task without producers; `last`: nobody reads its results.
    fn free(&mut self, task: u32, last: bool, keep: Option<&Keep>) {
        let problem = self.problem;
        let t = &problem.tasks[task as usize];
        let alone = t.carbon_budgets.is_empty() && last;
        for (index, choice) in t.choices.iter().enumerate().filter(|(_, c)| !c.spare) {
            let kept = kept(keep, task, index);
            if kept.is_empty() {
                continue;
            }
            let mut list = Vec::new();
            let complete = columns(problem, t, index, choice.ready, &mut list);
            if alone && !shares(problem, choice) {
                // Its cheapest time is as good as any, and in the list.
                let cheapest = list.iter().min_by(|a, b| a.own.total_cmp(&b.own)).cloned();
                list = cheapest.into_iter().collect();
            } else if !complete {
                if self.in_pieces(task, index) {
                    continue;
                }
                if let Some(least) = list.iter().min_by(|a, b| a.own.total_cmp(&b.own)).cloned() {
                    // Its least cost at no time in particular stands for the patterns that are not here,
                    // so that the bound holds.
                    let latest = t.deadline.map_or(Nanos::MAX, |deadline| deadline - choice.run);
                    let runs = vec![(choice.ready, choice.ready + choice.run)];
                    let own = least.own - reserved_compute(problem, choice);
                    let column = Column { runs, own, ..least };
                    self.items.push(Item { task, column, times: Times::Until(latest), forced: false });
                }
            }
            list.retain(|column| kept.iter().any(|k| k.0 <= column.start() && column.start() <= k.1));
            let exact = |column| Item { task, column, times: Times::Exact, forced: false };
            self.items.extend(list.into_iter().map(exact));
        }
    }

    /// The items of a task with producers, about `most` of them, or one for each choice.
    fn led(&mut self, task: u32, most: usize, keep: Option<&Keep>, ends: &Ends) {
        let problem = self.problem;
        let t = &problem.tasks[task as usize];
        let mut by_place: BTreeMap<u32, Option<Arrivals>> = BTreeMap::new();
        let mut all: Vec<(Starts, Vec<(Nanos, Nanos)>)> = Vec::new();
        let mut exact = true;
        for (index, choice) in t.choices.iter().enumerate().filter(|(_, c)| !c.spare) {
            let kept = kept(keep, task, index);
            let arrivals =
                by_place.entry(choice.place).or_insert_with(|| arrivals(problem, t, choice.place, ends));
            let Some(arrivals) = arrivals else { continue };
            exact &= arrivals.moments.iter().all(|m| m.0 == m.1);
            let starts = starts(problem, t, index, arrivals);
            if starts.first <= starts.last && !kept.is_empty() {
                all.push((starts, kept));
            }
        }
        let count = |of: &(Starts, Vec<(Nanos, Nanos)>)| {
            of.1.iter().map(|k| within(&of.0.points, *k).len()).sum::<usize>()
        };
        let mut each = all.iter().map(count).max().unwrap_or(0).max(1);
        if most <= LED_BY_DELAY && all.iter().map(count).sum::<usize>() > most {
            each = 1;
        }
        while each > 1 && all.iter().map(|of| count(of).min(each)).sum::<usize>() > most {
            each = each * 3 / 4;
        }
        let from = self.items.len();
        let finest = most == 0;
        for (starts, kept) in &all {
            let choice = &t.choices[starts.choice];
            if t.pausable && starts.grid && !t.service {
                self.led_in_pieces(task, starts, kept, exact, most / all.len());
                continue;
            }
            let count: usize = kept.iter().map(|k| within(&starts.points, *k).len()).sum();
            for range in kept {
                let points = within(&starts.points, *range);
                let here = (points.len() * each.min(count)).div_ceil(count.max(1)).max(1);
                let end = starts.last.min(range.1);
                for (from, latest) in windows(points, range.0.max(starts.first), end, here, exact) {
                    let on_grid = starts.grid && (from != latest || is_on_grid(t, from));
                    let forced = from > starts.first && !on_grid;
                    self.coarse |= !finest && from != latest;
                    self.items.push(item(problem, task, starts.choice, choice, (from, latest), forced));
                }
            }
        }
        self.without_delay(task, from);
    }

    /// The items of a pausable task with producers: its patterns if all of them are known, else one that
    /// stands for all.
    fn led_in_pieces(
        &mut self,
        task: u32,
        starts: &Starts,
        kept: &[(Nanos, Nanos)],
        exact: bool,
        most: usize,
    ) {
        let problem = self.problem;
        let t = &problem.tasks[task as usize];
        let choice = &t.choices[starts.choice];
        let mut list = Vec::new();
        let mut complete = exact && columns(problem, t, starts.choice, starts.first, &mut list);
        for point in starts.points.iter().filter(|p| **p > starts.first && !is_on_grid(t, **p)) {
            if !complete || list.len() > most {
                break;
            }
            let mut more = Vec::new();
            complete &= columns(problem, t, starts.choice, *point, &mut more);
            list.extend(more.into_iter().filter(|column| column.start() == *point));
        }
        if complete && list.len() <= most {
            list.retain(|column| kept.iter().any(|k| k.0 <= column.start() && column.start() <= k.1));
            for column in list {
                let forced = column.start() > starts.first && !is_on_grid(t, column.start());
                self.items.push(Item { task, column, times: Times::Exact, forced });
            }
        } else {
            let window = (starts.first, starts.last.max(starts.first + 1));
            self.items.push(item(problem, task, starts.choice, choice, window, false));
        }
    }

    /// Where some item of a task with producers stands for many starts, a variable counts its delay
    /// before it starts: no item does.
    fn without_delay(&mut self, task: u32, from: usize) {
        let problem = self.problem;
        if self.items[from..].iter().all(Item::timed) {
            return;
        }
        let earliest = problem.tasks[task as usize].earliest;
        for item in self.items[from..].iter_mut().filter(|item| item.times == Times::Exact) {
            let waited = (item.column.start() - earliest) as f64 / HOUR;
            item.column.own -= problem.usd_per_delay_hour * waited;
        }
    }
}

/// Whether the time of a run on a choice matters to others.
fn shares(problem: &Problem, choice: &Choice) -> bool {
    choice.group.is_some()
        || !choice.quotas.is_empty()
        || problem.counts[choice.offer as usize].is_some()
        || problem.reservations.iter().any(|r| r.offer == choice.offer)
}

/// Which starts of a choice are kept.
fn kept(keep: Option<&Keep>, task: u32, choice: usize) -> Vec<(Nanos, Nanos)> {
    keep.map_or_else(|| vec![ALL], |keep| keep.0.get(&(task, choice as u32)).cloned().unwrap_or_default())
}

/// How much the time of each task matters, to itself or to those who read its results.
fn matters(problem: &Problem, order: &[u32]) -> BTreeMap<u32, Matter> {
    let mut matter: BTreeMap<u32, Matter> = BTreeMap::new();
    for &task in order.iter().rev() {
        let t = &problem.tasks[task as usize];
        let own = if t.choices.iter().any(|c| !c.spare && time_matters(problem, t, c)) {
            Matter::Fully
        } else if problem.usd_per_delay_hour > 0.0 || t.deadline.is_some() {
            Matter::Delay
        } else {
            Matter::None
        };
        let of = matter.entry(task).or_insert(own);
        *of = own.max(*of);
        let of = *of;
        for edge in &t.inputs {
            let above = matter.entry(edge.producer).or_insert(of);
            *above = of.max(*above);
        }
    }
    matter
}

/// When the results that a task reads arrive in a place; `None` when one of them never does.
fn arrivals(problem: &Problem, t: &Task, place: u32, ends: &Ends) -> Option<Arrivals> {
    let mut arrivals = Arrivals { range: (Nanos::MIN, Nanos::MIN), moments: BTreeSet::new() };
    for edge in &t.inputs {
        let (mut first, mut last) = (None, Nanos::MIN);
        let mut transfer: Option<(u32, Nanos)> = None;
        for &(from, earliest, latest) in ends.get(&edge.producer)? {
            // Ends come by place.
            let time = match transfer {
                Some((place, time)) if place == from => time,
                _ => problem.network.time(from, place, edge.bytes),
            };
            transfer = Some((from, time));
            let early = ceil_second(earliest.saturating_add(time));
            let late = latest.min(Nanos::MAX / 2).saturating_add(time);
            let late = ceil_second(late);
            first = Some(first.map_or(early, |f: Nanos| f.min(early)));
            last = last.max(late);
            arrivals.moments.insert((early, late));
        }
        arrivals.range.0 = arrivals.range.0.max(first?);
        arrivals.range.1 = arrivals.range.1.max(last);
    }
    Some(arrivals)
}

/// The starts of a task with producers on a choice.
fn starts(problem: &Problem, t: &Task, index: usize, arrivals: &Arrivals) -> Starts {
    let choice = &t.choices[index];
    let ready = ceil_second(choice.ready);
    let first = ready.max(arrivals.range.0);
    let bound = t.deadline.map_or(Nanos::MAX, |deadline| deadline - choice.run);
    let grid = t.deadline.is_some() && (t.consumers_timed || time_matters(problem, t, choice));
    let last = if grid { bound } else { bound.min(ready.max(arrivals.range.1)) };
    let mut points: BTreeSet<Nanos> = arrivals.moments.iter().map(|m| m.0.max(first)).collect();
    points.insert(first);
    if grid {
        points.extend(grid_after(t, first).take_while(|point| *point <= last));
    }
    let points = points.into_iter().filter(|point| *point <= last).collect();
    Starts { choice: index, first, last, points, grid }
}

/// The points of an ascending list that lie in a range.
fn within(points: &[Nanos], range: (Nanos, Nanos)) -> &[Nanos] {
    let from = points.partition_point(|p| *p < range.0);
    let to = points.partition_point(|p| *p <= range.1);
    &points[from..to.max(from)]
}

/// The starts from `first` to `last` in at most `most` windows, about the same number of points in each.
/// When the points are `exact` there are no starts between them.
fn windows(points: &[Nanos], first: Nanos, last: Nanos, most: usize, exact: bool) -> Vec<(Nanos, Nanos)> {
    let mut points = points.to_vec();
    if !exact && first <= last && points.first().is_none_or(|p| *p > first) {
        points.insert(0, first);
    }
    let count = points.len();
    let mut windows: Vec<(Nanos, Nanos)> = Vec::new();
    for i in 0..most.min(count) {
        let (from, to) = (i * count / most.min(count), (i + 1) * count / most.min(count));
        let latest = match points.get(to) {
            _ if exact => points[to - 1],
            Some(next) => next - SECOND,
            None => last,
        };
        windows.push((points[from], latest.max(points[to - 1])));
    }
    windows
}

/// Whether a moment is on the grid of deferred starts.
fn is_on_grid(t: &Task, moment: Nanos) -> bool {
    grid_after(t, moment - 1).next() == Some(moment)
}

/// The item for the starts between two moments.
fn item(
    problem: &Problem,
    task: u32,
    index: usize,
    choice: &Choice,
    (from, latest): (Nanos, Nanos),
    forced: bool,
) -> Item {
    let t = &problem.tasks[task as usize];
    let runs = vec![(from, from + choice.run)];
    let (times, own) = if from == latest {
        (Times::Exact, own_cost(problem, t, choice, &runs))
    } else {
        let free = if loose(t, choice, (from, latest)) { reserved_compute(problem, choice) } else { 0.0 };
        let running = if t.service { 0.0 } else { problem.usd_per_delay_hour * choice.hours() };
        let carbon = least_kilograms(problem, t, choice, (from, latest)) * problem.usd_per_kg;
        (Times::Until(latest), static_cost(choice) - free + carbon + running)
    };
    Item { task, column: Column { choice: index as u32, runs, own }, times, forced }
}

/// Whether so little is known of when a run between two starts takes place that reservations may cover
/// all of it.
pub(super) fn loose(t: &Task, choice: &Choice, (from, latest): (Nanos, Nanos)) -> bool {
    t.pausable || latest.saturating_sub(from) > choice.run
}

/// No run that starts between two moments emits less.
pub(super) fn least_kilograms(
    problem: &Problem,
    t: &Task,
    choice: &Choice,
    (from, latest): (Nanos, Nanos),
) -> f64 {
    let Some(series) = choice.series else { return 0.0 };
    let series = &problem.series[series as usize];
    if t.pausable {
        return series.least(from) * choice.kilowatts * choice.hours();
    }
    // The integral is linear in the start between moments at which an end of the run meets a step.
    let least = series.least_integral(from, latest, choice.run);
    least * choice.kilowatts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn windows_cover_every_start_once(
            points in prop::collection::btree_set(0_i64..500, 1..40), most in 1_usize..12, exact: bool,
        ) {
            let points: Vec<Nanos> = points.into_iter().map(|p| p * SECOND).collect();
            let (first, last) = (points[0], points[points.len() - 1] + 9 * SECOND);
            let windows = windows(&points, first, last, most, exact);
            prop_assert!(windows.len() <= most);
            prop_assert_eq!(windows[0].0, first);
            for window in &windows {
                prop_assert!(window.0 <= window.1);
            }
            for pair in windows.windows(2) {
                prop_assert!(pair[0].1 < pair[1].0);
                // Between points there are no starts, but where the points are only where ranges begin.
                prop_assert!(exact || pair[0].1 + SECOND == pair[1].0);
            }
            for point in &points {
                prop_assert!(windows.iter().any(|w| w.0 <= *point && *point <= w.1));
            }
            prop_assert!(exact || windows[windows.len() - 1].1 == last);
        }
    }
}
