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
                known.watts.value * offer.accelerators as f64 / 1000.0
            }
            None => 0.0,
        };
        let cloud = offer.cloud.as_deref().unwrap_or("on-prem");
        let cores = offer.cpu.map_or(0.0, |c| c.milli() as f64 / 1000.0);
        let memory = offer.memory.map_or(0, |m| m.0);
        let host = catalog::host_watts(cloud, cores, memory);
        if accelerators <= 0.0 && host.value <= 0.0 {
            return None;
        }
        note!(
            notes,
            format!("power of hosts of {cloud}"),
            "by vCPU and GiB".into(),
            host.source,
            Some(host.as_of),
        );
        // To the milliwatt: the tables are coarser than that.
        Watts::from_f64(((accelerators + host.value) * 1000.0).round() / 1000.0).ok()
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
