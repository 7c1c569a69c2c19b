//! Bars, and the patterns that tell their parts from each other without colour.

use maud::{Markup, html};

use super::{axis::percent, parts::Part};

/// The patterns of the page, by the number of a part; they are drawn nowhere by themselves.
pub(super) fn patterns() -> Markup {
    // Drawn in squares of 8: strokes in the part's colour on the page's.
    const DRAWN: [&str; 8] = [
        "M0 0h8v8H0z",
        "M-2 2l4-4M0 8l8-8M6 10l4-4",
        "M2 2h.01M6 6h.01",
        "M-2 2l4-4M0 8l8-8M6 10l4-4M-2 6l4 4M0 0l8 8M6-2l4 4",
        "M0 2h8M0 6h8",
        "M2 0v8M6 0v8",
        "M-2 6l4 4M0 0l8 8M6-2l4 4",
        "M0 4h8M4 0v8",
    ];
    html! {
        svg.defs aria-hidden="true" {
            defs {
                @for (at, path) in DRAWN.iter().enumerate() {
                    pattern id={ "f" (at) } width="8" height="8" patternUnits="userSpaceOnUse" {
                        @if at == 0 {
                            path.s0 d=(path) {}
                        } @else {
                            path class={ "line s" (at) } stroke-linecap=[(at == 2).then_some("round")] stroke-width=[(at == 2).then_some("3")] d=(path) {}
                        }
                    }
                }
            }
        }
    }
}

/// A bar of parts of one, side by side. It says nothing to a reader of text: the figures stand beside it.
pub(super) fn stacked(lengths: &[(usize, f64)]) -> Markup {
    let mut from = 0.0;
    let placed: Vec<(usize, f64, f64)> = lengths
        .iter()
        .filter(|(_, length)| *length > 0.0)
        .map(|(pattern, length)| {
            let start = from;
            from += length;
            (*pattern, start, *length)
        })
        .collect();
    html! {
        svg.bar aria-hidden="true" {
            @for (pattern, start, length) in placed {
                rect class={ "c" (pattern) } x=(percent(start)) width=(percent(length)) height="100%" {}
            }
        }
    }
}

/// Which pattern is which part.
pub(super) fn legend(parts: &[Part]) -> Markup {
    html! {
        ul.legend {
            @for part in parts {
                li {
                    svg aria-hidden="true" { rect class={ "c" (part.pattern) } width="100%" height="100%" {} }
                    (part.name)
                }
            }
        }
    }
}
