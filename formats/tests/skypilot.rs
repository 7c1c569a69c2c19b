//! SkyPilot's YAML, in kinds that the public has, and the workloads that each becomes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

use std::{fmt::Write as _, fs, path::Path};

use plimsoll_formats::{Foreign, Translation, translate};
use plimsoll_model::{Document, Estate, read, yaml};

/// What a text becomes.
fn translation(name: &str, text: &[u8]) -> Translation {
    let read = read::documents(name, text).unwrap_or_else(|problems| panic!("{}", problems[0]));
    let (mut foreign, mut estate): (Vec<Foreign>, Option<Estate>) = (Vec::new(), None);
    for document in read {
        let (value, place) = document.split();
        match value {
            Document::Foreign => foreign.push(place),
            Document::Estate(stated) => estate = Some(*stated),
            Document::Workload(_) => panic!("{name} holds a Workload"),
        }
    }
    translate(&foreign, estate.as_ref().map(|estate| &estate.spec))
}

fn shown(name: &str, text: &[u8]) -> String {
    let Translation { workloads, estate, assumptions, problems, .. } = translation(name, text);
    let mut shown = String::new();
    for (_, workload) in workloads {
        let workload = workload.value;
        let spec = yaml::to_string(&workload.spec).unwrap();
        write!(shown, "## {}\n{spec}", workload.metadata.name).unwrap();
    }
    for assumption in assumptions {
        writeln!(shown, "- {}: {} ({})", assumption.what, assumption.value, assumption.source).unwrap();
    }
    for problem in problems {
        writeln!(shown, "{problem}").unwrap();
    }
    assert_eq!(estate, plimsoll_model::estate::EstateSpec::default());
    shown
}

#[test]
fn each_kind_of_file_becomes_its_workloads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/skypilot");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20);
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let text = shown(&format!("{name}.yaml"), &fs::read(&file).unwrap());
        assert!(!text.contains("error:"), "{name}: {text}");
        insta::assert_snapshot!(name, text);
    }
}

/// What SkyPilot refuses, and what cannot be planned: each with its place and what to do.
#[test]
fn what_is_wrong_is_pointed_at() {
    let cases = [
        ("unknown fields", "name: a\nresource: {cpus: 2}\nrun: x\n"),
        ("unknown fields inside", "resources:\n  acelerators: H100:8\n  any_of: [{use_spt: true}]\nrun: x\n"),
        ("none of a card", "resources: {accelerators: H100:0}\nrun: x\n"),
        ("a count that is none", "resources:\n  accelerators: {H100: many, A100: 1.5}\nrun: x\n"),
        ("sizes that are none", "resources: {cpus: lots, memory: 12parsec, max_hourly_cost: 0}\nrun: x\n"),
        ("contradictory places", "resources: {infra: aws, region: us-east-1}\nrun: x\n"),
        ("no such cloud", "resources: {cloud: gpc}\nrun: x\n"),
        ("a place in too many parts", "resources: {infra: aws/us-east-1/us-east-1a/rack}\nrun: x\n"),
        ("both kinds of alternative", "resources:\n  any_of: [{cpus: 2}]\n  ordered: [{cpus: 4}]\nrun: x\n"),
        (
            "a preference within alternatives",
            "resources:\n  accelerators: [T4, L4]\n  any_of: [{infra: aws}]\n",
        ),
        ("no nodes", "num_nodes: 0\nrun: x\n"),
        ("wrong types", "resources: H100\nrun: [a, b]\nenvs: [A]\nfile_mounts: {/a: 7, /b: [x]}\n"),
        ("a template", "resources:\n  accelerators: '{{ gpu }}:8'\n  cpus: '{{ cpus }}'\nrun: x\n"),
        ("a name", "name: -train-\nrun: x\n"),
        ("a variable that is no field", "envs: {PLIMSOLL_DURATON: 6h}\nrun: x\n"),
        (
            "a variable with a wrong value",
            "envs: {PLIMSOLL_DURATION: soon, PLIMSOLL_CHECKPOINT: '{evry: 1h}'}\n",
        ),
        ("replicas of a task", "envs: {PLIMSOLL_REPLICAS: 3}\nresources: {cpus: 2+}\nrun: x\n"),
        ("service and pool", "service: {replicas: 2}\npool: {workers: 2}\n"),
        ("replicas and a policy", "service: {replicas: 2, replica_policy: {min_replicas: 1}}\n"),
        ("a policy without a least", "service: {replica_policy: {max_replicas: 3}}\n"),
        ("a policy upside down", "service: {replica_policy: {min_replicas: 3, max_replicas: 2}}\n"),
        (
            "on-demand replicas without spot ones",
            "service: {replica_policy: {min_replicas: 3, base_ondemand_fallback_replicas: 1}}\n",
        ),
        (
            "a service half on spot",
            "service: {replicas: 2}\nresources:\n  any_of: [{use_spot: true}, {cpus: 2}]\n",
        ),
        ("a pool without workers", "pool: {max_workers: 3}\n"),
        ("data without a size", "inputs: {s3://a: much}\noutputs: {/tmp/x: 1}\nrun: x\n"),
        ("two inputs", "inputs: {s3://a: 1, s3://b: 2}\nrun: x\n"),
        ("a head alone", "name: nothing-follows\n"),
        ("a head of an unknown sort", "{name: g, execution: sideways}\n---\nrun: x\n"),
        ("a job group without names", "{name: g, execution: parallel, primary: [a]}\n---\nrun: x\n"),
        ("one document of a chain", "run: x\n---\nname: second\nnum_nodes: two\n---\nrun: y\n"),
        ("a priority", "resources: {priority: 5000}\nrun: x\n"),
        (
            "secrets are not shown",
            "{secrets: {TOKEN: very-secret-token}, resources: {cpus: very-secret-token}, envs: {KEY: another-secret}, run: x, num_nodes: -1}\n",
        ),
    ];
    let mut all = String::new();
    for (name, text) in cases {
        let found = shown("task.yaml", text.as_bytes());
        assert!(found.contains("error:"), "{name}: {found}");
        assert!(!found.contains("secret-token") && !found.contains("another-secret"), "{name}: {found}");
        let problems = found.split_once("error:").map_or("", |(_, problems)| problems);
        writeln!(all, "# {name}\nerror:{problems}").unwrap();
    }
    insta::assert_snapshot!(all);
}

/// A file that is cut, or of which bytes are changed, is translated or refused.
#[test]
fn damaged_files_never_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/skypilot");
    let mut dice = 0x9E37_79B9_7F4A_7C15_u64;
    let mut roll = |below: usize| {
        // Marsaglia's xorshift.
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        usize::try_from(dice % u64::try_from(below).unwrap()).unwrap()
    };
    let (mut files, mut translated) = (0, 0);
    for file in fs::read_dir(folder).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        files += 1;
        for _ in 0..60 {
            let mut damaged = bytes.clone();
            for _ in 0..=roll(4) {
                let at = roll(damaged.len());
                match roll(4) {
                    0 => drop(damaged.remove(at)),
                    1 => damaged.insert(at, b":{}[]-+ \n0\"$&*"[roll(14)]),
                    2 => damaged[at] = u8::try_from(roll(256)).unwrap(),
                    _ => damaged.truncate(at + 1),
                }
            }
            let Ok(read) = read::documents("t", &damaged) else { continue };
            let foreign: Vec<Foreign> =
                read.into_iter().filter(|d| d.value == Document::Foreign).map(|d| d.split().1).collect();
            let translation = translate(&foreign, None);
            translated += translation.workloads.len();
            assert!(translation.problems.iter().all(|problem| !problem.to_string().is_empty()));
        }
    }
    assert!(files >= 20 && translated > 200, "{translated}");
}

#[test]
fn job_groups_of_two_files_are_two_groups() {
    let file = |name: &str| {
        let task = |task: &str| format!("---\nname: {name}-{task}\nresources: {{cpus: 2}}\nrun: x\n");
        let text = format!("name: grp\nexecution: parallel\n{}{}", task("a"), task("b"));
        let read = read::documents(&format!("{name}.yaml"), text.as_bytes()).unwrap();
        read.into_iter().map(|document| document.split().1).collect::<Vec<_>>()
    };
    let translation = translate(&[file("x"), file("y")].concat(), None);
    let groups: Vec<_> = translation
        .workloads
        .iter()
        .map(|(_, workload)| workload.value.spec.together.as_ref().unwrap().name.clone())
        .collect();
    assert_eq!(groups, ["grp", "grp", "grp (2)", "grp (2)"]);
}
