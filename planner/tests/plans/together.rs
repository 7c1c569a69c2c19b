//! Groups that are kept together.

use super::*;

/// Offers of two regions, and workloads of which each is cheapest in another.
fn pulled_apart(together: &str) -> String {
    let offers = "
apiVersion: plimsoll.dev/v1alpha1
kind: Estate
metadata: {name: e}
spec:
  time: 2026-01-01T00:00:00Z
  catalog: []
  defaults: none
  offers:
  - {cloud: aws, region: us-east-1, instanceType: gpu, accelerator: H100, accelerators: 8, capacity: on-demand, hourly: 60}
  - {cloud: aws, region: us-east-1, instanceType: cpu, cpu: 64, capacity: on-demand, hourly: 9, count: 1}
  - {cloud: aws, region: us-west-2, instanceType: gpu, accelerator: H100, accelerators: 8, capacity: on-demand, hourly: 64}
  - {cloud: aws, region: us-west-2, instanceType: cpu, cpu: 64, capacity: on-demand, hourly: 4}
";
    let one = |name: &str, request: &str| {
        format!(
            "---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}}}\nspec: {{duration: 1h, request: {{{request}}}{together}}}\n"
        )
    };
    let gpu = one("learner", "accelerators: {anyOf: [H100], count: 8}");
    format!("{offers}{gpu}{}", one("actor", "cpu: 64"))
}

#[test]
fn a_group_is_in_one_region() {
    let regions = |plan: &Plan| {
        let region = |placement: &plimsoll_model::plan::Placement| placement.offer.region.clone();
        plan.placements.iter().map(region).collect::<Vec<_>>()
    };
    assert_eq!(regions(&plan(&pulled_apart(""), |_| {})), ["us-east-1", "us-west-2"]);
    // $64 + $4 there against $60 + $9 here.
    let kept = plan(&pulled_apart(", together: {name: rl}"), |_| {});
    assert_eq!(kept.status, Status::Optimal);
    assert_eq!(regions(&kept), ["us-west-2", "us-west-2"]);
    assert!(kept.placements.iter().all(|placement| placement.runner_up.is_none()));
    let same_cloud = plan(&pulled_apart(", together: {name: rl, in: cloud}"), |_| {});
    assert_eq!(regions(&same_cloud), ["us-east-1", "us-west-2"]);
    // Where only one of them can be, the other is left out, and the plan says why.
    let crowded = pulled_apart(", together: {name: rl}").replace("hourly: 4}", "hourly: 4, count: 0}");
    let crowded = crowded.replace("hourly: 9, count: 1", "hourly: 9, count: 0");
    let short = plan(&crowded.replace("hourly: 64}", "hourly: 64}\n  - {cloud: gcp, region: us-central1, instanceType: cpu, cpu: 64, capacity: on-demand, hourly: 3}"), |_| {});
    assert_eq!(short.status, Status::Infeasible);
    let causes: Vec<_> = short.unplaced[0].causes.iter().map(|cause| cause.constraint.as_str()).collect();
    assert!(causes.contains(&"together"), "{:?}", short.unplaced);
}

#[test]
fn the_checker_tells_a_group_that_is_apart() {
    let mut apart = plan(&pulled_apart(""), |_| {});
    let inputs = inputs(&pulled_apart(", together: {name: rl}"));
    apart.inputs.digest.clone_from(&inputs.digest);
    apart.inputs.documents = None;
    let found: Vec<String> =
        plimsoll_verify::verify(&apart, &inputs).iter().map(ToString::to_string).collect();
    assert_eq!(
        found[0],
        "actor (together): is to be in one region with learner (group rl), and is on aws/us-west-2/cpu/on-demand while that is on aws/us-east-1/gpu/on-demand"
    );
}
