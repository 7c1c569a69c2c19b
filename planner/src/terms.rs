//! The terms of a workload on an offer: how many instances, for how long, at what risk.
//!
//! Everything exact that both the solver's figures and the plan's money are made from, computed once.

use plimsoll_model::Duration;
use plimsoll_solver::problem::Demand;

/// A fraction of two whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fraction {
    /// The numerator.
    pub over: u64,
    /// The denominator, at least 1.
    pub under: u64,
}

impl Fraction {
    /// A whole number.
    pub const fn whole(number: u64) -> Self {
        Self { over: number, under: 1 }
    }

    /// As a float.
    pub fn to_f64(self) -> f64 {
        self.over as f64 / self.under as f64
    }

    /// The larger of two.
    pub fn max(self, other: Self) -> Self {
        let (a, b) = (
            u128::from(self.over) * u128::from(other.under),
            u128::from(other.over) * u128::from(self.under),
        );
        if b > a { other } else { self }
    }
}

/// A workload on an offer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// Which of the workload's ways to run: 0 is itself.
    pub way: u32,
    /// Replicas that one instance holds, at most all of them.
    pub per_instance: u32,
    /// Instances; on own nodes replicas × the largest share of a node.
    pub instances: Fraction,
    /// What one replica takes of a machine of one's own.
    pub demand: Demand,
    /// Run time, without rework.
    pub run: Duration,
    /// λp: expected interruptions of the gang in the time one costs.
    pub exposure: f64,
    /// np: what an interruption undoes, in instance-hours; 0 where nothing is interrupted.
    pub at_risk: f64,
}

impl Terms {
    /// Expected rework as a share of compute: (e^x − 1)/x − 1 with x = λp; 0 without risk.
    ///
    /// A run of length p that starts over whenever it is interrupted at rate λ takes (e^{λp} − 1)/λ on
    /// average (Daly 2006, "A higher order estimate of the optimum checkpoint interval", section 2).
    pub fn rework(&self) -> f64 {
        rework(self.exposure)
    }
}

/// (e^x − 1)/x − 1.
pub fn rework(x: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { x.exp_m1() / x - 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rework_is_half_the_exposure_when_small() {
        assert!(rework(0.0).abs() < 1e-15);
        assert!((rework(1e-6) - 5e-7).abs() < 1e-12);
        assert!((rework(1.0) - (std::f64::consts::E - 2.0)).abs() < 1e-12);
    }

    #[test]
    fn fractions_compare_exactly() {
        let third = Fraction { over: 1, under: 3 };
        assert_eq!(third.max(Fraction { over: 333, under: 1000 }), third);
        assert_eq!(third.max(Fraction { over: 2, under: 6 }), third);
    }
}
