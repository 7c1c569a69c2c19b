//! What `plimsoll.dev/request` asks for.

use plimsoll_model::fleet::{Amount, Requirement, Test};

use super::{fleet, node, pod, read};

fn asking(request: &str) -> String {
    let card = |name: &str, product: &str| {
        node(name, "nvidia.com/gpu: 8", &format!("labels: {{nvidia.com/gpu.product: {product}}}"))
    };
    card("h", "NVIDIA-H100-80GB-HBM3")
        + &card("a", "NVIDIA-A100-SXM4-40GB")
        + &card("l", "NVIDIA-L4")
        + &pod("p", "nvidia.com/gpu: 1", &format!("annotations: {{plimsoll.dev/request: '{request}'}}"))
}

#[test]
fn every_field_of_a_request_is_held() {
    for (request, models, amount) in [
        ("accelerators: {count: 2}", &[][..], Amount::Whole(2)),
        ("accelerators: {count: 0.25, anyOf: [l4]}", &["L4"], Amount::Share(250)),
        ("accelerators: {anyOf: [H100, A100]}", &["A100", "H100"], Amount::Whole(1)),
        ("accelerators: {memory: 40Gi}", &["A100", "H100"], Amount::Whole(1)),
        ("accelerators: {memory: 80Gi, kind: gpu}", &["H100"], Amount::Whole(1)),
        ("accelerators: {anyOf: [A100, L4], memory: 40Gi}", &["A100"], Amount::Whole(1)),
        ("accelerators: {memory: 100Gi}", &["accelerator with 100Gi"], Amount::Whole(1)),
        ("accelerators: {kind: tpu}", &["tpu"], Amount::Whole(1)),
    ] {
        let ask = fleet(&asking(&format!("{{{request}}}"))).pods[0].ask.clone().expect("accelerators");
        assert_eq!(
            (&*ask.resource, ask.models.iter().map(String::as_str).collect::<Vec<_>>(), ask.amount),
            ("nvidia.com/gpu", models.to_vec(), amount),
            "{request}"
        );
    }
    let pod = &fleet(&asking("{cpu: 3, memory: 5Gi, instanceType: [a, b], notInstanceType: c, arch: arm64}"))
        .pods[0];
    assert_eq!((pod.need("cpu"), pod.need("memory")), (3000, 5 << 30));
    let requirement = |key: &str, test| Requirement { key: key.to_owned(), test };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let kind = "node.kubernetes.io/instance-type";
    assert_eq!(
        pod.rule.terms,
        Some(vec![vec![
            requirement(kind, Test::In(names(&["a", "b"]))),
            requirement(kind, Test::NotIn(names(&["c"]))),
            requirement("kubernetes.io/arch", Test::In(names(&["arm64"]))),
        ]])
    );
}

#[test]
fn what_is_no_request_is_refused() {
    for (request, said) in [
        (
            "{accelerators: {count: 1.5}}",
            "`plimsoll.dev/request`: `accelerators.count`: a fraction above 1 lies on no device",
        ),
        ("{gpus: 2}", "unknown field `gpus`"),
        ("{accelerators: {models: [H100]}}", "unknown field `models`"),
        ("{cpu: many}", "`plimsoll.dev/request`: `cpu`: "),
        ("[", "expected a request such as a Workload"),
    ] {
        let problems = read(&asking(request)).1;
        let told = problems.iter().any(|problem| problem.message.contains(said) && problem.span.is_some());
        assert!(told, "{request}: {problems:?}");
    }
}
