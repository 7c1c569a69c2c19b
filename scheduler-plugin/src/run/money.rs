//! What nodes cost and emit: by the catalogue, and by the user's Estate where the configuration names one.
//!
//! The Estate is read again when it changes, and every minute for what it names (catalogue files, series of carbon
//! intensity). One that cannot be read changes nothing: that is said, and said again, and the last good one counts.

use std::{
    fs,
    io::empty,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use plimsoll_model::{Diagnostic, Inputs, Time};
use plimsoll_planner::{
    PlanError,
    cluster::Rates,
    load::{self, LoadArgs},
};

use super::Shared;
use crate::{clock, cluster::Millis, control::Bill};

/// The Estate's file is looked at so often.
const LOOK: Duration = Duration::from_secs(5);
/// What it names is read again so often, and what the plan comes to is reckoned again.
const ANEW: Millis = 60_000;
/// Carbon intensities change by the hour: rates hold so long.
const HOLDS: Millis = 300_000;
/// That the Estate cannot be read is said again so often.
const SAY_AGAIN: Millis = 600_000;

/// What nodes cost, and what the plan comes to by that.
#[derive(Debug, Default)]
pub(super) struct Money(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What the Estate in use says.
    stated: Option<Arc<Inputs>>,
    /// The rates of a moment.
    rates: Option<(Arc<Rates>, Millis)>,
    /// What the plan came to by them.
    billed: Option<(Bill, Millis)>,
}

impl Money {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the plan comes to, once there are rates. `is_new`: it is another than before.
    pub(super) fn bill(
        &self,
        now: Millis,
        is_new: bool,
        reckon: impl FnOnce(&Rates) -> Bill,
    ) -> Option<Bill> {
        let mut state = self.state();
        let known = state.billed.filter(|(_, at)| !is_new && is_within(*at, now, ANEW));
        if known.is_none() {
            let (rates, _) = state.rates.as_ref()?;
            state.billed = Some((reckon(rates), now));
        }
        state.billed.map(|(bill, _)| bill)
    }

    /// Goes by an Estate from now on, or by the catalogue alone.
    fn go_by(&self, stated: Option<Inputs>, rates: Option<Rates>, now: Millis) {
        let rates = rates.map(|rates| (Arc::new(rates), now));
        *self.state() = State { stated: stated.map(Arc::new), rates, billed: None };
    }

    /// Makes the rates of now, where those at hand are of long ago. That takes a while, and nobody waits for it.
    fn refresh(&self, now: Millis) {
        let stated = {
            let state = self.state();
            if state.rates.as_ref().is_some_and(|(_, at)| is_within(*at, now, HOLDS)) {
                return;
            }
            state.stated.clone()
        };
        let made = match &stated {
            Some(inputs) => Rates::of(inputs, time(now)),
            None => Rates::embedded(time(now)),
        };
        // That its offers do not contradict each other was seen when it was read.
        let rates = Some((Arc::new(made.unwrap_or_default()), now));
        *self.state() = State { stated, rates, billed: None };
    }
}

fn is_within(at: Millis, now: Millis, long: Millis) -> bool {
    (0..long).contains(&(now - at))
}

fn time(now: Millis) -> Time {
    Time::from_nanos(now.saturating_mul(1_000_000))
}

/// The Estate as it was read last, be it good or not.
#[derive(Debug, Default)]
pub(super) struct Estate {
    path: Option<PathBuf>,
    bytes: Vec<u8>,
    at: Millis,
    /// Of the one in use.
    digest: Option<String>,
    /// What was said of one that is not good, and when.
    said: Option<(String, Millis)>,
}

impl Estate {
    /// Reads it where it may have changed; whether other prices are in use now.
    ///
    /// # Errors
    /// All that is wrong with it; the last good one stays in use.
    pub(super) fn look(
        &mut self,
        money: &Money,
        path: Option<&Path>,
        now: Millis,
    ) -> Result<bool, Vec<Diagnostic>> {
        let Some(path) = path else {
            let was_there = self.digest.is_some();
            if was_there {
                money.go_by(None, None, now);
            }
            *self = Self::default();
            return Ok(was_there);
        };
        // What cannot be read at all is the loader's to say.
        let bytes = fs::read(path).unwrap_or_default();
        if self.path.as_deref() == Some(path) && self.bytes == bytes && is_within(self.at, now, ANEW) {
            return Ok(false);
        }
        (self.path, self.bytes, self.at) = (Some(path.to_path_buf()), bytes, now);
        let (inputs, rates) = read(path, now)?;
        if self.digest.as_ref() == Some(&inputs.digest) {
            return Ok(false);
        }
        self.digest = Some(inputs.digest.clone());
        money.go_by(Some(inputs), Some(rates), now);
        Ok(true)
    }

    /// The same, and says what comes of it.
    fn follow(&mut self, shared: &Shared, now: Millis) {
        let path = shared.config.load().estate.clone();
        match self.look(&shared.money, path.as_deref(), now) {
            Ok(is_new) => {
                let was_bad = self.said.take_if(|_| is_new || self.at == now).is_some();
                if is_new || was_bad {
                    match path {
                        Some(path) => tracing::info!(estate = %path.display(), "the Estate is in use"),
                        None => {
                            tracing::info!("no Estate is named any more: nodes have the catalogue's prices");
                        }
                    }
                }
            }
            Err(problems) => {
                shared.metrics.failed("estate");
                let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
                let problem = text.join("\n");
                let is_said =
                    |(known, at): &(String, Millis)| *known == problem && is_within(*at, now, SAY_AGAIN);
                if !self.said.as_ref().is_some_and(is_said) {
                    tracing::error!(problem, "the Estate cannot be used: what was in use stays in use");
                    self.said = Some((problem, now));
                }
            }
        }
    }
}

fn read(path: &Path, now: Millis) -> Result<(Inputs, Rates), Vec<Diagnostic>> {
    let args = LoadArgs { estate: Some(path.to_path_buf()), ..LoadArgs::default() };
    let inputs = load::estate(&args, &mut empty()).map_err(|error| error.problems().to_vec())?;
    let rates = Rates::of(&inputs, time(now)).map_err(|error| match error {
        PlanError::Document(problem) => vec![*problem],
        other => vec![Diagnostic::of_file(path.display().to_string(), other.to_string())],
    })?;
    Ok((inputs, rates))
}

/// Follows the Estate that the configuration names.
pub(super) async fn follow(shared: Arc<Shared>, mut estate: Estate) {
    loop {
        let at = Arc::clone(&shared);
        let look = tokio::task::spawn_blocking(move || {
            let now = clock::now();
            estate.follow(&at, now);
            at.money.refresh(now);
            estate
        });
        // A bug in reading it must not end what else goes on.
        estate = look.await.unwrap_or_default();
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_model::{Usd, fleet::Node, quantity::decimal::parse_pico};

    use super::*;

    const NOW: Millis = 1_800_000_000_000;

    fn price(money: &Money, now: Millis) -> Option<Usd> {
        let node = Node { site: Some("rz".to_owned()), ..Node::default() };
        let reckon = |rates: &Rates| Bill {
            usd: rates.of_node(&node).map_or(Usd::from_pico(-1), |rate| rate.usd),
            ..Bill::default()
        };
        money.refresh(now);
        let usd = money.bill(now, true, reckon).expect("rates").usd;
        (usd.pico() >= 0).then_some(usd)
    }

    fn estate(hourly: &str) -> String {
        format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {{name: e}}\n\
             spec: {{catalog: [more.yaml], sites: [{{name: rz, nodes: [{{name: n, hourly: {hourly}}}]}}]}}\n"
        )
    }

    #[test]
    fn an_estate_that_cannot_be_read_leaves_the_last_good_one_in_use() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, more) = (folder.path().join("estate.yaml"), folder.path().join("more.yaml"));
        let offers = |name: &str| {
            format!(
                "apiVersion: plimsoll.dev/v1alpha1\nkind: Catalog\nspec: {{offers: [{{cloud: aws, region: us-east-1, \
                 instanceType: {name}, capacity: on-demand, hourly: 1, cpu: 4, memory: 16Gi, source: list, asOf: \"2026-01-01\"}}]}}\n"
            )
        };
        let write = |path: &Path, text: &str| fs::write(path, text).expect("a file");
        write(&path, &estate("1.5"));
        write(&more, &offers("a"));
        let (money, mut it) = (Money::default(), Estate::default());
        let usd = |text: &str| Some(Usd::from_pico(parse_pico(text).expect("a number")));
        let mut look = |now| it.look(&money, Some(&path), now);
        assert_eq!((look(NOW), price(&money, NOW)), (Ok(true), usd("1.5")));
        assert_eq!(look(NOW + 1), Ok(false));
        write(&path, &estate("2"));
        assert_eq!((look(NOW + 2), price(&money, NOW + 2)), (Ok(true), usd("2")));
        // Broken: said with its place, and not read again before it changes, or for a minute.
        write(&path, &estate("dear"));
        let problems = look(NOW + 3).expect_err("no price");
        let problem = (problems.len(), problems[0].line(), &*problems[0].field);
        assert_eq!(problem, (1, Some(4), "spec.sites[0].nodes[0].hourly"));
        assert_eq!((look(NOW + 4), price(&money, NOW + 4)), (Ok(false), usd("2")));
        assert!(look(NOW + 70_000).is_err());
        fs::remove_file(&path).expect("it is there");
        assert!(look(NOW + 70_001).is_err());
        assert_eq!(price(&money, NOW + 70_002), usd("2"));
        write(&path, &estate("2"));
        assert_eq!(look(NOW + 70_003), Ok(false), "as it was");
        // What it names changes without it.
        write(&more, "- {cloud: aws}\n");
        assert_eq!(look(NOW + 70_004), Ok(false), "not seen yet");
        assert!(look(NOW + 140_000).is_err());
        write(&more, &offers("b"));
        assert_eq!((look(NOW + 210_000), price(&money, NOW + 210_000)), (Ok(true), usd("2")));
        // None is named any more.
        assert_eq!(it.look(&money, None, NOW + 210_001), Ok(true));
        assert_eq!((it.look(&money, None, NOW + 210_002), price(&money, NOW + 210_002)), (Ok(false), None));
    }

    /// A look comes every few milliseconds: what the plan comes to is not reckoned each time, and rates are not made anew.
    #[test]
    fn what_a_plan_comes_to_is_reckoned_when_it_may_be_another() {
        let money = Money::default();
        assert_eq!(money.bill(NOW, true, |_| Bill::default()), None, "there are no rates yet");
        let rates = |now| {
            money.refresh(now);
            money.state().rates.clone().expect("rates").0
        };
        let first = rates(NOW);
        let mut times = 0;
        for (after, is_new) in
            [(0, true), (10, false), (59_000, false), (61_000, false), (61_001, true), (61_002, false)]
        {
            let bill = money.bill(NOW + after, is_new, |_| {
                times += 1;
                Bill { unpriced: times, ..Bill::default() }
            });
            assert_eq!(bill.map(|bill| bill.unpriced), Some(times));
        }
        assert_eq!(times, 3);
        assert!(Arc::ptr_eq(&first, &rates(NOW + 299_000)) && !Arc::ptr_eq(&first, &rates(NOW + 301_000)));
    }
}
