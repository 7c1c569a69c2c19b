use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn one(change: Change) -> BTreeMap<usize, Change> {
    BTreeMap::from([(0, change)])
}

fn put(path: &str, value: Value) -> Change {
    Change::at(path, Change::Put(value))
}

fn append(more: Vec<Value>) -> Change {
    Change::Items(BTreeMap::new(), more)
}

/// Without these items, and with more.
fn others<const N: usize>(gone: [usize; N], more: &[i32]) -> Change {
    Change::Items(gone.map(|at| (at, Change::Gone)).into(), more.iter().map(|item| json!(item)).collect())
}

#[test]
fn only_what_changes_is_touched() {
    let mut labels = put("spec.nodeSelector[\"a/b\"]", json!("x: 1"));
    labels.and(put("spec.nodeSelector.zone", json!("z-1")));
    let taint = Change::at("spec.tolerations", append(vec![json!({"key": "spot", "operator": "Exists"})]));
    let mut moved = Change::at("a.b", Change::Gone);
    moved.and(put("a.d", json!(3)));
    moved.and(Change::at("a.c", Change::Gone));
    for (before, change, after) in [
        // Block style; a comment behind the last field stays with it.
        (
            "spec: # s\n  nodeSelector:\n    pool: a # why\n  x: 1\n",
            labels.clone(),
            "spec: # s\n  nodeSelector:\n    pool: a # why\n    a/b: \"x: 1\"\n    zone: z-1\n  x: 1\n",
        ),
        ("spec:\n  x: 1", labels.clone(), "spec:\n  x: 1\n  nodeSelector:\n    a/b: \"x: 1\"\n    zone: z-1"),
        (
            "spec:\n  nodeSelector:\n  x: 1\n",
            labels.clone(),
            "spec:\n  nodeSelector:\n    a/b: \"x: 1\"\n    zone: z-1\n  x: 1\n",
        ),
        // A null says nothing either, and is no mapping of lines.
        (
            "spec:\n  nodeSelector: null\n  x: 1\n",
            labels.clone(),
            "spec:\n  nodeSelector:\n    a/b: \"x: 1\"\n    zone: z-1\n  x: 1\n",
        ),
        (
            "spec:\r\n  nodeSelector:  ~ # none\r\n",
            labels.clone(),
            "spec:\r\n  nodeSelector: # none\r\n    a/b: \"x: 1\"\r\n    zone: z-1\r\n",
        ),
        (
            "spec: {nodeSelector: null}\n",
            labels.clone(),
            "spec: {nodeSelector: {a/b: \"x: 1\", zone: z-1}}\n",
        ),
        ("spec: null\n", labels.clone(), "spec:\n  nodeSelector:\n    a/b: \"x: 1\"\n    zone: z-1\n"),
        ("spec: {nodeSelector: {}}\n", labels.clone(), "spec: {nodeSelector: {a/b: \"x: 1\", zone: z-1}}\n"),
        (
            "spec: {x: [1]} # end\n",
            labels.clone(),
            "spec: {x: [1], nodeSelector: {a/b: \"x: 1\", zone: z-1}} # end\n",
        ),
        (
            "spec:\r\n  x: |\r\n    text\r\n\r\n---\r\na: 1\r\n",
            labels.clone(),
            "spec:\r\n  x: |\r\n    text\r\n  nodeSelector:\r\n    a/b: \"x: 1\"\r\n    zone: z-1\r\n\r\n---\r\na: 1\r\n",
        ),
        (
            "{\n  \"spec\": {\n    \"x\": 1\n  }\n}\n",
            labels,
            "{\n  \"spec\": {\n    \"x\": 1,\n    \"nodeSelector\": {\"a/b\": \"x: 1\", \"zone\": \"z-1\"}\n  }\n}\n",
        ),
        // Another form.
        ("a:\n  - x\n  - y # z\nb: 1\n", put("a", json!("k:8")), "a: \"k:8\" # z\nb: 1\n"),
        ("a:\n- x\n- y\nb: 1\n", put("a", json!(2)), "a: 2\nb: 1\n"),
        ("s:\n  a:\n    k: 1\n  b: 1\n", put("s.a", json!("t")), "s:\n  a: t\n  b: 1\n"),
        ("a: {k: 1} # c\n", put("a", json!([1])), "a: [1] # c\n"),
        // Lists.
        (
            "spec:\n  tolerations:\n  - key: a\n    effect: b\n  # tail\n",
            taint.clone(),
            "spec:\n  tolerations:\n  - key: a\n    effect: b\n  - key: spot\n    operator: Exists\n  # tail\n",
        ),
        (
            "spec:\n  tolerations:\n    - key: a\n",
            taint.clone(),
            "spec:\n  tolerations:\n    - key: a\n    - key: spot\n      operator: Exists\n",
        ),
        (
            "spec:\n  tolerations: null\n",
            taint.clone(),
            "spec:\n  tolerations:\n  - key: spot\n    operator: Exists\n",
        ),
        (
            "spec:\n  tolerations:\n  x: 1\n",
            taint.clone(),
            "spec:\n  tolerations:\n  - key: spot\n    operator: Exists\n  x: 1\n",
        ),
        (
            "spec:\n  tolerations: [ # none yet\n  ]\n",
            taint.clone(),
            "spec:\n  tolerations: [{key: spot, operator: Exists} # none yet\n  ]\n",
        ),
        (
            "spec:\n  tolerations: []\n",
            taint.clone(),
            "spec:\n  tolerations: [{key: spot, operator: Exists}]\n",
        ),
        (
            "items:\n- spec: {x: 1}\n",
            Change::at("items[0]", taint),
            "items:\n- spec: {x: 1, tolerations: [{key: spot, operator: Exists}]}\n",
        ),
        // Replaced and removed.
        ("a: 'old' # c\nb: 2\n", put("a", json!("new")), "a: new # c\nb: 2\n"),
        (
            "a:\n  b: 1\n  # about c\n  c: 2\n  d: 3\n",
            Change::at("a.c", Change::Gone),
            "a:\n  b: 1\n  # about c\n  d: 3\n",
        ),
        ("a: {b: 1, c: 2, d: 3}\n", Change::at("a.c", Change::Gone), "a: {b: 1, d: 3}\n"),
        ("a: {b: 1, c: 2}\n", Change::at("a.c", Change::Gone), "a: {b: 1}\n"),
        ("a: {b: 1, c: 2}\n", moved.clone(), "a: {d: 3}\n"),
        ("a:\n  b: 1 # old\n  c: 2\nz: 1\n", moved.clone(), "a:\n  d: 3\nz: 1\n"),
        ("a: {x: 0, b: 1, c: 2}\n", moved.clone(), "a: {x: 0, d: 3}\n"),
        ("a:\n  b: 1\n  x: 0\n  c: 2", moved, "a:\n  x: 0\n  d: 3\n"),
        ("l: [1, 2, 3, 4]\n", Change::at("l", others([0, 1, 3], &[])), "l: [3]\n"),
        ("l: [1, 2, 3]\n", Change::at("l", others([0, 2], &[4, 5])), "l: [2, 4, 5]\n"),
        ("l: [1, 2, 3]\n", Change::at("l", others([0, 1], &[4])), "l: [3, 4]\n"),
        ("l: [1, 2]\n", Change::at("l", others([0, 1], &[4, 5])), "l: [4, 5]\n"),
        (
            "l: # those\n- 1 # a\n- 2 # b\nz: 1\n",
            Change::at("l", others([1], &[4])),
            "l: # those\n- 1 # a\n- 4\nz: 1\n",
        ),
        (
            "l:\n  - 1 # a\n  - 2 # b\nz: 1\n",
            Change::at("l", others([0, 1], &[4, 5])),
            "l:\n  - 4\n  - 5\nz: 1\n",
        ),
        ("l:\n- x: 1\n- y: 2\n", Change::at("l[0]", Change::Gone), "l:\n- y: 2\n"),
        (
            "---\n# nothing\n---\n# Source: x\na: 1\n---\n",
            put("b", json!(2)),
            "---\n# nothing\n---\n# Source: x\na: 1\nb: 2\n---\n",
        ),
        ("- a: 1\n- a: 2\n", put("[1].b", json!(3)), "- a: 1\n- a: 2\n  b: 3\n"),
    ] {
        assert_eq!(edit(before, &one(change)).as_deref(), Ok(after), "{before}");
    }
}

#[test]
fn what_cannot_be_edited_is_refused() {
    for (before, change) in [
        ("a: [", put("b", json!(1))),
        ("{\"a\": 1}\n{\"a\": 2}\n", put("b", json!(1))),
        ("a: text\n", put("a.b", json!(1))),
        ("a: # why\n- x\n", put("a", json!(1))),
        ("- a: 1\n  b: 2\n", Change::at("[0].a", Change::Gone)),
        // The other place that the alias means would change too.
        ("a: &x {k: 1}\nb: *x\n", put("b.n", json!(1))),
        ("a: |+\n  text\n\n", put("b", json!(1))),
    ] {
        assert!(edit(before, &one(change)).is_err(), "{before}");
    }
    assert!(edit("a: 1\n", &BTreeMap::from([(1, put("b", json!(1)))])).is_err());
}

/// Texts, numbers, lists and mappings, three levels deep.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        "[ -~é]{0,12}".prop_map(Value::from),
        Just(json!("line\nline\n")),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z./]{1,8}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn document() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-d]", value(), 1..5)
        .prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

/// A comment behind every line that does not hold a block of text.
fn commented(text: &str) -> String {
    let lines = text.lines().enumerate().map(|(n, line)| format!("{line} # note {n}\n"));
    lines.collect::<Vec<_>>().concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Adding fields to what is written in any of the usual ways is never refused, says what is meant
    /// (or it would be refused), and keeps every comment.
    #[test]
    fn fields_are_added_to_any_document(document in document(), key in "[e-h]", new in value(), spread in any::<bool>()) {
        let yaml = crate::yaml::to_string(&document).unwrap();
        let json = if spread { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) };
        for text in [yaml.clone(), commented(&yaml), yaml.replace('\n', "\r\n"), json.unwrap()] {
            let edited = edit(&text, &one(put(&key, new.clone())));
            prop_assert!(edited.is_ok(), "{edited:?}\n{text}");
            let edited = edited.unwrap();
            for (n, _) in text.lines().enumerate().filter(|(_, line)| line.contains("# note")) {
                prop_assert!(edited.contains(&format!("# note {n}\n")), "{edited}");
            }
            // Taken away again, the text is the old one.
            let back = edit(&edited, &one(Change::at(&key, Change::Gone)));
            prop_assert_eq!(back.as_deref(), Ok(&*text));
        }
    }

    /// No text and no change makes it panic, or say something else than was meant.
    #[test]
    fn any_change_is_made_or_refused(text in "[a-c:\\-{}\\[\\], \n#&*|'\"]{0,40}", path in "[a-c.\\[\\]0-1]{0,6}", new in value()) {
        for change in [Change::Put(new.clone()), append(vec![new]), Change::Gone] {
            let _ = edit(&text, &one(Change::at(&path, change)));
        }
    }
}

#[test]
fn a_copy_of_a_document_stands_behind_it() {
    let change = put("name", json!("b"));
    let copies = |text: &str, index: usize| {
        let changes = BTreeMap::from([(index, put("x", json!(2)))]);
        edit_beside(text, &changes, &BTreeMap::from([(index, change.clone())]))
    };
    for (before, index, after) in [
        ("# c\nname: a # d\nx: 1\n", 0, "# c\nname: a # d\nx: 2\n---\n# c\nname: b # d\nx: 1\n"),
        ("name: a\nx: 1", 0, "name: a\nx: 2\n---\nname: b\nx: 1"),
        (
            "# head\n---\n# c\nname: a\nx: 1\n--- # next\ny: |\n  --- no\n",
            0,
            "# head\n---\n# c\nname: a\nx: 2\n---\n# c\nname: b\nx: 1\n--- # next\ny: |\n  --- no\n",
        ),
        (
            "y: 1\r\n---\r\n---\r\nname: a\r\nx: 1\r\n",
            1,
            "y: 1\r\n---\r\n---\r\nname: a\r\nx: 2\r\n---\r\nname: b\r\nx: 1\r\n",
        ),
        ("--- {name: a, x: 1}\n", 0, "--- {name: a, x: 2}\n--- {name: b, x: 1}\n"),
    ] {
        assert_eq!(copies(before, index).as_deref(), Ok(after), "{before}");
    }
    assert_eq!(
        copies("{\"name\": \"a\", \"x\": 1}\n", 0),
        Err("a JSON file holds one object: write it as YAML, or as a List")
    );
    assert_eq!(copies("name: a\nx: 1\n...\n", 0), Err("it has directives of YAML between its documents"));
    assert_eq!(copies("name: a\nx: 1\n", 1), Err("it has fewer documents"));
}

#[test]
fn documents_beside_a_broken_one_are_edited() {
    let text = "x: 1 # a\n---\ny: [}\n---\n# none\n---\nx: 1\n";
    let changes = BTreeMap::from([(0, put("x", json!(2))), (1, put("x", json!(3)))]);
    let copies = BTreeMap::from([(0, put("x", json!(4)))]);
    assert_eq!(
        edit_readable(text, &changes, &copies, 2).as_deref(),
        Ok("x: 2 # a\n---\nx: 4 # a\n---\ny: [}\n---\n# none\n---\nx: 3\n")
    );
    assert_eq!(edit_readable(text, &changes, &copies, 1), Err("some of its documents cannot be told apart"));
}
