//! Disruption budgets, as kube-scheduler counts them.

use std::collections::BTreeMap;

use serde_json::Value;

/// A `PodDisruptionBudget`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Budget {
    selector: Selector,
    /// How many of its pods may go now.
    pub(crate) allowed: i64,
    /// Names of pods that are going already: they count no more.
    pub(crate) going: Vec<Box<str>>,
}

/// Which pods it is of. One that states nothing is of none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Selector {
    labels: Vec<(Box<str>, Box<str>)>,
    expressions: Vec<(Box<str>, Test)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(Vec<Box<str>>),
    NotIn(Vec<Box<str>>),
    Exists,
    Lacks,
}

impl Budget {
    /// Reads one; none where its selector cannot be meant, which kube-scheduler passes over.
    pub(super) fn of(object: &Value) -> Option<Self> {
        let going = object.pointer("/status/disruptedPods").and_then(Value::as_object);
        Some(Self {
            selector: Selector::of(object.pointer("/spec/selector").unwrap_or(&Value::Null))?,
            allowed: object.pointer("/status/disruptionsAllowed").and_then(Value::as_i64).unwrap_or(0),
            going: going.into_iter().flatten().map(|(name, _)| name.as_str().into()).collect(),
        })
    }

    pub(super) fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        let Selector { labels: stated, expressions } = &self.selector;
        if labels.is_empty() || (stated.is_empty() && expressions.is_empty()) {
            return false;
        }
        let value = |key: &str| labels.get(key).map(String::as_str);
        stated.iter().all(|(key, wanted)| value(key) == Some(&**wanted))
            && expressions.iter().all(|(key, test)| {
                let has = |values: &[Box<str>]| {
                    value(key).is_some_and(|own| values.iter().any(|one| **one == *own))
                };
                match test {
                    Test::In(values) => has(values),
                    Test::NotIn(values) => !has(values),
                    Test::Exists => value(key).is_some(),
                    Test::Lacks => value(key).is_none(),
                }
            })
    }

    /// Whether it is of the same pods as the other.
    pub(super) fn is_of_the_same(&self, other: &Self) -> bool {
        self.selector == other.selector
    }
}

impl Selector {
    fn of(selector: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(Box::<str>::from);
        let labels = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
        let labels = labels.map(|(key, value)| Some((key.as_str().into(), text(value)?)));
        let expressions = selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten();
        let expressions = expressions.map(|one| {
            let values = one.get("values").and_then(Value::as_array).into_iter().flatten().map(text);
            let values = values.collect::<Option<Vec<Box<str>>>>()?;
            let test = match one.get("operator")?.as_str()? {
                "In" => Test::In(values),
                "NotIn" => Test::NotIn(values),
                "Exists" => Test::Exists,
                "DoesNotExist" => Test::Lacks,
                _ => return None,
            };
            Some((text(one.get("key")?)?, test))
        });
        Some(Self {
            labels: labels.collect::<Option<_>>()?,
            expressions: expressions.collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn budgets_are_of_the_pods_that_the_scheduler_finds() {
        let labels: BTreeMap<String, String> =
            [("app", "db"), ("tier", "x")].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let one = |operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": "tier", "operator": operator, "values": values}]});
        for (selector, is_of) in [
            (json!({"matchLabels": {"app": "db"}}), true),
            (json!({"matchLabels": {"app": "web"}}), false),
            (one("In", &["x", "y"]), true),
            (one("NotIn", &["x"]), false),
            (one("NotIn", &["z"]), true),
            (one("Exists", &[]), true),
            (one("DoesNotExist", &[]), false),
            (json!({}), false),
            (Value::Null, false),
        ] {
            let budget = Budget::of(&json!({"spec": {"selector": selector}})).expect("a budget");
            assert_eq!(budget.selects(&labels), is_of, "{selector}");
            assert!(!budget.selects(&BTreeMap::new()), "{selector}: a pod without labels is in none");
        }
        assert_eq!(Budget::of(&json!({"spec": {"selector": one("Beyond", &[])}})), None);
    }
}
