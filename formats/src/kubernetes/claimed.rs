//! Devices that pods claim (dynamic resource allocation) as the extended resources they stand for.
//!
//! A request names a class of devices, how many, and selectors in CEL. A class is known by its name, by the
//! driver that its selectors name, or by its `extendedResourceName`; it then means what a vendor's resource
//! means ([`super::device::meaning`]). Of selectors those are held that compare a product, a profile or the
//! memory of a device with text; any other is said not to be. Requests with `firstAvailable` are ways to run
//! in order of preference.

mod condition;

use std::collections::BTreeMap;

use plimsoll_model::{Diagnostic, read::View, shown};

use super::object::Object;
use condition::{Held, LONGEST, conditions};

/// Ways to take devices that are looked at for one pod, at most.
const MOST_WAYS: usize = 16;

/// Devices of one claim: Kubernetes takes no more.
const MOST_DEVICES: i64 = 32;

/// Classes that give no accelerator.
const BESIDE: [&str; 7] = ["compute-domain", "dra.cpu", "dra.memory", "dra.net", "dranet", "rdma", "sriov"];

/// Whether the devices of a class or driver are no accelerators.
pub(crate) fn is_beside(name: &str) -> bool {
    BESIDE.iter().any(|beside| name.contains(beside))
}

/// What is claimed of one class of devices.
#[derive(Debug, Clone)]
pub(crate) struct Claimed<'a> {
    /// The extended resource that the class stands for; the class itself where that is not known.
    pub(crate) resource: String,
    /// The driver whose devices they are, as far as the class says: else its own name, which mostly is the driver's.
    pub(crate) driver: String,
    /// Whether partitions of devices are claimed rather than whole ones.
    pub(crate) is_part: bool,
    pub(crate) count: u64,
    /// Accelerators by name, where selectors say which.
    pub(crate) names: Vec<String>,
    /// Least memory of each, in bytes.
    pub(crate) memory: Option<u64>,
    /// As people know it: `claim gpu`.
    pub(crate) said: String,
    pub(crate) at: View<'a>,
}

/// What the claims of a pod ask for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Devices<'a> {
    /// The ways to take them, the most wanted first; none where nothing is claimed.
    pub(crate) ways: Vec<Vec<Claimed<'a>>>,
    /// What is not held, with the reason.
    pub(crate) ignored: Vec<(String, &'static str)>,
    /// What is wrong with the claims.
    pub(crate) problems: Vec<Diagnostic>,
}

/// The claims, templates and classes among the manifests.
#[derive(Debug, Default)]
pub(crate) struct Catalogue<'a> {
    classes: BTreeMap<&'a str, View<'a>>,
    /// By (kind, namespace, name): what is claimed.
    claims: BTreeMap<(&'a str, &'a str, &'a str), View<'a>>,
}

impl<'a> Catalogue<'a> {
    pub(crate) fn of(objects: &[Object<'a>]) -> Self {
        let mut found = Self::default();
        for object in objects.iter().filter(|object| object.group == "resource.k8s.io") {
            let spec: &[&str] = match object.kind {
                "DeviceClass" => {
                    found.classes.insert(object.name, object.view.clone());
                    continue;
                }
                "ResourceClaim" => &["spec"],
                "ResourceClaimTemplate" => &["spec", "spec"],
                _ => continue,
            };
            if let Some(spec) = object.at(spec) {
                found.claims.insert((object.kind, object.namespace(), object.name), spec);
            }
        }
        found
    }

    /// What a pod claims.
    pub(crate) fn of_pod(&self, spec: &View<'a>, namespace: &'a str) -> Devices<'a> {
        let mut devices = Devices::default();
        let claims = spec.field("resourceClaims").map_or_else(Vec::new, |claims| claims.items());
        let mut ways: Vec<Vec<Claimed<'a>>> = vec![Vec::new()];
        for claim in claims {
            let text = |field| claim.field(field).and_then(|view| view.text());
            let named = [
                ("ResourceClaimTemplate", text("resourceClaimTemplateName")),
                ("ResourceClaim", text("resourceClaimName")),
            ];
            let Some((kind, name)) = named.into_iter().find_map(|(kind, name)| Some((kind, name?))) else {
                continue;
            };
            let Some(asked) = self.claims.get(&(kind, namespace, name)) else {
                let why = "it is not among the files, so none of its devices are asked for; plimsoll.dev/request states them";
                devices.ignored.push((format!("{kind} {name}"), why));
                continue;
            };
            if kind == "ResourceClaim" {
                let why = "pods that name a claim share its devices; each is counted with devices of its own";
                devices.ignored.push((format!("sharing of ResourceClaim {name}"), why));
            }
            ways = self.ways(asked, (kind, name), ways, &mut devices);
        }
        ways.retain(|way| !way.is_empty());
        devices.ways = ways;
        devices
    }

    /// What one claim or template asks for; none where it is not among the objects.
    pub(crate) fn of_claim(&self, kind: &'a str, namespace: &'a str, name: &'a str) -> Option<Devices<'a>> {
        let asked = self.claims.get(&(kind, namespace, name))?;
        let mut devices = Devices::default();
        let mut ways = self.ways(asked, (kind, name), vec![Vec::new()], &mut devices);
        ways.retain(|way| !way.is_empty());
        devices.ways = ways;
        Some(devices)
    }

    /// The drivers whose devices go by the name of an extended resource too, with that name.
    pub(crate) fn extended(&self) -> BTreeMap<String, String> {
        let named = self.classes.iter().filter_map(|(name, class)| {
            let resource = class.at(&["spec", "extendedResourceName"])?.text()?.to_owned();
            let mut held = Held::default();
            let selectors = class.at(&["spec", "selectors"]).map_or_else(Vec::new, |list| list.items());
            for selector in selectors {
                let text =
                    selector.at(&["cel", "expression"]).and_then(|view| view.text()).unwrap_or_default();
                // Nothing is known of a class that Kubernetes refuses.
                conditions(text)?.into_iter().for_each(|condition| _ = held.take(condition));
            }
            // A name for some of them does not stand for all.
            let is_narrow = held.is_part || held.profile.is_some() || held.names.is_some();
            (!is_narrow).then(|| (held.driver.unwrap_or_else(|| (*name).to_owned()), resource))
        });
        // Of several names for one driver the first counts.
        let mut found = BTreeMap::new();
        named.for_each(|(driver, resource)| _ = found.entry(driver).or_insert(resource));
        found
    }

    /// These ways, each with what a claim asks for.
    fn ways(
        &self,
        asked: &View<'a>,
        (kind, name): (&str, &str),
        mut ways: Vec<Vec<Claimed<'a>>>,
        devices: &mut Devices<'a>,
    ) -> Vec<Vec<Claimed<'a>>> {
        if asked.at(&["devices", "constraints"]).is_some() {
            let why = "offers do not state how devices are connected";
            devices.ignored.push((format!("constraints of {kind} {name}"), why));
        }
        let requests = asked.at(&["devices", "requests"]).map_or_else(Vec::new, |list| list.items());
        for request in requests {
            let choices = self.choices(&request, &format!("claim {name}"), devices);
            if choices.is_empty() {
                continue;
            }
            let with = |way: &Vec<Claimed<'a>>| {
                let more = |one: &Claimed<'a>| way.iter().cloned().chain([one.clone()]).collect::<Vec<_>>();
                choices.iter().map(more).collect::<Vec<_>>()
            };
            ways = ways.iter().flat_map(with).take(MOST_WAYS).collect();
        }
        ways
    }

    /// What a request may be met by, the most wanted first.
    fn choices(&self, request: &View<'a>, said: &str, devices: &mut Devices<'a>) -> Vec<Claimed<'a>> {
        let exactly = request.field("exactly").unwrap_or_else(|| request.clone());
        let first = request.field("firstAvailable").map_or_else(Vec::new, |list| list.items());
        let all = if first.is_empty() { vec![exactly] } else { first };
        all.iter().filter_map(|one| self.one(one, said, devices)).collect()
    }

    fn one(&self, request: &View<'a>, said: &str, devices: &mut Devices<'a>) -> Option<Claimed<'a>> {
        let Some((at, class)) =
            request.field("deviceClassName").and_then(|at| Some((at.clone(), at.text()?)))
        else {
            let problem = request.problem(format!("a request of {said} without `deviceClassName`"));
            devices
                .problems
                .push(problem.with_help("state the class of its devices, such as gpu.nvidia.com"));
            return None;
        };
        if request.field("adminAccess").and_then(|view| view.boolean()) == Some(true) {
            // Who watches over devices takes none.
            return None;
        }
        let count = match count(request, said) {
            Ok(count) => count,
            Err(problem) => {
                devices.problems.push(*problem);
                return None;
            }
        };
        let count = count.unwrap_or_else(|| {
            let why = "no offer says how many that are before it is chosen: one is asked for; plimsoll.dev/request states how many";
            devices.ignored.push((format!("`allocationMode: All` of {said}"), why));
            1
        });
        if request.field("capacity").is_some() {
            let why =
                "a part of a device by its capacity is no part that offers have: a whole one is asked for";
            devices.ignored.push((format!("`capacity` of {said}"), why));
        }
        let mut held = Held::default();
        let class_view = self.classes.get(class);
        let own = class_view.and_then(|view| view.at(&["spec", "selectors"]));
        for selectors in [own, request.field("selectors")].into_iter().flatten() {
            for selector in selectors.items() {
                let expression = selector.at(&["cel", "expression"]);
                let Some(text) = expression.as_ref().and_then(View::text) else {
                    let problem = selector.problem(format!("a selector of {said} without a CEL expression"));
                    devices.problems.push(problem.with_help("state it: cel: {expression: …}"));
                    continue;
                };
                let Some(conditions) = conditions(text) else {
                    let message = format!("a selector of {said} of {} bytes", text.len());
                    let problem = selector.problem(message);
                    devices.problems.push(problem.with_help(format!("Kubernetes takes at most {LONGEST}")));
                    continue;
                };
                for condition in conditions {
                    if !held.take(condition) {
                        let why =
                            "no offer can be held against it: any will do; plimsoll.dev/request states more";
                        devices.ignored.push((format!("`{}` of {said}", squeezed(condition)), why));
                    }
                }
            }
        }
        let extended = class_view.and_then(|view| view.at(&["spec", "extendedResourceName"]));
        let extended = extended.and_then(|view| view.text().map(str::to_owned));
        let driver = held.driver.as_deref().unwrap_or(class);
        let is_part = held.is_part || held.profile.is_some() || class == "mig.nvidia.com";
        let resource = extended.or_else(|| {
            if let Some(profile) = &held.profile {
                return Some(format!("nvidia.com/mig-{profile}"));
            }
            let class = if held.is_part { "mig.nvidia.com" } else { class };
            resource_of(class).or_else(|| resource_of(driver)).map(str::to_owned)
        });
        if resource.is_none() && is_beside(class) {
            return None;
        }
        Some(Claimed {
            resource: resource.unwrap_or_else(|| class.to_owned()),
            driver: driver.to_owned(),
            is_part,
            count,
            names: held.names.unwrap_or_default(),
            memory: held.memory,
            said: said.to_owned(),
            at,
        })
    }
}

/// How many devices a request is for; nothing for all of a node.
fn count(request: &View<'_>, said: &str) -> Result<Option<u64>, Box<Diagnostic>> {
    if let Some(mode) = request.field("allocationMode") {
        match mode.text() {
            Some("All") => return Ok(None),
            Some("ExactCount") => {}
            _ => {
                let problem = mode.problem(format!("`allocationMode` of {said}: expected ExactCount or All"));
                return Err(Box::new(problem));
            }
        }
    }
    let Some(at) = request.field("count") else { return Ok(Some(1)) };
    match at.integer() {
        // What is not stated is one, and 0 is what is not stated.
        Some(0) => Ok(Some(1)),
        Some(count @ 1..=MOST_DEVICES) => Ok(u64::try_from(count).ok()),
        _ => {
            let is_text = at.integer().is_none() && at.text().is_some_and(|text| text.parse::<i64>().is_ok());
            let what = if is_text { "the text " } else { "" };
            let found = at.text().map_or_else(String::new, |text| format!(", found {what}`{}`", shown(text)));
            let message = format!("`count` of {said}: expected a whole number up to {MOST_DEVICES}{found}");
            Err(Box::new(at.problem(message).with_help("Kubernetes refuses such a claim")))
        }
    }
}

/// The extended resource of a vendor's class or driver.
pub(crate) fn resource_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "gpu.nvidia.com" | "vfio.gpu.nvidia.com" => "nvidia.com/gpu",
        "mig.nvidia.com" => "nvidia.com/gpu.shared",
        "gpu.amd.com" => "amd.com/gpu",
        "gaudi.intel.com" => "habana.ai/gaudi",
        "neuron.aws.com" | "neuron.amazonaws.com" => "aws.amazon.com/neurondevice",
        "tpu.google.com" => "google.com/tpu",
        "qaic.qualcomm.com" => "qualcomm.com/qaic",
        _ => return None,
    })
}

/// The text on one line, cut where it is long.
fn squeezed(text: &str) -> String {
    const WIDTH: usize = 160;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(WIDTH) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
