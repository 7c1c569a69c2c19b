//! Files on a disk to inputs.

use std::{fs, path::PathBuf};

use super::*;

const WORKLOAD: &str =
    "apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {name: NAME}\nspec: {request: {cpu: 1}}\n";
const ESTATE: &str = "apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {name: e}\n";

fn workload(name: &str) -> String {
    WORKLOAD.replace("NAME", name)
}

fn estate(spec: &str) -> String {
    format!("{ESTATE}spec: {{{spec}}}\n")
}

/// A folder of files that ends with the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            fs::create_dir_all(folder.path(name).parent().unwrap()).unwrap();
            fs::write(folder.path(name), text).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        if name == "-" { PathBuf::from("-") } else { self.0.path().join(name) }
    }

    fn load(&self, files: &[&str], estate: Option<&str>, stdin: &str) -> Result<Inputs, String> {
        self.load_as(files, estate, stdin, &LoadArgs::default())
    }

    fn load_as(
        &self,
        files: &[&str],
        estate: Option<&str>,
        stdin: &str,
        flags: &LoadArgs,
    ) -> Result<Inputs, String> {
        let args = LoadArgs {
            files: files.iter().map(|name| self.path(name)).collect(),
            estate: estate.map(|name| self.path(name)),
            ..flags.clone()
        };
        // What the machine's folder is called must not matter to a snapshot.
        let folder = format!("{}/", self.0.path().display());
        inputs(&args, &mut stdin.as_bytes()).map_err(|error| {
            error.to_string().replace(&folder, "").replace(&folder[..folder.len() - 1], "FOLDER")
        })
    }
}

fn names(inputs: &Inputs) -> Vec<&str> {
    inputs.workloads.iter().map(|workload| &*workload.metadata.name).collect()
}

#[test]
fn files_folders_and_standard_input_come_in_order() {
    let folder = Folder::new(&[
        ("z.yaml", &workload("z")),
        ("d/b.yml", &workload("b")),
        (
            "d/a.json",
            r#"{"apiVersion": "plimsoll.dev/v1alpha1", "kind": "Workload", "metadata": {"name": "a"}, "spec": {"request": {"cpu": 1}}}"#,
        ),
        ("d/.hidden.yaml", "no: document\n"),
        ("d/notes.txt", "no document\n"),
        ("d/deeper/c.yaml", &workload("c")),
        ("d/estate.yaml", &estate("horizon: 2h")),
    ]);
    let inputs = folder.load(&["z.yaml", "d", "-"], None, &workload("s")).unwrap();
    assert_eq!(names(&inputs), ["z", "a", "b", "s"]);
    assert_eq!(inputs.estate.horizon.map(|h| h.to_string()).as_deref(), Some("2h"));
    assert!(inputs.embedded_catalog);
    // The estate may be named although it lies in the folder.
    let again = folder.load(&["d"], Some("d/estate.yaml"), "").unwrap();
    assert_eq!(names(&again), ["a", "b"]);
    let whole = folder.load(&["d"], None, "").unwrap();
    assert_eq!(again, whole);
    assert!(folder.load(&["d/b.yml", "d/estate.yaml"], Some("d/estate.yaml"), "").is_ok());
}

#[test]
fn without_an_estate_there_is_the_default_one() {
    let folder = Folder::new(&[("a.yaml", &workload("a"))]);
    let inputs = folder.load(&["a.yaml"], None, "").unwrap();
    assert_eq!(inputs.estate, EstateSpec::default());
    assert!(inputs.embedded_catalog && inputs.file_offers.is_empty() && inputs.series.is_empty());
}

#[test]
fn catalogues_and_series_lie_beside_the_estate() {
    let catalog = format!(
        "{}kind: Catalog\nspec:\n  offers:\n  - {{region: r, capacity: spot, hourly: 2}}\n",
        "apiVersion: plimsoll.dev/v1alpha1\n"
    );
    let csv =
        "# ours\ncloud,region,instanceType,capacity,hourly,accelerator,accelerators,accelerators_memory\n";
    let csv = csv.replace(",accelerators_memory", ",acceleratorMemory")
        + "our,here,big,on-demand,1.25,H100,8,80Gi\n";
    let spec = "catalog: [offers.yaml, sub/ours.csv], carbonIntensity: [{zone: x, series: sub/x.csv}, {zone: y, series: sub/x.csv}]";
    let folder = Folder::new(&[
        ("a.yaml", &workload("a")),
        ("e/estate.yaml", &estate(spec)),
        ("e/offers.yaml", &catalog),
        ("e/sub/ours.csv", &csv),
        ("e/sub/x.csv", "time,gramsPerKwh\n2026-01-01T00:00:00Z,5\n"),
    ]);
    let inputs = folder.load(&["a.yaml"], Some("e/estate.yaml"), "").unwrap();
    assert!(!inputs.embedded_catalog);
    let offers: Vec<String> = inputs.file_offers.iter().map(plimsoll_model::OfferSpec::full_name).collect();
    assert_eq!(offers, ["r/spot", "our/here/big/on-demand"]);
    let ours = &inputs.file_offers[1];
    assert_eq!((ours.accelerators_milli(), ours.accelerator_memory.map(|m| m.0)), (8000, Some(80 << 30)));
    assert_eq!(ours.hourly.to_string(), "1.25");
    assert_eq!(inputs.series.keys().collect::<Vec<_>>(), ["sub/x.csv"]);
}

#[test]
fn an_empty_catalog_has_no_embedded_offers() {
    let folder = Folder::new(&[("a.yaml", &(workload("a") + "---\n" + &estate("catalog: []")))]);
    assert!(!folder.load(&["a.yaml"], None, "").unwrap().embedded_catalog);
    let folder = Folder::new(&[("a.yaml", &(workload("a") + "---\n" + &estate("catalog: [embedded]")))]);
    assert!(folder.load(&["a.yaml"], None, "").unwrap().embedded_catalog);
}

#[test]
fn the_digest_knows_contents_and_order_but_no_paths() {
    let one = Folder::new(&[("a.yaml", &workload("a")), ("b.yaml", &workload("b"))]);
    let two = Folder::new(&[("x/1.yaml", &workload("a")), ("x/2.yaml", &workload("b"))]);
    let digest = |folder: &Folder, files: &[&str]| folder.load(files, None, "").unwrap().digest;
    let first = digest(&one, &["a.yaml", "b.yaml"]);
    assert_eq!(first, digest(&two, &["x"]));
    assert_eq!(first.len(), 64);
    assert_ne!(first, digest(&one, &["b.yaml", "a.yaml"]));
    assert_ne!(first, digest(&one, &["a.yaml"]));
    // It is part of every plan, so it must not change from one version to the next.
    assert_eq!(digest(&one, &["a.yaml"]), "7e57b62f55027020ccfd17ab2039eedd56e688edd5453c67f0be13de1ec34c4d");
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = Folder::new(&[
        ("a.yaml", &workload("a")),
        ("two.yaml", &(estate("") + "---\n" + &estate(""))),
        ("bad.yaml", &workload("a").replace("cpu: 1", "cpu: x, memry: 1")),
        ("empty/notes.txt", ""),
        (
            "named.yaml",
            &estate("catalog: [none.csv, bad.csv, sub], carbonIntensity: [{zone: x, series: bad.csv}]"),
        ),
        (
            "bad.csv",
            "cloud,region,instanceType,capacity,hourly,accelerators\na,b,c,spot,1,\na,b,c,spot,-1,\na,b,d,spott,1,\na,b,e,spot,1,0.5\n",
        ),
        ("sub/x", ""),
        ("twice.yaml", &estate("catalog: [twice.csv]")),
        (
            "twice.csv",
            "cloud,region,instanceType,capacity,hourly,accelerators\na,b,c,spot,1,\na,b,c,spot,2,\na,b,d,spot,2,0.5\n",
        ),
        ("catalog.yaml", &estate("catalog: [offers.json]")),
        (
            "offers.json",
            r#"{"apiVersion": "plimsoll.dev/v1alpha1", "kind": "Catalog", "spec": {"offers": [{"region": "", "capacity": "spot", "hourly": 1}]}}"#,
        ),
    ]);
    for (name, files, estate) in [
        ("missing", &["none.yaml", "empty", "-", "-"][..], None),
        ("two-estates", &["a.yaml", "two.yaml"], None),
        ("estate-twice", &["two.yaml"], Some("named.yaml")),
        ("no-estate", &["a.yaml"], Some("a.yaml")),
        ("no-workload", &["named.yaml"], None),
        ("fields", &["bad.yaml"], None),
        ("named", &["a.yaml"], Some("named.yaml")),
        ("catalog", &["a.yaml"], Some("catalog.yaml")),
        ("catalog-twice", &["a.yaml"], Some("twice.yaml")),
    ] {
        insta::assert_snapshot!(name, folder.load(files, estate, "").unwrap_err());
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(100))]

    /// Whatever documents say, they are taken or refused with a place; catalogue and series files that
    /// they name do not exist.
    #[test]
    fn made_up_documents_are_taken_or_refused(
        workloads in proptest::collection::vec(plimsoll_model::testing::workload(0.5), 0..4),
        estate in plimsoll_model::testing::estate(0.3),
    ) {
        let mut texts = vec![plimsoll_model::yaml::to_string(&estate).unwrap()];
        texts.extend(workloads.iter().map(|w| plimsoll_model::yaml::to_string(w).unwrap()));
        let args = LoadArgs { files: vec![PathBuf::from("-")], ..LoadArgs::default() };
        if let Err(error) = inputs(&args, &mut texts.join("---\n").as_bytes()) {
            for problem in error.problems() {
                proptest::prop_assert!(problem.span.is_some() || workloads.is_empty(), "{problem}");
            }
        }
    }
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{resources: {requests: {cpu: 1}}}]}\n";

#[test]
fn of_several_manifests_the_broken_one_is_named_and_passed_over_only_if_asked() {
    let broken = "apiVersion: v1\nkind: Pod\nmetadata: {name: q}\n  spec: [}\n";
    let wrong = "apiVersion: v1\nkind: Pod\nmetadata: {name: r}\nspec: {containers: [{resources: {requests: {cpu: x}}}]}\n";
    let text = format!("{broken}---\n{POD}---\n{wrong}");
    let folder = Folder::new(&[("a.yaml", &text)]);
    insta::assert_snapshot!("broken", folder.load(&["a.yaml"], None, "").unwrap_err());
    let tolerate = || LoadArgs { tolerate: true, ..LoadArgs::default() };
    let inputs = folder.load_as(&["a.yaml"], None, "", &tolerate()).unwrap();
    assert_eq!(names(&inputs), ["p"]);
    let notes: Vec<String> = inputs
        .assumptions
        .iter()
        .filter(|note| note.what.starts_with("passed over"))
        .map(|note| format!("{}: {}", note.what.rsplit('/').next().unwrap(), note.value))
        .collect();
    insta::assert_snapshot!("tolerated", notes.join("\n"));
    // Without its estate a plan would be another one than was asked for.
    let estate = "apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {name: e}\nspec: {horizn: 1h}\n";
    let error = folder.load_as(&["a.yaml", "-"], None, estate, &tolerate()).unwrap_err();
    assert!(error.contains("unknown field `horizn`") && !error.contains("a.yaml"), "{error}");
}

#[test]
fn nothing_of_a_secret_is_shown() {
    let folder = Folder::new(&[]);
    for text in [
        "kind: Secret\napiVersion: v1\nmetadata: {name: s}\ndata:\n  key: !!int hunter2\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  key: hunter2: hunter2\n",
        "apiVersion: v1\r\nkind: \"Secret\"\r\nstringData:\r\n  key: [hunter2\r\n",
        "{\"kind\": \"Secret\", \"apiVersion\": \"v1\", \"stringData\": {\"hunter2\": 1, \"hunter2\": 2}}",
        "kind: List\napiVersion: v1\nitems:\n- {kind: Secret, apiVersion: v1, data: {a: hunter2}}\n- {kind: Pod, metadata: {hunter2: !x 1}}\n",
        "apiVersion: v1\nkind: Secret\nstringData: {key: hunter2}\n",
    ] {
        let shown = folder.load(&["-"], None, &format!("{POD}---\n{text}")).unwrap_err();
        assert!(!shown.contains("hunter2"), "{shown}");
        let shown = folder.load(&["-"], None, text).unwrap_err();
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    // The other documents are shown.
    let error = folder.load(&["-"], None, "kind: Secret\napiVersion: v1\nmetadata: {name: s}\n---\n# Secret\nkind: Pod\napiVersion: v1\nmetadata: {name: {x: 1}}\n");
    assert!(error.unwrap_err().contains("{x: 1}"));
}

#[test]
fn a_chart_that_is_not_rendered_is_told_from_a_broken_file() {
    let folder = Folder::new(&[(
        "deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ include \"x.fullname\" . }}\n  {{- with .Values.x }}\nspec: {}\n",
    )]);
    insta::assert_snapshot!("template", folder.load(&["deployment.yaml"], None, "").unwrap_err());
}

#[test]
fn folders_inside_of_folders_are_searched_if_asked() {
    let other = POD.replace("name: p", "name: q");
    let folder = Folder::new(&[
        ("d/z.yaml", POD),
        ("d/app/web/pod.yaml", &other),
        ("d/.git/hidden.yaml", "{"),
        ("e/only/pod.yaml", POD),
    ]);
    let recursive = || LoadArgs { recursive: true, ..LoadArgs::default() };
    assert_eq!(names(&folder.load(&["d"], None, "").unwrap()), ["p"]);
    assert_eq!(names(&folder.load_as(&["d"], None, "", &recursive()).unwrap()), ["q", "p"]);
    assert!(folder.load(&["e"], None, "").unwrap_err().contains("--recursive"));
    assert_eq!(names(&folder.load_as(&["e"], None, "", &recursive()).unwrap()), ["p"]);
}

#[test]
fn manifests_that_run_nothing_are_not_silently_nothing() {
    let folder =
        Folder::new(&[("a.yaml", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent}\n")]);
    insta::assert_snapshot!("nothing", folder.load(&["a.yaml"], None, "").unwrap_err());
}

#[cfg(unix)]
#[test]
fn unreadable_files_are_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new(&[("a.yaml", "")]);
    fs::set_permissions(folder.path("a.yaml"), fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser reads everything.
    if fs::read(folder.path("a.yaml")).is_err() {
        let error = folder.load(&["a.yaml"], None, "").unwrap_err();
        assert_eq!(error, "error: cannot read the file: this user may not read it\n --> a.yaml");
    }
}

#[test]
fn what_is_passed_over_is_said_beside_what_is_wrong() {
    let widget = "apiVersion: foo.example/v1\nkind: Widget\nmetadata: {name: w}\n";
    let broken = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{resources: {requests: {cpu: much}}}]}\n";
    let unknown = format!("{}---\n{widget}", workload("a").replace("cpu: 1", "cpu: -1"));
    for text in [format!("{widget}---\n{broken}"), unknown] {
        let folder = Folder::new(&[("m.yaml", &text)]);
        let error = folder.load(&["m.yaml"], None, "").unwrap_err();
        assert!(error.contains("cpu") && error.contains("note: passed over: Widget w: "), "{error}");
    }
}
