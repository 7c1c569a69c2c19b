//! The core schema of YAML 1.2: what a plain scalar means (section 10.3.2).

/// What a plain scalar is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text,
}

/// Resolves a plain scalar. Whole numbers beyond 64 bits are floats, as in JSON readers.
pub(super) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        _ => {}
    }
    let Some(first) = text.bytes().next() else { return Scalar::Null };
    // Every number begins with one of these, and almost no text does.
    if !matches!(first, b'0'..=b'9' | b'.' | b'+' | b'-') {
        return Scalar::Text;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return based(digits, radix);
        }
    }
    let (sign, digits) = match first {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => (1, text),
    };
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return Scalar::Float(f64::from(sign) * f64::INFINITY);
    }
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return match digits.parse::<i128>() {
            Ok(value) if value <= i128::from(u64::MAX) => Scalar::Int(value * i128::from(sign)),
            _ => text.parse().map_or(Scalar::Text, Scalar::Float),
        };
    }
    if is_float(digits) { text.parse().map_or(Scalar::Text, Scalar::Float) } else { Scalar::Text }
}

fn based(digits: &str, radix: u32) -> Scalar {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Scalar::Text;
    }
    match u64::from_str_radix(digits, radix) {
        Ok(value) => Scalar::Int(i128::from(value)),
        Err(_) => Scalar::Float(f64::INFINITY),
    }
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() || !digits(whole) || !digits(fraction) {
        return false;
    }
    exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_the_core_schema_says() {
        for (text, meaning) in [
            ("", Scalar::Null),
            ("~", Scalar::Null),
            ("nUll", Scalar::Text),
            ("NO", Scalar::Text),
            ("no", Scalar::Text),
            ("on", Scalar::Text),
            ("yes", Scalar::Text),
            ("y", Scalar::Text),
            ("True", Scalar::Bool(true)),
            ("tRue", Scalar::Text),
            ("12", Scalar::Int(12)),
            ("+12", Scalar::Int(12)),
            ("-0", Scalar::Int(0)),
            ("014", Scalar::Int(14)),
            ("0o14", Scalar::Int(12)),
            ("0x1F", Scalar::Int(31)),
            ("0b1", Scalar::Text),
            ("1_000", Scalar::Text),
            ("12:30", Scalar::Text),
            ("18446744073709551615", Scalar::Int(i128::from(u64::MAX))),
            ("18446744073709551616", Scalar::Float(18_446_744_073_709_551_616.0)),
            ("-.5e-3", Scalar::Float(-0.0005)),
            ("1.", Scalar::Float(1.0)),
            ("1e3", Scalar::Float(1000.0)),
            ("1e", Scalar::Text),
            ("1e+", Scalar::Text),
            (".", Scalar::Text),
            ("-", Scalar::Text),
            ("-.inf", Scalar::Float(f64::NEG_INFINITY)),
            ("inf", Scalar::Text),
            ("nan", Scalar::Text),
            ("6h", Scalar::Text),
            ("64Gi", Scalar::Text),
            ("0xfffffffffffffffff", Scalar::Float(f64::INFINITY)),
        ] {
            assert_eq!(resolve(text), meaning, "{text}");
        }
        assert!(matches!(resolve(".nan"), Scalar::Float(value) if value.is_nan()));
    }
}
