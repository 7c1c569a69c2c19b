//! What selectors allow: for each property of a node the values that will do.

use std::collections::BTreeMap;

use plimsoll_model::{Diagnostic, read::View};

/// A property of nodes that offers have too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Property {
    Cloud,
    Region,
    Zone,
    InstanceType,
    Capacity,
    Accelerator,
    Arch,
    TpuChip,
    TpuTopology,
}

impl Property {
    fn name(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Region => "region",
            Self::Zone => "zone",
            Self::InstanceType => "instance type",
            Self::Capacity => "capacity class",
            Self::Accelerator => "accelerator",
            Self::Arch => "instruction set",
            Self::TpuChip => "TPU",
            Self::TpuTopology => "TPU topology",
        }
    }
}

/// Values of a property that will do.
#[derive(Debug, Clone)]
pub(super) struct Choice<'a> {
    pub(super) values: Vec<String>,
    /// As the manifest has it: `gpu-type: nvidia-a100`.
    pub(super) label: String,
    pub(super) at: View<'a>,
}

/// What a set of selectors allows.
#[derive(Debug, Clone, Default)]
pub(super) struct Limits<'a> {
    pub(super) choices: BTreeMap<Property, Choice<'a>>,
    /// Regions and zones that are excluded.
    pub(super) not_in: Vec<(String, View<'a>)>,
    /// Least memory of an accelerator, in bytes.
    pub(super) device_memory: Option<(u64, View<'a>)>,
    /// Selectors that no offer can be held against, with the reason.
    pub(super) ignored: Vec<(String, &'static str)>,
}

/// Why a term that another may stand in for is ignored.
const ALTERNATIVE: &str = "it is one of several alternatives, of which a plan keeps what all ask for";

impl<'a> Limits<'a> {
    pub(super) fn one(property: Property, values: Vec<String>, label: &str, at: &View<'a>) -> Self {
        let choice = Choice { values, label: label.to_owned(), at: at.clone() };
        Self { choices: BTreeMap::from([(property, choice)]), ..Self::default() }
    }

    pub(super) fn ignored(label: &str, why: &'static str) -> Self {
        Self { ignored: vec![(label.to_owned(), why)], ..Self::default() }
    }

    pub(super) fn values(&self, property: Property) -> &[String] {
        self.choices.get(&property).map_or(&[], |choice| &choice.values)
    }

    /// Both hold.
    pub(super) fn and(&mut self, other: Self, problems: &mut Vec<Diagnostic>) {
        for (property, choice) in other.choices {
            let Some(known) = self.choices.get_mut(&property) else {
                self.choices.insert(property, choice);
                continue;
            };
            let before = known.clone();
            known.values.retain(|value| choice.values.contains(value));
            if known.values.is_empty() {
                let problem = choice
                    .at
                    .problem(format!("`{}` contradicts `{}`: no node has both", choice.label, before.label));
                let name = property.name();
                problems.push(problem.with_help(format!("each node has one {name}; remove one of the two")));
                *known = before;
            }
        }
        self.not_in.extend(other.not_in);
        self.device_memory = match (self.device_memory.take(), other.device_memory) {
            (Some(a), Some(b)) => Some(if a.0 >= b.0 { a } else { b }),
            (a, b) => a.or(b),
        };
        for ignored in other.ignored {
            if !self.ignored.contains(&ignored) {
                self.ignored.push(ignored);
            }
        }
    }

    /// One of the two holds: what only one of them restricts is free, and said to be.
    pub(super) fn or(&mut self, other: Self) {
        let here = self.choices.iter().filter(|(property, _)| !other.choices.contains_key(property));
        let there = other.choices.iter().filter(|(property, _)| !self.choices.contains_key(property));
        let free = here.chain(there).map(|(_, choice)| (choice.label.clone(), ALTERNATIVE));
        self.ignored.extend(free.collect::<Vec<_>>());
        self.choices.retain(|property, _| other.choices.contains_key(property));
        for (property, choice) in other.choices {
            if let Some(known) = self.choices.get_mut(&property) {
                let more = choice.values.into_iter().filter(|value| !known.values.contains(value));
                let more: Vec<String> = more.collect();
                known.values.extend(more);
            }
        }
        self.not_in.retain(|(place, _)| other.not_in.iter().any(|(other, _)| other == place));
        self.device_memory = match (self.device_memory.take(), other.device_memory) {
            (Some(a), Some(b)) => Some(if a.0 <= b.0 { a } else { b }),
            _ => None,
        };
        self.ignored.extend(other.ignored);
    }

    /// Whether two sets of selectors allow the same.
    pub(super) fn same(&self, other: &Self) -> bool {
        let key = |limits: &Self| {
            let choices = limits.choices.iter().map(|(p, choice)| (*p, choice.values.clone()));
            let not_in = limits.not_in.iter().map(|(place, _)| place.clone());
            (
                choices.collect::<Vec<_>>(),
                not_in.collect::<Vec<_>>(),
                limits.device_memory.as_ref().map(|m| m.0),
            )
        };
        key(self) == key(other)
    }
}
