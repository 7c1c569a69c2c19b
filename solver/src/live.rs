//! What is known of the whole plan while one of its parts is worked on, for whoever watches.

use crate::{outcome::Phase, score::Score, solve::Observer};

/// The best plan and bound of all parts so far, told whenever they change.
pub struct Live<'a> {
    observer: Observer<'a>,
    /// What is being done.
    phase: &'static str,
    /// Of all parts together.
    whole: Known,
    /// Of the part at work; contained in the whole.
    here: Known,
}

#[derive(Clone, Copy, Default)]
struct Known {
    total: f64,
    bound: f64,
    /// Required tasks left out.
    left: u32,
}

impl Known {
    fn of(score: &Score, bound: f64) -> Self {
        Self { total: score.total, bound, left: score.left.iter().sum() }
    }
}

impl<'a> Live<'a> {
    /// Nothing is known yet.
    pub fn new(observer: Observer<'a>) -> Self {
        Self { observer, phase: "first plan", whole: Known::default(), here: Known::default() }
    }

    /// Another part has a first plan and a bound.
    pub fn add(&mut self, score: &Score, bound: f64) {
        let part = Known::of(score, bound);
        self.whole.total += part.total;
        self.whole.bound += part.bound;
        self.whole.left += part.left;
    }

    /// Work goes on with a part that has been added.
    pub fn part(&mut self, score: &Score, bound: f64) {
        self.here = Known::of(score, bound);
    }

    /// Something else is done from here on.
    pub fn phase(&mut self, name: &'static str) {
        self.phase = name;
        self.tell();
    }

    /// The part at work has a better plan.
    pub fn plan(&mut self, score: &Score) {
        let better = Known::of(score, self.here.bound);
        self.whole.total += better.total - self.here.total;
        self.whole.left = (self.whole.left + better.left).saturating_sub(self.here.left);
        self.here = better;
        self.tell();
    }

    /// No plan of the part at work costs less.
    pub fn bound(&mut self, bound: f64) {
        // What a part's bound exceeds its plan by is rounding.
        let bound = bound.min(self.here.total);
        if bound > self.here.bound {
            self.whole.bound += bound - self.here.bound;
            self.here.bound = bound;
            self.tell();
        }
    }

    /// Tells the observer what there is; of plans that leave required tasks out, how many.
    pub fn tell(&mut self) {
        let Known { total, bound, left } = self.whole;
        let all = left == 0;
        (self.observer)(&Phase {
            name: self.phase,
            total: all.then_some(total),
            bound: (all && bound > 0.0).then_some(bound),
            counts: if all { Vec::new() } else { vec![("left out", u64::from(left))] },
        });
    }

    /// Tells the observer of a phase that is over.
    pub fn done(&mut self, phase: &Phase) {
        (self.observer)(phase);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_follows_the_part_at_work() {
        let mut told = Vec::new();
        let mut observer = |phase: &Phase| told.push((phase.name, phase.total, phase.bound));
        let score = |total: f64, left: u32| Score { left: vec![left], ways: 0, total };
        let mut live = Live::new(&mut observer);
        live.add(&score(10.0, 0), 4.0);
        live.add(&score(20.0, 1), 5.0);
        live.tell();
        live.part(&score(20.0, 1), 5.0);
        live.phase("relaxation");
        live.plan(&score(25.0, 0));
        live.bound(22.0);
        live.bound(21.0);
        live.bound(30.0);
        assert_eq!(
            told,
            [
                ("first plan", None, None),
                ("relaxation", None, None),
                ("relaxation", Some(35.0), Some(9.0)),
                ("relaxation", Some(35.0), Some(26.0)),
                ("relaxation", Some(35.0), Some(29.0)),
            ]
        );
    }
}
