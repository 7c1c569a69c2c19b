//! `plimsoll offers`: filters, order, ages, names.

use crate::run::run;

#[test]
fn an_estates_offers() {
    insta::assert_snapshot!(run("offers -e small/a-estate.yaml").all());
}

#[test]
fn filters_and_order() {
    insta::assert_snapshot!(
        run("offers -a h100 --region EU --capacity spot --sort price --limit 4 -q").all()
    );
    assert_eq!(
        run("offers -a H100-80GB --limit 3 -q").out,
        run("offers -a nvidia-h100-80gb --limit 3 -q").out
    );
    let all = |args: &str, needle: &str| {
        let run = run(args);
        let rows = run.out.lines().skip(1).take_while(|line| !line.is_empty()).collect::<Vec<_>>();
        assert!(!rows.is_empty() && rows.iter().all(|row| row.contains(needle)), "{args}: {rows:#?}");
    };
    all("offers --cloud gcp --kind tpu --limit 50", "tpu-");
    all("offers --region aws/eu-west-1 --kind fpga", "aws/eu-west-1/f1");
    all("offers --instance-type p4d.24xlarge", "8 × A100 ");
    all("offers --kind cpu --region DE --limit 20 --sort name", "/");
    all("offers --sort date --limit 5", "2026-08-19");
}

#[test]
fn offers_as_json_are_offers_of_the_contract() {
    let json = run("offers -e small/a-estate.yaml -o json -a L4");
    insta::assert_snapshot!(json.out);
    let yaml = run("offers -e small/a-estate.yaml -o yaml -a L4");
    let catalog = format!(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Catalog\nspec:\n  offers:\n{}",
        indented(&yaml.out)
    );
    let read = plimsoll_model::read::catalog("offers.yaml", catalog.as_bytes());
    let from_json: Vec<plimsoll_model::OfferSpec> = serde_json::from_str(&json.out).expect("offers");
    match read {
        Ok(read) => assert_eq!(read.value, from_json),
        Err(problems) => panic!("{}", problems[0]),
    }
}

fn indented(text: &str) -> String {
    text.lines().flat_map(|line| ["    ", line, "\n"]).collect()
}

#[test]
fn old_price_lists_are_warned_about_on_standard_error() {
    let fresh = run("offers -e small/a-estate.yaml --now 2025-11-02T00:00:00Z -a L4");
    let old = run("offers -e small/a-estate.yaml --now 2026-03-01T00:00:00Z -a L4");
    assert!(!fresh.err.contains("west") && fresh.err.contains("contract"), "{}", fresh.err);
    assert!(old.err.contains("120 days") && old.err.contains("price list of west"), "{}", old.err);
    assert_eq!(run("offers -e small/a-estate.yaml -q").err, "");
}

#[test]
fn names_of_accelerators() {
    insta::assert_snapshot!(run("offers --aliases --kind fpga").all());
    insta::assert_snapshot!(run("offers --aliases -a 4090 -o json").all());
}

#[test]
fn unknown_names_are_bad_usage_with_the_nearest_known() {
    for (args, nearest) in [
        ("offers -a H1000", "`H100`"),
        ("offers --cloud awss", "`aws`"),
        ("offers --region eu-cental-1", "`eu-central-1`"),
        ("offers --instance-type p4d.24xlarg", "`p4d.24xlarge`"),
        ("offers --aliases -a H1000", "`H100`"),
    ] {
        let run = run(args);
        assert_eq!((run.code, &*run.out), (2, ""), "{args}");
        assert!(run.err.contains(nearest), "{args}: {}", run.err);
    }
    insta::assert_snapshot!(run("offers -a quantum").all());
}

#[test]
fn an_accelerator_that_nobody_offers_gives_an_empty_list() {
    assert_eq!(
        run("offers -e small/a-estate.yaml -a H100").all(),
        "exit 0\n--- standard output\nno offer matches\n"
    );
    assert_eq!(run("offers -e small/a-estate.yaml -a H100 -o json").out, "[]\n");
}
