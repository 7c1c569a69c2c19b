//! Tables and their cells: scrollable by keyboard where they are wider than the page, sortable where it helps.

use maud::{Markup, html};
use plimsoll_model::Usd;

use crate::render::format::usd;

/// A table with a caption; heads are texts, right-aligned where figures stand under them.
pub(super) fn table(
    caption: &str,
    heads: &[(&str, bool)],
    rows: &Markup,
    foot: Option<&Markup>,
    sort: bool,
) -> Markup {
    html! {
        div.scroll role="region" aria-label=(caption) tabindex="0" {
            table data-sort[sort] {
                caption { (caption) }
                thead { tr { @for (head, figures) in heads {
                    @if head.is_empty() { td {} } @else { th class=[figures.then_some("n")] scope="col" { (head) } }
                } } }
                tbody { (rows) }
                @if let Some(foot) = foot { tfoot { (foot) } }
            }
        }
    }
}

/// The same for many small tables of figures: as few bytes as it takes. The first head is of names.
pub(super) fn small(about: &str, heads: &[&str], rows: &Markup) -> Markup {
    html! {
        div.scroll role="region" aria-label=(about) tabindex="0" {
            table.figures data-sort { thead { tr { @for head in heads { th { (head) } } } } tbody { (rows) } }
        }
    }
}

/// A cell of money: cents, which is what bills have. Less than half a cent sorts by what it is.
pub(super) fn money(amount: Usd) -> Markup {
    html! { td.n data-v=[dust(amount)] { (cents(amount)) } }
}

/// The same in a small table.
pub(super) fn small_money(amount: Usd) -> Markup {
    html! { td data-v=[dust(amount)] { (cents(amount)) } }
}

/// What is too little to show.
fn dust(amount: Usd) -> Option<f64> {
    (!amount.is_zero() && amount.to_micro().abs() < 5_000).then(|| amount.to_f64())
}

fn cents(amount: Usd) -> String {
    match (amount.is_zero(), dust(amount)) {
        (true, _) => "$0".to_owned(),
        (_, Some(dust)) => if dust < 0.0 { "−<$0.01" } else { "<$0.01" }.to_owned(),
        _ => usd(amount),
    }
}
