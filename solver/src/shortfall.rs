//! What of which limits is lacking for everything required to fit, and which limits are in each other's way.
//!
//! First an elastic linear program (Chinneck 2008, "Feasibility and Infeasibility in Optimization", chapter 6):
//! every limit on counts, quotas, money and carbon may give, at the price of the share of it that is given, and
//! the least is asked for. Then a deletion filter (the same, section 6.2.3) over the limits that the answer rests
//! on: those without which there would be a solution are an irreducible set that no plan keeps together. Both are
//! about the relaxation: a plan may need more than it says, never less.

use std::collections::BTreeMap;

use crate::{
    formulation::{Fineness, Formulation},
    linear::{Row, Solution, Status, TimeLeft, highs::Highs},
    mip::MOST_COLUMNS,
    outcome::Priced,
    problem::Problem,
};

/// What leaving out a required task costs, in shares of a limit.
const LEFT_OUT: f64 = 1e4;
/// Rounds of rows made for broken limits.
const ROUNDS: u32 = 60;
/// Rows of limits over time that are made at once.
const ROWS: usize = 5_000;
/// Limits that the filter looks at; where more are used up no set of them is told.
const FILTERED: usize = 40;
/// Less is nothing, as a share of a limit.
const NOTHING: f64 = 1e-6;

/// A limit that has a part in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Short {
    /// The limit.
    pub limit: Priced,
    /// How much more of it is lacking at least beside the others, in its units.
    pub by: f64,
    /// Whether it is one of the set that cannot be kept together.
    pub conflicts: bool,
}

/// What is lacking.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shortfall {
    /// The limits that lack something or conflict.
    pub limits: Vec<Short>,
    /// Required tasks that no more of these limits would place.
    pub beyond: Vec<u32>,
    /// Linear programs solved.
    pub solves: u64,
}

/// What is lacking for everything required to fit; `None` when nothing is, or when it is not known.
pub fn shortfall(problem: &Problem, time_left: Option<TimeLeft>) -> Option<Shortfall> {
    let all: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    let coarse = Fineness { items: 1, keep: None };
    let mut form = Formulation::new(problem, &all, true, true, MOST_COLUMNS, coarse)?;
    form.capacity_rows(ROWS);
    let mut elastic = Elastic::new(problem, form, time_left);
    let solution = elastic.solve()?;
    let values = solution.values.as_ref()?;
    let mut found = Shortfall::default();
    for (at, left) in elastic.form.left.clone().into_iter().enumerate() {
        let task = elastic.form.members[at];
        if !problem.tasks[task as usize].required {
            continue;
        }
        // Of equal tasks the last ones.
        let out = (values[left as usize] - NOTHING).ceil().max(0.0) as usize;
        let equals = &elastic.form.equals[at];
        found.beyond.extend(equals.iter().rev().take(out));
        if out == 0 {
            elastic.lp.column_bounds(left as usize, 0.0, 0.0);
        }
    }
    found.beyond.sort_unstable();
    let lacking: BTreeMap<Priced, f64> = elastic
        .slack
        .iter()
        .map(|(limit, column)| (*limit, values[*column as usize]))
        .filter(|(limit, by)| *by > NOTHING * elastic.size(*limit))
        .collect();
    if lacking.is_empty() {
        return (!found.beyond.is_empty()).then_some(Shortfall { solves: elastic.solves, ..found });
    }
    let conflicting = elastic.filter(&solution, &lacking);
    let short = |(limit, _): (&Priced, &u32)| {
        let by = lacking.get(limit).copied().unwrap_or(0.0);
        let conflicts = conflicting.contains(limit);
        (by > 0.0 || conflicts).then_some(Short { limit: *limit, by, conflicts })
    };
    found.limits = elastic.slack.iter().filter_map(short).collect();
    found.solves = elastic.solves;
    Some(found)
}

struct Elastic<'p> {
    problem: &'p Problem,
    form: Formulation<'p>,
    lp: Highs,
    /// By limit the column of what it gives, in its units.
    slack: BTreeMap<Priced, u32>,
    solves: u64,
}

impl<'p> Elastic<'p> {
    fn new(problem: &'p Problem, mut form: Formulation<'p>, time_left: Option<TimeLeft>) -> Self {
        form.program.cost.fill(0.0);
        for (member, left) in form.members.iter().zip(&form.left) {
            if problem.tasks[*member as usize].required {
                form.program.cost[*left as usize] = LEFT_OUT;
            }
        }
        let counts = (0..).zip(&problem.counts).filter(|(_, count)| count.is_some());
        let limits = counts
            .map(|(offer, _)| Priced::Count(offer))
            .chain((0..problem.quotas.len() as u32).map(Priced::Quota))
            .chain((0..problem.budgets.len() as u32).map(Priced::Budget))
            .chain((0..problem.carbon_budgets.len() as u32).map(Priced::Carbon));
        let limits: Vec<Priced> = limits.collect();
        let mut slack = BTreeMap::new();
        for limit in limits {
            let cost = 1.0 / size(problem, &form, limit);
            slack.insert(limit, form.program.column(cost, 0.0, f64::INFINITY, false));
        }
        loosen(&mut form, &slack, 0);
        let lp = Highs::new(&form.program, false, time_left);
        Self { problem, form, lp, slack, solves: 0 }
    }

    fn size(&self, limit: Priced) -> f64 {
        size(self.problem, &self.form, limit)
    }

    /// Solves, making rows as they break; nothing where neither a solution nor its absence is proven.
    fn solve(&mut self) -> Option<Solution> {
        for _ in 0..ROUNDS {
            let solution = self.lp.run();
            self.solves += 1;
            let values = match solution.status {
                Status::Optimal => solution.values.as_ref()?,
                Status::Infeasible => return Some(solution),
                Status::Limit | Status::Failed => return None,
            };
            let (rows, priced) = (self.form.program.rows.len(), self.form.priced.len());
            // What gives is not broken: the rows that limits already have stay as they are.
            if self.form.separate(values).is_empty() {
                return Some(solution);
            }
            loosen(&mut self.form, &self.slack, priced);
            let new: Vec<Row> = self.form.program.rows[rows..].to_vec();
            self.lp.add_rows(&new);
        }
        None
    }

    /// The limits of an irreducible set that cannot be kept together, among those that lack something or are
    /// used up in the elastic solution.
    fn filter(&mut self, elastic: &Solution, lacking: &BTreeMap<Priced, f64>) -> Vec<Priced> {
        let used_up = self.form.priced.iter().filter(|(row, limit)| {
            let price = elastic.duals.get(*row).copied().unwrap_or(0.0) * self.form.scale(*limit);
            price.abs() * self.size(*limit) > NOTHING
        });
        let mut suspects: Vec<Priced> =
            used_up.map(|priced| priced.1).chain(lacking.keys().copied()).collect();
        suspects.sort_unstable();
        suspects.dedup();
        if suspects.len() > FILTERED {
            return Vec::new();
        }
        // None of them gives, and all others do: what is said to conflict must do so by itself.
        for limit in &suspects {
            self.lp.column_bounds(self.slack[limit] as usize, 0.0, 0.0);
        }
        let infeasible = |solution: Option<Solution>| Some(solution?.status == Status::Infeasible);
        if infeasible(self.solve()) != Some(true) {
            return Vec::new();
        }
        let mut kept = Vec::new();
        for limit in suspects {
            let column = self.slack[&limit] as usize;
            self.lp.column_bounds(column, 0.0, f64::INFINITY);
            match infeasible(self.solve()) {
                // Without it all the others still cannot be kept: it stays out of the way.
                Some(true) => {}
                Some(false) => {
                    self.lp.column_bounds(column, 0.0, 0.0);
                    kept.push(limit);
                }
                None => return Vec::new(),
            }
        }
        kept
    }
}

/// Lets the rows of limits give, from the `first` priced one on.
fn loosen(form: &mut Formulation<'_>, slack: &BTreeMap<Priced, u32>, first: usize) {
    for at in first..form.priced.len() {
        let (row, limit) = form.priced[at];
        if let Some(column) = slack.get(&limit) {
            let unit = form.scale(limit) * form.units(limit);
            form.program.rows[row].terms.push((*column, -unit));
        }
    }
}

/// How much of a limit there is in its units, at least one.
fn size(problem: &Problem, form: &Formulation<'_>, limit: Priced) -> f64 {
    let has = match limit {
        Priced::Count(offer) => problem.counts[offer as usize].map_or(0.0, |count| count as f64),
        Priced::Quota(quota) => problem.quotas[quota as usize] as f64 / form.units(limit),
        Priced::Budget(budget) => problem.budgets[budget as usize],
        Priced::Carbon(budget) => problem.carbon_budgets[budget as usize],
    };
    has.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Choice, Task};

    /// Four jobs of 3 units on a quota of 10 units, two of which may also go elsewhere for 7 dollars.
    fn tight() -> Problem {
        let choice = |offer, hourly, quotas: &[(u32, i64)]| Choice {
            offer,
            instances: 1.0,
            hourly,
            run: 3_600_000_000_000,
            quotas: quotas.to_vec(),
            ..Choice::default()
        };
        let job = |class| Task {
            class,
            required: true,
            budgets: vec![0],
            slots: 3_600_000_000_000,
            replicas: 1,
            choices: if class < 2 {
                vec![choice(0, 1.0, &[(0, 3)]), choice(1, 7.0, &[])].into()
            } else {
                vec![choice(0, 1.0, &[(0, 3)])].into()
            },
            ..Task::default()
        };
        Problem {
            tasks: (0..4).map(job).collect(),
            counts: vec![None, None],
            quotas: vec![10],
            quota_units: vec![1],
            budgets: vec![4.5],
            network: crate::problem::Network { provider: vec![0], ..Default::default() },
            ..Problem::default()
        }
    }

    #[test]
    fn the_least_share_is_asked_of_both_limits_in_conflict() {
        let found = shortfall(&tight(), None).unwrap();
        // The budget moves a twelfth of a job elsewhere; 11.75 of 10 units stay. To move two thirds the budget
        // would have to give 3.5 of 4.5 dollars, a larger share.
        assert_eq!(found.limits.len(), 2, "{found:?}");
        let [quota, budget] = found.limits[..] else { panic!("{found:?}") };
        assert!(matches!(quota.limit, Priced::Quota(0)) && (quota.by - 1.75).abs() < 1e-4, "{found:?}");
        assert!(matches!(budget.limit, Priced::Budget(0)) && budget.by.abs() < 1e-4, "{found:?}");
        assert!(quota.conflicts && budget.conflicts && found.beyond.is_empty(), "{found:?}");
    }

    #[test]
    fn nothing_is_lacking_where_all_fits() {
        let problem = Problem { budgets: vec![100.0], ..tight() };
        assert_eq!(shortfall(&problem, None), None);
    }

    #[test]
    fn what_no_limit_would_place_is_told() {
        let mut problem = tight();
        problem.budgets = vec![100.0];
        problem.tasks[3].choices.clear();
        let found = shortfall(&problem, None).unwrap();
        assert_eq!((found.beyond, found.limits), (vec![3], vec![]));
    }
}
