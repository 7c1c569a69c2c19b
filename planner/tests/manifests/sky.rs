//! Services of SkyPilot whose replicas are partly never on spot: both places as alternatives, where SkyPilot chooses between
//! them as the plan does.

use super::{estate, placed};

const SERVICE: &str = "\
name: chat
service:
  readiness_probe: /health
  replica_policy:
    min_replicas: 3
    base_ondemand_fallback_replicas: 1 # always there
resources:
  # Either will do.
  any_of:
  - {accelerators: L4:1}
  - {accelerators: A10G:1}
  use_spot: true
  ports: 8080
run: serve
";

/// Offers of an L4 and an A10G: prices on spot and on demand.
fn offers(l4: [&str; 2], a10g: [&str; 2]) -> String {
    let offer = |place: &str, card: &str, capacity: &str, hourly: &str| {
        format!(
            "  - {{{place}, accelerator: {card}, accelerators: 1, cpu: 8, memory: 32Gi, capacity: {capacity}, hourly: {hourly}}}\n"
        )
    };
    let (one, other) = (
        "cloud: gcp, region: us-central1, instanceType: g2-standard-8",
        "cloud: aws, region: us-east-1, instanceType: g5.2xlarge",
    );
    let all = [
        offer(one, "L4", "spot", l4[0]),
        offer(one, "L4", "on-demand", l4[1]),
        offer(other, "A10G", "spot", a10g[0]),
        offer(other, "A10G", "on-demand", a10g[1]),
    ];
    estate(&format!("  offers:\n{}", all.concat()))
}

#[test]
fn both_places_are_alternatives_where_skypilot_chooses_so() {
    let apart = offers(["0.2", "1.5"], ["0.4", "1"]);
    let (text, remarks) = placed(&format!("{SERVICE}{apart}"));
    assert_eq!(remarks, [""; 0]);
    insta::assert_snapshot!("two-places", text.strip_suffix(&apart).unwrap());
    assert_eq!(placed(&text), (text.clone(), Vec::new()), "the second time nothing changes");
    // One place for both needs no alternatives.
    let together = offers(["0.2", "1"], ["0.4", "1.5"]);
    let (text, remarks) = placed(&format!("{SERVICE}{together}"));
    assert_eq!(remarks, [""; 0]);
    insta::assert_snapshot!("one-place", text.strip_suffix(&together).unwrap());
    assert_eq!(placed(&text), (text.clone(), Vec::new()), "the second time nothing changes");
}

/// The estate's price rules are not SkyPilot's.
#[test]
fn where_skypilot_would_choose_otherwise_the_task_stays() {
    let estate = offers(["0.4", "1.5"], ["0.2", "1"])
        + "  prices: [{match: {cloud: gcp, capacity: spot}, multiply: 0.1}]\n";
    let (text, remarks) = placed(&format!("{SERVICE}{estate}"));
    assert_eq!(text, format!("{SERVICE}{estate}"));
    assert_eq!(
        remarks,
        [
            "chat: it is left as it is: of the places of its two kinds of replicas SkyPilot gives those on spot the cheaper one, which is not the plan's: aws/us-east-1/g5.2xlarge rather than gcp/us-central1/g2-standard-8; two services would say it"
        ]
    );
    let spreads = SERVICE.replace("    min_replicas", "    spot_placer: dynamic_fallback\n    min_replicas");
    let apart = offers(["0.2", "1.5"], ["0.4", "1"]);
    let (text, remarks) = placed(&format!("{spreads}{apart}"));
    assert_eq!(text, format!("{spreads}{apart}"));
    assert_eq!(
        remarks,
        [
            "chat: it is left as it is: its `spot_placer` spreads replicas on spot over all places that `resources` allow, and those that are never on spot have another place"
        ]
    );
}
