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

/// What would change a workload that is left out, of one job on some offers and own nodes.
fn causes(offers: &str, rest: &str, spec: &str) -> plimsoll_model::plan::Unplaced {
    let yaml = format!(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {{name: e}}\nspec:\n  time: 2026-01-01T00:00:00Z\n  catalog: []\n  offers: [{offers}]\n{rest}---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: w}}\nspec: {{duration: 1h, {spec}}}\n"
    );
    plan(&yaml, |_| {}).unplaced.pop().unwrap()
}

fn sizes(unplaced: &plimsoll_model::plan::Unplaced) -> Vec<(&str, String, String, Option<f64>)> {
    let of = |cause: &plimsoll_model::plan::Cause| (cause.needs.to_string(), cause.has.to_string());
    let sizes = unplaced.causes.iter().map(|cause| (&*cause.name, of(cause), cause.relax_by));
    sizes.map(|(name, (needs, has), by)| (name, needs, has, by)).collect()
}

/// An offer of A100s.
fn a100(count: u32, cpu: u32, hourly: u32) -> String {
    format!(
        "{{cloud: aws, region: us-east-1, instanceType: g{count}-{cpu}, accelerator: A100, accelerators: {count}, cpu: {cpu}, memory: 1000Gi, capacity: on-demand, hourly: {hourly}}}, "
    )
}

#[test]
fn the_largest_request_that_fits_is_named() {
    // The cheapest machine is not the largest.
    let offers = a100(8, 96, 1) + &a100(16, 48, 9) + &a100(4, 200, 1);
    let asks = |asks: &str| format!("request: {{accelerators: {{anyOf: [A100], count: {asks}}}}}");
    let unplaced = causes(&offers, "", &asks("17"));
    assert_eq!(sizes(&unplaced), [("count", "17.0".to_owned(), "16.0".to_owned(), Some(1.0))]);
    assert_eq!(unplaced.nearest.as_deref(), Some("aws/us-east-1/g16-48/on-demand"));
    // The machine with most of them has too few cores.
    let asks = "request: {accelerators: {anyOf: [A100], count: 17}, cpu: 64}";
    let unplaced = causes(&offers, "", asks);
    assert_eq!(sizes(&unplaced), [("count", "17.0".to_owned(), "8.0".to_owned(), Some(9.0))]);
    // On one less accelerators help, on another less cores, and less memory on none.
    let asks = "request: {accelerators: {anyOf: [A100], count: 8}, cpu: 120}";
    let unplaced = causes(&offers, "", asks);
    assert!(!unplaced.together);
    let count = ("count", "8.0".to_owned(), "4.0".to_owned(), Some(4.0));
    assert_eq!(sizes(&unplaced), [count, ("cpu", "120".to_owned(), "96".to_owned(), Some(24.0))]);
    // Of both less.
    let unplaced =
        causes(&a100(8, 96, 1), "", "request: {accelerators: {anyOf: [A100], count: 9}, cpu: 120}");
    assert!(unplaced.together);
    assert_eq!(unplaced.causes.len(), 2);
    let unplaced = causes(&offers, "", "request: {accelerators: {anyOf: [A100]}, memory: 1001Gi}");
    let memory = ("memory", "\"1001Gi\"".to_owned(), "\"1000Gi\"".to_owned(), Some(1_073_741_824.0));
    assert_eq!(sizes(&unplaced), [memory]);
}

/// A machine that is large enough has no room for all of it, but for more than the others have.
#[test]
fn limits_may_allow_more_than_the_largest_machine_that_is_too_small() {
    let rest = "  quotas: [{name: ours, match: {capacity: on-prem}, accelerators: 13}]\n  sites:\n  - {name: lab, region: aws/us-east-1, nodes: [{name: big, count: 1, accelerator: A100, accelerators: 32, cpu: 96, memory: 1000Gi, hourly: 3}]}\n";
    let asks = "request: {accelerators: {anyOf: [A100], count: 17}}";
    let unplaced = causes(&a100(8, 96, 1), rest, asks);
    let of_size = sizes(&unplaced);
    assert_eq!(
        of_size.first(),
        Some(&("count", "17.0".to_owned(), "13.0".to_owned(), Some(4.0))),
        "{of_size:?}"
    );
}

/// Another vendor's accelerators are no way out for who names one's.
#[test]
fn accelerators_of_another_make_are_not_proposed() {
    let inf = "{cloud: aws, region: us-east-1, instanceType: inf1, accelerator: Inferentia, accelerators: 16, cpu: 96, memory: 1000Gi, capacity: on-demand, hourly: 1}, ";
    let asks = "request: {accelerators: {anyOf: [H100], count: 8}}";
    let unplaced = causes(&(inf.to_owned() + &a100(8, 96, 5)), "", asks);
    assert_eq!(sizes(&unplaced), [("H100", "\"H100\"".to_owned(), "\"A100\"".to_owned(), None)]);
    let unplaced = causes(inf, "", asks);
    assert_eq!(sizes(&unplaced), [("H100", "\"H100\"".to_owned(), "null".to_owned(), None)]);
    assert_eq!(unplaced.nearest, None);
}
