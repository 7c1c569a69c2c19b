//! Replicas that are never on spot beside others that are: two objects where a second one is as good as more replicas.

use super::{AWS, AWS_SPOT, estate, offer, placed};

const SERVER: &str = "\
# A server.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: server   # its name
  labels: {app: server}
  annotations:
    plimsoll.dev/onDemandReplicas: '1' # always there
spec:
  replicas: 3
  selector:
    matchLabels: {app: server}
  template:
    metadata:
      labels:
        app: server # what the Service selects
    spec:
      containers:
      - name: c
        env: [{name: TOKEN, value: hunter2}]
        resources: {limits: {nvidia.com/gpu: 8}}   # a whole machine
---
apiVersion: v1
kind: Service
metadata: {name: server}
spec: {selector: {app: server}, ports: [{port: 80}]}
";

/// Spot beside on-demand at three times the price.
fn both() -> String {
    let more =
        format!("  - {{{AWS}, hourly: 3, cpu: 64, memory: 512Gi, accelerators: 8, accelerator: H100}}\n");
    estate(&(offer(AWS_SPOT).replace("offers: [{", "offers:\n  - {").replace("}]", "}") + &more))
}

#[test]
fn a_deployment_becomes_two_that_stay_as_they_are() {
    let estate = both();
    let (text, remarks) = placed(&format!("{SERVER}{estate}"));
    assert_eq!(
        remarks,
        [
            "server: its replicas are on two offers, so it is written as two objects of kind Deployment: 2 on aws/us-east-1/p5.48xlarge/spot, and 1 on aws/us-east-1/p5.48xlarge/on-demand as server-on-demand"
        ]
    );
    insta::assert_snapshot!("two-deployments", text.strip_suffix(&estate).unwrap());
    assert_eq!(placed(&text), (text.clone(), Vec::new()), "the second time nothing changes");
    let windows = |text: &str| text.replace('\n', "\r\n");
    assert_eq!(placed(&windows(&format!("{SERVER}{estate}"))).0, windows(&text));
    assert_eq!(placed(&windows(&text)).0, windows(&text));
    // Without spot both move, and stay two.
    let (moved, remarks) = placed(&text.replace(&estate, &super::estate(&offer(AWS))));
    assert_eq!(remarks, [""; 0]);
    let on_demand = "plimsoll.dev/placed: \"aws/us-east-1/p5.48xlarge/on-demand; instances";
    assert_eq!(moved.matches(on_demand).count(), 2, "{moved}");
    assert!(moved.contains("  replicas: 2\n") && moved.contains("  replicas: 1\n"), "{moved}");
    // Where both belong on one offer, one object says it.
    let (one, remarks) = placed(&format!("{SERVER}{}", super::estate(&offer(AWS))));
    assert_eq!(remarks, [""; 0]);
    assert!(one.contains("  replicas: 3\n") && !one.contains("server-on-demand"), "{one}");
}

/// In a list the second object is its last item, and what a cluster has said of the first is not said of the second.
#[test]
fn an_item_of_a_list_gets_a_second_one() {
    let text = "\
apiVersion: v1
kind: List
items:
- apiVersion: leaderworkerset.x-k8s.io/v1
  kind: LeaderWorkerSet
  metadata:
    name: big # three groups of two
    namespace: prod
    uid: 0-1
    annotations: {plimsoll.dev/interruptible: 'false'}
  spec:
    replicas: 3
    leaderWorkerTemplate:
      size: 2
      workerTemplate:
        metadata:
          annotations: {plimsoll.dev/onDemandReplicas: '1', plimsoll.dev/current: aws/us-east-1/p5.48xlarge/spot}
        spec:
          containers:
          - {name: w, resources: {limits: {nvidia.com/gpu: 8}}}
  status: {replicas: 3}
- {apiVersion: v1, kind: Namespace, metadata: {name: prod}}
";
    let estate = both();
    let (edited, remarks) = placed(&format!("{text}{estate}"));
    assert_eq!(
        remarks,
        [
            "big: its replicas are on two offers, so it is written as two objects of kind LeaderWorkerSet: 2 on aws/us-east-1/p5.48xlarge/spot, and 1 on aws/us-east-1/p5.48xlarge/on-demand as big-on-demand"
        ]
    );
    insta::assert_snapshot!("two-in-a-list", edited.strip_suffix(&estate).unwrap());
    assert_eq!(placed(&edited), (edited.clone(), Vec::new()), "the second time nothing changes");
}

/// Selectors that are no `matchLabels`, and what a copy of a dump leaves out.
#[test]
fn selectors_of_all_forms_get_a_label_more() {
    let estate = both();
    let controller = SERVER
        .replace("apps/v1", "v1")
        .replace("kind: Deployment", "kind: ReplicationController")
        .replace("  selector:\n    matchLabels: {app: server}\n", "  selector: {app: server}\n");
    let expression = SERVER.replace(
        "    matchLabels: {app: server}\n",
        "    matchExpressions: [{key: app, operator: In, values: [server]}]\n",
    );
    let bare = SERVER.replace("  selector:\n    matchLabels: {app: server}\n", "");
    for (text, selector) in [
        (controller, "  selector: {app: server, plimsoll.dev/part: on-demand}\n"),
        (expression, "    matchLabels:\n      plimsoll.dev/part: on-demand\n"),
        (bare, "        plimsoll.dev/part: on-demand\n"),
    ] {
        let (edited, remarks) = placed(&format!("{text}{estate}"));
        assert_eq!(remarks.len(), 1, "{remarks:?}");
        assert_eq!(
            edited.matches("plimsoll.dev/part: on-demand").count(),
            1 + usize::from(!selector.starts_with("        "))
        );
        assert!(edited.contains(selector), "{edited}");
        assert_eq!(placed(&edited), (edited.clone(), Vec::new()), "the second time nothing changes");
    }
}

/// Why there is no second object, and what the nodes of both have in common.
#[test]
fn what_cannot_be_two_says_why() {
    let estate = both();
    let scaler = "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: server}}\n";
    for (text, why) in [
        (
            SERVER.replace("kind: Deployment", "kind: StatefulSet"),
            "its replicas have names and volumes of their own, which those of a second StatefulSet would not have: make two where they need not know each other",
        ),
        (
            SERVER.replace("apps/v1", "argoproj.io/v1alpha1").replace("kind: Deployment", "kind: Rollout"),
            "its controller leads Services from one version to the next, and a second Rollout would lead the same ones",
        ),
        (
            format!("{SERVER}{scaler}"),
            "HorizontalPodAutoscaler h scales it by the pods that its selector matches, which the second's would be",
        ),
        (
            SERVER
                .replace("  replicas: 3\n", "")
                .replace("'1' # always there", "'1'\n    plimsoll.dev/replicas: '3'"),
            "its `spec.replicas` does not say how many there are",
        ),
        (
            SERVER
                .replace("name: server   #", "ownerReferences: [{kind: Stack, name: s}]\n  name: server   #"),
            "Stack s makes it, and says how many replicas it has",
        ),
    ] {
        let (edited, remarks) = placed(&format!("{text}{estate}"));
        let said = format!(
            "server: of its replicas those of server-on-demand belong on aws/us-east-1/p5.48xlarge/on-demand, the others on aws/us-east-1/p5.48xlarge/spot; a pod template selects the same nodes for all, so what the two have in common is written, and no second object: {why}"
        );
        assert_eq!(remarks, [&*said]);
        if why.starts_with("its replicas") {
            insta::assert_snapshot!("in-common", edited.strip_suffix(&estate).unwrap());
        }
        assert_eq!(placed(&edited), (edited.clone(), remarks), "the second time nothing changes");
    }
}

/// Where the name of the second object is taken it has a free one, whether what has it runs something or not.
#[test]
fn the_second_object_has_a_free_name() {
    let estate = both();
    for (kind, replicas) in [("Deployment", 0), ("Deployment", 1), ("StatefulSet", 1)] {
        let taken = format!(
            "---\napiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: server-on-demand}}\nspec: {{replicas: {replicas}, template: {{spec: {{containers: [{{name: c, resources: {{limits: {{nvidia.com/gpu: 8}}}}}}]}}}}}}\n"
        );
        let (edited, remarks) = placed(&format!("{SERVER}{taken}{estate}"));
        assert_eq!(
            remarks,
            [
                "server: its replicas are on two offers, so it is written as two objects of kind Deployment: 2 on aws/us-east-1/p5.48xlarge/spot, and 1 on aws/us-east-1/p5.48xlarge/on-demand as server-on-demand-2"
            ]
        );
        assert!(edited.contains("  name: server-on-demand-2   # its name\n"), "{edited}");
        assert_eq!(placed(&edited), (edited.clone(), Vec::new()), "the second time nothing changes");
    }
}

/// Behind an object in JSON nothing can stand: what both parts have in common is written, and why, once.
#[test]
fn an_object_in_json_stays_one() {
    let text = r#"{
  "apiVersion": "apps/v1", "kind": "Deployment",
  "metadata": {"name": "server", "annotations": {"plimsoll.dev/onDemandReplicas": "1", "plimsoll.dev/regions": "aws/us-east-1"}},
  "spec": {"replicas": 3, "template": {"spec": {
    "containers": [{"name": "c", "resources": {"limits": {"nvidia.com/gpu": 1}}}],
    "nodeSelector": {"gpu-type": "nvidia-a10g"}
  }}}
}
"#;
    let (edited, remarks) = placed(text);
    let [remark] = &remarks[..] else { panic!("{remarks:#?}") };
    assert!(
        remark.ends_with(
            "so what the two have in common is written, and no second object: a JSON file holds one object: \
             write it as YAML, or as a List"
        ),
        "{remark}"
    );
    assert!(edited.contains(r#""topology.kubernetes.io/region": "us-east-1""#), "{edited}");
    assert!(
        edited.contains(r#""plimsoll.dev/onDemandReplicas": "1""#) && edited.contains(r#""replicas": 3"#),
        "{edited}"
    );
    assert_eq!(placed(&edited), (edited.clone(), remarks), "the second time nothing changes");
}
