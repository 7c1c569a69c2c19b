//! Whether a workload may run on an offer at all, whatever else is placed.
//!
//! Where the contract is silent:
//! - `anyOf` and `kind` together must both agree; a request with neither takes any accelerator.
//! - `regions`, `clouds`, `zones`, `notIn` and `residency` each take places of every sort; a location
//!   whose zone or country is unknown lies in none of them.
//! - The speed filter holds for services too; a speed of 0 does not run.

use plimsoll_model::{Arch, Capacity, Ratio, plan::Constraint, workload::WorkloadSpec};

use crate::{
    Checker,
    exact::{Rat, float, hours, int, pico, rework, usd},
    fit::{Fit, fit},
    offer::Offer,
    violation::Missing,
};

/// What stands between a workload and an offer.
#[derive(Debug, Default)]
pub(crate) struct Filtered {
    /// The constraints that exclude the offer, each with needs and has.
    pub(crate) by: Vec<(Constraint, String)>,
    /// What a constraint needs to know and nothing states.
    pub(crate) missing: Vec<Missing>,
    /// Only which constraints: no words are made.
    silent: bool,
}

impl Filtered {
    fn exclude(&mut self, by: Constraint, words: impl FnOnce() -> String) {
        let words = if self.silent { String::new() } else { words() };
        self.by.push((by, words));
    }
}

/// In which order constraints exclude an offer: `filtered` counts it under the first. After these come
/// count, quota and deadline, where one placement alone exceeds them.
const ORDER: [Constraint; 13] = [
    Constraint::Accelerator,
    Constraint::Size,
    Constraint::Memory,
    Constraint::Capacity,
    Constraint::Interruptible,
    Constraint::Region,
    Constraint::NotIn,
    Constraint::Only,
    Constraint::Residency,
    Constraint::Speed,
    Constraint::Latency,
    Constraint::MaxHourly,
    Constraint::Risk,
];

impl Checker<'_> {
    /// The static filters, of the way in which the workload would run there.
    pub(crate) fn filtered(&self, spec: &WorkloadSpec, offer: &Offer) -> Filtered {
        self.filtered_as_stated(&self.way(spec, offer), offer)
    }

    /// The static filters, whatever the alternatives.
    pub(crate) fn filtered_as_stated(&self, spec: &WorkloadSpec, offer: &Offer) -> Filtered {
        let mut found = Filtered::default();
        let fit = fit(spec, offer);
        self.by_hardware(spec, offer, fit.as_ref(), &mut found);
        self.by_place(spec, offer, &mut found);
        self.by_only(spec, offer, &mut found);
        self.by_latency(spec, offer, &mut found);
        if let Some(fit) = fit {
            self.by_price_and_risk(spec, offer, &fit, &mut found);
        }
        found
    }

    /// The first of the static filters that excludes an offer, whatever the alternatives; the costly ones
    /// are not asked where a cheap one excludes it.
    pub(crate) fn first_filter(&self, spec: &WorkloadSpec, offer: &Offer) -> Option<Constraint> {
        let mut found = Filtered { silent: true, ..Filtered::default() };
        let first = |found: &Filtered| ORDER.into_iter().find(|by| found.by.iter().any(|(of, _)| of == by));
        let fit = fit(spec, offer);
        self.by_hardware(spec, offer, fit.as_ref(), &mut found);
        if first(&found).is_some_and(|by| by != Constraint::Speed) {
            return first(&found);
        }
        self.by_place(spec, offer, &mut found);
        self.by_only(spec, offer, &mut found);
        if found.by.is_empty() {
            self.by_latency(spec, offer, &mut found);
        }
        if let Some(fit) = fit.filter(|_| found.by.is_empty()) {
            self.by_price_and_risk(spec, offer, &fit, &mut found);
        }
        first(&found)
    }

    fn by_hardware(&self, spec: &WorkloadSpec, offer: &Offer, fit: Option<&Fit>, found: &mut Filtered) {
        let request = &spec.request;
        if let Some(accelerators) = &request.accelerators {
            let has = offer.accelerator.as_deref().unwrap_or("no accelerator");
            let named = accelerators.any_of.is_empty()
                || accelerators.any_of.iter().any(|name| self.canonical(name) == has);
            let of_kind = accelerators.kind.is_none_or(|kind| offer.kind == Some(kind));
            if offer.accelerator.is_none() || !named || !of_kind {
                found.exclude(Constraint::Accelerator, || {
                    let kind = accelerators.kind.map(|kind| format!("kind {kind}"));
                    let wanted: Vec<String> = accelerators.any_of.iter().cloned().chain(kind).collect();
                    format!("needs {}, {} has {has}", wanted.join(" or "), offer.name)
                });
            }
            if let Some(wanted) = accelerators.memory
                && offer.accelerator_memory.is_none_or(|has| has < wanted)
            {
                let has =
                    offer.accelerator_memory.map_or("an unstated size".to_owned(), |has| has.to_string());
                found.exclude(Constraint::Memory, || {
                    format!("needs {wanted} of accelerator memory, {} has {has}", offer.name)
                });
            }
        }
        let slice = offer.accelerator.as_deref().filter(|_| request.accelerators.is_none());
        if let Some(slice) = slice.and_then(plimsoll_catalog::accelerator).filter(|slice| slice.hosts() > 1) {
            found.exclude(Constraint::Size, || {
                format!("asks for no accelerators, and {} is {} machines", offer.name, slice.hosts())
            });
        }
        if fit.is_none() {
            found.exclude(Constraint::Size, || {
                format!("an instance of {} does not hold one replica", offer.name)
            });
        }
        if !request.instance_type.is_empty()
            && offer.spec.instance_type.as_ref().is_none_or(|has| !request.instance_type.contains(has))
        {
            let has = offer.spec.instance_type.as_deref().unwrap_or("no instance type");
            found.exclude(Constraint::Size, || {
                format!("needs {}, {} is {has}", request.instance_type.join(" or "), offer.name)
            });
        }
        if let Some(kind) = &offer.spec.instance_type
            && request.not_instance_type.contains(kind)
        {
            found.by.push((Constraint::Size, format!("must not be on {kind}, which {} is", offer.name)));
        }
        if let Some(arch) = request.arch.filter(|arch| offer.spec.arch != Some(*arch)) {
            let has = offer.spec.arch.map_or("of an unstated architecture", Arch::as_str);
            found.exclude(Constraint::Size, || format!("needs {arch}, {} is {has}", offer.name));
        }
        if let Some(arch) = request.not_arch.filter(|arch| offer.spec.arch == Some(*arch)) {
            found.by.push((Constraint::Size, format!("must not be on {arch}, which {} is", offer.name)));
        }
        if self.run_time(spec, offer).is_none() {
            found.exclude(Constraint::Speed, || format!("`speed` has no usable figure for {}", offer.name));
        }
        let class = offer.spec.capacity;
        if spec.capacity.as_ref().is_some_and(|allowed| !allowed.contains(&class)) {
            found.exclude(Constraint::Capacity, || format!("{class} is not among the allowed classes"));
        }
        if class == Capacity::Spot && !spec.interruptible {
            found.exclude(Constraint::Interruptible, || {
                format!("{} is spot and the workload is not interruptible", offer.name)
            });
        }
    }

    /// `only`: an offer of a cloud matches one of the entries without a team, if there are any; with a
    /// team that entries name, any offer matches one of those. Entries for those with accelerators, or
    /// without, count for these alone.
    fn by_only(&self, spec: &WorkloadSpec, offer: &Offer, found: &mut Filtered) {
        let has_accelerators = spec.request.accelerators.is_some();
        let all = self.inputs.estate.only.iter();
        let all = all.filter(|only| only.accelerators.is_none_or(|about| about == has_accelerators));
        let general = all.clone().filter(|only| only.team.is_none() && offer.own.is_none());
        let own = all.filter(|only| {
            let teams = only.team.as_ref().map_or(&[][..], |teams| teams.values());
            spec.team.as_ref().is_some_and(|team| teams.contains(team))
        });
        for entries in [general.collect::<Vec<_>>(), own.collect()] {
            if !entries.is_empty() && !entries.iter().any(|only| self.matches(&only.matches, offer)) {
                found.exclude(Constraint::Only, || format!("no entry of `only` matches {}", offer.name));
            }
        }
    }

    fn by_place(&self, spec: &WorkloadSpec, offer: &Offer, found: &mut Filtered) {
        let place = &offer.location;
        let outside = |allowed: &[String]| !allowed.is_empty() && !self.in_any(allowed, place);
        for allowed in [&spec.regions, &spec.clouds, &spec.zones] {
            if outside(allowed) {
                found.exclude(Constraint::Region, || {
                    format!("needs {}, {} is in {}", allowed.join(" or "), offer.name, place.text())
                });
            }
        }
        if self.in_any(&spec.not_in, place) {
            found.exclude(Constraint::NotIn, || {
                format!("must not be in {}, {} is in {}", spec.not_in.join(" or "), offer.name, place.text())
            });
        }
        let datasets = spec.inputs.iter().filter_map(|input| self.datasets.get(input.dataset.as_deref()?));
        let residencies = std::iter::once(&spec.residency).chain(datasets.map(|dataset| &dataset.residency));
        for required in residencies.filter(|required| outside(required)) {
            let country = place.country.as_deref().unwrap_or("an unknown country");
            found.exclude(Constraint::Residency, || {
                format!("must stay in {}, {} is in {country}", required.join(" or "), offer.name)
            });
        }
    }

    fn by_latency(&self, spec: &WorkloadSpec, offer: &Offer, found: &mut Filtered) {
        let Some(bound) = spec.latency.and_then(|goal| goal.bound()) else { return };
        for client in &spec.clients {
            if client.share.is_some_and(Ratio::is_zero) {
                continue;
            }
            match self.rtt(&self.locate(&client.region), &offer.location) {
                Ok(ms) if ms > pico(bound.pico()) => found.exclude(Constraint::Latency, || {
                    format!("needs {bound} ms to {}, has {} ms", client.region, float(&ms))
                }),
                Ok(_) => {}
                Err(missing) => found.missing.push(missing),
            }
        }
    }

    fn by_price_and_risk(&self, spec: &WorkloadSpec, offer: &Offer, fit: &Fit, found: &mut Filtered) {
        let hourly = &fit.n * &offer.hourly;
        if let Some(bound) = spec.max_hourly
            && hourly > usd(bound)
        {
            found.exclude(Constraint::MaxHourly, || {
                format!(
                    "{} instances at ${} cost ${} an hour, at most ${bound} is allowed",
                    float(&fit.n),
                    float(&offer.hourly),
                    float(&hourly)
                )
            });
        }
        match self.exposure(spec, offer, fit) {
            Ok(exposure) if rework(&exposure).is_none_or(|factor| factor > int(1_000_000)) => {
                let expected = float(&exposure);
                found.exclude(Constraint::Risk, || {
                    format!("{expected} interruptions are expected a piece: it would hardly ever end")
                });
            }
            Ok(_) => {}
            Err(missing) => found.missing.push(missing),
        }
    }

    /// λp: the interruptions expected while one piece of work is not yet safe. 0 off spot.
    pub(crate) fn exposure(&self, spec: &WorkloadSpec, offer: &Offer, fit: &Fit) -> Result<Rat, Missing> {
        let Some(work) = self.run_time(spec, offer).filter(|_| offer.is_spot()) else { return Ok(int(0)) };
        let piece =
            spec.checkpoint.map_or(work, |checkpoint| work.min(checkpoint.every + checkpoint.restart));
        Ok(self.interruptions(offer)? * &fit.n * hours(piece))
    }
}
