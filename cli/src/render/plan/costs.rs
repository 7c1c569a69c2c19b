//! The total by part, the parts that are nothing left out.

use plimsoll_model::{Plan, Usd};

use crate::render::{
    format::{kg, percent, usd},
    style::bold,
    table::{Align, Table, shorten_end, wrap},
};

pub(super) fn lines(plan: &Plan, width: usize) -> Vec<String> {
    let parts = &plan.objective.parts;
    let flags = &plan.inputs.flags;
    let carbon = format!(
        "{} CO2e at {} a tonne",
        plan.carbon_kg.map_or_else(|| "?".to_owned(), kg),
        usd(flags.carbon_price)
    );
    let rows = [
        ("compute", parts.compute, "machines, and the electricity of your own".to_owned()),
        ("data", parts.egress, "moving data between regions".to_owned()),
        ("rework", parts.risk, "work that interruptions are expected to undo".to_owned()),
        ("carbon", parts.carbon, carbon),
        ("waiting", parts.delay, format!("time until done, at {} an hour", usd(flags.delay_price))),
        ("latency", parts.latency, "round trips to users, at the workloads' own prices".to_owned()),
        ("moving", parts.moving, "leaving where workloads run now".to_owned()),
        ("left out", parts.value_forgone, "what the workloads left out are worth".to_owned()),
    ];
    let total = plan.objective.total_usd;
    if total.is_zero() {
        return Vec::new();
    }
    let mut table =
        Table::new(&[("", Align::Left), ("", Align::Right), ("", Align::Right), ("", Align::Left)]);
    for (name, part, about) in rows.into_iter().filter(|(_, part, _)| !part.is_zero()) {
        let share = percent(part.to_f64() / total.to_f64());
        table.row([format!("  {name}"), usd(part), share, about]);
    }
    table.row(["  total".to_owned(), usd(total), String::new(), String::new()]);
    let mut lines: Vec<String> = table.lines().iter().map(|line| shorten_end(line, width)).collect();
    if let Some(last) = lines.pop() {
        lines.push(bold(last));
    }
    let bill: Usd = parts.compute + parts.egress + parts.risk;
    if bill != total {
        let note = format!("{} of it is billed; the rest is the price put on other things.", usd(bill));
        lines.extend(wrap("  ", &note, width));
    }
    lines
}
