//! Scenarios as the planner sees them: what a figure in force becomes in one.

use plimsoll_model::{
    GramsPerKwh, Usd,
    estate::PriceRule,
    quantity::decimal::SCALE,
    scenarios::{CarbonChange, InterruptionChange, Scenario},
};

use super::{Intensity, LocationIx, Matcher, Offer, World, offers::Price};

/// A scenario with its names looked up.
#[derive(Debug)]
pub struct Outlook<'a> {
    /// What was stated.
    pub scenario: &'a Scenario,
    /// The estate's rules for prices, then the scenario's.
    prices: Vec<(Matcher, &'a PriceRule)>,
    interruptions: Vec<(Matcher, &'a InterruptionChange)>,
}

impl<'a> World<'a> {
    /// The estate's scenarios, in order.
    pub fn outlooks(&self) -> Vec<Outlook<'a>> {
        let estate = &self.inputs.estate;
        let of = |scenario: &'a Scenario| Outlook {
            scenario,
            prices: estate
                .prices
                .iter()
                .chain(&scenario.prices)
                .map(|rule| (Matcher::new(&rule.matches, self), rule))
                .collect(),
            interruptions: scenario
                .interruptions
                .iter()
                .map(|change| (Matcher::new(&change.matches, self), change))
                .collect(),
        };
        estate.scenarios.iter().map(of).collect()
    }

    /// Whether a change of carbon intensity covers a place: by name, by the name of the neighbour whose
    /// figure stands for it, or by the grid zone of a site.
    fn covers(&self, change: &CarbonChange, location: LocationIx) -> bool {
        let site = self.places.location(location).site.map(|s| &self.inputs.estate.sites[s]);
        let carbon = site.and_then(|site| site.carbon.as_ref());
        if let Some(region) = change.region.as_deref() {
            let near = self.places.near(location).filter(|_| carbon.is_none());
            let named = |at| self.places.rank(region, at).is_some();
            return named(location) || near.is_some_and(named);
        }
        change.zone.is_some() && carbon.is_some_and(|carbon| carbon.zone == change.zone)
    }
}

impl Outlook<'_> {
    /// Dollars an hour of an offer.
    pub fn hourly(&self, offer: &Offer) -> Usd {
        let mut price = Price::of(offer.list_hourly);
        for (_, rule) in self.prices.iter().filter(|(matcher, _)| matcher.matches(offer)) {
            price.apply(rule);
        }
        price.rounded()
    }

    /// What λp of an offer becomes: the rate changes, and what is at risk stays. `at_risk` is that in
    /// instance-hours.
    pub fn exposure(&self, offer: &Offer, exposure: f64, at_risk: f64) -> f64 {
        let mut exposure = exposure;
        for (_, change) in self.interruptions.iter().filter(|(matcher, _)| matcher.matches(offer)) {
            if let Some(rate) = change.per_hour {
                exposure = rate.to_f64() * at_risk;
            }
            if let Some(factor) = change.multiply {
                exposure *= factor.to_f64();
            }
        }
        exposure
    }

    /// What a place's carbon intensity becomes.
    pub fn intensity(&self, world: &World<'_>, location: LocationIx, stated: &Intensity) -> Intensity {
        let mut intensity = stated.clone();
        for change in self.scenario.carbon_intensity.iter().filter(|change| world.covers(change, location)) {
            if let Some(grams) = change.grams_per_kwh {
                intensity = Intensity::constant(grams);
            }
            if let Some(factor) = change.multiply {
                for (_, grams) in &mut intensity.0 {
                    let pico = grams.pico().saturating_mul(factor.pico()) / SCALE;
                    *grams = GramsPerKwh::from_pico(pico);
                }
            }
        }
        intensity
    }
}
