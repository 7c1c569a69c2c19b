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
}

impl Arrivals {
    /// The published experiment: shuffled, 130 %.
    pub const PUBLISHED: Self = Self { shuffle: true, inflate: Some(1.3), rule: Rule::PerDevice };

    /// The classes of the pods in order of arrival.
    pub fn draw(self, input: &Input, draws: &mut Draws) -> Vec<u32> {
        let milli = |class: u32| input.classes[class as usize].milli();
        let mut pods = input.pods.clone();
        if self.shuffle {
            draws.shuffle(&mut pods);
        }
        let Some(part) = self.inflate else { return pods };
        let target = part * input.milli() as f64;
        let mut asked: u64 = pods.iter().map(|class| milli(*class)).sum();
        if asked as f64 > target {
            while asked as f64 > target && !pods.is_empty() {
                asked -= milli(pods.remove(draws.below(pods.len())));
            }
            return pods;
        }
        // A list without devices would never get there.
        if asked as f64 >= target || input.pods.iter().all(|class| milli(*class) == 0) {
            return pods;
        }
        loop {
            let class = input.pods[draws.below(input.pods.len())];
            let step = match self.rule {
                Rule::Whole => milli(class),
                Rule::PerDevice => milli(class).min(1000),
            };
            if (asked + step) as f64 > target {
                return pods;
            }
            asked += milli(class);
            pods.push(class);
        }
    }
}
