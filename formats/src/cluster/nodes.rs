//! A node list as own machines: equal nodes are a group of a site.
//!
//! A site is where the nodes are: the region of a cloud by the provider's labels, else the label
//! `topology.kubernetes.io/region`, else `cluster`; the annotation `plimsoll.dev/site` on a node names
//! another. What a node has is its allocatable. A price comes from the annotation `plimsoll.dev/hourly`,
//! else for a cloud's node from the catalogue; one's own machines are taken as paid for, and that is said.

mod device;

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_catalog::offers_of;
use plimsoll_model::{
    Arch, Bytes, Capacity, Cpu, Diagnostic, Usd, Watts,
    estate::{EstateSpec, NodeGroup, Site},
    quantity::decimal::parse_pico,
    read::View,
};

use super::{
    launch::{Taint, taint},
    note,
    object::Object,
};
use crate::{
    Translation,
    labels::{ARCHES, HOST, POOLS, REGIONS, TYPES, ZONES, arch, capacity, cloud_of, region_of},
    listed,
};
use device::{Device, device};

/// The nodes, for what refers to them.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// Where all of them are, `cloud/region`, when that is one region of a cloud.
    pub(super) region: Option<String>,
    /// What the nodes of each Karpenter pool have, by resource.
    pub(super) held: BTreeMap<String, BTreeMap<String, u64>>,
    /// The offers of the groups, each with the labels of its nodes that were asked for.
    pub(super) groups: Vec<(String, BTreeMap<String, String>)>,
}

/// The machines of each group of own ones, by its offer, in order.
pub type Hosts = BTreeMap<String, Vec<Host>>;

/// A machine by the name that pods select it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    pub(crate) name: String,
    /// What its node is called.
    pub(crate) node: String,
    pub(crate) taints: Vec<Taint>,
}

/// Nodes that are the same to a planner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    site: String,
    /// The region of a cloud.
    region: Option<String>,
    pool: Option<String>,
    instance_type: Option<String>,
    device: Option<Device>,
    cpu: Cpu,
    arch: Option<Arch>,
    hourly: Usd,
    free: bool,
    source: Option<(String, String)>,
    watts: Option<Watts>,
    labels: BTreeMap<String, String>,
}

struct Node {
    name: String,
    host: Host,
    kind: Kind,
    memory: Bytes,
}

/// Translates the nodes; `labels` are those that flavors of queues name.
pub(super) fn translate(
    objects: &[Object<'_>],
    labels: &BTreeSet<String>,
    estate: Option<&EstateSpec>,
    out: &mut Translation,
) -> Nodes {
    let mut nodes = Nodes::default();
    let mut kinds: BTreeMap<Kind, Vec<Node>> = BTreeMap::new();
    let mut left_out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut taints: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut regions = BTreeSet::new();
    for object in objects.iter().filter(|object| object.group.is_empty() && object.kind == "Node") {
        let reader = Reader { object, labels, estate };
        reader.hold(&mut nodes);
        regions.extend(reader.region());
        if let Some(why) = reader.unusable() {
            left_out.entry(why).or_default().push(object.name.to_owned());
            continue;
        }
        for taint in reader.taints() {
            taints.entry(taint).or_default().push(object.name.to_owned());
        }
        match reader.node(out) {
            Ok(Some(node)) => kinds.entry(node.kind.clone()).or_default().push(node),
            Ok(None) => {}
            Err(problems) => out.problems.extend(problems),
        }
    }
    if let (Some(region), 1) = (regions.first(), regions.len()) {
        nodes.region = Some(region.clone());
    }
    if !kinds.is_empty() {
        let value = "all that is allocatable: a node list does not say what runs on them";
        note(out, "room on the nodes".to_owned(), value, "the node list");
    }
    for (why, names) in left_out {
        note(out, format!("passed over: nodes {}", listed(&names)), why, "the node list");
    }
    for (taint, names) in taints {
        let value = "every workload is taken to tolerate it";
        note(out, format!("taint {taint} of {}", listed(&names)), value, "the node list");
    }
    sites(kinds, &mut nodes, out);
    nodes
}

/// Groups the kinds by site.
fn sites(kinds: BTreeMap<Kind, Vec<Node>>, nodes: &mut Nodes, out: &mut Translation) {
    let mut sites: Vec<Site> = Vec::new();
    for (kind, members) in kinds.into_iter().flat_map(|(kind, members)| by_memory(&kind, members)) {
        let at = sites.iter().position(|site| site.name == kind.site).unwrap_or_else(|| {
            sites.push(Site {
                name: kind.site.clone(),
                region: kind.region.clone(),
                near: None,
                country: None,
                pue: None,
                electricity: None,
                carbon: None,
                nodes: Vec::new(),
            });
            sites.len() - 1
        });
        let site = &mut sites[at];
        let name = unused(&kind.name(), &site.nodes);
        let offer = format!("{}/{name}/on-prem", site.name);
        out.hosts.insert(offer.clone(), members.iter().map(|node| node.host.clone()).collect());
        let names: Vec<String> = members.iter().map(|node| node.name.clone()).collect();
        note(
            out,
            format!("nodes of {offer}"),
            format!("{}: {}", names.len(), listed(&names)),
            "the node list",
        );
        let price = if kind.free {
            Some(
                "own machines, taken as paid for; `plimsoll.dev/hourly` on the nodes states a price"
                    .to_owned(),
            )
        } else {
            kind.source
                .as_ref()
                .map(|(source, _)| format!("{source}; `plimsoll.dev/hourly` on the nodes states another"))
        };
        if let Some(source) = price {
            note(out, format!("price of {offer}"), format!("${} an hour and node", kind.hourly), source);
        }
        let memory = members.iter().map(|node| node.memory).min().unwrap_or_default();
        nodes.groups.push((offer, kind.labels));
        let (source, as_of) = kind.source.unzip();
        let as_of = as_of.filter(|date| !date.is_empty());
        site.nodes.push(NodeGroup {
            name,
            count: u32::try_from(members.len()).ok(),
            accelerator: kind.device.as_ref().map(|device| device.name.clone()),
            accelerators: kind.device.as_ref().map(|device| device.count),
            accelerator_kind: kind.device.as_ref().and_then(|device| device.kind.map(Into::into)),
            accelerator_memory: kind.device.as_ref().and_then(|device| device.memory),
            instance_type: kind.instance_type,
            cpu: Some(kind.cpu),
            memory: Some(memory),
            arch: kind.arch,
            hourly: kind.hourly,
            watts: kind.watts,
            source,
            as_of,
        });
    }
    out.estate.sites.extend(sites);
}

/// Nodes of a kind by memory: what a node keeps for itself varies a little, and makes no groups.
fn by_memory(kind: &Kind, mut members: Vec<Node>) -> Vec<(Kind, Vec<Node>)> {
    members.sort_by_key(|node| node.memory);
    let mut groups: Vec<(Kind, Vec<Node>)> = Vec::new();
    let mut most = Bytes(0);
    for node in members {
        if let Some((_, group)) = groups.last_mut().filter(|_| node.memory <= most) {
            group.push(node);
        } else {
            most = Bytes(node.memory.0.saturating_add((node.memory.0 / 64).max(1 << 30)));
            groups.push((kind.clone(), vec![node]));
        }
    }
    for (_, group) in &mut groups {
        group.sort_by(|a, b| a.name.cmp(&b.name));
    }
    groups
}

impl Kind {
    /// The pool's name, else what it is.
    fn name(&self) -> String {
        let device = self.device.as_ref().map(|device| {
            let name = device.name.to_ascii_lowercase().replace(' ', "-");
            format!("{name}x{}", device.count)
        });
        let name = self.pool.clone().or_else(|| self.instance_type.clone()).or(device);
        name.unwrap_or_else(|| format!("cpu-{}", self.cpu.milli().div_ceil(1000)))
    }
}

/// A name that no group has yet.
fn unused(name: &str, groups: &[NodeGroup]) -> String {
    let is_used = |name: &str| groups.iter().any(|group| group.name == name);
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !is_used(name)).unwrap_or_default()
}

struct Reader<'r, 'a> {
    object: &'r Object<'a>,
    labels: &'r BTreeSet<String>,
    estate: Option<&'r EstateSpec>,
}

/// Taints of nodes that take no work, by prefix.
const UNUSABLE: [&str; 6] = [
    "node.kubernetes.io/",
    "node-role.kubernetes.io/",
    "node.cloudprovider.kubernetes.io/",
    "ToBeDeletedByClusterAutoscaler",
    "DeletionCandidateOfClusterAutoscaler",
    "karpenter.sh/",
];

impl<'a> Reader<'_, 'a> {
    fn labels(&self) -> Vec<(&'a str, View<'a>)> {
        self.object.at(&["metadata", "labels"]).map_or_else(Vec::new, |labels| labels.entries())
    }

    /// Keys of the taints that keep work off which does not tolerate them.
    fn taints(&self) -> Vec<String> {
        let taints = self.object.items(&["spec", "taints"]);
        let hard = taints.iter().filter(|taint| {
            taint.field("effect").and_then(|effect| effect.text()) != Some("PreferNoSchedule")
        });
        hard.filter_map(|taint| taint.field("key")?.text().map(str::to_owned)).collect()
    }

    /// Why nothing can be placed on it.
    fn unusable(&self) -> Option<String> {
        if self.object.at(&["spec", "unschedulable"]).and_then(|view| view.boolean()) == Some(true) {
            return Some("cordoned (`unschedulable`)".to_owned());
        }
        let conditions = self.object.items(&["status", "conditions"]);
        let text = |condition: &View<'a>, field| condition.field(field).and_then(|view| view.text());
        let ready = conditions.iter().find(|condition| text(condition, "type") == Some("Ready"));
        if ready.is_some_and(|ready| text(ready, "status") != Some("True")) {
            return Some("not ready".to_owned());
        }
        if self.object.label("kubernetes.io/os") == Some("windows") {
            return Some("of Windows".to_owned());
        }
        if self.object.label("type") == Some("virtual-kubelet")
            || self.object.label("eks.amazonaws.com/compute-type") == Some("fargate")
        {
            return Some("virtual: no machine".to_owned());
        }
        let taint =
            self.taints().into_iter().find(|key| UNUSABLE.iter().any(|prefix| key.starts_with(prefix)));
        taint.map(|key| format!("tainted `{key}`"))
    }

    /// The cloud, by provider id, else by the labels that only its nodes have.
    fn cloud(&self) -> Option<&'static str> {
        let id = self.object.text(&["spec", "providerID"]).unwrap_or_default();
        let by_id = [("aws:", "aws"), ("gce:", "gcp"), ("azure:", "azure")];
        by_id
            .into_iter()
            .find_map(|(prefix, cloud)| id.starts_with(prefix).then_some(cloud))
            .or_else(|| self.labels().into_iter().find_map(|(key, _)| cloud_of(key)))
    }

    fn label_of(&self, keys: &[&str]) -> Option<&'a str> {
        keys.iter().find_map(|key| self.object.label(key))
    }

    /// By label, else as the kubelet reports it.
    fn arch(&self) -> Option<Arch> {
        let stated = self.label_of(&ARCHES);
        stated.or_else(|| self.object.text(&["status", "nodeInfo", "architecture"])).and_then(arch)
    }

    /// The region of a cloud.
    fn region(&self) -> Option<String> {
        let cloud = self.cloud()?;
        let (stated, zone) = (self.label_of(&REGIONS), self.label_of(&ZONES));
        Some(format!("{cloud}/{}", stated.or_else(|| zone.map(region_of))?))
    }

    /// Counts the node towards its Karpenter pool.
    fn hold(&self, nodes: &mut Nodes) {
        let Some(pool) = self.object.label("karpenter.sh/nodepool") else { return };
        let held = nodes.held.entry(pool.to_owned()).or_default();
        let capacity = self.object.at(&["status", "capacity"]).map_or_else(Vec::new, |view| view.entries());
        for (resource, view) in capacity {
            let amount = match resource {
                "memory" => view.read::<Bytes>().map(|bytes| bytes.0),
                "cpu" => view.read::<Cpu>().map(Cpu::milli),
                _ => view.read::<Cpu>().map(|count| count.milli() / 1000),
            };
            let sum = held.entry(resource.to_owned()).or_default();
            *sum = sum.saturating_add(amount.unwrap_or(0));
        }
        *held.entry("nodes".to_owned()).or_default() += 1;
    }

    /// The node; nothing for one that is part of a larger machine, which has been said.
    fn node(&self, out: &mut Translation) -> Result<Option<Node>, Vec<Diagnostic>> {
        let object = self.object;
        let resources = object.at(&["status", "allocatable"]).or_else(|| object.at(&["status", "capacity"]));
        let Some(resources) = resources else {
            let problem = object.view.problem(format!("node {} has no `status.allocatable`", object.name));
            return Err(vec![problem.with_help("write the list with `kubectl get nodes -o json`")]);
        };
        let field = |name: &str| {
            resources.field(name).ok_or_else(|| {
                let message = format!("node {} does not say how much {name} it has", object.name);
                let help = "write the list with `kubectl get nodes -o json`";
                vec![resources.problem(message).with_help(help)]
            })
        };
        let cpu: Cpu = field("cpu")?.read()?;
        let memory: Bytes = field("memory")?.read()?;
        let instance_type = self.label_of(&TYPES);
        let Some(device) = device(object, &resources, instance_type, out)? else { return Ok(None) };
        let region = self.region();
        let site = match object.annotation("plimsoll.dev/site").and_then(|view| view.text()) {
            Some(site) => site.to_owned(),
            None => match &region {
                Some(region) => region.replace('/', "-"),
                None => self.label_of(&REGIONS).unwrap_or("cluster").to_owned(),
            },
        };
        let (hourly, free, source) = self.price(region.as_deref(), instance_type)?;
        let watts = object.annotation("plimsoll.dev/watts").map(|view| {
            let watts = view.text().and_then(|text| parse_pico(text).ok()).filter(|watts| *watts > 0);
            watts.map(Watts::from_pico).ok_or_else(|| vec![view.problem("expected watts, such as \"7200\"")])
        });
        let watts = watts.transpose()?;
        let labels = self.labels().into_iter().filter(|(key, _)| self.labels.contains(*key));
        let labels =
            labels.filter_map(|(key, view)| Some((key.to_owned(), view.text()?.to_owned()))).collect();
        let kind = Kind {
            site,
            region,
            pool: self.label_of(&POOLS).map(str::to_owned),
            instance_type: instance_type.map(str::to_owned),
            device,
            cpu,
            arch: self.arch(),
            hourly,
            free,
            source,
            watts,
            labels,
        };
        let host = Host {
            name: object.label(HOST).unwrap_or(object.name).to_owned(),
            node: object.name.to_owned(),
            taints: object.items(&["spec", "taints"]).iter().filter_map(taint).collect(),
        };
        Ok(Some(Node { host, name: object.name.to_owned(), kind, memory }))
    }

    /// Dollars an hour, whether that is because nobody says, and who says.
    #[expect(clippy::type_complexity, reason = "used once, right above")]
    fn price(
        &self,
        region: Option<&str>,
        instance_type: Option<&str>,
    ) -> Result<(Usd, bool, Option<(String, String)>), Vec<Diagnostic>> {
        if let Some(view) = self.object.annotation("plimsoll.dev/hourly") {
            let price = view.text().and_then(|text| parse_pico(text).ok()).filter(|price| *price >= 0);
            let price =
                price.ok_or_else(|| vec![view.problem("expected dollars an hour, such as \"1.85\"")])?;
            return Ok((Usd::from_pico(price), false, None));
        }
        let (Some(region), Some(name)) = (region, instance_type) else { return Ok((Usd::ZERO, true, None)) };
        let class = self
            .labels()
            .into_iter()
            .find_map(|(key, view)| capacity(key, view.text()?).flatten())
            .filter(|class| *class == Capacity::Spot)
            .unwrap_or(Capacity::OnDemand);
        // Where no spot price is known, the price on demand is above it.
        for class in [class, Capacity::OnDemand] {
            let full = format!("{region}/{name}/{class}");
            if let Some((hourly, as_of)) = self.listed(region, &full) {
                return Ok((hourly, false, Some((format!("the offer {full}"), as_of))));
            }
        }
        let message = format!(
            "nothing states the price of node {}: there is no offer {region}/{name}/{class}",
            self.object.name
        );
        let help = "give the node the annotation `plimsoll.dev/hourly`, or state the offer in an Estate";
        Err(vec![self.object.view.problem(message).with_help(help)])
    }

    /// The price of an offer of the estate or of the catalogue, with its date.
    fn listed(&self, region: &str, offer: &str) -> Option<(Usd, String)> {
        let mut stated = self.estate.iter().flat_map(|estate| &estate.offers);
        if let Some(stated) = stated.find(|stated| stated.full_name() == offer) {
            return Some((stated.hourly, stated.as_of.clone().unwrap_or_default()));
        }
        let cloud = region.split('/').next().unwrap_or_default();
        let name = offer.split('/').nth(2)?;
        let mut known = offers_of(cloud).iter().filter(|known| known.instance_type() == name);
        let known = known.find(|known| known.name() == offer)?;
        Some((Usd::from_pico(i128::from(known.hourly_nano_usd) * 1000), known.as_of().to_owned()))
    }
}
