//! Names of workloads: the object's, as long as that is enough to tell them apart.

use std::collections::BTreeMap;

use plimsoll_model::Diagnostic;

use super::{Gathered, object::Object};

/// What is wrong with an object's name.
pub(super) fn problem(object: &Object<'_>) -> Option<Diagnostic> {
    let at = object.at(&["metadata", "name"]).unwrap_or_else(|| object.view.clone());
    if object.name.contains("{{") {
        let problem = at.problem(format!("the {} is a template that is not rendered", object.kind));
        return Some(problem.with_help("render it first: helm template … | plimsoll plan -"));
    }
    let nameless = object.name.is_empty() && object.kind != "Kustomization";
    nameless.then(|| {
        let problem = at.problem(format!("the {} has no `metadata.name`", object.kind));
        problem.with_help("give it a name: the plan names the workload by it")
    })
}

/// A name for each: its own, with the namespace where several share it, with the kind where that is
/// not enough.
pub(super) fn names(units: &[Gathered<'_>]) -> Vec<String> {
    let own = |unit: &Gathered<'_>| unit.group.unwrap_or(unit.unit.object.name).to_owned();
    let spaced = |unit: &Gathered<'_>| format!("{}/{}", unit.unit.object.namespace(), own(unit));
    let counts = |name: &dyn Fn(&Gathered<'_>) -> String| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for unit in units {
            *counts.entry(name(unit)).or_default() += 1;
        }
        counts
    };
    let (by_name, by_space) = (counts(&own), counts(&spaced));
    let name = |unit: &Gathered<'_>| {
        if by_name[&own(unit)] == 1 {
            return own(unit);
        }
        let spaced = spaced(unit);
        if by_space[&spaced] == 1 {
            return spaced;
        }
        let Object { kind, .. } = unit.unit.object;
        format!("{}/{}/{}", unit.unit.object.namespace(), kind.to_ascii_lowercase(), own(unit))
    };
    units.iter().map(name).collect()
}
