//! Where volumes can be mounted.

use plimsoll_model::fleet::Test;

use super::*;

/// A pod that mounts this claim.
fn mounting(name: &str, claim: &str) -> Value {
    let mut it = pod(name, 1);
    it["metadata"]["annotations"][names::PLACE] = "true".into();
    it["spec"]["volumes"] = json!([
        {"name": "data", "persistentVolumeClaim": {"claimName": claim}},
        {"name": "config", "configMap": {"name": "c"}},
    ]);
    it
}

const ZONE: &str = "topology.kubernetes.io/zone";

fn claim(cluster: &mut Cluster, name: &str, spec: &Value) -> bool {
    let object = json!({"spec": spec, "status": {"phase": "Pending"}});
    cluster.apply_object(Source::VolumeClaims, (Some("default"), name), &object)
}

/// A volume of a claim in a zone.
fn bound(claim: &str, zone: &str) -> Value {
    let expression = json!({"key": ZONE, "operator": "In", "values": [zone]});
    json!({"spec": {
        "claimRef": {"namespace": "default", "name": claim},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}},
    }})
}

fn volume(cluster: &mut Cluster, name: &str, claim: &str, zone: &str) -> bool {
    cluster.apply_object(Source::Volumes, (None, name), &bound(claim, zone))
}

fn zones(cluster: &Cluster, name: &str) -> Vec<String> {
    let needs = cluster.pods()[&format!("uid-{name}")].needs.as_deref().expect("it can be read");
    let requirements = needs.rule.terms.iter().flatten().flatten();
    let values = requirements.filter(|one| one.key == ZONE).map(|one| match &one.test {
        Test::In(values) => values.join("|"),
        other => format!("{other:?}"),
    });
    values.collect()
}

#[test]
fn a_pod_goes_where_its_volume_is() {
    let mut cluster = cluster(&[node("n0", 8, "H100")], &[mounting("a", "data")]);
    assert_eq!(zones(&cluster, "a"), Vec::<String>::new(), "volumes are not watched");
    assert_eq!(cluster.waits_for(&cluster.pods()["uid-a"]), None);
    cluster.sees(Source::VolumeClaims, true);
    let waits = |cluster: &Cluster| cluster.waits_for(&cluster.pods()["uid-a"]);
    assert_eq!(waits(&cluster).as_deref(), Some("its PersistentVolumeClaim data is not there"));
    claim(&mut cluster, "data", &json!({"storageClassName": "now"}));
    assert_eq!(waits(&cluster), None, "nothing is known of the class");
    let class = json!({"provisioner": "x", "volumeBindingMode": "Immediate"});
    cluster.apply_object(Source::StorageClasses, (None, "now"), &class);
    assert_eq!(waits(&cluster).as_deref(), Some("its PersistentVolumeClaim data is not bound yet"));
    // The claim is bound before the volume is seen, and the volume changes.
    assert!(claim(&mut cluster, "data", &json!({"storageClassName": "now", "volumeName": "v"})));
    assert!(cluster.refresh());
    assert_eq!((waits(&cluster), zones(&cluster, "a")), (None, vec![]));
    for zone in ["a", "b"] {
        assert!(volume(&mut cluster, "v", "data", zone) && !volume(&mut cluster, "v", "data", zone));
        assert!(cluster.refresh());
        assert_eq!(zones(&cluster, "a"), [zone]);
    }
    // One that is gone, and one that comes before it says whose it is: how the claim is bound counts.
    assert!(cluster.delete_object(Source::Volumes, "v") && cluster.refresh());
    assert_eq!(zones(&cluster, "a"), Vec::<String>::new());
    let mut unclaimed = bound("data", "b");
    unclaimed["spec"]["claimRef"] = Value::Null;
    assert!(cluster.apply_object(Source::Volumes, (None, "v"), &unclaimed) && cluster.refresh());
    assert_eq!(zones(&cluster, "a"), ["b"]);
    assert!(!volume(&mut cluster, "v", "data", "b"), "whose it is is no news");
    // What a volume that nobody mounts says matters to nobody.
    volume(&mut cluster, "other", "other", "c");
    cluster.refresh();
    assert_eq!(zones(&cluster, "a"), ["b"]);
    cluster.sees(Source::Volumes, false);
    cluster.keep_objects(Source::Volumes, |_| false);
    cluster.keep_objects(Source::VolumeClaims, |_| false);
    cluster.sees(Source::VolumeClaims, false);
    cluster.refresh();
    assert_eq!((waits(&cluster), zones(&cluster, "a")), (None, vec![]), "they may not be read any more");
}

#[test]
fn a_claim_that_waits_for_its_pod_goes_where_its_class_makes_volumes() {
    let mut cluster = cluster(&[node("n0", 8, "H100")], &[mounting("a", "data")]);
    cluster.sees(Source::VolumeClaims, true);
    claim(&mut cluster, "data", &json!({"storageClassName": "later"}));
    let topology = json!([{"matchLabelExpressions": [{"key": ZONE, "values": ["a", "b"]}]}]);
    let class = json!({"provisioner": "x", "volumeBindingMode": "WaitForFirstConsumer", "allowedTopologies": topology});
    assert!(cluster.apply_object(Source::StorageClasses, (None, "later"), &class));
    assert!(cluster.refresh());
    assert_eq!(
        (cluster.waits_for(&cluster.pods()["uid-a"]), zones(&cluster, "a")),
        (None, vec!["a|b".to_owned()])
    );
    let by_hand =
        json!({"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"});
    assert!(cluster.apply_object(Source::StorageClasses, (None, "later"), &by_hand));
    assert!(cluster.refresh());
    let pod = &cluster.pods()["uid-a"];
    assert!(pod.left().is_some_and(|why| why.contains("are made by hand")) && !cluster.is_planned(pod));
    // A claim that is made for the pod has its name.
    let mut it = mounting("b", "data");
    it["spec"]["volumes"] = json!([{"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}]);
    claim(&mut cluster, "b-scratch", &json!({"volumeName": "w"}));
    volume(&mut cluster, "w", "b-scratch", "c");
    cluster.apply_pod(&object(it));
    assert_eq!(zones(&cluster, "b"), ["c"]);
}
