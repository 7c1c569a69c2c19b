//! What holds for every mapping: which fields it may have, and that secrets are not shown.

use plimsoll_model::{Diagnostic, diagnostic::shown, read::View, yaml};

use super::{Findings, hints};
use crate::Foreign;

/// Reports the fields that SkyPilot does not know; it refuses the whole document for one of them.
pub(super) fn refuse_unknown(view: &View<'_>, known: &[&str], findings: &mut Findings) {
    for (field, _) in view.entries() {
        if known.contains(&field) {
            continue;
        }
        let problem = view.problem_of_field(field, format!("unknown field `{}`", shown(field)));
        let public = known.iter().copied().filter(|name| !name.starts_with('_'));
        findings.problems.push(match yaml::nearest(field, public) {
            Some(near) => problem.with_help(format!("did you mean `{near}`?")),
            None => problem.with_help("SkyPilot knows no such field here"),
        });
    }
}

/// Whether a field is a mapping; reports it otherwise.
pub(super) fn is_mapping(view: &View<'_>, findings: &mut Findings) -> bool {
    if !view.is_mapping() {
        findings.wrong(view, "expected a mapping");
    }
    view.is_mapping()
}

/// A text; anything else is reported.
pub(super) fn text<'a>(view: &View<'a>, findings: &mut Findings) -> Option<&'a str> {
    let text = view.text();
    match text {
        Some(text) if text.contains("{{") => findings.wrong_help(
            view,
            "this is a template that is not filled in",
            "fill it in first, and plan what comes out",
        ),
        Some(_) => {}
        None => findings.wrong(view, "expected text"),
    }
    text
}

/// A whole number from `least`; anything else is reported.
pub(super) fn count(view: &View<'_>, least: u32, findings: &mut Findings) -> Option<u32> {
    let number = view.integer().and_then(|number| u32::try_from(number).ok()).filter(|n| *n >= least);
    if number.is_none() {
        findings.wrong(view, format!("expected a whole number from {least}"));
    }
    number
}

/// True or false; anything else is reported.
pub(super) fn boolean(view: &View<'_>, findings: &mut Findings) -> Option<bool> {
    let value = view.boolean();
    if value.is_none() {
        findings.wrong(view, "expected true or false");
    }
    value
}

/// Takes values of `secrets` and `envs` out of what is shown of a document.
pub(super) fn hide_secrets(document: &Foreign, problems: &mut [Diagnostic]) {
    let mut hidden = Vec::new();
    for field in ["secrets", "envs"] {
        for (name, value) in document.root().field(field).map(|view| view.entries()).unwrap_or_default() {
            // Shorter ones are in every other line.
            hidden.extend(value.text().filter(|text| text.len() > 3 && !hints::is_hint(name)));
        }
    }
    for problem in problems.iter_mut().filter(|problem| problem.file == document.file()) {
        let line = problem.source_line.as_ref().map_or("", |line| &*line.text);
        if hidden.iter().any(|secret| secret.lines().any(|part| part.len() > 3 && line.contains(part.trim())))
        {
            problem.source_line = None;
        }
        for secret in &hidden {
            problem.message = problem.message.replace(secret, "…");
        }
    }
}
