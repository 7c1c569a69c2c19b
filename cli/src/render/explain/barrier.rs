//! What excludes an offer or stands in the way, as clauses of a sentence.

use plimsoll_model::{
    Time,
    explanation::{Barrier, Holder, Saving},
    plan::Constraint,
};
use serde_json::Value;

use super::money::{and, by_part};
use crate::render::{
    format::{bytes, decimals, minute, usd},
    plan::left_out::{figure, named},
    table::shorten,
};

/// Holders of a limit named one by one.
const NAMED: usize = 4;

/// Why an offer is not for a workload: `it is spot, and …`.
pub(in crate::render) fn clause(barrier: &Barrier, workload: &str) -> String {
    let (needs, has) = (value(barrier, &barrier.needs), value(barrier, &barrier.has));
    let name = &barrier.name;
    let used = used_by(barrier);
    match barrier.constraint {
        Constraint::Accelerator if has == "none" => {
            format!("it has no accelerator, and {workload} asks for {needs}")
        }
        Constraint::Accelerator => format!("it has {has}, and {workload} asks for {needs}"),
        Constraint::Size => too_small(barrier, &needs, &has),
        Constraint::Memory if barrier.has.is_null() => {
            format!("the memory of its accelerators is not stated, and {workload} asks for {needs} of each")
        }
        Constraint::Memory => {
            format!("each of its accelerators has {has} of memory, and {workload} asks for {needs}")
        }
        Constraint::Capacity => format!("it is {needs} capacity, and {workload} allows only {has}"),
        Constraint::Interruptible => {
            format!(
                "it is spot capacity, which can be taken away at any moment, and {workload} is not `interruptible`"
            )
        }
        Constraint::Region => format!("it is in {needs}, and {workload} allows only {has}"),
        Constraint::NotIn => format!("it is in {needs}, and {workload} forbids {has}"),
        Constraint::Residency => format!("it is in {needs}, and {workload} must stay in {has}"),
        Constraint::Only => format!("it is not among what the estate's `only` allows ({name})"),
        Constraint::Together => {
            format!(
                "it is in {needs}, and the others of {name}, with which {workload} stays together, are in {has}"
            )
        }
        Constraint::Speed => format!("{workload} states no speed for {needs}, only for {has}"),
        Constraint::Latency => format!("the round trip {name} takes {needs}, and {workload} allows {has}"),
        Constraint::MaxHourly => format!("it would cost {needs} an hour, and its `maxHourly` is {has}"),
        Constraint::MaxCost => format!("{name} would cost {needs}, and its `maxCost` is {has}"),
        Constraint::Risk => "it is interrupted so often that the work would hardly ever be done".into(),
        Constraint::Count if barrier.relax_by.is_none() => {
            "it has room only if other workloads there change machines".into()
        }
        Constraint::Count => format!("{has} can be had{used}, and {needs} would be needed"),
        Constraint::Quota if barrier.relax_by.is_none() => {
            format!("it does not state its size, and the quota for {name} counts that")
        }
        Constraint::Quota => format!("the quota for {name} is {has}{used}, and {needs} would be needed"),
        Constraint::Budget => format!("the budget of {name} is {has}{used}, and {needs} would be needed"),
        Constraint::CarbonBudget => {
            format!("the carbon budget of {name} is {has}{used}, and {needs} would be needed")
        }
        Constraint::Deadline => format!("it would end on {needs}, and the deadline is {has}"),
        Constraint::Producer if needs == "placed" => format!("it reads what {name} makes, which is left out"),
        Constraint::Producer => {
            format!("{name} reads its result and starts on {has}, and would have it only on {needs}")
        }
    }
}

/// One replica does not fit on one instance.
fn too_small(barrier: &Barrier, needs: &str, has: &str) -> String {
    match &*barrier.name {
        "count" if has == "whole accelerators" => {
            format!("a part of an accelerator, {needs}, can be had only on own machines")
        }
        "count" => format!("one instance has {has} accelerators, and a replica needs {needs}"),
        "cpu" => format!("one instance has {has} cores, and a replica needs {needs}"),
        "memory" => format!("one instance has {has} of memory, and a replica needs {needs}"),
        "hosts" => format!("it is a slice of {has} machines, and no accelerators are asked for"),
        "arch" if has == "none" => format!("it does not state its processor, and {needs} is asked for"),
        "arch" => format!("its processor is {has}, and {needs} is asked for"),
        "notArch" => format!("its processor is {has}, which is forbidden"),
        "notInstanceType" => format!("its machine type is {has}, and {needs} is forbidden"),
        _ => format!("its machine type is {has}, and {needs} is asked for"),
    }
}

/// Who uses a limit: `, of which a takes 8 accelerators and b 4 accelerators`.
fn used_by(barrier: &Barrier) -> String {
    let unit = barrier.unit.as_deref().unwrap_or("instances");
    let takes = |(at, holder): (usize, &Holder)| {
        let verb = if at == 0 { " takes" } else { "" };
        format!("{}{verb} {}", shorten(&holder.workload, 40), figure(holder.amount, unit))
    };
    let mut list: Vec<String> = barrier.held_by.iter().enumerate().take(NAMED).map(takes).collect();
    if barrier.held_by.len() > NAMED {
        list.push(format!("{} other workloads the rest", barrier.held_by.len() - NAMED));
    }
    if list.is_empty() { String::new() } else { format!(", of which {}", and(&list)) }
}

/// What a rule or limit costs a workload, as a sentence.
pub(super) fn saving(saving: &Saving) -> String {
    let without = &saving.without;
    let (needs, has) = (value(without, &without.needs), value(without, &without.has));
    let name = &without.name;
    let workload = shorten(&saving.workload, 40);
    let condition = match without.constraint {
        Constraint::Capacity => format!("if {workload} allowed {needs} capacity"),
        Constraint::Interruptible => format!("if {workload} were `interruptible`"),
        Constraint::Region => format!("if {workload} were allowed in {needs}"),
        Constraint::NotIn => format!("if {workload} did not forbid {has}"),
        Constraint::Residency => format!("if {workload} were allowed in {needs}, outside of {has}"),
        Constraint::Together => {
            format!("if {workload} were allowed in {needs}, apart from the others of {name}")
        }
        Constraint::Latency => {
            format!("if {workload} allowed a round trip {name} of {needs} instead of {has}")
        }
        Constraint::MaxHourly => format!("with a `maxHourly` of {needs} instead of {has} for {workload}"),
        Constraint::MaxCost => format!("with a `maxCost` of {needs} instead of {has} for {name}"),
        Constraint::Count if without.relax_by.is_none() => {
            format!("if other workloads on {name} changed machines")
        }
        Constraint::Count => format!("with {needs} of {name} to be had instead of {has}"),
        Constraint::Quota => format!("with a quota for {name} of {needs} instead of {has}"),
        Constraint::Budget => format!("with a budget of {needs} for {name} instead of {has}"),
        Constraint::CarbonBudget => format!("with a carbon budget of {needs} for {name} instead of {has}"),
        Constraint::Deadline => format!("with a deadline of {needs} instead of {has} for {workload}"),
        Constraint::Producer => {
            format!("if {name}, which reads its result, started on {needs} instead of {has}")
        }
        other => format!("without its limit on {}", crate::render::plan::left_out::word(other)),
    };
    let it = if condition.contains(&workload) { "it" } else { &workload };
    format!(
        "{condition}, {it} would cost {} less, on {}{}",
        usd(saving.saves_usd),
        saving.offer,
        by_part(plimsoll_model::Usd::ZERO - saving.saves_usd, &saving.because)
    )
}

/// A figure, a name or a list of names, as people read it.
fn value(barrier: &Barrier, value: &Value) -> String {
    match value {
        Value::Number(number) => {
            let figure_of = |number: f64| match (barrier.constraint, barrier.unit.as_deref()) {
                // Its sentence names the unit.
                (Constraint::Size, Some("accelerators" | "cores")) => decimals(number, 3),
                (_, Some("ms")) => format!("{} ms", decimals(number, 1)),
                (_, Some(unit)) => figure(number, unit),
                (Constraint::Size, _) if barrier.name == "memory" => bytes(number as u64),
                (Constraint::Memory, _) => bytes(number as u64),
                _ => number.to_string(),
            };
            number.as_f64().map_or_else(|| number.to_string(), figure_of)
        }
        Value::String(text) => text.parse::<Time>().map_or_else(|_| text.clone(), minute),
        Value::Array(items) => {
            let text = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
            let list: Vec<String> = items.iter().map(text).collect();
            named(&list, " or ")
        }
        Value::Null => "none".into(),
        other => other.to_string(),
    }
}
