//! `/debug/plan`: what the plan is, for people.

use std::fmt::Write as _;

use maud::{DOCTYPE, html};

use crate::{
    clock,
    cluster::{Cluster, Millis},
    control::{Bill, Plan},
    metrics::Waiting,
    snapshot::Snapshot,
};

/// Rows of a table at most.
const ROWS: usize = 200;

/// What the page shows.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) planned_at: Option<Millis>,
    gap: f64,
    worth: f64,
    bound: f64,
    bill: Option<Bill>,
    waiting: Waiting,
    /// Pods on their way, and the nodes.
    coming: Vec<(String, String)>,
    /// Pods without a place, and why.
    refused: Vec<(String, String)>,
    more: usize,
}

impl Page {
    pub(super) fn of(
        cluster: &Cluster,
        plan: Option<(&Plan, Millis)>,
        bill: Option<Bill>,
        waiting: Waiting,
        now: Millis,
        bound: Millis,
    ) -> Self {
        let planned = cluster.pods().values().filter(|pod| pod.facts.is_waiting());
        let planned =
            planned.filter_map(|pod| Some((pod.facts.key(), cluster.kept_plan(pod, now, bound)?.to_owned())));
        let mut coming: Vec<(String, String)> = planned.collect();
        let refused = plan.iter().flat_map(|(plan, _)| &plan.waiting);
        let refused =
            refused.filter_map(|(uid, why)| Some((cluster.pods().get(uid)?.facts.key(), why.clone())));
        let mut refused: Vec<(String, String)> = refused.collect();
        let more = coming.len().saturating_sub(ROWS) + refused.len().saturating_sub(ROWS);
        coming.truncate(ROWS);
        refused.truncate(ROWS);
        let of = |value: fn(&Plan) -> f64| plan.map_or(0.0, |(plan, _)| value(plan));
        Self {
            planned_at: plan.map(|(_, at)| at),
            gap: of(|plan| plan.gap),
            worth: of(|plan| plan.worth),
            bound: of(|plan| plan.bound),
            bill,
            waiting,
            coming,
            refused,
            more,
        }
    }

    pub(super) fn html(&self, snapshot: &Snapshot, leads: bool, now: Millis) -> String {
        let ago = |at: Millis| format!("{:.1} s ago", (now - at).max(0) as f64 / 1e3);
        let Waiting { gated, planned, unplanned } = self.waiting;
        let table = |title: &str, heads: [&str; 2], rows: &[(String, String)]| {
            html! {
                h2 { (title) }
                @if rows.is_empty() { p { "none" } } @else {
                    table {
                        tr { @for head in heads { th { (head) } } }
                        @for (pod, what) in rows { tr { td { (pod) } td { (what) } } }
                    }
                }
            }
        };
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    title { "Plimsoll: the plan" }
                    style { "body{font:14px system-ui;margin:2em;max-width:70em}table{border-collapse:collapse}"
                            "td,th{padding:.2em 1em .2em 0;text-align:left;vertical-align:top}" }
                }
                body {
                    h1 { "The plan" }
                    p {
                        @match self.planned_at {
                            Some(at) => {
                                "Made " (clock::text(at)) ", " (ago(at)) ": worth " (format!("{:.3}", self.worth))
                                " accelerators of at most " (format!("{:.3}", self.bound)) " (gap "
                                (format!("{:.2}", self.gap * 100.0)) " %)."
                            }
                            None => { "No plan has been made here." }
                        }
                    }
                    @if let Some(bill) = &self.bill { p { (cost(bill)) } }
                    p {
                        "View " (snapshot.number) " of " (snapshot.nodes()) " nodes, "
                        @if snapshot.is_synced { "true " (ago(snapshot.at)) } @else { "not complete yet" }
                        ". This replica " @if leads { "plans" } @else { "does not plan" } "."
                    }
                    p { (gated) " pods behind the gate, " (planned) " on their way, " (unplanned) " without a place." }
                    (table("On their way", ["Pod", "Node"], &self.coming))
                    (table("Without a place", ["Pod", "Why"], &self.refused))
                    @if self.more > 0 { p { "and " (self.more) " more" } }
                }
            }
        }
        .into_string()
    }
}

/// What the nodes come to that the plan uses.
fn cost(bill: &Bill) -> String {
    let Bill { usd, grams, unpriced, unmeasured } = bill;
    let mut text = format!(
        "The nodes that pods with accelerators run on or are planned on cost ${:.2} an hour, and emit {:.3} kg CO2e an hour under load.",
        usd.to_f64(),
        grams.to_f64() / 1e3
    );
    for (nodes, what) in [(unpriced, "price"), (unmeasured, "emissions")] {
        if *nodes > 0 {
            let have = if *nodes == 1 { "1 of them has".to_owned() } else { format!("{nodes} of them have") };
            _ = write!(text, " {have} no known {what}.");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use plimsoll_model::{Grams, Usd};

    use super::*;

    #[test]
    fn the_page_says_what_the_plan_costs_and_of_how_many_nodes_nobody_knows() {
        let bill = Bill {
            usd: Usd::from_pico(30_120_000_000_000),
            grams: Grams::from_pico(6_120 * 1_000_000_000_000),
            unpriced: 2,
            unmeasured: 1,
        };
        let page = Page { bill: Some(bill), ..Page::default() }.html(&Snapshot::default(), true, 0);
        let expected = "cost $30.12 an hour, and emit 6.120 kg CO2e an hour under load. 2 of them have no known price. \
                        1 of them has no known emissions.";
        assert!(page.contains(expected), "{page}");
        assert!(!Page::default().html(&Snapshot::default(), true, 0).contains("CO2e"));
    }
}
