//! What a pod asks a node for, as the scheduler counts it.
//!
//! A container that states a limit and no request requests the limit. Init containers run one after the
//! other before the rest, so that the pod needs the most of any of them and of the rest together;
//! sidecars (init containers that restart always) run beside all that follow. Resources of the pod as a
//! whole stand in place of the containers', and the overhead of its runtime class comes on top.

use std::collections::BTreeMap;

use plimsoll_model::{Bytes, Cpu, Diagnostic, read::View};

/// Resources by name: cores in thousandths, memory in bytes, all else as counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Needs<'a>(BTreeMap<&'a str, (u64, View<'a>)>);

impl<'a> Needs<'a> {
    /// What the containers of a pod need. `extra` are containers that stand outside of its lists.
    pub(crate) fn of_pod(
        spec: &View<'a>,
        extra: &[View<'a>],
        overhead: Option<&View<'a>>,
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut needs = |container: &View<'a>| Self::of_container(container, problems);
        let list = |field| spec.field(field).map_or_else(Vec::new, |list| list.items());
        let mut regular = Self::default();
        for container in list("containers").iter().chain(extra) {
            regular.add(&needs(container));
        }
        let (mut sidecars, mut peak) = (Self::default(), Self::default());
        for container in list("initContainers") {
            let its = needs(&container);
            if container.field("restartPolicy").and_then(|policy| policy.text()) == Some("Always") {
                sidecars.add(&its);
            } else {
                let mut with = sidecars.clone();
                with.add(&its);
                peak.at_least(&with);
            }
        }
        let mut total = regular;
        total.add(&sidecars);
        total.at_least(&peak);
        if let Some(resources) = spec.field("resources") {
            total.0.extend(Self::of_resources(&resources, problems).0);
        }
        if let Some(overhead) = spec.field("overhead").as_ref().or(overhead) {
            total.add(&Self::of_list(overhead, problems));
        }
        total
    }

    fn of_container(container: &View<'a>, problems: &mut Vec<Diagnostic>) -> Self {
        // Some kinds state the resources themselves where others have a container.
        let bare = container.field("requests").or_else(|| container.field("limits"));
        let resources = container.field("resources").or_else(|| bare.map(|_| container.clone()));
        resources.map_or_else(Self::default, |resources| Self::of_resources(&resources, problems))
    }

    /// `requests`, and for what they lack `limits`.
    pub(crate) fn of_resources(resources: &View<'a>, problems: &mut Vec<Diagnostic>) -> Self {
        let mut list =
            |field| resources.field(field).map_or_else(Self::default, |list| Self::stated(&list, problems));
        let (mut needs, requests) = (list("limits"), list("requests"));
        for (name, (asked, at)) in &requests.0 {
            let Some((limit, limited)) = needs.0.get(name) else { continue };
            // Devices cannot be overcommitted, so their request is their limit.
            let are_devices = name.contains('/') && limit != asked;
            let help = match (are_devices, limit < asked) {
                (true, _) => "a request of devices that is not their limit",
                (false, true) => "a request above its limit",
                (false, false) => continue,
            };
            let line = limited.span().line;
            let advice =
                if are_devices { "state the limit alone" } else { "raise the limit or ask for less" };
            let shown = |view: &View<'_>| view.text().map(plimsoll_model::shown).unwrap_or_default();
            let (asked, limit) = (shown(at), shown(limited));
            let problem = at.problem(format!("`{}`: requests {asked}, and its limit is {limit}", at.path()));
            problems.push(problem.with_help(format!("Kubernetes refuses {help} (line {line}); {advice}")));
        }
        needs.0.extend(requests.0);
        needs.without_zeros()
    }

    fn of_list(list: &View<'a>, problems: &mut Vec<Diagnostic>) -> Self {
        Self::stated(list, problems).without_zeros()
    }

    fn without_zeros(mut self) -> Self {
        self.0.retain(|_, (value, _)| *value > 0);
        self
    }

    /// What a list states, nothing of a resource too.
    fn stated(list: &View<'a>, problems: &mut Vec<Diagnostic>) -> Self {
        let mut needs = Self::default();
        for (name, amount) in list.entries() {
            let Some(text) = amount.text() else { continue };
            match quantity(name, text.trim()) {
                Ok(value) => _ = needs.0.insert(name, (value, amount)),
                Err(problem) => problems.push(amount.problem(format!("`{name}`: {problem}"))),
            }
        }
        needs
    }

    /// How much of a resource.
    pub(crate) fn get(&self, name: &str) -> Option<u64> {
        self.0.get(name).map(|(value, _)| *value)
    }

    /// The resources beside cores and memory.
    pub(crate) fn devices(&self) -> impl Iterator<Item = (&'a str, u64, &View<'a>)> {
        let own = |name: &str| matches!(name, "cpu" | "memory");
        self.0.iter().filter(move |(name, _)| !own(name)).map(|(name, (value, at))| (*name, *value, at))
    }

    /// Where a resource is stated.
    pub(crate) fn place(&self, name: &str) -> Option<&View<'a>> {
        self.0.get(name).map(|(_, at)| at)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.join(other, u64::saturating_add);
    }

    /// The most of the two, resource by resource.
    pub(crate) fn at_least(&mut self, other: &Self) {
        self.join(other, u64::max);
    }

    /// The same, so many times over.
    pub(crate) fn times(mut self, factor: u32) -> Self {
        self.0.values_mut().for_each(|(value, _)| *value = value.saturating_mul(factor.into()));
        self
    }

    fn join(&mut self, other: &Self, with: fn(u64, u64) -> u64) {
        for (name, (value, at)) in &other.0 {
            let entry = self.0.entry(name).or_insert_with(|| (0, at.clone()));
            entry.0 = with(entry.0, *value);
        }
    }
}

/// A quantity of a resource, in the unit in which it is counted here.
pub(crate) fn quantity(name: &str, text: &str) -> Result<u64, String> {
    match name {
        "cpu" => text.parse::<Cpu>().map(Cpu::milli),
        "memory" => text.parse::<Bytes>().map(|bytes| bytes.0),
        _ if name.contains('/') => {
            let milli = text.parse::<Cpu>()?.milli();
            if milli.is_multiple_of(1000) {
                Ok(milli / 1000)
            } else {
                Err(format!("`{text}` is no whole number, as devices are counted"))
            }
        }
        _ => text.parse::<Bytes>().map(|bytes| bytes.0),
    }
}
