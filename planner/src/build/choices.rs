//! The choices of a workload: every eligible offer with what it costs and uses, thinned.

use plimsoll_model::{Duration, Inputs, Usd};
use plimsoll_solver::{
    column,
    problem::{Choice, HOUR, Task},
};

use super::{Build, Quota, beyond, network::GB, thin};
use crate::{
    terms::Terms,
    world::{Assumptions, Offer, OfferIx},
};

/// Dollars that no plan can state.
pub(crate) const MOST_USD: f64 = 1e12;

/// More choices than this are not kept for one workload.
const MOST_CHOICES: usize = 20_000;

impl Build<'_> {
    /// The choices of a workload with their terms, thinned.
    pub(super) fn choices(&mut self, index: usize, task: &Task) -> (Vec<Choice>, Vec<Terms>) {
        let world = self.world;
        let plain = self.outlooks.is_empty() && self.is_plain(index, task);
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
            if let Some(mut choice) = self.choice(index, task, ix, &terms) {
                choice.spare = !self.bears_outlooks(ix, &terms);
                let mut profile = self.profile(index, task, &choice, ix);
                self.measure_outlooks(task, &choice, (ix, &terms), &mut profile);
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
        !self.prospects[index].spec().ordered
            && task.bond.is_none()
            && self.rules.quotas.is_empty()
            && !self.money_counts[index]
            && task.carbon_budgets.is_empty()
            && task.deadline.is_none()
            && task.inputs.is_empty()
            && !self.has_consumer[index]
            && !task.reads.iter().any(|r| self.shared_data[r.0 as usize])
    }

    /// The problem's index of an offer.
    pub(super) fn offer(&mut self, ix: OfferIx) -> u32 {
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
            return self.lacks(index, "spec", offer, "interruptionsPerHour");
        }
        if kilowatts.is_none() && powered {
            return self.lacks(index, "spec", offer, "watts");
        }
        if series.is_none() && needs_carbon {
            return self.lacks(index, "spec", offer, "carbon intensity (`carbonIntensity`)");
        }
        if let Some(client) = self.prospects[index].unknown_rtt(offer.location) {
            let client = client.to_owned();
            return self.lacks(
                index,
                "spec.clients",
                offer,
                &format!("a round-trip time to {client} (`latency`)"),
            );
        }
        // Of a small cloud nothing may say what leaving it costs; a producer's data may have to leave.
        if self.hands_over[index] && offer.embedded && !self.may_leave(offer.location) {
            return self.lacks(index, "spec", offer, "egress price (`egress`)");
        }
        let arrives = self.arrives(index, task, offer)?;
        let mut outputs = 0.0;
        for (nth, (output, to)) in spec.outputs.iter().zip(&world.outputs[index]).enumerate() {
            let ignored = &mut Assumptions::ignored();
            let Some(usd) = world.network().egress_usd(offer.location, *to, output.size, ignored) else {
                return self.lacks(
                    index,
                    &format!("spec.outputs[{nth}].to"),
                    offer,
                    &format!("egress price to {} (`egress`)", output.to),
                );
            };
            outputs += column::micro(usd as f64 / GB / 1e12);
        }
        let compute = terms.instances.to_f64() * offer.hourly.to_f64() * terms.run.nanos() as f64 / HOUR;
        if compute + outputs >= MOST_USD {
            let name = &self.prospects[index].workload.metadata.name;
            let what = format!("`{name}` on `{}`", offer.name());
            let place = world.inputs.places.workloads.get(index);
            self.beyond.get_or_insert_with(|| beyond(place, &what));
            return None;
        }
        let name = &self.prospects[index].workload.metadata.name;
        let current = spec.current.as_ref().or_else(|| self.settings.previous.get(name));
        let stays = current.map(|current| offer.is_named(current));
        let rework = terms.rework();
        let quotas = self.rules.quotas_of(ix, spec);
        let takes = |quota: &Quota| quota.takes(spec.replicas, terms.demand, offer, terms.instances);
        let quotas = quotas.filter_map(|(q, quota)| Some((q, takes(quota)?))).collect();
        Some(Choice {
            offer: 0,
            demand: terms.demand,
            place: offer.location.0,
            instances: terms.instances.to_f64(),
            hourly: offer.hourly.to_f64(),
            run: terms.run.nanos(),
            ready: (self.settings.now + arrives).max(self.prospects[index].earliest).nanos(),
            arrives: arrives.nanos(),
            electricity: electricity.map_or(0.0, |price| price.to_f64() * kilowatts.unwrap_or(0.0)),
            kilowatts: kilowatts.unwrap_or(0.0),
            series: kilowatts.and(series),
            risk: rework,
            latency: self.prospects[index].latency_usd(offer.location),
            moving: if stays == Some(false) { spec.move_cost.map_or(0.0, Usd::to_f64) } else { 0.0 },
            outputs,
            way: if spec.ordered { terms.way } else { 0 },
            units: if offer.nodes.is_some() { 0 } else { terms.instances.over as i64 },
            quotas,
            group: offer.nodes.map(|nodes| self.group(nodes)),
            spare: false,
            current: stays == Some(true),
        })
    }

    /// How long it takes from now until every dataset has arrived; `None` when an egress price is missing.
    fn arrives(&mut self, index: usize, task: &Task, offer: &Offer) -> Option<Duration> {
        let mut arrives = Duration::default();
        for &(dataset, level) in &task.reads {
            let at = (level as usize, offer.location.0 as usize);
            let Some(time) = self.arrivals[dataset as usize][at] else {
                let name = &self.world.inputs.estate.datasets[dataset as usize].name;
                return self.lacks(
                    index,
                    "spec.inputs",
                    offer,
                    &format!("egress price from dataset {name} (`egress`)"),
                );
            };
            arrives = arrives.max(time);
        }
        Some(arrives)
    }

    /// Notes a missing figure of an offer that the user stated. Embedded offers are passed over.
    fn lacks<T>(&mut self, index: usize, field: &str, offer: &Offer, what: &str) -> Option<T> {
        what.clone_into(&mut self.lacking);
        if !offer.embedded {
            let figure = format!("`{}` has no {what}", offer.name());
            let by = || needed_by(self.world.inputs, index, field);
            self.missing.entry(figure).or_insert_with(by);
        }
        None
    }
}

/// The workload that a figure is needed for, with the place that needs it.
pub(super) fn needed_by(inputs: &Inputs, index: usize, field: &str) -> String {
    let name = &inputs.workloads[index].metadata.name;
    match inputs.places.workloads.get(index) {
        Some(place) => format!(", which `{name}` needs ({})", place.place_of(field)),
        None => format!(", which `{name}` needs"),
    }
}
