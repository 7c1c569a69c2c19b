//! What texts mean, and which are refused.

use serde_json::{Value as Json, json};

use super::*;

/// The documents of a text as plain JSON, aliases replaced.
fn read(text: &str) -> Result<Vec<Json>, Vec<String>> {
    let source = Source::new("t", text);
    let parsed = parse(&source);
    if !parsed.problems.is_empty() {
        let short = |p: &Diagnostic| format!("{}:{} {}", p.line().unwrap(), p.column().unwrap(), p.message);
        return Err(parsed.problems.iter().map(short).collect());
    }
    Ok(parsed.documents.iter().map(|tree| super::super::read::<Json>(&source, tree).unwrap()).collect())
}

#[test]
fn texts_mean_what_the_core_schema_says() {
    for (text, documents) in [
        ("", json!([])),
        ("# nothing\n---\n---\n~\n...\n", json!([])),
        (
            "a: NO\nb: on\nc: ~\nd: 0x10\ne: 1e3\n",
            json!([{"a": "NO", "b": "on", "c": null, "d": 16, "e": 1000.0}]),
        ),
        (
            "a: !!str 12\nb: ! 12\nc: !!float 1\nd: !!int \"7\"",
            json!([{"a": "12", "b": "12", "c": 1, "d": 7}]),
        ),
        ("a: &x {b: 1}\nc: *x\n", json!([{"a": {"b": 1}, "c": {"b": 1}}])),
        ("&k a: 1\nb: {*k : 2}\n", json!([{"a": 1, "b": {"a": 2}}])),
        ("a: 1\r\nb:\r\n  - x\r\n", json!([{"a": 1, "b": ["x"]}])),
        ("\u{feff}a: 1\n", json!([{"a": 1}])),
        ("a: |\n  x\n   y\nb: >-\n  p\n  q\n", json!([{"a": "x\n y\n", "b": "p q"}])),
        (
            "{\"a\":\t\"\\ud83d\\ude00\\/\",\n\t\"b\": [1, -2.5e-3, null, true]}",
            json!([{"a": "😀/", "b": [1, -0.0025, null, true]}]),
        ),
        (
            "{\"a\": 1}\n{\"a\": 2} \r\n{\"a\": 3}\n\n  {\"a\": 4}\n",
            json!([{"a": 1}, {"a": 2}, {"a": 3}, {"a": 4}]),
        ),
        ("1: a\ntrue: b\n", json!([{"1": "a", "true": "b"}])),
        ("- - 1\n- ? x\n  : y\n", json!([[[1], {"x": "y"}]])),
    ] {
        assert_eq!(read(text).map(Json::Array), Ok(documents), "{text}");
    }
}

#[test]
fn a_text_that_was_cut_is_told_so() {
    let help = |text: &str| {
        let problems = parse(&Source::new("t", text)).problems;
        (problems.len(), problems[0].help.clone().unwrap_or_default())
    };
    for text in ["{\"a\": [1, {\"b\": 2", "{\"a\": [1,\n", "a: 1\nb", "a: {b: \"c", "a: [1, 2\n", "a: 'b\n\n"]
    {
        assert_eq!(help(text), (1, CUT.to_owned()), "{text}");
    }
    for text in ["a: 1\nb\n", "a: ]\n", "a: b: c", "a\nb: 1"] {
        assert_ne!(help(text).1, CUT, "{text}");
    }
}

#[test]
fn what_could_be_misread_is_refused() {
    for (text, problems) in [
        ("a: 1\nb: 2\na: 3\n", &["3:1 field `a` is given twice"][..]),
        ("x: {y: [{a: 1, \"a\": 2}]}\n", &["1:16 field `a` is given twice in `x.y[0]`"]),
        (
            "a: !foo 1\nb: !!binary x\nc: !!int x\n",
            &[
                "1:9 unknown tag `!foo`",
                "2:13 unknown tag `!!binary`",
                "3:10 `x` does not fit the tag `!!int`",
            ],
        ),
        ("a: !!seq {}\n", &["1:10 unknown tag `!!seq`"]),
        ("a: &x [*x]\n", &["1:8 an alias inside of what it names"]),
        ("a: *y\n", &["1:4 while parsing node, found unknown anchor"]),
        ("? [a]\n: 1\n", &["1:3 the name of a field must be text, not a list or a mapping"]),
        ("a: &x {}\n*x : 1\n", &["2:1 the name of a field must be text, not a list or a mapping"]),
        ("~: 1\n", &["1:1 a field without a name"]),
        ("a:\n\t- 1\n", &["2:2 tabs disallowed within this context (block indentation)"]),
        (
            "a: b: c\n---\nd: [\n---\ne: 1\n",
            &["1:5 mapping values are not allowed in this context", "3:4 unclosed bracket '['"],
        ),
        ("a: \"x\0\"\n", &["1:6 unexpected character: `\\u{0}'"]),
    ] {
        assert_eq!(read(text), Err(problems.iter().map(ToString::to_string).collect()), "{text}");
    }
}

#[test]
fn json_after_json_keeps_its_place() {
    let problems = read("{\"a\": 1}\n {\"b\": 1,\n\"b\": 2}\n  {\"c\": 1, \"c\": 2}\n").unwrap_err();
    assert_eq!(problems, ["3:1 field `b` is given twice", "4:12 field `c` is given twice"]);
}

#[test]
fn nesting_has_a_limit() {
    let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&deep(DEPTH)).is_ok());
    for text in [deep(DEPTH + 1), deep(200), deep(100_000), "{\"a\":".repeat(70), "- ".repeat(3000)] {
        assert!(read(&text).is_err());
    }
    // Aliases count as what they stand for.
    let tower: Vec<String> = (1..80).map(|n| format!("- &a{n} [*a{}]\n", n - 1)).collect();
    assert_eq!(
        read(&format!("- &a0 1\n{}", tower.concat())),
        Err(vec!["65:9 nested too deeply: more than 64 levels".to_owned()])
    );
}

#[test]
fn aliases_cannot_blow_a_document_up() {
    let billion: Vec<String> =
        (1..12).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", "))).collect();
    let problems = read(&format!("a0: &a0 lol\n{}", billion.concat())).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].ends_with("aliases make the document too large"), "{problems:?}");
    // One long text named often costs as much as its copies would.
    let long = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(100_000));
    assert!(read(&long).is_err());
    // An honest use passes.
    let honest = format!("a: &a {{cpu: 1, memory: 2Gi}}\nb: [{}]\n", "*a, ".repeat(5_000));
    assert!(read(&honest).is_ok());
}

#[test]
fn bytes_that_are_no_text_are_placed() {
    let problem = |bytes: &[u8]| text_of("t", bytes).map(|_| ()).unwrap_err()[0].to_string();
    insta::assert_snapshot!(problem(b"a: 1\nb: \xc3\xa9\xff\n"), @r"
    error: the file is not UTF-8 text: byte 0xff at offset 10
     --> t:2:5
      = help: save it as UTF-8
    ");
    insta::assert_snapshot!(problem(b"\xff\xfea\0"), @r"
    error: the file is UTF-16
     --> t
      = help: save it as UTF-8
    ");
    insta::assert_snapshot!(problem(&vec![b'#'; FILE_BYTES + 1]), @r"
    error: the file is too large: 64 MiB
     --> t
      = help: files of up to 64 MiB are read; split it
    ");
}
