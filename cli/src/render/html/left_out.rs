//! What is not placed, why, and what would change that.

use maud::{Markup, html};
use plimsoll_model::plan::Constraint;

use super::Report;
use crate::render::{format::usd, plan::cause};

pub(super) fn section(report: &Report<'_>) -> Option<Markup> {
    let unplaced = &report.plan.unplaced;
    if unplaced.is_empty() {
        return None;
    }
    Some(html! {
        @for one in unplaced {
            h3 { (one.workload) }
            p { (one.reason) "." }
            @if let (Some(cost), Some(value)) = (one.cost_usd, one.value_usd) {
                p { "It would add " (usd(cost)) " and is worth " (usd(value)) "." }
            }
            @let causes = one.causes.iter().filter(|cause| cause.constraint != Constraint::Producer).collect::<Vec<_>>();
            @if !causes.is_empty() {
                p { "It could be placed with "
                    @if causes.len() > 1 { @if one.together { "all of these:" } @else { "any one of these:" } } @else { "this:" } }
                ul { @for one in causes { li { (cause(one)) } } }
            }
            @if let Some(nearest) = &one.nearest {
                p.soft { "The offer that comes nearest: " (nearest) "." }
            }
        }
    })
}
