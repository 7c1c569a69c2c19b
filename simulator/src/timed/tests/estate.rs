//! An Estate gives the same runs as its machines and offers written out.

use super::*;

const ESTATE: &str = "apiVersion: plimsoll.dev/v1alpha1
kind: Estate
metadata: {name: own}
spec:
  sites:
  - name: north
    pue: 1.2
    nodes:
    - {name: gpu, count: 2, accelerator: T4, accelerators: 4, cpu: 16, memory: 64Gi, hourly: 3}
    - {name: cpu, cpu: 8, hourly: 0.5}
  - name: south
    nodes: [{name: gpu, count: 1, accelerator: A10, accelerators: 2, hourly: 2.5}]
  offers:
  - {name: rented, region: here, capacity: on-demand, cpu: 1, hourly: 0.06}
";
const JOBS: &str = "id,submit_s,duration_s,gpus,accelerator,cpus\na,0,100,4,T4,2\nb,10,50,4,T4,2\nc,20,200,8,T4,4\nd,30,40,2,A10,1\ne,40,10,0,,8\n";
const RUN: &str = "[run]\npolicies = [\"fifo\", \"best-fit\"]\n";

fn of(head: &str) -> String {
    format!("{head}[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n{RUN}")
}

#[test]
fn the_machines_of_an_estate_are_those_of_a_cluster() {
    let files = [("own.yaml", ESTATE), ("jobs.csv", JOBS)];
    let by_hand = "[cluster]\nnodes = [\
        { name = \"north-gpu\", count = 2, accelerator = \"T4\", accelerators = 4, cpu = 16, memory = \"64Gi\", hourly = 3, zone = \"north\" },\
        { name = \"cpu\", cpu = 8, hourly = 0.5, zone = \"north\" },\
        { name = \"south-gpu\", accelerator = \"A10\", accelerators = 2, hourly = 2.5, zone = \"south\" }]\n";
    let expected = runs_beside(&of(by_hand), &files);
    assert!(expected.iter().all(|(run, _)| metric(run, "cost_usd") > 0.0 && metric(run, "placed") > 4.0));
    for head in ["estate = \"own.yaml\"\n", "[cluster]\nestate = \"own.yaml\"\n"] {
        assert_eq!(runs_beside(&of(head), &files), expected, "{head}");
    }
    let experiment = experiment_beside(&of("estate = \"own.yaml\"\n"), &files, Tolerance::Strict).unwrap();
    assert_eq!(experiment.notes(), ["own.yaml: not looked at: sites[].pue, offers, which no policy rents"]);
}

#[test]
fn the_offers_of_an_estate_are_those_of_a_market() {
    let estate = "apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {name: own}\nspec:\n  offers:\n  \
        - {name: rented, region: here, capacity: on-demand, cpu: 1, hourly: 0.06}\n";
    let files =
        [("own.yaml", estate), ("jobs.csv", "id,submit_s,duration_s,cpus\na,0,3600,2\nb,60,7200,1\n")];
    let by_hand = "[[market.offers]]\nname = \"rented\"\ncapacity = \"on-demand\"\ncpu = 1\nhourly = 0.06\n";
    let of = |head: &str| of(head).replace("\"fifo\", \"best-fit\"", "\"run-now\"");
    let expected = runs_beside(&(of("") + by_hand), &files);
    assert!((metric(&expected[0].0, "cost_usd") - 0.24).abs() < 1e-9);
    assert_eq!(runs_beside(&of("estate = \"own.yaml\"\n"), &files), expected);
}

#[test]
fn what_is_no_estate_is_refused() {
    let workload =
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {name: w}\nspec: {request: {cpu: 1}}\n";
    for (head, text, said) in [
        ("estate = \"own.yaml\"\n", workload, "own.yaml holds no Estate"),
        ("estate = \"own.yaml\"\n", "kind: [", "own.yaml:1"),
        ("estate = \"no.yaml\"\n", ESTATE, "cannot read no.yaml"),
        ("estate = \"own.yaml\"\n[cluster]\nestate = \"own.yaml\"\n", ESTATE, "beside `estate`"),
        (
            "estate = \"own.yaml\"\n[cluster]\nnodes = [{ name = \"n\", cpu = 1 }]\n",
            ESTATE,
            "beside an Estate",
        ),
    ] {
        let files = [("own.yaml", text), ("jobs.csv", JOBS)];
        let Err(problems) = experiment_beside(&of(head), &files, Tolerance::Strict) else { panic!("{head}") };
        assert!(problems.contains(said), "{head}: {problems}");
    }
}
