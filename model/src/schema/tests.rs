//! The schemas agree with the types: what is written conforms, and every field is stated and read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Map, Value, json};

use super::*;
use crate::testing;

/// The keywords that our schemas use; any other fails the test, so that none is passed over. Returns
/// the first difference, and notes each (definition, property) that the value states.
struct Validator<'a> {
    root: &'a Value,
    stated: BTreeSet<String>,
    patterns: BTreeMap<String, regex::Regex>,
}

impl<'a> Validator<'a> {
    fn new(root: &'a Value) -> Self {
        Self { root, stated: BTreeSet::new(), patterns: BTreeMap::new() }
    }

    fn matches(&mut self, pattern: &str, text: &str) -> bool {
        let compile = || regex::Regex::new(pattern).unwrap();
        self.patterns.entry(pattern.to_owned()).or_insert_with(compile).is_match(text)
    }

    fn check(&mut self, schema: &Value, value: &Value, name: &str) -> Result<(), String> {
        if schema == &json!(true) {
            return Ok(());
        }
        let schema = schema.as_object().ok_or("a schema is an object")?;
        for (keyword, expected) in schema {
            let holds = match &**keyword {
                "$schema"
                | "title"
                | "description"
                | "format"
                | "default"
                | "$defs"
                | "additionalProperties" => true,
                "$ref" => {
                    let target = expected.as_str().and_then(|text| text.strip_prefix("#/$defs/")).unwrap();
                    let root = self.root;
                    self.check(&root["$defs"][target], value, target)?;
                    true
                }
                "type" => match expected {
                    Value::Array(types) => types.iter().any(|t| is_type(t, value)),
                    one => is_type(one, value),
                },
                "const" => value == expected,
                "enum" => expected.as_array().unwrap().contains(value),
                "minimum" => value.as_f64().is_none_or(|v| v >= expected.as_f64().unwrap()),
                "maximum" => value.as_f64().is_none_or(|v| v <= expected.as_f64().unwrap()),
                "anyOf" | "oneOf" => {
                    expected.as_array().unwrap().iter().any(|option| self.check(option, value, name).is_ok())
                }
                "pattern" => value.as_str().is_none_or(|text| self.matches(expected.as_str().unwrap(), text)),
                "required" => value.as_object().is_none_or(|fields| {
                    expected.as_array().unwrap().iter().all(|f| fields.contains_key(f.as_str().unwrap()))
                }),
                "items" => {
                    for item in value.as_array().into_iter().flatten() {
                        self.check(expected, item, name)?;
                    }
                    true
                }
                "properties" => {
                    self.properties(schema, expected, value, name)?;
                    true
                }
                other => return Err(format!("{name}: the keyword {other} is not known to this test")),
            };
            if !holds {
                return Err(format!("{name}: {value} breaks {keyword}: {expected}"));
            }
        }
        Ok(())
    }

    fn properties(
        &mut self,
        schema: &Map<String, Value>,
        properties: &Value,
        value: &Value,
        name: &str,
    ) -> Result<(), String> {
        for (field, value) in value.as_object().into_iter().flatten() {
            match properties.get(field) {
                Some(schema) => {
                    self.stated.insert(format!("{name}.{field}"));
                    self.check(schema, value, name)?;
                }
                None if schema.get("additionalProperties") == Some(&json!(false)) => {
                    return Err(format!("{name}: {field} is not among the properties"));
                }
                None => {}
            }
        }
        Ok(())
    }
}

fn is_type(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("{other} is no type"),
    }
}

fn stated(kind: &str, value: &Value) -> Result<BTreeSet<String>, String> {
    let root = schema(kind).unwrap();
    let mut validator = Validator::new(&root);
    validator.check(&root, value, kind)?;
    Ok(validator.stated)
}

/// Every (definition, property) of a schema.
fn all(kind: &str) -> BTreeSet<String> {
    let root = schema(kind).unwrap();
    let of = |name: &str, schema: &Value| -> Vec<String> {
        let fields = schema["properties"].as_object().into_iter().flatten();
        fields.map(|(field, _)| format!("{name}.{field}")).collect()
    };
    let mut all: BTreeSet<String> = of(kind, &root).into_iter().collect();
    for (name, definition) in root["$defs"].as_object().into_iter().flatten() {
        all.extend(of(name, definition));
    }
    all
}

fn full<S: Strategy>(strategy: S) -> S::Value {
    strategy.new_tree(&mut TestRunner::deterministic()).unwrap().current()
}

/// With `fill` at 1 the made-up documents leave no field of the contract out.
#[test]
fn made_up_documents_state_every_field() {
    let workload = serde_json::to_value(full(testing::workload(1.0))).unwrap();
    assert_eq!(stated("workload", &workload), Ok(all("workload")));
    let estate = serde_json::to_value(full(testing::estate(1.0))).unwrap();
    assert_eq!(stated("estate", &estate), Ok(all("estate")));
    let plan = serde_json::to_value(full(testing::plan(1.0))).unwrap();
    assert!(stated("plan", &plan).is_ok(), "{:?}", stated("plan", &plan));
    let front = serde_json::to_value(full(testing::front(1.0))).unwrap();
    assert!(stated("front", &front).is_ok(), "{:?}", stated("front", &front));
    let packing = serde_json::to_value(full(testing::packing(1.0))).unwrap();
    assert_eq!(stated("packing", &packing), Ok(all("packing")));
    let explanation = serde_json::to_value(full(testing::explanation(1.0))).unwrap();
    // The plan's own parts are its own business.
    let of_plan = |field: &String| field.starts_with("NodeUse.") || field.starts_with("Transfer.");
    let own: BTreeSet<String> = all("explanation").into_iter().filter(|field| !of_plan(field)).collect();
    let stated = stated("explanation", &explanation).unwrap();
    assert_eq!(own.difference(&stated).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn every_kind_has_a_schema_with_a_title_and_documented_fields() {
    for (kind, about) in kinds() {
        assert!(!about.is_empty());
        let root = schema(kind).unwrap();
        assert!(root["title"].is_string(), "{kind}");
        for (name, definition) in root["$defs"].as_object().into_iter().flatten() {
            assert!(definition["description"].is_string(), "{kind}: {name} has no description");
        }
        assert!(text(kind).unwrap().ends_with("}\n"));
    }
    assert!(schema("WORKLOAD").is_some());
    assert!(schema("pod").is_none());
}

#[test]
fn one_name_may_stand_for_a_list() {
    let root = schema("workload").unwrap();
    let names = &root["$defs"]["Names"];
    let mut validator = Validator::new(&root);
    assert_eq!(validator.check(names, &json!("EU"), ""), Ok(()));
    assert_eq!(validator.check(names, &json!(["EU"]), ""), Ok(()));
    assert!(validator.check(names, &json!(1), "").is_err());
}

/// The documents of `examples/`, through the reader and through the schema.
#[test]
fn the_shipped_examples_conform() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if crate::read::is_document(&path.display().to_string()) {
                conforms(&path);
            }
        }
    }
}

fn conforms(path: &Path) {
    let name = path.display().to_string();
    let source = crate::yaml::text_of(&name, &fs::read(path).unwrap()).unwrap();
    let parsed = crate::yaml::parse(&source);
    assert!(parsed.problems.is_empty(), "{}", parsed.problems[0]);
    for tree in &parsed.documents {
        let value: Value = crate::yaml::read(&source, tree).unwrap();
        // Manifests of other programs lie beside ours.
        if value["apiVersion"] == json!(crate::API_VERSION) {
            let kind = value["kind"].as_str().unwrap_or_default();
            assert_eq!(stated(kind, &value).err(), None, "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_is_written_conforms(
        workload in testing::workload(0.5),
        estate in testing::estate(0.3),
        plan in testing::plan(0.5),
        front in testing::front(0.5),
        explanation in testing::explanation(0.5),
        packing in testing::packing(0.5),
    ) {
        let value = serde_json::to_value(&packing).unwrap();
        prop_assert!(stated("packing", &value).is_ok(), "{:?}", stated("packing", &value));
        let value = serde_json::to_value(&front).unwrap();
        prop_assert!(stated("front", &value).is_ok(), "{:?}", stated("front", &value));
        let value = serde_json::to_value(&explanation).unwrap();
        prop_assert!(stated("explanation", &value).is_ok(), "{:?}", stated("explanation", &value));
        prop_assert_eq!(serde_json::from_value::<crate::Explanation>(value).unwrap(), explanation);
        let value = serde_json::to_value(&plan).unwrap();
        prop_assert!(stated("plan", &value).is_ok(), "{:?}", stated("plan", &value));
        let value = serde_json::to_value(&workload).unwrap();
        prop_assert!(stated("workload", &value).is_ok(), "{:?}", stated("workload", &value));
        let value = serde_json::to_value(&estate).unwrap();
        prop_assert!(stated("estate", &value).is_ok(), "{:?}", stated("estate", &value));
    }
}
