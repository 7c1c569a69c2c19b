//! What every document has: `apiVersion`, `kind`, `metadata.name`, `spec`.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The version every document of ours states.
pub const API_VERSION: &str = "plimsoll.dev/v1alpha1";

/// The `apiVersion` field: always `plimsoll.dev/v1alpha1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
#[schemars(transparent)]
pub struct ApiVersion(#[schemars(with = "String", regex(pattern = r"^plimsoll\.dev/v1alpha1$"))] ());

impl Serialize for ApiVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(API_VERSION)
    }
}

impl<'de> Deserialize<'de> for ApiVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == API_VERSION {
            Ok(Self(()))
        } else {
            Err(D::Error::custom(format!("this version reads `{API_VERSION}`, not `{text}`")))
        }
    }
}

/// Who the document is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Unique among the documents of its kind.
    pub name: String,
    /// Free labels, carried along and never interpreted.
    #[serde(default, skip_serializing_if = "indexmap::IndexMap::is_empty")]
    pub labels: indexmap::IndexMap<String, String>,
    /// Free annotations, carried along and never interpreted.
    #[serde(default, skip_serializing_if = "indexmap::IndexMap::is_empty")]
    pub annotations: indexmap::IndexMap<String, String>,
}

impl Metadata {
    /// Metadata that state a name and nothing else.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), labels: indexmap::IndexMap::new(), annotations: indexmap::IndexMap::new() }
    }
}

/// The documents that `plan` reads.
#[derive(Debug, Clone, PartialEq)]
pub enum Document {
    /// Something to place.
    Workload(Box<crate::Workload>),
    /// Where things can be placed, and at what price.
    Estate(Box<crate::Estate>),
    /// A document of another program, still to be translated.
    Foreign,
}

/// The schema of what [`one_or_many`] reads.
pub(crate) struct Names;

impl JsonSchema for Names {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Names".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A list of names, or one name",
            "anyOf": [{ "type": "array", "items": { "type": "string" } }, { "type": "string" }]
        })
    }
}

/// Reads a list that may be written as a single item.
pub(crate) fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct OneOrMany<T>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list of names, or one name")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<T>, E> {
            T::deserialize(serde::de::value::StrDeserializer::new(text)).map(|item| vec![item])
        }

        fn visit_unit<E: serde::de::Error>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(item) = items.next_element()? {
                list.push(item);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_any(OneOrMany(std::marker::PhantomData))
}

/// The same where an empty list and none are two things.
pub(crate) fn maybe_one_or_many<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    one_or_many(deserializer).map(Some)
}
