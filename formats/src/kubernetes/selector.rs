//! Where a pod may run: its node selector, its node affinity, the taints that it tolerates.

use plimsoll_model::{Diagnostic, estate::EstateSpec, read::View};

use super::{label, limits::Limits, seat::Placed};
use crate::labels::{ARCHES, HOST, REQUIRED, requirement::Requirement};

/// What a pod says about its nodes.
#[derive(Debug, Clone, Default)]
pub(super) struct Placement<'a> {
    /// What it allows: one of these holds, of which there is at least one.
    pub(super) ways: Vec<Limits<'a>>,
    /// The toleration of a taint that spot nodes have.
    pub(super) tolerates_spot: Option<View<'a>>,
    /// Whether it tolerates a taint that nodes of that architecture have.
    pub(super) tolerates_arm: bool,
    /// The anti-affinity that keeps replicas from sharing a node.
    pub(super) one_a_node: Option<View<'a>>,
    /// What is said about nodes and cannot be held against offers, in words.
    pub(super) ignored: Vec<&'static str>,
}

impl<'a> Placement<'a> {
    /// Reads a pod's spec, without what an earlier plan wrote there.
    pub(super) fn of_pod(
        spec: &View<'a>,
        placed: &Placed,
        estate: Option<&EstateSpec>,
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut placement = Self::default();
        let mut limits = Limits::default();
        for (key, value) in spec.field("nodeSelector").map_or_else(Vec::new, |labels| labels.entries()) {
            let Some(text) = value.text().filter(|_| !placed.labels.iter().any(|ours| ours == key)) else {
                continue;
            };
            let requirement = Requirement::label(key, text, value.clone());
            limits.and(label::limits(&requirement, estate), problems);
        }
        let affinity = spec.at(&["affinity", "nodeAffinity"]);
        let required = affinity.as_ref().and_then(|a| a.field(REQUIRED));
        placement.ways = match required.and_then(|required| required.field("nodeSelectorTerms")) {
            Some(terms) => alternatives(&limits, &terms, &placed.affinity, estate, problems),
            None => vec![limits],
        };
        let apart = anti_affinity_by_host(spec);
        for (present, words) in [
            (
                affinity.is_some_and(|a| {
                    a.field("preferredDuringSchedulingIgnoredDuringExecution")
                        .is_some_and(|p| !p.items().is_empty())
                }),
                "preferred node affinity",
            ),
            (spec.at(&["affinity", "podAffinity"]).is_some(), "pod affinity"),
            (spec.at(&["affinity", "podAntiAffinity"]).is_some() && apart.is_none(), "pod anti-affinity"),
            (spec.field("topologySpreadConstraints").is_some(), "topology spread"),
        ] {
            if present {
                placement.ignored.push(words);
            }
        }
        placement.one_a_node = apart;
        let tolerations = spec.field("tolerations").map_or_else(Vec::new, |list| list.items());
        let ours = |toleration: &View<'a>| {
            toleration
                .field("key")
                .and_then(|key| key.text())
                .is_some_and(|key| placed.tolerations.iter().any(|ours| ours == key))
        };
        placement.tolerates_arm =
            tolerations.iter().any(|toleration| is_of_arm(toleration) && !ours(toleration));
        placement.tolerates_spot = tolerations.into_iter().find(|t| is_of_spot(t) && !ours(t));
        placement
    }

    /// The terms of a node affinity alone, as volumes have them.
    pub(super) fn of_terms(
        terms: &View<'a>,
        estate: Option<&EstateSpec>,
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        Self { ways: alternatives(&Limits::default(), terms, &[], estate, problems), ..Self::default() }
    }

    /// One label alone.
    pub(super) fn of_label(key: &str, value: &str, at: &View<'a>, estate: Option<&EstateSpec>) -> Self {
        let requirement = Requirement::label(key, value, at.clone());
        Self { ways: vec![label::limits(&requirement, estate)], ..Self::default() }
    }
}

/// The term of a required anti-affinity that keeps pods off each other's nodes. It is taken to be about
/// the workload's own replicas, as it is nearly always.
fn anti_affinity_by_host<'a>(spec: &View<'a>) -> Option<View<'a>> {
    let terms = spec.at(&["affinity", "podAntiAffinity", REQUIRED])?.items();
    let by_host = |term: &View<'a>| term.field("topologyKey").and_then(|key| key.text()) == Some(HOST);
    terms.into_iter().find(by_host)
}

/// Why a term of an affinity does not count.
const NO_NODE: &str = "no node can be what it asks for; another term of the affinity stands";
const UNHELD: &str = "no offer can be held against all of this term; another term of the affinity stands";

/// The terms of an affinity, one of which must hold beside what holds already: as few sets as say the same. `ours`: keys
/// of expressions that an earlier plan wrote.
fn alternatives<'a>(
    limits: &Limits<'a>,
    terms: &View<'a>,
    ours: &[String],
    estate: Option<&EstateSpec>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Limits<'a>> {
    let terms = terms.items();
    if terms.is_empty() {
        return vec![limits.clone()];
    }
    let (mut ways, mut unheld, mut none) = (Vec::new(), Vec::new(), Vec::new());
    for term in terms {
        let mut contradictions = Vec::new();
        let all = with_term(limits, &term, ours, estate, problems, &mut contradictions);
        if !contradictions.is_empty() {
            none.push(contradictions);
        } else if all.unheld > limits.unheld {
            unheld.push(all);
        } else {
            ways.push(all);
        }
    }
    let mut notes: Vec<(String, &'static str)> = Vec::new();
    if ways.is_empty() {
        ways = unheld;
    } else {
        // Only what is sure to be allowed.
        let labels = unheld.into_iter().flat_map(|way| way.ignored).map(|(label, _)| (label, UNHELD));
        notes.extend(labels.filter(|(label, _)| limits.ignored.iter().all(|(known, _)| known != label)));
    }
    if ways.is_empty() {
        problems.extend(none.into_iter().flatten());
        return vec![limits.clone()];
    }
    notes.extend(none.into_iter().flatten().map(|problem| (problem.message, NO_NODE)));
    let mut few: Vec<Limits<'a>> = Vec::new();
    for mut way in ways {
        // What has become wider may take in others.
        while let Some((index, either)) =
            few.iter().enumerate().find_map(|(index, known)| Some((index, known.or(&way)?)))
        {
            few.remove(index);
            way = either;
        }
        few.push(way);
    }
    few[0].also_ignore(notes);
    few
}

/// What a term asks for beside what holds already.
fn with_term<'a>(
    limits: &Limits<'a>,
    term: &View<'a>,
    ours: &[String],
    estate: Option<&EstateSpec>,
    problems: &mut Vec<Diagnostic>,
    contradictions: &mut Vec<Diagnostic>,
) -> Limits<'a> {
    let mut all = limits.clone();
    let fields = ["matchExpressions", "matchFields"];
    let expressions: Vec<View<'a>> =
        fields.into_iter().filter_map(|field| term.field(field)).flat_map(|list| list.items()).collect();
    if expressions.is_empty() {
        let problem = term.problem("a term that asks for nothing is met by no node");
        contradictions.push(problem.with_help("give it `matchExpressions`, or remove the affinity"));
    }
    // What a plan writes names what it allows; the user's own may exclude some beside it.
    let is_ours = |expression: &View<'a>| {
        let text = |field| expression.field(field).and_then(|view| view.text());
        text("operator") == Some("In") && text("key").is_some_and(|key| ours.iter().any(|ours| ours == key))
    };
    for expression in expressions.into_iter().filter(|expression| !is_ours(expression)) {
        match Requirement::of_pod(&expression) {
            Ok(requirement) => all.and(label::limits(&requirement, estate), contradictions),
            Err(problem) => problems.push(*problem),
        }
    }
    all
}

/// Whether a toleration is of the taint that nodes of that architecture have (GKE's do).
fn is_of_arm(toleration: &View<'_>) -> bool {
    let text = |field| toleration.field(field).and_then(|field| field.text());
    text("key").is_some_and(|key| ARCHES.contains(&key))
        && (text("value") == Some("arm64") || text("operator") == Some("Exists"))
}

/// Whether a toleration is of a taint that providers put on spot nodes.
pub(crate) fn is_of_spot(toleration: &View<'_>) -> bool {
    let text = |field| toleration.field(field).and_then(|field| field.text()).unwrap_or_default();
    let (key, value) = (text("key").to_ascii_lowercase(), text("value").to_ascii_lowercase());
    let names_spot = |text: &str| text.contains("spot") || text.contains("preemptible");
    match &*key {
        "karpenter.sh/capacity-type"
        | "eks.amazonaws.com/capacitytype"
        | "kubernetes.azure.com/scalesetpriority"
        | "cloud.google.com/gke-provisioning" => value.is_empty() || names_spot(&value),
        key => names_spot(key) && value != "false",
    }
}
