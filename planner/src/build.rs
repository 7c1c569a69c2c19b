//! The problem in numbers: every eligible choice of every workload, thinned to those that matter.
//!
//! A choice is dropped when two others of the same signature (the same couplings to anything shared)
//! are at least as good in every respect that can matter; with one such it stays as a spare, so that
//! the runner-up of a placement is always among the choices.

mod thin;

use std::collections::{BTreeMap, BTreeSet};

use ndarray::Array2;
use plimsoll_model::{Bytes, Duration, PerHour, Time, plan::Constraint};
use plimsoll_solver::problem::{
    Choice, Dataset, Demand, Edge, Network, NodeGroup, Problem, Reservation, Series, Task, transfer_time,
};

use crate::{
    error::PlanError,
    flags::Settings,
    prospect::{Prospect, Quota},
    terms::Terms,
    world::{Assumptions, Intensity, LocationIx, Matcher, Offer, OfferIx, World},
};

/// A limit on a sum of money or carbon, with whom it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The team, or `plan`.
    pub name: String,
}

/// The rules of an estate that prospects are held against.
#[derive(Debug)]
pub struct Rules {
    /// Interruption rules.
    pub interruptions: Vec<(Matcher, PerHour)>,
    /// Quotas.
    pub quotas: Vec<Quota>,
    /// By offer: the quotas it draws on; empty without quotas.
    of_offer: Vec<Vec<u32>>,
}

impl Rules {
    /// The rules of a world.
    pub fn of(world: &World<'_>) -> Self {
        let mut quotas = Vec::new();
        let mut of_offer = Vec::new();
        for (ix, quota) in (0_u32..).zip(&world.inputs.estate.quotas) {
            let instances = quota.instances.is_some();
            let unit = if instances { share_unit(world) } else { 1000 };
            let limit = i64::from(quota.instances.or(quota.accelerators).unwrap_or(0)) * unit;
            quotas.push(Quota { name: quota_name(ix + 1, &quota.matches), limit, unit, instances });
            of_offer.resize_with(world.offers.len(), Vec::new);
            let matcher = Matcher::new(&quota.matches, world);
            for (list, offer) in of_offer.iter_mut().zip(&world.offers) {
                if matcher.matches(offer) {
                    list.push(ix);
                }
            }
        }
        Self { interruptions: world.interruption_rules(), quotas, of_offer }
    }

    /// The indices of the quotas that an offer draws on.
    pub fn drawn_on(&self, ix: OfferIx) -> &[u32] {
        self.of_offer.get(ix.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// The quotas that an offer draws on.
    pub fn quotas_of(&self, ix: OfferIx) -> impl Iterator<Item = &Quota> {
        self.drawn_on(ix).iter().map(|q| &self.quotas[*q as usize])
    }
}

/// Into how many parts an instance is divided so that every workload takes a whole number of parts of
/// every own node; where that takes too many, so finely that rounding up does not matter.
fn share_unit(world: &World<'_>) -> i64 {
    const FINEST: u64 = 1_000_000_000;
    let mut unit = 1;
    let groups = || world.inputs.estate.sites.iter().flat_map(|site| &site.nodes);
    for request in world.inputs.workloads.iter().map(|workload| &workload.spec.request) {
        for group in groups() {
            let devices = group.accelerators.unwrap_or(u32::from(group.accelerator.is_some()));
            let shares = [
                (request.accelerators.as_ref().map(|a| a.count().milli()), u64::from(devices) * 1000),
                (
                    request.cpu.map(plimsoll_model::Cpu::milli),
                    group.cpu.map_or(0, plimsoll_model::Cpu::milli),
                ),
                (request.memory.map(|memory| memory.0), group.memory.map_or(0, |memory| memory.0)),
            ];
            for (asked, has) in shares {
                let Some(asked) = asked.filter(|asked| *asked > 0 && has > 0) else { continue };
                let parts = has / divisor(asked, has);
                let common = u128::from(unit) * u128::from(parts / divisor(unit, parts));
                match u64::try_from(common) {
                    Ok(common) if common <= FINEST => unit = common,
                    _ => return FINEST as i64,
                }
            }
        }
    }
    unit as i64
}

/// The greatest common divisor.
const fn divisor(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// What a quota is about, in words: its match, and its position when that is empty.
fn quota_name(position: u32, matches: &plimsoll_model::Match) -> String {
    let parts = [
        matches.offer.clone(),
        matches.cloud.clone(),
        matches.region.clone(),
        matches.zone.clone(),
        matches.instance_type.clone(),
        matches.accelerator.clone(),
        matches.capacity.map(|c| c.to_string()),
    ];
    let words: Vec<String> = parts.into_iter().flatten().collect();
    if words.is_empty() { format!("quota {position}") } else { words.join(" ") }
}

/// The problem with what its indices mean.
#[derive(Debug)]
pub struct Build<'w> {
    /// The numbers.
    pub problem: Problem,
    /// The workloads, by task.
    pub prospects: Vec<Prospect<'w>>,
    /// By problem offer: the world's.
    pub offers: Vec<OfferIx>,
    /// By task and choice: the exact terms.
    pub terms: Vec<Vec<Terms>>,
    /// By budget.
    pub budgets: Vec<Named>,
    /// By carbon budget.
    pub carbon_budgets: Vec<Named>,
    /// By series, for exact integrals.
    pub intensities: Vec<Intensity>,
    world: &'w World<'w>,
    settings: &'w Settings,
    rules: &'w Rules,
    by_offer: BTreeMap<OfferIx, u32>,
    series_at: BTreeMap<LocationIx, Option<u32>>,
    until: Time,
    missing: BTreeSet<String>,
    reserved: BTreeSet<OfferIx>,
    shared_data: Vec<bool>,
    has_consumer: Vec<bool>,
    money_counts: Vec<bool>,
    time_matters: bool,
}

impl<'w> Build<'w> {
    /// States the problem.
    ///
    /// # Errors
    /// When a price needs a figure that nothing states.
    pub fn new(world: &'w World<'w>, settings: &'w Settings, rules: &'w Rules) -> Result<Self, PlanError> {
        let inputs = world.inputs;
        let mut this = Self {
            problem: Problem {
                now: settings.now.nanos(),
                usd_per_kg: settings.carbon_price.to_f64() / 1000.0,
                usd_per_delay_hour: settings.delay_price.to_f64(),
                ..Problem::default()
            },
            prospects: Vec::new(),
            offers: Vec::new(),
            terms: Vec::new(),
            budgets: Vec::new(),
            carbon_budgets: Vec::new(),
            intensities: Vec::new(),
            world,
            settings,
            rules,
            by_offer: BTreeMap::new(),
            series_at: BTreeMap::new(),
            until: latest(world, settings),
            missing: BTreeSet::new(),
            reserved: inputs.estate.reservations.iter().filter_map(|r| world.named(&r.offer)).collect(),
            shared_data: vec![false; inputs.estate.datasets.len()],
            has_consumer: vec![false; inputs.workloads.len()],
            money_counts: Vec::new(),
            time_matters: false,
        };
        this.time_matters = this.time_can_matter();
        this.problem.quotas = rules.quotas.iter().map(|q| q.limit).collect();
        this.problem.quota_units = rules.quotas.iter().map(|q| q.unit).collect();
        this.limits();
        this.relations();
        for index in 0..inputs.workloads.len() {
            let prospect = Prospect::new(index, world, settings, rules, &mut Assumptions::ignored());
            this.prospects.push(prospect);
        }
        this.network();
        this.tasks();
        this.egress_of_edges();
        this.reservations();
        if this.missing.is_empty() {
            Ok(this)
        } else {
            Err(PlanError::Missing { figures: this.missing.into_iter().collect() })
        }
    }

    /// The problem's index of an offer.
    fn offer(&mut self, ix: OfferIx) -> u32 {
        if let Some(known) = self.by_offer.get(&ix) {
            return *known;
        }
        let local = self.offers.len() as u32;
        let offer = self.world.offer(ix);
        self.offers.push(ix);
        self.by_offer.insert(ix, local);
        self.problem.counts.push(if offer.nodes.is_some() { None } else { offer.count.map(i64::from) });
        local
    }

    /// The problem's index of an offer that is in it.
    pub fn known_offer(&self, ix: OfferIx) -> Option<u32> {
        self.by_offer.get(&ix).copied()
    }

    fn limits(&mut self) {
        let estate = &self.world.inputs.estate;
        if let Some(budget) = self.settings.budget {
            self.problem.budgets.push(budget.to_f64());
            self.budgets.push(Named { name: "plan".into() });
        }
        for budget in &estate.budgets {
            self.problem.budgets.push(budget.usd.to_f64());
            self.budgets.push(Named { name: budget.team.clone() });
        }
        for budget in &estate.carbon_budgets {
            self.problem.carbon_budgets.push(budget.kg.to_f64());
            self.carbon_budgets.push(Named { name: budget.team.clone() });
        }
        for site in &estate.sites {
            for group in &site.nodes {
                self.problem.groups.push(NodeGroup {
                    nodes: group.count.unwrap_or(1),
                    devices: group.accelerators.unwrap_or(u32::from(group.accelerator.is_some())),
                    cpu: group.cpu.map(plimsoll_model::Cpu::milli),
                    memory: group.memory.map(|m| m.0),
                });
            }
        }
    }

    /// The group index of own nodes.
    fn group(&self, (site, group): (usize, usize)) -> u32 {
        let before: usize = self.world.inputs.estate.sites[..site].iter().map(|s| s.nodes.len()).sum();
        (before + group) as u32
    }

    fn relations(&mut self) {
        let inputs = self.world.inputs;
        let mut readers = vec![0; inputs.estate.datasets.len()];
        for workload in &inputs.workloads {
            for input in &workload.spec.inputs {
                if let Some(d) = self.dataset(input.dataset.as_deref()) {
                    readers[d] += 1;
                }
                if let Some(p) = self.workload(input.from.as_deref()) {
                    self.has_consumer[p] = true;
                }
            }
        }
        self.shared_data = readers.into_iter().map(|n| n > 1).collect();
        self.money_counts = inputs
            .workloads
            .iter()
            .map(|w| {
                let of_team = |team: &str| w.spec.team.as_deref() == Some(team);
                w.spec.max_cost.is_some()
                    || self.settings.budget.is_some()
                    || inputs.estate.budgets.iter().any(|b| of_team(&b.team))
            })
            .collect();
    }

    fn dataset(&self, name: Option<&str>) -> Option<usize> {
        self.world.inputs.estate.datasets.iter().position(|d| Some(&*d.name) == name)
    }

    fn workload(&self, name: Option<&str>) -> Option<usize> {
        self.world.inputs.workloads.iter().position(|w| Some(&*w.metadata.name) == name)
    }

    /// Datasets by level of size and place, and throughput between places.
    fn network(&mut self) {
        let (world, places) = (self.world, self.world.places.locations());
        for (d, dataset) in world.inputs.estate.datasets.iter().enumerate() {
            let mut sizes: Vec<u64> = world
                .inputs
                .workloads
                .iter()
                .flat_map(|w| &w.spec.inputs)
                .filter(|i| i.dataset.as_deref() == Some(&dataset.name))
                .map(|i| i.size.unwrap_or(dataset.size).0)
                .collect();
            sizes.sort_unstable();
            sizes.dedup();
            let mut usd = Array2::from_elem((sizes.len(), places), f64::NAN);
            for (level, size) in sizes.iter().enumerate() {
                for place in 0..places {
                    let to = LocationIx(place as u32);
                    if let Some(copy) = self.cheapest_copy(d, to, Bytes(*size)) {
                        usd[(level, place)] = copy.usd;
                    }
                }
            }
            self.problem.datasets.push(Dataset { sizes, usd });
        }
        let provider = (0..places)
            .map(|p| {
                let location = LocationIx(p as u32);
                match world.network().provider(location) {
                    Some(cloud) => plimsoll_catalog::clouds().position(|c| c == cloud).unwrap_or(1000) as u32,
                    None => 10_000 + world.places.place(location).0,
                }
            })
            .collect();
        let tiers = world.network().by_cloud().then(|| {
            (0..places)
                .map(|p| {
                    let tiers = world.network().tiers(LocationIx(p as u32));
                    tiers.into_iter().map(|(limit, usd)| (limit, usd.to_f64() / GB)).collect()
                })
                .collect()
        });
        self.problem.network = Network {
            usd_per_byte: Array2::from_elem((places, places), f64::NAN),
            pico_gbps: Array2::zeros((places, places)),
            tiers,
            provider,
            region: (0..places).map(|p| world.places.place(LocationIx(p as u32)).0).collect(),
        };
    }

    /// The copy of a dataset that a reader at a location uses: the cheapest, of equals the fastest, then
    /// the first listed. `None` where no copy's price is known.
    pub fn cheapest_copy(&self, dataset: usize, to: LocationIx, size: Bytes) -> Option<Copy> {
        cheapest_copy(self.world, dataset, to, size, &mut Assumptions::ignored())
    }

    fn tasks(&mut self) {
        let mut classes: BTreeMap<String, usize> = BTreeMap::new();
        for index in 0..self.prospects.len() {
            let spec = self.prospects[index].spec();
            let previous = self.settings.previous.get(&spec_name(self, index));
            let key = format!("{}{previous:?}", serde_json::to_string(spec).unwrap_or_default());
            let first = *classes.entry(key).or_insert(index);
            let task = self.task(index, first as u32);
            // Equal workloads have equal choices; consumers make a difference to what may be thinned.
            let same = first < index && self.has_consumer[first] == self.has_consumer[index];
            let (choices, terms) = if same {
                (self.problem.tasks[first].choices.clone(), self.terms[first].clone())
            } else {
                self.choices(index, &task)
            };
            self.terms.push(terms);
            self.problem.tasks.push(Task { choices, ..task });
        }
    }

    fn task(&self, index: usize, class: u32) -> Task {
        let prospect = &self.prospects[index];
        let spec = prospect.spec();
        let of_team = |team: &String| Some(team) == spec.team.as_ref();
        let budgets =
            (0..).zip(&self.budgets).filter(|(_, b)| b.name == "plan" || of_team(&b.name)).map(|b| b.0);
        // A team may be called `plan`: the plan's own budget is the first, if there is one.
        let own = u32::from(self.settings.budget.is_some());
        let budgets = budgets.filter(|b| *b < own || of_team(&self.budgets[*b as usize].name)).collect();
        let carbon = (0..).zip(&self.carbon_budgets).filter(|(_, b)| of_team(&b.name)).map(|b| b.0).collect();
        let mut reads: Vec<(u32, u32)> = Vec::new();
        let mut inputs = Vec::new();
        for input in &spec.inputs {
            if let Some(d) = self.dataset(input.dataset.as_deref()) {
                let size = input.size.unwrap_or(self.world.inputs.estate.datasets[d].size).0;
                let level = self.problem.datasets[d].sizes.iter().position(|s| *s == size).unwrap_or(0);
                reads.push((d as u32, level as u32));
            }
            if let Some(p) = self.workload(input.from.as_deref()) {
                inputs.push(Edge { producer: p as u32, bytes: input.size.map_or(0, |s| s.0) });
            }
        }
        let request = &spec.request;
        Task {
            class,
            required: spec.is_required(),
            priority: spec.priority,
            value: spec.value.map_or(0.0, plimsoll_model::Usd::to_f64),
            earliest: prospect.earliest.nanos(),
            deadline: prospect.deadline.map(Time::nanos),
            grid: spec.earliest.map_or(self.settings.now, |e| e.resolve(self.settings.now)).nanos(),
            slots: spec.slots.unwrap_or(Duration::from_hours(1)).nanos(),
            pausable: spec.pausable && spec.deadline.is_some(),
            consumers_timed: self.has_consumer[index] && self.time_matters,
            service: prospect.is_service(),
            max_cost: spec.max_cost.map(plimsoll_model::Usd::to_f64),
            budgets,
            carbon_budgets: carbon,
            reads,
            inputs,
            demand: Demand {
                accelerators: request.accelerators.as_ref().map_or(0, |a| a.count().milli()),
                cpu: request.cpu.map_or(0, plimsoll_model::Cpu::milli),
                memory: request.memory.map_or(0, |m| m.0),
            },
            replicas: spec.replicas,
            choices: Vec::new(),
        }
    }

    /// The choices of a workload with their terms, thinned.
    fn choices(&mut self, index: usize, task: &Task) -> (Vec<Choice>, Vec<Terms>) {
        let world = self.world;
        let plain = self.is_plain(index, task);
        let hours = self.prospects[index].least_hours();
        let mut thinner = thin::Thinner::new(world);
        let mut cutoff = f64::INFINITY;
        let (free, limited) = self.prospects[index].candidates();
        // Of the first kind the cheapest come first: once one instance for the shortest run costs more
        // than two others do in all, nothing that follows matters.
        let uncounted = |ix: &OfferIx| plain && world.offer(*ix).count.is_none();
        let reserved: Vec<OfferIx> = self.reserved.iter().copied().filter(uncounted).collect();
        let mut free = free.into_iter().filter(|ix| !reserved.contains(ix)).peekable();
        let mut rest = limited.into_iter().chain(reserved.iter().copied());
        while let Some(ix) = free
            .next_if(|ix| !plain || world.offer(*ix).hourly.to_f64() * hours <= cutoff)
            .or_else(|| rest.next())
        {
            let Ok(terms) = self.prospects[index].judge(ix, &mut Assumptions::ignored()) else { continue };
            if let Some(choice) = self.choice(index, task, ix, &terms) {
                let profile = self.profile(index, task, &choice, ix);
                thinner.offer(profile, choice, terms, ix);
                cutoff = thinner.cutoff();
            }
        }
        let mut kept = thinner.finish();
        kept.truncate(MOST_CHOICES);
        let mut choices = Vec::with_capacity(kept.len());
        let mut terms = Vec::with_capacity(kept.len());
        for (mut choice, of, ix) in kept {
            choice.offer = self.offer(ix);
            choices.push(choice);
            terms.push(of);
        }
        (choices, terms)
    }

    /// Whether only the cost of a choice can matter: nothing is shared, summed or timed.
    fn is_plain(&self, index: usize, task: &Task) -> bool {
        self.rules.quotas.is_empty()
            && !self.money_counts[index]
            && task.carbon_budgets.is_empty()
            && task.deadline.is_none()
            && task.inputs.is_empty()
            && !self.has_consumer[index]
            && !task.reads.iter().any(|r| self.shared_data[r.0 as usize])
    }

    /// A workload on an offer; `None` when a figure that its price needs is missing.
    pub fn choice(&mut self, index: usize, task: &Task, ix: OfferIx, terms: &Terms) -> Option<Choice> {
        let world = self.world;
        let offer = world.offer(ix);
        let spec = self.prospects[index].spec();
        let needs_carbon = self.problem.usd_per_kg > 0.0 || !task.carbon_budgets.is_empty();
        let electricity = offer.nodes.and_then(|(site, _)| world.inputs.estate.sites[site].electricity);
        // Looked up only where a price or a budget asks: most plans weigh money alone.
        let powered = needs_carbon || electricity.is_some();
        let ignored = &mut Assumptions::ignored();
        let kilowatts = powered.then(|| world.watts(offer, ignored)).flatten().map(|watts| {
            terms.instances.to_f64() * watts.to_f64() * world.pue(offer, ignored).to_f64() / 1000.0
        });
        let series = if needs_carbon { self.series(offer.location) } else { None };
        if terms.exposure.is_nan() {
            return self.lacks(offer, "interruptionsPerHour");
        }
        if kilowatts.is_none() && powered {
            return self.lacks(offer, "watts");
        }
        if series.is_none() && needs_carbon {
            return self.lacks(offer, "carbon intensity (`carbonIntensity`)");
        }
        if let Some(client) = self.prospects[index].unknown_rtt(offer.location) {
            let client = client.to_owned();
            return self.lacks(offer, &format!("a round-trip time to {client} (`latency`)"));
        }
        let ready = self.ready(index, task, offer)?;
        let mut outputs = 0.0;
        for (output, to) in spec.outputs.iter().zip(&world.outputs[index]) {
            let ignored = &mut Assumptions::ignored();
            let Some(usd) = world.network().egress_usd(offer.location, *to, output.size, ignored) else {
                return self.lacks(offer, &format!("egress price to {} (`egress`)", output.to));
            };
            outputs += plimsoll_solver::column::micro(usd as f64 / GB / 1e12);
        }
        let current =
            spec.current.clone().or_else(|| self.settings.previous.get(&spec_name(self, index)).cloned());
        let moves = current.is_some_and(|current| current != offer.name());
        let rework = terms.rework();
        let prospect = &self.prospects[index];
        let quotas = self
            .rules
            .drawn_on(ix)
            .iter()
            .map(|q| (*q, prospect.quota_use(offer, terms.instances, &self.rules.quotas[*q as usize])))
            .collect();
        Some(Choice {
            offer: 0,
            place: offer.location.0,
            instances: terms.instances.to_f64(),
            hourly: offer.hourly.to_f64(),
            run: terms.run.nanos(),
            ready: ready.nanos(),
            electricity: electricity.map_or(0.0, |price| price.to_f64() * kilowatts.unwrap_or(0.0)),
            kilowatts: kilowatts.unwrap_or(0.0),
            series: kilowatts.and(series),
            risk: rework,
            latency: self.prospects[index].latency_usd(offer.location),
            moving: if moves { spec.move_cost.map_or(0.0, plimsoll_model::Usd::to_f64) } else { 0.0 },
            outputs,
            units: if offer.nodes.is_some() { 0 } else { terms.instances.over as i64 },
            quotas,
            group: offer.nodes.map(|nodes| self.group(nodes)),
            spare: false,
        })
    }

    /// The later of earliest and the arrival of every dataset; `None` when an egress price is missing.
    fn ready(&mut self, index: usize, task: &Task, offer: &Offer) -> Option<Time> {
        let mut ready = self.prospects[index].earliest;
        for &(dataset, level) in &task.reads {
            let size = Bytes(self.problem.datasets[dataset as usize].sizes[level as usize]);
            let Some(copy) = self.cheapest_copy(dataset as usize, offer.location, size) else {
                let name = &self.world.inputs.estate.datasets[dataset as usize].name;
                return self.lacks(offer, &format!("egress price from dataset {name} (`egress`)"));
            };
            ready = ready.max(self.settings.now + copy.time);
        }
        Some(ready)
    }

    /// Notes a missing figure of an offer that the user stated. Embedded offers are passed over.
    fn lacks<T>(&mut self, offer: &Offer, what: &str) -> Option<T> {
        if !offer.embedded {
            self.missing.insert(format!("`{}` has no {what}", offer.name()));
        }
        None
    }

    /// The carbon intensity of a location, if it was looked up.
    pub fn intensity(&self, location: LocationIx) -> Option<&Intensity> {
        self.series_at.get(&location).copied().flatten().map(|s| &self.intensities[s as usize])
    }

    /// Looks up the carbon intensity of the offers chosen, which a plan reports even when it has no price.
    pub fn look_up_carbon(&mut self, chosen: &[u32]) {
        for offer in chosen {
            let location = self.world.offer(self.offers[*offer as usize]).location;
            self.series(location);
        }
    }

    /// The problem's series of a location's carbon intensity.
    fn series(&mut self, location: LocationIx) -> Option<u32> {
        if let Some(known) = self.series_at.get(&location) {
            return *known;
        }
        let intensity = self.world.intensity(location, self.until, &mut Assumptions::ignored());
        let ix = intensity.map(|intensity| {
            let times = intensity.0.iter().map(|s| s.0.nanos()).collect();
            let values = intensity.0.iter().map(|s| s.1.to_f64() / 1000.0).collect();
            self.problem.series.push(Series::new(times, values));
            self.intensities.push(intensity);
            self.problem.series.len() as u32 - 1
        });
        self.series_at.insert(location, ix);
        ix
    }

    /// What decides whether one choice makes another superfluous.
    fn profile(&self, index: usize, task: &Task, choice: &Choice, ix: OfferIx) -> thin::Profile {
        let offer = self.world.offer(ix);
        let shared_place = task.reads.iter().any(|r| self.shared_data[r.0 as usize])
            || !task.inputs.is_empty()
            || self.has_consumer[index];
        let reserved = offer.nodes.is_some() || offer.count.is_some() || self.reserved.contains(&ix);
        let carbon_counts = self.problem.usd_per_kg > 0.0 || !task.carbon_budgets.is_empty();
        let series =
            choice.series.filter(|s| carbon_counts && !self.problem.series[*s as usize].is_constant());
        let fixed_start = task.deadline.is_none() && task.inputs.is_empty();
        let start = plimsoll_solver::problem::ceil_second(choice.ready);
        let run = [(start, start + choice.run)];
        let mut cost = plimsoll_solver::column::own_cost(&self.problem, task, choice, &run);
        let kilograms = plimsoll_solver::column::kilograms(&self.problem, choice, &run);
        if series.is_some() && !fixed_start {
            // What carbon costs depends on the start: kilowatts and the series stand for it.
            cost -= kilograms * self.problem.usd_per_kg;
        }
        for &(dataset, level) in &task.reads {
            cost += self.problem.datasets[dataset as usize].usd[(level as usize, choice.place as usize)];
        }
        let mut measures = vec![cost];
        if self.money_counts[index] {
            measures.push(plimsoll_solver::column::own_money(choice));
        }
        if !task.carbon_budgets.is_empty() || series.is_some() {
            measures.push(choice.kilowatts);
        }
        if !task.carbon_budgets.is_empty() {
            measures.push(kilograms);
        }
        if shared_place || task.deadline.is_some() || !choice.quotas.is_empty() {
            measures.push(choice.run as f64);
            measures.push(choice.ready as f64);
        }
        measures.extend(choice.quotas.iter().map(|q| q.1 as f64));
        // To start earlier or to end earlier is not always better: who starts later without being
        // allowed to wait may pass a quota or meet a greener hour, and so may those who read its results.
        let moment_matters =
            !choice.quotas.is_empty() || (series.is_some() && !fixed_start) || task.consumers_timed;
        thin::Profile {
            place: shared_place.then_some(choice.place),
            offer: reserved.then_some(ix),
            series: series.filter(|_| !fixed_start || !task.carbon_budgets.is_empty()),
            start: moment_matters.then_some(start),
            run: task.consumers_timed.then_some(choice.run),
            quotas: choice.quotas.iter().map(|q| q.0).collect(),
            measures,
        }
    }

    /// Whether the moment of a run may matter beyond delay and deadlines: to a limit over time, to
    /// reservations, to carbon.
    fn time_can_matter(&self) -> bool {
        let estate = &self.world.inputs.estate;
        !estate.quotas.is_empty()
            || !estate.reservations.is_empty()
            || self.problem.usd_per_kg > 0.0
            || !estate.carbon_budgets.is_empty()
            || self.world.offers.iter().any(|o| o.nodes.is_some() || o.count.is_some_and(|count| count > 0))
    }

    /// Prices and throughput between the places of producers and consumers.
    fn egress_of_edges(&mut self) {
        let world = self.world;
        let mut pairs: BTreeSet<(u32, u32)> = BTreeSet::new();
        let places = |task: &Task| {
            let mut list: Vec<u32> = task.choices.iter().map(|c| c.place).collect();
            list.sort_unstable();
            list.dedup();
            list
        };
        let tasks = &self.problem.tasks;
        for consumer in tasks {
            for edge in &consumer.inputs {
                for from in places(&tasks[edge.producer as usize]) {
                    pairs.extend(places(consumer).into_iter().map(|to| (from, to)));
                }
            }
        }
        for (from, to) in pairs {
            if !between(world, &mut self.problem.network, from, to) {
                let label = |place| world.places.label(LocationIx(place));
                let (a, b) = (label(from), label(to));
                self.missing.insert(format!("no egress price from {a} to {b} (`egress`)"));
            }
        }
    }

    fn reservations(&mut self) {
        for reservation in &self.world.inputs.estate.reservations {
            let ix = self.world.named(&reservation.offer);
            if let Some(local) = ix.and_then(|ix| self.known_offer(ix)) {
                let reserved = reserved_as(reservation, local);
                self.problem.reservations.extend(reserved);
            }
        }
    }

    /// The sunk reservations of an offer that the problem knows as `local`.
    pub fn reservations_of(&self, ix: OfferIx, local: u32) -> Vec<Reservation> {
        if !self.reserved.contains(&ix) {
            return Vec::new();
        }
        let of_it = self.world.inputs.estate.reservations.iter();
        let of_it = of_it.filter(|stated| self.world.named(&stated.offer) == Some(ix));
        of_it.filter_map(|stated| reserved_as(stated, local)).collect()
    }

    /// The world the problem was made from.
    pub const fn world(&self) -> &'w World<'w> {
        self.world
    }

    /// The settings the problem was made with.
    pub const fn settings(&self) -> &'w Settings {
        self.settings
    }

    /// The estate's rules.
    pub const fn rules(&self) -> &'w Rules {
        self.rules
    }

    /// The constraint under which money or carbon limits are named.
    pub const fn budget_constraint(carbon: bool) -> Constraint {
        if carbon { Constraint::CarbonBudget } else { Constraint::Budget }
    }
}

/// A reservation as the problem has it, when it is sunk.
fn reserved_as(stated: &plimsoll_model::estate::Reservation, offer: u32) -> Option<Reservation> {
    stated.sunk.unwrap_or(true).then(|| Reservation {
        offer,
        count: f64::from(stated.count),
        until: stated.until.map_or(i64::MAX, Time::nanos),
    })
}

/// States what lies between two places of the problem; false when nothing states the price.
pub fn between(world: &World<'_>, network: &mut Network, from: u32, to: u32) -> bool {
    let (a, b) = (LocationIx(from), LocationIx(to));
    let at = (from as usize, to as usize);
    let ignored = &mut Assumptions::ignored();
    network.pico_gbps[at] =
        world.network().throughput(a, b, ignored).map_or(0, plimsoll_model::GbitPerSecond::pico);
    if network.tiers.is_some() {
        return true;
    }
    let usd = world.network().egress(a, b, ignored);
    network.usd_per_byte[at] = usd.map_or(f64::NAN, |usd| usd.to_f64() / GB);
    usd.is_some()
}

fn spec_name(build: &Build<'_>, index: usize) -> String {
    build.world.inputs.workloads[index].metadata.name.clone()
}

/// Bytes in a GB as clouds bill it.
const GB: f64 = 1_073_741_824.0;

/// More choices than this are not kept for one workload.
const MOST_CHOICES: usize = 20_000;

/// A copy of a dataset, seen from a reader.
#[derive(Debug, Clone, PartialEq)]
pub struct Copy {
    /// Where it is.
    pub from: LocationIx,
    /// What reading costs, exactly: a count of 10^-12 dollars × 2^30.
    pub exact: i128,
    /// The same in dollars.
    pub usd: f64,
    /// How long the transfer takes.
    pub time: Duration,
}

/// The copy of a dataset that a reader at a location uses.
pub fn cheapest_copy(
    world: &World<'_>,
    dataset: usize,
    to: LocationIx,
    size: Bytes,
    notes: &mut Assumptions,
) -> Option<Copy> {
    let copies = world.copies[dataset].iter().filter_map(|from| {
        let exact = world.network().egress_usd(*from, to, size, &mut Assumptions::ignored())?;
        let time = transfer(world, *from, to, size, &mut Assumptions::ignored());
        Some(Copy { from: *from, exact, usd: exact as f64 / GB / 1e12, time })
    });
    let best = copies
        .reduce(|best, next| if (next.exact, next.time) < (best.exact, best.time) { next } else { best })?;
    // Only what the chosen copy needs is an assumption of the plan.
    world.network().egress_usd(best.from, to, size, notes);
    transfer(world, best.from, to, size, notes);
    Some(best)
}

/// How long moving data takes.
pub fn transfer(
    world: &World<'_>,
    from: LocationIx,
    to: LocationIx,
    size: Bytes,
    notes: &mut Assumptions,
) -> Duration {
    let gbps = world.network().throughput(from, to, notes);
    Duration::from_nanos(gbps.map_or(0, |gbps| transfer_time(size.0, gbps.pico())))
}

/// A moment after which nothing of the plan runs: all work one after the other from the latest start.
fn latest(world: &World<'_>, settings: &Settings) -> Time {
    const DAY: i64 = 86_400_000_000_000;
    let now = settings.now.nanos();
    let mut last = now;
    let mut work: i64 = 60 * DAY;
    for workload in &world.inputs.workloads {
        let spec = &workload.spec;
        let slowest = spec.speed.iter().flatten().map(|s| s.1.pico()).min();
        let run = spec
            .duration
            .map_or(Some(settings.horizon), |d| d.divided_by_pico(slowest.unwrap_or(1_000_000_000_000)));
        work = work.saturating_add(run.unwrap_or(settings.horizon).nanos());
        for when in [spec.earliest, spec.deadline].into_iter().flatten() {
            last = last.max(when.resolve(settings.now).nanos());
        }
    }
    Time::from_nanos(last.saturating_add(work).min(now.saturating_add(20 * 366 * DAY)))
}
