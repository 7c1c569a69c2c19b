//! Exact decimals: prices in billionths of a dollar, sizes in thousandths.

use crate::error::{Error, Result};

/// Billionths of a dollar in a dollar.
pub(super) const NANO: u32 = 9;
/// Thousandths.
pub(super) const MILLI: u32 = 3;

/// A non-negative decimal as an integer of 10^-places; more places than that are an error unless they are zeros.
pub(super) fn scaled(text: &str, places: u32) -> Result<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let exact = fraction.len() <= places as usize
        && !whole.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    let value = if exact { digits.parse::<i64>().ok() } else { None };
    value
        .and_then(|value| value.checked_mul(10_i64.checked_pow(places - fraction.len() as u32)?))
        .ok_or_else(|| Error::new(format!("{text:?} is not a decimal of at most {places} places")))
}

/// The shortest decimal of an integer of 10^-places.
pub(super) fn decimal(value: i64, places: u32) -> String {
    let unit = 10_i64.pow(places);
    let (whole, fraction) = (value / unit, value % unit);
    if fraction == 0 {
        return whole.to_string();
    }
    let fraction = format!("{fraction:0width$}", width = places as usize);
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// A count such as `0.3333` in thousandths, rounded to the nearest.
pub(super) fn milli_rounded(text: &str) -> Result<i64> {
    Ok((scaled(text, NANO)? + 500_000) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_survive_the_way_there_and_back() {
        for text in ["0", "1", "0.204", "123.456789012", "0.000000001"] {
            assert_eq!(scaled(text, NANO).map(|value| decimal(value, NANO)).ok().as_deref(), Some(text));
        }
        assert_eq!(scaled("23.60", NANO).ok(), Some(23_600_000_000));
        assert_eq!(milli_rounded("0.1667").ok(), Some(167));
    }

    #[test]
    fn what_is_not_exact_is_refused() {
        for text in ["", ".", "-1", "1e5", "0.0000000001", "1,5", "99999999999999999999"] {
            assert!(scaled(text, NANO).is_err(), "{text}");
        }
    }
}
