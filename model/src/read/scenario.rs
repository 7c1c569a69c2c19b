//! Scenarios from TOML, with what the command line sets, for every point of `[vary]`.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::Located;
use crate::{
    Scenario,
    diagnostic::{Diagnostic, Source, Span},
    scenario::Values,
    toml,
    yaml::{self, Entry, Node, NodeId, Tree, Value, steps},
};

/// A scenario's text, and what is set beside it.
#[derive(Debug, Clone)]
pub struct ScenarioFile {
    source: Arc<Source>,
    tree: Tree,
    /// Lines of the file; what follows them in `source` are the settings.
    lines: u32,
}

/// A scenario at one point of what varies.
#[derive(Debug, Clone)]
pub struct Point {
    /// The keys that vary, as written, with their values here.
    pub keys: IndexMap<String, Json>,
    /// The scenario with these values.
    pub scenario: Located<Scenario>,
}

/// So many points are more than anyone waits for.
const MOST_POINTS: usize = 100_000;

impl ScenarioFile {
    /// Reads a text; `sets` are settings `KEY=VALUE` of the command line, in order.
    ///
    /// # Errors
    /// Where the text is not TOML, and settings that are none.
    pub fn new(file: &str, bytes: &[u8], sets: &[String]) -> Result<Self, Vec<Diagnostic>> {
        let own = yaml::text_of(file, bytes)?;
        let tree = toml::parse(&own)?;
        let lines = own.text().lines().count() as u32;
        // Settings become lines after the text, so that a value at fault can be shown like any other.
        let mut text = own.text().to_owned();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        for set in sets {
            text.push_str(&set.replace(['\n', '\r'], " "));
            text.push('\n');
        }
        let mut this = Self { source: Arc::new(Source::new(file, text)), tree, lines };
        for (index, set) in sets.iter().enumerate() {
            this.set(set, lines + 1 + index as u32)?;
        }
        Ok(this)
    }

    fn set(&mut self, set: &str, line: u32) -> Result<(), Vec<Diagnostic>> {
        let Some((key, value)) = set.split_once('=') else {
            return Err(self.no_setting(set, line, "a setting needs a `=`"));
        };
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() {
            return Err(self.no_setting(set, line, "a setting needs a key before the `=`"));
        }
        let length = |text: &str| text.chars().count().max(1) as u32;
        let span = Span { line, column: length(key) + 2, length: length(value) };
        let key_span = Span { line, column: 1, length: length(key) };
        let tree = toml::parse_value(value, span).unwrap_or_else(|| toml::text_value(value, span));
        if put(&mut self.tree, key, &tree, key_span) {
            return Ok(());
        }
        Err(self.no_setting(set, line, "the key lies inside of what is no table"))
    }

    fn no_setting(&self, set: &str, line: u32, message: &str) -> Vec<Diagnostic> {
        let span = Span { line, column: 1, length: set.chars().count().max(1) as u32 };
        let problem = self.source.problem(span, "", message);
        vec![self.as_setting(problem.with_help("write --set KEY=VALUE, such as run.seeds=42..51"))]
    }

    /// A problem of a setting is shown as one.
    fn as_setting(&self, mut problem: Diagnostic) -> Diagnostic {
        if let Some(span) = problem.span.as_mut().filter(|span| span.line > self.lines) {
            span.line = 1;
            "--set".clone_into(&mut problem.file);
        }
        problem
    }

    fn read(&self, tree: &Tree) -> Result<Scenario, Vec<Diagnostic>> {
        yaml::read::<Scenario>(&self.source, tree)
            .map_err(|problems| problems.into_iter().map(|problem| self.as_setting(problem)).collect())
    }

    /// The scenario at every combination of what varies, the first key slowest.
    ///
    /// # Errors
    /// Everything that is wrong with the scenario at any of the points.
    pub fn points(&self) -> Result<Vec<Point>, Vec<Diagnostic>> {
        let whole = self.read(&self.tree)?;
        let place = Located::new((), &self.source, &Arc::new(self.tree.clone()));
        let mut points: Vec<IndexMap<String, Json>> = vec![IndexMap::new()];
        for (key, values) in &whole.vary {
            let field = format!("vary{}", quoted(key));
            if key.split('.').next() == Some("vary") {
                return Err(vec![self.as_setting(place.problem(field, "what varies cannot vary itself"))]);
            }
            if let Values::List(listed) = values
                && let Some(at) =
                    (1..listed.len()).find(|at| listed[..*at].iter().any(|one| same(one, &listed[*at])))
            {
                let message = format!("the value {} is there twice", listed[at]);
                return Err(vec![self.as_setting(place.problem(format!("{field}[{at}]"), message))]);
            }
            let values = Values::all(values);
            if points.len() * values.len() > MOST_POINTS {
                let message = format!("more than {MOST_POINTS} combinations");
                return Err(vec![self.as_setting(place.problem("vary", message))]);
            }
            points = points
                .into_iter()
                .flat_map(|point| {
                    values.iter().map(move |value| {
                        let mut point = point.clone();
                        point.insert(key.clone(), value.clone());
                        point
                    })
                })
                .collect();
        }
        points.into_iter().map(|keys| self.point(keys, &place)).collect()
    }

    fn point(&self, keys: IndexMap<String, Json>, place: &Located<()>) -> Result<Point, Vec<Diagnostic>> {
        let mut tree = self.tree.clone();
        for (key, value) in &keys {
            let span = place.position_of(&format!("vary{}", quoted(key)));
            let mut fresh = Tree { nodes: Vec::new(), root: NodeId(0) };
            fresh.root = json(&mut fresh, value, span);
            if !put(&mut tree, key, &fresh, span) {
                let field = format!("vary{}", quoted(key));
                return Err(vec![
                    self.as_setting(place.problem(field, "the key lies inside of what is no table")),
                ]);
            }
        }
        let value = self.read(&tree)?;
        Ok(Point { keys, scenario: Located::new(value, &self.source, &Arc::new(tree)) })
    }

    /// A problem of a field as people should see it: one of a setting names the setting.
    pub fn shown(&self, problem: Diagnostic) -> Diagnostic {
        if problem.file == self.source.name() { self.as_setting(problem) } else { problem }
    }
}

/// Whether two values make the same point; 1 and 1.0 do.
fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => {
            one == other
                || one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| one.total_cmp(&other).is_eq())
        }
        _ => one == other,
    }
}

fn quoted(key: &str) -> String {
    format!("[{}]", Json::String(key.to_owned()))
}

fn json(tree: &mut Tree, value: &Json, span: Span) -> NodeId {
    let (value, text) = match value {
        Json::Null => (Value::Null, String::new()),
        Json::Bool(truth) => (Value::Bool(*truth), truth.to_string()),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => (Value::Int(whole.into()), number.to_string()),
            None => (Value::Float(number.as_f64().unwrap_or(f64::NAN)), number.to_string()),
        },
        Json::String(text) => (Value::Text, text.clone()),
        Json::Array(items) => {
            let items = items.iter().map(|item| json(tree, item, span)).collect();
            (Value::Seq(items), String::new())
        }
        Json::Object(fields) => {
            let entry = |(key, value): (&String, &Json)| Entry {
                key: key.as_str().into(),
                key_span: span,
                value: json(tree, value, span),
            };
            (Value::Map(fields.iter().map(entry).collect()), String::new())
        }
    };
    let id = NodeId(u32::try_from(tree.nodes.len()).unwrap_or(u32::MAX));
    tree.nodes.push(Node { value, text: text.into(), span });
    id
}

/// States a value at a dotted key; tables on the way are made. Whether there was a way.
fn put(tree: &mut Tree, key: &str, value: &Tree, key_span: Span) -> bool {
    // A key as written may have several steps; what is quoted in it is one.
    let path = steps(key);
    if path.is_empty() {
        return false;
    }
    let base = tree.nodes.len() as u32;
    let shift = |id: NodeId| NodeId(id.0 + base);
    for node in &value.nodes {
        let mut node = node.clone();
        match &mut node.value {
            Value::Seq(items) => items.iter_mut().for_each(|item| *item = shift(*item)),
            Value::Map(entries) => entries.iter_mut().for_each(|entry| entry.value = shift(entry.value)),
            _ => {}
        }
        tree.nodes.push(node);
    }
    let value = shift(value.root);
    let mut at = tree.root;
    for (index, step) in path.iter().enumerate() {
        let is_last = index + 1 == path.len();
        let known = match (step, &tree.node(at).value) {
            (yaml::Step::Field(name), Value::Map(_)) => tree.entry(at, name).map(|entry| entry.value),
            (yaml::Step::Item(item), Value::Seq(items)) => match items.get(*item) {
                Some(item) => Some(*item),
                None => return false,
            },
            _ => return false,
        };
        let next = match known {
            Some(id) if !is_last => id,
            _ => {
                let id = if is_last {
                    value
                } else {
                    let id = NodeId(tree.nodes.len() as u32);
                    tree.nodes.push(Node {
                        value: Value::Map(Vec::new()),
                        text: Box::default(),
                        span: key_span,
                    });
                    id
                };
                match (step, &mut tree.nodes[at.0 as usize].value) {
                    (yaml::Step::Field(name), Value::Map(entries)) => {
                        let entry = Entry { key: name.as_str().into(), key_span, value: id };
                        match entries.iter_mut().find(|known| *known.key == **name) {
                            Some(known) => *known = entry,
                            None => entries.push(entry),
                        }
                    }
                    (yaml::Step::Item(item), Value::Seq(items)) => items[*item] = id,
                    _ => return false,
                }
                id
            }
        };
        at = next;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Seeds;

    const TEXT: &str = "[trace]\nformat = \"openb\"\njobs = \"pods.csv\"\n[run]\npolicies = [\"fgd\", { name = \"mix\", weights = { pwr = 100, fgd = 900 } }]\nseeds = \"42..44\"\n[vary]\n\"market.carbon_price\" = [0, 50]\n\"arrivals.inflate\" = \"1..1.2/0.1\"\n";

    fn problems(text: &str, sets: &[&str]) -> String {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let found = ScenarioFile::new("s.toml", text.as_bytes(), &sets).and_then(|file| file.points());
        found.unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_varies_is_combined() {
        let sets = ["run.seeds=7".to_owned(), "report.html=out.html".to_owned()];
        let points = ScenarioFile::new("s.toml", TEXT.as_bytes(), &sets).unwrap().points().unwrap();
        assert_eq!(points.len(), 6);
        let last = &points[5];
        assert_eq!(last.scenario.value.market.carbon_price, Some(50.0));
        assert_eq!(last.scenario.value.arrivals.inflate, Some(1.2));
        assert_eq!(last.scenario.value.run.seeds, Some(Seeds(vec![7])));
        assert_eq!(last.scenario.value.report.html.as_deref(), Some("out.html"));
        assert_eq!(
            serde_json::to_string(&last.keys).unwrap(),
            r#"{"market.carbon_price":50,"arrivals.inflate":1.2}"#
        );
    }

    #[test]
    fn unknown_keys_name_the_nearest() {
        assert!(problems("[trace]\nfromat = \"openb\"\n", &[]).contains("did you mean `format`"));
        assert!(problems("", &["run.sedes=1"]).contains("did you mean `seeds`"));
        assert!(problems("[vary]\n\"arrivals.inflat\" = [1]\n", &[]).contains("did you mean `inflate`"));
        for twice in ["[1, 2, 1]", "[1, 1.0]", "[\"a\", \"a\"]"] {
            let wrong = problems(&format!("[vary]\n\"jobs.priority\" = {twice}\n"), &[]);
            assert!(wrong.contains("is there twice") && wrong.contains("s.toml:2"), "{wrong}");
        }
        let wrong = problems("", &["run.seeds=\"5..3\""]);
        assert!(wrong.contains("--set:1") && wrong.contains("ends before"), "{wrong}");
        let wrong = problems("[run]\npolicies = [{ name = \"mix\", wieghts = {} }]\n", &[]);
        assert!(wrong.contains("s.toml:2") && wrong.contains("did you mean `weights`"), "{wrong}");
    }
}
