//! The captured bodies of a real kube-scheduler, and whatever else may come.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// As kube-scheduler 1.36 sends it: members that are not used are `null`.
const FILTER: &str = r#"{"Pod":{"metadata":{"name":"p1","namespace":"default","uid":"574f","resourceVersion":"213",
    "creationTimestamp":"2026-11-22T10:00:00Z"},"spec":{"containers":[{"name":"c","resources":{"requests":
    {"nvidia.com/gpu":"1"}}}]},"status":{"phase":"Pending"}},"Nodes":null,"NodeNames":["n0","n1"]}"#;

#[test]
fn the_captured_requests_are_read() {
    let args = Args::read(FILTER.as_bytes()).expect("a captured body");
    assert_eq!((&*args.pod.uid, &*args.pod.name, &*args.pod.namespace), ("574f", "p1", "default"));
    assert!(args.pod.text.get().contains("nvidia.com/gpu"));
    let Candidates::Names(names) = args.candidates else { unreachable!("names were given") };
    assert!(names.iter().all(|name| matches!(name.0, Cow::Borrowed(_))), "no name is copied");
    assert_eq!(names.iter().map(|name| &*name.0).collect::<Vec<_>>(), ["n0", "n1"]);

    let body = br#"{"PodName":"p1","PodNamespace":"default","PodUID":"574f","Node":"n2"}"#;
    assert_eq!(BindArgs::read(body).expect("a captured body").pod_uid, "574f");

    let body = br#"{"Pod":{"metadata":{"uid":"u"}},"NodeNameToVictims":null,"NodeNameToMetaVictims":
        {"n0":{"Pods":[{"UID":"a"},{"UID":"b"}],"NumPDBViolations":1},"n1":{"Pods":null},"n2":null}}"#;
    let args = PreemptArgs::read(body).expect("a captured body");
    let victims = Victims { uids: vec!["a".into(), "b".into()], violations: 1 };
    assert_eq!(args.nodes[0], ("n0".to_owned(), victims));
    assert_eq!(args.nodes[1].1.uids.len() + args.nodes[2].1.uids.len(), 0);
}

#[test]
fn victims_as_whole_pods_are_read_by_their_uid() {
    let body =
        br#"{"Pod":{"metadata":{"uid":"u"}},"NodeNameToMetaVictims":null,"NodeNameToVictims":{"n0":{"Pods":
        [{"metadata":{"uid":"a","name":"x"},"spec":{}},null,{"metadata":null}],"NumPDBViolations":2}}}"#;
    let args = PreemptArgs::read(body).expect("whole pods");
    assert_eq!(args.nodes, [("n0".to_owned(), Victims { uids: vec!["a".into()], violations: 2 })]);
}

#[test]
fn nodes_come_back_as_the_text_that_came() {
    let node = r#"{"metadata":{"name":"n0","managedFields":[{"f:x":{}}]},"odd":  1e400}"#;
    let body = format!(
        r#"{{"Pod":{{"metadata":{{}}}},"Nodes":{{"metadata":{{}},"items":[{node}]}},"NodeNames":null}}"#
    );
    let args = Args::read(body.as_bytes()).expect("a node");
    let Candidates::Objects(nodes) = args.candidates else { unreachable!("objects were given") };
    let reply =
        FilterReply { objects: Some(nodes.iter().map(|node| node.text).collect()), ..FilterReply::default() };
    let text = serde_json::to_string(&reply).expect("a reply");
    assert!(text.contains(node), "{text}");
    assert!(text.contains(r#""NodeNames":null"#), "{text}");
}

#[test]
fn an_empty_node_list_may_be_null() {
    let body = br#"{"Pod":{"metadata":{"uid":"u"}},"Nodes":{"items":null},"NodeNames":null}"#;
    assert!(
        matches!(Args::read(body).expect("no nodes").candidates, Candidates::Objects(nodes) if nodes.is_empty())
    );
}

#[test]
fn what_is_no_request_says_why() {
    let read = |body: &str| Args::read(body.as_bytes()).expect_err(body).to_string();
    for (body, why) in [
        ("", "the body is not ExtenderArgs: EOF"),
        ("null", "the body is not ExtenderArgs: expected an object"),
        ("[1]", "the body is not ExtenderArgs: expected an object"),
        ("{}", "ExtenderArgs has no `Pod`"),
        (r#"{"Pod":null,"NodeNames":[]}"#, "ExtenderArgs has no `Pod`"),
        (r#"{"Pod":{"metadata":{}}}"#, "ExtenderArgs has no `NodeNames` or `Nodes`"),
        (r#"{"Pod":{"metadata":{}},"NodeNames":[1]}"#, "invalid type: integer `1`"),
        (r#"{"Pod":{"metadata":{}},"NodeNames":[]} x"#, "trailing characters"),
        (r#"{"Pod":7,"NodeNames":[]}"#, "the body is not a Pod"),
        (r#"{"Pod":{"metadata":{}},"Nodes":{"items":[{"metadata":{}}]}}"#, "a Node has no `metadata.name`"),
    ] {
        let said = read(body);
        assert!(said.contains(why), "{body}: {said}");
    }
    let bind = BindArgs::read(br#"{"PodName":"p","PodNamespace":"d","PodUID":null,"Node":"n"}"#);
    assert_eq!(bind.expect_err("no UID").to_string(), "ExtenderBindingArgs has no `PodUID`");
}

#[test]
fn depth_is_no_bomb() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let deep = format!("{}1{}", open.repeat(200_000), close.repeat(200_000));
        let body = format!(r#"{{"Pod":{deep},"NodeNames":[]}}"#);
        _ = Args::read(body.as_bytes()); // an answer or an error, no overflow of the stack
        let body = format!(r#"{{"Pod":{{"metadata":{{"uid":"u"}},"x":{deep}}},"NodeNames":[]}}"#);
        _ = Args::read(body.as_bytes());
        _ = PreemptArgs::read(body.as_bytes());
        _ = BindArgs::read(deep.as_bytes());
    }
}

#[test]
fn large_bodies_are_read() {
    let names: Vec<String> = (0..10_000).map(|at| format!("node-{at}")).collect();
    let body = json!({"Pod": {"metadata": {"uid": "u"}}, "Nodes": null, "NodeNames": names}).to_string();
    let args = Args::read(body.as_bytes()).expect("10,000 names");
    assert!(matches!(args.candidates, Candidates::Names(names) if names.len() == 10_000));

    let padding = "x".repeat(15_000);
    let nodes: Vec<Value> = (0..1_000)
        .map(|at| json!({"metadata": {"name": format!("n{at}"), "annotations": {"a": padding}}}))
        .collect();
    let body = json!({"Pod": {"metadata": {"uid": "u"}}, "Nodes": {"items": nodes}}).to_string();
    assert!(body.len() > 15_000_000);
    let args = Args::read(body.as_bytes()).expect("15 MB");
    assert!(matches!(args.candidates, Candidates::Objects(nodes) if nodes.len() == 1_000));
}

/// Any JSON, a little deep.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[A-Za-z]{1,9}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A request with each member there, `null`, odd or absent, and members that nobody knows.
fn request() -> impl Strategy<Value = Value> {
    let names = prop::collection::vec("[a-z0-9\"\\\\é-]{1,9}", 0..40);
    let member = |good: BoxedStrategy<Value>| prop_oneof![6 => good.prop_map(Some), 1 => Just(Some(Value::Null)), 1 => Just(None), 1 => value().prop_map(Some)];
    let pod = (value(), value()).prop_map(|(spec, odd)| {
        json!({"metadata": {"uid": "u", "name": "p", "namespace": null, "odd": odd}, "spec": spec})
    });
    let nodes = prop::collection::vec("[a-z]{1,5}", 0..6).prop_map(|names| {
        json!({"items": names.iter().map(|name| json!({"metadata": {"name": name}})).collect::<Vec<_>>()})
    });
    (member(pod.boxed()), member(nodes.boxed()), member(names.prop_map(Value::from).boxed()), value())
        .prop_map(|(pod, nodes, names, odd)| {
            let mut all = serde_json::Map::new();
            all.insert("Unknown".into(), odd);
            all.extend(pod.map(|value| ("Pod".to_owned(), value)));
            all.extend(nodes.map(|value| ("Nodes".to_owned(), value)));
            all.extend(names.map(|value| ("NodeNames".to_owned(), value)));
            Value::Object(all)
        })
}

proptest! {
    /// What reads says what the text says; what does not has a reason. Nothing panics.
    #[test]
    fn any_request_is_read_or_refused(request in request()) {
        let text = request.to_string();
        match Args::read(text.as_bytes()) {
            Ok(args) => {
                prop_assert!(request["Pod"].is_object());
                match args.candidates {
                    Candidates::Names(names) => {
                        let names: Vec<&str> = names.iter().map(|name| &*name.0).collect();
                        prop_assert_eq!(json!(names), request["NodeNames"].clone());
                    }
                    Candidates::Objects(nodes) => {
                        let names: Vec<&str> = nodes.iter().map(|node| &*node.name).collect();
                        let items = request["Nodes"]["items"].as_array().cloned().unwrap_or_default();
                        let given: Vec<&str> =
                            items.iter().filter_map(|item| item["metadata"]["name"].as_str()).collect();
                        prop_assert_eq!(names, given);
                    }
                }
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
        _ = PreemptArgs::read(text.as_bytes());
        _ = BindArgs::read(text.as_bytes());
    }

    /// Nor do bytes that are no JSON, or half of one.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..400) {
        _ = Args::read(&bytes);
        _ = PreemptArgs::read(&bytes);
        _ = BindArgs::read(&bytes);
        let cut = &FILTER.as_bytes()[..cut.min(FILTER.len() - 1)];
        prop_assert!(Args::read(cut).is_err());
    }

    /// Victims are sent back in the form in which they come.
    #[test]
    fn victims_survive_the_way(uids in prop::collection::vec("[a-f0-9-]{1,36}", 1..9), violations in 0i64..5) {
        let victims = Victims { uids, violations };
        let reply = PreemptReply { nodes: vec![("n".into(), victims)] };
        let text = serde_json::to_string(&reply).expect("a reply");
        let body = format!(r#"{{"Pod":{{}},{}"#, &text[1..]);
        prop_assert_eq!(PreemptArgs::read(body.as_bytes()).expect("the same").nodes, reply.nodes);
    }
}
