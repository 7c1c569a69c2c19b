//! Requirements on labels: which values will do.

use plimsoll_model::{Diagnostic, read::View, yaml::nearest};

use crate::listed;

/// A requirement on one label.
#[derive(Debug, Clone)]
pub(crate) struct Requirement<'a> {
    pub(crate) key: String,
    pub(crate) operator: Operator,
    pub(crate) values: Vec<String>,
    pub(crate) at: View<'a>,
}

/// How a label's value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    /// Above, below, with the value itself or without.
    Number {
        above: bool,
        equal: bool,
    },
}

const OPERATORS: [(&str, Operator); 8] = [
    ("In", Operator::In),
    ("NotIn", Operator::NotIn),
    ("Exists", Operator::Exists),
    ("DoesNotExist", Operator::DoesNotExist),
    ("Gt", Operator::Number { above: true, equal: false }),
    ("Lt", Operator::Number { above: false, equal: false }),
    ("Gte", Operator::Number { above: true, equal: true }),
    ("Lte", Operator::Number { above: false, equal: true }),
];

/// How many of them pods may use: the rest are Karpenter's.
const OF_PODS: usize = 6;

impl<'a> Requirement<'a> {
    /// Reads the items of a list; what is wrong goes to `problems`.
    pub(crate) fn list(list: Option<View<'a>>, problems: &mut Vec<Diagnostic>) -> Vec<Self> {
        let read = Self::each(list, problems);
        problems.extend(contradictions(&read));
        read
    }

    /// The same without holding one against the other.
    pub(crate) fn each(list: Option<View<'a>>, problems: &mut Vec<Diagnostic>) -> Vec<Self> {
        let items = list.map_or_else(Vec::new, |list| list.items());
        let mut read = Vec::new();
        for item in items {
            match Self::read(&item) {
                Ok(requirement) => read.push(requirement),
                Err(problem) => problems.push(*problem),
            }
        }
        read
    }

    /// A label that nodes have.
    pub(crate) fn label(key: &str, value: &str, at: View<'a>) -> Self {
        Self { key: key.to_owned(), operator: Operator::In, values: vec![value.to_owned()], at }
    }

    /// Reads what a pool's list has.
    fn read(item: &View<'a>) -> Result<Self, Box<Diagnostic>> {
        Self::read_among(item, &OPERATORS)
    }

    /// Reads what a pod's node affinity has.
    pub(crate) fn of_pod(item: &View<'a>) -> Result<Self, Box<Diagnostic>> {
        Self::read_among(item, &OPERATORS[..OF_PODS])
    }

    fn read_among(item: &View<'a>, operators: &[(&str, Operator)]) -> Result<Self, Box<Diagnostic>> {
        let text = |field: &str| item.field(field).and_then(|view| view.text()).map(str::to_owned);
        let Some(key) = text("key").filter(|key| !key.is_empty()) else {
            return Err(Box::new(
                item.problem("a requirement needs a `key`, the name of a label")
                    .with_help("such as `key: topology.kubernetes.io/region`"),
            ));
        };
        let Some(name) = text("operator") else {
            return Err(Box::new(
                item.problem("a requirement needs an `operator`").with_help("In, NotIn, …"),
            ));
        };
        let Some(&(_, operator)) = operators.iter().find(|(known, _)| *known == name) else {
            let at = item.field("operator").unwrap_or_else(|| item.clone());
            let known: Vec<&str> = operators.iter().map(|(known, _)| *known).collect();
            let near = nearest(&name, known.iter().copied());
            let help = near.map_or_else(
                || format!("known are {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(Box::new(at.problem(format!("unknown operator `{name}`")).with_help(help)));
        };
        let at = item.field("values").unwrap_or_else(|| item.clone());
        let values: Vec<String> = at.items().iter().filter_map(View::text).map(str::to_owned).collect();
        let wrong = match operator {
            Operator::In | Operator::NotIn if values.is_empty() => Some("needs `values`"),
            Operator::Exists | Operator::DoesNotExist if !values.is_empty() => Some("takes no `values`"),
            Operator::Number { .. } if values.len() != 1 || number(&values[0]).is_none() => {
                Some("needs one whole number in `values`")
            }
            _ => None,
        };
        let help = match operator {
            Operator::Exists | Operator::DoesNotExist => "remove `values`, or use In or NotIn",
            Operator::Number { .. } => "such as `values: [\"8\"]`",
            _ => "add the label's values, or use Exists or DoesNotExist",
        };
        match wrong {
            Some(wrong) => Err(Box::new(at.problem(format!("operator `{name}` {wrong}")).with_help(help))),
            None => Ok(Self { key, operator, values, at }),
        }
    }

    pub(crate) fn is_in(&self) -> bool {
        self.operator == Operator::In
    }

    /// Whether only nodes that have the label meet it.
    pub(crate) fn needs_the_label(&self) -> bool {
        !matches!(self.operator, Operator::NotIn | Operator::DoesNotExist)
    }

    /// As people write it.
    pub(crate) fn words(&self) -> String {
        let (key, values) = (&self.key, listed(&self.values));
        match self.operator {
            Operator::In if self.values.len() == 1 => format!("{key}: {values}"),
            Operator::In => format!("{key} in ({values})"),
            Operator::NotIn => format!("{key} not in ({values})"),
            Operator::Exists => format!("{key} exists"),
            Operator::DoesNotExist => format!("no {key}"),
            Operator::Number { above, equal } => {
                let sign = if above { ">" } else { "<" };
                format!("{key} {sign}{} {values}", if equal { "=" } else { "" })
            }
        }
    }

    /// Whether a node with these spellings of the label's value (none: without the label) meets it.
    pub(crate) fn admits(&self, label: &[String]) -> bool {
        let among = || label.iter().any(|value| self.values.contains(value));
        match self.operator {
            Operator::In => among(),
            Operator::NotIn => !among(),
            Operator::Exists => !label.is_empty(),
            Operator::DoesNotExist => label.is_empty(),
            Operator::Number { above, equal } => {
                let bound = self.values.first().and_then(|value| number(value));
                let has = label.first().and_then(|value| number(value));
                has.zip(bound).is_some_and(
                    |(has, bound)| {
                        if has == bound { equal } else { (has > bound) == above }
                    },
                )
            }
        }
    }
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Requirements on one label that no value meets.
pub(crate) fn contradictions(list: &[Requirement<'_>]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (at, first) in list.iter().enumerate() {
        if first.operator != Operator::In || list[..at].iter().any(|before| before.key == first.key) {
            continue;
        }
        let same = || list.iter().filter(|other| other.key == first.key);
        let left =
            first.values.iter().any(|value| same().all(|other| other.admits(std::slice::from_ref(value))));
        if !left {
            let words: Vec<String> = same().map(Requirement::words).collect();
            let message = format!("these requirements contradict each other: {}", words.join("; "));
            found.push(first.at.problem(message).with_help("no node meets them all"));
        }
    }
    found
}
