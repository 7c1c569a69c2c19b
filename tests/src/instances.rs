//! Small random instances: every feature of the contract, alone or with others.
//!
//! An [`Instance`] is kept as the JSON of its documents, so that a failure prints as something that a
//! person can read and `plimsoll plan` can run, and so that laws can change it by hand.

use std::collections::BTreeMap;

use plimsoll_model::{GramsPerKwh, Inputs, Series, Time, Usd, estate::EstateSpec};
use plimsoll_planner::Settings;
use serde_json::{Map, Value, json};

use crate::{
    dice::Dice,
    features::{self, Feature},
};

/// The planning moment of every instance: a Wednesday, on the hour.
pub const NOW: &str = "2026-11-25T06:00:00Z";

/// The documents of a plan and its flags, as JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// What it was drawn from.
    pub seed: u64,
    /// What it has.
    pub features: Vec<Feature>,
    /// The estate's `spec`.
    pub estate: Value,
    /// The workloads' names and `spec`s, in document order.
    pub workloads: Vec<(String, Value)>,
    /// Carbon series by path: minutes after [`NOW`] and grams a kWh.
    pub series: BTreeMap<String, Vec<(i64, i64)>>,
    /// Flags that are not at their default: `carbonPrice`, `delayPrice`, `budget`, `previous`.
    pub flags: Map<String, Value>,
}

/// A moment so many minutes after [`NOW`].
pub fn minutes(minutes: i64) -> Time {
    let now: Time = NOW.parse().expect("NOW is a time");
    Time::from_nanos(now.nanos() + minutes * 60_000_000_000)
}

/// An instance with these features.
pub fn instance(seed: u64, with: &[Feature]) -> Instance {
    let mut dice = Dice::new(seed, with);
    let mut sorted = with.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut made = Instance {
        seed,
        features: sorted.clone(),
        estate: json!({}),
        workloads: Vec::new(),
        series: BTreeMap::new(),
        flags: Map::new(),
    };
    features::base(&mut made, &mut dice);
    for feature in sorted {
        feature.apply(&mut made, &mut dice);
    }
    made
}

impl Instance {
    /// The documents, read.
    pub fn inputs(&self) -> Inputs {
        let estate: EstateSpec =
            serde_json::from_value(self.estate.clone()).expect("the generator writes valid estates");
        let workload = |(name, spec): &(String, Value)| {
            let document = json!({
                "apiVersion": "plimsoll.dev/v1alpha1", "kind": "Workload",
                "metadata": { "name": name }, "spec": spec
            });
            serde_json::from_value(document).expect("the generator writes valid workloads")
        };
        let step = |(at, grams): &(i64, i64)| (minutes(*at), GramsPerKwh::from_units(*grams));
        let series = |(path, steps): (&String, &Vec<(i64, i64)>)| -> (String, Series) {
            (path.clone(), steps.iter().map(step).collect())
        };
        Inputs {
            workloads: self.workloads.iter().map(workload).collect(),
            estate,
            assumptions: Vec::new(),
            embedded_catalog: self.estate.get("catalog").is_none(),
            file_offers: Vec::new(),
            series: self.series.iter().map(series).collect(),
            places: plimsoll_model::read::Places::default(),
            digest: "d1".into(),
        }
    }

    /// The flags in force.
    pub fn settings(&self, inputs: &Inputs) -> Settings {
        let money = |key: &str| self.flags.get(key).map(read::<Usd>);
        let mut settings = Settings::of(inputs);
        settings.carbon_price = money("carbonPrice").unwrap_or(Usd::ZERO);
        settings.delay_price = money("delayPrice").unwrap_or(Usd::ZERO);
        settings.budget = money("budget");
        if let Some(previous) = self.flags.get("previous") {
            settings.previous = read(previous);
        }
        settings
    }

    /// The lists of the estate, made when they are not there.
    ///
    /// # Panics
    /// When the field is there and no list.
    pub fn list(&mut self, field: &str) -> &mut Vec<Value> {
        let fields = self.estate.as_object_mut().expect("an estate is an object");
        fields.entry(field).or_insert_with(|| json!([])).as_array_mut().expect("a list")
    }

    /// Sets a field of the estate.
    pub fn set(&mut self, field: &str, value: Value) {
        self.estate[field] = value;
    }

    /// The names of the estate's offers, sites' nodes included.
    pub fn offer_names(&self) -> Vec<String> {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut names: Vec<String> = list(&self.estate["offers"]).iter().map(|o| text(&o["name"])).collect();
        for site in list(&self.estate["sites"]) {
            for nodes in list(&site["nodes"]) {
                names.push(format!("{}/{}/on-prem", text(&site["name"]), text(&nodes["name"])));
            }
        }
        names
    }

    /// Everything, in as few lines as can be read.
    pub fn dump(&self) -> String {
        use std::fmt::Write as _;
        let mut text = format!("seed {} features {:?}\nflags {}\n", self.seed, self.features, {
            Value::Object(self.flags.clone())
        });
        for (field, value) in self.estate.as_object().into_iter().flatten() {
            if let Value::Array(items) = value {
                for item in items {
                    let _ = writeln!(text, "estate {field}: {item}");
                }
            } else {
                let _ = writeln!(text, "estate {field}: {value}");
            }
        }
        for (path, steps) in &self.series {
            let _ = writeln!(text, "series {path}: {steps:?}");
        }
        for (name, spec) in &self.workloads {
            let _ = writeln!(text, "workload {name}: {spec}");
        }
        text
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).expect("the generator writes valid flags")
}
