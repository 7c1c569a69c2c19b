//! Whether some place can hold each job, with each policy: machines of one's own, or the offers that it may use.
//!
//! What no place holds would wait for ever. It is an error, unless the scenario is run with tolerance: then such jobs
//! fail as they come, and the run goes on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plimsoll_model::{Diagnostic, Span};
use plimsoll_packing::fleet::{Ask, Request};
use plimsoll_traces::Tolerance;

use super::{Machines, trace::Origin};
use crate::{
    experiment::{Context, Problems},
    timed::{cluster::Cluster, job::Trace, market::Offer, policies::make::Maker},
};

/// Requests that no place holds, with whether the job would be one for spot instances.
type Misfits = BTreeSet<(Request, bool)>;

pub(super) fn check(
    context: &mut Context<'_>,
    machines: &Machines,
    offers: &[Offer],
    makers: &mut [Maker],
    trace: &Trace,
    origin: &Origin,
) -> Result<(), Problems> {
    let specs = context.point.scenario.value.run.policies.clone();
    let interruptible = context.point.scenario.value.jobs.interruptible.unwrap_or(true);
    let mut empty = machines.cluster.clone();
    // By whether all of a job runs on one kind.
    let mut on_machines: [Option<Arc<Misfits>>; 2] = [None, None];
    let mut said: Vec<Arc<Misfits>> = Vec::new();
    let mut problems = Vec::new();
    for (maker, spec) in makers.iter_mut().zip(&specs) {
        let alike = &mut on_machines[usize::from(maker.is_by_kind())];
        if let Some(known) = alike.as_ref().filter(|_| maker.is_on_machines()) {
            maker.set_misfits(known.clone());
            continue;
        }
        let found = find(maker, &mut empty, offers, trace, interruptible);
        let misfits = Arc::new(found.misfits);
        maker.set_misfits(misfits.clone());
        if maker.is_on_machines() {
            *alike = Some(misfits.clone());
        }
        let Some(first) = found.first else { continue };
        if said.contains(&misfits) {
            continue;
        }
        said.push(misfits);
        let places = if maker.is_by_kind() {
            "no machines of one kind of accelerator hold".to_owned()
        } else if maker.is_on_machines() {
            "no machines of the cluster hold".to_owned()
        } else {
            format!("no offer that `{}` may use holds", spec.title())
        };
        let mut message = format!("{}, which {places}", first.asks(machines, origin));
        if found.count > 1 {
            message = format!("{message}; so it is with {} more jobs", found.count - 1);
        }
        if context.tolerance == Tolerance::Strict {
            problems.push(first.problem(context, origin, message, machines));
        } else {
            context.notes.push(format!("{message}: they count as failed"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

struct Found {
    misfits: Misfits,
    count: u64,
    first: Option<First>,
}

/// The first job that has no place.
struct First {
    /// Its index in a list; nothing for jobs that are made up.
    index: Option<usize>,
    name: String,
    ask: Request,
}

/// `interruptible`: whether jobs that are made up may be stopped.
fn find(maker: &Maker, empty: &mut Cluster, offers: &[Offer], trace: &Trace, interruptible: bool) -> Found {
    let mut known: BTreeMap<(Request, bool), bool> = BTreeMap::new();
    let mut found = Found { misfits: Misfits::new(), count: 0, first: None };
    let mut look = |index: Option<usize>, name: &str, ask: &Request, work: u64, interruptible: bool| {
        let key = maker.key(ask, work, interruptible);
        let holds = known.get(&key).copied().unwrap_or_else(|| {
            let holds = maker.holds(&key, empty, offers);
            known.insert(key.clone(), holds);
            holds
        });
        if !holds {
            found.count += 1;
            found.first.get_or_insert_with(|| First { index, name: name.to_owned(), ask: ask.clone() });
            found.misfits.insert(key);
        }
    };
    match trace {
        Trace::List(jobs) => {
            for (index, job) in jobs.iter().enumerate() {
                look(Some(index), &job.name, &job.ask, job.work, job.interruptible);
            }
        }
        Trace::Generated(generator) => {
            for ask in generator.requests() {
                // A run time of a microsecond is as short as any that spot instances are used for.
                look(None, "", &ask, 1, interruptible);
                look(None, "", &ask, u64::MAX, interruptible);
            }
            // How many jobs there are depends on the seed.
            found.count = found.count.min(1);
        }
    }
    found
}

impl First {
    /// What it asks for, in words.
    fn asks(&self, machines: &Machines, origin: &Origin) -> String {
        let who =
            if self.index.is_some() { format!("`{}` asks", self.name) } else { "made-up jobs ask".into() };
        let known = self.ask.models.iter();
        let known = known.filter_map(|model| machines.models.get(usize::from(model.0)).cloned());
        let unknown = self.index.and_then(|index| origin.unknown.get(&index)).cloned();
        let kinds: Vec<String> = unknown.unwrap_or_else(|| known.collect());
        let of = if kinds.is_empty() { String::new() } else { format!(" of {}", kinds.join(" or ")) };
        let mut parts = Vec::new();
        match self.ask.devices {
            Ask::None => {}
            Ask::Whole(1) => parts.push(format!("1 accelerator{of}")),
            Ask::Whole(count) => parts.push(format!("{count} accelerators{of}")),
            Ask::Share(_) | Ask::Slice(_) => parts.push(format!("a part of an accelerator{of}")),
        }
        if self.ask.cpu_milli > 0 {
            parts.push(format!("{} CPUs", self.ask.cpu_milli as f64 / 1000.0));
        }
        if self.ask.memory_mib > 0 {
            parts.push(format!("{} MiB", self.ask.memory_mib));
        }
        if parts.is_empty() {
            parts.push("no more than a place".to_owned());
        }
        let partition =
            if self.ask.pools == [u32::MAX] { " in a partition that has no machines" } else { "" };
        format!("{who} for {}{partition}", parts.join(", "))
    }

    fn problem(
        &self,
        context: &Context<'_>,
        origin: &Origin,
        message: String,
        machines: &Machines,
    ) -> Diagnostic {
        let Some(index) = self.index else {
            let help =
                "give machines or offers more room, or run with --tolerate: then such jobs count as failed";
            return context.problem("trace.generate", message).with_help(help);
        };
        let mut problem = Diagnostic::of_file(&origin.file, message);
        problem.span = Some(Span::point(usize::try_from(origin.rows[index]).unwrap_or(usize::MAX), 1));
        let fails = "with --tolerate such jobs count as failed, and the run goes on";
        problem.with_help(if origin.unknown.contains_key(&index) && !machines.models.is_empty() {
            format!("there are accelerators of {}; {fails}", machines.models.join(", "))
        } else {
            fails.to_owned()
        })
    }
}
