//! `schema`, `completions`, `man`.

use std::fs;

use crate::run::{root, run};

#[test]
fn schemas_are_the_published_ones() {
    for kind in ["workload", "estate", "offer", "catalog", "plan", "front"] {
        let published =
            fs::read_to_string(root().join(format!("schemas/{kind}.json"))).expect("it is published");
        assert_eq!(run(&format!("schema {kind}")).out, published);
        assert_eq!(run(&format!("schema {}", kind.to_uppercase())).out, published);
    }
    insta::assert_snapshot!(run("schema worklod").all());
    insta::assert_snapshot!(run("schema pod").all());
}

#[test]
fn shells_get_their_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = run(&format!("completions {shell}"));
        assert!(run.code == 0 && run.out.contains("carbon-price"), "{shell}");
    }
    assert_eq!(run("completions cmd").code, 2);
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let manual = run("man").out;
    for command in ["plan", "verify", "offers", "schema", "completions", "man"] {
        assert!(manual.contains(&format!(".TH plimsoll-{command} 1")), "{command}");
    }
    assert!(manual.contains("carbon\\-price") && manual.contains("could not be placed"));
}
