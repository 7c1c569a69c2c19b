//! Which pods come, in which order.

use super::Input;
use crate::draws::Draws;

/// How the sequence of arrivals is made from the recorded pods.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrivals {
    /// Whether the recorded pods come in random order.
    pub shuffle: bool,
    /// Up to this part of the devices pods are appended, drawn from the recorded ones, or, where those ask for more
    /// already, taken out at random. Nothing: as recorded.
    pub inflate: Option<f64>,
    /// When to stop appending.
    pub rule: Rule,
}

/// When to stop appending pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Before the first pod that would pass the mark.
    Whole,
    /// As the published runs did: before the first pod of which a single device would pass the mark
    /// (`tuneUpPods` in `simulator.go`), so that a pod of several devices may pass it.
    PerDevice,
    /// With the draws of [`Rule::PerDevice`], but without the pod that passes the mark, which is at most one.
    PerDeviceUnder,
}

impl Arrivals {
    /// The published experiment: shuffled, 130 %.
    pub const PUBLISHED: Self = Self { shuffle: true, inflate: Some(1.3), rule: Rule::PerDevice };

    /// The classes of the pods in order of arrival.
    pub fn draw(self, input: &Input, draws: &mut Draws) -> Vec<u32> {
        self.pods(input, draws).into_iter().map(|pod| input.pods[pod as usize]).collect()
    }

    /// The pods in order of arrival, by their places in [`Input::pods`]; one that is appended is there again.
    pub fn pods(self, input: &Input, draws: &mut Draws) -> Vec<u32> {
        let milli = |pod: u32| input.classes[input.pods[pod as usize] as usize].milli();
        let mut pods: Vec<u32> = (0..input.pods.len() as u32).collect();
        if self.shuffle {
            draws.shuffle(&mut pods);
        }
        let Some(part) = self.inflate else { return pods };
        let target = part * input.milli() as f64;
        let mut asked: u64 = pods.iter().map(|pod| milli(*pod)).sum();
        if asked as f64 > target {
            while asked as f64 > target && !pods.is_empty() {
                asked -= milli(pods.remove(draws.below(pods.len())));
            }
            return pods;
        }
        // A list without devices would never get there.
        if asked as f64 >= target
            || input.pods.iter().all(|class| input.classes[*class as usize].milli() == 0)
        {
            return pods;
        }
        loop {
            let pod = draws.below(input.pods.len()) as u32;
            let step = match self.rule {
                Rule::Whole => milli(pod),
                Rule::PerDevice | Rule::PerDeviceUnder => milli(pod).min(1000),
            };
            if (asked + step) as f64 > target {
                if self.rule == Rule::PerDeviceUnder && asked as f64 > target {
                    pods.pop();
                }
                return pods;
            }
            asked += milli(pod);
            pods.push(pod);
        }
    }
}
