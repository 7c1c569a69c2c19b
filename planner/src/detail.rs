//! What a report shows beside a plan: the other offers of each workload, where places lie, how clean their
//! power is over the time of the plan. Nothing of it is needed to plan.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use plimsoll_catalog::region;
use plimsoll_model::{
    Inputs, Plan, Time, Usd, Workload,
    plan::{Constraint, Placement, PlacementUsd},
};
use plimsoll_solver::{Column, column::own_cost, problem::ceil_second, state::State};

use crate::{
    build::{Build, Rules},
    error::PlanError,
    flags::Settings,
    price::Decision,
    report::{
        Seats, columns, nodes,
        runner_up::{difference_and_bill, others},
        usd,
    },
    terms::Terms,
    world::{Assumptions, Intensity, OfferIx, World},
};

/// What a report shows beside a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// The workloads, in document order.
    pub workloads: Vec<WorkloadDetail>,
    /// The places where something of the plan runs, in the order of their first placement.
    pub places: Vec<PlaceDetail>,
    /// Offers in all.
    pub offers: u64,
}

/// A workload beside its placement.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkloadDetail {
    /// Its name.
    pub workload: String,
    /// Whose it is.
    pub team: Option<String>,
    /// Whether it runs for the horizon instead of a duration.
    pub service: bool,
    /// The later of now and its earliest start.
    pub earliest: Time,
    /// When it must end.
    pub deadline: Option<Time>,
    /// How many offers pass every rule.
    pub eligible: u64,
    /// How many offers each constraint excludes, each offer under the first that does.
    pub filtered: IndexMap<Constraint, u64>,
    /// The best offers beside the others as placed, cheapest for the plan first; the chosen one among them.
    pub candidates: Vec<Candidate>,
}

/// An offer that a workload could have, all else as planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its name.
    pub offer: String,
    /// Whether the plan has it.
    pub chosen: bool,
    /// Instances; a fraction of the nodes on own machines.
    pub instances: f64,
    /// When it would start and end.
    pub start: Time,
    /// When it would end.
    pub end: Time,
    /// What the plan would cost more.
    pub extra_usd: Usd,
    /// What the workload would cost.
    pub usd: PlacementUsd,
    /// Its emissions, kg CO2e.
    pub carbon_kg: Option<f64>,
}

/// A place where something runs.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceDetail {
    /// `cloud/region`, or the site.
    pub name: String,
    /// A city, state or country, for people.
    pub location: Option<String>,
    /// ISO 3166 code of the country.
    pub country: Option<String>,
    /// Degrees of latitude and longitude; of a site that states none, those of the region near it.
    pub lat_lon: Option<(f64, f64)>,
    /// Whether the machines are the estate's own.
    pub own: bool,
    /// Grams CO2e a kWh over the time of the plan: each holds from its moment until the next.
    pub intensity: Vec<(Time, f64)>,
}

/// Candidates of all workloads together, about: fewer of each where there are many.
const ROWS: usize = 3_900;
/// Candidates of one workload, the chosen one among them.
const LEAST: usize = 3;
const MOST: usize = 10;
/// Offers tried beside the others for each that is shown: what is cheapest alone need not be beside them.
const TRIED: usize = 3;

/// What a report shows beside a plan of these inputs.
///
/// # Errors
/// When the estate contradicts itself, or a price needs a figure that nothing states.
pub fn detail(inputs: &Inputs, settings: &Settings, plan: &Plan) -> Result<Detail, PlanError> {
    let flags = &plan.inputs.flags;
    let settings =
        Settings { carbon_price: flags.carbon_price, delay_price: flags.delay_price, ..settings.clone() };
    let world = World::new(inputs, settings.now)?;
    let rules = Rules::of(&world);
    let mut build = Build::new(&world, &settings, &rules)?;
    let shown = shown(plan);
    let placed: BTreeMap<&str, &Placement> = plan.placements.iter().map(|p| (&*p.workload, p)).collect();
    let seat = |workload: &Workload| {
        let placement = placed.get(&*workload.metadata.name)?;
        let runs = placement.runs.as_ref().map_or_else(
            || vec![(placement.start.nanos(), placement.end.nanos())],
            |runs| runs.iter().map(|run| (run.start.nanos(), run.end.nanos())).collect(),
        );
        Some((world.named(&placement.offer.full_name())?, runs))
    };
    let seats: Seats = inputs.workloads.iter().map(seat).collect();
    let mut classes: BTreeMap<u32, Eligible> = BTreeMap::new();
    for task in 0..inputs.workloads.len() {
        let class = build.problem.tasks[task].class;
        if let std::collections::btree_map::Entry::Vacant(vacant) = classes.entry(class) {
            vacant.insert(Eligible::of(&build, task));
        }
        if shown.contains(&*inputs.workloads[task].metadata.name) {
            add_choices(&mut build, task, &classes[&class], TRIED * rows(plan));
        }
    }
    let mut candidates = candidates(&mut build, &seats, &shown, plan);
    let workloads = inputs.workloads.iter().enumerate().map(|(task, workload)| {
        let prospect = &build.prospects[task];
        let eligible = &classes[&build.problem.tasks[task].class];
        WorkloadDetail {
            workload: workload.metadata.name.clone(),
            team: workload.spec.team.clone(),
            service: prospect.is_service(),
            earliest: prospect.earliest,
            deadline: prospect.deadline,
            eligible: eligible.offers.len() as u64,
            filtered: eligible.filtered.clone(),
            candidates: candidates.remove(&task).unwrap_or_default(),
        }
    });
    let workloads = workloads.collect();
    Ok(Detail { workloads, places: places(&world, &seats, plan), offers: world.offers.len() as u64 })
}

/// Candidates of each workload that has some.
fn rows(plan: &Plan) -> usize {
    (ROWS / plan.placements.len().max(1)).clamp(LEAST, MOST)
}

/// The workloads whose candidates are shown: the dearest, where there are too many.
fn shown(plan: &Plan) -> BTreeSet<&str> {
    let mut dearest: Vec<&Placement> = plan.placements.iter().collect();
    dearest.sort_by_key(|placement| std::cmp::Reverse(placement.usd.total));
    dearest.into_iter().take(ROWS / LEAST).map(|placement| &*placement.workload).collect()
}

/// The offers that pass every rule of a workload, and why the others do not.
struct Eligible {
    offers: Vec<(OfferIx, Terms)>,
    filtered: IndexMap<Constraint, u64>,
}

impl Eligible {
    fn of(build: &Build<'_>, task: usize) -> Self {
        let (mut offers, filtered) = build.prospects[task].eligible();
        // Cheapest machines first; of equals the offer that comes first there.
        let machines = |(ix, terms): &(OfferIx, Terms)| {
            terms.instances.to_f64() * build.world().offer(*ix).hourly.to_f64() * terms.run.hours()
        };
        offers.sort_by(|a, b| machines(a).total_cmp(&machines(b)).then(a.0.cmp(&b.0)));
        Self { offers, filtered }
    }
}

/// Adds the choices that cost a task least on its own. Machines are a lower bound of what a choice costs,
/// unless they are reserved: in their order, what is still to come can be dismissed once enough cost less.
fn add_choices(build: &mut Build<'_>, task: usize, eligible: &Eligible, most: usize) {
    let mut least: Vec<(f64, OfferIx, Terms)> = Vec::new();
    let numbers = build.problem.tasks[task].clone();
    let reserved: Vec<u32> = build.problem.reservations.iter().map(|r| r.offer).collect();
    for (ix, terms) in &eligible.offers {
        let machines =
            terms.instances.to_f64() * build.world().offer(*ix).hourly.to_f64() * terms.run.hours();
        if least.len() >= most && least.last().is_some_and(|last| machines > last.0) {
            break;
        }
        if build.known_offer(*ix).is_some_and(|local| reserved.contains(&local)) {
            // Among the choices already, whatever it costs.
            continue;
        }
        let Some(choice) = build.choice(task, &numbers, *ix, terms) else { continue };
        let start = ceil_second(choice.ready);
        let mut cost = own_cost(&build.problem, &numbers, &choice, &[(start, start + choice.run)]);
        for &(dataset, level) in &numbers.reads {
            // What others share may be paid for already.
            if !build.is_shared(dataset) {
                cost += build.problem.datasets[dataset as usize].usd[(level as usize, choice.place as usize)];
            }
        }
        let at = least.partition_point(|other| other.0 <= cost);
        least.insert(at, (cost, *ix, *terms));
        least.truncate(most);
    }
    for (_, ix, terms) in least {
        // What lacks a figure is no candidate.
        _ = build.with_choice(task, ix, &terms);
    }
}

/// By task: its best offers beside the others as placed, priced as runner-ups are.
fn candidates(
    build: &mut Build<'_>,
    seats: &Seats,
    shown: &BTreeSet<&str>,
    plan: &Plan,
) -> BTreeMap<usize, Vec<Candidate>> {
    let columns = columns(build, seats);
    let decision = |column: &Column| Decision { choice: column.choice as usize, runs: column.runs.clone() };
    let decisions: Vec<Option<Decision>> = columns.iter().map(|c| c.as_ref().map(decision)).collect();
    for (task, _) in columns.iter().enumerate().filter(|(_, column)| column.is_some()) {
        let offers: Vec<u32> = build.problem.tasks[task].choices.iter().map(|choice| choice.offer).collect();
        build.look_up_carbon(&offers);
    }
    let build = &*build;
    let nodes = nodes::assign(build, &decisions);
    let mut state = State::new(&build.problem);
    for (task, column) in columns.iter().enumerate() {
        if let Some(column) = column {
            state.place(task, column.clone());
        }
    }
    let most = rows(plan);
    let mut found = BTreeMap::new();
    let names = build.world().inputs.workloads.iter().map(|w| &*w.metadata.name);
    let by_name: BTreeMap<&str, &Placement> = plan.placements.iter().map(|p| (&*p.workload, p)).collect();
    for (task, name) in names.enumerate().filter(|(_, name)| shown.contains(name)) {
        let (Some(chosen), Some(placement)) = (state.remove(task), by_name.get(name)) else { continue };
        let room = |group, demand, runs: &[(i64, i64)]| {
            nodes::room(build, &decisions, &nodes, task, group, demand, runs)
        };
        let mut others = others(build, &mut state, task, &chosen, &room);
        state.place(task, chosen);
        others.sort_by(|a, b| a.0.total_cmp(&b.0));
        others.truncate(most - 1);
        let mut list: Vec<Candidate> = others
            .into_iter()
            .filter_map(|(_, choice, column)| candidate(build, &decisions, task, choice, column))
            .collect();
        list.push(Candidate {
            offer: placement.offer.full_name(),
            chosen: true,
            instances: placement.instances,
            start: placement.start,
            end: placement.end,
            extra_usd: Usd::ZERO,
            usd: placement.usd.clone(),
            carbon_kg: placement.carbon_kg,
        });
        list.sort_by(|a, b| (a.extra_usd, !a.chosen, &a.offer).cmp(&(b.extra_usd, !b.chosen, &b.offer)));
        found.insert(task, list);
    }
    found
}

fn candidate(
    build: &Build<'_>,
    decisions: &[Option<Decision>],
    task: usize,
    choice: usize,
    column: Column,
) -> Option<Candidate> {
    let (start, end) = (column.start(), column.end());
    let new = Decision { choice, runs: column.runs };
    let (extra_usd, _, bill) = difference_and_bill(build, decisions, task, new);
    let bill = bill?;
    let offer = build.problem.tasks[task].choices[choice].offer;
    Some(Candidate {
        offer: build.world().offer(build.offers[offer as usize]).name(),
        chosen: false,
        instances: build.terms[task][choice].instances.to_f64(),
        start: Time::from_nanos(start),
        end: Time::from_nanos(end),
        extra_usd,
        usd: usd(&bill.parts),
        carbon_kg: bill.kg,
    })
}

/// The places of the placements.
fn places(world: &World<'_>, seats: &Seats, plan: &Plan) -> Vec<PlaceDetail> {
    let now = plan.inputs.flags.now;
    let until = plan.placements.iter().map(|placement| placement.end).max().unwrap_or(now);
    let mut places: IndexMap<String, PlaceDetail> = IndexMap::new();
    for (ix, _) in seats.iter().flatten() {
        let at = world.offer(*ix).location;
        let location = world.places.location(at);
        let name = world.places.label(at);
        places.entry(name.clone()).or_insert_with(|| {
            let near = || world.network().coordinates(world.places.near(at)?);
            let region = location.cloud.as_deref().and_then(|cloud| region(cloud, &location.region));
            PlaceDetail {
                name,
                location: region.map(|region| region.location.to_owned()),
                country: world.places.country(at).map(str::to_owned),
                lat_lon: world.network().coordinates(at).or_else(near),
                own: location.site.is_some(),
                intensity: world
                    .intensity(at, until, &mut Assumptions::ignored())
                    .map_or_else(Vec::new, |intensity| within(&intensity, now, until)),
            }
        });
    }
    places.into_values().collect()
}

/// The steps of an intensity from one moment to another, the first at that moment.
fn within(intensity: &Intensity, from: Time, to: Time) -> Vec<(Time, f64)> {
    let first = intensity.0.partition_point(|step| step.0 <= from).saturating_sub(1);
    let steps = intensity.0[first..].iter().take_while(|step| step.0 < to || step.0 <= from);
    steps.map(|step| (step.0.max(from), step.1.to_f64())).collect()
}
