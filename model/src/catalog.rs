//! Catalogue files in YAML or JSON: a list of offers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Metadata, OfferSpec, document::ApiVersion};

/// `kind: Catalog`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum CatalogKind {
    /// The only value.
    #[default]
    Catalog,
}

/// Offers that an estate names by file in its `catalog`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Catalog {
    /// The version of the format.
    pub api_version: ApiVersion,
    /// The kind of document.
    pub kind: CatalogKind,
    /// Its name; nothing refers to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// What it holds.
    pub spec: CatalogSpec,
}

/// What a catalogue holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CatalogSpec {
    /// The offers.
    pub offers: Vec<OfferSpec>,
}
