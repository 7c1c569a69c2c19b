//! The words of the page, for those who do not plan every day.

use maud::{Markup, html};
use plimsoll_model::{Capacity, Usd};

use super::{Report, parts::used};

/// Each word with what it means and whether the page has it.
#[expect(clippy::unnecessary_wraps, reason = "as the other sections are, which may have nothing to say")]
pub(super) fn section(report: &Report<'_>) -> Option<Markup> {
    let plan = report.plan;
    let part = |name: &str| used(plan).iter().any(|part| part.name == name);
    let class = |capacity: Capacity| plan.placements.iter().any(|p| p.offer.capacity == capacity);
    let words = [
        (
            "Offer",
            true,
            "A kind of machine in one place, in one class, at one price: cloud/region/machine type/class.",
        ),
        (
            "On-demand",
            class(Capacity::OnDemand),
            "Rented by the hour, at the list price, for as long as it is wanted.",
        ),
        (
            "Spot",
            class(Capacity::Spot),
            "Rented at a lower price; the provider may take it back at any moment.",
        ),
        (
            "Reserved",
            class(Capacity::Reserved),
            "Committed to and paid for already, so using it adds nothing as long as the commitment lasts.",
        ),
        (
            "On-prem",
            class(Capacity::OnPrem),
            "Machines of your own, at what they cost an hour, with their electricity.",
        ),
        (
            "Rework",
            part("Rework"),
            "What interruptions of spot machines are expected to undo and to be paid again: an expected value, not a bill that will come in this amount.",
        ),
        (
            "CO2e",
            true,
            "Emissions of carbon dioxide and what warms as much: the energy of the machines and their buildings, times how clean the grid is in those hours.",
        ),
        (
            "Price on carbon",
            plan.inputs.flags.carbon_price > Usd::from_micro(1),
            "What a tonne is taken to cost, so that cleaner and cheaper can be weighed. Nobody sends a bill for it.",
        ),
        (
            "Proven best",
            true,
            "No plan that keeps every rule costs less. Otherwise the gap says how much less another plan could cost at most.",
        ),
        (
            "Front",
            report.front.is_some(),
            "Plans of which none is better than another in every respect. The knee is where what more buys falls off most.",
        ),
    ];
    Some(html! {
        dl.words {
            @for (word, _, means) in words.iter().filter(|(_, there, _)| *there) { dt { (word) } dd { (means) } }
        }
    })
}
