//! What `[market]` offers, with the series that it names.

use plimsoll_model::{
    Capacity,
    scenario::{Gaps, MarketOffer, PriceSeries},
};
use plimsoll_traces::{
    Tolerance,
    prices::{Only, prices},
    series::{Columns, Gap, availability, series},
};

use super::{Horizon, Machines, start};
use crate::{
    experiment::{Context, Problems, of_trace},
    timed::{market::Offer, series::Series},
};

/// What may be rented, the carbon of electricity, and how far series of them reach.
pub(super) struct Found {
    pub(super) offers: Vec<Offer>,
    pub(super) carbon: Option<Series>,
    pub(super) horizons: Vec<Horizon>,
}

/// More than any grid emits, in g a kWh.
const MOST_CARBON: f64 = 100_000.0;

/// What may be rented, and the carbon of electricity; kinds of accelerator that only offers have are numbered too.
pub(super) fn read(context: &mut Context<'_>, machines: &mut Machines) -> Result<Found, Problems> {
    let market = context.point.scenario.value.market.clone();
    if market.electricity.is_some() {
        return context.refuse(
            "market.electricity",
            "electricity prices are not simulated yet",
            "remove the key",
        );
    }
    let mut offers: Vec<Offer> = Vec::new();
    let mut horizons = Vec::new();
    for (at, spec) in market.offers.iter().enumerate() {
        let field = format!("market.offers[{at}]");
        if offers.iter().any(|known| known.name == spec.name) {
            return context.refuse(
                &field,
                format!("a second offer is called `{}`", spec.name),
                "names must differ",
            );
        }
        let model = spec.accelerator.as_ref().map(|name| machines.kind(name));
        offers.push(Offer { model, ..offer(context, spec, &field)? });
    }
    if let Some(spot) = &market.spot {
        if let Some(spec) = &spot.prices {
            let field = "market.spot.prices";
            let at = spot_offer(context, field, spec.offer.as_deref(), &offers)?;
            if offers[at].nano_hourly > 0 {
                let message = "has no meaning where market.spot.prices says what it costs";
                return context.refuse(&format!("market.offers[{at}].hourly"), message, "remove the key");
            }
            offers[at].prices = Some(spot_prices(context, spec, field)?);
        }
        if let Some(spec) = &spot.availability {
            let field = "market.spot.availability";
            let at = spot_offer(context, field, spec.offer.as_deref(), &offers)?;
            let (name, bytes) = context.file(field, Some(&spec.file))?;
            let found = availability(&name, &bytes, context.tolerance);
            let (points, end) = found.map_err(|error| of_trace(&error))?;
            offers[at].availability = Series::new(points);
            let strict = context.tolerance == Tolerance::Strict;
            horizons.push(Horizon::new(field, name, end, strict, "cut the run before (run.until)"));
        }
    }
    let carbon = match &market.carbon {
        None => None,
        Some(spec) => {
            let field = "market.carbon";
            let zero = start(context, field)?;
            let (name, bytes) = context.file(field, Some(&spec.file))?;
            let gaps = match spec.gaps.unwrap_or_default() {
                Gaps::Error => Gap::Error,
                Gaps::Hold => Gap::Hold,
                Gaps::Linear => Gap::Linear,
            };
            let columns =
                Columns { time: spec.time.as_deref(), value: spec.value.as_deref(), most: MOST_CARBON };
            let found = series(&name, &bytes, columns, gaps, context.tolerance);
            let found = found.map_err(|error| of_trace(&error))?;
            context.note_dropped(&found.dropped);
            if found.filled > 0 {
                let how =
                    if gaps == Gap::Linear { "lie between their neighbours" } else { "are those before" };
                context.notes.push(format!("{name}: {} values in holes {how}", found.filled));
            }
            if let Some(end) = found.end {
                let strict = gaps == Gap::Error && context.tolerance == Tolerance::Strict;
                let end = u64::try_from(end - zero / 1000).unwrap_or(0);
                horizons.push(Horizon::new(
                    field,
                    name.clone(),
                    end,
                    strict,
                    "gaps = \"hold\" lets the last value hold",
                ));
            }
            let points =
                found.points.iter().map(|(time, value)| (time - zero / 1000, (value * 1e6).round() as i64));
            let Some(series) = Series::new(points) else {
                return context.refuse(field, format!("{name} has no values"), "");
            };
            if series.first() > 0 {
                let help = "move `arrivals.start`, or name a series that covers it";
                return context.refuse(field, format!("{name} begins after time 0 of the trace"), help);
            }
            Some(series)
        }
    };
    Ok(Found { offers, carbon, horizons })
}

fn offer(context: &Context<'_>, spec: &MarketOffer, field: &str) -> Result<Offer, Problems> {
    if spec.name.is_empty() {
        return context.refuse(field, "an offer needs a `name`", "");
    }
    if !(0.0..=1e6).contains(&spec.hourly) {
        return context.refuse(&format!("{field}.hourly"), "must lie between 0 and 1000000", "$ an hour");
    }
    let cpu = spec.cpu.map_or(0.0, |count| count.0);
    // As for machines: a kind without a count is one.
    let usual = if spec.accelerator.is_some() { 1.0 } else { 0.0 };
    let accelerators = spec.accelerators.map_or(usual, |count| count.0);
    if !(0.0..=1e6).contains(&cpu) || !(0.0..=60_000.0).contains(&accelerators) || accelerators.fract() != 0.0
    {
        return context.refuse(
            field,
            "cpu and accelerators must be counts of 0 or more",
            "accelerators whole",
        );
    }
    if cpu == 0.0 && accelerators == 0.0 {
        return context.refuse(field, "can hold nothing", "cpu = 1 is an offer that is rented by the CPU");
    }
    let capacity = spec.capacity.unwrap_or(Capacity::OnDemand);
    for (name, given) in [("startup", spec.startup.is_some()), ("watts", spec.watts.is_some())] {
        if given {
            return context.refuse(&format!("{field}.{name}"), "is not simulated yet", "remove the key");
        }
    }
    let rate = spec.interruptions_per_hour.unwrap_or(0.0);
    let rate_field = format!("{field}.interruptions_per_hour");
    if !(0.0..=1e6).contains(&rate) {
        return context.refuse(&rate_field, "must lie between 0 and 1000000", "of an instance, in an hour");
    }
    if capacity != Capacity::Spot && spec.interruptions_per_hour.is_some() {
        return context.refuse(&rate_field, "only spot capacity is taken back", "capacity = \"spot\"");
    }
    let sunk = spec.sunk.unwrap_or(capacity == Capacity::Reserved);
    if sunk && spec.count.is_none() {
        return context.refuse(field, "a commitment needs a `count`", "count = 9");
    }
    Ok(Offer {
        name: spec.name.clone(),
        capacity,
        cpu_milli: (cpu * 1000.0).round() as u64,
        devices: accelerators as u64,
        model: None,
        memory_mib: spec.memory.map(|memory| memory.0 >> 20),
        nano_hourly: (spec.hourly * 1e9).round() as i64,
        count: spec.count,
        sunk,
        prices: None,
        availability: None,
        interruptions_per_hour: rate,
    })
}

/// What a spot offer costs over time.
fn spot_prices(context: &mut Context<'_>, spec: &PriceSeries, field: &str) -> Result<Series, Problems> {
    let zero = start(context, field)?;
    let (name, bytes) = context.file(field, Some(&spec.file))?;
    let only = Only { zone: spec.zone.as_deref(), instance_type: spec.instance_type.as_deref() };
    let found = prices(&name, &bytes, only, context.tolerance).map_err(|error| of_trace(&error))?;
    context.note_dropped(&found.dropped);
    let points = found.rows.iter().map(|(time, usd)| (time - zero / 1000, (usd * 1e6).round() as i64));
    match Series::new(points) {
        Some(series) if series.first() <= 0 => Ok(series),
        Some(_) => {
            let help = "move `arrivals.start`, or name prices that cover it";
            context.refuse(field, format!("{name} begins after time 0 of the trace"), help)
        }
        None => context.refuse(field, format!("{name} has no prices"), ""),
    }
}

/// The spot offer that a series is about.
fn spot_offer(
    context: &Context<'_>,
    field: &str,
    name: Option<&str>,
    offers: &[Offer],
) -> Result<usize, Problems> {
    let spots: Vec<usize> = (0..offers.len()).filter(|at| offers[*at].capacity == Capacity::Spot).collect();
    match (name, spots.as_slice()) {
        (Some(name), _) => match offers.iter().position(|offer| offer.name == name) {
            Some(at) => Ok(at),
            None => context.refuse(&format!("{field}.offer"), format!("there is no offer `{name}`"), ""),
        },
        (None, [only]) => Ok(*only),
        (None, []) => context.refuse(field, "no offer is of capacity spot", "add one to market.offers"),
        (None, _) => context.refuse(field, "several offers are of capacity spot", "name one: offer = \"…\""),
    }
}
