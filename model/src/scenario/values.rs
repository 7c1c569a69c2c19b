//! Small values of scenarios.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
};
use serde_json::Value;

use crate::{Duration, Time};

/// What a section leaves unsaid.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A number of things that may be written as a fraction (`0.5` of a CPU).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Count(pub f64);

/// A wall-clock moment; UTC where no offset is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Moment(pub Time);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || format!("`{text}` is not a time such as 2022-10-19T16:00:00Z or 2022-10-19");
        let joined = text.replacen(' ', "T", 1);
        let full = match joined.split_once('T') {
            None => format!("{joined}T00:00:00Z"),
            Some((_, clock)) if clock.ends_with('Z') || clock.contains(['+', '-']) => joined,
            Some(_) => format!("{joined}Z"),
        };
        full.parse().map(Self).map_err(|_| problem())
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, "a time such as 2022-10-19T16:00:00Z")
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A time; UTC without an offset: 2022-10-19T16:00:00Z", "type": "string" })
    }
}

/// A moment, or a duration from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// So long after the beginning.
    After(Duration),
    /// A wall-clock moment.
    At(Moment),
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(duration) = text.parse() {
            return Ok(Self::After(duration));
        }
        let moment = text.parse().map(Self::At);
        moment
            .map_err(|_| format!("`{text}` is neither a duration such as 30d nor a time such as 2022-10-19"))
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::After(duration) => duration.serialize(serializer),
            Self::At(moment) => moment.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, "a duration such as 30d, or a time such as 2022-10-19")
    }
}

impl JsonSchema for Limit {
    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A duration from the beginning (30d), or a time (2022-10-19)", "type": "string" })
    }
}

/// Reads a value that is written as text.
fn text<'de, D, T>(deserializer: D, expecting: &'static str) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err = String>,
{
    struct Text<T>(&'static str, std::marker::PhantomData<T>);

    impl<T: FromStr<Err = String>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(expecting, std::marker::PhantomData))
}

/// Seeds: one, a list, or a range with both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

/// So many seeds are more than anyone waits for.
const MOST: u64 = 1_000_000;

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || format!("`{text}` is not a range of seeds such as 42..51");
        let (first, last) = text.split_once("..").ok_or_else(problem)?;
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| problem());
        let (first, last) = (number(first)?, number(last.strip_prefix('=').unwrap_or(last))?);
        if last < first {
            return Err(format!("`{text}` ends before it begins"));
        }
        if last - first >= MOST {
            return Err(format!("`{text}` holds more than {MOST} seeds"));
        }
        Ok(Self((first..=last).collect()))
    }
}

impl Serialize for Seeds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Seeds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Seeds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a seed, a list of seeds, or a range such as 42..51")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Seeds, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, seed: u64) -> Result<Seeds, E> {
                Ok(Seeds(vec![seed]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Seeds, A::Error> {
                let mut seeds: Vec<u64> = Vec::new();
                while let Some(seed) = items.next_element::<u64>()? {
                    if seeds.contains(&seed) {
                        return Err(de::Error::custom(format!("the seed {seed} is there twice")));
                    }
                    seeds.push(seed);
                }
                if seeds.is_empty() {
                    return Err(de::Error::custom("at least one seed is needed"));
                }
                Ok(Seeds(seeds))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

impl JsonSchema for Seeds {
    fn schema_name() -> Cow<'static, str> {
        "Seeds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A seed, a list of seeds, or a range with both ends such as 42..51",
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string" },
                { "type": "array", "items": { "type": "integer", "minimum": 0 } }
            ]
        })
    }
}

/// The values that a key takes in turn: a list, or a range `0..100/10` with both ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// As listed.
    List(Vec<Value>),
    /// From, to and step.
    Range(Range),
}

/// Numbers at equal distances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The first.
    pub from: f64,
    /// None is above it.
    pub to: f64,
    /// The distance.
    pub step: f64,
}

impl Default for Values {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Values {
    /// The values, as they would be written.
    pub fn all(&self) -> Vec<Value> {
        match self {
            Self::List(values) => values.clone(),
            Self::Range(Range { from, to, step }) => {
                // Half a step of slack: 0..1/0.1 has eleven values whatever the binary of 0.1 is.
                let count = ((to - from) / step + 1e-9).floor() as u64;
                let number = |value: f64| {
                    let rounded = (value * 1e9).round() / 1e9;
                    if rounded.fract() == 0.0 && rounded.abs() < 1e15 {
                        Value::from(rounded as i64)
                    } else {
                        Value::from(rounded)
                    }
                };
                (0..=count).map(|index| number(from + index as f64 * step)).collect()
            }
        }
    }
}

impl FromStr for Values {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || format!("`{text}` is not a range such as 0..100/10");
        let (from, rest) = text.split_once("..").ok_or_else(problem)?;
        let (to, step) = rest.split_once('/').unwrap_or((rest, "1"));
        let number = |text: &str| {
            text.trim().parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(problem)
        };
        let range = Range { from: number(from)?, to: number(to)?, step: number(step)? };
        if range.step <= 0.0 || range.to < range.from {
            return Err(format!("`{text}` does not rise from its first value to its last"));
        }
        if (range.to - range.from) / range.step > MOST as f64 {
            return Err(format!("`{text}` holds more than {MOST} values"));
        }
        Ok(Self::Range(range))
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.all().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Values;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of values, or a range such as 0..100/10")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Values, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Values, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = items.next_element()? {
                    values.push(value);
                }
                if values.is_empty() {
                    return Err(de::Error::custom("at least one value is needed"));
                }
                Ok(Values::List(values))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

impl JsonSchema for Values {
    fn schema_name() -> Cow<'static, str> {
        "Values".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A list of values, or a range with both ends and a step such as 0..100/10",
            "anyOf": [{ "type": "array" }, { "type": "string" }]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_both_ends() {
        assert_eq!("42..51".parse::<Seeds>().unwrap().0, (42..=51).collect::<Vec<u64>>());
        assert_eq!("0..1/0.1".parse::<Values>().unwrap().all().len(), 11);
        assert_eq!(
            "0..100/50".parse::<Values>().unwrap().all(),
            [Value::from(0), Value::from(50), Value::from(100)]
        );
        for wrong in ["5..3", "a..b", "3", "0..99999999999"] {
            assert!(wrong.parse::<Seeds>().is_err(), "{wrong}");
        }
        for wrong in ["5..3", "0..1/0", "0..1/-1", "nan..1"] {
            assert!(wrong.parse::<Values>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn moments_are_utc_without_an_offset() {
        let at = |text: &str| text.parse::<Moment>().unwrap().0.to_string();
        assert_eq!(at("2022-10-19T16:00:00"), "2022-10-19T16:00:00Z");
        assert_eq!(at("2022-10-19 16:00:00+02:00"), "2022-10-19T14:00:00Z");
        assert_eq!(at("2022-10-19"), "2022-10-19T00:00:00Z");
        assert!("soon".parse::<Moment>().is_err());
        assert!(matches!("30d".parse::<Limit>().unwrap(), Limit::After(_)));
        assert!(matches!("2022-10-19".parse::<Limit>().unwrap(), Limit::At(_)));
    }
}
