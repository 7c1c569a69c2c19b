//! What is to happen, in order of time; at equal times by class, then as it was put in.

use std::{cmp::Reverse, collections::BinaryHeap};

/// What is to happen. The order of the variants is that of events at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The availability of an offer changes.
    Offer(u16),
    /// A job that ended in a round gives its room back.
    Release(u32),
    /// A job is done, if it was not stopped since: its place, and the number of its start among all.
    Finish(u32, u64),
    /// What a job rents is taken back, if it was not stopped since: as [`What::Finish`]. A job whose last moment this is
    /// has made it.
    Interrupt(u32, u64),
    /// Nothing but time: a decision is due.
    Wake,
}

/// The queue of one run.
#[derive(Debug, Default)]
pub struct Queue {
    heap: BinaryHeap<Reverse<(u64, What, u64)>>,
    sequence: u64,
}

impl Queue {
    /// Puts an event in.
    pub fn push(&mut self, at: u64, what: What) {
        self.heap.push(Reverse((at, what, self.sequence)));
        self.sequence += 1;
    }

    /// When the next event is.
    pub fn next(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }

    /// Takes the next event of a time.
    pub fn pop_at(&mut self, now: u64) -> Option<What> {
        if self.next()? != now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, what, _))| what)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_go_by_class_then_by_order() {
        let mut queue = Queue::default();
        for (at, what) in [
            (5, What::Wake),
            (5, What::Finish(1, 0)),
            (3, What::Wake),
            (5, What::Finish(0, 0)),
            (5, What::Offer(0)),
        ] {
            queue.push(at, what);
        }
        assert_eq!((queue.next(), queue.len()), (Some(3), 5));
        assert_eq!(queue.pop_at(4), None);
        assert_eq!(queue.pop_at(3), Some(What::Wake));
        let rest: Vec<What> = std::iter::from_fn(|| queue.pop_at(5)).collect();
        assert_eq!(rest, [What::Offer(0), What::Finish(0, 0), What::Finish(1, 0), What::Wake]);
        assert!(queue.is_empty());
    }
}
