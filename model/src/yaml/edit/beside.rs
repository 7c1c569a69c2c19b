//! Copies of documents, each behind the one that it is of.

use std::{collections::BTreeMap, ops::Range};

use super::{Change, edit, first_line_end, values};

/// Edits documents as [`edit`] does, and puts copies of documents with other changes behind them.
///
/// A copy is of the text as it was: its comments, order and quotes stay, too. Documents are named by their index among
/// those that hold something.
///
/// # Errors
/// Why the text cannot be edited so, as a fragment; then nothing of it may be used.
pub fn edit_beside(
    text: &str,
    changes: &BTreeMap<usize, Change>,
    copies: &BTreeMap<usize, Change>,
) -> Result<String, &'static str> {
    let mut edited = edit(text, changes)?;
    if copies.is_empty() {
        return Ok(edited);
    }
    let (before, after) = (documents(text)?, documents(&edited)?);
    let mut wanted = values(&edited).ok_or("it does not read")?;
    if before.len() != wanted.len() || after.len() != wanted.len() {
        return Err("its documents cannot be told apart");
    }
    // From the last on, so that what lies before stays where it is.
    for (index, change) in copies.iter().rev() {
        let document = &text[before.get(*index).ok_or("it has fewer documents")?.clone()];
        if is_json_object(document) {
            return Err(ONE_OBJECT);
        }
        let copy = edit(document, &BTreeMap::from([(0, change.clone())]))?;
        let [value] = &values(&copy).ok_or("it does not read")?[..] else {
            return Err("its documents cannot be told apart");
        };
        wanted.insert(index + 1, value.clone());
        let at = after[*index].end;
        edited.insert_str(at, &behind(&edited[..at], &copy));
    }
    if values(&edited) != Some(wanted) {
        return Err("the edited text would not say what was meant");
    }
    Ok(edited)
}

/// The same for a text of which some documents cannot be read: those stay as they are, and of the others, so many, each is
/// edited by itself.
///
/// # Errors
/// As for [`edit_beside`].
pub fn edit_readable(
    text: &str,
    changes: &BTreeMap<usize, Change>,
    copies: &BTreeMap<usize, Change>,
    readable: usize,
) -> Result<String, &'static str> {
    let (mut edited, mut number) = (String::with_capacity(text.len()), 0);
    for range in stretches(text)? {
        let document = &text[range];
        if values(document).is_none_or(|values| values.is_empty()) {
            edited.push_str(document);
            continue;
        }
        let of = |all: &BTreeMap<usize, Change>| {
            all.get(&number).map(|change| (0, change.clone())).into_iter().collect()
        };
        edited.push_str(&edit_beside(document, &of(changes), &of(copies))?);
        number += 1;
    }
    if number == readable { Ok(edited) } else { Err("some of its documents cannot be told apart") }
}

/// A document as it stands behind a text.
fn behind(before: &str, document: &str) -> String {
    let line_end = if document.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if before.ends_with('\n') { "" } else { line_end };
    let marker = if begins_document(document) { String::new() } else { format!("---{line_end}") };
    format!("{gap}{marker}{document}")
}

/// Why an object in JSON gets no copy.
pub const ONE_OBJECT: &str = "a JSON file holds one object: write it as YAML, or as a List";

/// Whether a text is one object in JSON, behind which there can be no other.
pub fn is_json_object(text: &str) -> bool {
    text.trim_start().starts_with('{') && serde_json::from_str::<serde_json::Value>(text).is_ok()
}

/// The bytes of each document that holds something.
fn documents(text: &str) -> Result<Vec<Range<usize>>, &'static str> {
    let holds = |range: &Range<usize>| values(&text[range.clone()]).is_none_or(|values| !values.is_empty());
    Ok(stretches(text)?.into_iter().filter(holds).collect())
}

/// The bytes of each document, from its `---`, if it has one, to the next one's.
fn stretches(text: &str) -> Result<Vec<Range<usize>>, &'static str> {
    let (mut starts, mut at) = (vec![0], 0);
    for line in text.split_inclusive('\n') {
        if line.starts_with('%') || line.trim_end() == "..." {
            return Err("it has directives of YAML between its documents");
        }
        // At the beginning of a line this is never part of a text.
        if at > 0 && begins_document(line) {
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().copied().skip(1).chain([text.len()]);
    Ok(starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect())
}

fn begins_document(text: &str) -> bool {
    text.strip_prefix("---").is_some_and(|rest| {
        rest.is_empty() || rest.starts_with([' ', '\t']) || first_line_end(rest).is_some()
    })
}
