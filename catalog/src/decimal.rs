//! Decimals as people and price lists write them, exactly: `0.0255`, `1e-3`, `.5`.
//!
//! Prices and sizes become integers here, without a float on the way; `0.1` is a hundred million billionths of a dollar
//! and not a hair less.

/// Billionths: the places of money.
pub(crate) const NANO: u32 = 9;

/// More digits than this are refused: no quantity of this world needs them, and they would overflow the arithmetic.
const MAX_DIGITS: usize = 30;

/// Why a text is not the decimal that was asked for. Fits behind "`text` ".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Empty,
    NotANumber,
    Negative,
    TooLarge,
}

impl Flaw {
    pub(crate) fn says(self) -> &'static str {
        match self {
            Self::Empty => "is empty",
            Self::NotANumber => "is not a number",
            Self::Negative => "is negative",
            Self::TooLarge => "is too large",
        }
    }
}

/// How a value between two integers is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// To the nearest, ties to the even one: money.
    HalfEven,
    /// To the next larger, as Kubernetes rounds quantities.
    Up,
}

/// `text` × `factor` × 10^places as an integer.
pub(crate) fn scaled(text: &str, factor: u64, places: i32, rounding: Rounding) -> Result<u64, Flaw> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Flaw::Empty);
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| Flaw::NotANumber)?),
        None => (text, 0),
    };
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if digits().next().is_none() || digits().any(|byte| !byte.is_ascii_digit()) {
        return Err(Flaw::NotANumber);
    }
    let significant = digits().skip_while(|byte| *byte == b'0').count();
    if significant == 0 {
        return Ok(0);
    }
    if negative {
        return Err(Flaw::Negative);
    }
    if significant > MAX_DIGITS {
        return Err(Flaw::TooLarge);
    }
    let number = digits().fold(0_u128, |sum, byte| sum * 10 + u128::from(byte - b'0'));
    let shift = i64::from(places) + i64::from(exponent) - fraction.len() as i64;
    let number = number.checked_mul(u128::from(factor)).ok_or(Flaw::TooLarge)?;
    let value = if shift >= 0 {
        let power =
            u32::try_from(shift).ok().and_then(|shift| 10_u128.checked_pow(shift)).ok_or(Flaw::TooLarge)?;
        number.checked_mul(power).ok_or(Flaw::TooLarge)?
    } else {
        match u32::try_from(-shift).ok().and_then(|shift| 10_u128.checked_pow(shift)) {
            Some(power) => rounded(number, power, rounding),
            // Smaller than any unit: it has at most 30 digits times a 64-bit factor, below half of 10^39.
            None => u128::from(rounding == Rounding::Up),
        }
    };
    u64::try_from(value).map_err(|_| Flaw::TooLarge)
}

fn rounded(number: u128, power: u128, rounding: Rounding) -> u128 {
    let (whole, rest) = (number / power, number % power);
    let up = match rounding {
        Rounding::Up => rest > 0,
        Rounding::HalfEven => {
            rest > power / 2 || (power.is_multiple_of(2) && rest == power / 2 && whole % 2 == 1)
        }
    };
    whole + u128::from(up)
}

/// Dollars in billionths.
pub(crate) fn nano_usd(text: &str) -> Result<i64, Flaw> {
    let value = scaled(text, 1, NANO as i32, Rounding::HalfEven)?;
    i64::try_from(value).map_err(|_| Flaw::TooLarge)
}

/// A price cell of an embedded matrix, whose form the generator guarantees: digits, a point, at most nine digits.
/// Half of loading the catalogue is in this function, hence the plain loop.
pub(crate) fn nano_cell(cell: &str) -> i64 {
    let mut value = 0_i64;
    let mut places = None;
    for byte in cell.bytes() {
        if byte == b'.' {
            places = Some(0_u32);
        } else {
            assert!(byte.is_ascii_digit(), "a price of an embedded table is not a decimal: {cell}");
            value = value * 10 + i64::from(byte - b'0');
            if let Some(places) = &mut places {
                *places += 1;
            }
        }
    }
    value * POWERS[NANO as usize - places.unwrap_or(0) as usize]
}

const POWERS: [i64; 10] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_exact() {
        assert_eq!(nano_usd("0.1"), Ok(100_000_000));
        assert_eq!(nano_usd("98.32"), Ok(98_320_000_000));
        assert_eq!(nano_usd("1e-3"), Ok(1_000_000));
        assert_eq!(nano_usd(".5"), Ok(500_000_000));
        assert_eq!(nano_usd("-0"), Ok(0));
        assert_eq!(nano_usd("0.0000000005"), Ok(0));
        assert_eq!(nano_usd("0.0000000015"), Ok(2));
        assert_eq!(nano_usd("1e-2000000000"), Ok(0));
    }

    #[test]
    fn what_is_no_price_says_why() {
        for (text, flaw) in [
            ("", Flaw::Empty),
            (" ", Flaw::Empty),
            ("NaN", Flaw::NotANumber),
            ("inf", Flaw::NotANumber),
            ("1,5", Flaw::NotANumber),
            (".", Flaw::NotANumber),
            ("e5", Flaw::NotANumber),
            ("1e", Flaw::NotANumber),
            ("-1", Flaw::Negative),
            ("1e30", Flaw::TooLarge),
            ("1e2000000000", Flaw::TooLarge),
            ("1e99999999999", Flaw::NotANumber),
            ("1234567890123456789012345678901234567890", Flaw::TooLarge),
        ] {
            assert_eq!(nano_usd(text), Err(flaw), "{text}");
        }
    }

    #[test]
    fn cells_agree_with_the_careful_parser() {
        for cell in ["0", "44", "0.204", "123.456789", "0.000000001", "98.32"] {
            assert_eq!(Ok(nano_cell(cell)), nano_usd(cell), "{cell}");
        }
    }

    #[test]
    fn quantities_round_up() {
        assert_eq!(scaled("0.0001", 1, 3, Rounding::Up), Ok(1));
        assert_eq!(scaled("1.69922", 1 << 30, 0, Rounding::Up), Ok(1_824_523_583));
        assert_eq!(scaled("1e-60", 1, 3, Rounding::Up), Ok(1));
    }
}
