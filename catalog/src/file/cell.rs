//! Parsers of single cells. Each error fits behind the column's name and ends with what to write.

use crate::accelerator::Kind;
use crate::decimal::{self, Flaw, Rounding};
use crate::offer::{Arch, Capacity};

type Parsed<T> = Result<T, String>;

/// Dollars.
pub(super) fn money(text: &str) -> Parsed<i64> {
    decimal::nano_usd(text).map_err(|flaw| complaint(text, flaw, "US dollars an hour, such as 1.25"))
}

/// Thousandths of something counted: `8`, `0.5`, `500m`.
pub(super) fn milli(text: &str) -> Parsed<u64> {
    quantity(text, 3, "a quantity such as 8 or 500m")
}

/// Bytes: `64Gi`, `80G`, `1e9`.
pub(super) fn bytes(text: &str) -> Parsed<u64> {
    quantity(text, 0, "a quantity of bytes such as 64Gi")
}

fn quantity(text: &str, places: i32, wanted: &str) -> Parsed<u64> {
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let (factor, exponent) = match &text[number.len()..] {
        "" => (1, 0),
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1 << 60, 0),
        _ => return Err(complaint(text, Flaw::NotANumber, wanted)),
    };
    decimal::scaled(number, factor, places + exponent, Rounding::Up)
        .map_err(|flaw| complaint(text, flaw, wanted))
}

/// A whole number.
pub(super) fn whole(text: &str) -> Parsed<u64> {
    text.parse().map_err(|_| {
        let flaw = if text.starts_with('-') { Flaw::Negative } else { Flaw::NotANumber };
        complaint(text, flaw, "a whole number from 0")
    })
}

/// A finite number of at least `least`.
pub(super) fn float(text: &str, least: f64) -> Parsed<f64> {
    let wanted = format!("a number from {least}");
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    match number {
        None => Err(complaint(text, Flaw::NotANumber, &wanted)),
        Some(number) if number < least => Err(format!("{} is below {least}; write {wanted}", quoted(text))),
        Some(number) => Ok(number),
    }
}

/// A capacity class.
pub(super) fn capacity(text: &str) -> Parsed<Capacity> {
    let names = Capacity::ALL.map(Capacity::name).join(", ");
    Capacity::from_name(text)
        .ok_or_else(|| format!("{} is not a capacity class; write one of {names}", quoted(text)))
}

/// A kind of accelerator.
pub(super) fn kind(text: &str) -> Parsed<Kind> {
    let names = Kind::ALL.map(Kind::name).join(", ");
    Kind::from_name(text)
        .ok_or_else(|| format!("{} is not a kind of accelerator; write one of {names}", quoted(text)))
}

/// An instruction set.
pub(super) fn arch(text: &str) -> Parsed<Arch> {
    let names = Arch::ALL.map(Arch::name).join(", ");
    Arch::from_name(text)
        .ok_or_else(|| format!("{} is not an instruction set; write one of {names}", quoted(text)))
}

/// A day, `YYYY-MM-DD`.
pub(super) fn date(text: &str) -> Parsed<String> {
    if is_date(text) {
        Ok(text.to_owned())
    } else {
        Err(format!("{} is not a day; write it as 2026-01-31", quoted(text)))
    }
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let form = bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { *byte == b'-' } else { byte.is_ascii_digit() });
    if !form {
        return false;
    }
    let part = |from: usize, to: usize| {
        bytes[from..to].iter().fold(0_u32, |sum, byte| sum * 10 + u32::from(byte - b'0'))
    };
    let (year, month, day) = (part(0, 4), part(5, 7), part(8, 10));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 0,
    };
    (1..=last).contains(&day)
}

fn complaint(text: &str, flaw: Flaw, wanted: &str) -> String {
    match flaw {
        Flaw::Empty => format!("it is empty; write {wanted}"),
        _ => format!("{} {}; write {wanted}", quoted(text), flaw.says()),
    }
}

/// The text as it stands in the file, short enough for a line and with nothing that moves a terminal's cursor.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}
