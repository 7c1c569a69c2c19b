//! The JSON Schemas of the documents, derived from the types that read them.
//!
//! What a schema cannot say (an input has a dataset or a producer, names are unique) is checked when
//! documents are loaded; a document that a schema refuses is always refused by the reader too.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

use crate::{
    Estate, Explanation, Front, OfferSpec, Packing, Plan, Scenario, Simulation, Workload, catalog::Catalog,
    serve::Serve,
};

type Make = fn(SchemaGenerator) -> schemars::Schema;

/// Kind, what it is, and its schema.
const KINDS: [(&str, &str, Make); 11] = [
    ("workload", "something to place", of::<Workload>),
    ("estate", "where things can be placed, and at what price", of::<Estate>),
    ("offer", "an entry of `offers`", of::<OfferSpec>),
    ("catalog", "a catalogue file in YAML or JSON", of::<Catalog>),
    ("plan", "the answer of `plimsoll plan`", of::<Plan>),
    ("packing", "the answer of `plimsoll plan --cluster`", of::<Packing>),
    ("explanation", "the answer of `plimsoll explain`", of::<Explanation>),
    ("front", "the answer of `plimsoll plan --pareto`", of::<Front>),
    ("serve", "the configuration of `plimsoll serve`", of::<Serve>),
    ("scenario", "what `plimsoll simulate` is given, as TOML", of::<Scenario>),
    ("simulation", "the answer of `plimsoll simulate`", of::<Simulation>),
];

fn of<T: JsonSchema>(generator: SchemaGenerator) -> schemars::Schema {
    generator.into_root_schema_for::<T>()
}

/// The kinds that have a schema, each with what it is.
pub fn kinds() -> impl Iterator<Item = (&'static str, &'static str)> {
    KINDS.into_iter().map(|(kind, about, _)| (kind, about))
}

/// The schema of a kind, case ignored.
pub fn schema(kind: &str) -> Option<Value> {
    let (_, _, make) = KINDS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(kind))?;
    let mut schema = make(SchemaSettings::draft2020_12().into_generator()).to_value();
    if let Some(fields) = schema.as_object_mut() {
        // What it is comes before what it holds.
        for key in ["description", "title", "$schema"] {
            if let Some(value) = fields.shift_remove(key) {
                fields.shift_insert(0, key.to_owned(), value);
            }
        }
    }
    Some(schema)
}

/// The schema of a kind as a file: indented, with a line feed at the end.
pub fn text(kind: &str) -> Option<String> {
    let value = schema(kind)?;
    serde_json::to_string_pretty(&value).ok().map(|text| text + "\n")
}

#[cfg(test)]
mod tests;
