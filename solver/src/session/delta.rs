//! What can change, and what each change spoils.

use std::fmt;

use super::{Session, home, moving};
use crate::problem::{Choice, Nanos, Problem, Series, Task};

/// What is different now. Indices are those of the [`Problem`].
#[derive(Debug, Clone)]
pub enum Delta {
    /// Offers cost other dollars an instance-hour: (offer, dollars).
    Prices(Vec<(u32, f64)>),
    /// So many instances of an offer can be had at a time: 0 when it is gone, `None` without limit.
    Count {
        /// The offer.
        offer: u32,
        /// Instances.
        count: Option<i64>,
    },
    /// A group of own machines has so many.
    Nodes {
        /// The group.
        group: u32,
        /// Machines.
        nodes: u32,
    },
    /// A quota allows so much, in its units.
    Quota {
        /// The quota.
        quota: u32,
        /// Units.
        limit: i64,
    },
    /// A budget allows so many dollars.
    Budget {
        /// The budget.
        budget: u32,
        /// Dollars.
        usd: f64,
    },
    /// A carbon budget allows so many kilograms.
    CarbonBudget {
        /// The carbon budget.
        budget: u32,
        /// Kilograms.
        kg: f64,
    },
    /// A kilogram CO2e costs so many dollars.
    CarbonPrice(f64),
    /// An hour until done costs so many dollars.
    DelayPrice(f64),
    /// Another forecast of a carbon intensity.
    Intensity {
        /// The series.
        series: u32,
        /// Its values.
        values: Series,
    },
    /// A workload has come; it is the last task. Its class is its own.
    Arrive(Box<Task>),
    /// A workload has gone; the tasks after it move up by one. Nobody may read its results.
    Leave(u32),
    /// It is later. What has not ended is planned from now on; what is done has to [leave](Delta::Leave).
    Now(Nanos),
}

/// What a change makes worthless.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent marks, each with its own name")]
pub struct Spoiled {
    /// Something costs more or less: the plan is valid, but another may be better.
    pub costs: bool,
    /// Less may be used: the plan may not be valid.
    pub limits: bool,
    /// Tasks have come or gone, or may run at other times.
    pub tasks: bool,
    /// The bound may be none any more.
    pub bound: bool,
}

impl Spoiled {
    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self {
            costs: self.costs || other.costs,
            limits: self.limits || other.limits,
            tasks: self.tasks || other.tasks,
            bound: self.bound || other.bound,
        }
    }

    /// Whether nothing is.
    pub const fn is_none(self) -> bool {
        !(self.costs || self.limits || self.tasks || self.bound)
    }
}

/// A change that does not fit the problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// What only makes plans dearer, or fewer, leaves the bound one.
const fn dearer(costs: bool, limits: bool, bound: bool) -> Spoiled {
    Spoiled { costs, limits, tasks: false, bound }
}

pub(super) fn apply(session: &mut Session, delta: Delta) -> Result<(), Refused> {
    let problem = &mut session.problem;
    let spoiled = match delta {
        Delta::Prices(prices) => reprice(problem, &prices)?,
        Delta::Count { offer, count } => {
            let now = at(&mut problem.counts, "offer", offer)?;
            let least = |count: Option<i64>| count.map_or(i64::MAX, |count| count.max(0));
            let less = least(count) <= least(*now);
            *now = count.map(|count| count.max(0));
            dearer(!less, less, !less)
        }
        Delta::Nodes { group, nodes } => {
            let now = at(&mut problem.groups, "group of machines", group)?;
            let less = nodes <= now.nodes;
            now.nodes = nodes;
            dearer(!less, less, !less)
        }
        Delta::Quota { quota, limit } => {
            let now = at(&mut problem.quotas, "quota", quota)?;
            let less = limit <= *now;
            *now = limit.max(0);
            dearer(!less, less, !less)
        }
        Delta::Budget { budget, usd } => {
            let usd = amount("a budget", usd)?;
            let now = at(&mut problem.budgets, "budget", budget)?;
            let less = usd <= *now;
            *now = usd;
            dearer(!less, less, !less)
        }
        Delta::CarbonBudget { budget, kg } => {
            let kg = amount("a carbon budget", kg)?;
            let now = at(&mut problem.carbon_budgets, "carbon budget", budget)?;
            let less = kg <= *now;
            *now = kg;
            dearer(!less, less, !less)
        }
        Delta::CarbonPrice(usd) => {
            let more = amount("a carbon price", usd)? >= problem.usd_per_kg;
            problem.usd_per_kg = usd;
            dearer(true, false, !more)
        }
        Delta::DelayPrice(usd) => {
            let more = amount("a delay price", usd)? >= problem.usd_per_delay_hour;
            problem.usd_per_delay_hour = usd;
            dearer(true, false, !more)
        }
        Delta::Intensity { series, values } => {
            if values.times.is_empty() {
                return Err(Refused("an intensity needs a value".into()));
            }
            *at(&mut problem.series, "series", series)? = values;
            let limits = !problem.carbon_budgets.is_empty();
            dearer(true, limits, true)
        }
        Delta::Arrive(task) => arrive(session, *task)?,
        Delta::Leave(task) => leave(session, task)?,
        Delta::Now(now) => later(session, now)?,
    };
    session.spoil(spoiled);
    Ok(())
}

/// A place in a list.
fn at<'l, T>(list: &'l mut [T], what: &str, index: u32) -> Result<&'l mut T, Refused> {
    let known = list.len();
    list.get_mut(index as usize)
        .ok_or_else(|| Refused(format!("there is no {what} {index}: there are {known}")))
}

fn amount(what: &str, value: f64) -> Result<f64, Refused> {
    let is_one = value.is_finite() && value >= 0.0;
    if is_one { Ok(value) } else { Err(Refused(format!("{what} cannot be {value}"))) }
}

fn reprice(problem: &mut Problem, prices: &[(u32, f64)]) -> Result<Spoiled, Refused> {
    let mut hourly: Vec<Option<f64>> = vec![None; problem.counts.len()];
    for (offer, usd) in prices {
        *at(&mut hourly, "offer", *offer)? = Some(amount("a price", *usd)?);
    }
    let new = |choice: &Choice| hourly[choice.offer as usize];
    let is_cheaper = |choice: &Choice| new(choice).is_some_and(|usd| usd < choice.hourly);
    let cheaper = problem.tasks.iter().flat_map(|task| &task.choices).any(is_cheaper);
    // What two others dominated at the old prices may be best at these.
    let repriced = |choice: &Choice| Choice {
        hourly: new(choice).unwrap_or(choice.hourly),
        spare: false,
        ..choice.clone()
    };
    *problem = problem.with_choices(
        |_| (),
        |_, choices| {
            let is_new = choices.iter().any(|choice| new(choice).is_some());
            is_new.then(|| choices.iter().map(repriced).collect())
        },
    );
    let limits = !problem.budgets.is_empty() || problem.tasks.iter().any(|task| task.max_cost.is_some());
    Ok(dearer(true, limits, cheaper))
}

fn arrive(session: &mut Session, mut task: Task) -> Result<Spoiled, Refused> {
    let problem = &session.problem;
    let count = problem.tasks.len() as u32;
    let known = |index: u32, length: usize| (index as usize) < length;
    let places = problem.network.usd_per_byte.nrows();
    let bonds_fit = task.bond.is_none_or(|bond| known(bond, problem.bonds.len()));
    let choices_fit = bonds_fit
        && task.choices.iter().all(|choice| {
            known(choice.offer, problem.counts.len())
                && choice.quotas.iter().all(|quota| known(quota.0, problem.quotas.len()))
                && choice.group.is_none_or(|group| known(group, problem.groups.len()))
                && choice.series.is_none_or(|series| known(series, problem.series.len()))
                && (places == 0 || known(choice.place, places))
        });
    let reads = |(dataset, level): &(u32, u32)| {
        problem.datasets.get(*dataset as usize).is_some_and(|dataset| known(*level, dataset.sizes.len()))
    };
    let fits = choices_fit
        && task.reads.iter().all(reads)
        && task.inputs.iter().all(|edge| edge.producer < count)
        && task.budgets.iter().all(|budget| known(*budget, problem.budgets.len()))
        && task.carbon_budgets.iter().all(|budget| known(*budget, problem.carbon_budgets.len()));
    if !fits {
        return Err(Refused("the task names what is not in the problem".into()));
    }
    let class = session.classes.iter().copied().max().map_or(0, |most| most.saturating_add(1));
    session.classes.push(class);
    task.class = session.problem.tasks.iter().map(|t| t.class).max().map_or(0, |most| most.saturating_add(1));
    session.moving.push(moving(&task));
    session.home.push(home(&task));
    session.columns.push(None);
    session.problem.tasks.push(task);
    // Who pays for shared data and who has reserved instances may change with it.
    Ok(Spoiled { tasks: true, bound: true, ..Spoiled::default() })
}

fn leave(session: &mut Session, task: u32) -> Result<Spoiled, Refused> {
    at(&mut session.problem.tasks, "task", task)?;
    let reads = |t: &Task| t.inputs.iter().any(|edge| edge.producer == task);
    if let Some(reader) = session.problem.tasks.iter().position(reads) {
        return Err(Refused(format!("task {reader} reads the results of task {task}")));
    }
    let index = task as usize;
    session.problem.tasks.remove(index);
    session.columns.remove(index);
    session.home.remove(index);
    session.moving.remove(index);
    session.classes.remove(index);
    session.carried.forget_tasks();
    for edge in session.problem.tasks.iter_mut().flat_map(|t| &mut t.inputs) {
        if edge.producer > task {
            edge.producer -= 1;
        }
    }
    // Whoever paid for shared data has changed: sums may be over their limits.
    Ok(Spoiled { tasks: true, limits: true, bound: true, ..Spoiled::default() })
}

fn later(session: &mut Session, now: Nanos) -> Result<Spoiled, Refused> {
    let problem = &mut session.problem;
    if now < problem.now {
        return Err(Refused("time does not go back".into()));
    }
    let before = std::mem::replace(&mut problem.now, now);
    let mut times = Vec::with_capacity(problem.tasks.len());
    for task in &mut problem.tasks {
        let was = task.earliest;
        task.earliest = was.max(now);
        times.push((was, task.earliest));
        // A grid that began at the planning moment begins there again.
        if task.grid == before {
            task.grid = now;
        }
    }
    let ready = |choice: &Choice, (was, earliest): (Nanos, Nanos)| {
        // Data that has not been sent for yet arrives so much later.
        let seen = if choice.ready > was { choice.ready - before } else { 0 };
        choice.ready.max(earliest).max(now + choice.arrives.max(seen))
    };
    *problem = problem.with_choices(
        |task| times[task],
        |task, choices| {
            let later = |choice: &Choice| Choice { ready: ready(choice, times[task]), ..choice.clone() };
            Some(choices.iter().map(later).collect())
        },
    );
    Ok(Spoiled { costs: true, limits: true, tasks: true, bound: true })
}
