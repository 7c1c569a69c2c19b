//! Pods whose volumes can be mounted in one zone alone.

use k8s_openapi::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::PostParams;
use kube::{Api, ResourceExt as _};
use plimsoll_control_plane::nodes::{Capacity, H100, Profile, Provider};
use plimsoll_control_plane::{Options, User, demo};
use serde_json::{Value, json};

use crate::claims::{object, said};
use crate::replica::Replica;
use crate::site::{GPU, Site, node_of, planned, pod, until};

const ZONE: &str = "topology.kubernetes.io/zone";

fn mounting(name: &str, claim: &str) -> Pod {
    let mut it = serde_json::to_value(pod(name, &[(GPU, "8")], None)).unwrap();
    it["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]);
    object(it)
}

async fn claim(site: &Site, name: &str, spec: Value) {
    let mut claim = json!({"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    for (key, value) in spec.as_object().into_iter().flatten() {
        claim["spec"][key] = value.clone();
    }
    let claims = Api::<PersistentVolumeClaim>::namespaced(site.client.clone(), demo::NAMESPACE);
    claims.create(&PostParams::default(), &object(claim)).await.unwrap();
}

async fn class(site: &Site, name: &str, mode: &str, zones: &[&str]) {
    let mut class =
        json!({"metadata": {"name": name}, "provisioner": "example.com/nobody", "volumeBindingMode": mode});
    if !zones.is_empty() {
        class["allowedTopologies"] = json!([{"matchLabelExpressions": [{"key": ZONE, "values": zones}]}]);
    }
    Api::<StorageClass>::all(site.client.clone())
        .create(&PostParams::default(), &object(class))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_planned_where_their_volumes_are() {
    let place = |region| (Provider::Karpenter, region, "p5.48xlarge");
    let fleet = vec![
        Profile::cloud("east", 2, place("us-east-1"), Capacity::OnDemand, Some(H100)),
        Profile::cloud("west", 2, place("us-west-2"), Capacity::OnDemand, Some(H100)),
    ];
    let Some(mut site) = Site::start(fleet, Options::default()).await else { return };
    site.schedule().await;
    let zone = async |node: &str| {
        let node = Api::<Node>::all(site.client.clone()).get(node).await.unwrap();
        node.labels()[ZONE].clone()
    };
    let (east, west) = (zone("east-0").await, zone("west-0").await);
    let terms = json!([{"matchExpressions": [{"key": ZONE, "operator": "In", "values": [west]}]}]);
    let volume = json!({"metadata": {"name": "v"}, "spec": {
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
        "csi": {"driver": "example.com", "volumeHandle": "v"},
        "claimRef": {"namespace": demo::NAMESPACE, "name": "bound"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
    }});
    Api::<PersistentVolume>::all(site.client.clone())
        .create(&PostParams::default(), &object(volume))
        .await
        .unwrap();
    claim(&site, "bound", json!({"storageClassName": "", "volumeName": "v"})).await;
    class(&site, "later", "WaitForFirstConsumer", &[&east]).await;
    claim(&site, "later", json!({"storageClassName": "later"})).await;
    class(&site, "now", "Immediate", &[]).await;
    claim(&site, "now", json!({"storageClassName": "now"})).await;
    let config = site.config("a", &site.plane.kubeconfig(User::Admin), &json!({}));
    let _replica = Replica::start("a", &config, true);

    // A claim that nobody binds: there is room, and no place.
    site.submit(mounting("waits", "now")).await;
    let text = "NotPlanned: no place yet: its PersistentVolumeClaim now is not bound yet".to_owned();
    until("it is said that a claim is not bound", || async { said(&site, "waits").await.contains(&text) })
        .await;
    site.submit(mounting("later", "later")).await;
    site.submit(mounting("bound", "bound")).await;
    let get = async |name: &str| site.pods().get(name).await.unwrap();
    until("both are planned", || async {
        planned(&get("later").await).is_some() && planned(&get("bound").await).is_some()
    })
    .await;
    assert_eq!(zone(planned(&get("later").await).unwrap()).await, east, "its class makes volumes there");
    assert_eq!(zone(planned(&get("bound").await).unwrap()).await, west, "its volume is there");
    until("who has its volume is bound", || async { node_of(&get("bound").await).is_some() }).await;
    assert_eq!(planned(&get("bound").await), node_of(&get("bound").await));
}
