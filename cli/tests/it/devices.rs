//! `plan --cluster` on devices that are more than a number: slices of cards, shells of FPGAs.
//!
//! Whatever is planned here, `verify --cluster` lets it pass.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use crate::run::{finish, program};

/// A node with these resources beside cores and memory, and further lines of metadata.
fn node(name: &str, resources: &str, metadata: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Node, metadata: {{name: {name}, {metadata}}}, \
         status: {{allocatable: {{cpu: 64, memory: 512Gi, pods: 110, {resources}}}}}}}\n"
    )
}

/// A pod of one core with these limits.
fn pod(name: &str, limits: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{containers: [{{name: c, resources: \
         {{limits: {{cpu: 1, memory: 1Gi, {limits}}}}}}}]}}}}\n"
    )
}

/// Devices by index, with the parts of a slice.
type Holds = Vec<(u64, u64)>;

/// The packing of a dump, which the checker lets pass, and the checker's word on the same with some of it changed.
struct Planned {
    packing: Value,
    folder: tempfile::TempDir,
    table: String,
}

fn planned(dump: &str) -> Planned {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("dump.yaml"), dump).expect("written");
    let run = |args: &str| finish(program(folder.path()).args(args.split_whitespace()));
    let plan = run("plan --cluster dump.yaml --add none -o json --output-file packing.json");
    assert_eq!(plan.code, 0, "{}", plan.all());
    let table = run("plan --cluster dump.yaml --add none").out;
    let text = fs::read_to_string(folder.path().join("packing.json")).expect("written");
    let planned = Planned { packing: serde_json::from_str(&text).expect("JSON"), folder, table };
    assert_eq!(planned.verified(&planned.packing), (0, String::new()), "{}", planned.table);
    planned
}

impl Planned {
    /// The exit code of the checker, with what it found.
    fn verified(&self, packing: &Value) -> (i32, String) {
        fs::write(self.folder.path().join("changed.json"), packing.to_string()).expect("written");
        let args = ["verify", "changed.json", "--cluster", "dump.yaml"];
        let run = finish(program(self.folder.path()).args(args));
        (run.code, if run.code == 0 { String::new() } else { run.out })
    }

    /// Whether the table says something, wherever its lines break.
    fn says(&self, text: &str) -> bool {
        self.table.split_whitespace().collect::<Vec<_>>().join(" ").contains(text)
    }

    fn is_optimal(&self) -> bool {
        self.packing["status"] == "optimal"
    }

    /// Pods by node, with the parts of slices.
    fn places(&self) -> BTreeMap<&str, (&str, Holds)> {
        let all = self.packing["assignments"].as_array().expect("a list");
        let holds = |one: &Value| -> Holds {
            let number = |hold: &Value, key: &str| hold[key].as_u64().unwrap_or(0);
            let holds = one["devices"].as_array().map_or(&[][..], |holds| holds);
            holds.iter().map(|hold| (number(hold, "index"), number(hold, "parts"))).collect()
        };
        all.iter()
            .map(|one| {
                (
                    one["pod"].as_str().unwrap_or_default(),
                    (one["node"].as_str().unwrap_or_default(), holds(one)),
                )
            })
            .collect()
    }

    fn waiting(&self) -> Vec<&str> {
        let all = self.packing["unplaced"].as_array().expect("a list");
        all.iter().filter_map(|one| one["pod"].as_str()).collect()
    }
}

const A100: &str = "labels: {nvidia.com/gpu.product: NVIDIA-A100-SXM4-40GB, nvidia.com/gpu.count: '1', nvidia.com/mig.capable: \
                    'true', nvidia.com/mig.strategy: mixed}, annotations: {plimsoll.dev/mig: dynamic}";

#[test]
fn cards_that_may_be_cut_anew_are_cut_as_they_can_be() {
    // One A100: what of these fits on it, all of them in the order in which a first fit fails.
    for (profiles, all) in [
        (&["1g.5gb"; 7][..], true),
        (&["1g.5gb"; 8], false),
        (&["1g.5gb", "1g.5gb", "1g.5gb", "1g.5gb", "3g.20gb"], true),
        (&["3g.20gb", "3g.20gb"], true),
        // Six of seven slices compute, and no memory is left.
        (&["1g.5gb", "3g.20gb", "3g.20gb"], false),
        (&["3g.20gb", "4g.20gb"], true),
        (&["4g.20gb", "4g.20gb"], false),
        (&["2g.10gb", "2g.10gb", "2g.10gb", "1g.5gb"], true),
        (&["2g.10gb", "2g.10gb", "3g.20gb"], true),
        (&["1g.5gb", "2g.10gb", "4g.20gb"], true),
        (&["2g.10gb", "2g.10gb", "4g.20gb"], false),
        (&["1g.10gb", "1g.10gb", "1g.10gb", "1g.10gb"], true),
        (&["1g.10gb", "1g.10gb", "1g.10gb", "1g.10gb", "1g.5gb"], false),
        (&["7g.40gb", "1g.5gb"], false),
    ] {
        let pods = profiles.iter().enumerate();
        let pods = pods.map(|(at, profile)| pod(&format!("p{at}"), &format!("nvidia.com/mig-{profile}: 1")));
        let planned = planned(&(node("n", "nvidia.com/gpu: 1", A100) + &pods.collect::<String>()));
        assert_eq!(planned.waiting().is_empty(), all, "{profiles:?}\n{}", planned.table);
    }
}

#[test]
fn a_slice_where_the_card_has_none_is_found() {
    let dump = node("n", "nvidia.com/gpu: 1", A100) + &pod("p", "nvidia.com/mig-3g.20gb: 1");
    let planned = planned(&dump);
    assert_eq!(planned.places()["p"], ("n", vec![(0, 0b1111)]));
    // Four of eight parts, from the third.
    let mut changed = planned.packing.clone();
    changed["assignments"][0]["devices"][0]["parts"] = 0b11_1100.into();
    let (code, said) = planned.verified(&changed);
    assert!(code == 3 && said.contains("not what it asks for"), "{said}");
}

#[test]
fn parts_that_are_free_where_no_slice_begins_are_told() {
    // Two slices of two run; wherever they are, at most two parts of either half are free.
    let running =
        |name: &str| pod(name, "nvidia.com/mig-2g.10gb: 1").replace("spec: {", "spec: {nodeName: n, ");
    let dump = node("n", "nvidia.com/gpu: 1", A100)
        + &(running("a") + &running("b"))
        + &pod("wide", "nvidia.com/mig-4g.20gb: 1");
    let planned = planned(&dump);
    assert_eq!(planned.waiting(), ["wide"]);
    let cause = &planned.packing["unplaced"][0]["causes"][0];
    assert_eq!(
        (&cause["constraint"], &cause["needs"], &cause["has"]),
        (&"devices".into(), &0.5.into(), &0.5.into())
    );
    assert!(planned.table.contains("of one that is free is not where it"), "{}", planned.table);
}

#[test]
fn cards_as_they_are_cut_are_counted_by_profile() {
    let dump =
        node(
            "n",
            "nvidia.com/mig-1g.5gb: 2, nvidia.com/mig-3g.20gb: 1",
            "labels: {nvidia.com/mig.strategy: mixed}",
        ) + &(0..3).map(|at| pod(&format!("one-{at}"), "nvidia.com/mig-1g.5gb: 1")).collect::<String>()
            + &pod("three", "nvidia.com/mig-3g.20gb: 1")
            + &pod("two", "nvidia.com/mig-2g.10gb: 1");
    let planned = planned(&dump);
    assert_eq!((planned.waiting().len(), planned.places().len()), (2, 3), "{}", planned.table);
    assert!(planned.waiting().contains(&"two") && planned.is_optimal());
}

#[test]
fn slices_of_one_name_go_to_the_cards_where_they_are_shortest() {
    let a80 = A100.replace("SXM4-40GB", "SXM4-80GB");
    let dump = node("small", "nvidia.com/gpu: 1", A100)
        + &node("large", "nvidia.com/gpu: 1", &a80)
        + &(0..8).map(|at| pod(&format!("p{at}"), "nvidia.com/mig-1g.10gb: 1")).collect::<String>();
    let planned = planned(&dump);
    assert_eq!(planned.waiting().len(), 1, "{}", planned.table);
    assert!(planned.places().values().all(|(node, _)| *node == "large"));
    assert!(planned.says("on A100-80GB only, not on A100"), "{}", planned.table);
}

#[test]
fn pods_go_to_fpgas_with_their_shell_alone() {
    let (old, new) = (
        "xilinx.com/fpga-xilinx_u250_gen3x16_xdma_shell_3_1-1607",
        "amd.com/xilinx_u250_gen3x16_xdma_shell_4_1-0",
    );
    let dump = node("old", &format!("{old}: 2"), "")
        + &node("new", &format!("{new}: 1"), "")
        // One card of each shell.
        + &node("both", &format!("{old}: 1, {new}: 1"), "")
        + &node("intel", "fpga.intel.com/af-d8424dc4a4a3c413f89e433683f9040b: 1", "")
        + &(0..4).map(|at| pod(&format!("old-{at}"), &format!("{old}: 1"))).collect::<String>()
        + &(0..2).map(|at| pod(&format!("new-{at}"), &format!("{new}: 1"))).collect::<String>()
        + &pod("af", "fpga.intel.com/af-d8424dc4a4a3c413f89e433683f9040b: 1")
        + &pod("other-af", "fpga.intel.com/af-f7df405cbd7acf7222f144b0b93acd18: 1");
    let planned = planned(&dump);
    let places = planned.places();
    let on = |pod: &str| places.get(pod).map(|(node, _)| *node);
    let mut of_old: Vec<&str> = (0..4).filter_map(|at| on(&format!("old-{at}"))).collect();
    of_old.sort_unstable();
    let mut of_new: Vec<&str> = (0..2).filter_map(|at| on(&format!("new-{at}"))).collect();
    of_new.sort_unstable();
    assert_eq!((of_old, of_new), (vec!["both", "old", "old"], vec!["both", "new"]), "{}", planned.table);
    assert_eq!((on("af"), on("other-af")), (Some("intel"), None));
    assert!(planned.is_optimal());
    assert!(planned.says("no fpga.intel.com/af-f7df405cbd7acf7222f144b0b93acd18"), "{}", planned.table);
}

/// A host of a slice of TPUs.
fn host(name: &str, pool: &str, topology: &str, chips: u16) -> String {
    let labels = format!(
        "labels: {{cloud.google.com/gke-nodepool: {pool}, cloud.google.com/gke-tpu-accelerator: tpu-v5-lite-podslice, \
         cloud.google.com/gke-tpu-topology: {topology}}}"
    );
    node(name, &format!("google.com/tpu: {chips}"), &labels)
}

/// The hosts of a slice of several.
fn slice(pool: &str, topology: &str, hosts: usize) -> String {
    (0..hosts).map(|at| host(&format!("{pool}-{at}"), pool, topology, 4)).collect()
}

/// The template of pods with so many chips each, of a slice.
fn tpu_template(chips: u16, topology: &str) -> String {
    format!(
        "template: {{spec: {{nodeSelector: {{cloud.google.com/gke-tpu-accelerator: tpu-v5-lite-podslice, \
         cloud.google.com/gke-tpu-topology: {topology}}}, containers: [{{name: c, resources: {{limits: {{cpu: 1, \
         google.com/tpu: {chips}}}}}}}]}}}}"
    )
}

/// A Job of so many pods.
fn job(name: &str, pods: usize, template: &str) -> String {
    format!(
        "---\n{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}}}, spec: {{completionMode: Indexed, \
         parallelism: {pods}, completions: {pods}, {template}}}}}\n"
    )
}

/// The node pools, as names of hosts begin, of pods whose names begin so.
fn pools<'p>(planned: &'p Planned, pods: &str) -> Vec<&'p str> {
    let places = planned.places();
    let of = places.iter().filter(|(pod, _)| pod.starts_with(pods));
    of.map(|(_, (node, _))| node.rsplit_once('-').map_or(*node, |(pool, _)| pool)).collect()
}

#[test]
fn slices_of_several_hosts_are_taken_whole_and_by_nobody_else() {
    let dump = slice("a", "2x4", 2)
        + &slice("b", "2x4", 2)
        + &slice("c", "4x4", 4)
        // One host with all eight chips of its topology, and a slice of which a host is missing.
        + &host("d-0", "d", "2x4", 8)
        + &slice("e", "4x4", 3)
        + &job("large", 4, &tpu_template(4, "4x4"))
        + &job("small", 2, &tpu_template(4, "2x4"))
        + &job("single", 1, &tpu_template(8, "2x4"))
        // Fewer pods than hosts: no slice.
        + &job("part", 3, &tpu_template(4, "4x4"))
        // Without a topology: on no slice of several hosts.
        + &pod("loose", "google.com/tpu: 4");
    let planned = planned(&dump);
    assert_eq!(pools(&planned, "large"), ["c"; 4], "{}", planned.table);
    let small = pools(&planned, "small");
    assert!(small == ["a"; 2] || small == ["b"; 2], "{}", planned.table);
    assert_eq!((pools(&planned, "single"), pools(&planned, "loose").len()), (vec!["d"], 0));
    assert_eq!(planned.waiting(), ["part-0", "part-1", "part-2", "loose"]);
    for said in ["no node pool is a slice of 3 hosts", "3 of its 4 hosts are there"] {
        assert!(planned.says(said), "{said}\n{}", planned.table);
    }
    // Across two slices.
    let mut changed = planned.packing.clone();
    let other = if small[0] == "a" { "b-0" } else { "a-0" };
    let list = changed["assignments"].as_array_mut().expect("a list");
    let one = list.iter_mut().find(|one| one["pod"] == "small-0").expect("it is placed");
    one["node"] = other.into();
    let (code, said) = planned.verified(&changed);
    assert!(code == 3 && said.contains("they must be in one"), "{said}");
}

#[test]
fn a_slice_with_a_host_in_use_is_not_taken_and_the_reason_is_told() {
    let busy = "---\n{apiVersion: v1, kind: Pod, metadata: {name: busy}, spec: {nodeName: a-1, containers: [{name: c, \
                resources: {limits: {google.com/tpu: 4}}}]}, status: {phase: Running}}\n";
    let dump = slice("a", "2x4", 2) + busy + &job("small", 2, &tpu_template(4, "2x4"));
    let planned = planned(&dump);
    assert_eq!((planned.waiting(), planned.is_optimal()), (vec!["small-0", "small-1"], true));
    let cause = &planned.packing["unplaced"][0]["causes"][1];
    assert_eq!(
        (&cause["constraint"], &cause["name"], &cause["needs"], &cause["has"]),
        (&"domain".into(), &"cloud.google.com/gke-nodepool".into(), &2.0.into(), &1.0.into()),
        "{}",
        planned.table
    );
    assert!(planned.says("must be within one cloud.google.com/gke-nodepool"), "{}", planned.table);
}

#[test]
fn a_job_set_of_several_slices_has_one_for_each_of_its_jobs() {
    let set = |replicas: usize| {
        format!(
            "---\n{{apiVersion: jobset.x-k8s.io/v1alpha2, kind: JobSet, metadata: {{name: multi, annotations: \
             {{alpha.jobset.sigs.k8s.io/exclusive-topology: cloud.google.com/gke-nodepool}}}}, spec: {{replicatedJobs: \
             [{{name: slice, replicas: {replicas}, template: {{spec: {{parallelism: 2, completions: 2, {}}}}}}}]}}}}\n",
            tpu_template(4, "2x4")
        )
    };
    let nodes = slice("a", "2x4", 2) + &slice("b", "2x4", 2) + &slice("c", "2x4", 2);
    let planned_of = |replicas| planned(&(nodes.clone() + &set(replicas)));
    let three = planned_of(3);
    let jobs = [0, 2, 4].map(|at| pools(&three, &format!("multi-slice-{at}"))[0]);
    let again = [1, 3, 5].map(|at| pools(&three, &format!("multi-slice-{at}"))[0]);
    assert_eq!(jobs, again, "{}", three.table);
    assert_eq!(jobs.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{}", three.table);
    // All, or none.
    assert_eq!((planned_of(4).places().len(), planned_of(4).is_optimal()), (0, true));
}

/// A gang of so many pods with two GPUs each that must be within one domain of `NVLink`, as said by the annotation or
/// by pod affinity.
fn within_one(name: &str, pods: usize, by_affinity: bool) -> String {
    let (annotation, affinity) = if by_affinity {
        let term = format!(
            "affinity: {{podAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: [{{topologyKey: \
             nvidia.com/gpu.clique, labelSelector: {{matchLabels: {{run: {name}}}}}}}]}}}}, "
        );
        (String::new(), term)
    } else {
        ("plimsoll.dev/topology: nvidia.com/gpu.clique, ".to_owned(), String::new())
    };
    format!(
        "---\n{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}, annotations: {{{annotation}plimsoll.dev/gang: \
         'true'}}}}, spec: {{parallelism: {pods}, template: {{metadata: {{labels: {{run: {name}}}}}, spec: {{{affinity}\
         containers: [{{name: c, resources: {{limits: {{cpu: 1, nvidia.com/gpu: 2}}}}}}]}}}}}}}}\n"
    )
}

#[test]
fn a_gang_is_within_one_domain_of_nvlink_where_it_asks_for_it() {
    let tray = |name: &str, clique: &str| {
        node(name, "nvidia.com/gpu: 4", &format!("labels: {{nvidia.com/gpu.clique: {clique}}}"))
    };
    let racks = |trays: &[(&str, usize)]| -> String {
        let all = trays.iter().flat_map(|(rack, trays)| (0..*trays).map(move |at| (rack, at)));
        all.map(|(rack, at)| tray(&format!("{rack}-{at}"), rack)).collect()
    };
    for by_affinity in [false, true] {
        // Twelve and eight devices, ten of which in one rack; what is left of that one is too little for the other.
        let nodes = racks(&[("r1", 3), ("r2", 2)]);
        let planned_of = |gangs: &[(&str, usize)]| {
            let gangs =
                gangs.iter().map(|(name, pods)| within_one(name, *pods, by_affinity)).collect::<String>();
            planned(&(nodes.clone() + &gangs))
        };
        let two = planned_of(&[("first", 5), ("second", 4)]);
        assert_eq!(
            (pools(&two, "first"), pools(&two, "second")),
            (vec!["r1"; 5], vec!["r2"; 4]),
            "{}",
            two.table
        );
        let torn = planned_of(&[("first", 5), ("second", 5)]);
        assert_eq!((torn.waiting().len(), torn.is_optimal()), (5, true), "{}", torn.table);
        assert!(
            torn.says("must be within one nvidia.com/gpu.clique, and one holds at most 4"),
            "{}",
            torn.table
        );
    }
    // Pods that run keep the others to their domain.
    let running = |at: usize| {
        format!(
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: first-x{at}, labels: {{run: first}}, ownerReferences: \
             [{{kind: Job, name: first}}]}}, spec: {{nodeName: r2-{at}, containers: [{{name: c, resources: {{limits: \
             {{nvidia.com/gpu: 2}}}}}}]}}, status: {{phase: Running}}}}\n"
        )
    };
    let gang = "metadata: {name: first-x0, labels: {run: first";
    let text = racks(&[("r1", 3), ("r2", 2)]) + &running(0) + &within_one("first", 3, false);
    let text = text.replace(gang, &format!("{gang}, scheduling.x-k8s.io/pod-group: first"));
    let text = text.replace(
        "metadata: {name: first, ",
        "metadata: {name: first, labels: {scheduling.x-k8s.io/pod-group: first}, ",
    );
    let text = text.replace(
        "metadata: {name: first-x0,",
        "metadata: {name: first-x0, annotations: {plimsoll.dev/topology: nvidia.com/gpu.clique},",
    );
    let planned = planned(&text);
    assert_eq!(pools(&planned, "first"), ["r2"; 3], "{}", planned.table);
}

#[test]
fn domains_of_pods_that_are_no_gang_are_said_not_to_be_held() {
    let dump =
        node("n", "nvidia.com/gpu: 4", "") + &within_one("free", 2, false).replace("'true'", "'false'");
    let planned = planned(&dump);
    assert!(planned.says("since they are no gang"), "{}", planned.table);
    assert_eq!(planned.places().len(), 2);
}

#[test]
fn devices_of_one_group_are_given_to_who_asks_for_it() {
    let quads = node("n", "nvidia.com/gpu: 8", "annotations: {plimsoll.dev/device-group: '4'}");
    let asks = |name: &str, gpus: u16, joined: bool| {
        let annotation = if joined { ", annotations: {plimsoll.dev/device-group: required}" } else { "" };
        pod(name, &format!("nvidia.com/gpu: {gpus}"))
            .replace(&format!("name: {name}}}"), &format!("name: {name}{annotation}}}"))
    };
    let three = asks("a", 3, true) + &asks("b", 3, true);
    let planned_of = |last: &str| planned(&(quads.clone() + &three + last));
    let torn = planned_of(&asks("c", 2, true));
    assert_eq!(torn.waiting(), ["c"], "{}", torn.table);
    assert!(
        torn.says("1 node: too few devices of one group free (nvidia.com/gpu): 2 needed, at most 1 free"),
        "{}",
        torn.table
    );
    let loose = planned_of(&asks("c", 2, false));
    assert_eq!(loose.places().len(), 3, "{}", loose.table);
    for (pod, (_, holds)) in loose.places() {
        let groups: std::collections::BTreeSet<u64> = holds.iter().map(|(index, _)| index / 4).collect();
        assert_eq!(groups.len(), if pod == "c" { 2 } else { 1 }, "{}", loose.table);
    }
    // One device of the other quad.
    let alone = planned(&(quads.clone() + &asks("a", 3, true)));
    let mut changed = alone.packing.clone();
    for (at, index) in [2, 3, 4].into_iter().enumerate() {
        changed["assignments"][0]["devices"][at]["index"] = index.into();
    }
    let (code, said) = alone.verified(&changed);
    assert!(code == 3 && said.contains("they must be of one"), "{said}");
}

#[test]
fn numa_nodes_of_a_strict_kubelet_are_groups_for_everyone() {
    let numa = |policy: &str| {
        let zone = |at: u8| {
            format!(
                "{{name: node-{at}, type: Node, resources: [{{name: nvidia.com/gpu, capacity: '4', allocatable: '4', available: '4'}}]}}"
            )
        };
        format!(
            "---\n{{apiVersion: topology.node.k8s.io/v1alpha2, kind: NodeResourceTopology, metadata: {{name: n}}, attributes: \
             [{{name: topologyManagerPolicy, value: {policy}}}], zones: [{}, {}]}}\n",
            zone(0),
            zone(1)
        )
    };
    let asks = |policy: &str| {
        let nodes = node("n", "nvidia.com/gpu: 8", "") + &numa(policy);
        planned(
            &(nodes
                + &pod("a", "nvidia.com/gpu: 3")
                + &pod("b", "nvidia.com/gpu: 3")
                + &pod("c", "nvidia.com/gpu: 2")),
        )
    };
    assert_eq!(asks("best-effort").places().len(), 3);
    let strict = asks("single-numa-node");
    assert_eq!(strict.waiting(), ["c"], "{}", strict.table);
    assert!(strict.says("too few devices of one group free"), "{}", strict.table);
}
