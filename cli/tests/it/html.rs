//! `plimsoll plan -o html`: what is in the page, whatever a browser makes of it (`tests/browser` has one).

use crate::run::{run, run_with_input};

fn page(args: &str) -> String {
    let run = run(&format!("{args} -o html"));
    assert!(run.err.is_empty(), "{}", run.err);
    run.out
}

/// The page without its style, script and land: what a snapshot is read for.
fn content(page: &str) -> String {
    let mut text = page.to_owned();
    for (from, to) in
        [("<style>", "</style>"), ("<script>", "</script>"), ("<path class=\"land\"", "</path>")]
    {
        if let (Some(start), Some(end)) = (text.find(from), text.find(to)) {
            text.replace_range(start..end + to.len(), "");
        }
    }
    let blocks = [
        "<section", "<header", "<footer", "<nav", "<tr", "<li", "<p", "<details", "<div", "<svg", "<figure",
        "<h2", "<h3", "<table",
    ];
    for block in blocks {
        text = text.replace(block, &format!("\n{block}"));
    }
    text
}

#[test]
fn a_page_has_every_section() {
    let page = page("plan small");
    for id in ["cost", "where", "when", "workloads", "assumed", "sources", "words"] {
        assert!(
            page.contains(&format!("<section id=\"{id}\"")) && page.contains(&format!("href=\"#{id}\"")),
            "{id}"
        );
    }
    insta::assert_snapshot!(content(&page));
}

#[test]
fn a_page_of_a_front_has_its_points_and_shows_the_knee() {
    let page = page("plan front.yaml --pareto cost,carbon");
    let front = &page[page.find("<section id=\"front\"").expect("a front")
        ..page.find("<section id=\"cost\"").expect("costs")];
    insta::assert_snapshot!(content(front));
    assert!(page.contains("This page shows plan 5 of a front of 7"), "{}", &page[..4000]);
}

#[test]
fn the_same_plan_is_the_same_page_and_knows_nothing_of_the_machine() {
    let first = page("plan small");
    assert_eq!(page("plan small"), first);
    for outside in [env!("CARGO_MANIFEST_DIR"), "http://", "https://", "url(h", "@import", "src="] {
        assert!(!first.contains(outside), "{outside}");
    }
}

/// With a plan in force the page says what changes.
#[test]
fn a_page_says_what_changes() {
    let before = run("plan small -o json").out;
    let page = run_with_input("plan small --previous - --carbon-price 2000 -o html", &before);
    let start = page.out.find("<section id=\"changes\"").expect("a section");
    let section = &page.out[start..start + page.out[start..].find("</section>").expect("it ends")];
    insta::assert_snapshot!(content(section));
}

/// Names that would be markup, in each place where a document's text comes through.
#[test]
fn text_of_documents_is_escaped() {
    let evil = r#"<b onload="x">&"'</b>"#;
    let quoted = serde_json::to_string(evil).expect("text");
    let documents = format!(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {{name: e}}\nspec:\n  time: 2026-01-01T00:00:00Z\n  catalog: []\n  \
         offers:\n  - {{name: {quoted}, cloud: {quoted}, region: {quoted}, instanceType: {quoted}, cpu: 8, watts: 100, capacity: on-demand, hourly: 1, source: {quoted}}}\n  \
         carbonIntensity: [{{region: '*', gramsPerKwh: 7}}]\n  budgets: [{{team: {quoted}, usd: 3}}]\n---\n\
         apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {quoted}}}\nspec: {{team: {quoted}, request: {{cpu: 1}}, duration: 1h}}\n---\n\
         apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: two}}\nspec: {{team: {quoted}, request: {{cpu: 1}}, duration: 9h, value: 50}}\n"
    );
    let run = run_with_input("plan - -o html", &documents);
    assert_eq!(run.code, 0, "{}", run.all());
    assert!(!run.out.contains("<b onload") && !run.out.contains("onload=\""), "{}", run.out);
    assert!(run.out.matches("&lt;b onload=&quot;x&quot;&gt;&amp;&quot;'&lt;/b&gt;").count() > 8);
    assert_eq!(run.out.matches("<script").count(), 1);
}

#[test]
fn the_policy_has_the_hashes_of_the_style_and_the_script() {
    use base64::Engine as _;
    use sha2::Digest as _;

    let page = page("plan small");
    for tag in ["style", "script"] {
        let start = page.find(&format!("<{tag}>")).expect("it is there") + tag.len() + 2;
        let text = &page[start..page.find(&format!("</{tag}>")).expect("it ends")];
        let hash = sha2::Sha256::digest(text.as_bytes());
        let hash = base64::engine::general_purpose::STANDARD.encode(hash);
        assert!(
            page.contains(&format!("{tag}-src &#39;sha256-{hash}&#39;"))
                || page.contains(&format!("{tag}-src 'sha256-{hash}'")),
            "{tag}"
        );
    }
    assert!(!page.contains(" style=\""), "the policy forbids styles of elements");
}

/// What is chosen stands among its candidates, and the runner-up is the best other, with its difference.
#[test]
fn candidates_are_priced_as_the_runner_up_is() {
    let page = page("plan small");
    let plan = run("plan small -o json");
    let plan = plimsoll_model::read::plan("plan.json", plan.out.as_bytes()).expect("a plan");
    let mut seen = 0;
    for placement in &plan.placements {
        let fold =
            page.split("<details").find(|part| part.contains(&format!("<b>{}</b>", placement.workload)));
        let fold = fold.expect("each has a fold");
        assert!(
            fold.contains(&format!("{} <span class=\"tag\">chosen</span>", placement.offer.full_name())),
            "{fold}"
        );
        let Some(runner_up) = &placement.runner_up else { continue };
        let row = fold
            .split("<tr")
            .find(|row| row.contains(&format!("<th>{}</th>", runner_up.offer)))
            .expect("a row");
        let more = format!("<td>+${:.2}</td>", runner_up.extra_usd.to_f64());
        assert!(row.contains(&more), "{row} {more}");
        seen += 1;
    }
    assert!(seen > 2);
}

#[test]
fn a_thousand_workloads_are_two_megabytes_at_most() {
    let page = run_with_input("plan - -o html", &thousand()).out;
    assert!(page.len() <= 2_000_000 && page.matches("<details").count() == 1000, "{}", page.len());
}

/// Over the whole catalogue. What is assumed of all of them is a row, not a thousand.
#[test]
fn a_thousand_manifests_are_two_megabytes_at_most() {
    let manifest = |at: u32| {
        format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: multimodal-ai-trainer-{at:04}}}\nspec:\n  \
             selector: {{matchLabels: {{app: trainer}}}}\n  template:\n    metadata: {{labels: {{app: trainer}}}}\n    \
             spec:\n      nodeSelector: {{gpu-type: nvidia-a100}}\n      containers:\n      - name: trainer\n        \
             image: example/trainer\n        resources: {{limits: {{nvidia.com/gpu: 1, cpu: 8, memory: 32Gi}}}}\n      \
             volumes:\n      - {{name: in, persistentVolumeClaim: {{claimName: training-data}}}}\n      - {{name: \
             out, persistentVolumeClaim: {{claimName: model-output}}}}\n"
        )
    };
    let page = run_with_input("plan - -o html", &(0..1000).map(manifest).collect::<String>()).out;
    assert!(page.len() <= 2_000_000 && page.matches("<details").count() == 1000, "{}", page.len());
    let assumed = &page[page.find("<section id=\"assumed\"").expect("assumptions")..];
    let assumed = &assumed[..assumed.find("</section>").expect("its end")];
    assert!(assumed.len() < 10_000, "{}", assumed.len());
    for what in ["data (plimsoll.dev/inputs) of", "horizon of the services"] {
        let row = format!(
            "{what} multimodal-ai-trainer-0000, multimodal-ai-trainer-0001, multimodal-ai-trainer-0002"
        );
        assert!(assumed.contains(&format!("{row} and 997 more</th>")), "{assumed}");
    }
    assert!(assumed.contains("names all"), "{assumed}");
}

/// A thousand workloads of six teams, each with sixteen offers to choose from.
fn thousand() -> String {
    let header = |kind: &str| format!("apiVersion: plimsoll.dev/v1alpha1\nkind: {kind}\nmetadata: ");
    let offers = ["us-east-1", "eu-central-1", "ap-southeast-2", "sa-east-1"].iter().zip(4_u32..).flat_map(
        |(region, price)| {
            let kinds = [("c7i.24xlarge", "on-demand", 100), ("c7i.24xlarge", "spot", 40)];
            let larger = [("m7i.48xlarge", "on-demand", 210), ("m7i.48xlarge", "spot", 84)];
            kinds.into_iter().chain(larger).map(move |(kind, capacity, percent)| {
                format!(
                    "  - {{cloud: aws, region: {region}, instanceType: {kind}, cpu: 96, memory: 192Gi, \
                     capacity: {capacity}, hourly: {}, source: list, asOf: 2025-12-01}}\n",
                    f64::from(price * percent) / 100.0
                )
            })
        },
    );
    let workload = |at: u32| {
        format!(
            "---\n{}{{name: nightly-aggregation-{at:04}}}\nspec: {{team: team-{}, request: {{cpu: {}}}, duration: \
             {}m, interruptible: true, checkpoint: {{every: 10m}}}}\n",
            header("Workload"),
            at % 6,
            1 + at % 90,
            30 + at
        )
    };
    let estate = "{name: e}\nspec:\n  time: 2026-01-01T00:00:00Z\n  catalog: []\n  offers:\n";
    let estate = [header("Estate"), estate.to_owned()];
    estate.into_iter().chain(offers).chain((0..1000).map(workload)).collect()
}
