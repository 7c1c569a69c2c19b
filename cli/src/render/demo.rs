//! What became of the demo's pods.

use std::fmt::Write as _;

use plimsoll_control_plane::{
    demo::{Happening, PodStory},
    nodes::Profile,
};

use super::style::{bold, dim};
use super::table::{Align, Table};

/// The fleet, where each pod went, and each pod's events.
pub(crate) fn demo(fleet: &[Profile], stories: &[PodStory]) -> String {
    let mut out = String::new();
    section(&mut out, "Nodes", &nodes(fleet));
    section(&mut out, "Pods", &pods(stories));
    for story in stories {
        let mut lines = Vec::new();
        for (key, value) in &story.notes {
            lines.push(dim(format!("{key}: {value}")));
        }
        lines.extend(events(&story.events));
        section(&mut out, &format!("Events of {}", story.name), &lines);
    }
    out
}

fn section(out: &mut String, title: &str, lines: &[String]) {
    // Writing to a string does not fail.
    _ = writeln!(out, "{}{}", if out.is_empty() { "" } else { "\n" }, bold(title));
    for line in lines {
        _ = writeln!(out, "  {line}");
    }
}

fn nodes(fleet: &[Profile]) -> Vec<String> {
    let columns = [
        ("NAME", Align::Left),
        ("NODES", Align::Right),
        ("TYPE", Align::Left),
        ("REGION", Align::Left),
        ("ACCELERATORS", Align::Left),
    ];
    let mut table = Table::new(&columns);
    for profile in fleet {
        let accelerators = profile.accelerators.as_ref().map(|a| {
            let model = if a.product.is_empty() { a.gke } else { a.product };
            format!("{} × {model}", a.count)
        });
        table.row([
            profile.name.clone(),
            profile.count.to_string(),
            profile.instance_type.clone(),
            profile.region.clone(),
            accelerators.unwrap_or_default(),
        ]);
    }
    table.lines()
}

fn pods(stories: &[PodStory]) -> Vec<String> {
    let columns = [
        ("POD", Align::Left),
        ("ASKS FOR", Align::Left),
        ("STATE", Align::Left),
        ("NODE", Align::Left),
        ("WHICH IS", Align::Left),
    ];
    let mut table = Table::new(&columns);
    for story in stories {
        table.row([
            story.name.clone(),
            story.asks.clone(),
            story.phase.clone(),
            story.node.clone().unwrap_or_else(|| "none".into()),
            story.place.clone().unwrap_or_default(),
        ]);
    }
    table.lines()
}

/// As `kubectl describe pod` has them.
fn events(events: &[Happening]) -> Vec<String> {
    let columns = [
        ("Type", Align::Left),
        ("Reason", Align::Left),
        ("Age", Align::Left),
        ("From", Align::Left),
        ("Message", Align::Left),
    ];
    let mut table = Table::new(&columns);
    for event in events {
        table.row([
            event.kind.clone(),
            event.reason.clone(),
            age(event.age.as_secs()),
            event.from.clone(),
            event.message.trim().to_owned(),
        ]);
    }
    if events.is_empty() { vec!["<none>".into()] } else { table.lines() }
}

fn age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds => format!("{}m", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use plimsoll_control_plane::nodes;

    use super::*;

    #[test]
    fn every_pod_has_a_line_and_its_events() {
        let event = |kind: &str, reason: &str, seconds, message: &str| Happening {
            kind: kind.into(),
            reason: reason.into(),
            age: jiff::SignedDuration::from_secs(seconds),
            from: "default-scheduler".into(),
            message: message.into(),
        };
        let story = |name: &str, node: Option<&str>, events| PodStory {
            name: name.into(),
            asks: "8 x nvidia.com/gpu".into(),
            node: node.map(Into::into),
            place: node.map(|_| "p5.48xlarge in us-east-1, reserved".into()),
            phase: if node.is_some() { "Running" } else { "Pending" }.into(),
            notes: BTreeMap::new(),
            events,
        };
        let stories = [
            story(
                "pretrain-0",
                Some("p5-0"),
                vec![event("Normal", "Scheduled", 3, "Successfully assigned demo/pretrain-0 to p5-0")],
            ),
            story(
                "too-large",
                None,
                vec![event(
                    "Warning",
                    "FailedScheduling",
                    180,
                    "0/9 nodes are available: 9 Insufficient nvidia.com/gpu. ",
                )],
            ),
            story("unseen", None, Vec::new()),
        ];
        let text = anstream::adapter::strip_str(&demo(&nodes::mixed(20), &stories)).to_string();
        for line in [
            "  p5            2  p5.48xlarge                 us-east-1     8 × NVIDIA-H100-80GB-HBM3",
            "  pretrain-0  8 x nvidia.com/gpu  Running  p5-0  p5.48xlarge in us-east-1, reserved",
            "  too-large   8 x nvidia.com/gpu  Pending  none",
            "Events of pretrain-0",
            "  Normal  Scheduled  3s   default-scheduler  Successfully assigned demo/pretrain-0 to p5-0",
            "  Warning  FailedScheduling  3m   default-scheduler  0/9 nodes are available: 9 Insufficient nvidia.com/gpu.",
            "Events of unseen",
            "  <none>",
        ] {
            assert!(text.lines().any(|there| there == line), "no line {line:?} in\n{text}");
        }
    }
}
