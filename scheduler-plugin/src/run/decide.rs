//! The loop that decides, in the replica that plans.

use std::{sync::Arc, time::Duration};

use plimsoll_planner::cluster::Rates;
use tokio::sync::{mpsc, oneshot, watch as signal};

use super::{PULSE, Shared, api::Hands, page::Page};
use crate::{
    clock,
    control::{Action, Controller, PackingPlanner, Plan, Question},
    trace::Asked,
};

/// A plan, or why there is none.
type Answer = Result<Plan, String>;

/// A plan that is being made.
struct Planning {
    answer: oneshot::Receiver<Answer>,
    /// What it is for, where traces tell.
    asked: Option<Asked>,
}

/// Decides, while this replica leads.
pub(super) async fn decisions(
    shared: Arc<Shared>,
    hands: Hands,
    mut woken: signal::Receiver<u64>,
    stopped: signal::Receiver<bool>,
) {
    let (failed, mut failures) = mpsc::unbounded_channel::<String>();
    let mut controller = Controller::default();
    let mut planning: Option<Planning> = None;
    let mut next = Duration::ZERO;
    loop {
        let mut answer = None;
        tokio::select! {
            () = tokio::time::sleep(next) => {}
            changed = woken.changed() => if changed.is_err() { return },
            uid = failures.recv() => uid.into_iter().for_each(|uid| controller.failed(&uid, clock::now())),
            plan = made(&mut planning) => answer = Some(plan),
        }
        while let Ok(uid) = failures.try_recv() {
            controller.failed(&uid, clock::now());
        }
        next = PULSE;
        if *stopped.borrow() {
            return;
        }
        if answer.is_some() {
            shared.life.planned();
        }
        if !shared.known.is_synced() || !shared.leading.leads() {
            controller = Controller::default();
            let now = clock::now();
            let waiting = shared
                .known
                .with(|cluster| Controller::waiting(cluster, now, shared.config.load().bounds.plan));
            shared.metrics.waiting(waiting);
            shared.life.looked();
            continue;
        }
        let (at, mind, is_free) = (Arc::clone(&shared), controller, planning.is_none());
        let look = tokio::task::spawn_blocking(move || decided(&at, mind, answer, is_free));
        let actions = if let Ok(decided) = look.await {
            controller = decided.controller;
            next = decided.next;
            planning = decided.question.map(|question| plan(&shared, question)).or(planning);
            shared.life.looked();
            decided.actions
        } else {
            // A bug in deciding must not hold pods. It is no look either: another replica may do better.
            shared.metrics.failed("decision");
            controller = Controller::default();
            let at = Arc::clone(&shared);
            tokio::task::spawn_blocking(move || overdue(&at)).await.unwrap_or_default()
        };
        for action in actions {
            hands.carry_out(action, &failed);
        }
    }
}

/// The plan that is being made, once it is; never, where none is.
async fn made(planning: &mut Option<Planning>) -> (Answer, Option<Asked>) {
    let Some(plan) = planning else { return std::future::pending().await };
    let answer = (&mut plan.answer).await.unwrap_or_else(|_| Err("the planner's thread ended".to_owned()));
    let asked = plan.asked.take();
    *planning = None;
    (answer, asked)
}

/// Has a plan made, on a thread of its own: one that never ends holds up nothing but itself, not even the end of the
/// process.
fn plan(shared: &Shared, question: Question) -> Planning {
    let (done, answer) = oneshot::channel();
    let asked = shared.spans.is_some().then(|| Asked::of(&question));
    let config = shared.config.load();
    let mut planner = PackingPlanner { gap: config.gap, within: config.settings.search() };
    shared.life.asked();
    std::thread::spawn(move || {
        // Nobody waits for it any more at a shutdown.
        _ = done.send(question.answer(&mut planner));
    });
    Planning { answer, asked }
}

/// What a look came to.
struct Decided {
    controller: Controller,
    actions: Vec<Action>,
    next: Duration,
    question: Option<Question>,
}

fn decided(
    shared: &Shared,
    mut controller: Controller,
    answer: Option<(Answer, Option<Asked>)>,
    is_free: bool,
) -> Decided {
    let now = clock::now();
    let mut cluster = shared.known.copy();
    let config = shared.config.load();
    let mut actions = Vec::new();
    let is_new = answer.is_some();
    if let Some((answer, asked)) = answer {
        let traced = shared.spans.as_ref().zip(asked).map(|(spans, asked)| (spans, asked, answer.clone()));
        actions = controller.answered(&mut cluster, &config.settings, now, answer);
        said(shared, &controller, now);
        if let Some((spans, asked, answer)) = traced {
            let is_used = controller.last().is_some_and(|(_, at)| at == now);
            spans.planned(&asked, &answer, is_used, &cluster);
        }
    }
    let decision = controller.decide(&mut cluster, &config.settings, now, is_free);
    actions.extend(decision.actions);
    let waiting = Controller::waiting(&cluster, now, config.bounds.plan);
    shared.metrics.waiting(waiting);
    let none = Plan::default();
    let plan = controller.last().map_or(&none, |(plan, _)| plan);
    let reckon = |rates: &Rates| plan.bill(&cluster, rates, now, config.bounds.plan);
    let bill = shared.money.bill(now, is_new, reckon);
    if let Some(bill) = bill {
        shared.metrics.billed(bill.usd.to_f64(), bill.grams.to_f64(), bill.unpriced);
    }
    let page = Page::of(&cluster, controller.last(), bill, waiting, now, config.bounds.plan);
    shared.page.store(Arc::new(page));
    let wait = u64::try_from(decision.next - clock::now()).unwrap_or(0).max(1);
    let next = Duration::from_millis(wait).min(PULSE);
    Decided { controller, actions, next, question: decision.question }
}

/// Tells of a plan that has just come.
fn said(shared: &Shared, controller: &Controller, now: i64) {
    let Some((plan, _)) = controller.last().filter(|(_, at)| *at == now) else { return };
    let took = shared.life.took();
    shared.metrics.planned(plan.gap, took);
    tracing::info!(
        placed = plan.assignments.len(),
        waiting = plan.waiting.len(),
        gap = plan.gap,
        milliseconds = took.as_millis() as u64,
        "planned"
    );
}

fn overdue(shared: &Shared) -> Vec<Action> {
    let cluster = shared.known.with(|cluster| cluster.clone());
    Controller::overdue(&cluster, &shared.config.load().settings, clock::now())
}
