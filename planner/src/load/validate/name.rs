//! Names: what may be one, and that each is given once.

use std::collections::BTreeMap;

use plimsoll_model::Metadata;

use super::Scope;

/// As long as a name may be in Kubernetes.
const LONGEST: usize = 253;

pub(super) fn metadata(scope: &mut Scope<'_>, metadata: &Metadata) {
    name(&mut scope.field("metadata").field("name"), &metadata.name);
}

/// Whether a text can be a name.
pub(super) fn name(scope: &mut Scope<'_>, name: &str) {
    if name.is_empty() {
        scope.report("must not be empty");
    } else if name.chars().any(char::is_control) {
        scope.report("must not hold control characters");
    } else if name.trim() != name {
        scope.report("must not begin or end with a space");
    } else if name.chars().count() > LONGEST {
        scope.report(format!("must have at most {LONGEST} characters"));
    }
}

/// Every text of a list.
pub(super) fn list(scope: &mut Scope<'_>, names: &[String]) {
    for (index, text) in names.iter().enumerate() {
        name(&mut scope.item(index), text);
    }
}

/// A text that may be absent.
pub(super) fn maybe(scope: &mut Scope<'_>, text: Option<&str>) {
    if let Some(text) = text {
        name(scope, text);
    }
}

/// That each item of a list has a name of its own; `field` is where the name stands.
pub(super) fn unique<'a>(
    scope: &mut Scope<'_>,
    what: &str,
    field: &str,
    names: impl IntoIterator<Item = &'a str>,
) {
    let mut seen = BTreeMap::new();
    for (index, name) in names.into_iter().enumerate() {
        if let Some(first) = seen.get(name) {
            let first = scope.line_of(&format!("[{first}].{field}"));
            let (message, help) = (format!("a second {what} `{name}`"), format!("the first is at {first}"));
            scope.item(index).field(field).report_help(message, help);
        } else {
            seen.insert(name, index);
        }
    }
}
