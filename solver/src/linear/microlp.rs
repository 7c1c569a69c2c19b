//! The pure-Rust back end: `good_lp` states the program, `microlp` solves it.
//!
//! For small programs only: it has no limits that could stop it in time.

use good_lp::{
    Expression, ProblemVariables, ResolutionError, Solution as _, SolverModel as _, constraint, microlp,
    variable,
};

use super::{Program, Solution, Status};

/// More columns than this are not given to it.
pub const COLUMNS: usize = 400;

/// Solves a mixed-integer program to optimality.
pub fn solve(program: &Program) -> Solution {
    if program.cost.len() > COLUMNS {
        return Solution::failed();
    }
    let mut variables = ProblemVariables::new();
    let columns: Vec<good_lp::Variable> = (0..program.cost.len())
        .map(|i| {
            let mut definition = variable().min(program.low[i]);
            if program.high[i].is_finite() {
                definition = definition.max(program.high[i]);
            }
            variables.add(if program.integer[i] { definition.integer() } else { definition })
        })
        .collect();
    let objective: Expression = columns.iter().zip(&program.cost).map(|(x, c)| *c * *x).sum();
    let mut model = variables.minimise(objective.clone()).using(microlp);
    for row in &program.rows {
        let activity: Expression = row.terms.iter().map(|(column, a)| *a * columns[*column as usize]).sum();
        if row.low.is_finite() {
            model = model.with(constraint!(activity.clone() >= row.low));
        }
        if row.high.is_finite() {
            model = model.with(constraint!(activity <= row.high));
        }
    }
    match model.solve() {
        Ok(solution) => {
            let values: Vec<f64> = columns.iter().map(|x| solution.value(*x)).collect();
            let bound = solution.eval(&objective);
            Solution { status: Status::Optimal, values: Some(values), bound, ..Solution::failed() }
        }
        Err(ResolutionError::Infeasible) => {
            Solution { status: Status::Infeasible, bound: f64::INFINITY, ..Solution::failed() }
        }
        Err(_) => Solution::failed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::{Limits, highs};

    proptest::proptest! {
        /// Both back ends agree on small random programs.
        #[test]
        fn agrees_with_highs(
            costs in proptest::collection::vec(-9i32..9, 2..7),
            weights in proptest::collection::vec(1i32..9, 7),
            capacity in 1i32..20,
        ) {
            let mut program = Program::default();
            for cost in &costs {
                program.column(f64::from(*cost), 0.0, 1.0, true);
            }
            let terms = (0..costs.len()).map(|i| (i as u32, f64::from(weights[i]))).collect();
            program.row(f64::NEG_INFINITY, f64::from(capacity), terms);
            let ours = solve(&program);
            let limits = Limits { gap: 0.0, nodes: 10_000, time_left: None, seed: 0 };
            let theirs = highs::solve(&program, None, limits);
            proptest::prop_assert_eq!(ours.status, theirs.status);
            proptest::prop_assert!((ours.bound - theirs.bound).abs() < 1e-6);
        }
    }
}
