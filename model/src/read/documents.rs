//! Documents by `apiVersion` and `kind`.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::Located;
use crate::{
    API_VERSION, Diagnostic, Document, Front, OfferSpec, Packing, Plan,
    catalog::Catalog,
    diagnostic::{Source, Span, shown},
    serve::Serve,
    yaml::{self, Tree, Value},
};

/// The kinds of document that this program reads or writes.
const KINDS: [&str; 7] = ["Workload", "Estate", "Plan", "Catalog", "Front", "Packing", "Serve"];

/// What a text holds, with what is wrong with the rest of it.
#[derive(Debug, Default)]
pub struct Documents {
    /// The documents that can be read, in order.
    pub documents: Vec<Located<Document>>,
    /// What is wrong with the others.
    pub problems: Vec<Diagnostic>,
    /// Whether one of the others is an estate, without which no plan is what was asked for.
    pub lacks_estate: bool,
}

/// Reads the documents of a text, in order; those of other programs are left to be translated.
///
/// # Errors
/// Everything that is wrong with the text.
pub fn documents(file: &str, bytes: &[u8]) -> Result<Vec<Located<Document>>, Vec<Diagnostic>> {
    let Documents { documents, problems, .. } = every_document(file, bytes);
    if problems.is_empty() { Ok(documents) } else { Err(problems) }
}

/// Reads as many of the documents of a text as can be read.
pub fn every_document(file: &str, bytes: &[u8]) -> Documents {
    let source = match yaml::text_of(file, bytes) {
        Ok(source) => Arc::new(source),
        Err(problems) => return Documents { problems, ..Documents::default() },
    };
    let parsed = yaml::parse(&source);
    let (mut read, mut problems, mut lacks_estate) = (Vec::new(), parsed.problems, false);
    if let Some(template) = unrendered(&source).filter(|_| !problems.is_empty()) {
        return Documents { problems: vec![template], ..Documents::default() };
    }
    for tree in parsed.documents {
        let tree = Arc::new(tree);
        let document = match kind_of(&source, &tree) {
            _ if is_foreign(&tree) => Ok(Document::Foreign),
            Ok(kind) => match &*kind {
                "Workload" => yaml::read(&source, &tree).map(|value| Document::Workload(Box::new(value))),
                "Estate" => yaml::read(&source, &tree).map(|value| Document::Estate(Box::new(value))),
                other => Err(vec![out_of_place(&source, &tree, other)]),
            },
            Err(problem) => Err(vec![*problem]),
        };
        match document {
            Ok(value) => read.push(Located::new(value, &source, &tree)),
            Err(more) => {
                lacks_estate |= kind_of(&source, &tree).is_ok_and(|kind| kind == "Estate");
                problems.extend(more);
            }
        }
        if problems.len() >= yaml::FILE_PROBLEMS {
            break;
        }
    }
    problems.sort_by_key(|problem| problem.span);
    problems.truncate(yaml::FILE_PROBLEMS);
    Documents { documents: read, problems, lacks_estate }
}

/// A text that is no YAML for the templates in it that were not rendered.
fn unrendered(source: &Source) -> Option<Diagnostic> {
    let is_template = |line: &str| {
        let line = line.trim_start();
        line.starts_with("{{") || line.contains(": {{") || line.starts_with("- {{")
    };
    let (at, line) = source.text().lines().enumerate().find(|(_, line)| is_template(line))?;
    let column = line.find("{{").map_or(0, |byte| line[..byte].chars().count());
    let problem = source.problem(Span::point(at + 1, column + 1), "", "a template that is not rendered");
    Some(problem.with_help("render it first: helm template … | plimsoll plan -"))
}

/// Reads a plan, to check or to explain it.
///
/// # Errors
/// Everything that is wrong with the text.
pub fn plan(file: &str, bytes: &[u8]) -> Result<Plan, Vec<Diagnostic>> {
    only::<Plan>(file, bytes, "Plan").map(|located| located.value)
}

/// Reads a front.
///
/// # Errors
/// Everything that is wrong with the text.
pub fn front(file: &str, bytes: &[u8]) -> Result<Front, Vec<Diagnostic>> {
    only::<Front>(file, bytes, "Front").map(|located| located.value)
}

/// Reads a packing.
///
/// # Errors
/// Everything that is wrong with the text.
pub fn packing(file: &str, bytes: &[u8]) -> Result<Packing, Vec<Diagnostic>> {
    only::<Packing>(file, bytes, "Packing").map(|located| located.value)
}

/// Reads the configuration of `plimsoll serve`.
///
/// # Errors
/// Everything that is wrong with the text.
pub fn serve(file: &str, bytes: &[u8]) -> Result<Located<Serve>, Vec<Diagnostic>> {
    only::<Serve>(file, bytes, "Serve")
}

/// Reads the offers of a catalogue file in YAML or JSON (`kind: Catalog`).
///
/// # Errors
/// Everything that is wrong with the text.
pub fn catalog(file: &str, bytes: &[u8]) -> Result<Located<Vec<OfferSpec>>, Vec<Diagnostic>> {
    only::<Catalog>(file, bytes, "Catalog").map(|located| located.map(|catalog| catalog.spec.offers))
}

/// Whether a file by this name holds documents (YAML, JSON) rather than a table.
pub fn is_document(file: &str) -> bool {
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Reads the one document of a text, which is of this kind.
fn only<T: DeserializeOwned>(file: &str, bytes: &[u8], wanted: &str) -> Result<Located<T>, Vec<Diagnostic>> {
    let source = Arc::new(yaml::text_of(file, bytes)?);
    let parsed = yaml::parse(&source);
    let (mut read, mut problems) = (Vec::new(), parsed.problems);
    for tree in parsed.documents {
        let tree = Arc::new(tree);
        match kind_of(&source, &tree) {
            Ok(kind) if kind == wanted => match yaml::read(&source, &tree) {
                Ok(value) => read.push(Located::new(value, &source, &tree)),
                Err(more) => problems.extend(more),
            },
            Ok(kind) => {
                let message = format!("expected a {wanted}, found {} `{kind}`", article(&kind));
                let problem = source.problem(tree.position_of("kind"), "kind", message);
                problems.push(problem.with_help(format!("name a file with `kind: {wanted}`")));
            }
            Err(problem) => problems.push(*problem),
        }
        if problems.len() >= yaml::FILE_PROBLEMS {
            break;
        }
    }
    if let (Some(second), true) = (read.get(1), problems.is_empty()) {
        let problem = second.problem("kind", format!("a second {wanted} in one file"));
        problems.push(problem.with_help("give it a file of its own"));
    }
    let mut read = finish(read, problems)?;
    read.pop().ok_or_else(|| {
        let problem = Diagnostic::of_file(file, format!("the file holds no document; expected a {wanted}"));
        vec![problem.with_help(format!("name a file with `kind: {wanted}`"))]
    })
}

fn finish<T>(read: Vec<T>, mut problems: Vec<Diagnostic>) -> Result<Vec<T>, Vec<Diagnostic>> {
    problems.sort_by_key(|problem| problem.span);
    problems.truncate(yaml::FILE_PROBLEMS);
    if problems.is_empty() { Ok(read) } else { Err(problems) }
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" }
}

/// The kind of a document of ours.
fn kind_of(source: &Source, tree: &Tree) -> Result<String, Box<Diagnostic>> {
    let problem =
        |field: &str, message: String| Box::new(source.problem(tree.position_of(field), field, message));
    let root = tree.root();
    let Value::Map(entries) = &tree.node(root).value else {
        return Err(Box::new(
            problem("", "a document is a mapping with `apiVersion`, `kind`, `metadata` and `spec`".into())
                .with_help(format!("begin with `apiVersion: {API_VERSION}`")),
        ));
    };
    let text = |key: &str| {
        let node = tree.node(tree.entry(root, key)?.value);
        matches!(node.value, Value::Text).then(|| node.text.to_string())
    };
    let version = tree.entry(root, "apiVersion").is_some();
    let kind = tree.entry(root, "kind").is_some();
    let has_items =
        tree.entry(root, "items").is_some_and(|items| matches!(tree.node(items.value).value, Value::Seq(_)));
    if !kind && has_items {
        let cut = problem("items", "a list of objects that ends before it says what it is".into());
        return Err(Box::new(cut.with_help(
            "kubectl writes `kind: List` last: the dump was cut; make it anew, or add the line if it is whole",
        )));
    }
    for (stated, field, example) in [(version, "apiVersion", API_VERSION), (kind, "kind", "Workload")] {
        if !stated {
            let near = yaml::nearest(field, entries.iter().map(|entry| &*entry.key));
            let help = match near {
                Some(near) => format!("is `{}` meant to be `{field}`?", shown(near)),
                None => format!("write `{field}: {example}`"),
            };
            return Err(Box::new(problem("", format!("missing field `{field}`")).with_help(help)));
        }
    }
    let (Some(version), Some(kind)) = (text("apiVersion"), text("kind")) else {
        let field = if text("apiVersion").is_none() { "apiVersion" } else { "kind" };
        let example = if field == "kind" { "Workload" } else { API_VERSION };
        let help = format!("write `{field}: {example}`");
        return Err(Box::new(problem(field, format!("`{field}`: expected text")).with_help(help)));
    };
    if version != API_VERSION {
        return Err(foreign(source, tree, &version, &kind));
    }
    if KINDS.contains(&&*kind) {
        return Ok(kind);
    }
    let unknown = problem("kind", format!("unknown kind `{}`", shown(&kind)));
    Err(Box::new(match yaml::nearest(&kind, KINDS) {
        Some(near) => unknown.with_help(format!("did you mean `{near}`?")),
        None => unknown.with_help("known here: Workload, Estate"),
    }))
}

/// A document of another version of this program, or of another program where only ours will do.
fn foreign(source: &Source, tree: &Tree, version: &str, kind: &str) -> Box<Diagnostic> {
    let (field, message) = if is_ours(version) {
        ("apiVersion", format!("`apiVersion`: `{}` is not known", shown(version)))
    } else {
        ("kind", format!("not a Plimsoll document: `{} {}`", shown(version), shown(kind)))
    };
    let problem = source.problem(tree.position_of(field), field, message);
    Box::new(problem.with_help(format!("this version reads `{API_VERSION}`")))
}

/// Whether an `apiVersion` is meant to be ours.
fn is_ours(version: &str) -> bool {
    version.split('/').next().is_some_and(|group| {
        group == "plimsoll.dev" || yaml::nearest(group, ["plimsoll.dev", "plimsoll"]).is_some()
    })
}

/// Whether a document is another program's: it states another `apiVersion`, or has nothing of ours.
fn is_foreign(tree: &Tree) -> bool {
    let root = tree.root();
    let has = |field: &str| tree.entry(root, field).is_some();
    match tree.entry(root, "apiVersion").map(|entry| tree.node(entry.value)) {
        Some(node) => matches!(node.value, Value::Text) && has("kind") && !is_ours(&node.text),
        None => {
            matches!(tree.node(root).value, Value::Map(_))
                && !["kind", "metadata", "spec"].iter().any(|field| has(field))
        }
    }
}

/// A document of ours that is no input.
fn out_of_place(source: &Source, tree: &Tree, kind: &str) -> Diagnostic {
    let message = format!("a `{kind}` is not something to place");
    let help = match kind {
        "Plan" => "`plimsoll explain` and `plimsoll verify` read plans; `--previous` compares with one",
        "Packing" => "`plimsoll verify PACKING --cluster NODES FILE…` reads packings",
        "Serve" => "`plimsoll serve --config FILE` reads it",
        "Front" => "each of its points holds a Plan, which `plimsoll verify` and `--previous` read",
        _ => "name the file in `catalog` of an Estate",
    };
    source.problem(tree.position_of("kind"), "kind", message).with_help(help)
}
