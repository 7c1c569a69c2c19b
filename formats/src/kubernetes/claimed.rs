//! Devices that pods claim (dynamic resource allocation) as the extended resources they stand for.
//!
//! A request names a class of devices, how many, and selectors in CEL. A class is known by its name, by the
//! driver that its selectors name, or by its `extendedResourceName`; it then means what a vendor's resource
//! means ([`super::device::meaning`]). Of selectors those are held that compare a product, a profile or the
//! memory of a device with text; any other is said not to be. Requests with `firstAvailable` are ways to run
//! in order of preference.

use std::collections::BTreeMap;

use plimsoll_model::{Bytes, Diagnostic, read::View, shown};

use super::object::Object;
use crate::labels::product;

/// Ways to take devices that are looked at for one pod, at most.
const MOST_WAYS: usize = 16;

/// Devices of one claim, and bytes of one selector: Kubernetes takes no more.
const MOST_DEVICES: i64 = 32;
const LONGEST: usize = 10 * 1024;

/// Parentheses around a condition that are taken off, at most.
const DEEPEST: usize = 16;

/// Classes that give no accelerator.
const BESIDE: [&str; 5] = ["compute-domain", "dra.net", "dranet", "rdma", "sriov"];

/// What is claimed of one class of devices.
#[derive(Debug, Clone)]
pub(super) struct Claimed<'a> {
    /// The extended resource that the class stands for; the class itself where that is not known.
    pub(super) resource: String,
    pub(super) count: u64,
    /// Accelerators by name, where selectors say which.
    pub(super) names: Vec<String>,
    /// Least memory of each, in bytes.
    pub(super) memory: Option<u64>,
    /// As people know it: `claim gpu`.
    pub(super) said: String,
    pub(super) at: View<'a>,
}

/// What the claims of a pod ask for.
#[derive(Debug, Clone, Default)]
pub(super) struct Devices<'a> {
    /// The ways to take them, the most wanted first; none where nothing is claimed.
    pub(super) ways: Vec<Vec<Claimed<'a>>>,
    /// What is not held, with the reason.
    pub(super) ignored: Vec<(String, &'static str)>,
    /// What is wrong with the claims.
    pub(super) problems: Vec<Diagnostic>,
}

/// The claims, templates and classes among the manifests.
#[derive(Debug, Default)]
pub(super) struct Catalogue<'a> {
    classes: BTreeMap<&'a str, View<'a>>,
    /// By (kind, namespace, name): what is claimed.
    claims: BTreeMap<(&'a str, &'a str, &'a str), View<'a>>,
}

impl<'a> Catalogue<'a> {
    pub(super) fn of(objects: &[Object<'a>]) -> Self {
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
    pub(super) fn of_pod(&self, spec: &View<'a>, namespace: &'a str) -> Devices<'a> {
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
            if asked.at(&["devices", "constraints"]).is_some() {
                let why = "offers do not state how devices are connected";
                devices.ignored.push((format!("constraints of {kind} {name}"), why));
            }
            let requests = asked.at(&["devices", "requests"]).map_or_else(Vec::new, |list| list.items());
            for request in requests {
                let choices = self.choices(&request, &format!("claim {name}"), &mut devices);
                if choices.is_empty() {
                    continue;
                }
                let with = |way: &Vec<Claimed<'a>>| {
                    let more =
                        |one: &Claimed<'a>| way.iter().cloned().chain([one.clone()]).collect::<Vec<_>>();
                    choices.iter().map(more).collect::<Vec<_>>()
                };
                ways = ways.iter().flat_map(with).take(MOST_WAYS).collect();
            }
        }
        ways.retain(|way| !way.is_empty());
        devices.ways = ways;
        devices
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
                if text.len() > LONGEST {
                    let message = format!("a selector of {said} of {} bytes", text.len());
                    let problem = selector.problem(message);
                    devices.problems.push(problem.with_help(format!("Kubernetes takes at most {LONGEST}")));
                    continue;
                }
                for condition in split(text, "&&") {
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
        let resource = extended.or_else(|| {
            let driver = held.driver.as_deref().unwrap_or(class);
            if let Some(profile) = &held.profile {
                return Some(format!("nvidia.com/mig-{profile}"));
            }
            let class = if held.is_part { "mig.nvidia.com" } else { class };
            resource_of(class).or_else(|| resource_of(driver)).map(str::to_owned)
        });
        if resource.is_none() && BESIDE.iter().any(|beside| class.contains(beside)) {
            return None;
        }
        Some(Claimed {
            resource: resource.unwrap_or_else(|| class.to_owned()),
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
fn resource_of(name: &str) -> Option<&'static str> {
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

/// What selectors say that offers can be held against.
#[derive(Debug, Default)]
struct Held {
    driver: Option<String>,
    names: Option<Vec<String>>,
    profile: Option<String>,
    is_part: bool,
    memory: Option<u64>,
}

impl Held {
    /// Takes a condition in; false where it cannot be held.
    fn take(&mut self, condition: &str) -> bool {
        let condition = bare(condition);
        let either: Vec<&str> = split(condition, "||");
        if either.len() > 1 {
            // Alternatives are held where each names products.
            let mut names = Vec::new();
            for one in either {
                let mut alone = Self::default();
                match alone.take(one).then_some(alone.names).flatten() {
                    Some(alone) => names.extend(alone),
                    None => return false,
                }
            }
            return self.named(&names);
        }
        if let Some((what, values)) = compared(condition) {
            let one = values.first().cloned().unwrap_or_default();
            return match what {
                "driver" if values.len() == 1 => {
                    self.driver = Some(one);
                    true
                }
                "productName" | "model" | "deviceName" => self.named(&values),
                "profile" if values.len() == 1 => {
                    self.profile = Some(one);
                    true
                }
                "type" => {
                    self.is_part |= one == "mig";
                    matches!(&*one, "gpu" | "mig")
                }
                _ => false,
            };
        }
        let Some(least) = least_memory(condition) else { return false };
        self.memory = Some(self.memory.unwrap_or(0).max(least));
        true
    }

    /// Accelerators by the names of products, or by their own.
    fn named(&mut self, values: &[String]) -> bool {
        let names: Vec<String> = values.iter().map(|value| product(&value.replace(' ', "-"))).collect();
        let both: Vec<String> = match &self.names {
            None => names,
            Some(before) => before.iter().filter(|name| names.contains(name)).cloned().collect(),
        };
        // No device is of two products: the second is said not to be held.
        let held = !both.is_empty();
        if held {
            self.names = Some(both);
        }
        held
    }
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

/// The text without white space and parentheses around it.
fn bare(mut text: &str) -> &str {
    for _ in 0..DEEPEST {
        text = text.trim();
        let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
        match inner.filter(|inner| is_balanced(inner)) {
            Some(inner) => text = inner,
            None => break,
        }
    }
    text.trim()
}

fn is_balanced(text: &str) -> bool {
    let mut depth = 0_i32;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

/// The parts between an operator that stands outside of quotes and parentheses.
fn split<'t>(text: &'t str, operator: &str) -> Vec<&'t str> {
    let (mut parts, mut from, mut depth, mut quote) = (Vec::new(), 0, 0_i32, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            _ if depth == 0 && at >= from && text[at..].starts_with(operator) => {
                parts.push(&text[from..at]);
                from = at + operator.len();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

/// `device.….NAME == "VALUE"` or `device.….NAME in ["VALUE", …]`.
fn compared(condition: &str) -> Option<(&str, Vec<String>)> {
    let (left, right) = if let Some((left, right)) = condition.split_once("==") {
        (left, vec![quoted(right)?])
    } else {
        let (left, list) = condition.split_once(" in ")?;
        let list = list.trim().strip_prefix('[')?.strip_suffix(']')?;
        let values: Option<Vec<String>> = list.split(',').map(quoted).collect();
        (left, values?)
    };
    Some((attribute(left)?, right))
}

/// The last name of `device.driver`, `device.attributes["…"].NAME` or `…["NAME"]`.
fn attribute(text: &str) -> Option<&str> {
    let text = text.trim();
    text.starts_with("device.").then_some(())?;
    let name = match text.strip_suffix(']') {
        Some(inner) => inner.rsplit_once('[')?.1.trim_matches(|c| c == '"' || c == '\''),
        None => text.rsplit_once('.')?.1,
    };
    (!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric())).then_some(name)
}

fn quoted(text: &str) -> Option<String> {
    let text = text.trim();
    let inner = ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))?;
    (!inner.contains(['"', '\''])).then(|| inner.to_owned())
}

/// `device.capacity["…"].memory.compareTo(quantity("40Gi")) >= 0`, `….isGreaterThan(quantity("39Gi"))`.
fn least_memory(condition: &str) -> Option<u64> {
    let (left, call) = condition.split_once(".memory.")?;
    left.trim().starts_with("device.capacity[").then_some(())?;
    let (call, strictly) = if let Some(rest) = call.strip_prefix("isGreaterThan(") {
        (rest.trim().strip_suffix(')')?, true)
    } else {
        let (call, sign) = call.strip_prefix("compareTo(")?.rsplit_once(')')?;
        let sign: String = sign.split_whitespace().collect();
        let strictly = match &*sign {
            ">=0" => false,
            ">0" => true,
            _ => return None,
        };
        (call, strictly)
    };
    let quantity = call.trim().strip_prefix("quantity(")?.strip_suffix(')')?;
    let bytes: Bytes = quoted(quantity)?.parse().ok()?;
    Some(bytes.0.saturating_add(u64::from(strictly)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_held_where_they_say_what_offers_say() {
        let held = |text: &str| {
            let mut held = Held::default();
            let all = split(text, "&&").into_iter().all(|one| held.take(one));
            (all, held)
        };
        let (all, found) = held(
            "device.driver == 'gpu.nvidia.com' && device.attributes[\"gpu.nvidia.com\"].productName == \"NVIDIA A100-SXM4-80GB\"",
        );
        assert!(all);
        assert_eq!(found.driver.as_deref(), Some("gpu.nvidia.com"));
        assert_eq!(found.names.as_deref(), Some(&["A100-80GB".to_owned()][..]));
        let (all, found) =
            held("(device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('40Gi')) >= 0)");
        assert!(all);
        assert_eq!(found.memory, Some(40 << 30));
        assert_eq!(
            held("device.capacity['x'].memory.isGreaterThan(quantity(\"40Gi\"))").1.memory,
            Some((40 << 30) + 1)
        );
        let (all, found) = held(
            "device.attributes['g'].productName == 'NVIDIA H100 80GB HBM3' || device.attributes['g'][\"productName\"] in ['NVIDIA H200']",
        );
        assert!(all);
        assert_eq!(found.names.as_deref(), Some(&["H100".to_owned(), "H200".to_owned()][..]));
        for not in [
            "device.attributes['g'].architecture == 'Hopper'",
            "device.capacity['g'].memory.compareTo(quantity('40Gi')) < 0",
            "device.attributes['g'].productName.matches('.*A100.*')",
            "device.attributes['g'].index == 0",
            "device.driver == 'g' || true",
            "'a && b' == device.driver",
            "device.attributes['g'].model == 'A100' && device.attributes['g'].model == 'H100'",
        ] {
            assert!(!held(not).0, "{not}");
        }
    }
}
