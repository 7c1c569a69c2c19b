//! Decimal quantities: one fixed-point representation, one newtype a unit.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// How many of the smallest step make one unit: 10^12.
pub const SCALE: i128 = 1_000_000_000_000;

/// The largest magnitude a document may state, in units. It keeps every product the planner forms
/// (count × price × time) far from the limits of `i128`.
pub const LIMIT: i128 = 1_000_000_000_000;

/// Why a number is not a quantity: a fragment that fits after "`field`: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// NaN or an infinity.
    #[error("must be a finite number")]
    NotFinite,
    /// Beyond [`LIMIT`].
    #[error("must lie between -10^12 and 10^12")]
    TooLarge,
    /// Not the text of a decimal number.
    #[error("must be a decimal number such as 1.25")]
    Syntax,
}

/// Reads the text of a decimal number (`-12.5`, `1e-3`) as a count of 10^-12, rounding half to even
/// what lies beyond the twelfth decimal.
///
/// # Errors
/// When the text is no decimal number or its magnitude reaches 10^20.
pub fn parse_pico(text: &str) -> Result<i128, DecimalError> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => {
            let exponent: i32 = text[at + 1..].parse().map_err(|_| DecimalError::Syntax)?;
            (&text[..at], exponent)
        }
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.as_bytes().first() {
        Some(b'-') => (true, &mantissa[1..]),
        Some(b'+') => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty()
        || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
    {
        return Err(DecimalError::Syntax);
    }
    let all: String = format!("{whole}{fraction}");
    let all = all.trim_start_matches('0');
    // The value is `all` × 10^(exponent − fraction digits); we want it × 10^12.
    let shift = i64::from(exponent) - fraction.len() as i64 + 12;
    let value = shifted(all, shift)?;
    Ok(if negative { -value } else { value })
}

/// `digits` × 10^`shift`, rounded half to even.
fn shifted(digits: &str, shift: i64) -> Result<i128, DecimalError> {
    if digits.is_empty() {
        return Ok(0);
    }
    let length = digits.len() as i64 + shift;
    // 10^20 units: more than any quantity means, and far inside `i128`.
    if length > 32 {
        return Err(DecimalError::TooLarge);
    }
    if length < 0 {
        return Ok(0);
    }
    let kept = &digits[..(digits.len() as i64).min(length) as usize];
    let mut value: i128 =
        if kept.is_empty() { 0 } else { kept.parse().map_err(|_| DecimalError::TooLarge)? };
    for _ in 0..shift.max(0) {
        value *= 10;
    }
    let rest = &digits[kept.len()..];
    if let Some(first) = rest.bytes().next() {
        let beyond_half = first > b'5' || first == b'5' && rest[1..].bytes().any(|b| b != b'0');
        if beyond_half || first == b'5' && value % 2 == 1 {
            value += 1;
        }
    }
    Ok(value)
}

/// The count of 10^-12 nearest to `value` as its shortest decimal text states it (0.1 is exactly 1/10).
///
/// # Errors
/// When `value` is not finite or too large.
pub fn pico_from_f64(value: f64) -> Result<i128, DecimalError> {
    if !value.is_finite() {
        return Err(DecimalError::NotFinite);
    }
    let pico = parse_pico(&format!("{value:e}"))?;
    if pico.abs() > LIMIT * SCALE { Err(DecimalError::TooLarge) } else { Ok(pico) }
}

/// The text of a count of 10^-12: no exponent, no trailing zeros.
pub fn pico_to_text(pico: i128) -> String {
    let sign = if pico < 0 { "-" } else { "" };
    let (whole, fraction) = (pico.unsigned_abs() / SCALE as u128, pico.unsigned_abs() % SCALE as u128);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{fraction:012}");
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
}

/// The `f64` nearest to a count of 10^-12.
pub fn pico_to_f64(pico: i128) -> f64 {
    // Through text: `pico as f64 / 1e12` rounds twice when `pico` has more than 53 bits.
    if pico.unsigned_abs() < 1 << 53 {
        pico as f64 / SCALE as f64
    } else {
        pico_to_text(pico).parse().unwrap_or(f64::NAN)
    }
}

/// Defines a newtype over the shared decimal representation. The third argument says whether a
/// document may state a negative value.
macro_rules! decimal {
    ($(#[$doc:meta])* $name:ident, signed: $signed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, JsonSchema)]
        #[schemars(transparent)]
        pub struct $name(#[schemars(with = "f64")] i128);

        impl $name {
            /// Nothing of it.
            pub const ZERO: Self = Self(0);

            /// From a count of 10^-12 units.
            pub const fn from_pico(pico: i128) -> Self {
                Self(pico)
            }

            /// From whole units.
            pub const fn from_units(units: i64) -> Self {
                Self(units as i128 * SCALE)
            }

            /// From a float, as its shortest decimal text states it.
            ///
            /// # Errors
            /// When the value is not finite, too large, or negative where that makes no sense.
            pub fn from_f64(value: f64) -> Result<Self, String> {
                let pico = pico_from_f64(value).map_err(|e| e.to_string())?;
                if !$signed && pico < 0 {
                    return Err("must not be negative".into());
                }
                Ok(Self(pico))
            }

            /// The count of 10^-12 units.
            pub const fn pico(self) -> i128 {
                self.0
            }

            /// The nearest float.
            pub fn to_f64(self) -> f64 {
                pico_to_f64(self.0)
            }

            /// Whether it is exactly zero.
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }
        }

        impl std::ops::Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl std::ops::AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }

        impl std::ops::Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }

        impl std::iter::Sum for $name {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
                items.fold(Self::ZERO, |a, b| a + b)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&pico_to_text(self.0))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_f64(self.to_f64())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = f64::deserialize(deserializer)?;
                Self::from_f64(value).map_err(D::Error::custom)
            }
        }
    };
}

decimal!(
    /// US dollars.
    Usd, signed: true
);
decimal!(
    /// Watts of electrical power.
    Watts, signed: false
);
decimal!(
    /// Grams of CO2 equivalent a kilowatt-hour.
    GramsPerKwh, signed: false
);
decimal!(
    /// Grams of CO2 equivalent.
    Grams, signed: true
);
decimal!(
    /// Kilograms of CO2 equivalent.
    Kg, signed: true
);
decimal!(
    /// Milliseconds of round-trip time.
    Millisecond, signed: false
);
decimal!(
    /// Gigabits (10^9 bits) a second.
    GbitPerSecond, signed: false
);
decimal!(
    /// Expected events an instance-hour.
    PerHour, signed: false
);
decimal!(
    /// A plain number: a speed, a share, a multiplier, a PUE.
    Ratio, signed: false
);

impl Usd {
    /// Rounded half to even to whole micro-dollars, the precision of a plan.
    pub fn to_micro(self) -> i128 {
        let (quotient, rest) = (self.0.div_euclid(1_000_000), self.0.rem_euclid(1_000_000));
        match rest.cmp(&500_000) {
            std::cmp::Ordering::Less => quotient,
            std::cmp::Ordering::Greater => quotient + 1,
            std::cmp::Ordering::Equal => quotient + (quotient & 1),
        }
    }

    /// From micro-dollars.
    pub const fn from_micro(micro: i128) -> Self {
        Self(micro * 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly_and_rounded_half_to_even() {
        assert_eq!(parse_pico("0.1"), Ok(SCALE / 10));
        assert_eq!(parse_pico("-12.5"), Ok(-SCALE * 25 / 2));
        assert_eq!(parse_pico("1e-12"), Ok(1));
        assert_eq!(parse_pico("1.5e-12"), Ok(2));
        assert_eq!(parse_pico("2.5e-12"), Ok(2));
        assert_eq!(parse_pico("0.5e-12"), Ok(0));
        assert_eq!(parse_pico("6e-13"), Ok(1));
        assert_eq!(parse_pico("1e12"), Ok(LIMIT * SCALE));
        assert_eq!(pico_from_f64(1.1e12), Err(DecimalError::TooLarge));
        assert_eq!(parse_pico("1e99999"), Err(DecimalError::TooLarge));
        assert_eq!(parse_pico("1e-99999"), Ok(0));
        for bad in ["", ".", "-", "1_0", "0x1", "1.2.3", "NaN", "١"] {
            assert_eq!(parse_pico(bad), Err(DecimalError::Syntax), "{bad}");
        }
        assert_eq!(pico_from_f64(f64::NAN), Err(DecimalError::NotFinite));
    }

    #[test]
    fn micro_dollars_round_half_to_even() {
        assert_eq!(Usd::from_pico(2_812_500_000).to_micro(), 2812);
        assert_eq!(Usd::from_pico(2_813_500_000).to_micro(), 2814);
        assert_eq!(Usd::from_pico(-500_000).to_micro(), 0);
        assert_eq!(Usd::from_pico(-1_500_000).to_micro(), -2);
    }

    proptest::proptest! {
        #[test]
        fn text_and_float_round_trips(pico in -LIMIT * SCALE..=LIMIT * SCALE) {
            proptest::prop_assert_eq!(parse_pico(&pico_to_text(pico)), Ok(pico));
            let float = pico_to_f64(pico);
            let again = pico_to_f64(pico_from_f64(float).unwrap());
            proptest::prop_assert_eq!(float.to_bits(), again.to_bits());
        }
    }
}
