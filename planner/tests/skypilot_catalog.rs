//! SkyPilot's catalogue folder as the source of prices.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use std::{fs, path::Path};

use plimsoll_model::{Inputs, Plan, Usd};
use plimsoll_planner::{
    Settings,
    load::{self, LoadArgs},
};

const HEADER: &str = "InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,AvailabilityZone,Price,SpotPrice\n";

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn inputs(folder: &Path, catalog: &str) -> Result<Inputs, String> {
    write(
        folder,
        "task.yaml",
        &format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {{name: e}}\nspec: {{catalog: [{catalog}]}}\n---\nname: train\nresources: {{accelerators: 'A100:8'}}\nrun: python train.py\n"
        ),
    );
    let args = LoadArgs { files: vec![folder.join("task.yaml")], ..LoadArgs::default() };
    load::inputs(&args, &mut std::io::empty()).map_err(|error| error.to_string())
}

fn plan(inputs: &Inputs) -> Plan {
    let plan = plimsoll_planner::plan(inputs, &Settings::of(inputs), None, &mut |_| {}).unwrap();
    assert_eq!(plimsoll_verify::verify(&plan, inputs), []);
    plan
}

#[test]
fn a_folder_holds_a_table_for_each_cloud() {
    let folder = tempfile::tempdir().unwrap();
    let aws = "p4d.24xlarge,96,1152,A100,8,,us-east-1,us-east-1a,32.77,10\np4d.24xlarge,96,1152,A100,8,,us-east-1,us-east-1b,32.77,12\n";
    write(folder.path(), "v8/aws/vms.csv", &format!("{HEADER}{aws}"));
    write(folder.path(), "v8/aws/images.csv", "Tag,Region\na,b\n");
    write(
        folder.path(),
        "v8/lambda.csv",
        &format!("{HEADER}gpu_8x_a100,124,1800,A100,8,,us-west-1,,10.32,\nfree,1,1,,,,us-west-1,,0,\n"),
    );
    write(folder.path(), "v8/metadata.csv", "a,b\n1,2\n");
    let inputs = inputs(folder.path(), "v8").unwrap();
    let mut names: Vec<String> =
        inputs.file_offers.iter().map(plimsoll_model::OfferSpec::full_name).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "aws/us-east-1/p4d.24xlarge/on-demand",
            "aws/us-east-1/us-east-1a/p4d.24xlarge/spot",
            "aws/us-east-1/us-east-1b/p4d.24xlarge/spot",
            "lambda/us-west-1/gpu_8x_a100/on-demand",
        ]
    );
    let plan = plan(&inputs);
    assert_eq!(plan.placements[0].offer.full_name(), "lambda/us-west-1/gpu_8x_a100/on-demand");
    let said: Vec<_> = plan.assumptions.iter().filter(|a| a.what.starts_with("rows")).collect();
    assert_eq!(
        (said.len(), &*said[0].what, &*said[0].value),
        (1, "rows passed over of lambda", "1 that have a price of 0")
    );
    // No path of this machine.
    assert!(!serde_json::to_string(&plan).unwrap().contains(folder.path().to_str().unwrap()));
}

#[test]
fn one_table_can_be_named_and_wrong_ones_are_pointed_at() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "gcp/vms.csv",
        &format!(
            "{HEADER}a2-highgpu-8g,96,680,,,,us-central1,us-central1-a,5,\n,,,A100,8,,us-central1,us-central1-a,23,\n"
        ),
    );
    let read = inputs(folder.path(), "gcp/vms.csv").unwrap();
    assert_eq!(plan(&read).placements[0].usd.total, Usd::from_units(28));
    write(folder.path(), "gcp/vms.csv", &format!("{HEADER}a,lots,1,,,,us-central1,,5,\n"));
    let refused = inputs(folder.path(), "gcp/vms.csv").unwrap_err();
    assert!(
        refused.contains("column `vCPUs`: \"lots\" is not a number") && refused.contains("vms.csv:2:3"),
        "{refused}"
    );
    fs::create_dir(folder.path().join("empty")).unwrap();
    let refused = inputs(folder.path(), "empty").unwrap_err();
    assert!(refused.contains("`CLOUD/vms.csv` or `CLOUD.csv` for each cloud"), "{refused}");
}
