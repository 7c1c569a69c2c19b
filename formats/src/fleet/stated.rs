//! `plimsoll.dev/request`: what a pod asks for, in the words of a Workload's `request`, in place of what its containers ask.

use plimsoll_catalog::{accelerator, canonical};
use plimsoll_model::{
    Diagnostic,
    fleet::{Amount, Ask, Pod, Requirement, Test},
    read,
    workload::{AcceleratorRequest, Request},
};

use super::{
    device::{Known, NVIDIA},
    expand::Draft,
    pod::annotation,
};
use crate::labels::{ARCHES, TYPES};

const NAME: &str = "plimsoll.dev/request";

/// Gives a pod what its annotation asks for, if it has one.
pub(super) fn read(draft: &Draft<'_>, known: &Known, pod: &mut Pod, problems: &mut Vec<Diagnostic>) {
    let Some(stated) = annotation(draft, NAME) else { return };
    let text = stated.text().unwrap_or_default();
    let Some(document) = read::documents(NAME, text.as_bytes()).ok().and_then(|mut all| all.pop()) else {
        let problem = stated.problem(format!("`{NAME}`: expected a request such as a Workload's"));
        problems.push(problem.with_help("'{accelerators: {count: 0.25}, cpu: 2, memory: 8Gi}'"));
        return;
    };
    let request: Request = match document.split().1.read() {
        Ok(request) => request,
        Err(wrong) => {
            problems.extend(wrong.into_iter().map(|wrong| {
                let is_named = wrong.field.is_empty() || wrong.message.contains(&wrong.field);
                let field = if is_named { String::new() } else { format!("`{}`: ", wrong.field) };
                let problem = stated.problem(format!("`{NAME}`: {field}{}", wrong.message));
                Diagnostic { help: wrong.help, ..problem }
            }));
            return;
        }
    };
    let amounts = [("cpu", request.cpu.map(|cpu| cpu.0)), ("memory", request.memory.map(|memory| memory.0))];
    for (resource, amount) in amounts {
        pod.needs.extend(amount.map(|amount| (resource.to_owned(), amount)));
    }
    let mut and = |key: &str, test| pod.rule.and(Requirement { key: key.to_owned(), test });
    if !request.instance_type.is_empty() {
        and(TYPES[0], Test::In(request.instance_type));
    }
    if !request.not_instance_type.is_empty() {
        and(TYPES[0], Test::NotIn(request.not_instance_type));
    }
    if let Some(arch) = request.arch {
        and(ARCHES[0], Test::In(vec![arch.as_str().to_owned()]));
    }
    if let Some(wanted) = request.accelerators {
        accelerators(&wanted, known, pod);
    }
}

fn accelerators(wanted: &AcceleratorRequest, known: &Known, pod: &mut Pod) {
    let resource = pod.ask.as_ref().map(|ask| ask.resource.clone());
    let resource = resource.or_else(|| known.only().map(str::to_owned)).unwrap_or_else(|| NVIDIA.to_owned());
    let milli = wanted.count().milli();
    // The reader lets whole numbers and parts of one through alone.
    let amount = match u16::try_from(milli) {
        Ok(share @ 1..1000) => Amount::Share(share),
        _ => Amount::Whole(u16::try_from(milli / 1000).unwrap_or(u16::MAX)),
    };
    let mut models: Vec<String> = wanted.any_of.iter().map(|name| canonical(name).into_owned()).collect();
    if wanted.kind.is_some() || wanted.memory.is_some() {
        let is_named = |model: &str| models.is_empty() || models.iter().any(|one| one == model);
        let found = known.models(&resource).filter(|model| is_named(model) && is_such(model, wanted, known));
        models = found.map(str::to_owned).collect();
        if models.is_empty() {
            models = vec![words(wanted)];
        }
    }
    models.sort();
    models.dedup();
    pod.accelerators_milli = milli;
    pod.ask = Some(Ask { resource, models, amount });
}

/// Whether a model is of the kind and has the memory that is asked for.
fn is_such(model: &str, wanted: &AcceleratorRequest, known: &Known) -> bool {
    let card = accelerator(model);
    let kind = wanted.kind.is_none_or(|kind| card.is_some_and(|card| card.kind.name() == kind.as_str()));
    // What it is sold as: drivers keep some of it.
    let nominal = card.map(|card| card.memory_bytes);
    let has = nominal.or_else(|| known.memory.get(model).map(|mib| mib << 20));
    kind && wanted.memory.is_none_or(|least| has.is_some_and(|has| has >= least.0))
}

/// What stands for a model that no node has.
fn words(wanted: &AcceleratorRequest) -> String {
    let kind = wanted.kind.map_or("accelerator", |kind| kind.as_str());
    let name = if wanted.any_of.is_empty() { kind.to_owned() } else { wanted.any_of.join(" or ") };
    wanted.memory.map_or_else(|| name.clone(), |memory| format!("{name} with {memory}"))
}
