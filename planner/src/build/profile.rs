//! What of a choice can matter beside its cost, for dominance.

use plimsoll_solver::{
    column,
    problem::{Choice, Task, ceil_second},
};

use super::{Build, thin};
use crate::world::OfferIx;

impl Build<'_> {
    /// What decides whether one choice makes another superfluous.
    pub(super) fn profile(&self, index: usize, task: &Task, choice: &Choice, ix: OfferIx) -> thin::Profile {
        let offer = self.world.offer(ix);
        let shared_place = task.reads.iter().any(|r| self.shared_data[r.0 as usize])
            || !task.inputs.is_empty()
            || self.has_consumer[index];
        let reserved = offer.nodes.is_some() || offer.count.is_some() || self.reserved.contains(&ix);
        let carbon_counts = self.problem.usd_per_kg > 0.0 || !task.carbon_budgets.is_empty();
        let series =
            choice.series.filter(|s| carbon_counts && !self.problem.series[*s as usize].is_constant());
        let fixed_start = task.deadline.is_none() && task.inputs.is_empty();
        let start = ceil_second(choice.ready);
        let run = [(start, start + choice.run)];
        let mut cost = column::own_cost(&self.problem, task, choice, &run);
        let kilograms = column::kilograms(&self.problem, choice, &run);
        if series.is_some() && !fixed_start {
            // What carbon costs depends on the start: kilowatts and the series stand for it.
            cost -= kilograms * self.problem.usd_per_kg;
        }
        for &(dataset, level) in &task.reads {
            cost += self.problem.datasets[dataset as usize].usd[(level as usize, choice.place as usize)];
        }
        let mut measures = Vec::with_capacity(6 + choice.quotas.len());
        measures.push(cost);
        if self.money_counts[index] {
            measures.push(column::own_money(choice));
        }
        if carbon_counts {
            // Every choice of a task has equally many measures, or unlike ones would be compared.
            let matters = !task.carbon_budgets.is_empty() || series.is_some();
            measures.push(if matters { choice.kilowatts } else { 0.0 });
        }
        if !task.carbon_budgets.is_empty() {
            measures.push(kilograms);
        }
        if shared_place || task.deadline.is_some() || !choice.quotas.is_empty() {
            measures.push(choice.run as f64);
            measures.push(choice.ready as f64);
        }
        measures.extend(choice.quotas.iter().map(|q| q.1 as f64));
        // To start earlier or to end earlier is not always better: who starts later without being
        // allowed to wait may pass a quota or meet a greener hour, and so may those who read its results.
        let moment_matters =
            !choice.quotas.is_empty() || (series.is_some() && !fixed_start) || task.consumers_timed;
        thin::Profile {
            place: (shared_place || task.bond.is_some()).then_some(choice.place),
            offer: reserved.then_some(ix),
            series: series.filter(|_| !fixed_start || !task.carbon_budgets.is_empty()),
            start: moment_matters.then_some(start),
            run: task.consumers_timed.then_some(choice.run),
            quotas: choice.quotas.iter().map(|q| q.0).collect(),
            way: choice.way,
            measures,
        }
    }

    /// Whether the moment of a run may matter beyond delay and deadlines: to a limit over time, to
    /// reservations, to carbon.
    pub(super) fn time_can_matter(&self) -> bool {
        let estate = &self.world.inputs.estate;
        !estate.quotas.is_empty()
            || !estate.reservations.is_empty()
            || self.problem.usd_per_kg > 0.0
            || !estate.carbon_budgets.is_empty()
            || self.world.offers.iter().any(|o| o.nodes.is_some() || o.count.is_some_and(|count| count > 0))
    }
}
