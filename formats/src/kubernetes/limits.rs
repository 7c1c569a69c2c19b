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

/// A value that will not do.
#[derive(Debug, Clone)]
pub(super) struct Excluded<'a> {
    pub(super) property: Property,
    pub(super) value: String,
    /// As the manifest has it.
    pub(super) label: String,
    pub(super) at: View<'a>,
}

/// What a set of selectors allows.
#[derive(Debug, Clone, Default)]
pub(super) struct Limits<'a> {
    pub(super) choices: BTreeMap<Property, Choice<'a>>,
    /// Regions, zones, instance types, accelerators and TPUs that are excluded.
    pub(super) excluded: Vec<Excluded<'a>>,
    /// Least memory of an accelerator, in bytes.
    pub(super) device_memory: Option<(u64, View<'a>)>,
    /// Selectors that no offer can be held against, or only nearly, with the reason.
    pub(super) ignored: Vec<(String, &'static str)>,
    /// Selectors that no offer meets.
    never: Vec<Diagnostic>,
    /// How many selectors no offer can be held against at all.
    pub(super) unheld: usize,
}

impl<'a> Limits<'a> {
    pub(super) fn one(property: Property, values: Vec<String>, label: &str, at: &View<'a>) -> Self {
        let choice = Choice { values, label: label.to_owned(), at: at.clone() };
        Self { choices: BTreeMap::from([(property, choice)]), ..Self::default() }
    }

    pub(super) fn without(property: Property, values: Vec<String>, label: &str, at: &View<'a>) -> Self {
        let excluded = |value| Excluded { property, value, label: label.to_owned(), at: at.clone() };
        Self { excluded: values.into_iter().map(excluded).collect(), ..Self::default() }
    }

    /// A selector that no offer can be held against.
    pub(super) fn unheld(label: &str, why: &'static str) -> Self {
        Self { unheld: 1, ..Self::noted(label, why) }
    }

    /// A selector that offers are taken to meet.
    pub(super) fn noted(label: &str, why: &'static str) -> Self {
        Self { ignored: vec![(label.to_owned(), why)], ..Self::default() }
    }

    /// A selector that no offer meets.
    pub(super) fn never(label: &str, why: &str, at: &View<'a>) -> Self {
        let problem = at.problem(format!("no offer's nodes have `{label}`: {why}"));
        Self { never: vec![problem.with_help("remove the selector, or the term with it")], ..Self::default() }
    }

    pub(super) fn values(&self, property: Property) -> &[String] {
        self.choices.get(&property).map_or(&[], |choice| &choice.values)
    }

    /// The regions and zones that are excluded.
    pub(super) fn excluded_places(&self) -> impl Iterator<Item = &Excluded<'a>> {
        self.excluded.iter().filter(|out| matches!(out.property, Property::Region | Property::Zone))
    }

    /// The instance types that are excluded.
    pub(super) fn excluded_types(&self) -> impl Iterator<Item = &Excluded<'a>> {
        self.without_of(Property::InstanceType)
    }

    /// What of a property is excluded.
    pub(super) fn without_of(&self, property: Property) -> impl Iterator<Item = &Excluded<'a>> {
        self.excluded.iter().filter(move |excluded| excluded.property == property)
    }

    pub(super) fn excludes(&self, property: Property, value: &str) -> bool {
        self.excluded.iter().any(|excluded| excluded.property == property && excluded.value == value)
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
        for excluded in other.excluded {
            if !self.excludes(excluded.property, &excluded.value) {
                self.excluded.push(excluded);
            }
        }
        self.take_out_excluded(problems);
        self.device_memory = match (self.device_memory.take(), other.device_memory) {
            (Some(a), Some(b)) => Some(if a.0 >= b.0 { a } else { b }),
            (a, b) => a.or(b),
        };
        self.also_ignore(other.ignored);
        self.unheld += other.unheld;
        problems.extend(other.never);
    }

    fn take_out_excluded(&mut self, problems: &mut Vec<Diagnostic>) {
        for (property, choice) in &mut self.choices {
            let of = |value: &String| {
                self.excluded.iter().find(|other| other.property == *property && other.value == *value)
            };
            match choice.values.iter().map(of).collect::<Option<Vec<_>>>().as_deref() {
                Some([excluded, ..]) => {
                    let problem = excluded.at.problem(format!(
                        "`{}` contradicts `{}`: no node has both",
                        excluded.label, choice.label
                    ));
                    problems.push(problem.with_help("remove one of the two"));
                }
                _ => choice.values.retain(|value| of(value).is_none()),
            }
        }
    }

    pub(super) fn also_ignore(&mut self, ignored: Vec<(String, &'static str)>) {
        for ignored in ignored {
            if !self.ignored.contains(&ignored) {
                self.ignored.push(ignored);
            }
        }
    }

    /// One of the two holds, if that can be said in one set.
    pub(super) fn or(&self, other: &Self) -> Option<Self> {
        let mut either = if self.admits(other) {
            self.clone()
        } else if other.admits(self) {
            other.clone()
        } else {
            self.union(other)?
        };
        either.also_ignore(self.ignored.clone());
        either.also_ignore(other.ignored.clone());
        Some(either)
    }

    /// Whether this allows all that the other does.
    fn admits(&self, other: &Self) -> bool {
        let chosen = self.choices.iter().all(|(property, choice)| {
            let its = other.values(*property);
            !its.is_empty() && its.iter().all(|value| choice.values.contains(value))
        });
        let excluded = self.excluded.iter().all(|excluded| {
            let its = other.values(excluded.property);
            other.excludes(excluded.property, &excluded.value)
                || (!its.is_empty() && !its.contains(&excluded.value))
        });
        let memory = |limits: &Self| limits.device_memory.as_ref().map_or(0, |(least, _)| *least);
        chosen && excluded && memory(self) <= memory(other)
    }

    /// The two as one set, where they differ in the values of one property.
    fn union(&self, other: &Self) -> Option<Self> {
        let properties = |limits: &Self| limits.choices.keys().copied().collect::<Vec<_>>();
        if properties(self) != properties(other) {
            return None;
        }
        let mut union = self.clone();
        let mut differing = 0;
        for (property, choice) in &mut union.choices {
            let its = &other.choices[property];
            let same = choice.values.len() == its.values.len()
                && its.values.iter().all(|value| choice.values.contains(value));
            if !same {
                differing += 1;
                let more: Vec<String> =
                    its.values.iter().filter(|value| !choice.values.contains(value)).cloned().collect();
                choice.values.extend(more);
                choice.label = format!("{} or {}", choice.label, its.label);
            }
        }
        // With what differs taken from both, the rest has to be the same.
        let rest = |limits: &Self| Self { choices: BTreeMap::new(), ..limits.clone() };
        (differing == 1 && rest(self).same(&rest(other))).then_some(union)
    }

    /// Whether two sets of selectors allow the same.
    pub(super) fn same(&self, other: &Self) -> bool {
        let key = |limits: &Self| {
            let choices = limits.choices.iter().map(|(p, choice)| (*p, choice.values.clone()));
            let excluded = limits.excluded.iter().map(|other| (other.property, other.value.clone()));
            (
                choices.collect::<Vec<_>>(),
                excluded.collect::<std::collections::BTreeSet<_>>(),
                limits.device_memory.as_ref().map(|m| m.0),
            )
        };
        key(self) == key(other)
    }
}
