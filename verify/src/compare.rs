//! A plan against what its decisions really cost: every figure of every placement.
//!
//! The decisions are read out of the plan (workload, offer, start, runs, nodes), everything else is
//! recomputed and compared. Money must be equal to the micro-dollar; risk, carbon and latency may be
//! off by one where the exact value lies within 10^-9 of a tie of the rounding (10^-14 of the value for
//! very large sums). Floats may differ by 10^-9 of the value.
//!
//! Where the contract is silent:
//! - `offer` repeats what the documents state. What they leave out may be absent, or the figure in
//!   force. `hourly` may be exact or rounded to six decimals.
//! - The payer's transfer of a shared copy may show the hours of the largest size or of its own read.
//!   Transfers of no bytes may be left out.

use plimsoll_model::{
    AcceleratorCount, OfferSpec, Plan, Time, Usd,
    plan::{Documents, Placement, Transfer},
};

use crate::{
    Checker, changes,
    data::Move,
    exact::{Rat, close, distance_to_tie, float, int, micro, pico, ratio, usd},
    offer::{Offer, shown},
    price::{Priced, instances, parts},
    state::{Decision, Placed},
    violation::{Kind, Violation},
};

/// Where findings about one subject go.
pub(crate) struct Findings<'f> {
    pub(crate) subject: &'f str,
    pub(crate) found: &'f mut Vec<Violation>,
}

impl Findings<'_> {
    pub(crate) fn add(&mut self, kind: Kind, message: impl Into<String>) {
        self.found.push(Violation::new(kind, self.subject, message));
    }

    /// A figure that must be equal.
    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, kind: Kind, what: &str, shown: &T, exact: &T) {
        if shown != exact {
            self.add(kind, format!("{what} is {exact:?}, the plan says {shown:?}"));
        }
    }

    fn money(&mut self, what: &str, shown: Usd, exact: Usd) {
        if shown != exact {
            self.add(Kind::Arithmetic, format!("{what} is ${exact}, the plan says ${shown}"));
        }
    }

    /// A figure that is null exactly when it is unknown.
    pub(crate) fn float(&mut self, what: &str, shown: Option<f64>, exact: Option<&Rat>) {
        let agrees = match (shown, exact) {
            (Some(shown), Some(exact)) => close(shown, exact),
            (shown, exact) => shown.is_none() && exact.is_none(),
        };
        if !agrees {
            let exact = exact.map_or("unknown".to_owned(), |exact| float(exact).to_string());
            let shown = shown.map_or("null".to_owned(), |shown| shown.to_string());
            self.add(Kind::Arithmetic, format!("{what} is {exact}, the plan says {shown}"));
        }
    }
}

/// Whether rounding this value could have gone either way in floats.
pub(crate) fn near_tie(exact: &Rat) -> bool {
    let slack = ratio(1, 1_000_000_000).max(exact * ratio(1, 100_000_000_000_000_i64));
    distance_to_tie(exact) <= slack
}

impl Checker<'_> {
    /// Everything that is wrong with a plan of these documents and flags.
    pub fn verify(&self, plan: &Plan) -> Vec<Violation> {
        let mut found = Vec::new();
        if plan.inputs.digest != self.inputs.digest {
            let message =
                format!("the plan was made from {}, these are {}", plan.inputs.digest, self.inputs.digest);
            found.push(Violation::new(Kind::Document, "inputs", message));
        }
        let carried = plan.inputs.documents.as_ref();
        let same = |documents: &Documents| {
            documents.workloads == self.inputs.workloads
                && documents.estate == self.inputs.estate
                && documents.series == self.inputs.series
        };
        if carried.is_some_and(|documents| !same(documents)) {
            let message = "the documents that the plan carries are not those of the files".to_owned();
            found.push(Violation::new(Kind::Document, "inputs", message));
        }
        let decisions = self.decisions(plan, &mut found);
        let mut assessed = self.assess(&decisions);
        found.append(&mut assessed.violations);
        for placement in &plan.placements {
            let Some(index) = self.names.get(&*placement.workload).copied() else { continue };
            let (Some(placed), Some(priced)) = (assessed.state.get(index), &assessed.priced[index]) else {
                continue;
            };
            let mut findings = Findings { subject: &placement.workload, found: &mut found };
            self.compare_placement(placement, placed, priced, &mut findings);
        }
        self.compare_lists(plan, &mut found);
        self.compare_filtered(plan, &mut found);
        self.compare_objective(plan, &assessed, &mut found);
        self.check_left_out(plan, &mut assessed, &mut found);
        self.check_order(&mut assessed, &mut found);
        if found.is_empty() {
            self.compare_assumptions(plan, &assessed, &mut found);
        }
        self.check_causes(plan, &decisions, &assessed, &mut found);
        self.compare_runner_ups(plan, &mut assessed, &mut found);
        found.append(&mut changes::check(plan));
        self.check_scenarios(plan, &decisions, &mut found);
        found
    }

    /// What the plan decides, as far as it speaks of these documents.
    fn decisions(&self, plan: &Plan, found: &mut Vec<Violation>) -> Vec<Decision> {
        let mut decisions = Vec::new();
        for placement in &plan.placements {
            let Some(workload) = self.names.get(&*placement.workload).copied() else {
                found.push(Violation::new(
                    Kind::Document,
                    &*placement.workload,
                    "is no workload of the documents",
                ));
                continue;
            };
            let offer = placement.offer.full_name();
            let own = self.offer(&offer).is_some_and(|offer| offer.own.is_some());
            // Own nodes that the plan does not name hold nothing, which is then reported as such.
            let nodes = placement.nodes.clone().or_else(|| own.then(Vec::new));
            let runs = placement.runs.iter().flatten().map(|run| (run.start, run.end)).collect();
            decisions.push(Decision { workload, offer, start: placement.start, runs, nodes });
        }
        decisions
    }

    fn compare_placement(
        &self,
        plan: &Placement,
        placed: &Placed,
        priced: &Priced,
        findings: &mut Findings<'_>,
    ) {
        self.compare_offer(&plan.offer, &placed.offer, findings);
        if let Some(fit) = &placed.fit {
            if !close(plan.instances, &fit.n) {
                let message = format!("instances is {}, the plan says {}", instances(fit), plan.instances);
                findings.add(Kind::Arithmetic, message);
            }
            findings.equal(Kind::Arithmetic, "replicasPerInstance", &plan.replicas_per_instance, &fit.k);
        }
        let mut times = |what: &str, shown: Time, exact: Time| {
            // Plans show milliseconds, and `Display` rounds to them.
            if shown.to_string() != exact.to_string() {
                findings.add(Kind::Arithmetic, format!("{what} is {exact}, the plan says {shown}"));
            }
        };
        times("end", plan.end, placed.end());
        for (run, (_, end)) in plan.runs.iter().flatten().zip(&placed.runs) {
            times("the end of a run", run.end, *end);
        }
        findings.float("carbonKg", plan.carbon_kg, priced.carbon_kg.as_ref());
        compare_money(plan, priced, findings);
        self.compare_transfers(&plan.transfers, &priced.moves, findings);
    }

    fn compare_offer(&self, plan: &OfferSpec, offer: &Offer, findings: &mut Findings<'_>) {
        let spec = &offer.spec;
        let hourly = [shown(&offer.hourly), micro(&offer.hourly)];
        if !hourly.contains(&plan.hourly) {
            let message = format!("offer.hourly is ${}, the plan says ${}", hourly[0], plan.hourly);
            findings.add(Kind::Arithmetic, message);
        }
        let list = plan.list_hourly;
        if list != Some(spec.hourly) && list != Some(micro(&offer.list)) {
            let says = list.map_or("nothing".to_owned(), |list| format!("${list}"));
            findings
                .add(Kind::Arithmetic, format!("offer.listHourly is ${}, the plan says {says}", spec.hourly));
        }
        let location = self.offer_location(plan.cloud.as_deref(), &plan.region, plan.zone.as_deref());
        let mut same = |what: &str, agrees: bool| {
            if !agrees {
                findings.add(
                    Kind::Document,
                    format!("{what} of offer {} is not as in the documents", offer.name),
                );
            }
        };
        same("cloud or region", location.key() == offer.location.key());
        same("zone", location.zone == offer.location.zone);
        same("instanceType", plan.instance_type == spec.instance_type);
        let accelerator = plan.accelerator.as_deref().map(|name| self.canonical(name));
        same("accelerator", accelerator == offer.accelerator);
        same(
            "acceleratorKind",
            stated_or(plan.accelerator_kind.as_ref(), spec.accelerator_kind.as_ref(), offer.kind.as_ref()),
        );
        let count = AcceleratorCount(offer.accelerators_milli);
        same("accelerators", stated_or(plan.accelerators.as_ref(), spec.accelerators.as_ref(), Some(&count)));
        let memory = offer.accelerator_memory;
        same(
            "acceleratorMemory",
            stated_or(plan.accelerator_memory.as_ref(), spec.accelerator_memory.as_ref(), memory.as_ref()),
        );
        same("cpu", plan.cpu == spec.cpu);
        same("memory", plan.memory == spec.memory);
        same("arch", plan.arch == spec.arch);
        same("capacity", plan.capacity == spec.capacity);
        same("count", plan.count == spec.count);
        let watts = self.watts(offer).ok();
        let watts_agree = plan.watts.map_or(spec.watts.is_none(), |plan| watts == Some(pico(plan.pico())));
        same("watts", watts_agree);
        let pue_agrees = plan.pue.map_or(spec.pue.is_none(), |plan| self.pue(offer) == pico(plan.pico()));
        same("pue", pue_agrees);
        let rate = self.interruptions(offer).ok();
        let rates_agree = plan.interruptions_per_hour.map_or(spec.interruptions_per_hour.is_none(), |plan| {
            rate == Some(pico(plan.pico())) || spec.interruptions_per_hour == Some(plan)
        });
        same("interruptionsPerHour", rates_agree);
        same("source", spec.source.is_none() || plan.source == spec.source);
        same("asOf", spec.as_of.is_none() || plan.as_of == spec.as_of);
    }

    fn compare_transfers(&self, plan: &[Transfer], moves: &[Move], findings: &mut Findings<'_>) {
        let mut left: Vec<&Transfer> = plan.iter().collect();
        for moved in moves {
            let (from, to) = (moved.from.text(), moved.to.text());
            let same = |transfer: &&Transfer| {
                transfer.what == moved.what
                    && self.locate(&transfer.from).key() == moved.from.key()
                    && self.locate(&transfer.to).key() == moved.to.key()
            };
            let exactly = left.iter().position(|transfer| same(transfer) && transfer.size == moved.size);
            let Some(at) = exactly.or_else(|| left.iter().position(same)) else {
                if moved.size > 0 {
                    let message = format!(
                        "moves {} bytes of {} from {from} to {to}, the plan lists no such transfer",
                        moved.size, moved.what
                    );
                    findings.add(Kind::Arithmetic, message);
                }
                continue;
            };
            let transfer = left.remove(at);
            let about = format!("transfer of {} from {from} to {to}", moved.what);
            findings.equal(
                Kind::Arithmetic,
                &format!("the size of the {about}"),
                &transfer.size,
                &moved.size,
            );
            findings.money(&format!("the {about}"), transfer.usd, micro(&moved.usd));
            let hours = |seconds: &Rat| seconds / int(3600);
            if !close(transfer.hours, &hours(&moved.seconds))
                && !close(transfer.hours, &hours(&moved.own_seconds))
            {
                let exact = float(&hours(&moved.seconds));
                findings.add(
                    Kind::Arithmetic,
                    format!("the {about} takes {exact} h, the plan says {}", transfer.hours),
                );
            }
        }
        for transfer in left {
            let message = format!(
                "lists a transfer of {} from {} to {} that does not take place",
                transfer.what, transfer.from, transfer.to
            );
            findings.add(Kind::Arithmetic, message);
        }
    }
}

/// Whether a field of a plan's offer is what the documents state; what they leave out may be absent or
/// the figure in force.
fn stated_or<T: PartialEq>(plan: Option<&T>, spec: Option<&T>, in_force: Option<&T>) -> bool {
    match (plan, spec) {
        (Some(plan), Some(spec)) => plan == spec,
        (Some(plan), None) => in_force == Some(plan),
        (None, spec) => spec.is_none(),
    }
}

fn compare_money(plan: &Placement, priced: &Priced, findings: &mut Findings<'_>) {
    let exact = &priced.exact;
    let exact = |part: &str| match part {
        "carbon" => Some(&exact.carbon),
        "risk" => Some(&exact.risk),
        "latency" => Some(&exact.latency),
        _ => None,
    };
    for ((part, shown), (_, right)) in parts(&plan.usd).into_iter().zip(parts(&priced.usd)) {
        let off = (shown.pico() - right.pico()).abs();
        let excused = off == 1_000_000 && exact(part).is_some_and(near_tie);
        if off != 0 && !excused {
            findings.money(&format!("usd.{part}"), shown, right);
        }
    }
    let sum = parts(&plan.usd).into_iter().map(|(_, part)| part).sum();
    findings.money("usd.total", plan.usd.total, sum);
    let egress = plan.transfers.iter().map(|transfer| transfer.usd).sum();
    if plan.usd.egress != egress {
        findings.add(
            Kind::Arithmetic,
            format!("usd.egress is ${}, the transfers sum up to ${egress}", plan.usd.egress),
        );
    }
    for transfer in &plan.transfers {
        if usd(transfer.usd) != usd(micro(&usd(transfer.usd))) {
            findings.add(Kind::Arithmetic, format!("${} has more than six decimals", transfer.usd));
        }
    }
}
