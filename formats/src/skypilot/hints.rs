//! What SkyPilot's YAML has no field for, from the task's `envs`: `PLIMSOLL_DURATION: 6h`.
//!
//! SkyPilot refuses unknown fields, and labels become tags of machines with rules of their own in each
//! cloud; environment variables are the one thing of a task that it takes with any name and any text,
//! and to the task itself one more does no harm. The name is a field of a Workload in capitals
//! (`PLIMSOLL_MAX_COST` is `maxCost`), the text is that field's YAML.

use plimsoll_model::{
    Document,
    diagnostic::shown,
    read::{self, View},
    workload::WorkloadSpec,
    yaml,
};
use serde_json::{Map, Value};

use super::Findings;

const PREFIX: &str = "PLIMSOLL_";

/// Said of a service, where it counts those of all its nodes.
const REPLICAS: &str = "replicas";

/// The fields that can be stated so: those that SkyPilot's own fields do not state.
const FIELDS: [&str; 21] = [
    "duration",
    "speed",
    "checkpoint",
    "pausable",
    "earliest",
    "deadline",
    "slots",
    "inputs",
    "outputs",
    "clients",
    "latency",
    "notIn",
    "residency",
    "maxCost",
    "team",
    "required",
    "value",
    "current",
    "moveCost",
    "together",
    REPLICAS,
];

/// The fields that a task states in its `envs`, with their values.
#[derive(Debug, Default)]
pub(super) struct Hints<'a> {
    fields: Vec<(&'static str, View<'a>, Value)>,
}

/// Whether a variable is one of these.
pub(super) fn is_hint(variable: &str) -> bool {
    variable.starts_with(PREFIX)
}

/// Reads them.
pub(super) fn read<'a>(envs: Option<&View<'a>>, findings: &mut Findings) -> Hints<'a> {
    let mut hints = Hints::default();
    for (variable, view) in envs.map(View::entries).unwrap_or_default() {
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        let Some(field) = FIELDS.into_iter().find(|field| capitals(field) == name) else {
            let known = FIELDS.map(|field| format!("{PREFIX}{}", capitals(field)));
            let near = yaml::nearest(variable, known.iter().map(String::as_str));
            let help = near.map_or_else(
                || format!("known are {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let problem = envs.map(|envs| {
                envs.problem_of_field(variable, format!("`{}` is no field of a workload", shown(variable)))
            });
            findings.problems.extend(problem.map(|problem| problem.with_help(help)));
            continue;
        };
        let Some(text) = view.text() else { continue };
        match value(field, text) {
            Ok(value) => hints.fields.push((field, view, value)),
            Err((message, help)) => match help {
                Some(help) => findings.wrong_help(&view, message, help),
                None => findings.wrong(&view, message),
            },
        }
    }
    hints
}

/// `maxCost` as `MAX_COST`.
fn capitals(field: &str) -> String {
    let mut name = String::new();
    for letter in field.chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// A field's value, read as in a Workload; else what is wrong with it and what to do.
fn value(field: &str, text: &str) -> Result<Value, (String, Option<String>)> {
    let line = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let document = format!(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: w}}\nspec:\n  request: {{cpu: 1}}\n  {field}: {line}\n"
    );
    let wrong = |message: &str| (format!("`{}`: {message}", shown(&line)), None);
    let read =
        read::documents("", document.as_bytes()).map_err(|problems| match problems.into_iter().next() {
            Some(problem) => (problem.message.replace("spec.", ""), problem.help),
            None => wrong("cannot be read"),
        })?;
    match read.into_iter().next().map(|document| document.split().0) {
        Some(Document::Workload(workload)) => {
            let spec = serde_json::to_value(&workload.spec).ok();
            let value = spec.and_then(|mut spec| spec.get_mut(field).map(Value::take));
            // What says no more than the default is not written.
            Ok(value.unwrap_or_default())
        }
        _ => Err(wrong("cannot be read")),
    }
}

impl Hints<'_> {
    /// Whether a field is stated.
    pub(super) fn has(&self, field: &str) -> bool {
        self.fields.iter().any(|(name, ..)| *name == field)
    }

    /// The replicas that are stated.
    pub(super) fn replicas(&self) -> Option<u32> {
        let (.., value) = self.fields.iter().find(|(name, ..)| *name == REPLICAS)?;
        Some(value.as_u64().and_then(|replicas| u32::try_from(replicas).ok()).unwrap_or(1))
    }

    /// The workload with the fields in place of its own.
    pub(super) fn over(&self, spec: WorkloadSpec) -> WorkloadSpec {
        if self.fields.is_empty() {
            return spec;
        }
        let said = self.fields.iter().filter(|(field, _, value)| *field != REPLICAS && !value.is_null());
        let stated = said.map(|(field, _, value)| ((*field).to_owned(), value.clone()));
        let stated: Map<String, Value> = stated.collect();
        let Ok(Value::Object(mut fields)) = serde_json::to_value(&spec) else { return spec };
        fields.extend(stated);
        // Each field was read as a Workload's before.
        serde_json::from_value(Value::Object(fields)).unwrap_or(spec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_the_yaml_of_the_field() {
        assert_eq!(value("duration", "6h"), Ok("6h".into()));
        assert_eq!(value("checkpoint", "{every: 30m}").unwrap()["every"], "30m");
        assert_eq!(value("deadline", "2d").unwrap(), "2d");
        assert_eq!(value("value", "500").unwrap().as_f64(), Some(500.0));
        let (message, _) = value("duration", "soon").unwrap_err();
        assert!(message.contains("soon"), "{message}");
        assert!(value("duration", "6h\n  team: x").is_err());
        assert!(value("checkpoint", "{evry: 1h}").is_err());
    }

    #[test]
    fn every_field_has_a_variable() {
        assert_eq!(FIELDS.map(capitals)[13], "MAX_COST");
        let known = plimsoll_model::schema::schema("workload").unwrap();
        for field in FIELDS {
            assert!(known["$defs"]["WorkloadSpec"]["properties"].get(field).is_some(), "{field}");
        }
    }
}
