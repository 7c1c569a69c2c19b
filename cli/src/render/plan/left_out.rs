//! What is not placed, why, and what would change that.

use plimsoll_model::{
    Cpu, Plan,
    plan::{Cause, Constraint, Lacking, Shortfall, Unplaced},
};
use serde_json::Value;

use crate::render::{
    format::{bytes, decimals, duration_hours, thousands, usd_f64},
    style::bad,
    table::{shorten, wrap, wrap_painted},
};

pub(super) fn lines(plan: &Plan, width: usize) -> Vec<String> {
    let in_all = plan.shortfall.iter().flat_map(|shortfall| shortfall_in_all(shortfall, width));
    in_all.chain(plan.unplaced.iter().flat_map(|unplaced| one(unplaced, width))).collect()
}

/// What is lacking for everything required together.
pub(in crate::render) fn shortfall_in_all(shortfall: &Shortfall, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut lacking = shortfall.limits.iter().filter(|lacking| lacking.by > 0.0).peekable();
    if lacking.peek().is_some() {
        lines.extend(wrap("  ", "For everything required to fit together it takes at least:", width));
        let amount = |one: &Lacking| format!("{} more of {}", figure(one.by, &one.unit), limit(one));
        lines.extend(lacking.flat_map(|one| wrap("    - ", &amount(one), width)));
    }
    let together: Vec<String> =
        shortfall.limits.iter().filter(|lacking| lacking.conflicts).map(limit).collect();
    if together.len() > 1 {
        let text = format!("No plan keeps these limits together: {}.", together.join(", "));
        lines.extend(wrap("  ", &text, width));
    }
    lines
}

/// A limit by its name.
fn limit(lacking: &Lacking) -> String {
    let name = shorten(&lacking.name, 60);
    match lacking.constraint {
        Constraint::Quota => format!("the quota for {name}"),
        Constraint::Budget => format!("the budget of {name}"),
        Constraint::CarbonBudget => format!("the carbon budget of {name}"),
        _ => name,
    }
}

pub(in crate::render) fn one(unplaced: &Unplaced, width: usize) -> Vec<String> {
    let name = bad(&shorten(&unplaced.workload, 40));
    let changes = match unplaced.causes.as_slice() {
        [] => None,
        [cause] if cause.constraint == Constraint::Producer => None,
        [_] => Some("it could be placed with"),
        _ if unplaced.together => Some("it could be placed with all of"),
        _ => Some("it could be placed with any one of"),
    };
    // The reason speaks of the causes too, unless there are none or the price is one.
    let reason = (changes.is_none() || unplaced.cost_usd.is_some()).then_some(&*unplaced.reason);
    let header = reason.into_iter().chain(changes).collect::<Vec<_>>().join("; ");
    let header = format!("{name}: {header}");
    let mut lines = wrap_painted("  ", &header, width);
    for cause in unplaced.causes.iter().filter(|cause| cause.constraint != Constraint::Producer) {
        lines.extend(wrap("    - ", &sentence(cause), width));
    }
    if unplaced.nearest.is_none() && !unplaced.filtered.is_empty() {
        let mut filtered: Vec<(&Constraint, &u64)> = unplaced.filtered.iter().collect();
        filtered.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let parts: Vec<String> = filtered
            .iter()
            .map(|(constraint, count)| {
                format!("{} {}", thousands(u128::from(**count)), excluded(**constraint, **count == 1))
            })
            .collect();
        lines.extend(wrap("    ", &format!("offers that do not fit: {}", parts.join(", ")), width));
    }
    if let Some(nearest) = &unplaced.nearest {
        lines.extend(wrap("    ", &format!("the offer that comes nearest: {nearest}"), width));
    }
    lines
}

/// What a limit would have to be, and what it is.
pub(in crate::render) fn sentence(cause: &Cause) -> String {
    let unit = cause.unit.as_deref();
    let amount = |value: &Value| match (value, unit) {
        (Value::Number(number), Some(unit)) => {
            number.as_f64().map_or_else(|| number.to_string(), |number| figure(number, unit))
        }
        (Value::String(text), _) => text.clone(),
        (Value::Null, _) => "nothing".to_owned(),
        (Value::Array(items), _) => {
            let text = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
            named(&items.iter().map(text).collect::<Vec<_>>(), ", ")
        }
        (value, _) => value.to_string(),
    };
    let (needs, has) = (amount(&cause.needs), amount(&cause.has));
    let more = match (cause.relax_by, unit) {
        (Some(more), Some(unit)) => format!(" ({} more)", figure(more, unit)),
        _ => String::new(),
    };
    let name = &cause.name;
    match cause.constraint {
        Constraint::Accelerator if cause.has.is_null() => {
            format!("an accelerator that some offer has, instead of {needs}")
        }
        Constraint::Accelerator => format!("another accelerator: {has} instead of {needs}"),
        Constraint::Size if name == "notInstanceType" => format!("{has} not forbidden, as {needs} is"),
        Constraint::Size if name == "notArch" => format!("processors of {has} not forbidden"),
        Constraint::Size if name == "instanceType" => format!("machine type {has} instead of {needs}"),
        Constraint::Size if name == "hosts" => {
            format!("a slice of TPUs ({has} machines), if it asked for one")
        }
        Constraint::Size if cause.relax_by.is_some() => {
            let what = match &**name {
                "count" => "accelerators",
                "cpu" => "cores",
                _ => "of memory",
            };
            let plain = |value: &Value| {
                let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let cores =
                    value.as_str().filter(|_| name == "cpu").and_then(|text| text.parse::<Cpu>().ok());
                let number = value.as_f64().or(cores.map(|cores| cores.milli() as f64 / 1000.0));
                number.map_or_else(text, |number| decimals(number, 3))
            };
            let (most, asked) = (plain(&cause.has), plain(&cause.needs));
            format!("a request of at most {most} {what} instead of {asked}")
        }
        Constraint::Size => format!("a smaller request ({name}): {has} instead of {needs}"),
        Constraint::Memory => format!("less memory of the accelerator: {has} instead of {needs}"),
        Constraint::Capacity => format!("another capacity class: {needs}, beside {has}"),
        Constraint::Interruptible => "spot machines, if it could bear interruptions".to_owned(),
        Constraint::Count => format!("{needs} of {name} to be had instead of {has}{more}"),
        Constraint::Quota => format!("a quota for {name} of {needs} instead of {has}{more}"),
        Constraint::Budget => format!("a budget of {needs} for {name} instead of {has}{more}"),
        Constraint::CarbonBudget => format!("a carbon budget of {needs} for {name} instead of {has}{more}"),
        Constraint::MaxHourly => format!("a maxHourly of {needs} instead of {has}{more}"),
        Constraint::MaxCost => format!("a maxCost of {needs} instead of {has}{more}"),
        Constraint::Deadline => format!("a deadline of {needs} instead of {has}{more}"),
        Constraint::Latency => format!("a round trip of {needs} instead of {has}{more}"),
        Constraint::Speed => format!("a stated speed of {needs}"),
        Constraint::Region => format!("{needs} allowed, beside {has}"),
        Constraint::NotIn => format!("{needs} not forbidden, as {has} is"),
        Constraint::Residency => format!("{needs} allowed by residency, beside {has}"),
        Constraint::Only => format!("{needs} among what `only` allows ({name})"),
        Constraint::Together => {
            format!("to be apart from the others of {name}: in {needs}, they are in {has}")
        }
        Constraint::Risk => "machines that are interrupted less often".to_owned(),
        Constraint::Producer => format!("{name} placed"),
    }
}

/// Names in a row; of very many the first ones and how many more.
pub(in crate::render) fn named(names: &[String], between: &str) -> String {
    const MOST: usize = 8;
    const FIRST: usize = 5;
    if names.len() <= MOST {
        return names.join(between);
    }
    let rest = thousands((names.len() - FIRST) as u128);
    format!("{}{between}{rest} others", names[..FIRST].join(between))
}

/// A figure in one of the units of `relaxBy`.
pub(in crate::render) fn figure(value: f64, unit: &str) -> String {
    match unit {
        "usd" => usd_f64(value),
        "h" => duration_hours(value),
        "bytes" => bytes(value as u64),
        "accelerators" | "instances" | "cores" => {
            let one = (value - 1.0).abs() < 1e-9;
            format!("{} {}", decimals(value, 3), if one { &unit[..unit.len() - 1] } else { unit })
        }
        unit => format!("{} {unit}", decimals(value, 3)),
    }
}

/// A constraint in words.
pub(in crate::render) const fn word(constraint: Constraint) -> &'static str {
    match constraint {
        Constraint::Accelerator => "accelerator",
        Constraint::Size => "size",
        Constraint::Memory => "accelerator memory",
        Constraint::Capacity => "capacity class",
        Constraint::Interruptible => "spot",
        Constraint::Count => "instances to be had",
        Constraint::Quota => "quota",
        Constraint::Budget => "budget",
        Constraint::CarbonBudget => "carbon budget",
        Constraint::MaxHourly => "price an hour",
        Constraint::MaxCost => "cost",
        Constraint::Deadline => "deadline",
        Constraint::Latency => "round trip",
        Constraint::Residency => "residency",
        Constraint::Region => "region",
        Constraint::NotIn => "forbidden place",
        Constraint::Only => "what may be used",
        Constraint::Together => "place of its group",
        Constraint::Speed => "speed",
        Constraint::Producer => "producer",
        Constraint::Risk => "interruptions",
    }
}

/// Why offers are excluded, after their number.
pub(in crate::render) const fn excluded(constraint: Constraint, one: bool) -> &'static str {
    match (constraint, one) {
        (Constraint::Accelerator, true) => "has another accelerator",
        (Constraint::Accelerator, false) => "have another accelerator",
        (Constraint::Size, true) => "is too small",
        (Constraint::Size, false) => "are too small",
        (Constraint::Memory, _) => "by memory of the accelerator",
        (Constraint::Capacity, _) => "of a capacity class not allowed",
        (Constraint::Interruptible, _) => "on spot, which it cannot bear",
        (Constraint::Count, _) => "by the instances to be had",
        (Constraint::Quota, _) => "by quota",
        (Constraint::Budget, _) => "by budget",
        (Constraint::CarbonBudget, _) => "by carbon budget",
        (Constraint::MaxHourly, _) => "above its maxHourly",
        (Constraint::MaxCost, _) => "above its maxCost",
        (Constraint::Deadline, true) => "is too late",
        (Constraint::Deadline, false) => "are too late",
        (Constraint::Latency, true) => "is too far from its users",
        (Constraint::Latency, false) => "are too far from its users",
        (Constraint::Residency, _) => "outside of its residency",
        (Constraint::Region, _) => "in places it does not allow",
        (Constraint::NotIn, _) => "in places it forbids",
        (Constraint::Only, _) => "outside of what the estate's `only` allows",
        (Constraint::Together, _) => "away from its group",
        (Constraint::Speed, _) => "of no stated speed",
        (Constraint::Producer, _) => "by what it reads",
        (Constraint::Risk, _) => "interrupted too often",
    }
}
