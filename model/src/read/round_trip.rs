//! Laws of reading: what is written reads back the same, and no bytes make the readers panic.

use proptest::prelude::*;

use crate::{Document, read, testing, yaml};

fn documents(text: &str) -> Vec<Document> {
    match read::documents("test", text.as_bytes()) {
        Ok(read) => read.into_iter().map(|located| located.value).collect(),
        Err(problems) => panic!("{}\n{text}", problems[0]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn workloads_read_back_the_same(workload in prop_oneof![Just(1.0), Just(0.5), Just(0.1)]
        .prop_flat_map(testing::workload))
    {
        let document = Document::Workload(Box::new(workload.clone()));
        let json = serde_json::to_string(&workload).unwrap();
        prop_assert_eq!(documents(&json), std::slice::from_ref(&document));
        prop_assert_eq!(documents(&yaml::to_string(&workload).unwrap()), std::slice::from_ref(&document));
        prop_assert_eq!(serde_json::from_str::<crate::Workload>(&json).unwrap(), workload);
    }

    #[test]
    fn estates_read_back_the_same(estate in prop_oneof![Just(1.0), Just(0.5), Just(0.1)]
        .prop_flat_map(testing::estate))
    {
        let document = Document::Estate(Box::new(estate.clone()));
        let json = serde_json::to_string_pretty(&estate).unwrap();
        prop_assert_eq!(documents(&json), std::slice::from_ref(&document));
        prop_assert_eq!(documents(&yaml::to_string(&estate).unwrap()), std::slice::from_ref(&document));
    }

    #[test]
    fn plans_read_back_the_same(plan in prop_oneof![Just(1.0), Just(0.5)].prop_flat_map(testing::plan)) {
        for text in [serde_json::to_string(&plan).unwrap(), yaml::to_string(&plan).unwrap()] {
            match read::plan("test", text.as_bytes()) {
                Ok(again) => prop_assert_eq!(&again, &plan),
                Err(problems) => prop_assert!(false, "{}", problems[0]),
            }
        }
    }

    #[test]
    fn fronts_read_back_the_same(front in prop_oneof![Just(1.0), Just(0.5)].prop_flat_map(testing::front)) {
        for text in [serde_json::to_string(&front).unwrap(), yaml::to_string(&front).unwrap()] {
            prop_assert_eq!(&read::front("test", text.as_bytes()).unwrap(), &front);
        }
        let problems = read::documents("test", yaml::to_string(&front).unwrap().as_bytes()).unwrap_err();
        prop_assert!(problems[0].to_string().contains("a `Front` is not something to place"), "{}", problems[0]);
    }

    #[test]
    fn packings_read_back_the_same(packing in prop_oneof![Just(1.0), Just(0.5)].prop_flat_map(testing::packing)) {
        for text in [serde_json::to_string(&packing).unwrap(), yaml::to_string(&packing).unwrap()] {
            prop_assert_eq!(&read::packing("test", text.as_bytes()).unwrap(), &packing);
        }
        let problems = read::documents("test", yaml::to_string(&packing).unwrap().as_bytes()).unwrap_err();
        prop_assert!(problems[0].to_string().contains("a `Packing` is not something to place"), "{}", problems[0]);
    }

    /// Several documents to a file, in YAML or JSON, come out in order.
    #[test]
    fn documents_follow_each_other(first in testing::workload(0.2), second in testing::workload(0.2)) {
        let wanted = [&first, &second].map(|w| Document::Workload(Box::new(w.clone())));
        let yaml = format!("---\n{}---\n# nothing\n---\n{}...\n", yaml::to_string(&first).unwrap(), yaml::to_string(&second).unwrap());
        prop_assert_eq!(documents(&yaml), &wanted[..]);
        let json = format!("{}\n{}", serde_json::to_string(&first).unwrap(), serde_json::to_string(&second).unwrap());
        prop_assert_eq!(documents(&json), &wanted[..]);
    }

    /// A document that is cut, or has bytes changed, is read or refused.
    #[test]
    fn damaged_documents_never_panic(
        estate in testing::estate(0.3),
        cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut bytes = yaml::to_string(&estate).unwrap().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        for problem in read::documents("test", &bytes).err().into_iter().flatten() {
            prop_assert!(!problem.to_string().is_empty());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,200}") {
        for bytes in [&bytes[..], text.as_bytes()] {
            let _ = read::documents("test", bytes);
            let _ = read::plan("test", bytes);
            let _ = read::series("test", bytes);
            let _ = read::catalog("test", bytes);
        }
    }
}
