//! Which nodes let which pods in: rules held against labels and taints.
//!
//! A 10,000-node cluster has few kinds of labels that any rule speaks of; nodes that are alike in those are
//! looked at once.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::fleet::{NODE_NAME, Node, Requirement, Rule, Spread, Taint, Test, Toleration};

/// Why a node does not let a pod in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal<'a> {
    /// By a label that it has not, or has with another value.
    Label(&'a str),
    /// By none of the alternatives of the pod's affinity.
    Affinity,
    /// By a taint.
    Taint(&'a Taint),
}

/// Why the node does not let a pod with this rule in; nothing when it does.
pub(super) fn refusal<'a>(rule: &'a Rule, node: &'a Node) -> Option<Refusal<'a>> {
    unmet(rule, node).or_else(|| repelled(rule, node).map(Refusal::Taint))
}

/// Whether a spread counts a node for its pods with this rule.
pub(super) fn is_counted(spread: &Spread, rule: &Rule, node: &Node) -> bool {
    (spread.ignores_affinity || unmet(rule, node).is_none())
        && (!spread.honors_taints || repelled(rule, node).is_none())
}

/// What the rule asks of the node's labels and the node has not.
fn unmet<'a>(rule: &'a Rule, node: &'a Node) -> Option<Refusal<'a>> {
    let has = |key: &str, value: &String| node.labels.get(key) == Some(value);
    if let Some((key, _)) = rule.labels.iter().find(|(key, value)| !has(key, value)) {
        return Some(Refusal::Label(key));
    }
    let meets = |term: &Vec<Requirement>| !term.is_empty() && term.iter().all(|one| holds(one, node));
    if let Some(terms) = rule.terms.as_ref().filter(|terms| !terms.iter().any(meets)) {
        // One alternative with one requirement is as good as a label.
        return Some(match &terms[..] {
            [term] => match &term[..] {
                [one] => Refusal::Label(&one.key),
                _ => Refusal::Affinity,
            },
            _ => Refusal::Affinity,
        });
    }
    None
}

/// The taint of the node that the rule does not bear.
fn repelled<'a>(rule: &Rule, node: &'a Node) -> Option<&'a Taint> {
    let borne = |taint: &&Taint| rule.tolerations.iter().any(|toleration| bears(toleration, taint));
    node.taints.iter().find(|taint| !borne(taint))
}

fn holds(one: &Requirement, node: &Node) -> bool {
    let value = if one.key == NODE_NAME { Some(&node.name) } else { node.labels.get(&one.key) };
    let number = || value.and_then(|value| value.parse::<i64>().ok());
    match &one.test {
        Test::In(values) => value.is_some_and(|value| values.contains(value)),
        Test::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
        Test::Exists => value.is_some(),
        Test::DoesNotExist => value.is_none(),
        Test::Above(bound) => number().is_some_and(|number| number > *bound),
        Test::Below(bound) => number().is_some_and(|number| number < *bound),
    }
}

fn bears(toleration: &Toleration, taint: &Taint) -> bool {
    let matches = |stated: &Option<String>, own: &str| stated.as_ref().is_none_or(|stated| stated == own);
    matches(&toleration.key, &taint.key)
        && matches(&toleration.value, &taint.value)
        && matches(&toleration.effect, &taint.effect)
}

/// The nodes by which rules they let in.
#[derive(Debug)]
pub(super) struct Pools {
    /// The pool of each node.
    pub(super) of_node: Vec<u32>,
    /// The pools that each rule may use, sorted.
    of_rule: BTreeMap<Rule, Vec<u32>>,
    count: u32,
}

/// A pool that no node is in.
const NOWHERE: u32 = u32::MAX;

impl Pools {
    pub(super) fn of<'r>(nodes: &[Node], rules: impl Iterator<Item = &'r Rule>) -> Self {
        let rules: BTreeSet<&Rule> = rules.collect();
        let keys: BTreeSet<&str> = rules.iter().flat_map(|rule| keys(rule)).collect();
        let mut alike: BTreeMap<Vec<Option<&str>>, BTreeMap<&[Taint], u32>> = BTreeMap::new();
        let mut pools: BTreeMap<Vec<bool>, u32> = BTreeMap::new();
        let mut of_node = Vec::with_capacity(nodes.len());
        for node in nodes {
            let labels = values(&keys, node);
            let pool = *alike.entry(labels).or_default().entry(&node.taints[..]).or_insert_with(|| {
                let lets_in: Vec<bool> = rules.iter().map(|rule| refusal(rule, node).is_none()).collect();
                let next = pools.len() as u32;
                *pools.entry(lets_in).or_insert(next)
            });
            of_node.push(pool);
        }
        // Numbered by what they let in, so that the order of nodes changes nothing.
        let mut numbers = vec![0; pools.len()];
        for (number, pool) in (0_u32..).zip(pools.values_mut()) {
            numbers[*pool as usize] = number;
            *pool = number;
        }
        for pool in &mut of_node {
            *pool = numbers[*pool as usize];
        }
        let mut of_rule: BTreeMap<Rule, Vec<u32>> = BTreeMap::new();
        for (at, rule) in rules.iter().enumerate() {
            let mut open: Vec<u32> =
                pools.iter().filter(|(lets_in, _)| lets_in[at]).map(|(_, pool)| *pool).collect();
            open.sort_unstable();
            of_rule.insert((*rule).clone(), open);
        }
        Self { of_node, of_rule, count: pools.len() as u32 }
    }

    /// The pools of a rule as a request states them: none for all.
    pub(super) fn open(&self, rule: &Rule) -> Vec<u32> {
        match self.of_rule.get(rule) {
            Some(open) if open.is_empty() => vec![NOWHERE],
            Some(open) if open.len() as u32 == self.count => Vec::new(),
            Some(open) => open.clone(),
            None => Vec::new(),
        }
    }
}

/// The nodes by what rules see of them: alike in labels that some rule speaks of, in taints and in what devices
/// they have.
#[derive(Debug)]
pub(super) struct Looks<'a> {
    /// The look of each node.
    pub(super) of_node: Vec<usize>,
    /// One node of each look.
    pub(super) examples: Vec<&'a Node>,
}

impl<'a> Looks<'a> {
    pub(super) fn of<'r>(nodes: &'a [Node], rules: impl Iterator<Item = &'r Rule>) -> Self {
        let rules: BTreeSet<&Rule> = rules.collect();
        let keys: BTreeSet<&str> = rules.iter().flat_map(|rule| keys(rule)).collect();
        let mut known = BTreeMap::new();
        let mut examples = Vec::new();
        let look = |node: &'a Node| {
            let devices = node.devices.as_ref().map(|devices| (&devices.resource, &devices.model));
            *known.entry((values(&keys, node), &node.taints[..], devices)).or_insert_with(|| {
                examples.push(node);
                examples.len() - 1
            })
        };
        let of_node = nodes.iter().map(look).collect();
        Self { of_node, examples }
    }
}

/// What a node has of some labels.
fn values<'n>(keys: &BTreeSet<&str>, node: &'n Node) -> Vec<Option<&'n str>> {
    let value = |key: &&str| {
        let name = Some(&*node.name).filter(|_| *key == NODE_NAME);
        name.or_else(|| node.labels.get(*key).map(String::as_str))
    };
    keys.iter().map(value).collect()
}

/// The labels that a rule speaks of.
fn keys(rule: &Rule) -> impl Iterator<Item = &str> {
    let terms = rule.terms.iter().flatten().flatten().map(|one| &*one.key);
    rule.labels.keys().map(String::as_str).chain(terms)
}
