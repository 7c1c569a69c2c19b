//! Finish-time fairness: how long jobs take beside what they would on their part of the machines (Themis: Mahajan et al.,
//! NSDI 2020).
//!
//! ρ is the time from arrival to finish by the time that the job would take alone on its part: of each kind of accelerator
//! that it may run on all there are, by the mean number of jobs in flight while it was, and never more than it asks for.
//! Where it is above 1 sharing was worse than that.

use plimsoll_packing::fleet::Model;

use super::{cluster::Cluster, job::Job};

/// Thousandths of a device.
const DEVICE: f64 = 1000.0;

/// The worst ρ so far.
#[derive(Debug, Clone)]
pub(super) struct Fairness {
    /// Devices of each kind.
    kinds: Vec<(Option<Model>, f64)>,
    /// Jobs in flight, since when there are so many, and for how long there were any: microseconds times jobs.
    present: u64,
    since: u64,
    crowd: u128,
    worst: Option<f64>,
}

impl Fairness {
    pub(super) fn of(cluster: &Cluster) -> Self {
        let mut kinds: Vec<(Option<Model>, f64)> = Vec::new();
        for node in cluster.nodes.iter().filter(|node| node.devices > 0) {
            match kinds.iter_mut().find(|(model, _)| *model == node.model) {
                Some((_, devices)) => *devices += f64::from(node.devices),
                None => kinds.push((node.model, f64::from(node.devices))),
            }
        }
        Self { kinds, present: 0, since: 0, crowd: 0, worst: None }
    }

    /// Microseconds times jobs in flight before now.
    fn crowd(&mut self, now: u64) -> u128 {
        self.crowd += u128::from(now - self.since) * u128::from(self.present);
        self.since = now;
        self.crowd
    }

    /// A job comes: what to say when it is done.
    pub(super) fn come(&mut self, now: u64) -> u128 {
        let crowd = self.crowd(now);
        self.present += 1;
        crowd
    }

    /// A job leaves.
    pub(super) fn leave(&mut self, now: u64) {
        self.crowd(now);
        self.present -= 1;
    }

    /// A job that was in flight from `came` on, before which the crowd was `before`, is done on machines.
    pub(super) fn done(&mut self, job: &Job, came: u64, before: u128, now: u64) {
        let crowd = self.crowd(now) - before;
        let mean = if now > came { crowd as f64 / (now - came) as f64 } else { 1.0 };
        if let Some(alone) = self.alone(job, mean).filter(|alone| *alone > 0.0) {
            let ratio = (now - job.arrive.min(now)) as f64 / alone;
            self.worst = Some(self.worst.map_or(ratio, |worst| worst.max(ratio)));
        }
    }

    /// Microseconds that a job takes on its part of each kind among so many; nothing for one without devices.
    fn alone(&self, job: &Job, jobs: f64) -> Option<f64> {
        let scale = job.ask.milli() as f64 / DEVICE;
        let time = |model: Option<Model>| match &job.times {
            None => Some(job.work),
            Some(times) => times.iter().find(|(known, _)| Some(*known) == model).map(|(_, time)| *time),
        };
        let may = |model: &Option<Model>| {
            job.ask.models.is_empty() || model.is_some_and(|model| job.ask.models.contains(&model))
        };
        let kinds = self.kinds.iter().filter(|(model, _)| scale > 0.0 && may(model));
        let (mut parts, mut pace) = (0.0, 0.0);
        for (part, time) in kinds.filter_map(|(model, devices)| Some((devices / jobs / scale, time(*model)?)))
        {
            parts += part;
            pace += part / time.max(1) as f64;
        }
        (pace > 0.0).then(|| parts.max(1.0) / pace)
    }

    /// The worst of all jobs that are done.
    pub(super) fn worst(&self) -> Option<f64> {
        self.worst
    }
}
