//! Which replica plans: the one that holds a Lease, renewed by a change of its version.
//!
//! As client-go does it: a holder is believed for as long as its Lease lasts since *we* saw it change, so that clocks
//! need not agree. Every write names the version that it is of, so that of two that try only one succeeds.

use crate::cluster::Millis;

/// A Lease as the API server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Its version.
    pub resource_version: String,
    /// Who holds it; empty for nobody.
    pub holder: String,
    /// How often it changed hands.
    pub transitions: i32,
}

/// What to do with the Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// There is none: make it, held by us.
    Create,
    /// It is ours: renew it.
    Renew {
        /// At this version.
        resource_version: String,
        /// How often it changed hands.
        transitions: i32,
    },
    /// Its holder is gone: take it.
    Take {
        /// At this version.
        resource_version: String,
        /// How often it has then changed hands.
        transitions: i32,
    },
    /// Another holds it.
    Wait,
}

/// One replica's view of the Lease.
#[derive(Debug)]
pub struct Election {
    me: String,
    duration: Millis,
    seen: Option<(String, Millis)>,
    /// Until when we hold it for sure.
    until: Option<Millis>,
}

impl Election {
    /// A replica by this name.
    pub fn new(me: impl Into<String>, duration: Millis) -> Self {
        Self { me: me.into(), duration, seen: None, until: None }
    }

    /// What to do at a time of a clock that only goes forward.
    pub fn step(&mut self, observed: Option<&Observed>, now: Millis) -> Step {
        let Some(lease) = observed else { return Step::Create };
        if self.seen.as_ref().is_none_or(|(version, _)| *version != lease.resource_version) {
            self.seen = Some((lease.resource_version.clone(), now));
        }
        let resource_version = lease.resource_version.clone();
        if lease.holder == self.me {
            return Step::Renew { resource_version, transitions: lease.transitions };
        }
        self.until = None;
        let is_over = self.seen.as_ref().is_some_and(|(_, at)| at.saturating_add(self.duration) <= now);
        if lease.holder.is_empty() || is_over {
            return Step::Take { resource_version, transitions: lease.transitions + 1 };
        }
        Step::Wait
    }

    /// The write that [`Election::step`] asked for, begun at a time, was accepted.
    pub fn held(&mut self, begun: Millis) {
        // Others wait for the whole duration since they saw the write, which is no earlier than it was begun.
        self.until = Some(begun.saturating_add(self.duration * 2 / 3));
    }

    /// We have given it up.
    pub fn released(&mut self) {
        self.until = None;
    }

    /// Until when we hold it for sure, where we do.
    pub fn until(&self) -> Option<Millis> {
        self.until
    }

    /// Whether we hold it for sure.
    pub fn leads(&self, now: Millis) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Replicas that stop, start and lose writes: never do two lead, and once all is calm one does within the lease.
    #[test]
    fn never_do_two_lead_and_soon_one_does() {
        const LEASE: Millis = 15_000;
        for seed in 0..2_000 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut lease: Option<Observed> = None;
            let mut version = 0;
            let mut replicas: Vec<Election> =
                (0..3).map(|at| Election::new(format!("r{at}"), LEASE)).collect();
            let mut now = 0;
            for step in 0..200 {
                now += rng.random_range(500..4_000);
                let is_calm = step >= 180;
                for (at, replica) in replicas.iter_mut().enumerate() {
                    if !is_calm && rng.random_range(0..100) < 30 {
                        continue;
                    }
                    if !is_calm && rng.random_range(0..100) < 3 {
                        *replica = Election::new(format!("r{at}-{step}"), LEASE);
                    }
                    // It may look at what has changed since.
                    let looked = lease.clone();
                    let begun = now;
                    now += if is_calm { 0 } else { rng.random_range(0..300) };
                    let written = match replica.step(looked.as_ref(), begun) {
                        Step::Wait => continue,
                        Step::Create => lease.is_none().then_some(0),
                        Step::Renew { resource_version, transitions }
                        | Step::Take { resource_version, transitions } => lease
                            .as_ref()
                            .filter(|now| now.resource_version == resource_version)
                            .map(|_| transitions),
                    };
                    if let Some(transitions) = written {
                        version += 1;
                        let holder = replica.me.clone();
                        lease = Some(Observed { resource_version: version.to_string(), holder, transitions });
                        if is_calm || rng.random_range(0..100) < 90 {
                            replica.held(begun);
                        }
                    }
                }
                let leading = replicas.iter().filter(|replica| replica.leads(now)).count();
                assert!(leading <= 1, "seed {seed}: {leading} lead");
            }
            assert_eq!(replicas.iter().filter(|replica| replica.leads(now)).count(), 1, "seed {seed}");
        }
    }
}
