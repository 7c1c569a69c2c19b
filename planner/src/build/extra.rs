//! Choices beyond those of a problem: offers that a filter or the thinning dropped, for questions about them.

use std::sync::Arc;

use plimsoll_solver::problem::Task;

use super::{Build, network::between};
use crate::{
    terms::Terms,
    world::{LocationIx, OfferIx},
};

impl Build<'_> {
    /// The choice of a task on an offer, added where the problem lacks it.
    ///
    /// # Errors
    /// The figure that its price needs and nothing states.
    pub fn with_choice(&mut self, index: usize, ix: OfferIx, terms: &Terms) -> Result<usize, String> {
        if let Some(at) = self.choice_on(index, ix) {
            return Ok(at);
        }
        let choices = std::mem::take(&mut self.problem.tasks[index].choices);
        let task = self.problem.tasks[index].clone();
        let choice = self.choice(index, &task, ix, terms);
        self.problem.tasks[index].choices = choices;
        let mut choice = choice.ok_or_else(|| self.lacking.clone())?;
        self.edges_at(index, &task, choice.place)?;
        let known = self.known_offer(ix).is_some();
        choice.offer = self.offer(ix);
        if !known {
            let reservations = self.reservations_of(ix, choice.offer);
            self.problem.reservations.extend(reservations);
        }
        self.problem.tasks[index].choices.push(choice);
        Arc::make_mut(&mut self.terms[index]).push(*terms);
        Ok(self.problem.tasks[index].choices.len() - 1)
    }

    /// The choice of a task on an offer, if the problem has one.
    pub fn choice_on(&self, index: usize, ix: OfferIx) -> Option<usize> {
        let local = self.known_offer(ix)?;
        self.problem.tasks[index].choices.iter().position(|choice| choice.offer == local)
    }

    /// States what lies between a new place of a task and every place of its neighbours in the workflow.
    fn edges_at(&mut self, index: usize, task: &Task, place: u32) -> Result<(), String> {
        let places = |of: usize| self.problem.tasks[of].choices.iter().map(|choice| choice.place);
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for edge in &task.inputs {
            pairs.extend(places(edge.producer as usize).map(|from| (from, place)));
        }
        for (reader, other) in self.problem.tasks.iter().enumerate() {
            if other.inputs.iter().any(|edge| edge.producer as usize == index) {
                pairs.extend(places(reader).map(|to| (place, to)));
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        for (from, to) in pairs {
            if !between(self.world, &mut self.problem.network, from, to) {
                let label = |place| self.world.places.label(LocationIx(place));
                return Err(format!("egress price from {} to {} (`egress`)", label(from), label(to)));
            }
        }
        Ok(())
    }
}
