//! Where a pod may run: `nodeSelector`, required node affinity, tolerations, read as they are.

use plimsoll_model::{
    Diagnostic,
    fleet::{NODE_NAME, Requirement, Rule, Test, Toleration},
    read::View,
};

use crate::labels::{
    REQUIRED,
    requirement::{self, Operator},
};

/// Reads the rule of a pod's spec.
pub(super) fn read(spec: &View<'_>, problems: &mut Vec<Diagnostic>) -> Rule {
    let mut rule = Rule::default();
    for (key, value) in spec.field("nodeSelector").map_or_else(Vec::new, |labels| labels.entries()) {
        match value.text() {
            Some(text) => _ = rule.labels.insert(key.to_owned(), text.to_owned()),
            None => problems.push(value.problem(format!("`{key}`: expected text"))),
        }
    }
    let terms = spec.at(&["affinity", "nodeAffinity", REQUIRED, "nodeSelectorTerms"]);
    rule.terms = terms.map(|terms| terms.items().iter().map(|term| alternative(term, problems)).collect());
    let tolerations = spec.field("tolerations").map_or_else(Vec::new, |list| list.items());
    rule.tolerations = tolerations.iter().filter_map(|one| toleration(one, problems)).collect();
    rule
}

pub(super) fn alternative(term: &View<'_>, problems: &mut Vec<Diagnostic>) -> Vec<Requirement> {
    let mut found = Vec::new();
    for (field, is_label) in [("matchExpressions", true), ("matchFields", false)] {
        for expression in term.field(field).map_or_else(Vec::new, |list| list.items()) {
            match requirement::Requirement::of_pod(&expression) {
                Ok(one) if !is_label && one.key != NODE_NAME => {
                    let message =
                        format!("`{}`: the only field that affinities know is {NODE_NAME}", one.key);
                    problems.push(expression.problem(message));
                }
                Ok(one) => found.extend(test(&one).map(|test| Requirement { key: one.key, test })),
                Err(problem) => problems.push(*problem),
            }
        }
    }
    found
}

/// The same without its place.
fn test(one: &requirement::Requirement<'_>) -> Option<Test> {
    let number = || one.values.first().and_then(|value| value.parse().ok());
    Some(match one.operator {
        Operator::In => Test::In(one.values.clone()),
        Operator::NotIn => Test::NotIn(one.values.clone()),
        Operator::Exists => Test::Exists,
        Operator::DoesNotExist => Test::DoesNotExist,
        Operator::Number { above: true, .. } => Test::Above(number()?),
        Operator::Number { above: false, .. } => Test::Below(number()?),
    })
}

fn toleration(one: &View<'_>, problems: &mut Vec<Diagnostic>) -> Option<Toleration> {
    let text = |field: &str| one.field(field).and_then(|view| view.text()).filter(|text| !text.is_empty());
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let key = owned(text("key"));
    let value = match text("operator").unwrap_or("Equal") {
        "Equal" if key.is_some() => Some(text("value").unwrap_or_default().to_owned()),
        "Exists" => None,
        "Equal" => {
            problems.push(one.problem("a toleration without `key` needs `operator: Exists`"));
            return None;
        }
        other => {
            let message = format!("unknown operator `{}` of a toleration", plimsoll_model::shown(other));
            problems.push(one.problem(message).with_help("known are Equal and Exists"));
            return None;
        }
    };
    Some(Toleration { key, value, effect: owned(text("effect")) })
}

/// Refuses spreads that Kubernetes refuses.
pub(super) fn check_spreads(spec: &View<'_>, problems: &mut Vec<Diagnostic>) {
    for one in spec.field("topologySpreadConstraints").map_or_else(Vec::new, |list| list.items()) {
        let skew = one.field("maxSkew");
        if let Some(skew) = skew.filter(|skew| skew.integer().is_none_or(|number| number < 1)) {
            let problem = skew.problem("`maxSkew`: expected a whole number of 1 or more");
            problems.push(problem.with_help("by how many pods domains may differ: 1 spreads evenly"));
        }
    }
}
