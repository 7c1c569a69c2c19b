//! What own nodes cost, by an Estate.

use plimsoll_control_plane::nodes::{H100, Profile};
use plimsoll_control_plane::{Options, User};
use serde_json::json;

use crate::replica::Replica;
use crate::site::{GPU, Site, node_of, pod, until};

/// Machines of 10.2 kW in a building with a PUE of 1.5, at 200 g and 20 ct a kWh.
fn estate(hourly: &str) -> String {
    format!(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {{name: own}}\nspec:\n  sites:\n  \
         - {{name: dc-1, pue: 1.5, electricity: 0.2, carbon: {{gramsPerKwh: 200}}, nodes: [{{name: h100, count: 2, \
         accelerator: H100, accelerators: 8, hourly: {hourly}, watts: 10200}}]}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn own_nodes_cost_what_the_estate_says_and_a_broken_one_changes_nothing() {
    let fleet = vec![Profile::on_prem("h100", 2, Some(H100))];
    let Some(mut site) = Site::start(fleet, Options::default()).await else { return };
    site.schedule().await;
    let file = site.plane.folder().join("estate.yaml");
    std::fs::write(&file, estate("12")).unwrap();
    let spec = json!({"estate": "estate.yaml"});
    let config = site.config("a", &site.plane.kubeconfig(User::Admin), &spec);
    let _replica = Replica::start("a", &config, true);
    site.submit(pod("one", &[(GPU, "1")], None)).await;
    until("it runs", || async { node_of(&site.pods().get("one").await.unwrap()).is_some() }).await;

    let has = |line: &'static str| {
        let site = &site;
        move || async move { site.page("/metrics").await.lines().any(|one| one == line) }
    };
    until("its node has a price", has("plimsoll_plan_usd_per_hour 15.06")).await;
    assert!(has("plimsoll_plan_co2e_grams_per_hour 3060.0")().await);
    assert!(has("plimsoll_plan_unpriced_nodes 0")().await);
    let said = "cost $15.06 an hour, and emit 3.060 kg CO2e an hour under load.";
    until("the page says it", || async { site.page("/debug/plan").await.contains(said) }).await;

    std::fs::write(&file, estate("dear")).unwrap();
    until("that is seen", has("plimsoll_controller_failures_total{what=\"estate\"} 1")).await;
    assert!(has("plimsoll_plan_usd_per_hour 15.06")().await);
    std::fs::write(&file, estate("22")).unwrap();
    until("the new price is in use", has("plimsoll_plan_usd_per_hour 25.06")).await;
}
