//! Columns: a task on one choice at one time, and what that costs on its own.
//!
//! "On its own" means before anything shared: reservations and datasets are the state's business
//! ([`crate::state`]). The grid of starts, the pieces of a pausable run and their costs are here.

use crate::problem::{Choice, HOUR, Nanos, Problem, Task, ceil_second};

/// A task on a choice, at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Index into [`Task::choices`].
    pub choice: u32,
    /// The pieces of the run, in order; one unless it pauses.
    pub runs: Vec<(Nanos, Nanos)>,
    /// Dollars on its own.
    pub own: f64,
}

impl Column {
    /// When it starts.
    pub fn start(&self) -> Nanos {
        self.runs.first().map_or(0, |r| r.0)
    }

    /// When it ends.
    pub fn end(&self) -> Nanos {
        self.runs.last().map_or(0, |r| r.1)
    }
}

/// More run patterns of a pausable task than this are not enumerated: the cheapest for each end and
/// the unbroken ones stand for them.
const PATTERNS: usize = 400;

/// Kilograms emitted by a choice over some runs.
pub fn kilograms(problem: &Problem, choice: &Choice, runs: &[(Nanos, Nanos)]) -> f64 {
    choice.series.map_or(0.0, |series| {
        let series = &problem.series[series as usize];
        runs.iter().map(|(start, end)| series.integral(*start, *end)).sum::<f64>() * choice.kilowatts
    })
}

/// Dollars of a choice over some runs, before anything shared.
pub fn own_cost(problem: &Problem, task: &Task, choice: &Choice, runs: &[(Nanos, Nanos)]) -> f64 {
    let carbon =
        if problem.usd_per_kg > 0.0 { kilograms(problem, choice, runs) * problem.usd_per_kg } else { 0.0 };
    let until = if task.service { runs.first().map_or(0, |r| r.0) } else { runs.last().map_or(0, |r| r.1) };
    let delay = problem.usd_per_delay_hour * (until - task.earliest) as f64 / HOUR;
    static_cost(choice) + carbon + delay
}

/// The part of the cost that does not depend on the time: compute with risk, electricity, latency,
/// outputs, moving.
pub fn static_cost(choice: &Choice) -> f64 {
    choice.compute() * (1.0 + choice.risk)
        + (choice.electricity + choice.latency) * choice.hours()
        + choice.outputs
        + choice.moving
}

/// To whole micro-dollars, half to even, as each part of a placement is rounded. What lies as close to a
/// tie as the noise of floats counts as one.
pub fn micro(usd: f64) -> f64 {
    let scaled = usd * 1e6;
    let floor = scaled.floor();
    let tie = (scaled - floor - 0.5).abs() < 1e-5;
    let even = floor + (floor.rem_euclid(2.0));
    (if tie { even } else { scaled.round() }) / 1e6
}

/// The money that budgets count, before anything shared.
pub fn own_money(choice: &Choice) -> f64 {
    choice.compute() * (1.0 + choice.risk) + choice.electricity * choice.hours() + choice.outputs
}

/// The same as a plan counts it: each part in whole micro-dollars, reserved instances having paid for some of the
/// instance-hours.
pub fn counted_money(choice: &Choice, covered: f64) -> f64 {
    let compute = choice.compute() - covered * choice.hourly + choice.electricity * choice.hours();
    micro(compute) + micro(compute * choice.risk) + choice.outputs
}

/// Whether the time of a run matters beyond its delay: to carbon that counts, or to something shared.
pub fn time_matters(problem: &Problem, task: &Task, choice: &Choice) -> bool {
    let carbon_counts = problem.usd_per_kg > 0.0 || !task.carbon_budgets.is_empty();
    let varies = |series: u32| !problem.series[series as usize].is_constant();
    (carbon_counts && choice.kilowatts > 0.0 && choice.series.is_some_and(varies))
        || choice.group.is_some()
        || !choice.quotas.is_empty()
        || problem.counts[choice.offer as usize].is_some()
        || problem.reservations.iter().any(|r| r.offer == choice.offer)
}

/// The columns of a choice that can first start at `first` (rounded up here). Empty when the deadline
/// cannot be held. The boolean is false when there are more run patterns than were enumerated.
pub fn columns(problem: &Problem, task: &Task, index: usize, first: Nanos, out: &mut Vec<Column>) -> bool {
    let choice = &task.choices[index];
    let first = ceil_second(first);
    let push = |out: &mut Vec<Column>, runs: Vec<(Nanos, Nanos)>| {
        let own = own_cost(problem, task, choice, &runs);
        out.push(Column { choice: index as u32, runs, own });
    };
    let Some(deadline) = task.deadline else {
        push(out, vec![(first, first + choice.run)]);
        return true;
    };
    let latest = deadline - choice.run;
    let matters = task.consumers_timed || time_matters(problem, task, choice);
    if first > latest {
        return true;
    }
    if !matters {
        push(out, vec![(first, first + choice.run)]);
        return true;
    }
    if task.pausable && !task.service {
        return pieces(problem, task, index, first, deadline, out);
    }
    for start in starts(task, first, latest) {
        push(out, vec![(start, start + choice.run)]);
    }
    true
}

/// The possible starts: the first possible moment, then the grid.
fn starts(task: &Task, first: Nanos, latest: Nanos) -> impl Iterator<Item = Nanos> {
    std::iter::once(first).chain(grid_after(task, first)).take_while(move |start| *start <= latest)
}

/// The points of the grid after a moment, rounded up to whole seconds.
pub(crate) fn grid_after(task: &Task, first: Nanos) -> impl Iterator<Item = Nanos> {
    let (grid, step) = (task.grid, task.slots.max(1));
    let skip = ((first - grid).div_euclid(step) + 1).max(0);
    (skip..)
        .map(move |i| ceil_second(grid.saturating_add(step.saturating_mul(i))))
        .skip_while(move |t| *t <= first)
}

/// The segments between slot boundaries from `first` to the deadline.
pub(crate) fn segments(task: &Task, first: Nanos, deadline: Nanos) -> Vec<(Nanos, Nanos)> {
    let mut list = Vec::new();
    let mut start = first;
    for boundary in grid_after(task, first) {
        if start >= deadline {
            break;
        }
        list.push((start, boundary.min(deadline)));
        start = boundary;
    }
    list
}

/// Columns of a pausable run: every choice of whole segments and a last one that may be cut short.
fn pieces(
    problem: &Problem,
    task: &Task,
    index: usize,
    first: Nanos,
    deadline: Nanos,
    out: &mut Vec<Column>,
) -> bool {
    let choice = &task.choices[index];
    let segments = segments(task, first, deadline);
    let mut chosen = Vec::new();
    let before = out.len();
    let complete = enumerate(&segments, choice.run, &mut chosen, 0, &mut |runs| {
        let runs = joined(runs);
        let own = own_cost(problem, task, choice, &runs);
        out.push(Column { choice: index as u32, runs, own });
        out.len() - before < PATTERNS
    });
    if !complete {
        out.truncate(before);
        representatives(problem, task, index, &segments, out);
        for start in starts(task, first, deadline - choice.run) {
            let runs = vec![(start, start + choice.run)];
            let own = own_cost(problem, task, choice, &runs);
            out.push(Column { choice: index as u32, runs, own });
        }
    }
    complete
}

/// Calls `found` with every pattern of segments that adds up to `rest`; false when `found` had enough.
fn enumerate(
    segments: &[(Nanos, Nanos)],
    rest: Nanos,
    chosen: &mut Vec<(Nanos, Nanos)>,
    from: usize,
    found: &mut impl FnMut(&[(Nanos, Nanos)]) -> bool,
) -> bool {
    for (i, &(start, end)) in segments.iter().enumerate().skip(from) {
        let length = end - start;
        if rest <= length {
            chosen.push((start, start + rest));
            let more = found(chosen);
            chosen.pop();
            if !more {
                return false;
            }
        }
        if rest > length {
            if segments[i..].iter().map(|(s, e)| e - s).sum::<Nanos>() < rest {
                return true;
            }
            chosen.push((start, end));
            let more = enumerate(segments, rest - length, chosen, i + 1, found);
            chosen.pop();
            if !more {
                return false;
            }
        }
    }
    true
}

/// For each last segment the cheapest pattern that ends there: the carbon of whole segments is
/// separable, so the cheapest are the ones of least intensity. Exact for costs on their own.
fn representatives(
    problem: &Problem,
    task: &Task,
    index: usize,
    segments: &[(Nanos, Nanos)],
    out: &mut Vec<Column>,
) {
    let choice = &task.choices[index];
    let intensity = |segment: (Nanos, Nanos)| {
        choice.series.map_or(0.0, |s| problem.series[s as usize].integral(segment.0, segment.1))
    };
    let regular = task.slots.max(1);
    for last in 0..segments.len() {
        // The first segment may be shorter than the others: try with and without it.
        for with_first in [false, true] {
            if with_first && last == 0 {
                continue;
            }
            let head = if with_first { segments[0].1 - segments[0].0 } else { 0 };
            let rest = choice.run - head;
            if rest <= 0 {
                continue;
            }
            let whole = ((rest + regular - 1) / regular - 1).max(0) as usize;
            let tail = rest - whole as Nanos * regular;
            if tail <= 0 || tail > segments[last].1 - segments[last].0 || whole > last.saturating_sub(1) {
                continue;
            }
            let mut middle: Vec<usize> = (1..last).collect();
            middle.sort_by(|a, b| intensity(segments[*a]).total_cmp(&intensity(segments[*b])).then(a.cmp(b)));
            middle.truncate(whole);
            middle.sort_unstable();
            let mut runs: Vec<(Nanos, Nanos)> = Vec::new();
            if with_first {
                runs.push(segments[0]);
            }
            runs.extend(middle.iter().map(|i| segments[*i]));
            if runs.iter().map(|(s, e)| e - s).sum::<Nanos>() + tail != choice.run {
                continue;
            }
            runs.push((segments[last].0, segments[last].0 + tail));
            let runs = joined(&runs);
            let own = own_cost(problem, task, choice, &runs);
            out.push(Column { choice: index as u32, runs, own });
        }
    }
}

/// Joins pieces that touch.
pub(crate) fn joined(pieces: &[(Nanos, Nanos)]) -> Vec<(Nanos, Nanos)> {
    let mut runs: Vec<(Nanos, Nanos)> = Vec::with_capacity(pieces.len());
    for &(start, end) in pieces {
        match runs.last_mut() {
            Some(last) if last.1 == start => last.1 = end,
            _ => runs.push((start, end)),
        }
    }
    runs
}

/// No column of the choice that starts at `first` or later costs less on its own, even if its
/// instances were all free by reservation.
pub fn least_cost(problem: &Problem, task: &Task, choice: &Choice, first: Nanos) -> f64 {
    let reserved = problem.reservations.iter().any(|r| r.offer == choice.offer);
    let compute = if reserved { 0.0 } else { choice.compute() * (1.0 + choice.risk) };
    let carbon = choice.series.map_or(0.0, |series| {
        problem.series[series as usize].least(first) * choice.kilowatts * choice.hours() * problem.usd_per_kg
    });
    let until = if task.service { first } else { first + choice.run };
    let delay = problem.usd_per_delay_hour * (until - task.earliest) as f64 / HOUR;
    compute
        + (choice.electricity + choice.latency) * choice.hours()
        + choice.outputs
        + choice.moving
        + carbon
        + delay
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Series;

    const H: Nanos = 3_600_000_000_000;

    fn problem(values: &[f64]) -> Problem {
        let times = (0..values.len() as i64).map(|i| i * H).collect();
        Problem {
            counts: vec![None],
            series: vec![Series::new(times, values.to_vec())],
            usd_per_kg: 1.0,
            ..Problem::default()
        }
    }

    fn task(run: Nanos, deadline: Nanos, pausable: bool) -> Task {
        Task {
            deadline: Some(deadline),
            slots: H,
            pausable,
            choices: vec![Choice { run, kilowatts: 1.0, series: Some(0), ..Choice::default() }].into(),
            ..Task::default()
        }
    }

    #[test]
    fn a_deferred_start_waits_for_the_green_hour() {
        let problem = problem(&[5.0, 4.0, 1.0, 3.0]);
        let task = task(H, 4 * H, false);
        let mut out = Vec::new();
        assert!(columns(&problem, &task, 0, 0, &mut out));
        assert_eq!(out.len(), 4);
        let best = out.iter().min_by(|a, b| a.own.total_cmp(&b.own)).unwrap();
        assert_eq!((best.start(), best.end()), (2 * H, 3 * H));
        assert!((best.own - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_pausable_run_takes_the_greenest_pieces() {
        let problem = problem(&[5.0, 1.0, 5.0, 1.0, 5.0]);
        let task = task(2 * H, 5 * H, true);
        let mut out = Vec::new();
        assert!(columns(&problem, &task, 0, 0, &mut out));
        let best = out.iter().min_by(|a, b| a.own.total_cmp(&b.own)).unwrap();
        assert_eq!(best.runs, vec![(H, 2 * H), (3 * H, 4 * H)]);
    }

    #[test]
    fn a_broken_first_slot_and_a_cut_last_one() {
        let problem = problem(&[1.0, 2.0, 1.5]);
        let task = task(H + H / 2, 3 * H, true);
        let mut out = Vec::new();
        assert!(columns(&problem, &task, 0, H / 4, &mut out));
        for column in &out {
            let total: Nanos = column.runs.iter().map(|(s, e)| e - s).sum();
            assert_eq!(total, H + H / 2);
            assert!(column.end() <= 3 * H);
            for run in &column.runs[1..] {
                assert_eq!(run.0 % H, 0);
            }
        }
        // Both with and without the three quarters of the first hour.
        assert!(out.iter().any(|c| c.start() == H / 4) && out.iter().any(|c| c.start() == H));
    }
}
