//! The pods of a question by their priority: those of the highest are placed first, whatever that leaves for the others.

use std::{cmp::Reverse, collections::BTreeMap};

use super::Question;

/// Levels of priority, at most: all below the last but one are one.
const MOST: usize = 8;

/// The pods that want a place, the most important first, by UID at each level. The pods of a gang are of one level: that
/// which its PodGroup states, or the highest of any of them.
pub(super) fn levels(question: &Question) -> Vec<Vec<String>> {
    let cluster = &question.cluster;
    let gang = |uid: &String| {
        let gang = cluster.pods().get(uid)?.facts.gang.as_deref();
        gang.filter(|_| !question.extra.contains(uid))
    };
    let own = |uid: &String| cluster.pods().get(uid).map_or(0, |pod| pod.facts.priority);
    let mut gangs: BTreeMap<&str, i32> = BTreeMap::new();
    for uid in &question.wanted {
        let Some(gang) = gang(uid) else { continue };
        let known = gangs.entry(gang).or_insert(i32::MIN);
        *known = (*known).max(cluster.gang_priority(gang).unwrap_or_else(|| own(uid)));
    }
    let mut levels: BTreeMap<Reverse<i32>, Vec<String>> = BTreeMap::new();
    for uid in &question.wanted {
        let priority = gang(uid).and_then(|gang| gangs.get(gang).copied()).unwrap_or_else(|| own(uid));
        levels.entry(Reverse(priority)).or_default().push(uid.clone());
    }
    let mut levels: Vec<Vec<String>> = levels.into_values().collect();
    if levels.len() > MOST {
        let mut rest: Vec<String> = levels.drain(MOST - 1..).flatten().collect();
        rest.sort();
        levels.push(rest);
    }
    levels
}
