//! Exact numbers: rationals for everything but `e^x`, and that one to sixty digits.
//!
//! A plan is wrong by a micro-dollar or it is not; floats cannot tell. Quantities come in as counts of
//! 10^-12 of their unit and leave rounded once, half to even, to micro-dollars. Run times are whole
//! nanoseconds, so hours are rationals too.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One as _, Signed as _, ToPrimitive as _, Zero as _};
use plimsoll_model::{Duration, Time, Usd};

/// An exact number.
pub(crate) type Rat = BigRational;

/// Bytes in a GB, as clouds bill it.
pub(crate) const GB: u64 = 1 << 30;

const NANOS_AN_HOUR: i64 = 3_600_000_000_000;
const PICO: i64 = 1_000_000_000_000;
const MICRO: i64 = 1_000_000;

/// An integer.
pub(crate) fn int(value: impl Into<BigInt>) -> Rat {
    Rat::from_integer(value.into())
}

/// A fraction of two integers; the denominator is a constant of the caller and never 0.
pub(crate) fn ratio(numerator: impl Into<BigInt>, denominator: impl Into<BigInt>) -> Rat {
    Rat::new(numerator.into(), denominator.into())
}

/// A count of 10^-12, as every decimal quantity holds it.
pub(crate) fn pico(count: i128) -> Rat {
    ratio(count, PICO)
}

/// The hours of a duration.
pub(crate) fn hours(duration: Duration) -> Rat {
    ratio(duration.nanos(), NANOS_AN_HOUR)
}

/// The hours between two moments.
pub(crate) fn hours_between(from: Time, to: Time) -> Rat {
    ratio(i128::from(to.nanos()) - i128::from(from.nanos()), NANOS_AN_HOUR)
}

/// The nanoseconds from one moment to another; the ends of the calendar are further apart than fits.
pub(crate) fn nanos_between(from: Time, to: Time) -> i64 {
    to.nanos().saturating_sub(from.nanos())
}

/// A time that a transfer takes in seconds, added to a moment and rounded up to the nanosecond. Starts
/// are rounded up to the second, which is then the same as rounding the exact sum up. `None` beyond
/// what a time can say.
pub(crate) fn after(moment: Time, seconds: &Rat) -> Option<Time> {
    let nanos = (seconds * int(1_000_000_000)).ceil().to_integer();
    nanos.to_i64().and_then(|nanos| moment.nanos().checked_add(nanos)).map(Time::from_nanos)
}

/// Rounded half to even to whole micro-dollars.
pub(crate) fn micro(usd: &Rat) -> Usd {
    let scaled = usd * int(MICRO);
    let floor = scaled.floor().to_integer();
    let rest = scaled - Rat::from_integer(floor.clone());
    let half = ratio(1, 2);
    let odd = (&floor % BigInt::from(2)).is_one() || (&floor % BigInt::from(2)) == BigInt::from(-1);
    let up = rest > half || rest == half && odd;
    let rounded = if up { floor + 1 } else { floor };
    // Money beyond 10^27 micro-dollars comes only from nonsense; a figure that large then says so, and
    // sums of thousands of them stay within `i128`.
    Usd::from_micro(rounded.to_i128().filter(|micros| micros.abs() < 1 << 90).unwrap_or(1 << 90))
}

/// How far, in dollars, the exact value lies from the next tie of its rounding to micro-dollars.
pub(crate) fn distance_to_tie(usd: &Rat) -> Rat {
    let scaled = usd * int(MICRO);
    let rest = &scaled - scaled.floor();
    (rest - ratio(1, 2)).abs() / int(MICRO)
}

/// The exact value of money.
pub(crate) fn usd(money: Usd) -> Rat {
    pico(money.pico())
}

/// The nearest float, for figures that a plan shows as such.
pub(crate) fn float(value: &Rat) -> f64 {
    value.to_f64().unwrap_or(f64::NAN)
}

/// Whether a figure of a plan is `exact` but for the rounding of floats.
pub(crate) fn close(shown: f64, exact: &Rat) -> bool {
    let exact = float(exact);
    shown.is_finite() && (shown - exact).abs() <= 1e-9 * exact.abs().max(1e-3)
}

/// Bits after the point in [`rework`].
const BITS: u32 = 224;

/// (e^x − 1)/x − 1 = Σ x^i / (i + 1)!, the expected share of work done again at x expected
/// interruptions a piece; `None` when it is far beyond the 10^6 at which offers are filtered.
pub(crate) fn rework(x: &Rat) -> Option<Rat> {
    if *x > int(40) {
        return None;
    }
    let scale = BigInt::one() << BITS;
    let fixed = (x * Rat::from_integer(scale.clone())).round().to_integer();
    let mut term = scale.clone();
    let mut sum = BigInt::zero();
    for divisor in 2_u32.. {
        term = (term * &fixed) / (&scale * BigInt::from(divisor));
        if term.is_zero() {
            break;
        }
        sum += &term;
    }
    Some(Rat::new(sum, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn micro_dollars_round_half_to_even_both_ways() {
        for (numerator, denominator, micros) in [
            (5, 10_000_000, 0),
            (15, 10_000_000, 2),
            (25, 10_000_000, 2),
            (-5, 10_000_000, 0),
            (-15, 10_000_000, -2),
            (1, 3, 333_333),
            (2, 3, 666_667),
            (-2, 3, -666_667),
            (7, 1, 7_000_000),
        ] {
            assert_eq!(
                micro(&ratio(numerator, denominator)),
                Usd::from_micro(micros),
                "{numerator}/{denominator}"
            );
        }
        assert!(distance_to_tie(&ratio(5, 10_000_000)).is_zero());
        assert_eq!(distance_to_tie(&int(1)), ratio(1, 2_000_000));
    }

    #[test]
    fn rework_agrees_with_floats_and_is_exact_near_zero() {
        assert!(rework(&Rat::zero()).is_some_and(|factor| factor.is_zero()));
        for x in [0.5_f64, 1.0, 3.25, 12.0, 16.5] {
            let exact = float(&rework(&Rat::from_float(x).unwrap()).unwrap());
            let expected = x.exp_m1() / x - 1.0;
            assert!((exact / expected - 1.0).abs() < 1e-13, "{x}: {exact} {expected}");
        }
        // x/2 + x²/6 at 10^-9: a float of (e^x − 1)/x − 1 would have lost every digit.
        let tiny = rework(&ratio(1, 1_000_000_000)).unwrap();
        assert!((float(&tiny) - (5e-10 + 1e-18 / 6.0)).abs() < 1e-27);
        assert!(rework(&int(41)).is_none());
    }
}
