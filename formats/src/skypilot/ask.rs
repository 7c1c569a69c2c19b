//! `resources`: everything that a task accepts, one entry for each combination.

use plimsoll_model::{
    AcceleratorCount, AcceleratorKind, Bytes, Capacity, Cpu, Usd, diagnostic::shown, read::View,
};

use super::{
    Findings, accelerators, fields,
    place::{self, Place},
    quantity, ways,
};

/// Fields of `resources`; all but the last two also of an alternative.
const FIELDS: [&str; 34] = [
    "accelerators",
    "gpus",
    "cpus",
    "memory",
    "instance_type",
    "use_spot",
    "infra",
    "cloud",
    "region",
    "zone",
    "job_recovery",
    "spot_recovery",
    "disk_size",
    "disk_tier",
    "local_disk",
    "ephemeral_storage",
    "network_tier",
    "max_hourly_cost",
    "ports",
    "labels",
    "image_id",
    "autostop",
    "priority",
    "priority_class",
    "accelerator_args",
    "volumes",
    "_no_missing_accel_warnings",
    "_docker_login_config",
    "_docker_username_for_runpod",
    "_is_image_managed",
    "_requires_fuse",
    "_cluster_config_overrides",
    "any_of",
    "ordered",
];

/// More alternatives than a person states.
const MOST: usize = 256;

/// Fields that could matter to where a task runs, and of which no offer says anything.
const UNWEIGHED: [&str; 6] =
    ["disk_size", "disk_tier", "local_disk", "ephemeral_storage", "network_tier", "volumes"];

/// One thing that a task accepts for each node. Lists mean any of them; an empty one means any at all.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Ask {
    /// Accelerators by name.
    pub(super) names: Vec<String>,
    /// How many; none without accelerators.
    pub(super) count: Option<AcceleratorCount>,
    /// Any of the kind, where none is named.
    pub(super) kind: Option<AcceleratorKind>,
    /// Least memory of each.
    pub(super) card: Option<Bytes>,
    pub(super) cpu: Option<Cpu>,
    pub(super) memory: Option<Bytes>,
    pub(super) types: Vec<String>,
    pub(super) capacity: Vec<Capacity>,
    pub(super) places: Vec<String>,
    pub(super) zones: Vec<String>,
    /// For each node.
    pub(super) max_hourly: Option<Usd>,
    /// Whether the memory of each card was asked for exactly.
    pub(super) exact_card: bool,
}

/// What a task accepts.
#[derive(Debug, Default)]
pub(super) struct Asks {
    pub(super) any: Vec<Ask>,
    /// Whether the first are preferred.
    pub(super) ordered: bool,
    pub(super) priority: i64,
    /// What was asked for exactly and is taken as the least.
    pub(super) exact: Vec<String>,
    /// The contexts of own nodes that the estate may know as sites.
    pub(super) contexts: Vec<String>,
    /// Zones that are taken as their regions.
    pub(super) zones: Vec<String>,
    /// Fields that are not weighed.
    pub(super) unweighed: Vec<&'static str>,
    /// Sizes that SkyPilot fills in.
    pub(super) filled: Vec<String>,
}

/// Reads `resources`.
pub(super) fn read(resources: Option<&View<'_>>, places: &place::Known<'_>, findings: &mut Findings) -> Asks {
    let mut asks = Asks::default();
    let Some(view) = resources else {
        asks.add(&Stated { base: None, over: None }, places, findings);
        return asks;
    };
    if !fields::is_mapping(view, findings) {
        return asks;
    }
    fields::refuse_unknown(view, &FIELDS, findings);
    let (any_of, ordered) = (view.field("any_of"), view.field("ordered"));
    if let (Some(_), Some(ordered)) = (&any_of, &ordered) {
        findings.wrong(ordered, "contradicts `any_of`: it is one or the other");
    }
    asks.ordered = ordered.is_some();
    let others = any_of.or(ordered);
    let Some(others) = others else {
        asks.add(&Stated { base: Some(view), over: None }, places, findings);
        return asks;
    };
    if !others.is_list() {
        findings.wrong(&others, "expected a list");
        return asks;
    }
    for other in others.items().into_iter().take(MOST) {
        if fields::is_mapping(&other, findings) {
            fields::refuse_unknown(&other, &FIELDS[..FIELDS.len() - 2], findings);
            asks.add(&Stated { base: Some(view), over: Some(&other) }, places, findings);
        }
    }
    if others.items().is_empty() {
        asks.add(&Stated { base: Some(view), over: None }, places, findings);
    }
    if others.items().len() > MOST || asks.any.len() > MOST {
        findings.wrong(&others, format!("more than {MOST} alternatives"));
    }
    asks
}

/// An alternative by itself.
pub(super) struct Alone<'a> {
    /// What it accepts.
    pub(super) asks: Vec<Ask>,
    /// Its own fields.
    pub(super) own: Option<View<'a>>,
    /// The zone that it states, where that is taken as its region.
    pub(super) zone: Option<String>,
}

/// Each alternative. What is wrong with them [`read`] says.
pub(super) fn each<'a>(resources: Option<&View<'a>>, places: &place::Known<'_>) -> Vec<Alone<'a>> {
    let alone = |own: Option<View<'a>>| {
        let mut asks = Asks::default();
        asks.add(&Stated { base: resources, over: own.as_ref() }, places, &mut Findings::default());
        Alone { asks: asks.any, own, zone: asks.zones.pop() }
    };
    let others = resources.and_then(|view| view.field("any_of").or_else(|| view.field("ordered")));
    match others.map(|others| others.items()).filter(|others| !others.is_empty()) {
        Some(others) => others.into_iter().map(|other| alone(Some(other))).collect(),
        None => vec![alone(None)],
    }
}

/// The fields of an alternative, over those of `resources`.
pub(super) struct Stated<'v, 'a> {
    base: Option<&'v View<'a>>,
    over: Option<&'v View<'a>>,
}

impl<'a> Stated<'_, 'a> {
    pub(super) fn field(&self, name: &str) -> Option<View<'a>> {
        // Null in an alternative takes the field back.
        let over = self.over.filter(|over| over.entries().iter().any(|(key, _)| *key == name));
        over.or(self.base)?.field(name)
    }

    fn text(&self, name: &str, findings: &mut Findings) -> Option<(View<'a>, &'a str)> {
        let view = self.field(name)?;
        let text = fields::text(&view, findings)?;
        Some((view, text))
    }

    /// A quantity of a field.
    fn size<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Option<T>,
        example: &str,
        findings: &mut Findings,
    ) -> Option<T> {
        let (view, text) = self.text(name, findings)?;
        let read = read(text);
        if read.is_none() && !text.contains("{{") {
            findings.wrong(&view, format!("`{}` is no size such as {example}", shown(text)));
        }
        read
    }
}

impl Asks {
    fn add(&mut self, stated: &Stated<'_, '_>, places: &place::Known<'_>, findings: &mut Findings) {
        let mut ask = Ask::default();
        if let Some(cpu) = stated.size("cpus", quantity::cpus, "`8` or `8+`", findings) {
            ask.cpu = Some(cpu.amount);
            self.note_exact("cpus", cpu.or_more);
        }
        if let Some(memory) = stated.size("memory", quantity::memory, "`32`, `32+` or `64GB`", findings) {
            ask.memory = Some(memory.amount);
            self.note_exact("memory", memory.or_more);
        }
        ask.types.extend(stated.text("instance_type", findings).map(|(_, text)| text.to_owned()));
        ask.max_hourly = stated.size("max_hourly_cost", quantity::dollars, "`2.5`", findings);
        let spot = stated.field("use_spot").and_then(|view| fields::boolean(&view, findings)) == Some(true);
        let place = place::read(stated, places, findings);
        ask.capacity = match &place {
            Place { own: true, .. } => vec![Capacity::OnPrem],
            _ if spot => vec![Capacity::Spot],
            _ => vec![Capacity::OnDemand, Capacity::Reserved, Capacity::OnPrem],
        };
        for (list, more) in [(&mut self.contexts, place.context), (&mut self.zones, place.widened)] {
            list.extend(more.filter(|more| !list.contains(more)));
        }
        (ask.places, ask.zones) = (place.places, place.zones);
        self.remember(stated, findings);
        let cards = stated.field("accelerators").or_else(|| stated.field("gpus"));
        let Some(cards) = cards else {
            self.fill(&mut ask);
            self.any.push(ask);
            return;
        };
        let (wanted, preferred) = accelerators::read(&cards, findings);
        if preferred && (stated.over.is_some()) {
            let help = "write `{A100:8, H100:8}`, which prefers none";
            findings.wrong_help(
                &cards,
                "a list prefers the first; `any_of` and `ordered` prefer otherwise",
                help,
            );
        }
        self.ordered |= preferred;
        if wanted.len() > MOST {
            findings.wrong(&cards, format!("more than {MOST} alternatives"));
            return;
        }
        let mut any = Vec::new();
        for one in wanted {
            let mut ask = ask.clone();
            one.ask(&mut ask);
            if ask.exact_card {
                self.note_exact("memory of accelerators", false);
                ask.exact_card = false;
            }
            any.push(ask);
        }
        // Within one alternative a set prefers none, as far as it is one way to run.
        self.any.extend(if preferred { any } else { ways::merged(any) });
    }

    fn note_exact(&mut self, what: &str, or_more: bool) {
        if !or_more && !self.exact.iter().any(|known| known == what) {
            self.exact.push(what.to_owned());
        }
    }

    /// What SkyPilot takes for a machine without accelerators of which little is said.
    fn fill(&mut self, ask: &mut Ask) {
        const CPU: Cpu = Cpu(8000);
        if !ask.types.is_empty() || ask.memory.is_some() {
            return;
        }
        let stated = ask.cpu.is_some();
        let cpu = *ask.cpu.get_or_insert(CPU);
        // 4 GiB a core.
        let memory = Bytes(u64::try_from((u128::from(cpu.0) << 32) / 1000).unwrap_or(u64::MAX));
        ask.memory = Some(memory);
        let filled =
            if stated { format!("{memory} of memory") } else { format!("{cpu} cpus, {memory} of memory") };
        if !self.filled.contains(&filled) {
            self.filled.push(filled);
        }
    }

    /// Fields that hold for the task as a whole, and those that are passed over.
    fn remember(&mut self, stated: &Stated<'_, '_>, findings: &mut Findings) {
        for name in UNWEIGHED {
            if stated.field(name).is_some() && !self.unweighed.contains(&name) {
                self.unweighed.push(name);
            }
        }
        if let Some(view) = stated.field("priority") {
            match view.integer().filter(|priority| (-1000..=1000).contains(priority)) {
                Some(priority) => self.priority = priority,
                None => findings.wrong(&view, "expected a whole number from -1000 to 1000"),
            }
        }
    }
}
