//! A plan reaches the pods.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use plimsoll_control_plane::nodes::{H100, Profile};
use plimsoll_control_plane::{Options, User};
use serde_json::json;

use crate::replica::Replica;
use crate::site::{GPU, Site, is_pinned, job, node_of, planned, pod, until};

/// More nodes than kube-scheduler looks at for one pod.
#[tokio::test(flavor = "multi_thread")]
async fn every_pod_of_a_plan_lands_on_its_planned_node() {
    let fleet = vec![Profile::on_prem("h100", 250, Some(H100)), Profile::on_prem("plain", 50, None)];
    let Some(mut site) = Site::start(fleet, Options::default()).await else { return };
    site.schedule().await;
    // However busy the machine is: what is let go without a plan is another test's.
    let spec = json!({"gate": {"deadline": "2m"}});
    let config = site.config("a", &site.plane.kubeconfig(User::Admin), &spec);
    let _replica = Replica::start("a", &config, true);
    for index in 0..20 {
        let gpus = ["1", "2", "4", "8"][index % 4];
        site.submit_job(job(&format!("train-{index}"), 10, &[(GPU, gpus)], "600s")).await;
    }
    site.submit_replicas("serve", 30, &[(GPU, "1")]).await;
    for index in 0..40 {
        site.submit(pod(&format!("bare-{index}"), &[(GPU, "1")], None)).await;
        site.submit(pod(&format!("plain-{index}"), &[("cpu", "1")], None)).await;
    }
    let everyone = |pods: &[Pod]| pods.len() == 310 && pods.iter().all(|pod| node_of(pod).is_some());
    until("every pod has a node", || async { everyone(&site.all().await) }).await;

    let pods = site.all().await;
    let ours: Vec<_> = pods.iter().filter(|pod| !pod.name_any().starts_with("plain-")).collect();
    for pod in &ours {
        assert_eq!(planned(pod), node_of(pod), "{} is where it was planned", pod.name_any());
        // Whoever would count a failure is never pinned.
        assert_eq!(is_pinned(pod), pod.name_any().starts_with("serve-"), "{}", pod.name_any());
    }
    assert_eq!(ours.len(), 270);
    for pod in pods.iter().filter(|pod| pod.name_any().starts_with("plain-")) {
        assert_eq!(planned(pod), None, "a pod without accelerators is none of our business");
    }
    site.ledger.check(&pods, &site.plane.bindings().unwrap());
}
