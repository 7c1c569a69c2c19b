//! When a workload may run: the first possible moment, the grid of later starts, pauses, the deadline.
//!
//! Without a deadline a workload starts at its first possible moment. With one it may also start at
//! `earliest` (else now) + i × `slots` after that. A paused run breaks off at a slot boundary and goes
//! on at one.
//!
//! Where the contract is silent: every moment of the grid is rounded up to the whole second, as starts
//! are; an `earliest` before now still anchors the grid; a pause of no length is no fault; slots of no
//! length leave only the first possible moment.

use plimsoll_model::{Duration, Time, plan::Constraint, workload::WorkloadSpec};

use crate::{
    Checker,
    data::Ready,
    exact::nanos_between,
    state::{Placed, State},
    violation::{Kind, Violation},
};

const SECOND: i64 = 1_000_000_000;

impl Checker<'_> {
    /// The later of now and `earliest`, from which delay counts.
    pub(crate) fn not_before(&self, spec: &WorkloadSpec) -> Time {
        let now = self.flags.now;
        spec.earliest.map_or(now, |earliest| earliest.resolve(now).max(now))
    }

    /// The moment by which the run has ended.
    pub(crate) fn deadline(&self, spec: &WorkloadSpec) -> Option<Time> {
        spec.deadline.map(|deadline| deadline.resolve(self.flags.now))
    }

    /// The grid: where it begins and its step in nanoseconds.
    fn grid(&self, spec: &WorkloadSpec) -> (Time, i64) {
        let base = spec.earliest.map_or(self.flags.now, |earliest| earliest.resolve(self.flags.now));
        (base, spec.slots.unwrap_or(Duration::from_hours(1)).nanos())
    }

    fn on_grid(&self, spec: &WorkloadSpec, time: Time) -> bool {
        let (base, step) = self.grid(spec);
        let since = nanos_between(base, time);
        step > 0 && since >= 0 && time.ceil_second() == time && since % step < SECOND
            // Before the base's own second is over, the base itself is what rounds up to it.
            || time == base.ceil_second()
    }

    /// Every start that the contract allows a workload on an offer, by its producers as placed.
    pub(crate) fn starts(&self, state: &State, workload: usize, placed: &Placed) -> Vec<Time> {
        let spec = &self.inputs.workloads[workload].spec;
        let Some(work) = placed.work.filter(|_| placed.fit.is_some()) else { return Vec::new() };
        let first = self.ready(state, workload, placed).time;
        let Some(deadline) = self.deadline(spec) else { return vec![first] };
        let mut starts = Vec::new();
        if first + work <= deadline {
            starts.push(first);
        }
        let (base, step) = self.grid(spec);
        if step <= 0 {
            return starts;
        }
        let mut slot =
            Time::from_nanos(base.nanos() + (nanos_between(base, first).div_euclid(step)).max(0) * step);
        while slot.ceil_second() + work <= deadline {
            if slot.ceil_second() > first && starts.last() != Some(&slot.ceil_second()) {
                starts.push(slot.ceil_second());
            }
            slot = slot + Duration::from_nanos(step);
        }
        starts
    }

    /// What is wrong with when a workload runs.
    pub(crate) fn check_schedule(&self, state: &State, workload: usize, placed: &Placed) -> Vec<Violation> {
        let document = &self.inputs.workloads[workload];
        let spec = &document.spec;
        let mut found = Vec::new();
        let mut wrong =
            |kind, message: String| found.push(Violation::new(kind, &*document.metadata.name, message));
        let Ready { time: first, arrival } = self.ready(state, workload, placed);
        let start = placed.start;
        if start < first {
            match arrival {
                Some(what) => wrong(
                    Kind::Precedence,
                    format!("starts at {start}, before {what} has arrived at {first}"),
                ),
                None => wrong(Kind::Schedule, format!("starts at {start}, may not before {first}")),
            }
        } else if start > first && spec.deadline.is_none() {
            wrong(Kind::Schedule, format!("waits until {start} without a deadline; it can start at {first}"));
        } else if start > first && !self.on_grid(spec, start) {
            wrong(
                Kind::Schedule,
                format!("starts at {start}, which is neither {first} nor on its grid of slots"),
            );
        }
        if placed.runs.len() > 1 {
            self.check_pauses(spec, placed, &mut wrong);
        }
        if placed.runs.first().is_none_or(|(first, _)| *first != start) {
            wrong(Kind::Schedule, format!("starts at {start}, its first run does not"));
        }
        if let Some(deadline) = self.deadline(spec)
            && placed.end() > deadline
        {
            wrong(
                Kind::Constraint(Constraint::Deadline),
                format!("must end by {deadline}, ends at {}", placed.end()),
            );
        }
        found
    }

    fn check_pauses(&self, spec: &WorkloadSpec, placed: &Placed, wrong: &mut impl FnMut(Kind, String)) {
        if !spec.pausable || spec.deadline.is_none() {
            wrong(Kind::Schedule, "runs in pieces, which takes `pausable` and a deadline".into());
        }
        if placed.runs.iter().any(|(start, end)| end <= start) {
            wrong(Kind::Schedule, "a run ends before it begins".into());
        }
        for pair in placed.runs.windows(2) {
            let ((_, stop), (resume, _)) = (pair[0], pair[1]);
            if resume < stop {
                wrong(Kind::Schedule, format!("a run begins at {resume}, before the last ended at {stop}"));
            }
            for boundary in [stop, resume].into_iter().filter(|time| !self.on_grid(spec, *time)) {
                wrong(Kind::Schedule, format!("{boundary} is not on its grid of slots"));
            }
        }
        let held = placed
            .runs
            .iter()
            .fold(0_i64, |sum, (start, end)| sum.saturating_add(nanos_between(*start, *end)));
        if let Some(work) = placed.work.filter(|work| work.nanos() != held) {
            let held = Duration::from_nanos(held);
            wrong(Kind::Schedule, format!("has {work} of work, its runs take {held}"));
        }
    }
}
