//! A policy as a scenario names it.

use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{section, values};
use crate::Duration;

/// A policy: a name, or a table with a name and settings.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct PolicySpec(pub PolicyTable);

section! {
    /// A policy with its settings.
    pub struct PolicyTable {
        /// Which one.
        pub name: String,
        /// What it is called in results; default: its name.
        pub label: Option<String>,
        /// For `mix`: the weight of each scorer.
        pub weights: IndexMap<String, i64>,
        /// For `plan`: how often it plans.
        pub every: Option<Duration>,
        /// For `fifo`: `any` lets jobs behind the first start where that fits.
        pub backfill: Option<String>,
        /// For `least-attained-service`: the run times at which a job falls to the next queue.
        pub queues: Vec<Duration>,
        /// Whether it knows how fast each kind of accelerator is for a job.
        pub heterogeneity: Option<bool>,
        /// Reserved instances are used as soon as they are free.
        pub reserved_first: Option<bool>,
        /// Jobs up to this long run on spot instances.
        pub spot_up_to: Option<Duration>,
        /// Whether it knows each job's duration, rather than its queue's mean.
        pub knows_duration: Option<bool>,
        /// Offers that it may not use.
        pub without: Vec<String>,
        /// How nodes are chosen by a policy that orders a queue: the name of a scorer.
        pub scorer: Option<String>,
    }
}

impl std::ops::Deref for PolicySpec {
    type Target = PolicyTable;

    fn deref(&self) -> &PolicyTable {
        &self.0
    }
}

impl PolicySpec {
    /// What it is called in results.
    pub fn title(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.name)
    }
}

impl From<&str> for PolicySpec {
    fn from(name: &str) -> Self {
        Self(PolicyTable { name: name.to_owned(), ..PolicyTable::default() })
    }
}

impl<'de> Deserialize<'de> for PolicySpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrTable;

        impl<'de> Visitor<'de> for NameOrTable {
            type Value = PolicySpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a policy's name, or a table with `name`")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<PolicySpec, E> {
                Ok(name.into())
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<PolicySpec, A::Error> {
                PolicyTable::deserialize(MapAccessDeserializer::new(fields)).map(PolicySpec)
            }
        }

        deserializer.deserialize_any(NameOrTable)
    }
}

impl JsonSchema for PolicySpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Policy".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<PolicyTable>();
        schemars::json_schema!({
            "description": "A policy: its name, or a table with its name and settings",
            "anyOf": [{ "type": "string" }, table]
        })
    }
}
