//! Tasks as workloads.

use plimsoll_model::{
    Bytes, Capacity, Duration, Usd, Workload,
    estate::EstateSpec,
    workload::{
        AcceleratorRequest, Alternative, Area, Checkpoint, Input, Output, Request, Together, WorkloadSpec,
    },
};

use super::{
    Findings,
    ask::{self, Ask, Asks},
    file::File,
    place::Known,
    seat::TaskSeat,
    service::Service,
    task::Task,
    ways,
};
use crate::Foreign;

/// The run time that SkyPilot reckons with where nothing says otherwise.
const DURATION: Duration = Duration::from_hours(1);

/// A workload with its document and that document's index.
pub(super) type Made<'a> = (usize, &'a Foreign, Workload);

/// The workloads of a file's tasks, in order, and where their places are written.
pub(super) fn workloads<'a>(
    file: &File<'a>,
    tasks: &[Task<'a>],
    estate: Option<&EstateSpec>,
    findings: &mut Findings,
) -> (Vec<Made<'a>>, Vec<TaskSeat>) {
    let (mut made, mut seats) = (Vec::new(), Vec::new());
    for (index, (task, &(at, document))) in tasks.iter().zip(&file.documents).enumerate() {
        let name = task.name.clone().unwrap_or_default();
        let asks = ask::read(task.resources.as_ref(), &Known::of(estate), findings);
        let before = index.checked_sub(1).filter(|_| !file.parallel).map(|before| &tasks[before]);
        let feeds = !file.parallel && index + 1 < tasks.len();
        let group = file.group.as_deref();
        let mut maker = Maker { name: &name, task, asks: &asks, group, estate, findings: &mut *findings };
        let specs = maker.specs(before, feeds);
        let names: Vec<&str> = specs.iter().map(|(name, _)| &**name).collect();
        seats.extend(TaskSeat::of(at, &names, task, &Known::of(estate)));
        made.extend(specs.into_iter().map(|(name, spec)| (at, document, Workload::named(name, spec))));
    }
    (made, seats)
}

struct Maker<'m, 'a> {
    name: &'m str,
    task: &'m Task<'a>,
    asks: &'m Asks,
    /// The job group whose tasks are kept in one region.
    group: Option<&'m str>,
    estate: Option<&'m EstateSpec>,
    findings: &'m mut Findings,
}

impl Maker<'_, '_> {
    /// The task's workloads: one, and for a service with replicas that are never on spot another.
    fn specs(&mut self, before: Option<&Task<'_>>, feeds: bool) -> Vec<(String, WorkloadSpec)> {
        self.notes();
        let Some(service) = &self.task.service else {
            if self.task.hints.replicas().is_some() {
                self.wrong("`PLIMSOLL_REPLICAS` is for services: a task has `num_nodes`");
            }
            let mut spec = self.spec(self.asks.any.clone(), 1);
            self.data(&mut spec, before, feeds);
            spec.duration = Some(DURATION);
            let spec = self.stated(spec, before);
            self.notes_of_run(&spec);
            return vec![(self.name.to_owned(), spec)];
        };
        let classes = |ask: &Ask| ask.capacity == [Capacity::Spot];
        let spot = self.asks.any.iter().all(classes);
        if !spot && self.asks.any.iter().any(classes) {
            self.wrong("all alternatives of a service are on spot, or none is");
        }
        if !spot && (service.on_demand > 0 || service.stand_in) {
            self.wrong("on-demand replicas beside spot ones need `use_spot: true` in `resources`");
        }
        let (target, base) = self.replicas(service);
        let mut made = Vec::new();
        if target > base {
            let mut spec = self.spec(self.asks.any.clone(), target - base);
            self.data(&mut spec, before, feeds);
            if spot {
                self.replaced(&mut spec, service);
            }
            made.push((self.name.to_owned(), self.stated(spec, before)));
        }
        if base > 0 {
            let capacity = vec![Capacity::OnDemand, Capacity::Reserved, Capacity::OnPrem];
            let never_spot = |ask: &Ask| Ask { capacity: capacity.clone(), ..ask.clone() };
            let mut spec = self.spec(self.asks.any.iter().map(never_spot).collect(), base);
            self.data(&mut spec, before, feeds);
            let name =
                if made.is_empty() { self.name.to_owned() } else { format!("{}-on-demand", self.name) };
            made.push((name, self.stated(spec, before)));
        }
        made
    }

    /// Whether it may be left out where it costs more than it is worth.
    fn is_optional(&self) -> bool {
        self.task.hints.has("value") || self.task.hints.has("required")
    }

    fn wrong(&mut self, message: &str) {
        match &self.task.resources {
            Some(resources) => self.findings.wrong(resources, message),
            None => self.findings.problems.push(self.task.root.problem(message)),
        }
    }

    /// What is taken for granted about the request.
    fn notes(&mut self) {
        let name = self.name;
        for filled in &self.asks.filled {
            let source = "SkyPilot's default; `cpus` and `memory` in `resources` state another";
            self.findings.assume(format!("size of {name}"), filled, source);
        }
        if !self.asks.exact.is_empty() {
            let what = self.asks.exact.join(", ");
            let source = "SkyPilot takes machines with exactly that; a `+` behind the figure says so too";
            self.findings.assume(
                format!("least size of {name}"),
                format!("the stated {what} or more"),
                source,
            );
        }
        if self.asks.ordered && self.asks.any.len() > 1 && self.is_optional() {
            let source =
                "`ordered` and lists of accelerators prefer the first; what has a value weighs dollars";
            self.findings.assume(format!("order of the alternatives of {name}"), "the cheapest", source);
        }
        for context in &self.asks.contexts {
            let source = "a site of that name in the estate is what it stands for";
            self.findings.assume(format!("own nodes of {name}"), format!("any, for {context}"), source);
        }
        for zone in &self.asks.zones {
            let source = "the embedded offers hold for all zones of a region; those of files may state zones";
            self.findings.assume(format!("zone of {name}"), format!("any of the region of {zone}"), source);
        }
        let mut fields: Vec<&str> = self.asks.unweighed.clone();
        fields.extend(self.task.unweighed.iter().filter(|field| !self.asks.unweighed.contains(field)));
        if !fields.is_empty() {
            let source = "no offer states them, nor what they cost";
            self.findings.assume(format!("fields passed over of {name}"), fields.join(", "), source);
        }
    }

    /// What is asked, for so many replicas of the task.
    fn spec(&self, asks: Vec<Ask>, replicas: u32) -> WorkloadSpec {
        let replicas = replicas.saturating_mul(self.task.nodes);
        let ordered = self.asks.ordered && !self.is_optional();
        let mut ways = asks;
        if ordered {
            let mut before: Vec<Ask> = Vec::new();
            ways.retain(|way| {
                !before.contains(way) && {
                    before.push(way.clone());
                    true
                }
            });
        } else {
            ways = ways::merged(ways);
            // What an alternative leaves out holds on, so that one without a bound comes first.
            ways.sort_by_key(|way| way.max_hourly.is_some());
        }
        let mut ways = ways.into_iter();
        let first = ways.next().unwrap_or_default();
        let rest: Vec<Ask> = ways.collect();
        let mut spec = WorkloadSpec::asking(request(&first));
        spec.interruptible =
            std::iter::once(&first).chain(&rest).any(|ask| ask.capacity.contains(&Capacity::Spot));
        spec.max_hourly = hourly(&first, replicas);
        spec.alternatives = rest.iter().map(|ask| alternative(&first, ask, replicas)).collect();
        spec.ordered = ordered && !rest.is_empty();
        (spec.capacity, spec.regions, spec.zones) = (Some(first.capacity), first.places, first.zones);
        // SkyPilot gives each node a machine.
        spec.per_instance = (replicas > 1).then_some(1);
        spec.replicas = replicas;
        spec.priority = self.asks.priority;
        spec.together = self.group.map(|name| Together { name: name.to_owned(), area: Area::Region });
        spec
    }

    /// The workload as the task's `envs` state it, with what the task before hands over.
    fn stated(&self, spec: WorkloadSpec, before: Option<&Task<'_>>) -> WorkloadSpec {
        let mut spec = self.task.hints.over(spec);
        if let Some(before) = before {
            let size = before.data.writes.as_ref().and_then(|handed| handed.size).unwrap_or_default();
            spec.inputs.push(Input { dataset: None, from: before.name.clone(), size: Some(size) });
        }
        spec
    }

    /// What is taken for granted about how long it runs, and what an interruption undoes.
    fn notes_of_run(&mut self, spec: &WorkloadSpec) {
        if !self.task.hints.has("duration") {
            let source = "SkyPilot's default; `envs: {PLIMSOLL_DURATION: 6h}` states another";
            self.findings.assume(format!("duration of {}", self.name), DURATION.to_string(), source);
        }
        if spec.interruptible && spec.checkpoint.is_none() {
            let source = "recovery starts a task again; `envs: {PLIMSOLL_CHECKPOINT: '{every: 30m}'}` says what it saves";
            self.findings.assume(format!("checkpoints of {}", self.name), "none", source);
        }
    }

    /// A spot replica that is taken back is replaced: what is lost is the time until the next one serves.
    fn replaced(&mut self, spec: &mut WorkloadSpec, service: &Service) {
        spec.checkpoint = Some(Checkpoint { every: Duration::from_secs(0), restart: service.start });
        if !service.start_stated && !self.task.hints.has("checkpoint") {
            self.findings.assume(
                format!("start of a replica of {}", self.name),
                service.start.to_string(),
                "SkyPilot's default; `readiness_probe: {initial_delay_seconds}` states another",
            );
        }
    }

    /// The replicas of a service, and how many of them are never on spot.
    fn replicas(&mut self, service: &Service) -> (u32, u32) {
        let (name, called) = (self.name, service.called);
        let stated = self.task.hints.replicas();
        let target = stated.unwrap_or(service.least).max(1);
        if stated.is_none() && service.least == 0 {
            self.findings.assume(
                format!("{called} of {name}"),
                "1",
                "none at the least load; `envs: {PLIMSOLL_REPLICAS: 2}` states another",
            );
        } else if let Some(most) = service.most.filter(|_| stated.is_none()) {
            self.findings.assume(
                format!("{called} of {name}"),
                format!("{target}, its least"),
                format!("up to {most} under load; `envs: {{PLIMSOLL_REPLICAS: {most}}}` states another"),
            );
        }
        if service.stand_in {
            let source = "`dynamic_ondemand_fallback` holds only while spot is not to be had";
            self.findings.assume(format!("stand-ins of {name}"), "none", source);
        }
        (target.saturating_add(service.beyond), service.on_demand.min(target))
    }

    /// What it reads and writes.
    fn data(&mut self, spec: &mut WorkloadSpec, before: Option<&Task<'_>>, feeds: bool) {
        let data = &self.task.data;
        let handed = before.and_then(|before| before.data.writes.as_ref());
        for bucket in &data.reads {
            // What the task before hands over is an edge of its own.
            if handed.is_some_and(|handed| handed.written == bucket.written) {
                continue;
            }
            match bucket.dataset(self.estate) {
                Some(dataset) => {
                    let input = Input { dataset: Some(dataset.name.clone()), from: None, size: bucket.size };
                    if !spec.inputs.contains(&input) {
                        spec.inputs.push(input);
                    }
                }
                None => self.unknown(
                    format!("data of {} from {}", self.name, bucket.shown()),
                    &bucket.shown(),
                    bucket.size,
                ),
            }
        }
        if let Some(bucket) = data.writes.as_ref().filter(|_| !feeds) {
            let to = bucket.dataset(self.estate).and_then(|dataset| dataset.at.first());
            match to {
                Some(to) => {
                    spec.outputs.push(Output { to: to.clone(), size: bucket.size.unwrap_or_default() });
                }
                None => self.unknown(
                    format!("results of {} to {}", self.name, bucket.shown()),
                    &bucket.shown(),
                    bucket.size,
                ),
            }
        }
    }

    fn unknown(&mut self, what: String, uri: &str, size: Option<Bytes>) {
        let size = size.map_or_else(String::new, |size| format!(", {size}"));
        self.findings.assume(
            what,
            format!("not moved{size}"),
            format!("nothing says where it lies; a dataset `{uri}` in the estate does"),
        );
    }
}

fn request(ask: &Ask) -> Request {
    let accelerators = ask.count.map(|count| AcceleratorRequest {
        any_of: ask.names.clone(),
        kind: ask.kind,
        count: Some(count),
        memory: ask.card,
    });
    Request {
        accelerators,
        cpu: ask.cpu,
        memory: ask.memory,
        instance_type: ask.types.clone(),
        ..Request::default()
    }
}

/// `max_hourly_cost` bounds the price of each machine.
fn hourly(ask: &Ask, replicas: u32) -> Option<Usd> {
    ask.max_hourly.map(|most| Usd::from_pico(most.pico().saturating_mul(i128::from(replicas))))
}

/// A further way to run, in what it differs from the first.
fn alternative(first: &Ask, ask: &Ask, replicas: u32) -> Alternative {
    // Of ways in order a later one may have no bound where the first has: more than any plan can cost is none.
    let unbounded = first.max_hourly.is_some() && ask.max_hourly.is_none();
    let list = |own: &Vec<String>, other: &Vec<String>| (own != other).then(|| own.clone());
    Alternative {
        not_in: None,
        request: (request(ask) != request(first)).then(|| request(ask)),
        capacity: (ask.capacity != first.capacity).then(|| ask.capacity.clone()),
        regions: list(&ask.places, &first.places),
        clouds: None,
        zones: list(&ask.zones, &first.zones),
        max_hourly: hourly(ask, replicas)
            .filter(|most| Some(*most) != hourly(first, replicas))
            .or_else(|| unbounded.then_some(Usd::from_units(1_000_000_000_000))),
    }
}
