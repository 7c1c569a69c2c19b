//! Power: watts of an instance under load, PUE, interruptions of spot capacity.

use plimsoll_catalog as catalog;
use plimsoll_model::{PerHour, Ratio, Watts};

use super::{Assumptions, Offer, World, note, offers::Matcher};

impl World<'_> {
    /// Watts of one instance under load; `None` where nothing states them.
    pub fn watts(&self, offer: &Offer, notes: &mut Assumptions) -> Option<Watts> {
        if let Some(watts) = offer.watts {
            return Some(watts);
        }
        if !self.embedded_defaults() {
            return None;
        }
        let accelerators = match offer.accelerator_name.as_deref() {
            Some(name) => {
                let known = catalog::accelerator(name)?;
                note!(
                    notes,
                    format!("power of {}", known.name),
                    format!(
                        "{} W each{}",
                        known.watts.value,
                        if known.watts.estimate { ", an estimate" } else { "" }
                    ),
                    known.watts.source,
                    Some(known.watts.as_of),
                );
                let each = Watts::from_f64(known.watts.value).ok()?;
                Watts::from_pico(each.pico() * i128::from(offer.accelerators) / 1000)
            }
            None => Watts::ZERO,
        };
        // Own machines are in no cloud's building, whatever region their site counts as.
        let cloud = offer.cloud.as_deref().filter(|_| offer.nodes.is_none()).unwrap_or("on-prem");
        let cores = offer.cpu.map_or(0.0, |c| c.milli() as f64 / 1000.0);
        let memory = offer.memory.map_or(0, |m| m.0);
        let host = catalog::host_watts(cloud, cores, memory);
        if accelerators.is_zero() && host.value <= 0.0 {
            return None;
        }
        note!(
            notes,
            format!("power of hosts of {cloud}"),
            "by vCPU and GiB".into(),
            host.source,
            Some(host.as_of),
        );
        Some(accelerators + Watts::from_f64(host.value).ok()?)
    }

    /// PUE of the building an offer is in: stated, else the embedded figure, else 1.
    pub fn pue(&self, offer: &Offer, notes: &mut Assumptions) -> Ratio {
        if let Some(pue) = offer.pue {
            return pue;
        }
        if !self.embedded_defaults() {
            return Ratio::from_units(1);
        }
        let cloud = if offer.nodes.is_some() { None } else { offer.cloud.as_deref() };
        let fact = catalog::pue(cloud);
        note!(
            notes,
            format!("PUE of {}", cloud.unwrap_or("own sites")),
            format!("{}{}", fact.value, if fact.estimate { ", an estimate" } else { "" }),
            fact.source,
            Some(fact.as_of),
        );
        Ratio::from_f64(fact.value).unwrap_or(Ratio::from_units(1))
    }

    /// Interruptions an instance-hour of a spot offer; `None` where nothing states them.
    pub fn interruptions(
        &self,
        offer: &Offer,
        rules: &[(Matcher, PerHour)],
        notes: &mut Assumptions,
    ) -> Option<PerHour> {
        if let Some((_, rate)) = rules.iter().rev().find(|(matcher, _)| matcher.matches(offer)) {
            return Some(*rate);
        }
        if offer.interruptions.is_some() || !self.embedded_defaults() {
            return offer.interruptions;
        }
        let fact = catalog::default_interruptions_per_hour();
        note!(
            notes,
            format!("spot interruptions of {}", offer.cloud.as_deref().unwrap_or("other providers")),
            format!("{} an instance-hour, an estimate", fact.value),
            fact.source,
            Some(fact.as_of),
        );
        PerHour::from_f64(fact.value).ok()
    }
}
