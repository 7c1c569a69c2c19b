//! A node affinity that keeps pods on several machines by their names, beside what a pod's own affinity says.

use std::collections::BTreeMap;

use plimsoll_model::{read::View, yaml::Change};
use serde_json::json;

use super::seat::fields;
use crate::{
    cluster::Host,
    labels::{HOST, REQUIRED},
};

/// The fields that hold the terms.
const PATH: [&str; 3] = ["affinity", "nodeAffinity", REQUIRED];
const TERMS: &str = "nodeSelectorTerms";
const EXPRESSIONS: &str = "matchExpressions";
const FIELDS: &str = "matchFields";
const NODE: &str = "metadata.name";

/// The required node affinity of a pod, as far as it bears on that.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Affinity {
    terms: Vec<Term>,
    /// The field that holds nothing but these terms, from the pod's spec on; what is removed with the last one.
    whole: Vec<&'static str>,
}

#[derive(Debug, Clone, PartialEq)]
struct Term {
    expressions: Vec<Expression>,
    fields: Vec<Expression>,
}

#[derive(Debug, Clone, PartialEq)]
struct Expression {
    /// The label, or the field.
    key: String,
    operator: String,
    values: Vec<String>,
}

impl Affinity {
    pub(super) fn of(spec: &View<'_>) -> Self {
        let required = spec.at(&PATH);
        let terms =
            required.and_then(|required| required.field(TERMS)).map_or_else(Vec::new, |terms| terms.items());
        let alone = |depth: &usize| spec.at(&PATH[..*depth]).is_some_and(|view| view.entries().len() == 1);
        // The outermost field of which all that it holds is one field.
        let outer = (1..=PATH.len()).rev().take_while(alone).last().unwrap_or(PATH.len());
        Self { terms: terms.iter().map(Term::of).collect(), whole: PATH[..outer].to_vec() }
    }

    /// Whether it names machines itself. `ours`: whether an earlier plan named some, by their label.
    pub(super) fn names_hosts(&self, ours: bool) -> bool {
        let is_theirs =
            |term: &Term| !ours && term.host().is_some() || term.fields.iter().any(|one| one.is(NODE, "In"));
        self.terms.iter().any(is_theirs)
    }

    /// Whether it lets pods onto a machine under no term.
    pub(super) fn excludes(&self, host: &Host) -> bool {
        let without = |all: &[Expression], key, name: &String| {
            all.iter().any(|one| one.is(key, "NotIn") && one.values.contains(name))
        };
        let all = |term: &Term| {
            without(&term.expressions, HOST, &host.name) || without(&term.fields, NODE, &host.node)
        };
        !self.terms.is_empty() && self.terms.iter().all(all)
    }

    /// The change of the pod's spec that leaves these machines alone; `ours`: whether an earlier plan named some.
    pub(super) fn change(&self, hosts: &[String], ours: bool) -> Option<Change> {
        if hosts.is_empty() {
            return ours.then(|| self.without()).flatten();
        }
        let wanted = || json!({"key": HOST, "operator": "In", "values": hosts});
        if self.terms.is_empty() {
            return Some(at_terms(Change::Put(json!([{EXPRESSIONS: [wanted()]}]))));
        }
        self.each(|term| match term.host() {
            Some((_, known)) if known == hosts => None,
            Some((index, _)) => {
                let values = fields(&["values"], Change::Put(json!(hosts)));
                Some(Change::Items(BTreeMap::from([(index, values)]), Vec::new()))
            }
            None if term.expressions.is_empty() => Some(Change::Put(json!([wanted()]))),
            None => Some(Change::Items(BTreeMap::new(), vec![wanted()])),
        })
    }

    /// Without the machines, and without what holds nothing else.
    fn without(&self) -> Option<Change> {
        let is_sole =
            |term: &Term| term.host().is_some() && term.expressions.len() == 1 && term.fields.is_empty();
        if let [term] = &self.terms[..]
            && is_sole(term)
        {
            return Some(fields(&self.whole, Change::Gone));
        }
        self.each(|term| {
            let (index, _) = term.host()?;
            let one = || Change::Items(BTreeMap::from([(index, Change::Gone)]), Vec::new());
            Some(if term.expressions.len() == 1 { Change::Gone } else { one() })
        })
    }

    /// A change of the expressions of each term.
    fn each(&self, change: impl Fn(&Term) -> Option<Change>) -> Option<Change> {
        let of_term = |(at, term)| Some((at, fields(&[EXPRESSIONS], change(term)?)));
        let changes: BTreeMap<usize, Change> = self.terms.iter().enumerate().filter_map(of_term).collect();
        (!changes.is_empty()).then(|| at_terms(Change::Items(changes, Vec::new())))
    }
}

impl Term {
    fn of(term: &View<'_>) -> Self {
        let list = |field| term.field(field).map_or_else(Vec::new, |list| list.items());
        let all = |field| list(field).iter().map(Expression::of).collect();
        Self { expressions: all(EXPRESSIONS), fields: all(FIELDS) }
    }

    /// The machines that it allows, with the place of the expression that says so.
    fn host(&self) -> Option<(usize, &[String])> {
        let at = self.expressions.iter().position(|one| one.is(HOST, "In"))?;
        Some((at, &self.expressions[at].values))
    }
}

impl Expression {
    fn of(expression: &View<'_>) -> Self {
        let text = |field| expression.field(field).and_then(|view| view.text().map(str::to_owned));
        let values = expression.field("values").map_or_else(Vec::new, |values| values.items());
        Self {
            key: text("key").unwrap_or_default(),
            operator: text("operator").unwrap_or_default(),
            values: values.iter().filter_map(|value| value.text().map(str::to_owned)).collect(),
        }
    }

    fn is(&self, key: &str, operator: &str) -> bool {
        self.key == key && self.operator == operator
    }
}

fn at_terms(change: Change) -> Change {
    fields(&PATH, fields(&[TERMS], change))
}
