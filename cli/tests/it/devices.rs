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
    fn places(&self) -> BTreeMap<&str, (&str, Vec<(u64, u64)>)> {
        let all = self.packing["assignments"].as_array().expect("a list");
        let holds = |one: &Value| -> Vec<(u64, u64)> {
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
        (&"devices".into(), &0.5.into(), &0.0.into())
    );
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
