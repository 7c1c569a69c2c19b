//! Pods that claim devices (dynamic resource allocation).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::resource::v1::{DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, ResourceExt as _};
use plimsoll_control_plane::nodes::Profile;
use plimsoll_control_plane::{Options, User, demo};
use serde_json::{Value, json};

use crate::replica::Replica;
use crate::site::{Site, is_gated, node_of, planned, pod, until};

const DRIVER: &str = "gpu.example.com";

pub(crate) fn object<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// A class of devices, and four of them on each node of a profile.
async fn list_devices(site: &Site, profile: &str, nodes: u32) {
    let params = PostParams::default();
    let class = json!({"metadata": {"name": DRIVER}, "spec": {"selectors": [{"cel": {"expression": format!("device.driver == '{DRIVER}'")}}]}});
    Api::<DeviceClass>::all(site.client.clone()).create(&params, &object(class)).await.unwrap();
    for at in 0..nodes {
        let node = format!("{profile}-{at}");
        let devices: Vec<Value> = (0..4)
            .map(|device| json!({"name": format!("gpu-{device}"), "attributes": {"index": {"int": device}}}))
            .collect();
        let slice = json!({"metadata": {"name": format!("{node}-gpu")}, "spec": {
            "driver": DRIVER, "nodeName": node, "devices": devices,
            "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
        }});
        Api::<ResourceSlice>::all(site.client.clone()).create(&params, &object(slice)).await.unwrap();
    }
}

fn request(asked: Value) -> Value {
    let mut exactly = asked;
    exactly["deviceClassName"] = DRIVER.into();
    json!({"devices": {"requests": [{"name": "gpu", "exactly": exactly}]}})
}

async fn template(site: &Site, name: &str, asked: Value) {
    let templates = Api::<ResourceClaimTemplate>::namespaced(site.client.clone(), demo::NAMESPACE);
    let template = json!({"metadata": {"name": name}, "spec": {"spec": request(asked)}});
    templates.create(&PostParams::default(), &object(template)).await.unwrap();
}

/// A pod that claims devices by a template, or a claim.
fn claiming(name: &str, field: &str, claim: &str) -> Pod {
    let mut it = serde_json::to_value(pod(name, &[("cpu", "1")], None)).unwrap();
    it["spec"]["resourceClaims"] = json!([{"name": "gpu", field: claim}]);
    it["spec"]["containers"][0]["resources"]["claims"] = json!([{"name": "gpu"}]);
    object(it)
}

fn by_template(name: &str, template: &str) -> Pod {
    claiming(name, "resourceClaimTemplateName", template)
}

/// What we have said of a pod, as `Reason: text`.
pub(crate) async fn said(site: &Site, name: &str) -> Vec<String> {
    let events = Api::<Event>::namespaced(site.client.clone(), demo::NAMESPACE);
    let events = events.list(&ListParams::default()).await.unwrap();
    let ours = events.iter().filter(|event| {
        event.reporting_controller.as_deref() == Some("plimsoll")
            && event.regarding.as_ref().and_then(|pod| pod.name.as_deref()) == Some(name)
    });
    ours.map(|event| format!("{}: {}", event.reason.clone().unwrap(), event.note.clone().unwrap())).collect()
}

/// The devices that claims have, by node.
async fn used(site: &Site) -> BTreeMap<String, usize> {
    let claims = Api::<ResourceClaim>::namespaced(site.client.clone(), demo::NAMESPACE);
    let mut used = BTreeMap::new();
    for claim in claims.list(&ListParams::default()).await.unwrap() {
        let allocation = claim.status.and_then(|status| status.allocation);
        for result in allocation.and_then(|all| all.devices).and_then(|all| all.results).into_iter().flatten()
        {
            *used.entry(result.pool).or_default() += 1;
        }
    }
    used
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_claim_devices_are_planned() {
    let fleet = vec![Profile::on_prem("dra", 3, None), Profile::on_prem("plain", 3, None)];
    let Some(mut site) = Site::start(fleet, Options::default()).await else { return };
    site.schedule().await;
    list_devices(&site, "dra", 3).await;
    for (name, count) in [("one", 1), ("four", 4)] {
        template(&site, name, json!({"count": count})).await;
    }
    let odd = "device.attributes['gpu.example.com'].index == 3";
    template(&site, "odd", json!({"selectors": [{"cel": {"expression": odd}}]})).await;
    let config = site.config("a", &site.plane.kubeconfig(User::Admin), &json!({}));
    let _replica = Replica::start("a", &config, true);

    // Eleven of twelve devices: two whole nodes, two single ones, and one that two pods share.
    for name in ["four-0", "four-1"] {
        site.submit(by_template(name, "four")).await;
    }
    for name in ["one-0", "one-1"] {
        site.submit(by_template(name, "one")).await;
    }
    let all_bound = || async { site.all().await.iter().all(|pod| node_of(pod).is_some()) };
    until("every pod has a node", all_bound).await;
    for pod in site.all().await {
        assert_eq!(planned(&pod), node_of(&pod), "{} is where it was planned", pod.name_any());
    }
    let claims = Api::<ResourceClaim>::namespaced(site.client.clone(), demo::NAMESPACE);
    let shared = json!({"metadata": {"name": "shared"}, "spec": request(json!({}))});
    claims.create(&PostParams::default(), &object(shared)).await.unwrap();
    for name in ["shares-0", "shares-1"] {
        site.submit(claiming(name, "resourceClaimName", "shared")).await;
    }
    until("both that share a claim have a node", all_bound).await;
    assert_eq!(used(&site).await.values().sum::<usize>(), 11);

    // The shared device counts once, so that there is one left, and then none.
    site.submit(by_template("last", "one")).await;
    until("the last device is used", all_bound).await;
    let last = site.pods().get("last").await.unwrap();
    assert_eq!(planned(&last), node_of(&last));
    site.submit(by_template("beyond", "one")).await;
    until("it is said that none is left", || async { !said(&site, "beyond").await.is_empty() }).await;
    let texts = said(&site, "beyond").await;
    assert!(
        texts[0].starts_with("NotPlanned: ") && texts[0].contains("too little gpu.example.com free"),
        "{texts:?}"
    );

    // A claim that is not understood: the pod passes, and is told why.
    site.submit(by_template("odd", "odd")).await;
    until("it is left to the scheduler", || async { !said(&site, "odd").await.is_empty() }).await;
    let texts = said(&site, "odd").await;
    let expected = format!("LeftToScheduler: left to the scheduler: `{odd}` of claim odd cannot be held");
    assert!(texts[0].starts_with(&expected), "{texts:?}");
    until("it is past the gate", || async { !is_gated(&site.pods().get("odd").await.unwrap()) }).await;

    // What is given back goes to whom it was planned for.
    let before = node_of(&site.pods().get("four-0").await.unwrap()).unwrap().to_owned();
    site.ledger.release();
    site.pods().delete("four-0", &DeleteParams::default().grace_period(0)).await.unwrap();
    until("who waited has a node", || async { node_of(&site.pods().get("beyond").await.unwrap()).is_some() })
        .await;
    assert_eq!(node_of(&site.pods().get("beyond").await.unwrap()), Some(&*before));
    let nodes = Api::<Node>::all(site.client.clone()).list(&ListParams::default()).await.unwrap();
    assert_eq!(nodes.items.len(), 6);
    assert!(used(&site).await.values().all(|count| *count <= 4));
}
