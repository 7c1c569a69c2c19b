//! HiGHS through its C interface: the only unsafe code of Plimsoll.
//!
//! One thread, a fixed seed, gaps and node limits as stops, so that the same program gives the same
//! answer. Gaps are always set: HiGHS stops at 1e-4 by default. What HiGHS says is used as a proposal:
//! every plan is rebuilt and every limit checked in our own arithmetic afterwards.

#![expect(unsafe_code, reason = "HiGHS is a C library; every call is wrapped here and nowhere else")]

use std::ffi::{CStr, c_char, c_int, c_void};

use highs_sys as ffi;

use super::{Limits, Program, Row, Solution, Status, TimeLeft};

/// A HiGHS instance that holds one program and can be extended and solved again.
#[derive(Debug)]
pub struct Highs {
    pointer: *mut c_void,
    columns: usize,
    rows: usize,
    mixed: bool,
}

impl Drop for Highs {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `Highs_create` and is destroyed once.
        unsafe { ffi::Highs_destroy(self.pointer) }
    }
}

/// Solves a mixed-integer program, from a start (column, value) where one is given.
pub fn solve(program: &Program, start: Option<&[(u32, f64)]>, limits: Limits) -> Solution {
    let mut highs = Highs::new(program, true, limits.time_left);
    highs.limit(limits);
    if let Some(start) = start {
        highs.start(start);
    }
    highs.run()
}

impl Highs {
    /// An instance that holds a program, with its integer columns (`mixed`) or as its relaxation. Its solves
    /// end when no time is left.
    pub fn new(program: &Program, mixed: bool, time_left: Option<TimeLeft>) -> Self {
        // SAFETY: no preconditions.
        let pointer = unsafe { ffi::Highs_create() };
        let mut highs = Self { pointer, columns: program.cost.len(), rows: program.rows.len(), mixed };
        highs.set_bool(c"output_flag", false);
        highs.set_int(c"threads", 1);
        highs.set_double(c"mip_abs_gap", 1e-9);
        highs.set_double(c"mip_rel_gap", 1e-9);
        highs.set_double(c"mip_feasibility_tolerance", 1e-7);
        highs.set_double(c"primal_feasibility_tolerance", 1e-8);
        let (starts, indices, values) = compressed(&program.rows);
        let row_low: Vec<f64> = program.rows.iter().map(|r| r.low).collect();
        let row_high: Vec<f64> = program.rows.iter().map(|r| r.high).collect();
        let integrality: Vec<i32> = program.integer.iter().map(|i| i32::from(*i && mixed)).collect();
        // SAFETY: every array has the length that the counts before it state; HiGHS copies them.
        let status = unsafe {
            ffi::Highs_passMip(
                highs.pointer,
                highs.columns as i32,
                highs.rows as i32,
                values.len() as i32,
                ffi::MATRIX_FORMAT_ROW_WISE,
                ffi::OBJECTIVE_SENSE_MINIMIZE,
                0.0,
                program.cost.as_ptr(),
                program.low.as_ptr(),
                program.high.as_ptr(),
                row_low.as_ptr(),
                row_high.as_ptr(),
                starts.as_ptr(),
                indices.as_ptr(),
                values.as_ptr(),
                integrality.as_ptr(),
            )
        };
        if status == ffi::STATUS_ERROR {
            // Nothing is loaded: `run` will say so.
            highs.columns = 0;
        }
        if let Some(time_left) = time_left {
            highs.interrupt_when_over(time_left);
        }
        highs
    }

    /// Lets every iteration of the simplex method and every node ask for the time left: HiGHS looks at its
    /// own limit more rarely, and cannot be told of a limit that comes while it runs.
    fn interrupt_when_over(&mut self, time_left: TimeLeft) {
        // SAFETY: `interrupt` has the type of a callback, and what it is given back is the pointer to a
        // function that lives as long as the program.
        unsafe {
            ffi::Highs_setCallback(self.pointer, Some(interrupt), time_left as *mut c_void);
            ffi::Highs_startCallback(self.pointer, ffi::kHighsCallbackSimplexInterrupt);
            ffi::Highs_startCallback(self.pointer, ffi::kHighsCallbackMipInterrupt);
        }
    }

    /// Sets when a mixed-integer solve may stop.
    pub fn limit(&mut self, limits: Limits) {
        self.set_double(c"mip_rel_gap", limits.gap.max(1e-9));
        self.set_int(c"mip_max_nodes", i32::try_from(limits.nodes).unwrap_or(i32::MAX));
        self.set_int(c"random_seed", (limits.seed % 0x7fff_ffff) as i32);
    }

    /// Lets a linear program be solved from within, without a step to a corner: of equally good solutions the answer is
    /// one in the middle of them.
    pub fn from_within(&mut self) {
        self.set_string(c"solver", c"ipm");
        self.set_string(c"run_crossover", c"off");
        self.set_string(c"presolve", c"off");
    }

    /// Offers a start: the values of some columns; HiGHS completes the others.
    pub fn start(&mut self, values: &[(u32, f64)]) {
        let indices: Vec<i32> = values.iter().map(|v| v.0 as i32).collect();
        let numbers: Vec<f64> = values.iter().map(|v| v.1).collect();
        // SAFETY: both arrays have the stated length, and the indices are columns of the program.
        unsafe {
            ffi::Highs_setSparseSolution(
                self.pointer,
                values.len() as i32,
                indices.as_ptr(),
                numbers.as_ptr(),
            );
        }
    }

    /// Adds rows; a linear program keeps its basis.
    pub fn add_rows(&mut self, rows: &[Row]) {
        let (starts, indices, values) = compressed(rows);
        let low: Vec<f64> = rows.iter().map(|r| r.low).collect();
        let high: Vec<f64> = rows.iter().map(|r| r.high).collect();
        // SAFETY: every array has the length that the counts before it state; HiGHS copies them.
        unsafe {
            ffi::Highs_addRows(
                self.pointer,
                rows.len() as i32,
                low.as_ptr(),
                high.as_ptr(),
                values.len() as i32,
                starts.as_ptr(),
                indices.as_ptr(),
                values.as_ptr(),
            );
        }
        self.rows += rows.len();
    }

    /// Adds a continuous column with its terms (row, coefficient); a linear program keeps its basis.
    pub fn add_column(&mut self, cost: f64, (low, high): (f64, f64), terms: &[(u32, f64)]) {
        let rows: Vec<i32> = terms.iter().map(|t| t.0 as i32).collect();
        let values: Vec<f64> = terms.iter().map(|t| t.1).collect();
        // SAFETY: both arrays have the stated length, and the indices are rows of the program.
        unsafe {
            ffi::Highs_addCol(
                self.pointer,
                cost,
                low,
                high,
                terms.len() as i32,
                rows.as_ptr(),
                values.as_ptr(),
            );
        }
        self.columns += 1;
    }

    /// Changes the bounds of a row; a linear program keeps its basis.
    pub fn row_bounds(&mut self, row: usize, low: f64, high: f64) {
        // SAFETY: the row exists in the program.
        unsafe { ffi::Highs_changeRowBounds(self.pointer, row as i32, low, high) };
    }

    /// Changes the bounds of a column; a linear program keeps its basis.
    pub fn column_bounds(&mut self, column: usize, low: f64, high: f64) {
        // SAFETY: the column exists in the program.
        unsafe { ffi::Highs_changeColBounds(self.pointer, column as i32, low, high) };
    }

    /// Solves what the instance holds.
    pub fn run(&mut self) -> Solution {
        if self.columns == 0 {
            return Solution::failed();
        }
        // SAFETY: the instance holds a program.
        let status = unsafe { ffi::Highs_run(self.pointer) };
        if status == ffi::STATUS_ERROR {
            return Solution::failed();
        }
        // SAFETY: as above.
        let model = unsafe { ffi::Highs_getModelStatus(self.pointer) };
        let status = match model {
            ffi::MODEL_STATUS_OPTIMAL => Status::Optimal,
            ffi::MODEL_STATUS_INFEASIBLE => Status::Infeasible,
            ffi::MODEL_STATUS_REACHED_TIME_LIMIT
            | ffi::MODEL_STATUS_REACHED_ITERATION_LIMIT
            | ffi::MODEL_STATUS_REACHED_INTERRUPT
            | ffi::MODEL_STATUS_REACHED_SOLUTION_LIMIT => Status::Limit,
            _ => Status::Failed,
        };
        let mut values = vec![0.0; self.columns];
        let mut reduced = vec![0.0; self.columns];
        let (mut activity, mut duals) = (vec![0.0; self.rows], vec![0.0; self.rows]);
        // SAFETY: the arrays have one entry for each column and row of the program.
        unsafe {
            ffi::Highs_getSolution(
                self.pointer,
                values.as_mut_ptr(),
                reduced.as_mut_ptr(),
                activity.as_mut_ptr(),
                duals.as_mut_ptr(),
            );
        }
        let feasible = (self.info(c"primal_solution_status") - 2.0).abs() < 0.5;
        let bound = match (self.mixed, status) {
            (_, Status::Infeasible) => f64::INFINITY,
            (true, Status::Failed) => f64::NEG_INFINITY,
            (true, _) => self.info(c"mip_dual_bound"),
            (false, Status::Optimal) => self.info(c"objective_function_value"),
            (false, _) => f64::NEG_INFINITY,
        };
        Solution { status, values: feasible.then_some(values), bound, nodes: self.nodes(), reduced, duals }
    }

    /// A figure of the last solve, whole numbers included; NaN when HiGHS has none.
    fn info(&self, name: &CStr) -> f64 {
        let mut double = 0.0;
        // SAFETY: the name ends in NUL and the location is a double.
        let status = unsafe { ffi::Highs_getDoubleInfoValue(self.pointer, name.as_ptr(), &raw mut double) };
        if status != ffi::STATUS_ERROR {
            return double;
        }
        let mut int = 0;
        // SAFETY: the name ends in NUL and the location is a HighsInt.
        let status = unsafe { ffi::Highs_getIntInfoValue(self.pointer, name.as_ptr(), &raw mut int) };
        if status == ffi::STATUS_ERROR { f64::NAN } else { f64::from(int) }
    }

    fn nodes(&self) -> u64 {
        let mut nodes = 0_i64;
        // SAFETY: the name ends in NUL and the location is an int64.
        unsafe { ffi::Highs_getInt64InfoValue(self.pointer, c"mip_node_count".as_ptr(), &raw mut nodes) };
        nodes.max(0) as u64
    }

    fn set_bool(&mut self, name: &CStr, value: bool) {
        // SAFETY: the name ends in NUL.
        unsafe { ffi::Highs_setBoolOptionValue(self.pointer, name.as_ptr(), i32::from(value)) };
    }

    fn set_string(&mut self, name: &CStr, value: &CStr) {
        // SAFETY: both end in NUL; HiGHS copies the value.
        unsafe { ffi::Highs_setStringOptionValue(self.pointer, name.as_ptr(), value.as_ptr()) };
    }

    fn set_int(&mut self, name: &CStr, value: i32) {
        // SAFETY: the name ends in NUL.
        unsafe { ffi::Highs_setIntOptionValue(self.pointer, name.as_ptr(), value) };
    }

    fn set_double(&mut self, name: &CStr, value: f64) {
        // SAFETY: the name ends in NUL.
        unsafe { ffi::Highs_setDoubleOptionValue(self.pointer, name.as_ptr(), value) };
    }
}

/// What HiGHS calls to hear whether it should stop.
unsafe extern "C" fn interrupt(
    _: c_int,
    _: *const c_char,
    _: *const ffi::HighsCallbackDataOut,
    answer: *mut ffi::HighsCallbackDataIn,
    time_left: *mut c_void,
) {
    // SAFETY: `interrupt_when_over` passed a `TimeLeft` as this pointer, and HiGHS an answer to fill in.
    unsafe {
        let time_left = std::mem::transmute::<*mut c_void, TimeLeft>(time_left);
        if !answer.is_null() && time_left() <= 0.0 {
            (*answer).user_interrupt = 1;
        }
    }
}

/// Rows as start, index and value arrays.
fn compressed(rows: &[Row]) -> (Vec<i32>, Vec<i32>, Vec<f64>) {
    let (mut starts, mut indices, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        starts.push(values.len() as i32);
        for (column, coefficient) in &row.terms {
            indices.push(*column as i32);
            values.push(*coefficient);
        }
    }
    (starts, indices, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knapsack() -> Program {
        let mut program = Program::default();
        for (value, _) in [(10.0, 5.0), (6.0, 3.0), (6.0, 3.0)] {
            program.column(-value, 0.0, 1.0, true);
        }
        program.row(f64::NEG_INFINITY, 6.0, vec![(0, 5.0), (1, 3.0), (2, 3.0)]);
        program
    }

    const LIMITS: Limits = Limits { gap: 0.0, nodes: 1000, time_left: None, seed: 1 };

    #[test]
    fn a_knapsack_is_solved_and_bounded() {
        let solution = solve(&knapsack(), Some(&[(0, 1.0)]), LIMITS);
        assert_eq!(solution.status, Status::Optimal);
        assert!((solution.bound + 12.0).abs() < 1e-6);
        assert_eq!(solution.values.unwrap().iter().map(|v| v.round() as i32).collect::<Vec<_>>(), [0, 1, 1]);
    }

    #[test]
    fn rows_added_to_a_relaxation_tighten_it() {
        let mut highs = Highs::new(&knapsack(), false, None);
        let loose = highs.run();
        highs.add_rows(&[Row {
            low: f64::NEG_INFINITY,
            high: 1.0,
            terms: vec![(0, 1.0), (1, 1.0), (2, 1.0)],
        }]);
        let tight = highs.run();
        assert!(tight.bound > loose.bound + 1e-6);
        assert_eq!(tight.duals.len(), 2);
    }

    #[test]
    fn a_solve_ends_when_no_time_is_left() {
        // Transport from eight sites to eight others: more than presolve settles.
        let mut program = Program::default();
        for cost in 0..64_u32 {
            program.column(f64::from(cost * 37 % 61 + 1), 0.0, f64::INFINITY, false);
        }
        for site in 0..8 {
            program.row(f64::NEG_INFINITY, 9.0, (0..8).map(|to| (8 * site + to, 1.0)).collect());
            program.row(7.0, f64::INFINITY, (0..8).map(|from| (8 * from + site, 1.0)).collect());
        }
        assert_eq!(Highs::new(&program, false, Some(|| 0.0)).run().status, Status::Limit);
        assert_eq!(Highs::new(&program, false, Some(|| f64::INFINITY)).run().status, Status::Optimal);
        program.integer.fill(true);
        let limits = Limits { time_left: Some(|| 0.0), ..LIMITS };
        assert_eq!(solve(&program, None, limits).status, Status::Limit);
    }

    #[test]
    fn an_infeasible_program_is_said_to_be() {
        let mut program = knapsack();
        program.row(7.0, f64::INFINITY, vec![(0, 5.0)]);
        assert_eq!(solve(&program, None, LIMITS).status, Status::Infeasible);
    }
}
