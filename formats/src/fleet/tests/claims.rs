//! Devices that drivers list and pods claim.

use super::{asked, devices, fleet, node, pod};
use plimsoll_model::{Fleet, fleet::Amount};

const CLASS: &str = "---\n{apiVersion: resource.k8s.io/v1, kind: DeviceClass, metadata: {name: gpu.nvidia.com}, spec: {selectors: \
    [{cel: {expression: \"device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == 'gpu'\"}}]}}\n";

/// A slice with so many cards of a product.
fn slice(node: &str, generation: u32, count: u32, product: &str) -> String {
    let device = |index: u32| {
        format!(
            "{{name: gpu-{index}, attributes: {{type: {{string: gpu}}, productName: {{string: {product}}}}}, \
             capacity: {{memory: {{value: 81559Mi}}}}}}"
        )
    };
    let all: Vec<String> = (0..count).map(device).collect();
    format!(
        "---\n{{apiVersion: resource.k8s.io/v1, kind: ResourceSlice, metadata: {{name: {node}-{generation}}}, spec: {{driver: \
         gpu.nvidia.com, nodeName: {node}, pool: {{name: {node}, generation: {generation}, resourceSliceCount: 1}}, \
         devices: [{}]}}}}\n",
        all.join(", ")
    )
}

/// A claim, or a template of one, with this request.
fn claim(kind: &str, name: &str, request: &str, status: &str) -> String {
    let devices = format!("devices: {{requests: [{{name: r, exactly: {{{request}}}}}]}}");
    let spec = if kind == "ResourceClaim" { devices } else { format!("spec: {{{devices}}}") };
    format!(
        "---\n{{apiVersion: resource.k8s.io/v1, kind: {kind}, metadata: {{name: {name}, namespace: default}}, spec: {{{spec}}}{status}}}\n"
    )
}

fn template(request: &str) -> String {
    claim("ResourceClaimTemplate", "t", request, "")
}

/// A pod with this entry in its claims, on a node or not.
fn claims(name: &str, entry: &str, on: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: default}}, spec: {{{on}resourceClaims: \
         [{{name: gpu, {entry}}}], containers: [{{name: c, resources: {{requests: {{cpu: 1}}}}}}]}}, status: {{phase: Pending}}}}\n"
    )
}

const H100: &str = "NVIDIA H100 80GB HBM3";

#[test]
fn listed_devices_are_devices_of_their_nodes() {
    let text = node("n", "", "") + &slice("n", 1, 8, "NVIDIA T4") + &slice("n", 2, 4, H100) + CLASS;
    let found = fleet(&text);
    // What an older generation of the pool lists is gone.
    assert_eq!(devices(&found.nodes[0]), "4 × H100 (gpu.nvidia.com)");
    let beside = node("n", "nvidia.com/gpu: 8", "") + &slice("n", 1, 8, H100);
    assert_eq!(
        devices(&fleet(&beside).nodes[0]),
        "8 × unnamed gpu (nvidia.com/gpu)",
        "the same cards, by a plugin"
    );
    let odd = "---\n{apiVersion: resource.k8s.io/v1, kind: ResourceSlice, metadata: {name: s}, spec: {driver: gpu.nvidia.com, \
               nodeName: n, pool: {name: n, generation: 1}, devices: [{name: a, attributes: {type: {string: mig}}}, \
               {name: b, taints: [{key: k, effect: NoSchedule}]}, {name: c}]}}\n";
    assert_eq!(devices(&fleet(&(node("n", "", "") + odd)).nodes[0]), "1 × unnamed gpu (gpu.nvidia.com)");
    let network = odd.replace("driver: gpu.nvidia.com", "driver: dra.net");
    assert_eq!(devices(&fleet(&(node("n", "", "") + &network)).nodes[0]), "none");
}

#[test]
fn a_pod_asks_for_what_its_claim_asks_for() {
    let cluster = node("n", "", "") + &slice("n", 1, 4, H100) + CLASS;
    let product = "device.attributes['gpu.nvidia.com'].productName == 'NVIDIA H100 80GB HBM3'";
    for (request, amount, models) in [
        ("deviceClassName: gpu.nvidia.com".to_owned(), 1, vec![]),
        ("deviceClassName: gpu.nvidia.com, count: 2".to_owned(), 2, vec![]),
        (
            format!("deviceClassName: gpu.nvidia.com, count: 2, selectors: [{{cel: {{expression: \"{product}\"}}}}]"),
            2,
            vec!["H100"],
        ),
        (
            "deviceClassName: gpu.nvidia.com, selectors: [{cel: {expression: \"device.capacity['gpu.nvidia.com'].memory\
             .compareTo(quantity('40Gi')) >= 0\"}}]"
                .to_owned(),
            1,
            vec!["H100"],
        ),
        (
            "deviceClassName: gpu.nvidia.com, selectors: [{cel: {expression: \"device.capacity['gpu.nvidia.com'].memory\
             .compareTo(quantity('100Gi')) >= 0\"}}]"
                .to_owned(),
            1,
            vec!["device of 100Gi"],
        ),
    ] {
        let text = cluster.clone() + &template(&request) + &claims("p", "resourceClaimTemplateName: t", "");
        let found = fleet(&text);
        let pod = &found.pods[0];
        let ask = pod.ask.as_ref().expect("devices");
        assert_eq!((&*ask.resource, ask.amount), ("gpu.nvidia.com", Amount::Whole(amount)), "{request}");
        assert_eq!(ask.models, models, "{request}");
        assert_eq!((pod.accelerators_milli, pod.left.as_deref()), (u64::from(amount) * 1000, None), "{request}");
    }
}

/// The scheduler knows more of such claims than is known here: a wrong guess would place the pod where it cannot run.
#[test]
fn a_claim_that_is_not_understood_is_left_with_the_reason() {
    let gpu = "deviceClassName: gpu.nvidia.com";
    for (document, entry, why) in [
        (String::new(), "resourceClaimTemplateName: t", "its ResourceClaimTemplate t is not known"),
        (
            template(&format!(
                "{gpu}, selectors: [{{cel: {{expression: \"device.attributes['g'].index == 0\"}}}}]"
            )),
            "resourceClaimTemplateName: t",
            "`device.attributes['g'].index == 0` of claim t cannot be held",
        ),
        (
            template(&format!("{gpu}, allocationMode: All")),
            "resourceClaimTemplateName: t",
            "`allocationMode: All`",
        ),
        (
            template(&format!("{gpu}, capacity: {{}}")),
            "resourceClaimTemplateName: t",
            "`capacity` of claim t",
        ),
        (
            template("deviceClassName: mig.nvidia.com"),
            "resourceClaimTemplateName: t",
            "a partition of a device",
        ),
        (template("count: 1"), "resourceClaimTemplateName: t", "without `deviceClassName`"),
        (
            claim("ResourceClaim", "c", gpu, ", status: {allocation: {devices: {results: []}}}"),
            "resourceClaimName: c",
            "has its devices already",
        ),
    ] {
        let text = node("n", "", "") + &slice("n", 1, 4, H100) + CLASS + &document + &claims("p", entry, "");
        let found = fleet(&text);
        let left = found.pods[0].left.as_deref().unwrap_or_default();
        assert!(left.contains(why), "{why}: {left}");
        assert_eq!((found.pods[0].ask.as_ref(), found.pods[0].accelerators_milli), (None, 0), "{why}");
        let is_said = found.assumptions.iter().any(|note| note.value.contains(why));
        assert!(is_said, "{why}: {:?}", found.assumptions);
    }
    let both = node("n", "", "") + CLASS + &template(gpu) + &claims("p", "resourceClaimTemplateName: t", "");
    let both = both.replace("requests: {cpu: 1}", "limits: {nvidia.com/gpu: 1}");
    let left = fleet(&both).pods[0].left.clone().unwrap_or_default();
    assert!(left.contains("by resources and by claims"), "{left}");
    let network =
        template("deviceClassName: dranet.example.com") + &claims("p", "resourceClaimTemplateName: t", "");
    assert_eq!(fleet(&(node("n", "", "") + &network)).pods[0].left, None, "no accelerator: nothing to plan");
}

fn running(fleet: &Fleet) -> Vec<(String, u64)> {
    fleet.pods.iter().map(|pod| (pod.name.clone(), pod.accelerators_milli)).collect()
}

#[test]
fn devices_of_a_claim_are_used_once_however_many_share_it() {
    let result = "{driver: gpu.nvidia.com, pool: n, device: gpu-0, request: r}";
    let status = format!(
        ", status: {{allocation: {{devices: {{results: [{result}, {result}, {{driver: dra.net, pool: n, device: x}}, {}]}}}}}}",
        result.replace("request: r", "request: r, adminAccess: true")
    );
    // What it asks for does not matter any more.
    let shared = claim("ResourceClaim", "c", "deviceClassName: odd", &status);
    let on = "nodeName: n, ";
    let text = node("n", "", "")
        + &slice("n", 1, 4, H100)
        + &shared
        + &claims("a", "resourceClaimName: c", "")
        + &claims("b", "resourceClaimName: c", on)
        + &claims("d", "resourceClaimName: c", on);
    let found = fleet(&text);
    assert_eq!(running(&found), [("a".to_owned(), 0), ("b".to_owned(), 2000), ("d".to_owned(), 0)]);

    let unallocated =
        text.replace(&shared, &claim("ResourceClaim", "c", "deviceClassName: gpu.nvidia.com", ""));
    let left = fleet(&unallocated.replace(on, "")).pods[0].left.clone().unwrap_or_default();
    assert!(left.contains("3 pods share its ResourceClaim c"), "{left}");
}

#[test]
fn a_claim_made_from_a_template_is_found_by_the_pods_status() {
    let status =
        ", status: {allocation: {devices: {results: [{driver: gpu.nvidia.com, pool: n, device: gpu-0}]}}}";
    let text = node("n", "", "")
        + &slice("n", 1, 4, H100)
        + &template("deviceClassName: gpu.nvidia.com, count: 3")
        + &claim("ResourceClaim", "p-gpu-x7", "deviceClassName: gpu.nvidia.com", status)
        + &claims("p", "resourceClaimTemplateName: t", "nodeName: n, ").replace(
            "status: {phase: Pending}",
            "status: {phase: Running, resourceClaimStatuses: [{name: gpu, resourceClaimName: p-gpu-x7}]}",
        );
    assert_eq!(running(&fleet(&text)), [("p".to_owned(), 1000)]);
}

/// A class may give its devices the name of a device plugin's: then pods ask for them by that too. Who claims them cannot
/// have the plugin's.
#[test]
fn devices_with_the_name_of_a_resource_are_asked_for_both_ways() {
    let class = CLASS.replace("spec: {", "spec: {extendedResourceName: nvidia.com/gpu, ");
    let text = node("listed", "", "")
        + &node("plugin", "nvidia.com/gpu: 8", "")
        + &slice("listed", 1, 4, H100)
        + &class
        + &template("deviceClassName: gpu.nvidia.com")
        + &claims("claims", "resourceClaimTemplateName: t", "")
        + &pod("asks", "nvidia.com/gpu: 2", "");
    let found = fleet(&text);
    assert_eq!(devices(&found.nodes[0]), "4 × H100 (nvidia.com/gpu)");
    assert_eq!(asked(&found.pods[0]), "1 of nvidia.com/gpu, 1000 in all");
    assert_eq!(asked(&found.pods[1]), "2 of nvidia.com/gpu, 2000 in all");
    let labels = |index: usize| found.nodes[index].labels.contains_key("resource.k8s.io/gpu.nvidia.com");
    assert_eq!((labels(0), labels(1)), (true, false));
    let terms = found.pods[0].rule.terms.as_ref().expect("it is kept to nodes whose devices can be claimed");
    assert_eq!(terms[0][0].key, "resource.k8s.io/gpu.nvidia.com");
    assert_eq!(found.pods[1].rule.terms, None);
}

/// What the API server refuses is not read at all.
#[test]
fn a_class_with_too_long_a_selector_stands_for_no_driver() {
    let nested = format!("{0}device.driver == 'd'{1}", "(".repeat(4_000), " || true)".repeat(4_000));
    let class = CLASS.replace("spec: {", "spec: {extendedResourceName: nvidia.com/gpu, ");
    for (class, resource) in [
        (class.clone(), "nvidia.com/gpu"),
        (class.replace("device.driver", &format!("{nested} || device.driver")), "gpu.nvidia.com"),
    ] {
        let found = fleet(&(node("listed", "", "") + &slice("listed", 1, 4, H100) + &class));
        assert_eq!(devices(&found.nodes[0]), format!("4 × H100 ({resource})"));
    }
}
