//! Flavors: which offers have the nodes of one, and which of a queue's flavors are of the same.

use std::collections::BTreeMap;

use plimsoll_model::{Match, OneOf, estate::EstateSpec};

use super::{
    super::{
        karpenter::Pool,
        nodes::Nodes,
        note,
        object::Object,
        overlay::both,
        selection::{TAKEN_AS_MET, select},
    },
    of_kind,
    share::Share,
};
use crate::Translation;
use crate::labels::{cloud_of, names_accelerator, product, requirement::Requirement};

/// Flavors by name, each looked up once.
pub(super) struct Flavors<'r, 'a> {
    pub(super) objects: &'r [Object<'a>],
    pub(super) pools: &'r [Pool],
    pub(super) nodes: &'r Nodes,
    pub(super) estate: Option<&'r EstateSpec>,
    pub(super) known: BTreeMap<String, Option<Match>>,
}

impl Flavors<'_, '_> {
    /// The offers of a flavor; `None` where nothing says which.
    pub(super) fn matches(&mut self, name: &str, out: &mut Translation) -> Option<Match> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let matches = if let Some(flavor) =
            of_kind(self.objects, "ResourceFlavor").find(|flavor| flavor.name == name)
        {
            self.read(flavor, out)
        } else {
            let value = "not known: its ResourceFlavor is not among the documents";
            note(out, format!("nodes of the flavor {name}"), value, "the ClusterQueues");
            None
        };
        self.known.insert(name.to_owned(), matches.clone());
        matches
    }

    /// The shares of a queue with flavors of the same offers taken together. Flavors of which nothing says
    /// what they are have no quota beside others; if all are, they are every offer.
    pub(super) fn merged(&mut self, shares: Vec<Share>, out: &mut Translation) -> Vec<Share> {
        let mut merged: Vec<(Option<Match>, Share)> = Vec::new();
        let is_known = shares.iter().any(|share| self.matches(&share.flavor, out).is_some());
        for share in shares {
            let matches = self.matches(&share.flavor, out);
            if matches.is_none() && is_known {
                continue;
            }
            let same = |(of, other): &&mut (Option<Match>, Share)| {
                *of == matches && other.resource == share.resource
            };
            match merged.iter_mut().find(same) {
                Some((_, other)) => other.add(&share),
                None => merged.push((matches, share)),
            }
        }
        merged.into_iter().map(|(_, share)| share).collect()
    }

    fn read(&self, flavor: &Object<'_>, out: &mut Translation) -> Option<Match> {
        let labels = flavor.at(&["spec", "nodeLabels"]).map_or_else(Vec::new, |labels| labels.entries());
        let mut by_accelerator = Match::default();
        let (mut requirements, mut own) = (Vec::new(), Vec::new());
        for (key, view) in labels {
            let Some(value) = view.text() else { continue };
            let one = Requirement::label(key, value, view);
            if names_accelerator(key) {
                by_accelerator.accelerator = Some(OneOf::from(product(value)));
                // A cloud's label is on its nodes alone; own nodes may bear it too.
                let cloud = cloud_of(key).filter(|_| self.nodes.groups.is_empty());
                by_accelerator.cloud =
                    cloud.map(|cloud| OneOf::from(cloud.to_owned())).or(by_accelerator.cloud);
            } else if select(None, std::slice::from_ref(&one), self.estate)
                .is_ok_and(|found| found.notes.iter().all(|(_, why)| *why != TAKEN_AS_MET))
            {
                requirements.push(one);
            } else {
                own.push((key.to_owned(), value.to_owned()));
            }
        }
        let known = match select(None, &requirements, self.estate) {
            Ok(selection) => {
                for (what, why) in selection.notes {
                    note(out, format!("label of {}: {what}", flavor.title()), why, "its nodeLabels");
                }
                both(&selection.matches, &by_accelerator).unwrap_or_default()
            }
            Err(none) => {
                let message = format!("no offer has nodes with all labels of {}", flavor.title());
                out.problems
                    .push(none.at.problem(message).with_help("`plimsoll offers` lists what there is"));
                return None;
            }
        };
        if own.is_empty() { Some(known) } else { self.by_labels(flavor, &known, &own, out) }
    }

    /// Labels of the users' own: those of nodes, else of Karpenter's pools.
    fn by_labels(
        &self,
        flavor: &Object<'_>,
        known: &Match,
        own: &[(String, String)],
        out: &mut Translation,
    ) -> Option<Match> {
        let has =
            |labels: &BTreeMap<String, String>| own.iter().all(|(key, value)| labels.get(key) == Some(value));
        let groups = self.nodes.groups.iter().filter(|(_, labels)| has(labels));
        let offers: Vec<String> = groups.map(|(offer, _)| offer.clone()).collect();
        let pools: Vec<&Pool> =
            self.pools.iter().filter(|pool| own.iter().all(|label| pool.labels.contains(label))).collect();
        let words: Vec<String> = own.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        let what = format!("nodes of the flavor {}", flavor.name);
        match (offers.is_empty(), pools.first()) {
            (false, pool) => {
                if let Some(pool) = pool {
                    let value = format!("those in the node list, not what NodePool {} may launch", pool.name);
                    note(out, what, value, words.join(", "));
                }
                let named = Match { offer: Some(offers.into()), ..Match::default() };
                Some(both(known, &named).unwrap_or(named))
            }
            (true, Some(pool)) => {
                if pools.len() > 1 {
                    let value = format!("what NodePool {} may launch, the first with its labels", pool.name);
                    note(out, what, value, words.join(", "));
                }
                Some(both(known, &pool.matches).unwrap_or_else(|| pool.matches.clone()))
            }
            (true, None) => {
                let is_some = *known != Match::default();
                let value = if is_some { "every offer of its other labels" } else { "not known" };
                let why = format!("no node or NodePool here has {}", words.join(", "));
                note(out, what, value, why);
                is_some.then(|| known.clone())
            }
        }
    }
}
