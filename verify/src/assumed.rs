//! What a plan assumes: every figure that no document states, with its source and date.
//!
//! First comes what was assumed in reading the files, as it was then said; after it the figures that the
//! placements take from the embedded tables, in any order, each once. A figure is stated where a placement
//! takes it, whether or not it is billed: power, PUE and carbon intensity of every place that is used (a
//! series too, as its first value holds before it and its last one after), interruptions of spot offers,
//! egress and throughput of all that moves, round trips to the clients of a latency goal, the horizon of
//! services, and that a workload which states no architecture runs on Arm. Of what moves no byte, nothing
//! has to be said.

use std::collections::BTreeMap;

use plimsoll_model::{
    Arch, Plan,
    estate::{Dataset, EgressModel},
    plan::Assumption,
};

use crate::{
    Checker,
    carbon::Origin,
    compare::Findings,
    evaluate::Assessed,
    network::Link,
    offer::Offer,
    place::Location,
    state::Placed,
    tables::{Figure, Said},
    violation::{Kind, Violation},
};

/// What may be said of each subject, and whether it must be.
#[derive(Debug, Default)]
struct Expected(BTreeMap<String, (bool, Vec<Assumption>)>);

impl Expected {
    fn add(&mut self, must: bool, what: String, value: String, source: &str, as_of: Option<String>) {
        let as_of = as_of.filter(|date| !date.is_empty());
        let one = Assumption { what: what.clone(), value, source: source.to_owned(), as_of };
        let (needed, list) = self.0.entry(what).or_default();
        *needed |= must;
        if !list.contains(&one) {
            list.push(one);
        }
    }

    fn said(&mut self, must: bool, what: String, said: Option<Said>) {
        if let Some(Said { value, source, as_of }) = said {
            self.add(must, what, value, &source, Some(as_of));
        }
    }
}

impl Checker<'_> {
    /// Compares what a plan assumes with what its placements take from the tables.
    pub(crate) fn compare_assumptions(
        &self,
        plan: &Plan,
        assessed: &Assessed<'_>,
        found: &mut Vec<Violation>,
    ) {
        let mut findings = Findings { subject: "assumptions", found };
        let of_files = &self.inputs.assumptions;
        let (first, rest) = plan.assumptions.split_at(of_files.len().min(plan.assumptions.len()));
        if first != of_files {
            findings.add(Kind::Document, "do not begin with what was assumed in reading the files");
            return;
        }
        let expected = self.expected(assessed);
        let mut missing: Vec<&str> =
            expected.0.iter().filter(|(_, (must, _))| *must).map(|(what, _)| &**what).collect();
        let mut seen = Vec::new();
        for stated in rest {
            let what = &*stated.what;
            missing.retain(|missing| *missing != what);
            match expected.0.get(what) {
                None => findings.add(Kind::Document, format!("{what}: nothing in the plan takes it")),
                Some((_, right)) if !right.contains(stated) => {
                    let right = right.iter().map(text).collect::<Vec<_>>().join(" or ");
                    findings
                        .add(Kind::Arithmetic, format!("{what} is {right}, the plan says {}", text(stated)));
                }
                Some(_) if seen.contains(&what) => {
                    findings.add(Kind::Document, format!("{what} is stated twice"));
                }
                Some(_) => seen.push(what),
            }
        }
        for what in missing {
            findings.add(Kind::Document, format!("{what} is taken from the tables and not stated"));
        }
    }

    fn expected(&self, assessed: &Assessed<'_>) -> Expected {
        let mut expected = Expected::default();
        let mut services = Vec::new();
        for (workload, placed) in assessed.state.iter() {
            self.of_offer(&placed.offer, &mut expected);
            self.of_carbon(&placed.offer, &mut expected);
            self.of_moves(assessed, workload, placed, &mut expected);
            self.of_clients(workload, placed, &mut expected);
            let document = &self.inputs.workloads[workload];
            let name = &*document.metadata.name;
            if document.spec.duration.is_none() {
                services.push(name);
            }
            if document.spec.request.arch.is_none() && placed.offer.spec.arch == Some(Arch::Arm64) {
                let source = "the workload states no `request.arch`, so it is taken to run on either";
                expected.add(true, format!("architecture of {name}"), "arm64".into(), source, None);
            }
        }
        if !services.is_empty() {
            let what = format!("horizon of the services {}", services.join(", "));
            let source = "`--horizon`, else the estate's `horizon`, else 24h";
            expected.add(true, what, self.flags.horizon.to_string(), source, None);
        }
        expected
    }

    /// Power, PUE and interruptions.
    fn of_offer(&self, offer: &Offer, expected: &mut Expected) {
        let building = offer.building();
        if offer.spec.watts.is_none() && self.watts(offer).is_ok() {
            if let Some(name) = &offer.accelerator {
                let said = self.default(|tables| tables.said(Figure::Accelerator(name)));
                expected.said(true, format!("power of {name}"), said);
            }
            let host = building.unwrap_or("on-prem");
            let said = self.default(|tables| tables.said(Figure::Host(host)));
            expected.said(true, format!("power of hosts of {host}"), said);
        }
        if offer.spec.pue.is_none() {
            let said = self.default(|tables| tables.said(Figure::Pue(building)));
            expected.said(true, format!("PUE of {}", building.unwrap_or("own sites")), said);
        }
        if offer.is_spot() && self.stated_interruptions(offer).is_none() {
            let cloud = offer.location.cloud.as_deref().unwrap_or("other providers");
            let said = self.default(|tables| tables.said(Figure::Interruptions));
            expected.said(true, format!("spot interruptions of {cloud}"), said);
        }
    }

    fn of_carbon(&self, offer: &Offer, expected: &mut Expected) {
        match self.intensity_with_origin(offer) {
            Some((_, Origin::Series { about, path })) => {
                let Some(series) = self.inputs.series.get(path) else { return };
                let Some((first, last)) = series.first().zip(series.last()) else { return };
                let what = format!("carbon intensity of {about} outside of its series");
                let value = format!("the first value before {}, the last one after {}", first.0, last.0);
                expected.add(true, what, value, path, None);
            }
            Some((_, Origin::Tables(place))) => {
                let said = place
                    .cloud_region()
                    .and_then(|region| self.default(|tables| tables.said(Figure::Carbon(region))));
                expected.said(true, format!("carbon intensity of {}", place.text()), said);
            }
            Some((_, Origin::Stated)) | None => {}
        }
    }

    /// Egress and throughput of what moves.
    fn of_moves(&self, assessed: &Assessed<'_>, workload: usize, placed: &Placed, expected: &mut Expected) {
        let moves = assessed.priced[workload].iter().flat_map(|priced| &priced.moves);
        for moved in moves.filter(|moved| moved.size > 0) {
            self.of_link(true, &moved.from, &moved.to, expected);
        }
        // Of no byte, any copy is as cheap as the others.
        let here = &placed.offer.location;
        let spec = &self.inputs.workloads[workload].spec;
        for input in &spec.inputs {
            let dataset = input.dataset.as_deref().and_then(|name| self.datasets.get(name));
            let nothing = |dataset: &&&Dataset| input.size.unwrap_or(dataset.size).0 == 0;
            for copy in dataset.filter(nothing).into_iter().flat_map(|dataset| &dataset.at) {
                self.of_link(false, &self.locate(copy), here, expected);
            }
            let producer = self.producer(&assessed.state, input);
            if let Some((_, producer)) = producer.filter(|_| input.size.unwrap_or_default().0 == 0) {
                self.of_link(false, &producer.offer.location, here, expected);
            }
        }
        for output in spec.outputs.iter().filter(|output| output.size.0 == 0) {
            self.of_link(false, here, &self.locate(&output.to), expected);
        }
    }

    fn of_link(&self, must: bool, from: &Location, to: &Location, expected: &mut Expected) {
        if from.same_region(to) {
            return;
        }
        if self.inputs.estate.egress_model != Some(EgressModel::Cloud)
            && let Link::Unstated { from, to } = self.egress_link(from, to)
        {
            let figure = from.cloud_region().map(|of| match to.cloud_region() {
                Some(to) => Figure::Egress(of, to),
                None => Figure::EgressTo(of, to.country.as_deref()),
            });
            let said = figure.and_then(|figure| self.default(|tables| tables.said(figure)));
            expected.said(must, format!("egress from {} to {}", from.text(), to.text()), said);
        }
        if let Link::Unstated { from, to } = self.throughput_link(from, to) {
            let what = format!("throughput from {} to {}", from.text(), to.text());
            let regions = from.cloud_region().zip(to.cloud_region());
            let said = regions
                .and_then(|(from, to)| self.default(|tables| tables.said(Figure::Throughput(from, to))));
            if said.is_some() {
                expected.said(must, what, said);
            } else {
                expected.add(must, what, "5 Gbit/s".into(), "default where nothing is measured", None);
            }
        }
    }

    /// Round trips to the clients of a latency goal.
    fn of_clients(&self, workload: usize, placed: &Placed, expected: &mut Expected) {
        let spec = &self.inputs.workloads[workload].spec;
        let clients = spec.clients.iter().filter(|_| spec.latency.is_some());
        for client in clients.filter(|client| client.share.is_none_or(|share| !share.is_zero())) {
            let client = self.locate(&client.region);
            let Link::Unstated { from, to } = self.latency_link(&client, &placed.offer.location) else {
                continue;
            };
            let regions = from.cloud_region().zip(to.cloud_region());
            let measured =
                regions.and_then(|(from, to)| self.default(|tables| tables.said(Figure::Rtt(from, to))));
            let by_distance = || {
                let (from, to) = (self.coordinates(from)?, self.coordinates(to)?);
                self.default(|tables| tables.said(Figure::RttByDistance(from, to)))
            };
            let what = format!("round-trip time between {} and {}", from.text(), to.text());
            expected.said(true, what, measured.or_else(by_distance));
        }
    }
}

fn text(one: &Assumption) -> String {
    let date = one.as_of.as_deref().map_or(String::new(), |date| format!(" of {date}"));
    format!("\"{}\" by {}{date}", one.value, one.source)
}
