//! Gangs whose size a PodGroup states.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::scheduling::v1alpha2::PodGroup;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, PostParams};
use kube::{Api, ResourceExt as _};
use plimsoll_control_plane::nodes::{H100, Profile};
use plimsoll_control_plane::{Options, User, demo};
use serde_json::{Value, json};

use crate::claims::{object, said};
use crate::replica::Replica;
use crate::site::{GPU, Site, is_gated, node_of, planned, pod, until};

/// The kind of the coscheduling plugin, as far as it matters here.
async fn define_pod_groups(site: &Site) -> Api<DynamicObject> {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let definition = json!({
        "metadata": {
            "name": "podgroups.scheduling.x-k8s.io",
            "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/scheduler-plugins/pull/50"},
        },
        "spec": {
            "group": "scheduling.x-k8s.io",
            "names": {"kind": "PodGroup", "plural": "podgroups"},
            "scope": "Namespaced",
            "versions": [{"name": "v1alpha1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    });
    let definitions = Api::<CustomResourceDefinition>::all(site.client.clone());
    definitions.create(&PostParams::default(), &object(definition)).await.unwrap();
    let kind = GroupVersionKind::gvk("scheduling.x-k8s.io", "v1alpha1", "PodGroup");
    let kind = ApiResource::from_gvk_with_plural(&kind, "podgroups");
    let groups = Api::namespaced_with(site.client.clone(), demo::NAMESPACE, &kind);
    until("the kind is served", || async { groups.list(&kube::api::ListParams::default()).await.is_ok() })
        .await;
    groups
}

/// A pod of a gang with this in its labels and its spec.
fn member(name: &str, labels: &Value, spec: &Value) -> Pod {
    let mut it = serde_json::to_value(pod(name, &[(GPU, "4")], None)).unwrap();
    it["metadata"]["labels"] = labels.clone();
    for (key, value) in spec.as_object().into_iter().flatten() {
        it["spec"][key] = value.clone();
    }
    object(it)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gang_is_planned_once_its_pods_are_there() {
    let options = Options { gangs: true, ..Options::default() };
    let Some(mut site) = Site::start(vec![Profile::on_prem("h100", 4, Some(H100))], options).await else {
        return;
    };
    site.schedule().await;
    let groups = define_pod_groups(&site).await;
    let params = PostParams::default();
    let group = json!({"apiVersion": "scheduling.x-k8s.io/v1alpha1", "kind": "PodGroup", "metadata": {"name": "theirs"}, "spec": {"minMember": 3}});
    groups.create(&params, &object(group)).await.unwrap();
    let own = Api::<PodGroup>::namespaced(site.client.clone(), demo::NAMESPACE);
    let group = json!({"metadata": {"name": "own"}, "spec": {"schedulingPolicy": {"gang": {"minCount": 3}}}});
    own.create(&params, &object(group)).await.unwrap();
    let config = site.config("a", &site.plane.kubeconfig(User::Admin), &json!({}));
    let _replica = Replica::start("a", &config, true);

    let theirs = json!({"scheduling.x-k8s.io/pod-group": "theirs"});
    let group = json!({"schedulingGroup": {"podGroupName": "own"}});
    for index in 0..2 {
        site.submit(member(&format!("theirs-{index}"), &theirs, &json!({}))).await;
        site.submit(member(&format!("own-{index}"), &json!({}), &group)).await;
    }
    for (name, gang) in [("theirs-0", "theirs"), ("own-1", "own")] {
        let text = format!("NotPlanned: no place yet: its gang {gang} has 2 of 3 pods");
        until("it is said that one is not there", || async { said(&site, name).await.contains(&text) }).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let pods = site.all().await;
    assert!(
        pods.iter().all(|pod| is_gated(pod) && planned(pod).is_none()),
        "there is room for all, and none is planned"
    );

    site.submit(member("theirs-2", &theirs, &json!({}))).await;
    site.submit(member("own-2", &json!({}), &group)).await;
    until("both gangs have their nodes", || async {
        site.all().await.iter().all(|pod| node_of(pod).is_some())
    })
    .await;
    for pod in site.all().await {
        assert_eq!(planned(&pod), node_of(&pod), "{} is where it was planned", pod.name_any());
    }
    site.ledger.check(&site.all().await, &site.plane.bindings().unwrap());
}
