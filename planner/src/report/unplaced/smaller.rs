//! The largest request with which a workload would have a place.
//!
//! Where every machine is too small, asking for as much as the largest has places the workload: that is known
//! when nothing else stands in the way there. What other limits allow may lie between that and the next
//! larger machine: less of it fits more often into a quota, or needs fewer machines. The more it asks for, the fewer
//! places it has, so the largest amount is found by halving.

use plimsoll_model::plan::{Cause, Constraint};
use plimsoll_solver::Outcome;

use super::ways::{self, Way};
use crate::{
    build::Build,
    prospect::{Dimension, Obstacle},
    report::beside::round,
    world::OfferIx,
};

/// States in the causes about the size of a replica the most that it may ask for; with an offer that then holds it.
pub(super) fn most(
    build: &mut Build<'_>,
    outcome: &Outcome,
    task: usize,
    ways: &[&Way],
    causes: &mut [Cause],
) -> Option<OfferIx> {
    let mut holder = None;
    for cause in causes.iter_mut().filter(|cause| cause.constraint == Constraint::Size) {
        let Some(of) = Dimension::ALL.into_iter().find(|of| of.name() == cause.name) else { continue };
        let is_it = |one: &Obstacle| one.constraint == Constraint::Size && one.name == of.name();
        let alone = ways.iter().filter(|way| matches!(&way.obstacles[..], [one] if is_it(one)));
        let known = alone.filter_map(|way| Some((of.of(build.world().offer(way.offer))?, way.offer)));
        let Some(known) = known.reduce(|a, b| if b.0 > a.0 { b } else { a }) else { continue };
        let Some(asked) = build.prospects[task].asked(of).filter(|asked| *asked > known.0) else { continue };
        let (most, on) = largest(of, known, asked, &mut |amount| {
            let limited = build.prospects[task].limited(of, amount);
            let whole = std::mem::replace(&mut build.prospects[task], limited);
            let on = ways::free(build, outcome, task);
            build.prospects[task] = whole;
            on
        });
        (cause.needs, cause.has) = (of.value(asked), of.value(most));
        let (by, unit) = of.amount(asked - most);
        (cause.relax_by, cause.unit) = (Some(round(by)), Some(unit.to_owned()));
        holder.get_or_insert(on);
    }
    holder
}

/// The largest amount below `asked` that has a place, from one that has; the next one is tried first, as nothing
/// but limits over several machines lets it be more.
fn largest(
    of: Dimension,
    known: (u64, OfferIx),
    asked: u64,
    place: &mut dyn FnMut(u64) -> Option<OfferIx>,
) -> (u64, OfferIx) {
    let (mut most, mut on) = known;
    // In steps above the known amount; the last one is too much.
    let (mut low, mut high) = (0, (asked - most).div_ceil(of.step()));
    let mut next = 1;
    while low < high - 1 {
        match place(known.0 + next * of.step()) {
            Some(offer) => (low, most, on) = (next, known.0 + next * of.step(), offer),
            None => high = next,
        }
        next = low + (high - low) / 2;
    }
    (most, on)
}
