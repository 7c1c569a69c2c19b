//! A job in place of others.

use super::{JobIx, Reason, World};

impl World<'_> {
    /// Starts a job on machines of one's own in place of as few others as it takes; whether that made room for it.
    ///
    /// `others` run and may be stopped, the first to give way first. One that the job's place does not need goes on.
    ///
    /// # Panics
    /// When one of them does not run, or the job does: policies are told of every job that leaves.
    pub fn start_instead(&mut self, ix: JobIx, others: &[JobIx]) -> bool {
        let ask = self.job(ix).job.ask.clone();
        let held = |world: &Self, ix: JobIx| {
            let running = world.job(ix).running.as_ref();
            running.expect("only running jobs give way").parts.clone()
        };
        let (mut away, mut found) = (Vec::new(), None);
        for other in others {
            let parts = held(self, *other);
            self.cluster.release(&parts);
            away.push((*other, parts));
            found = self.cluster.place(&ask, self.scorer);
            if found.is_some() {
                break;
            }
        }
        // Who gives way last is asked first whether there is room for both.
        away.reverse();
        away.retain(|(_, parts)| !self.cluster.hold(parts));
        let Some(parts) = found else {
            assert!(away.is_empty(), "without the job all is as it was");
            return false;
        };
        // All as it was again, so that stops and start go through the books in their order.
        self.cluster.release(&parts);
        for (_, parts) in &away {
            assert!(self.cluster.hold(parts), "a job has its own place back");
        }
        for (other, _) in away {
            self.stop(other, Reason::Preempt);
        }
        assert!(self.cluster.hold(&parts), "what was found is free");
        self.ledger.changed(self.now, &self.market, &self.cluster, &parts);
        self.run(ix, parts, Vec::new());
        true
    }
}
