//! Selectors of pods, and whom they find: in a cluster nearly each pod may have one of its own.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use plimsoll_model::read::View;

use super::expand::Draft;
use crate::labels::requirement::Requirement;

pub(super) type Labels = BTreeMap<String, String>;

/// A selector of pods.
#[derive(Debug)]
pub(super) struct Selector<'a> {
    labels: Vec<(&'a str, &'a str)>,
    requirements: Vec<Requirement<'a>>,
    /// The namespaces in which it looks; none for all.
    namespaces: Option<Vec<&'a str>>,
}

impl<'a> Selector<'a> {
    pub(super) fn read(term: &View<'a>, namespace: &'a str) -> Option<Self> {
        let selector = term.field("labelSelector")?;
        let labels = selector.field("matchLabels").map_or_else(Vec::new, |labels| labels.entries());
        let expressions = selector.field("matchExpressions").map_or_else(Vec::new, |list| list.items());
        let named: Vec<&str> = term
            .field("namespaces")
            .map_or_else(Vec::new, |list| list.items())
            .iter()
            .filter_map(View::text)
            .collect();
        let namespaces = match term.field("namespaceSelector") {
            Some(_) => None,
            None if named.is_empty() => Some(vec![namespace]),
            None => Some(named),
        };
        Some(Self {
            labels: labels.into_iter().filter_map(|(key, value)| Some((key, value.text()?))).collect(),
            requirements: expressions.iter().map(Requirement::of_pod).collect::<Result<_, _>>().ok()?,
            namespaces,
        })
    }

    /// Only pods that have these labels as this one has them (`matchLabelKeys`).
    pub(super) fn and_its_own(&mut self, term: &View<'a>, labels: &'a Labels) {
        for key in term.field("matchLabelKeys").map_or_else(Vec::new, |keys| keys.items()) {
            self.labels.extend(key.text().and_then(|key| Some((key, &**labels.get(key)?))));
        }
    }

    fn finds(&self, namespace: &str, labels: &Labels) -> bool {
        let has = |key: &str, value: &str| labels.get(key).is_some_and(|own| own == value);
        self.namespaces.as_ref().is_none_or(|all| all.contains(&namespace))
            && self.labels.iter().all(|(key, value)| has(key, value))
            && self.requirements.iter().all(|one| {
                let own: Vec<String> = labels.get(&one.key).cloned().into_iter().collect();
                one.admits(&own)
            })
    }

    /// Labels, by each of which some way or other who it finds has one of these values; it is enough to look there.
    fn narrow(&self) -> impl Iterator<Item = Vec<(&str, &str)>> {
        let of_labels = self.labels.iter().map(|label| vec![*label]);
        let of_values = self.requirements.iter().filter(|one| one.is_in()).map(|one| {
            let values: BTreeSet<&str> = one.values.iter().map(String::as_str).collect();
            values.into_iter().map(|value| (&*one.key, value)).collect()
        });
        of_labels.chain(of_values)
    }

    /// The same text for the same selector.
    pub(super) fn words(&self) -> String {
        let mut words: Vec<String> =
            self.labels.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        words.extend(self.requirements.iter().map(Requirement::words));
        words.sort();
        let spaces = self.namespaces.as_ref().map_or("all namespaces".to_owned(), |all| all.join(", "));
        format!("{} in {spaces}", words.join(", "))
    }
}

/// The pods of a cluster, by place, namespace and labels.
#[derive(Debug)]
pub(super) struct Crowd<'d> {
    pods: Vec<(&'d str, &'d Labels)>,
    by_label: OnceCell<BTreeMap<(&'d str, &'d str), Vec<usize>>>,
}

impl<'d> Crowd<'d> {
    pub(super) fn of(drafts: &'d [Draft<'_>], labels: &'d [Labels]) -> Self {
        let namespaces = drafts.iter().map(|draft| draft.object.namespace());
        Self { pods: namespaces.zip(labels).collect(), by_label: OnceCell::new() }
    }

    pub(super) fn labels(&self, index: usize) -> &'d Labels {
        self.pods[index].1
    }

    pub(super) fn is_found(&self, index: usize, selector: &Selector<'_>) -> bool {
        let (namespace, labels) = self.pods[index];
        selector.finds(namespace, labels)
    }

    /// The pods that a selector finds, ascending.
    pub(super) fn found(&self, selector: &Selector<'_>) -> impl Iterator<Item = usize> {
        self.likely(selector).into_iter().filter(|index| self.is_found(*index, selector))
    }

    /// Those among whom they are: the fewest that one of its labels leaves.
    fn likely(&self, selector: &Selector<'_>) -> Vec<usize> {
        let by_label = self.by_label.get_or_init(|| {
            let mut by_label: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
            for (index, (_, labels)) in self.pods.iter().enumerate() {
                for (key, value) in *labels {
                    by_label.entry((key, value)).or_default().push(index);
                }
            }
            by_label
        });
        let with = |label| by_label.get(&label).map_or(&[][..], Vec::as_slice);
        let count = |labels: &Vec<_>| labels.iter().map(|label| with(*label).len()).sum::<usize>();
        match selector.narrow().min_by_key(count) {
            Some(labels) => {
                let mut all: Vec<usize> = labels.into_iter().flat_map(with).copied().collect();
                all.sort_unstable();
                all
            }
            None => (0..self.pods.len()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(labels: &[Labels]) -> Crowd<'_> {
        Crowd { pods: labels.iter().map(|labels| ("d", labels)).collect(), by_label: OnceCell::new() }
    }

    fn selector<'a>(labels: Vec<(&'a str, &'a str)>) -> Selector<'a> {
        Selector { labels, requirements: Vec::new(), namespaces: Some(vec!["d"]) }
    }

    /// Each pod of a gang was held against all pods.
    #[test]
    fn who_is_near_a_gang_is_looked_for_among_its_labels() {
        let labels: Vec<Labels> = (0..3_000)
            .map(|at| {
                let labels = [("app", "x".to_owned()), ("gang", format!("g{}", at / 3))];
                labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            })
            .collect();
        let crowd = crowd(&labels);
        let mut looks = 0;
        for gang in 0..1_000_usize {
            let name = format!("g{gang}");
            let own = selector(vec![("app", "x"), ("gang", &name)]);
            looks += crowd.likely(&own).len();
            assert_eq!(crowd.found(&own).collect::<Vec<_>>(), [3 * gang, 3 * gang + 1, 3 * gang + 2]);
        }
        assert_eq!(looks, 3_000);
        assert_eq!(crowd.found(&selector(vec![])).count(), 3_000);
        assert_eq!(crowd.found(&selector(vec![("app", "y")])).count(), 0);
        let elsewhere = Selector { namespaces: Some(vec!["e"]), ..selector(vec![("gang", "g1")]) };
        assert_eq!(crowd.found(&elsewhere).count(), 0);
    }
}
