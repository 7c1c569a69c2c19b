//! Devices that pods claim.

use plimsoll_model::fleet::Amount;

use super::*;

pub(crate) const DRIVER: &str = "gpu.example.com";

/// A pod that claims by a template, or a claim, of this name.
pub(crate) fn claiming(name: &str, field: &str, claim: &str) -> Value {
    let mut it = pod(name, 0);
    it["metadata"]["annotations"][names::PLACE] = "true".into();
    it["spec"]["resourceClaims"] = json!([{"name": "gpu", field: claim}]);
    it
}

pub(crate) const TEMPLATE: &str = "resourceClaimTemplateName";
const CLAIM: &str = "resourceClaimName";

fn request(count: u32) -> Value {
    json!({"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": DRIVER, "count": count}}]}})
}

/// A template under its name that asks for so many devices.
pub(crate) fn template(cluster: &mut Cluster, name: &str, count: u32) -> bool {
    let named = (Some("default"), name);
    cluster.apply_object(Source::ResourceClaimTemplates, named, &json!({"spec": {"spec": request(count)}}))
}

/// A claim; with a node, one that has its devices there, for pods of these UIDs.
fn claim(cluster: &mut Cluster, name: &str, count: u32, on: Option<(&str, &[&str])>) -> bool {
    let mut claim = json!({"spec": request(count)});
    if let Some((node, pods)) = on {
        let results: Vec<Value> =
            (0..count).map(|at| json!({"driver": DRIVER, "device": at.to_string()})).collect();
        let field = json!({"key": "metadata.name", "operator": "In", "values": [node]});
        claim["status"] = json!({
            "allocation": {"devices": {"results": results}, "nodeSelector": {"nodeSelectorTerms": [{"matchFields": [field]}]}},
            "reservedFor": pods.iter().map(|uid| json!({"resource": "pods", "uid": uid})).collect::<Vec<_>>(),
        });
    }
    cluster.apply_object(Source::ResourceClaims, (Some("default"), name), &claim)
}

/// So many nodes with four devices each that a driver lists, and one node without.
pub(crate) fn listed(nodes: u32) -> Cluster {
    let all: Vec<v1::Node> =
        (0..nodes).map(|at| node(&format!("n{at}"), 0, "none")).chain([node("plain", 0, "none")]).collect();
    let mut cluster = cluster(&all, &[]);
    for source in [Source::ResourceClaims, Source::ResourceClaimTemplates] {
        cluster.sees(source, true);
    }
    let class =
        json!({"spec": {"selectors": [{"cel": {"expression": format!("device.driver == '{DRIVER}'")}}]}});
    cluster.apply_object(Source::DeviceClasses, (None, DRIVER), &class);
    for at in 0..nodes {
        let node = format!("n{at}");
        let devices: Vec<Value> = (0..4)
            .map(|device| json!({"name": format!("gpu-{device}"), "attributes": {"uuid": {"string": "x"}}}))
            .collect();
        let pool = json!({"name": node, "generation": 1, "resourceSliceCount": 1});
        let slice = json!({"spec": {"driver": DRIVER, "nodeName": node, "pool": pool, "devices": devices}});
        assert!(cluster.apply_object(Source::ResourceSlices, (None, &node), &slice));
        assert!(!cluster.apply_object(Source::ResourceSlices, (None, &node), &slice), "nothing has changed");
    }
    cluster.refresh();
    cluster
}

fn needs<'c>(cluster: &'c Cluster, name: &str) -> &'c fleet::Pod {
    cluster.pods()[&format!("uid-{name}")].needs.as_deref().expect("it can be read")
}

fn count(cluster: &Cluster, name: &str) -> Option<Amount> {
    needs(cluster, name).ask.as_ref().map(|ask| ask.amount)
}

#[test]
fn what_a_pod_claims_is_what_it_needs() {
    let mut cluster = listed(1);
    let devices = |cluster: &Cluster, at: usize| cluster.hardware().nodes[at].devices.clone();
    assert_eq!(
        devices(&cluster, 0).map(|devices| (devices.resource, devices.count)),
        Some((DRIVER.to_owned(), 4))
    );
    assert_eq!(devices(&cluster, 1), None);
    cluster.apply_pod(&object(claiming("a", TEMPLATE, "t")));
    let left = |cluster: &Cluster| cluster.pods()["uid-a"].left().map(str::to_owned);
    assert!(left(&cluster).is_some_and(|why| why.contains("ResourceClaimTemplate t is not known")));
    assert!(cluster.lacks_claims(&cluster.pods()["uid-a"]) && !cluster.is_planned(&cluster.pods()["uid-a"]));
    // Where nobody sees templates none will come.
    cluster.sees(Source::ResourceClaimTemplates, false);
    assert!(!cluster.lacks_claims(&cluster.pods()["uid-a"]));
    assert!(!cluster.claims(&object(claiming("b", TEMPLATE, "t"))), "nor is one behind the gate waited for");
    cluster.sees(Source::ResourceClaimTemplates, true);
    assert!(cluster.claims(&object(claiming("b", TEMPLATE, "t"))));
    // What it claims may come after it.
    assert!(template(&mut cluster, "t", 2));
    assert!(cluster.refresh());
    assert_eq!((left(&cluster), count(&cluster, "a")), (None, Some(Amount::Whole(2))));
    assert!(cluster.is_planned(&cluster.pods()["uid-a"]) && !cluster.lacks_claims(&cluster.pods()["uid-a"]));
    // A class that names another driver, a driver that lists fewer, a node without its driver.
    let class =
        json!({"spec": {"selectors": [{"cel": {"expression": "device.driver == 'other.example.com'"}}]}});
    assert!(cluster.apply_object(Source::DeviceClasses, (None, DRIVER), &class));
    assert!(cluster.refresh());
    assert_eq!(needs(&cluster, "a").ask.as_ref().map(|ask| &*ask.resource), Some("other.example.com"));
    assert!(cluster.delete_object(Source::ResourceSlices, "n0"));
    assert!(cluster.refresh());
    assert_eq!(devices(&cluster, 0), None);
}

/// Reading takes long, and is done on a copy.
#[test]
fn what_a_copy_has_read_of_claims_is_taken_over() {
    let mut cluster = listed(1);
    cluster.apply_pod(&object(claiming("a", TEMPLATE, "t")));
    template(&mut cluster, "t", 2);
    let mut copy = cluster.clone();
    assert!(copy.refresh());
    cluster.adopt(&copy);
    assert_eq!(count(&cluster, "a"), Some(Amount::Whole(2)));
    assert!(!cluster.refresh(), "there is nothing left to read");

    template(&mut cluster, "t", 3);
    let mut copy = cluster.clone();
    copy.refresh();
    template(&mut cluster, "t", 4);
    cluster.adopt(&copy);
    assert!(cluster.refresh(), "the template has changed since");
    assert_eq!(count(&cluster, "a"), Some(Amount::Whole(4)));
}

#[test]
fn devices_of_claims_are_used_once_whoever_has_them() {
    let mut cluster = listed(2);
    let held = |cluster: &Cluster| -> Vec<(String, u64)> {
        let all = cluster.held_by_claims();
        all.map(|held| (held.on.expect("a node"), held.accelerators_milli)).collect()
    };
    let used = |cluster: &Cluster, name: &str| needs(cluster, name).accelerators_milli;
    // Two share a claim that has no devices: nobody can say where they will be.
    claim(&mut cluster, "c", 2, None);
    for name in ["a", "b"] {
        cluster.apply_pod(&object(claiming(name, CLAIM, "c")));
    }
    cluster.refresh();
    let why = cluster.pods()["uid-a"].left().unwrap_or_default();
    assert!(why.contains("2 pods share its ResourceClaim c"), "{why}");
    // It has them: they are used before anybody runs, and once when both do.
    claim(&mut cluster, "c", 2, Some(("n0", &["uid-a", "uid-b"])));
    cluster.refresh();
    assert_eq!((held(&cluster), used(&cluster, "a")), (vec![("n0".to_owned(), 2000)], 0));
    assert!(cluster.pods()["uid-a"].left().is_some_and(|why| why.contains("has its devices already")));
    cluster.apply_pod(&object(on(claiming("b", CLAIM, "c"), "n0")));
    cluster.refresh();
    assert_eq!((held(&cluster), used(&cluster, "b")), (vec![], 2000));
    cluster.apply_pod(&object(on(claiming("a", CLAIM, "c"), "n0")));
    cluster.refresh();
    assert_eq!((held(&cluster), used(&cluster, "a"), used(&cluster, "b")), (vec![], 2000, 0));
    cluster.delete_pod("uid-a");
    cluster.refresh();
    assert_eq!((held(&cluster), used(&cluster, "b")), (vec![], 2000));
    cluster.delete_pod("uid-b");
    assert_eq!(held(&cluster), [("n0".to_owned(), 2000)]);
    let before = cluster.room();
    assert!(cluster.delete_object(Source::ResourceClaims, "default/c"));
    assert!(held(&cluster).is_empty() && cluster.room() > before, "others may have them now");
}

#[test]
fn what_is_not_served_any_more_is_forgotten() {
    let mut cluster = listed(1);
    template(&mut cluster, "t", 1);
    cluster.apply_pod(&object(claiming("a", TEMPLATE, "t")));
    assert_eq!(count(&cluster, "a"), Some(Amount::Whole(1)));
    for source in Source::ALL {
        cluster.keep_objects(source, |_| false);
    }
    cluster.refresh();
    assert_eq!((count(&cluster, "a"), &cluster.hardware().nodes[0].devices), (None, &None));
}
