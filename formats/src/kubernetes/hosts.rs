//! A node affinity that keeps pods on several machines by their names, beside what a pod's own affinity says.

use std::collections::BTreeMap;

use plimsoll_model::{read::View, yaml::Change};
use serde_json::json;

use super::seat::fields;

/// The label that names a machine.
pub(super) const HOST: &str = "kubernetes.io/hostname";

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const TERMS: &str = "nodeSelectorTerms";
const EXPRESSIONS: &str = "matchExpressions";

/// The required node affinity of a pod, as far as it bears on that.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Affinity {
    terms: Vec<Term>,
    /// The field that holds nothing but these terms, from the pod's spec on; what is removed with the last one.
    whole: Vec<&'static str>,
}

#[derive(Debug, Clone, PartialEq)]
struct Term {
    /// The label that each expression is about, and the values of one with `In`.
    expressions: Vec<(String, Option<Vec<String>>)>,
    has_fields: bool,
}

impl Affinity {
    pub(super) fn of(spec: &View<'_>) -> Self {
        let required = spec.at(&["affinity", "nodeAffinity", REQUIRED]);
        let terms =
            required.and_then(|required| required.field(TERMS)).map_or_else(Vec::new, |terms| terms.items());
        let path = ["affinity", "nodeAffinity", REQUIRED];
        let alone = |depth: &usize| spec.at(&path[..*depth]).is_some_and(|view| view.entries().len() == 1);
        // The outermost field of which all that it holds is one field.
        let outer = (1..=path.len()).rev().take_while(alone).last().unwrap_or(path.len());
        Self { terms: terms.iter().map(Term::of).collect(), whole: path[..outer].to_vec() }
    }

    /// Whether it names machines itself.
    pub(super) fn names_hosts(&self) -> bool {
        self.terms.iter().any(|term| term.host().is_some())
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
        let is_sole = |term: &Term| term.host().is_some() && term.expressions.len() == 1 && !term.has_fields;
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
        let text = |view: &View<'_>, field| view.field(field).and_then(|view| view.text().map(str::to_owned));
        let expression = |expression: &View<'_>| {
            let values = expression.field("values").map_or_else(Vec::new, |values| values.items());
            let values = values.iter().filter_map(|value| value.text().map(str::to_owned)).collect();
            let is_in = text(expression, "operator").as_deref() == Some("In");
            (text(expression, "key").unwrap_or_default(), is_in.then_some(values))
        };
        let expressions = term.field(EXPRESSIONS).map_or_else(Vec::new, |list| list.items());
        Self {
            expressions: expressions.iter().map(expression).collect(),
            has_fields: term.field("matchFields").is_some(),
        }
    }

    /// The machines that it allows.
    fn host(&self) -> Option<(usize, &[String])> {
        let mut expressions = self.expressions.iter().enumerate();
        expressions.find_map(|(at, (key, values))| Some((at, values.as_deref().filter(|_| key == HOST)?)))
    }
}

fn at_terms(change: Change) -> Change {
    fields(&["affinity", "nodeAffinity", REQUIRED, TERMS], change)
}
