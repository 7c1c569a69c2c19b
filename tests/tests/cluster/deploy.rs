//! What is shipped for clusters, on a real one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::{Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client};
use plimsoll_control_plane::nodes::{H100, Profile};
use plimsoll_control_plane::{Options, User, demo, scheduler};
use plimsoll_scheduler_plugin::cluster::Source;
use serde_json::{Value, json};

use crate::replica::Replica;
use crate::site::{GPU, Site, is_gated, node_of, planned, pod, until};

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

    // Where it counts for nothing anybody may have it; but not bring it along to where it counts.
    let elsewhere = Api::<Pod>::namespaced(site.client.clone(), "default");
    let make = async |name: &str, annotations: Value, labels: Value| {
        let mut copy = pod(name, &[(GPU, "1")], None);
        copy.metadata.annotations = serde_json::from_value(annotations).unwrap();
        copy.metadata.labels = serde_json::from_value(labels).unwrap();
        elsewhere.create(&PostParams::default(), &copy).await
    };
    let node = "plimsoll.dev/node";
    let copied = make("copied", json!({node: "h100-0"}), json!({})).await.expect("a copy where nobody plans");
    assert_eq!(copied.metadata.annotations.unwrap()[node], "h100-0");
    let meta = |value: Value| Patch::Merge(json!({"metadata": value}));
    let asks = json!({"plimsoll.dev/place": "true"});
    for asks in [json!({"annotations": asks}), json!({"labels": asks})] {
        assert!(refused(elsewhere.patch("copied", &params, &meta(asks.clone())).await), "{asks}");
    }
    let touched = meta(json!({"annotations": {"example.com/x": "y"}}));
    elsewhere.patch("copied", &params, &touched).await.expect("it is changed as any pod");
    let both = json!({node: "h100-0", "plimsoll.dev/place": "true"});
    assert!(refused(make("asks", both, json!({})).await));
    assert!(refused(make("labelled", json!({node: "h100-0"}), asks.clone()).await));
    let not = json!({node: "h100-0", "plimsoll.dev/place": "false"});
    make("asks-not", not, asks).await.expect("the annotation goes first");

    let ours = Api::<Pod>::namespaced(account(&site).await, plimsoll_control_plane::demo::NAMESPACE);
    ours.patch("a", &params, &patch()).await.unwrap();
    let other = Patch::Merge(json!({"metadata": {"annotations": {"example.com/x": "y"}}}));
    site.pods().patch("a", &params, &other).await.expect("others may write what is theirs beside it");
    let gone = Patch::Merge(json!({"metadata": {"annotations": {"plimsoll.dev/node": null}}}));
    site.pods().patch("a", &params, &gone).await.expect("and take a plan away");
}

/// By its namespace, its label or its annotation: whichever way a pod asks for it, it comes behind the gate.
#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_webhooks_see_every_pod_that_asks() {
    let Some(site) = site().await else { return };
    let mut document = shipped("plimsoll.yaml")
        .into_iter()
        .find(|document| document["kind"] == "MutatingWebhookConfiguration")
        .unwrap();
    let all = Api::<MutatingWebhookConfiguration>::all(site.client.clone());
    let made = all.get("plimsoll").await.unwrap();
    let client = serde_json::to_value(&made.webhooks.as_ref().unwrap()[0].client_config).unwrap();
    for webhook in document["webhooks"].as_array_mut().unwrap() {
        webhook["clientConfig"] = client.clone();
    }
    document["metadata"]["resourceVersion"] = made.metadata.resource_version.into();
    let document = serde_json::from_value(document).unwrap();
    all.replace("plimsoll", &PostParams::default(), &document).await.unwrap();
    let config = site.config("a", &site.plane.kubeconfig(User::Admin), &json!({}));
    let _replica = Replica::start("a", &config, true);

    let asks = json!({"plimsoll.dev/place": "true"});
    let params = PostParams { dry_run: true, ..PostParams::default() };
    for (space, annotations, labels, is_asked) in [
        (demo::NAMESPACE, json!({}), json!({}), true),
        ("default", asks.clone(), json!({}), true),
        ("default", json!({}), asks.clone(), true),
        ("default", json!({}), json!({}), false),
        ("default", json!({"plimsoll.dev/place": "yes"}), json!({}), false),
    ] {
        let mut it = pod("a", &[(GPU, "1")], None);
        it.metadata.annotations = serde_json::from_value(annotations.clone()).unwrap();
        it.metadata.labels = serde_json::from_value(labels).unwrap();
        let space = Api::<Pod>::namespaced(site.client.clone(), space);
        let gated = async || is_gated(&space.create(&params, &it).await.unwrap());
        if is_asked {
            // Nobody adds a gate that nobody would open: the replica has to have the Lease first.
            until("it is behind the gate", gated).await;
        } else {
            assert!(!gated().await, "{annotations}");
        }
    }
}

/// The rights that are shipped are enough, and those that may be left out may be left out.
#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_without_what_it_may_not_read() {
    let Some(site) = site().await else { return };
    let params = PostParams::default();
    let mut role = None;
    for document in shipped("plimsoll.yaml") {
        match document["kind"].as_str().unwrap() {
            "ClusterRole" => role = Some(document),
            "ClusterRoleBinding" => {
                let all = Api::<ClusterRoleBinding>::all(site.client.clone());
                all.create(&params, &serde_json::from_value(document).unwrap()).await.unwrap();
            }
            "Role" => {
                let all = Api::<Role>::namespaced(site.client.clone(), "kube-system");
                all.create(&params, &serde_json::from_value(document).unwrap()).await.unwrap();
            }
            "RoleBinding" => {
                let all = Api::<RoleBinding>::namespaced(site.client.clone(), "kube-system");
                all.create(&params, &serde_json::from_value(document).unwrap()).await.unwrap();
            }
            _ => {}
        }
    }
    let role = role.unwrap();
    let mut least = role.clone();
    let is_needed = |rule: &Value| {
        rule["verbs"] != json!(["get", "list", "watch"])
            || rule["resources"].as_array().unwrap().contains(&json!("nodes"))
    };
    least["rules"].as_array_mut().unwrap().retain(is_needed);
    assert!(least["rules"].as_array().unwrap().len() + 5 <= role["rules"].as_array().unwrap().len());
    let roles = Api::<ClusterRole>::all(site.client.clone());
    roles.create(&params, &serde_json::from_value(least).unwrap()).await.unwrap();
    let mut file: Value =
        serde_json::from_slice(&std::fs::read(site.plane.kubeconfig(User::Admin)).unwrap()).unwrap();
    file["users"][0]["user"]["as"] = "system:serviceaccount:kube-system:plimsoll".into();
    file["users"][0]["user"]["as-groups"] = json!(["system:serviceaccounts"]);
    let kubeconfig = site.plane.folder().join("account.kubeconfig");
    std::fs::write(&kubeconfig, file.to_string()).unwrap();
    let config = site.config("a", &kubeconfig, &json!({}));

    let mut replica = Replica::start("a", &config, true);
    let none: BTreeMap<String, u8> = Source::ALL.iter().map(|source| (source.name().to_owned(), 0)).collect();
    assert_eq!(watches(&site).await, none);
    site.submit(pod("first", &[(GPU, "1")], None)).await;
    until("it plans all the same", || async { planned(&site.pods().get("first").await.unwrap()).is_some() })
        .await;

    replica.kill();
    let whole = Patch::Merge(json!({"rules": role["rules"]}));
    roles.patch("plimsoll", &PatchParams::default(), &whole).await.unwrap();
    let _replica = Replica::start("b", &config, true);
    let served = |name: &str| u8::from(!name.starts_with("podgroups.") && !name.starts_with("workloads."));
    let expected: BTreeMap<String, u8> = none.into_keys().map(|name| (name.clone(), served(&name))).collect();
    until("all that is served is watched", || async { watches(&site).await == expected }).await;
    site.submit(pod("second", &[(GPU, "1")], None)).await;
    until("it plans", || async { planned(&site.pods().get("second").await.unwrap()).is_some() }).await;
}

/// What is watched beside nodes and pods, as the metrics have it.
async fn watches(site: &Site) -> BTreeMap<String, u8> {
    let text = site.page("/metrics").await;
    let lines = text.lines().filter_map(|line| line.strip_prefix("plimsoll_watches{what=\""));
    lines
        .map(|line| line.split_once("\"} ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
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
