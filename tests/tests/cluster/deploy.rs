//! What is shipped for clusters, on a real one.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client};
use plimsoll_control_plane::nodes::{H100, Profile};
use plimsoll_control_plane::{Options, User, scheduler};
use serde_json::{Value, json};

use crate::site::{GPU, Site, node_of, pod, until};

/// The documents of a file of `deploy/`.
fn shipped(name: &str) -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name);
    let text = std::fs::read(file).unwrap();
    let documents = plimsoll_model::read::documents(name, &text).unwrap();
    documents.into_iter().map(|document| document.split().1.read::<Value>().unwrap()).collect()
}

async fn site() -> Option<Site> {
    Site::start(vec![Profile::on_prem("h100", 4, Some(H100))], Options::default()).await
}

/// As long as nothing answers, pods without accelerators are bound as if there were no extender; those with
/// accelerators are bound too, once the scheduler has waited for it.
#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_scheduler_asks_about_pods_with_accelerators_alone() {
    let Some(mut site) = site().await else { return };
    // Another port than that of the webhook.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            kept.push(stream);
        }
    });
    let mut config = shipped("scheduler.yaml").remove(0);
    config["leaderElection"] = json!({"leaderElect": false});
    let extender = &mut config["extenders"][0];
    extender["urlPrefix"] = format!("https://{address}/scheduler").into();
    extender["tlsConfig"] = scheduler::trust(&site.plane.authority().certificate());
    site.plane.start_scheduler("kube-scheduler", config).await.unwrap();
    site.submit(pod("first", &[("cpu", "1")], None)).await;
    until("the scheduler runs", || async { is_bound(&site, "first").await }).await;

    let before = calls.load(Ordering::SeqCst);
    for index in 0..10 {
        site.submit(pod(&format!("plain-{index}"), &[("cpu", "1")], None)).await;
    }
    until("pods without accelerators are bound", || async {
        site.all().await.iter().all(|pod| node_of(pod).is_some())
    })
    .await;
    assert_eq!(calls.load(Ordering::SeqCst), before, "each call would take a second");
    site.submit(pod("gpu", &[(GPU, "1")], None)).await;
    until("a pod with accelerators is bound all the same", || async { is_bound(&site, "gpu").await }).await;
    assert!(calls.load(Ordering::SeqCst) > before, "it is asked about that one");
}

async fn is_bound(site: &Site, name: &str) -> bool {
    node_of(&site.pods().get(name).await.unwrap()).is_some()
}

/// Room is kept for what the annotations of pods say: nobody else may write them, however.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_written_by_nobody_else() {
    let Some(site) = site().await else { return };
    for document in shipped("plimsoll.yaml") {
        match document["kind"].as_str().unwrap() {
            "ValidatingAdmissionPolicy" => {
                let policy = serde_json::from_value(document).unwrap();
                let all = Api::<ValidatingAdmissionPolicy>::all(site.client.clone());
                all.create(&PostParams::default(), &policy).await.unwrap();
            }
            "ValidatingAdmissionPolicyBinding" => {
                let binding = serde_json::from_value(document).unwrap();
                let all = Api::<ValidatingAdmissionPolicyBinding>::all(site.client.clone());
                all.create(&PostParams::default(), &binding).await.unwrap();
            }
            _ => {}
        }
    }
    let params = PatchParams::default();
    let tries = AtomicUsize::new(0);
    // Another each time, for what is there may stay.
    let patch = || {
        let node = format!("h100-{}", tries.fetch_add(1, Ordering::SeqCst));
        Patch::Merge(json!({"metadata": {"annotations": {"plimsoll.dev/node": node}}}))
    };
    site.submit(pod("a", &[(GPU, "1")], None)).await;
    let refused = |outcome: kube::Result<Pod>| match outcome {
        Ok(_) => false,
        Err(error) => {
            assert!(error.to_string().contains("written by Plimsoll alone"), "{error}");
            true
        }
    };
    until("the policy holds", || async { refused(site.pods().patch("a", &params, &patch()).await) }).await;
    assert!(refused(site.pods().patch_status("a", &params, &patch()).await), "nor beside the status");
    let mut born = pod("b", &[(GPU, "1")], None);
    born.metadata.annotations.get_or_insert_default().insert("plimsoll.dev/held-at".into(), "now".into());
    assert!(refused(site.pods().create(&PostParams::default(), &born).await));

    let ours = Api::<Pod>::namespaced(account(&site).await, plimsoll_control_plane::demo::NAMESPACE);
    ours.patch("a", &params, &patch()).await.unwrap();
    let other = Patch::Merge(json!({"metadata": {"annotations": {"example.com/x": "y"}}}));
    site.pods().patch("a", &params, &other).await.expect("others may write what is theirs beside it");
    let gone = Patch::Merge(json!({"metadata": {"annotations": {"plimsoll.dev/node": null}}}));
    site.pods().patch("a", &params, &gone).await.expect("and take a plan away");
}

/// A client with the account of the manifests.
async fn account(site: &Site) -> Client {
    let mut file = Kubeconfig::read_from(site.plane.kubeconfig(User::Admin)).unwrap();
    for user in &mut file.auth_infos {
        let user = user.auth_info.as_mut().unwrap();
        user.impersonate = Some("system:serviceaccount:kube-system:plimsoll".to_owned());
        user.impersonate_groups = Some(vec!["system:masters".to_owned()]);
    }
    let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}
