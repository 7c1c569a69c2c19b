//! The machines of `[cluster]`, or of the trace, and what they cost and draw.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::scenario::{Partitions, PlacementRule, TraceFormat};
use plimsoll_packing::fleet::{Model, Node};
use plimsoll_traces::openb;

use crate::{
    experiment::{Context, Problems, of_trace},
    timed::{
        cluster::{Cluster, UNLIMITED},
        ledger::{Draw, NodeShare, Rates},
        market::Offer,
    },
};

/// Machines, with the names that their numbers stand for.
pub(in crate::timed) struct Machines {
    /// All of them.
    pub(in crate::timed) cluster: Cluster,
    /// Kinds of accelerators, by `Model`.
    pub(in crate::timed) models: Vec<String>,
    /// Partitions, by `Node::pool`; empty where a job's partition means nothing.
    pub(in crate::timed) partitions: Vec<String>,
    /// What a node costs an hour, in billionths of a dollar.
    nano_hourly: Vec<i128>,
}

impl Machines {
    /// The kind of accelerator by name, case ignored.
    pub(in crate::timed) fn model(&self, name: &str) -> Option<Model> {
        let at = self.models.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        Some(Model(at as u16))
    }

    /// The number of a kind of accelerator, given to it where it had none.
    pub(in crate::timed) fn kind(&mut self, name: &str) -> Model {
        self.model(name).unwrap_or_else(|| {
            self.models.push(name.to_owned());
            Model(self.models.len() as u16 - 1)
        })
    }
}

/// The largest number of machines that are simulated one by one.
const MOST_NODES: u64 = 1_000_000;

pub(super) fn read(context: &mut Context<'_>) -> Result<Machines, Problems> {
    let scenario = &context.point.scenario.value;
    let Some(spec) = &scenario.cluster else {
        if scenario.trace.format == Some(TraceFormat::Openb) {
            return of_openb(context);
        }
        let none = Cluster::nodes(Vec::new());
        return Ok(Machines {
            cluster: none,
            models: Vec::new(),
            partitions: Vec::new(),
            nano_hourly: Vec::new(),
        });
    };
    let pooled = spec.placement == Some(PlacementRule::Count);
    let mut models: Vec<String> = Vec::new();
    let mut partitions: Vec<String> = Vec::new();
    let mut nodes = Vec::new();
    let mut nano_hourly = Vec::new();
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, kind) in spec.nodes.iter().enumerate() {
        let field = format!("cluster.nodes[{at}]");
        if kind.name.is_empty() {
            return context.refuse(&field, "machines need a `name`", "");
        }
        if names.insert(&kind.name, at).is_some() {
            return context.refuse(
                &field,
                format!("a second kind is called `{}`", kind.name),
                "names must differ",
            );
        }
        let count = kind.count.unwrap_or(1);
        let each = kind.accelerators.unwrap_or(u64::from(kind.accelerator.is_some()));
        if count == 0 {
            return context.refuse(&format!("{field}.count"), "must be at least 1", "leave the kind out");
        }
        if each > 0 && kind.accelerator.is_none() {
            return context.refuse(&field, "accelerators need a kind", "accelerator = \"V100\"");
        }
        if each == 0 && kind.cpu.is_some_and(|cpu| cpu.milli() == 0) {
            return context.refuse(&field, "can hold nothing", "give it cpu or accelerators");
        }
        let total = if pooled { each.saturating_mul(count) } else { each };
        if total > u64::from(u16::MAX) || count > MOST_NODES {
            return context.refuse(
                &field,
                "more than are simulated",
                "65,535 accelerators a node or pool, 1,000,000 nodes",
            );
        }
        let index_of = |list: &mut Vec<String>, name: &str| {
            list.iter().position(|known| known.eq_ignore_ascii_case(name)).unwrap_or_else(|| {
                list.push(name.to_owned());
                list.len() - 1
            })
        };
        let model = kind
            .accelerator
            .as_ref()
            .filter(|_| each > 0)
            .map(|name| Model(index_of(&mut models, name) as u16));
        let pool = kind.partition.as_ref().map_or(0, |name| index_of(&mut partitions, name) as u32 + 1);
        let times = if pooled { count } else { 1 };
        let limit = |amount: Option<u64>| {
            amount.map_or(UNLIMITED, |amount| amount.saturating_mul(times).min(UNLIMITED))
        };
        let node = Node {
            name: kind.name.clone(),
            cpu_milli: limit(kind.cpu.map(plimsoll_model::Cpu::milli)),
            memory_mib: limit(kind.memory.map(|memory| memory.0 >> 20)),
            model,
            devices: total as u16,
            pool,
            ..Node::default()
        };
        let hourly = kind.hourly.unwrap_or(0.0);
        if !(0.0..=1e6).contains(&hourly) {
            return context.refuse(&format!("{field}.hourly"), "must lie between 0 and 1000000", "$ an hour");
        }
        let nano = (hourly * 1e9).round() as i128;
        if pooled {
            nodes.push(node);
            nano_hourly.push(nano * i128::from(count));
        } else {
            for index in 0..count {
                nodes.push(Node { name: format!("{}/{index}", kind.name), ..node.clone() });
                nano_hourly.push(nano);
            }
        }
    }
    if nodes.is_empty() {
        return context.refuse(
            "cluster.nodes",
            "has no machines",
            "nodes = [{ name = \"gpu\", count = 8, … }]",
        );
    }
    if spec.partitions == Some(Partitions::Ignore) {
        partitions.clear();
        for node in &mut nodes {
            node.pool = 0;
        }
    }
    let cluster = match spec.placement.unwrap_or(PlacementRule::Nodes) {
        PlacementRule::Count => Cluster::pools(nodes),
        PlacementRule::Nodes => Cluster::nodes(nodes),
        PlacementRule::Consolidated => Cluster::nodes(nodes).consolidated(),
    };
    Ok(Machines { cluster, models, partitions, nano_hourly })
}

fn of_openb(context: &mut Context<'_>) -> Result<Machines, Problems> {
    let (name, bytes) = context.file("trace.nodes", context.point.scenario.value.trace.nodes.as_deref())?;
    let listing = openb::nodes(&name, &bytes, context.tolerance).map_err(|error| of_trace(&error))?;
    context.note_dropped(&listing.dropped);
    let input = crate::openb::input(&listing.rows, &[]);
    let nano_hourly = vec![0; input.nodes.len()];
    Ok(Machines {
        cluster: Cluster::nodes(input.nodes),
        models: input.models,
        partitions: Vec::new(),
        nano_hourly,
    })
}

/// What machines cost and draw.
pub(super) fn rates(context: &Context<'_>, machines: &Machines, offers: &[Offer]) -> Result<Rates, Problems> {
    let scenario = &context.point.scenario.value;
    let nodes = &machines.cluster.nodes;
    let capacity = nodes.iter().map(|node| match node.devices {
        0 => NodeShare::Cpus(node.cpu_milli),
        devices => NodeShare::Devices(u64::from(devices) * 1000),
    });
    let mut rates = Rates {
        nano_hourly: machines.nano_hourly.clone(),
        capacity: capacity.collect(),
        pue_milli: 1000,
        until_last_start: scenario.report.commitments_until
            == Some(plimsoll_model::scenario::CommitmentsUntil::LastStart),
        ..Rates::default()
    };
    let Some(power) = &scenario.power else {
        let of = scenario.market.offers.iter().position(|offer| offer.pue.is_some());
        return match of {
            Some(at) => {
                let message = "means nothing where no power is stated";
                context.refuse(&format!("market.offers[{at}].pue"), message, "add a section [power]")
            }
            None => Ok(rates),
        };
    };
    rates.has_power = true;
    let milli = |field: &str, value: f64| {
        if (0.0..=1e6).contains(&value) {
            return Ok((value * 1000.0).round() as u64);
        }
        context.refuse(field, "must lie between 0 and 1000000", "")
    };
    rates.pue_milli = milli("power.pue", power.pue.unwrap_or(1.0))?;
    rates.cpu_mw = milli("power.watts_per_cpu", power.watts_per_cpu.unwrap_or(0.0))?;
    if power.cpu.is_some() {
        let help = "watts_per_cpu is; sockets are in a sequence";
        return context.refuse("power.cpu", "sockets are not simulated over time yet", help);
    }
    let device = |model: Model, what: &str| {
        let name = &machines.models[usize::from(model.0)];
        let found = power.accelerators.iter().find(|(kind, _)| kind.eq_ignore_ascii_case(name));
        let Some((kind, [idle, busy])) = found else {
            let message = format!("says nothing of `{name}`, which {what} have");
            return context.refuse("power.accelerators", message, &format!("add {name} = [idle, busy]"));
        };
        let field = format!("power.accelerators.{kind}");
        let (idle, busy) = (milli(&field, *idle)?, milli(&field, *busy)?);
        if busy < idle {
            return context.refuse(&field, "draws less with work than without", "[idle, busy]");
        }
        Ok([idle, busy])
    };
    for node in nodes.iter() {
        let watts = node.model.map(|model| device(model, "machines")).transpose()?;
        rates.device_mw.push(watts.unwrap_or_default());
    }
    for (at, (offer, spec)) in offers.iter().zip(&scenario.market.offers).enumerate() {
        let field = format!("market.offers[{at}]");
        if offer.devices > 0 && offer.model.is_none() {
            let message = "has accelerators of no kind, so what they draw is not known";
            return context.refuse(&field, message, "accelerator = \"V100\"");
        }
        let watts = offer.model.map(|model| device(model, "offers")).transpose()?;
        let pue = spec.pue.map(|pue| milli(&format!("{field}.pue"), pue)).transpose()?;
        rates
            .offers
            .push(Draw { device_mw: watts.unwrap_or_default(), pue_milli: pue.unwrap_or(rates.pue_milli) });
    }
    let kinds =
        nodes.iter().filter_map(|node| node.model).chain(offers.iter().filter_map(|offer| offer.model));
    let kinds: BTreeSet<&str> = kinds.map(|model| &*machines.models[usize::from(model.0)]).collect();
    for kind in power.accelerators.keys() {
        if !kinds.iter().any(|known| known.eq_ignore_ascii_case(kind)) {
            let message = "is of a kind that neither machines nor offers have";
            return context.refuse(&format!("power.accelerators.{kind}"), message, "remove the key");
        }
    }
    Ok(rates)
}
