//! What a pod needs, asks of accelerators, and is worth.

mod devices;

use std::collections::BTreeMap;

use plimsoll_model::{
    Capacity, Diagnostic,
    fleet::{Pod, Rule, Stays, Test, Toleration},
    quantity::decimal::parse_pico,
    read::View,
    shown,
};

use super::{
    claim::Claims,
    device::Known,
    expand::Draft,
    node::GROUP,
    remarks::Remarks,
    rule, stated, stays,
    volume::{Found, Volumes},
};
use crate::{
    kubernetes::{needs::Needs, selector::is_of_spot},
    labels::capacity,
};

/// The worth of a thousandth of a core, in millionths of an accelerator: 0.02 accelerators a core.
const MILLI_CORE: u64 = 20;
/// Thousandths of an accelerator in millionths.
const MILLI: u64 = 1000;
/// Far above what a pod can be worth, far inside of sums of them.
const MOST_WORTH: u64 = 1_000_000_000_000;

/// What pods refer to.
pub(super) struct Context<'a, 'd> {
    pub(super) overheads: BTreeMap<&'a str, View<'a>>,
    pub(super) devices: &'d Known,
    /// GKE lets pods bear the taint of the devices that they ask for.
    pub(super) is_gke: bool,
    /// Claims of devices.
    pub(super) claims: Claims<'a>,
    /// Volumes and claims of them.
    pub(super) volumes: Volumes<'a>,
}

/// The labels of a pod, by which selectors of other pods find it.
pub(super) fn labels(draft: &Draft<'_>) -> BTreeMap<String, String> {
    let labels = draft.template.at(&["metadata", "labels"]).map_or_else(Vec::new, |labels| labels.entries());
    labels.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.text()?.to_owned()))).collect()
}

impl<'a> Context<'a, '_> {
    /// Reads a pod, by its place among the drafts; its name and groups come later.
    pub(super) fn read(
        &self,
        draft: &Draft<'a>,
        index: usize,
        remarks: &mut Remarks,
        problems: &mut Vec<Diagnostic>,
    ) -> Pod {
        let overhead =
            draft.spec.field("runtimeClassName").and_then(|class| self.overheads.get(class.text()?));
        let needs = Needs::of_pod(&draft.spec, &draft.extra, overhead, problems);
        let mut pod = Pod {
            rule: rule::read(&draft.spec, problems),
            on: draft.spec.field("nodeName").and_then(|node| node.text()).map(str::to_owned),
            ..Pod::default()
        };
        for resource in ["cpu", "memory"] {
            pod.needs.extend(needs.get(resource).map(|amount| (resource.to_owned(), amount)));
        }
        pod.needs.insert("pods".to_owned(), 1);
        devices::Reader { context: self, draft, pod: &mut pod, remarks, problems }
            .accelerators(&needs, index);
        stated::read(draft, self.devices, &mut pod, problems);
        if self.is_gke && !draft.is_live {
            let keys = needs.devices().map(|(name, ..)| Some(name.to_owned()));
            pod.rule.tolerations.extend(keys.map(|key| Toleration { key, value: None, effect: None }));
        }
        let annotation = |name: &str| annotation(draft, name);
        pod.worth = pod.accelerators_milli.saturating_mul(MILLI).saturating_add(pod.need("cpu") * MILLI_CORE);
        if let Some(stated) = annotation("plimsoll.dev/worth") {
            match stated.text().and_then(worth) {
                Some(worth) => pod.worth = worth,
                None => problems.push(
                    stated
                        .problem("`plimsoll.dev/worth`: expected a number from 0 to 1000000")
                        .with_help("in accelerators: \"2.5\" is what two and a half of them are worth"),
                ),
            }
        }
        if let Some(stated) = annotation("plimsoll.dev/required") {
            match stated.text() {
                Some("true") => pod.required = true,
                Some("false") => {}
                _ => problems.push(stated.problem("`plimsoll.dev/required`: expected \"true\" or \"false\"")),
            }
        }
        if let Some(stated) = annotation(GROUP) {
            match stated.text() {
                Some("required") => pod.joined = true,
                _ => problems.push(
                    stated.problem(format!("`{GROUP}`: expected \"required\" on a pod")).with_help(
                        "its devices are then of one group; on a node it says how many devices are one",
                    ),
                ),
            }
        }
        pod.stays = stays::stated(draft);
        pod.daemon = pod.stays == Some(Stays::OfNode);
        pod.interruptible = bears_spot(draft, &pod.rule);
        match annotation("plimsoll.dev/interruptible").as_ref().map(|stated| (stated, stated.text())) {
            None => {}
            Some((_, Some("true"))) => pod.interruptible = true,
            Some((_, Some("false"))) => pod.interruptible = false,
            Some((stated, _)) => {
                let message = "`plimsoll.dev/interruptible`: expected \"true\" or \"false\"";
                problems.push(stated.problem(message));
            }
        }
        let volumes = self.volumes.narrow(draft, &mut pod.rule, problems);
        if pod.left.is_none() {
            pod.left.clone_from(&volumes.left);
        }
        unheld(draft, index, &volumes, remarks);
        pod
    }
}

/// What the packing does not look at.
fn unheld(draft: &Draft<'_>, index: usize, volumes: &Found, remarks: &mut Remarks) {
    let containers = draft.spec.field("containers").map_or_else(Vec::new, |list| list.items());
    let has_port = containers.iter().any(|container| {
        let ports = container.field("ports").map_or_else(Vec::new, |ports| ports.items());
        ports.iter().any(|port| port.field("hostPort").is_some())
    });
    for (present, what) in [
        (has_port, "ports of the node (hostPort)"),
        (volumes.is_partly || volumes.left.is_some(), "where their volumes can be mounted"),
    ] {
        match present {
            false => {}
            // It runs where it runs.
            true if draft.runs() => remarks.leave_silently(index),
            true => remarks.leave(index, what, draft.object.name),
        }
    }
}

/// An annotation of the pod, else of the object that makes it.
pub(super) fn annotation<'a>(draft: &Draft<'a>, name: &str) -> Option<View<'a>> {
    let of = |view: &View<'a>| view.at(&["metadata", "annotations"])?.field(name);
    of(&draft.template).or_else(|| of(&draft.object.view))
}

/// A worth in accelerators, as millionths.
fn worth(text: &str) -> Option<u64> {
    let pico = parse_pico(text.trim()).ok()?;
    u64::try_from(pico / 1_000_000).ok().filter(|worth| pico >= 0 && *worth <= MOST_WORTH)
}

/// Whether a pod lets itself be put on spot nodes: it bears their taint, or selects them.
fn bears_spot(draft: &Draft<'_>, rule: &Rule) -> bool {
    let tolerations = draft.spec.field("tolerations").map_or_else(Vec::new, |list| list.items());
    let is_spot = |key: &str, value: &String| capacity(key, value) == Some(Some(Capacity::Spot));
    let selects = rule.labels.iter().any(|(key, value)| is_spot(key, value))
        || rule.terms.iter().flatten().flatten().any(|one| match &one.test {
            Test::In(values) => values.iter().any(|value| is_spot(&one.key, value)),
            _ => false,
        });
    selects || tolerations.iter().any(is_of_spot)
}

/// Gives each pod its name: its own where that is enough, else with its namespace.
pub(super) fn name(drafts: &[Draft<'_>], pods: &mut [Pod], given: &[Pod], problems: &mut Vec<Diagnostic>) {
    let mut count: BTreeMap<&str, u32> = given.iter().map(|pod| (&*pod.name, 1)).collect();
    for draft in drafts {
        *count.entry(&draft.name).or_default() += 1;
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (index, (draft, pod)) in drafts.iter().zip(pods.iter_mut()).enumerate() {
        pod.name = match count.get(&*draft.name) {
            Some(1) => draft.name.clone(),
            _ => format!("{}/{}", draft.object.namespace(), draft.name),
        };
        if let Some(first) = seen.insert(pod.name.clone(), index) {
            let at = draft.object.at(&["metadata", "name"]).unwrap_or_else(|| draft.object.view.clone());
            let problem = at.problem(format!("a second pod `{}`", shown(&pod.name)));
            problems.push(problem.with_help(format!(
                "the first is at {}; a pod has one name in its namespace",
                super::node::place(&drafts[first].object)
            )));
        }
    }
}
