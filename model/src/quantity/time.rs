//! Time: moments and durations in whole nanoseconds.
//!
//! The clock is never read here: `now` is an argument of everything that needs it. Nanoseconds keep a
//! run time divided by a speed exact far below the plan's micro-dollars; a plan shows whole seconds
//! (start) and milliseconds (end).

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor};

use super::decimal::{SCALE, parse_pico};

const SECOND: i64 = 1_000_000_000;
const MILLISECOND: i64 = 1_000_000;
/// The longest duration a document may state: 50 years. Sums of a few stay far from overflow.
const LONGEST: i64 = 50 * 366 * 86_400 * SECOND;

/// The units of a duration, longest first, in nanoseconds.
const UNITS: [(&str, i64); 6] = [
    ("w", 7 * 86_400 * SECOND),
    ("d", 86_400 * SECOND),
    ("h", 3_600 * SECOND),
    ("m", 60 * SECOND),
    ("s", SECOND),
    ("ms", MILLISECOND),
];

/// Reads what is written as text, and says what it was to be when it is something else.
struct TextVisitor<T> {
    expecting: &'static str,
    parse: fn(&str) -> Result<T, String>,
}

impl<T> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }
}

/// A length of time: `90m`, `6h`, `1h30m`, `2d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(i64);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From whole seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * SECOND)
    }

    /// From whole hours.
    pub const fn from_hours(hours: i64) -> Self {
        Self(hours * 3_600 * SECOND)
    }

    /// In nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// In hours, as a float.
    pub fn hours(self) -> f64 {
        self.0 as f64 / (3_600.0 * SECOND as f64)
    }

    /// Divided by a speed given as a count of 10^-12, rounded to the nanosecond (half up).
    /// `None` when the result is longer than a document may state, or the speed is 0.
    pub fn divided_by_pico(self, speed: i128) -> Option<Self> {
        if speed <= 0 {
            return None;
        }
        let nanos = (i128::from(self.0) * SCALE * 2 + speed) / (speed * 2);
        i64::try_from(nanos).ok().filter(|n| *n <= LONGEST).map(Self)
    }
}

impl std::ops::Add for Duration {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let syntax = || format!("`{text}` is not a duration such as 90m, 6h, 1h30m or 2d");
        let mut rest = text;
        let mut total: i128 = 0;
        let mut last = i64::MAX;
        if rest.is_empty() {
            return Err(syntax());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(syntax)?;
            let letters =
                rest[digits..].find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len() - digits);
            let unit = &rest[digits..digits + letters];
            let nanos =
                UNITS.iter().find(|(name, _)| *name == unit).map(|(_, nanos)| *nanos).ok_or_else(syntax)?;
            // Units fall from left to right, so `30m1h` and `1h1h` are typing errors.
            if nanos >= last {
                return Err(syntax());
            }
            last = nanos;
            let number = parse_pico(&rest[..digits]).map_err(|_| syntax())?;
            let too_long = || format!("`{text}` is longer than 50 years");
            total += number.checked_mul(i128::from(nanos)).ok_or_else(too_long)? / SCALE;
            if total > i128::from(LONGEST) {
                return Err(too_long());
            }
            rest = &rest[digits + letters..];
        }
        Ok(Self(total as i64))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        if rest < 0 {
            f.write_str("-")?;
            rest = -rest;
        }
        for (unit, nanos) in &UNITS[1..5] {
            if rest / nanos > 0 {
                write!(f, "{}{unit}", rest / nanos)?;
                rest %= nanos;
            }
        }
        if rest > 0 {
            let fraction = format!("{rest:09}");
            let (ms, beyond) = fraction.split_at(3);
            // Below a second only milliseconds and their decimals are left.
            let ms: u32 = ms.parse().unwrap_or(0);
            let beyond = fraction[3..].trim_end_matches('0').len().min(beyond.len());
            if beyond == 0 {
                write!(f, "{ms}ms")?;
            } else {
                write!(f, "{ms}.{}ms", &fraction[3..3 + beyond])?;
            }
        }
        Ok(())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor {
            expecting: "a duration such as 90m, 6h, 1h30m or 2d",
            parse: str::parse,
        })
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of time: 90m, 6h, 1h30m, 2d",
            "type": "string", "pattern": r"^([0-9.]+(ms|[wdhms]))+$"
        })
    }
}

/// A moment: nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// From nanoseconds since 1970.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The first whole second at or after this moment.
    pub const fn ceil_second(self) -> Self {
        let rest = self.0.rem_euclid(SECOND);
        if rest == 0 { self } else { Self(self.0 - rest + SECOND) }
    }

    /// Hours from `earlier` to this moment.
    pub fn hours_since(self, earlier: Self) -> f64 {
        Duration(self.0 - earlier.0).hours()
    }

    /// The time between, `self` − `earlier`.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0 - earlier.0)
    }
}

impl std::ops::Add<Duration> for Time {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        // Bounded inputs (years 1900 to 2199, durations under 50 years) keep this far from overflow;
        // saturating makes the remaining abuse harmless.
        Self(self.0.saturating_add(duration.0))
    }
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || format!("`{text}` is not a time with a zone such as 2026-11-25T06:00:00Z");
        let stamp: jiff::Timestamp = text.parse().map_err(|_| problem())?;
        let nanos = i64::try_from(stamp.as_nanosecond()).map_err(|_| problem())?;
        let year = nanos / (365 * 86_400 * SECOND) + 1970;
        if (1900..2200).contains(&year) {
            Ok(Self(nanos))
        } else {
            Err(format!("`{text}` lies outside of 1900 to 2199"))
        }
    }
}

impl fmt::Display for Time {
    /// RFC 3339 in UTC, to the millisecond (half to even) and without a fraction when it is 0.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut ms, rest) = (self.0.div_euclid(MILLISECOND), self.0.rem_euclid(MILLISECOND));
        if rest > MILLISECOND / 2 || rest == MILLISECOND / 2 && ms % 2 != 0 {
            ms += 1;
        }
        let stamp = jiff::Timestamp::from_millisecond(ms).map_err(|_| fmt::Error)?;
        if ms.rem_euclid(1000) == 0 { write!(f, "{stamp:.0}") } else { write!(f, "{stamp:.3}") }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor {
            expecting: "a time with a zone such as 2026-11-25T06:00:00Z",
            parse: str::parse,
        })
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A moment in RFC 3339 with a zone: 2026-11-25T06:00:00Z",
            "type": "string", "format": "date-time"
        })
    }
}

/// A moment, or a duration from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// A moment.
    At(Time),
    /// So long after now.
    In(Duration),
}

impl When {
    /// The moment it names when the planning moment is `now`.
    pub fn resolve(self, now: Time) -> Time {
        match self {
            Self::At(time) => time,
            Self::In(duration) => now + duration,
        }
    }
}

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::At(time) => time.serialize(serializer),
            Self::In(duration) => duration.serialize(serializer),
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(duration) = text.parse() {
            return Ok(Self::In(duration));
        }
        text.parse().map(Self::At).map_err(|_| {
            format!(
                "`{text}` is neither a time with a zone (2026-11-25T06:00:00Z) nor a duration from now (36h)"
            )
        })
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expecting = "a time such as 2026-11-25T06:00:00Z or a duration from now such as 36h";
        deserializer.deserialize_str(TextVisitor { expecting, parse: str::parse })
    }
}

impl JsonSchema for When {
    fn schema_name() -> Cow<'static, str> {
        "When".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A moment in RFC 3339 with a zone, or a duration from now: 36h",
            "type": "string"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_write() {
        for (text, secs) in
            [("90m", 5400), ("6h", 21600), ("1h30m", 5400), ("2d", 172_800), ("0s", 0), ("1.5h", 5400)]
        {
            assert_eq!(text.parse::<Duration>(), Ok(Duration::from_secs(secs)), "{text}");
        }
        assert_eq!(Duration::from_secs(5400).to_string(), "1h30m");
        assert_eq!(Duration::from_nanos(1_500_000).to_string(), "1.5ms");
        for bad in [
            "",
            "6",
            "h",
            "6 h",
            "-6h",
            "30m1h",
            "1h1h",
            "1e3h",
            "99999999d",
            "99999999997d",
            "1.2.3h",
            "6µs",
        ] {
            assert!(bad.parse::<Duration>().is_err(), "{bad}");
        }
    }

    #[test]
    fn times_need_a_zone() {
        let time: Time = "2026-11-25T06:00:00.25+01:00".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-25T05:00:00.250Z");
        assert_eq!(time.ceil_second().to_string(), "2026-11-25T05:00:01Z");
        for bad in ["2026-11-25T06:00:00", "2026-11-25", "", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z"] {
            assert!(bad.parse::<Time>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_run_time_divides_by_a_speed() {
        let six = Duration::from_hours(6);
        assert_eq!(six.divided_by_pico(2 * SCALE), Some(Duration::from_hours(3)));
        assert_eq!(six.divided_by_pico(3 * SCALE / 10), Some(Duration::from_hours(20)));
        assert_eq!(six.divided_by_pico(0), None);
        assert_eq!(six.divided_by_pico(1), None);
    }

    proptest::proptest! {
        #[test]
        fn durations_round_trip(nanos in 0..LONGEST) {
            let duration = Duration::from_nanos(nanos);
            proptest::prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }
    }
}
