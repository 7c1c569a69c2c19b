//! Runs every file of the fuzz corpora through its target, on the stable compiler.

use std::{fs, path::Path};

#[path = "../../fuzz/src/bodies.rs"]
mod bodies;

#[test]
fn every_corpus_file_keeps_the_laws() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, target) in bodies::TARGETS {
        let folder = corpora.join(name);
        let mut files: Vec<_> = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "the corpus of {name} is empty");
        for file in files {
            let bytes = fs::read(&file).unwrap();
            let outcome = std::panic::catch_unwind(|| target(&bytes));
            assert!(outcome.is_ok(), "{} breaks a law of {name}", file.display());
        }
    }
}
