//! Karpenter's node pools: which offers the cluster may launch, and how much of them.
//!
//! A pool's requirements become an entry of `only`, its limits quotas over the same offers: they count
//! whole machines, as Karpenter does. Offers that several pools allow count towards the limits of each,
//! which never plans more than Karpenter would launch.

use plimsoll_catalog::accelerators;
use plimsoll_model::{
    Bytes, Cpu, Diagnostic, Match, OneOf,
    estate::{EstateSpec, Only, Quota},
    read::View,
};

use super::{
    launch::{ClassSeat, PoolSeat, is_our_limit, taints, take_ours},
    nodes::Nodes,
    note,
    object::Object,
    selection::{CLASSES, Selection, select},
};
use crate::{
    Translation,
    labels::{
        self,
        machine::machines,
        region_of,
        requirement::{Requirement, contradictions},
    },
    listed,
};

/// A pool, for what refers to it.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) name: String,
    /// The labels that its nodes have beyond the well-known ones.
    pub(super) labels: Vec<(String, String)>,
    pub(super) matches: Match,
    is_limited: bool,
}

/// Translates the pools of a cluster with these nodes.
pub(super) fn translate(
    objects: &[Object<'_>],
    nodes: &Nodes,
    estate: Option<&EstateSpec>,
    out: &mut Translation,
) -> Vec<Pool> {
    let mut pools: Vec<Pool> = Vec::new();
    for object in objects.iter().filter(|object| object.group.starts_with("karpenter.")) {
        match object.kind {
            "NodePool" => {
                let reader = Reader { object, objects, nodes, estate };
                if let Some(pool) = reader.pool(out) {
                    pools.push(pool);
                }
            }
            // Read with the pools, or elsewhere.
            "NodeOverlay" | "NodeClaim" => {}
            kind if kind.ends_with("NodeClass") => node_class(object, out),
            kind => note(
                out,
                format!("passed over: {}", object.title()),
                format!("a {kind} says nothing of what may be launched; a NodePool does"),
                "its manifest",
            ),
        }
    }
    for (at, pool) in pools.iter().enumerate() {
        for other in &pools[..at] {
            if (pool.is_limited || other.is_limited) && overlap(&pool.matches, &other.matches) {
                note(
                    out,
                    format!("limits of the NodePools {} and {}", other.name, pool.name),
                    "offers that both allow count towards the limits of both",
                    "Karpenter fills the pool of greater weight first",
                );
            }
        }
    }
    pools
}

/// A class says how nodes are made, not which; but reservations may be named there.
fn node_class(object: &Object<'_>, out: &mut Translation) {
    if let Some(cloud) = cloud_of(Some(object.group), Some(object.kind)) {
        out.classes.push(ClassSeat::of(object, cloud));
    }
    let reserved = object.items(&["status", "capacityReservations"]);
    let named: Vec<String> = reserved
        .iter()
        .map(|one| {
            let text = |field| one.field(field).and_then(|view| view.text()).unwrap_or("?");
            format!("{} ({} in {})", text("id"), text("instanceType"), text("availabilityZone"))
        })
        .collect();
    if !named.is_empty() || object.at(&["spec", "capacityReservationSelectorTerms"]).is_some() {
        let which = if named.is_empty() { "those it selects".to_owned() } else { listed(&named) };
        note(
            out,
            format!("capacity reservations of {}", object.title()),
            format!("not counted as paid for: {which}"),
            "it does not say how many instances; give `reservations` in an Estate, or Terraform's state",
        );
    }
}

struct Reader<'r, 'a> {
    object: &'r Object<'a>,
    objects: &'r [Object<'a>],
    nodes: &'r Nodes,
    estate: Option<&'r EstateSpec>,
}

/// Whether a label is the provider's or Kubernetes' own rather than the users'.
fn is_well_known(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    [
        "kubernetes.io",
        "k8s.io",
        "k8s.aws",
        "k8s.gcp",
        "azure.com",
        "amazonaws.com",
        "karpenter.sh",
        "google.com",
    ]
    .iter()
    .any(|known| domain == *known || domain.ends_with(&format!(".{known}")))
        || labels::names_accelerator(key)
}

impl<'a> Reader<'_, 'a> {
    fn pool(&self, out: &mut Translation) -> Option<Pool> {
        let object = self.object;
        let before = out.problems.len();
        let list = object.at(&["spec", "template", "spec", "requirements"]);
        let mut requirements = Requirement::each(list, &mut out.problems);
        if out.problems.len() > before {
            return None;
        }
        let ours = take_ours(object, &mut requirements);
        out.problems.extend(contradictions(&requirements));
        let template = object.at(&["spec", "template", "metadata", "labels"]);
        let mut labels = Vec::new();
        for (key, value) in template.map_or_else(Vec::new, |labels| labels.entries()) {
            let Some(text) = value.text() else { continue };
            if is_well_known(key) && key != "karpenter.sh/nodepool" {
                requirements.push(Requirement::label(key, text, value));
            } else {
                labels.push((key.to_owned(), text.to_owned()));
            }
        }
        // Requirements on labels of the users' own say which values nodes may have.
        let (well_known, own): (Vec<_>, Vec<_>) =
            requirements.into_iter().partition(|one| is_well_known(&one.key));
        labels.extend(
            own.iter()
                .filter(|one| one.values.len() == 1)
                .map(|one| (one.key.clone(), one.values[0].clone())),
        );
        labels.push(("karpenter.sh/nodepool".to_owned(), object.name.to_owned()));
        if out.problems.len() > before {
            return None;
        }
        let cloud = self.cloud();
        let selection = match select(cloud, &well_known, self.estate) {
            Ok(selection) => selection,
            Err(none) => {
                out.problems.push(self.nothing(none));
                return None;
            }
        };
        self.say(&selection, cloud, out);
        let mut matches = selection.matches;
        if matches.region.is_none() {
            matches.region = self.regions(cloud, out);
        }
        matches.capacity.get_or_insert_with(|| CLASSES.to_vec().into());
        let name = format!("NodePool {}", object.name);
        let only = Only { name: Some(name.clone()), matches: matches.clone(), ..Only::default() };
        out.estate.only.push(only);
        out.pools.push(PoolSeat::of(object, &well_known, &ours, &matches));
        let quotas = self.limits(&name, &matches, out);
        let is_limited = !quotas.is_empty();
        out.estate.quotas.extend(quotas);
        Some(Pool { name: object.name.to_owned(), labels, matches, is_limited })
    }

    /// A pool that can launch nothing.
    fn nothing(&self, requirement: &Requirement<'a>) -> Diagnostic {
        let message = format!(
            "no instance type of the catalogue meets `{}` beside the other requirements",
            requirement.words()
        );
        let known = select(self.cloud(), &[], self.estate).is_ok();
        let near = requirement.values.iter().find_map(|value| {
            let all = machines(self.cloud(), self.estate);
            let names = all.iter().filter_map(|machine| machine.label(&requirement.key)).flatten();
            let names: std::collections::BTreeSet<String> = names.collect();
            let near = plimsoll_model::yaml::nearest(value, names.iter().map(String::as_str))?;
            (near != value).then(|| near.to_owned())
        });
        if labels::capacity(&requirement.key, "").is_some() {
            return requirement.at.problem(message).with_help("known are spot, on-demand and reserved");
        }
        let help = match near {
            Some(near) if known => format!("did you mean `{near}`?"),
            _ => "`plimsoll offers` lists what there is; an Estate may state other offers".to_owned(),
        };
        requirement.at.problem(message).with_help(help)
    }

    /// Whose nodes the pool's class makes.
    fn cloud(&self) -> Option<&'static str> {
        let class = |field| self.object.text(&["spec", "template", "spec", "nodeClassRef", field]);
        cloud_of(class("group"), class("kind"))
    }

    /// Where the pool launches: an annotation, its class' subnets, the nodes that there are.
    fn regions(&self, cloud: Option<&str>, out: &mut Translation) -> Option<OneOf<String>> {
        let qualified = |region: &str| match cloud {
            Some(cloud) if !region.contains('/') => format!("{cloud}/{region}"),
            _ => region.to_owned(),
        };
        if let Some(stated) = self.object.annotation("plimsoll.dev/regions").and_then(|view| view.text()) {
            let regions: Vec<String> = stated.split(',').map(|region| qualified(region.trim())).collect();
            return Some(regions.into());
        }
        let class = self.object.text(&["spec", "template", "spec", "nodeClassRef", "name"]);
        let class = self.objects.iter().find(|o| o.kind.ends_with("NodeClass") && Some(o.name) == class);
        let subnets = class.map_or_else(Vec::new, |class| class.items(&["status", "subnets"]));
        let mut regions: Vec<String> = subnets
            .iter()
            .filter_map(|subnet| Some(qualified(region_of(subnet.field("zone")?.text()?))))
            .collect();
        regions.sort_unstable();
        regions.dedup();
        if regions.is_empty() {
            regions.extend(self.nodes.region.clone());
        }
        if regions.is_empty() {
            note(
                out,
                format!("region of NodePool {}", self.object.name),
                cloud.map_or_else(
                    || "any region of any cloud".to_owned(),
                    |cloud| format!("any region of {cloud}"),
                ),
                "neither its requirements nor its class name one; `plimsoll.dev/regions` on it does",
            );
            return None;
        }
        Some(regions.into())
    }

    fn say(&self, selection: &Selection, cloud: Option<&str>, out: &mut Translation) {
        let title = self.object.title();
        if cloud.is_none() && selection.matches.cloud.is_none() {
            note(
                out,
                format!("cloud of {title}"),
                "any",
                "its `nodeClassRef` is of no provider that is known here",
            );
        }
        for (what, why) in &selection.notes {
            note(out, format!("requirement of {title}: {what}"), *why, "its requirements");
        }
        for (unknown, near) in &selection.unknown {
            let near = near.as_ref().map_or_else(String::new, |near| format!("; near to it is `{near}`"));
            note(
                out,
                format!("instance type {unknown} of {title}"),
                format!("the catalogue does not know it{near}"),
                "its requirements",
            );
        }
        let taints: Vec<String> = taints(self.object).into_iter().map(|taint| taint.key).collect();
        if !taints.is_empty() {
            let value =
                format!("every workload is taken to tolerate {}, as `-o manifests` writes", listed(&taints));
            note(out, format!("taints of {title}"), value, "its taints");
        }
    }

    /// The limits as quotas.
    fn limits(&self, name: &str, matches: &Match, out: &mut Translation) -> Vec<Quota> {
        let mut quotas = Vec::new();
        let limits = self.object.at(&["spec", "limits"]).map_or_else(Vec::new, |limits| limits.entries());
        let replicas = self.object.at(&["spec", "replicas"]).map(|view| ("nodes", view));
        for (resource, view) in limits.into_iter().chain(replicas) {
            if is_our_limit(self.object, resource, &view) {
                continue;
            }
            let quota = Quota {
                name: Some(format!("{name}, {resource}")),
                matches: matches.clone(),
                ..Quota::default()
            };
            match self.limit(resource, &view, quota) {
                Ok(Some(quota)) => {
                    self.say_held(resource, out);
                    quotas.push(quota);
                }
                Ok(None) => note(
                    out,
                    format!("limit of {} on {resource}", self.object.title()),
                    "not held: no offer states how much of it a machine has",
                    "its limits",
                ),
                Err(problems) => out.problems.extend(problems),
            }
        }
        quotas
    }

    /// The accelerators of those names that machines of a match have; nothing when they have no others.
    fn among(&self, names: Vec<String>, matches: &Match) -> Option<OneOf<String>> {
        let Some(types) = &matches.instance_type else { return Some(names.into()) };
        let cloud = matches.cloud.as_ref().and_then(|cloud| cloud.values().first());
        let all = machines(cloud.map(String::as_str), self.estate);
        let held =
            all.iter().filter(|machine| types.has(&machine.name)).filter_map(|m| m.accelerator.clone());
        let held: std::collections::BTreeSet<String> = held.collect();
        let (ours, others): (Vec<String>, Vec<String>) =
            held.into_iter().partition(|name| names.contains(name));
        if others.is_empty() { None } else { Some(if ours.is_empty() { names.into() } else { ours.into() }) }
    }

    fn say_held(&self, resource: &str, out: &mut Translation) {
        let held = self.nodes.held.get(self.object.name).and_then(|held| held.get(resource));
        if let Some(held) = held.filter(|held| **held > 0) {
            let held = match resource {
                "cpu" => Cpu(*held).to_string(),
                "memory" => Bytes(*held).to_string(),
                _ => held.to_string(),
            };
            note(
                out,
                format!("limit of {} on {resource}", self.object.title()),
                format!("less the {held} of its nodes in the node list"),
                "its limits, and the nodes' capacity",
            );
        }
    }

    fn limit(
        &self,
        resource: &str,
        view: &View<'_>,
        mut quota: Quota,
    ) -> Result<Option<Quota>, Vec<Diagnostic>> {
        // What runs already is counted: it is among the own machines.
        let held = self.nodes.held.get(self.object.name).cloned().unwrap_or_default();
        let held = |resource: &str| held.get(resource).copied().unwrap_or(0);
        let less = |limit: u32, held: u64| limit.saturating_sub(u32::try_from(held).unwrap_or(u32::MAX));
        match resource {
            "cpu" => quota.cpu = Some(Cpu(view.read::<Cpu>()?.0.saturating_sub(held(resource)))),
            "memory" => quota.memory = Some(Bytes(view.read::<Bytes>()?.0.saturating_sub(held(resource)))),
            "nodes" => quota.instances = Some(less(count(view)?, held(resource))),
            _ => match devices(resource) {
                Some(names) => {
                    quota.accelerators = Some(less(count(view)?, held(resource)));
                    quota.matches.accelerator = self.among(names, &quota.matches);
                }
                None => return Ok(None),
            },
        }
        Ok(Some(quota))
    }
}

/// Whose nodes a class makes.
fn cloud_of(group: Option<&str>, kind: Option<&str>) -> Option<&'static str> {
    match (group, kind) {
        (Some("karpenter.k8s.aws" | "eks.amazonaws.com"), _) | (_, Some("EC2NodeClass")) => Some("aws"),
        (Some("karpenter.azure.com"), _) | (_, Some("AKSNodeClass")) => Some("azure"),
        (Some("karpenter.k8s.gcp"), _) | (_, Some("GCENodeClass")) => Some("gcp"),
        _ => None,
    }
}

/// A whole number, which may be written as a quantity.
pub(super) fn count(view: &View<'_>) -> Result<u32, Vec<Diagnostic>> {
    let milli = view.read::<Cpu>()?.milli();
    u32::try_from(milli / 1000).ok().filter(|_| milli % 1000 == 0).ok_or_else(|| {
        vec![view.problem("expected a whole number of devices or machines").with_help("such as `8`")]
    })
}

/// The accelerators that an extended resource counts.
pub(super) fn devices(resource: &str) -> Option<Vec<String>> {
    let vendor = match resource {
        "nvidia.com/gpu" => "NVIDIA",
        "amd.com/gpu" => "AMD",
        "aws.amazon.com/neuron" | "aws.amazon.com/neurondevice" => "AWS",
        "habana.ai/gaudi" => "Intel",
        "google.com/tpu" => "Google",
        _ => return None,
    };
    Some(
        accelerators()
            .iter()
            .filter(|known| known.vendor == vendor)
            .map(|known| known.name.to_owned())
            .collect(),
    )
}

/// Whether some offer may be of both.
pub(super) fn overlap(a: &Match, b: &Match) -> bool {
    fn meet<T: PartialEq>(a: Option<&OneOf<T>>, b: Option<&OneOf<T>>) -> bool {
        a.zip(b).is_none_or(|(a, b)| a.values().iter().any(|value| b.has(value)))
    }
    meet(a.cloud.as_ref(), b.cloud.as_ref())
        && meet(a.region.as_ref(), b.region.as_ref())
        && meet(a.instance_type.as_ref(), b.instance_type.as_ref())
        && meet(a.capacity.as_ref(), b.capacity.as_ref())
        && meet(a.accelerator.as_ref(), b.accelerator.as_ref())
}
