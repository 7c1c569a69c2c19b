//! Equal tasks as one with a count.
//!
//! A program of a variable for each of many equal tasks has as many solutions as there are orders among
//! them, and branching visits them all. So equal tasks share their variables, which count how many of
//! them are there. Only tasks alone in what they do are merged: who pays for a dataset, which producer
//! feeds whom, the pieces of a run and a limit on one task's own cost need the task itself.

use std::collections::BTreeMap;

use crate::problem::Problem;

/// The members that share variables, each list in document order, by their first.
pub(super) fn groups(problem: &Problem, members: &[u32]) -> Vec<Vec<u32>> {
    let readers = problem.readers();
    let mut groups: Vec<Vec<u32>> = Vec::new();
    // A class is a name, not an index: whoever asks "what if" gives one task a class of its own.
    let mut of_class: BTreeMap<u32, usize> = BTreeMap::new();
    for &member in members {
        let task = &problem.tasks[member as usize];
        let alone = task.reads.is_empty() && task.inputs.is_empty() && readers[member as usize].is_empty();
        let merges = alone && !task.pausable && task.max_cost.is_none();
        let next = groups.len();
        let group = if merges { *of_class.entry(task.class).or_insert(next) } else { next };
        if group == next {
            groups.push(Vec::new());
        }
        groups[group].push(member);
    }
    groups
}
