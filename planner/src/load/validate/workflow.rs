//! What workloads say about each other and about the estate's data.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Diagnostic, Estate, Workload, read::Located, yaml};

/// That each workload has a name of its own.
pub(super) fn names(workloads: &[Located<Workload>], problems: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&str, &Located<Workload>> = BTreeMap::new();
    for workload in workloads {
        let name = &*workload.value.metadata.name;
        if let Some(first) = seen.get(name) {
            let problem = workload.problem("metadata.name", format!("a second Workload `{name}`"));
            problems.push(problem.with_help(format!("the first is at {}", first.place_of("metadata.name"))));
        } else {
            seen.insert(name, workload);
        }
    }
}

/// That all of a group that is kept together say the same of where.
pub(super) fn groups(workloads: &[Located<Workload>], problems: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&str, &Located<Workload>> = BTreeMap::new();
    for workload in workloads {
        let Some(together) = &workload.value.spec.together else { continue };
        let first = *seen.entry(&together.name).or_insert(workload);
        let area = first.value.spec.together.as_ref().map_or(together.area, |first| first.area);
        if area != together.area {
            let (here, there) = (together.area.as_str(), area.as_str());
            let message = format!(
                "`spec.together.in`: the group `{}` is in one {here} here and in one {there} elsewhere",
                together.name
            );
            let help = format!("the other is at {}", first.place_of("spec.together"));
            problems.push(workload.problem("spec.together.in", message).with_help(help));
        }
    }
}

/// That each dataset that is read exists.
pub(super) fn datasets(
    workloads: &[Located<Workload>],
    estate: Option<&Located<Estate>>,
    problems: &mut Vec<Diagnostic>,
) {
    let known: BTreeSet<&str> =
        estate.iter().flat_map(|estate| &estate.value.spec.datasets).map(|dataset| &*dataset.name).collect();
    let help = match (estate, known.is_empty()) {
        (None, _) => "there is no Estate, which would list datasets".to_owned(),
        (Some(_), true) => "the estate lists no datasets".to_owned(),
        _ => format!("the estate has {}", some_of(&known)),
    };
    for workload in workloads {
        for (index, input) in workload.value.spec.inputs.iter().enumerate() {
            let Some(name) = input.dataset.as_deref().filter(|name| !known.contains(name)) else { continue };
            let field = format!("spec.inputs[{index}].dataset");
            let message = format!("`{field}`: there is no dataset `{name}`");
            let near = yaml::nearest(name, known.iter().copied());
            let help = near.map_or_else(|| help.clone(), |near| format!("did you mean `{near}`?"));
            problems.push(workload.problem(field, message).with_help(help));
        }
    }
}

fn some_of(names: &BTreeSet<&str>) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(SHOWN);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{tail}", shown.join(", "))
}

/// That each producer exists and that no chain of them closes.
pub(super) fn edges(workloads: &[Located<Workload>], problems: &mut Vec<Diagnostic>) {
    let mut index_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, workload) in workloads.iter().enumerate() {
        index_of.entry(&workload.value.metadata.name).or_insert(index);
    }
    let mut producers: Vec<Vec<Edge>> = Vec::with_capacity(workloads.len());
    for (index, workload) in workloads.iter().enumerate() {
        let mut edges = Vec::new();
        for (input, from) in workload.value.spec.inputs.iter().enumerate() {
            let Some(from) = from.from.as_deref() else { continue };
            let field = format!("spec.inputs[{input}].from");
            match index_of.get(from).copied() {
                Some(producer) if producer == index => {
                    let message = format!("`{field}`: a workload cannot read its own output");
                    problems.push(workload.problem(field, message));
                }
                Some(producer) => edges.push(Edge { producer, input }),
                None => {
                    let message = format!("`{field}`: there is no workload `{from}`");
                    let problem = workload.problem(field, message);
                    problems.push(match yaml::nearest(from, index_of.keys().copied()) {
                        Some(near) => problem.with_help(format!("did you mean `{near}`?")),
                        None => problem.with_help("`from` names a workload among the files"),
                    });
                }
            }
        }
        producers.push(edges);
    }
    if let Some(cycle) = find_cycle(&producers) {
        problems.push(cycle_problem(workloads, &cycle));
    }
}

/// What a workload reads from another.
#[derive(Debug, Clone, Copy)]
struct Edge {
    producer: usize,
    /// Which of its inputs says so.
    input: usize,
}

/// A cycle as (consumer, its edge) in the order of reading. Depth first without recursion: a chain may
/// be as long as there are workloads.
fn find_cycle(producers: &[Vec<Edge>]) -> Option<Vec<(usize, Edge)>> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut states = vec![State::New; producers.len()];
    for start in 0..producers.len() {
        if states[start] != State::New {
            continue;
        }
        states[start] = State::Open;
        let mut trail: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some((node, next)) = trail.last_mut() {
            let Some(edge) = producers[*node].get(*next).copied() else {
                states[*node] = State::Done;
                trail.pop();
                continue;
            };
            *next += 1;
            match states[edge.producer] {
                State::Done => {}
                State::New => {
                    states[edge.producer] = State::Open;
                    trail.push((edge.producer, 0));
                }
                State::Open => {
                    let from = trail.iter().position(|(node, _)| *node == edge.producer)?;
                    return Some(
                        trail[from..]
                            .iter()
                            .map(|(node, next)| (*node, producers[*node][next - 1]))
                            .collect(),
                    );
                }
            }
        }
    }
    None
}

fn cycle_problem(workloads: &[Located<Workload>], cycle: &[(usize, Edge)]) -> Diagnostic {
    const SHOWN: usize = 12;
    let name = |index: usize| workloads[index].value.metadata.name.clone();
    // Edges lead from readers to producers; data flows the other way round, here from the first document.
    let mut order: Vec<usize> = cycle.iter().rev().map(|(node, _)| *node).collect();
    let first = (0..order.len()).min_by_key(|at| order[*at]).unwrap_or_default();
    order.rotate_left(first);
    let mut names: Vec<String> = order.into_iter().map(name).collect();
    names.extend(names.first().cloned());
    if names.len() > SHOWN {
        let cut = names.len() - SHOWN;
        names.splice(SHOWN / 2..SHOWN / 2 + cut, [format!("… {cut} more …")]);
    }
    let Some((consumer, edge)) = cycle.last() else { return Diagnostic::of_file("", "an empty cycle") };
    let field = format!("spec.inputs[{}].from", edge.input);
    workloads[*consumer]
        .problem(field, format!("workloads wait for each other: {}", names.join(" → ")))
        .with_help("remove one of these inputs")
}
