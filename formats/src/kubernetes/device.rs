//! Resource names of devices as accelerators: whole, partitioned, shared, by slice, core and shell.

use plimsoll_catalog::{Kind, accelerator, accelerators, canonical};
use plimsoll_model::{Diagnostic, estate::EstateSpec, read::View};

use super::{
    claimed::Claimed,
    limits::{Limits, Property},
    mig,
    needs::Needs,
    tpu,
};

/// The accelerators of one pod, or of the pods of a TPU slice.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    pub(super) any_of: Vec<String>,
    /// In thousandths.
    pub(super) milli: u64,
    /// Least memory of each, in bytes.
    pub(super) memory: Option<u64>,
    /// Pods that together ask for this once.
    pub(super) pods: u32,
    /// What was assumed, with the reason.
    pub(super) assumed: Vec<(String, String)>,
}

/// What a resource name means.
pub(crate) enum Meaning {
    /// Whole cards or chips of a vendor.
    Whole(&'static str, Kind),
    /// A share of a card, of unknown size.
    Shared(&'static str, Kind),
    /// These accelerators, whole.
    Named(Vec<String>),
    Mig,
    NeuronCore,
    Tpu,
    /// Says more about another resource, or is no accelerator.
    Beside,
    /// None that this program knows; an accelerator of own nodes may have this very name.
    Unknown,
}

pub(crate) fn meaning(name: &str) -> Meaning {
    let named = |names: &[&str]| Meaning::Named(names.iter().map(|name| (*name).to_owned()).collect());
    match name {
        "nvidia.com/gpu" | "nvidia.com/pgpu" => Meaning::Whole("NVIDIA", Kind::Gpu),
        "nvidia.com/gpu.shared" | "nvidia.com/vgpu" | "k8s.amazonaws.com/vgpu" => {
            Meaning::Shared("NVIDIA", Kind::Gpu)
        }
        "amd.com/gpu" => Meaning::Whole("AMD", Kind::Gpu),
        "aws.amazon.com/neuron" | "aws.amazon.com/neurondevice" => Meaning::Whole("AWS", Kind::Npu),
        "aws.amazon.com/neuroncore" => Meaning::NeuronCore,
        "google.com/tpu" | "cloud-tpus.google.com/v2" | "cloud-tpus.google.com/v3" => Meaning::Tpu,
        "habana.ai/gaudi" => named(&["Gaudi HL-205", "Gaudi2", "Gaudi3"]),
        "qualcomm.com/qaic" | "qualcomm.com/qaic-std" => Meaning::Whole("Qualcomm", Kind::Npu),
        _ if mig::profile(name).is_some() => Meaning::Mig,
        _ if is_beside(name) => Meaning::Beside,
        _ => fpga(name).map_or(Meaning::Unknown, |card| Meaning::Named(vec![card])),
    }
}

/// Resources that choose no accelerator.
fn is_beside(name: &str) -> bool {
    let domain = name.split('/').next().unwrap_or(name);
    !name.contains('/')
        || matches!(name, "nvidia.com/gpumem" | "nvidia.com/gpumem-percentage" | "nvidia.com/gpucores")
        || name == "github.com/fuse"
        || domain.starts_with("rdma")
        || BESIDE.contains(&domain)
        || is_of_network(&name[domain.len()..])
}

/// Domains of the network, of virtual machines' devices and of character devices.
const BESIDE: [&str; 8] = [
    "vpc.amazonaws.com",
    "devices.kubevirt.io",
    "networking.gke.io",
    "networking.gke.io.networks",
    "mellanox.com",
    "k8s.v1.cni.cncf.io",
    "openshift.io",
    "smarter-devices",
];

/// Whether a plain resource name is of a network card or a function of one: `intel_sriov_netdevice`, `hostdev`.
fn is_of_network(plain: &str) -> bool {
    let lower = plain.to_ascii_lowercase();
    let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    ["rdma", "sriov", "sr-iov", "hostdev", "netdev"].iter().any(|part| lower.contains(part))
        || words.any(|word| {
            let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
            ["vf", "vfs", "nic", "nics", "hca", "roce", "infiniband", "efa", "eni", "mlnxnics"]
                .contains(&word)
        })
}

/// The card that a resource of an FPGA plugin is of: `amd.com/xilinx_u250_gen3x16_xdma_shell_4_1-0`.
fn fpga(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if !lower.contains("xilinx") && !lower.contains("fpga") {
        return None;
    }
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 1);
    words.into_iter().find_map(|word| {
        let is_card = word.strip_prefix(['u', 'v']).is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_digit()) && rest.len() >= 2 && rest.len() <= 4
        });
        match accelerator(word).filter(|known| known.kind == Kind::Fpga) {
            Some(known) => Some(known.name.to_owned()),
            None => {
                (is_card && word.starts_with('u')).then(|| format!("Alveo {}", word.to_ascii_uppercase()))
            }
        }
    })
}

/// What is known beside the manifest.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) estate: Option<&'a EstateSpec>,
    /// Whether there are own nodes, on which alone a part of a device can be had.
    pub(super) own_nodes: bool,
}

impl Asked {
    /// The accelerators of a pod, with the place that asks for them.
    pub(super) fn of_pod<'a>(
        needs: &Needs<'a>,
        claims: &[Claimed<'a>],
        limits: &Limits<'a>,
        around: Around<'_>,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<(Self, View<'a>)> {
        let mut found: Option<(Self, View<'a>)> = None;
        for (name, count, at) in needs.devices() {
            let reader = Reader { name, count, needs, limits, around };
            let Some(asked) = reader.read(at, problems) else { continue };
            // Partitions of several sizes lie on the same card as far as they fit.
            let adds = asked.milli < 1000;
            asked.join(&mut found, (name, at), adds, problems);
        }
        for claim in claims {
            let Claimed { resource, count, at, .. } = claim;
            let reader = Reader { name: resource, count: *count, needs, limits, around };
            let Some(mut asked) = reader.read(at, problems) else { continue };
            reader.narrow(&mut asked, claim, problems);
            asked.join(&mut found, (&claim.said, at), true, problems);
        }
        found
    }

    /// Adds this to what a pod asks for already, where it `adds` to the same accelerators.
    fn join<'a>(
        self,
        found: &mut Option<(Self, View<'a>)>,
        (name, at): (&str, &View<'a>),
        adds: bool,
        problems: &mut Vec<Diagnostic>,
    ) {
        match found {
            None => *found = Some((self, at.clone())),
            Some((known, _)) if known.any_of == self.any_of && adds => {
                known.milli = known.milli.saturating_add(self.milli);
                known.memory = known.memory.max(self.memory);
            }
            Some((_, first)) => problems.push(
                at.problem(format!("`{name}`: a pod with two kinds of accelerator cannot be placed"))
                    .with_help(format!("the other is at `{}`", first.path())),
            ),
        }
    }
}

/// One resource of a pod.
struct Reader<'a, 'r> {
    name: &'r str,
    count: u64,
    needs: &'r Needs<'a>,
    limits: &'r Limits<'a>,
    around: Around<'r>,
}

impl<'a> Reader<'a, '_> {
    fn read(&self, at: &View<'a>, problems: &mut Vec<Diagnostic>) -> Option<Asked> {
        let (count, name) = (self.count, self.name);
        let mut asked = Asked {
            any_of: Vec::new(),
            milli: count.saturating_mul(1000),
            memory: None,
            pods: 1,
            assumed: Vec::new(),
        };
        match meaning(name) {
            Meaning::Beside => return None,
            Meaning::Whole(vendor, kind) => {
                self.vendor(&mut asked, vendor, kind, at, problems);
                self.hami(&mut asked);
            }
            Meaning::Shared(vendor, kind) => {
                self.vendor(&mut asked, vendor, kind, at, problems);
                asked.milli = 1000;
                asked.assumed.push((
                    "a shared card counts as a whole one".into(),
                    format!(
                        "`{name}` says not which part of a card it is; \
                             plimsoll.dev/request: '{{accelerators: {{count: 0.25}}}}' would, on own nodes"
                    ),
                ));
            }
            Meaning::Named(names) => self.named(&mut asked, &names, at, problems),
            Meaning::Mig => self.mig(&mut asked, at, problems),
            Meaning::NeuronCore => self.neuron_cores(&mut asked, at, problems),
            Meaning::Tpu => {
                let slice = match tpu::slices(count, self.limits) {
                    Ok(slice) => slice,
                    Err(none) => {
                        problems.push(at.problem(none.message()).with_help(none.help()));
                        return None;
                    }
                };
                (asked.any_of, asked.pods, asked.milli) = (slice.any_of, slice.hosts, 1000);
            }
            Meaning::Unknown => {
                asked.any_of = vec![name.to_owned()];
                let why = "no price list has it; own nodes may, as `accelerator` of that name";
                asked.assumed.push((format!("an accelerator called {name}"), why.into()));
            }
        }
        if asked.memory.is_none() {
            asked.memory = self.limits.device_memory.as_ref().map(|(bytes, _)| *bytes);
        }
        Some(asked)
    }

    /// What a claim says beyond its class.
    fn narrow(&self, asked: &mut Asked, claim: &Claimed<'a>, problems: &mut Vec<Diagnostic>) {
        let resource = format!("`{}`", self.name);
        for (_, why) in &mut asked.assumed {
            *why = why.replace(&resource, &format!("`{}`", claim.said));
        }
        asked.memory = asked.memory.max(claim.memory);
        if claim.names.is_empty() {
            return;
        }
        let is_known = |name: &&String| accelerator(name).is_some();
        let (named, unknown): (Vec<&String>, Vec<&String>) = claim.names.iter().partition(is_known);
        let kept = named.into_iter().filter(|name| asked.any_of.contains(name));
        let kept: Vec<String> = kept.chain(unknown).cloned().collect();
        if kept.is_empty() {
            let what = claim.names.join(" or ");
            let problem = claim.at.problem(format!(
                "`{}` asks for {what}, which its class or the pod's selectors leave out",
                claim.said
            ));
            problems.push(problem.with_help("remove one of the two"));
            return;
        }
        asked.any_of = kept;
        // It does say which.
        asked.assumed.retain(|(_, why)| !why.ends_with("says not which"));
    }

    /// Those of a vendor, as far as selectors leave a choice.
    fn vendor(
        &self,
        asked: &mut Asked,
        vendor: &str,
        kind: Kind,
        at: &View<'a>,
        problems: &mut Vec<Diagnostic>,
    ) {
        let chosen = self.limits.values(Property::Accelerator);
        if chosen.is_empty() {
            asked.any_of = of_vendor(vendor, kind, self.around.estate);
            let all = asked.any_of.len();
            asked.any_of.retain(|name| self.allows(name));
            let typed = !self.limits.values(Property::InstanceType).is_empty();
            if !typed {
                let but =
                    if asked.any_of.len() < all { ", but those that its selectors exclude" } else { "" };
                asked.assumed.push((
                    format!("any {} of {vendor}{but}", kind.name()),
                    format!("`{}` says not which", self.name),
                ));
            }
        } else {
            let other =
                |name: &&String| accelerator(name).is_some_and(|a| a.vendor != vendor || a.kind != kind);
            asked.any_of = chosen.iter().filter(|name| !other(name) && self.allows(name)).cloned().collect();
        }
        if asked.any_of.is_empty() {
            self.contradiction(vendor, at, problems);
        }
    }

    /// Whether selectors allow an accelerator.
    fn allows(&self, name: &str) -> bool {
        let chosen = self.limits.values(Property::Accelerator);
        (chosen.is_empty() || chosen.iter().any(|chosen| chosen == name))
            && !self.limits.excludes(Property::Accelerator, &canonical(name))
    }

    /// The selector that says which accelerators will do, if one does.
    fn label(&self) -> &str {
        let of = |property| self.limits.choices.get(&property).map(|choice| &*choice.label);
        let chosen = of(Property::Accelerator);
        let excluded = || self.limits.without_of(Property::Accelerator).next().map(|out| &*out.label);
        chosen.or_else(excluded).or_else(|| of(Property::InstanceType)).unwrap_or_default()
    }

    fn contradiction(&self, vendor: &str, at: &View<'a>, problems: &mut Vec<Diagnostic>) {
        let label = self.label();
        let problem =
            at.problem(format!("`{}` contradicts `{label}`: that leaves none made by {vendor}", self.name));
        problems.push(problem.with_help("a pod gets devices of one vendor; remove one of the two"));
    }

    fn named(&self, asked: &mut Asked, names: &[String], at: &View<'a>, problems: &mut Vec<Diagnostic>) {
        asked.any_of = names.iter().filter(|name| self.allows(name)).cloned().collect();
        if asked.any_of.is_empty() {
            let label = self.label();
            let problem =
                at.problem(format!("`{}` contradicts `{label}`: it is {}", self.name, names.join(" or ")));
            problems.push(problem.with_help("remove one of the two"));
        }
    }

    fn mig(&self, asked: &mut Asked, at: &View<'a>, problems: &mut Vec<Diagnostic>) {
        let Some(profile) = mig::profile(self.name) else { return };
        let cards: Vec<mig::Card> =
            mig::cards(profile).into_iter().filter(|card| self.allows(card.name)).collect();
        if cards.is_empty() {
            let none = match self.label() {
                "" => format!("`{}`: no card has this partition", self.name),
                label => format!("`{}` contradicts `{label}`: no such card has this partition", self.name),
            };
            problems.push(at.problem(none));
            return;
        }
        asked.any_of = cards.iter().map(|card| card.name.to_owned()).collect();
        let milli = cards.iter().map(|card| card.milli).max().unwrap_or(1000);
        let part = milli.saturating_mul(self.count);
        let names = asked.any_of.join(" or ");
        self.part(asked, part, &names);
    }

    /// The resources of `HAMi`: a part of a card by cores or memory.
    fn hami(&self, asked: &mut Asked) {
        let percent = ["nvidia.com/gpucores", "nvidia.com/gpumem-percentage"];
        let part = percent.iter().filter_map(|name| self.needs.get(name)).max();
        // In MiB.
        asked.memory = self.needs.get("nvidia.com/gpumem").map(|mib| mib.saturating_mul(1 << 20));
        if let Some(percent) = part.filter(|percent| *percent < 100)
            && self.count == 1
        {
            self.part(asked, percent * 10, "a card");
        }
    }

    /// A part of a device on own nodes; clouds rent whole ones.
    fn part(&self, asked: &mut Asked, milli: u64, of: &str) {
        if milli >= 1000 {
            asked.milli = milli.div_ceil(1000) * 1000;
        } else if self.around.own_nodes {
            asked.milli = milli;
            asked.assumed.push((
                format!("{} of {of}, on own nodes only", milli as f64 / 1000.0),
                "a part of a card can be had on own nodes only; \
                 plimsoll.dev/request: '{accelerators: {count: 1}}' takes a whole one"
                    .into(),
            ));
        } else {
            asked.milli = 1000;
            asked.assumed.push((
                format!("a whole card for a part of {of}"),
                "clouds rent whole cards, and there are no own nodes".into(),
            ));
        }
    }

    /// Cores of Inferentia and Trainium as whole devices.
    fn neuron_cores(&self, asked: &mut Asked, at: &View<'a>, problems: &mut Vec<Diagnostic>) {
        let types = self.limits.values(Property::InstanceType);
        let all = [
            ("Inferentia", "inf1", 4),
            ("Inferentia2", "inf2", 2),
            ("Trainium", "trn1", 2),
            ("Trainium2", "trn2", 8),
        ];
        let fits = |(name, family, _): &&(&str, &str, u64)| {
            (types.is_empty() || types.iter().any(|t| t.starts_with(family))) && self.allows(name)
        };
        let mut fitting: Vec<_> = all.iter().filter(fits).collect();
        if fitting.len() > 1 {
            // Without a choice the two whose devices have two cores: one count fits both.
            fitting.retain(|(.., cores)| *cores == 2);
            let why = "`aws.amazon.com/neuroncore` says not of which chip; an instance type does";
            asked.assumed.push(("Inferentia2 or Trainium, two cores a device".into(), why.into()));
        }
        if fitting.is_empty() {
            self.contradiction("AWS", at, problems);
        }
        let cores = fitting.first().map_or(2, |(.., cores)| *cores);
        asked.any_of = fitting.iter().map(|(name, ..)| (*name).to_owned()).collect();
        asked.milli = self.count.div_ceil(cores).saturating_mul(1000);
    }
}

/// The accelerators of a vendor: the table's, and those of the estate that the table lacks.
fn of_vendor(vendor: &str, kind: Kind, estate: Option<&EstateSpec>) -> Vec<String> {
    let known = accelerators().iter().filter(|known| known.vendor == vendor && known.kind == kind);
    let mut names: Vec<String> = known.map(|known| known.name.to_owned()).collect();
    let own = estate.iter().flat_map(|estate| {
        let offers = estate.offers.iter().filter_map(|offer| offer.accelerator.as_ref());
        let nodes = estate.sites.iter().flat_map(|site| &site.nodes);
        offers.chain(nodes.filter_map(|node| node.accelerator.as_ref()))
    });
    for name in own {
        if accelerator(name).is_none() && !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}
