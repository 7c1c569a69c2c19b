//! What is lacking for everything to fit.

use super::*;

#[test]
fn what_is_lacking_in_all_is_the_least_share_of_the_limits() {
    // Three jobs of 8 on a quota of 16, which a budget keeps from the offer without a quota.
    let job = |name: &str| {
        format!(
            "---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}}}\nspec: {{team: t, duration: 1h, capacity: [on-demand], request: {{accelerators: {{anyOf: [A100], count: 8}}}}}}\n"
        )
    };
    let limits = "quotas: [{match: {cloud: gcp}, accelerators: 0}, {name: ours, match: {cloud: aws}, accelerators: 16}]\n  budgets: [{team: t, usd: 200}]\n  offers:";
    let yaml = format!("{}{}{}{}", ESTATE.replace("offers:", limits), job("a"), job("b"), job("c"));
    let plan = plan(&yaml, |_| {});
    assert_eq!(plan.status, Status::Infeasible);
    let shortfall = plan.shortfall.unwrap();
    let [quota] = &shortfall.limits[..] else { panic!("{shortfall:?}") };
    assert_eq!((&*quota.name, quota.by, &*quota.unit, quota.conflicts), ("ours", 8.0, "accelerators", true));
    assert!(shortfall.beyond.is_empty());
}

#[test]
fn a_limit_that_one_workload_alone_exceeds_is_told_with_what_all_need_of_it() {
    let job = |name: &str, replicas: u32| {
        format!(
            "---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}}}\nspec: {{clouds: aws, duration: 1h, replicas: {replicas}, request: {{accelerators: {{anyOf: [A100], count: 8}}}}}}\n"
        )
    };
    let limits = "quotas: [{name: ours, match: {cloud: aws}, accelerators: 16}]\n  offers:";
    let yaml =
        format!("{}{}{}{}", ESTATE.replace("offers:", limits), job("a", 1), job("b", 1), job("big", 3));
    let plan = plan(&yaml, |_| {});
    assert_eq!(plan.status, Status::Infeasible);
    let shortfall = plan.shortfall.unwrap();
    let [quota] = &shortfall.limits[..] else { panic!("{shortfall:?}") };
    assert_eq!((&*quota.name, quota.by, &*quota.unit, quota.conflicts), ("ours", 24.0, "accelerators", true));
    assert!(shortfall.beyond.is_empty(), "{shortfall:?}");
    // Half of it would have room under each of two quotas: all of it has not.
    let limits = "quotas: [{name: here, match: {cloud: aws}, accelerators: 16}, {name: there, match: {cloud: gcp}, accelerators: 16}]\n  offers:";
    let both = job("big", 3).replace("clouds: aws", "clouds: [aws, gcp]");
    let yaml = format!("{}{both}", ESTATE.replace("offers:", limits).replace(", count: 1}", "}"));
    let shortfall = self::plan(&yaml, |_| {}).shortfall.unwrap();
    let [quota] = &shortfall.limits[..] else { panic!("{shortfall:?}") };
    assert_eq!((quota.by, &*quota.unit), (8.0, "accelerators"));
}

/// What lies where nothing else may brings carbon of its own.
#[test]
fn what_is_lacking_is_told_where_carbon_counts() {
    let offer = |region: &str| {
        format!(
            "  - {{cloud: aws, region: {region}, instanceType: p5, accelerator: H100, accelerators: 8, cpu: 64, memory: 512Gi, capacity: on-demand, hourly: 10}}\n"
        )
    };
    let job = |name: &str, replicas: u32, region: &str| {
        format!(
            "---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}}}\nspec: {{regions: [aws/{region}], duration: 1h, replicas: {replicas}, request: {{accelerators: {{anyOf: [H100], count: 8}}}}}}\n"
        )
    };
    let yaml = format!(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {{name: e}}\nspec:\n  time: 2026-01-01T00:00:00Z\n  catalog: []\n  quotas: [{{match: {{region: eu-west-1}}, accelerators: 8}}]\n  offers:\n{}{}{}{}",
        offer("us-east-1"),
        offer("eu-west-1"),
        job("a", 2, "eu-west-1"),
        job("b", 1, "us-east-1"),
    );
    let plan = plan(&yaml, |settings| settings.carbon_price = plimsoll_model::Usd::from_units(100));
    let shortfall = plan.shortfall.unwrap();
    let [quota] = &shortfall.limits[..] else { panic!("{shortfall:?}") };
    assert_eq!((quota.by, &*quota.unit), (8.0, "accelerators"));
}
