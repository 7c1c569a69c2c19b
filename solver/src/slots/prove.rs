//! The program of every column that a better plan may use, where they are few: it proves the optimum.

use super::{
    model::{Model, Placing},
    prices::Prices,
};
use crate::{
    column::columns,
    linear::{Limits, Program, Row, Status, highs},
    outcome::Params,
};

/// Columns up to which it is tried.
const COLUMNS: usize = 3_000;
/// Rounds of rows.
const ROUNDS: u32 = 30;

/// What the program found: what no plan costs less than, and by kind its columns with how many tasks take
/// them.
pub(super) struct Proven {
    pub bound: f64,
    pub values: Vec<Vec<(Placing, f64)>>,
}

/// Solves it against a plan that costs `total`; `None` where columns are too many or nothing came of it.
pub(super) fn prove(prices: &mut Prices<'_>, total: f64, params: &Params) -> Option<Proven> {
    let room = total - prices.volume.bound;
    let room = room * (1.0 + 1e-9) + 1e-9 * total.abs().max(1.0);
    let near = near(prices, room)?;
    let kinds = prices.model.kinds.len();
    let mut program = Program::default();
    for (k, kind) in (0_u32..).zip(&prices.model.kinds) {
        let tasks = kind.tasks.len() as f64;
        // Plans that leave out what is required are not looked for.
        let (value, most) = if kind.value.is_finite() { (kind.value, tasks) } else { (0.0, 0.0) };
        program.column(value, 0.0, most, true);
        program.rows.push(Row { low: tasks, high: tasks, terms: vec![(k, 1.0)] });
    }
    for (kind, placing) in &near {
        let tasks = prices.model.kinds[*kind as usize].tasks.len() as f64;
        let column = program.column(placing.own, 0.0, tasks, true);
        program.rows[*kind as usize].terms.push((column, 1.0));
    }
    let mut made = 0;
    let mut proven: Option<Proven> = None;
    for _ in 0..ROUNDS {
        if params.is_over() {
            break;
        }
        let mut rows: Vec<Vec<(u32, f64)>> = vec![Vec::new(); prices.rows.len() - made];
        for (column, (kind, placing)) in (kinds as u32..).zip(&near) {
            prices.for_rows(*kind as usize, placing, |row, amount| {
                if row as usize >= made {
                    rows[row as usize - made].push((column, amount));
                }
            });
        }
        for (terms, row) in rows.into_iter().zip(&prices.rows[made..]) {
            program.row(f64::NEG_INFINITY, row.most, terms);
        }
        made = prices.rows.len();
        let limits = Limits {
            gap: params.gap,
            nodes: 1 + params.effort / 20,
            time_left: params.time_left,
            seed: params.seed,
        };
        let solution = highs::solve(&program, None, limits);
        if solution.status == Status::Infeasible {
            // Nothing that costs less than the plan is left.
            return Some(Proven { bound: total, values: vec![Vec::new(); kinds] });
        }
        // Rows only tighten: what each round proves holds.
        let bound = proven.as_ref().map_or(f64::NEG_INFINITY, |proven| proven.bound);
        let said = if solution.bound.is_nan() { f64::NEG_INFINITY } else { solution.bound.min(total) };
        let bound = bound.max(said);
        let mut values = vec![Vec::new(); kinds];
        let Some(found) = solution.values else {
            proven.get_or_insert(Proven { bound, values }).bound = bound;
            break;
        };
        for ((kind, placing), value) in near.iter().zip(&found[kinds..]) {
            if *value > 0.5 {
                values[*kind as usize].push((placing.clone(), value.round()));
            }
        }
        let all = values.iter().flatten().map(|(placing, value): &(Placing, f64)| (placing, *value));
        let new = prices.broken(all, 1e-9);
        let is_done = new.is_empty();
        proven = Some(Proven { bound, values });
        if is_done {
            break;
        }
        prices.make(&new);
    }
    proven
}

/// Every column whose reduced cost leaves room; `None` where they are too many.
fn near(prices: &Prices<'_>, room: f64) -> Option<Vec<(u32, Placing)>> {
    let model: &Model<'_> = prices.model;
    let charges = prices.charges(&prices.volume.centre);
    let (mut near, mut costs) = (Vec::new(), Vec::new());
    for (k, kind) in (0_u32..).zip(&model.kinds) {
        let best = charges.cheapest(model, kind, 1, f64::INFINITY, &mut costs);
        let least = best.first().map_or(kind.value, |best| best.0.min(kind.value));
        let below = least + room;
        for (number, pair) in model.pairs_of(kind) {
            if pair.least > below {
                break;
            }
            if pair.pieces {
                let task = &model.problem.tasks[kind.tasks[0] as usize];
                let mut list = Vec::new();
                if !columns(model.problem, task, pair.choice as usize, pair.first, &mut list) {
                    return None;
                }
                let placings = list.iter().map(|column| model.in_pieces(number, &column.runs));
                let few = placings.filter(|placing| charges.reduced(model, kind, placing) <= below);
                near.extend(few.map(|placing| (k, placing)));
            } else {
                charges.by_start(model, kind, pair, &mut costs);
                let few = (0..).zip(&costs).filter(|(_, cost)| **cost <= below);
                near.extend(few.map(|(start, _)| (k, model.placing(number, start))));
            }
            if near.len() > COLUMNS {
                return None;
            }
        }
    }
    Some(near)
}
