//! Watches of what a cluster may lack.

use std::{
    collections::BTreeSet,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{Stream, StreamExt};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind},
    runtime::{WatchStreamExt, watcher},
};

use serde_json::json;
use tokio::time::Instant;

use super::Known;
use crate::{
    cluster::{Served, Source, key},
    metrics::Metrics,
};

/// What is not served or not allowed is asked for again after so long; what was there before it was refused is forgotten
/// after so long, and a watch that broke so long ago, and again and again since, tells nothing.
const AGAIN: Duration = Duration::from_mins(1);
/// An API server that gives no answer is asked again after so long, and twice as long after each further time, up to
/// [`AGAIN`].
const SOON: Duration = Duration::from_millis(250);
/// A list that has not come after so long holds nothing up any more; a watch that held for so long was none that is refused.
const PATIENCE: Duration = Duration::from_secs(10);
/// A watch that broke breaks again within so long, or has been mended.
const TRIES: Duration = Duration::from_millis(super::TRIES.unsigned_abs());
/// What does not come is said again so often.
const SAY_AGAIN: Duration = Duration::from_mins(10);

/// How a watch stands that there need not be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Stand {
    /// Not known yet.
    #[default]
    Unknown,
    /// Its list has come whole.
    Watched,
    /// The API server does not serve the kind in a version that is understood.
    NotServed,
    /// Our account may not read it.
    NotAllowed,
    /// Its list does not come, or its watch breaks again and again.
    Failing,
}

impl Stand {
    /// What an answer says of the kind; nothing where it says nothing.
    fn of(error: &kube::Error) -> Option<Self> {
        match error {
            kube::Error::Api(status) => Self::of_code(status.code),
            _ => None,
        }
    }

    const fn of_code(code: u16) -> Option<Self> {
        match code {
            401 | 403 => Some(Self::NotAllowed),
            404 | 405 => Some(Self::NotServed),
            _ => None,
        }
    }

    fn of_watch(error: &watcher::Error) -> Option<Self> {
        match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => Self::of(error),
            watcher::Error::WatchError(status) => Self::of_code(status.code),
            watcher::Error::NoResourceVersion => None,
        }
    }
}

/// Watches a kind for ever.
pub(super) async fn watch(client: Client, known: Arc<Known>, metrics: Arc<Metrics>, source: Source) {
    let it = Optional { known, metrics, source, broken: Mutex::default() };
    tokio::join!(it.try_forever(client), it.complain());
}

/// The kind in the best version that is served.
async fn resource(client: &Client, served: Served) -> Result<Option<ApiResource>, kube::Error> {
    let Served { group, versions, kind, plural } = served;
    for version in versions {
        let list = match group {
            "" => client.list_core_api_resources(version).await,
            _ => client.list_api_group_resources(&format!("{group}/{version}")).await,
        };
        match list {
            Ok(list) if list.resources.iter().any(|resource| resource.name == plural) => {
                let kind = GroupVersionKind::gvk(group, version, kind);
                return Ok(Some(ApiResource::from_gvk_with_plural(&kind, plural)));
            }
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// A watch that breaks again and again, with no sign of life between.
#[derive(Debug)]
struct Broken {
    since: Instant,
    last: Instant,
    error: String,
}

struct Optional {
    known: Arc<Known>,
    metrics: Arc<Metrics>,
    source: Source,
    broken: Mutex<Option<Broken>>,
}

impl Optional {
    async fn try_forever(&self, client: Client) {
        let (mut pause, mut refused) = (SOON, None);
        loop {
            let begun = Instant::now();
            let stand = match resource(&client, self.source.served()).await {
                Ok(Some(resource)) => {
                    let api = Api::<DynamicObject>::all_with(client.clone(), &resource);
                    let config = watcher::Config::default().page_size(500);
                    self.follow(watcher(api, config).default_backoff()).await
                }
                Ok(None) => Some(Stand::NotServed),
                Err(error) => {
                    let stand = Stand::of(&error);
                    if stand.is_none() {
                        self.waits(&error);
                    }
                    stand
                }
            };
            if begun.elapsed() >= PATIENCE {
                // It went well meanwhile.
                (pause, refused) = (SOON, None);
            }
            if let Some(stand) = stand {
                let since: Instant = *refused.get_or_insert_with(Instant::now);
                // What is known is not forgotten for an answer or two: an API server that has just come up refuses too.
                if !self.is_known() || since.elapsed() >= AGAIN {
                    self.stands(stand);
                    pause = AGAIN;
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(AGAIN);
        }
    }

    /// Says how it stands with what does not come, again and again.
    async fn complain(&self) {
        // A list may also hang without an error.
        tokio::time::sleep(PATIENCE).await;
        self.is_late();
        loop {
            tokio::time::sleep(SAY_AGAIN).await;
            if self.stand() == Stand::Failing {
                self.say(Stand::Failing);
            }
        }
    }

    /// Takes events until the kind is refused: how.
    async fn follow(
        &self,
        events: impl Stream<Item = watcher::Result<watcher::Event<DynamicObject>>>,
    ) -> Option<Stand> {
        let mut events = pin!(events);
        let mut listing = Some(BTreeSet::new());
        loop {
            // Where nothing happens nothing comes: a watch that does not break again has been mended.
            let mended = self.breaks_by().filter(|_| listing.is_none());
            let event = match mended {
                Some(at) => tokio::time::timeout_at(at, events.next()).await,
                None => Ok(events.next().await),
            };
            let Ok(event) = event else {
                self.lives();
                continue;
            };
            let changed = match event? {
                Ok(watcher::Event::Apply(object)) => {
                    self.lives();
                    self.apply(&object)
                }
                Ok(watcher::Event::Delete(object)) => {
                    self.lives();
                    let key = key(object.metadata.namespace.as_deref(), &object.name_any());
                    self.known.with(|cluster| cluster.delete_object(self.source, &key))
                }
                Ok(watcher::Event::Init) => {
                    listing = Some(BTreeSet::new());
                    false
                }
                Ok(watcher::Event::InitApply(object)) => {
                    let key = key(object.metadata.namespace.as_deref(), &object.name_any());
                    listing.get_or_insert_default().insert(key);
                    self.apply(&object)
                }
                Ok(watcher::Event::InitDone) => {
                    let there = listing.take().unwrap_or_default();
                    self.known.with(|cluster| cluster.keep_objects(self.source, |key| there.contains(key)));
                    self.broken().take();
                    self.stands(Stand::Watched);
                    true
                }
                Err(error) => {
                    let stand = Stand::of_watch(&error);
                    if stand.is_some() {
                        return stand;
                    }
                    self.waits(&error);
                    false
                }
            };
            if changed {
                self.known.wake();
            }
        }
    }

    fn apply(&self, object: &DynamicObject) -> bool {
        let named = (object.metadata.namespace.as_deref(), &*object.name_any());
        if !self.source.has_metadata() {
            return self.known.with(|cluster| cluster.apply_object(self.source, named, &object.data));
        }
        let metadata = &object.metadata;
        let mut data = object.data.clone();
        data["metadata"] = json!({"labels": metadata.labels, "annotations": metadata.annotations});
        self.known.with(|cluster| cluster.apply_object(self.source, named, &data))
    }

    fn broken(&self) -> MutexGuard<'_, Option<Broken>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when a watch that broke breaks again, if it does.
    fn breaks_by(&self) -> Option<Instant> {
        self.broken().as_ref().map(|broken| broken.last + TRIES)
    }

    /// An API server that does not answer may yet; one that has not for long is a watch that tells nothing.
    fn waits(&self, error: &dyn std::fmt::Display) {
        tracing::debug!(what = self.source.name(), %error, "a watch broke and begins anew");
        let last = Instant::now();
        let since = self.broken().as_ref().map_or(last, |broken| broken.since);
        *self.broken() = Some(Broken { since, last, error: error.to_string() });
        if last - since >= AGAIN && self.stand() == Stand::Watched {
            self.stands(Stand::Failing);
        }
    }

    /// The watch tells what happens, whatever broke before.
    fn lives(&self) {
        let was_broken = self.broken().take().is_some();
        if was_broken && self.stand() == Stand::Failing {
            self.stands(Stand::Watched);
        }
    }

    fn stand(&self) -> Stand {
        let stands = self.known.stands();
        let at = Source::ALL.iter().position(|one| *one == self.source);
        at.map_or(Stand::Unknown, |at| stands[at])
    }

    /// Whether something may be known of the kind.
    fn is_known(&self) -> bool {
        matches!(self.stand(), Stand::Watched | Stand::Failing)
    }

    /// Only for so long is a list waited for that nothing is known of.
    fn is_late(&self) {
        if self.stand() == Stand::Unknown {
            self.stands(Stand::Failing);
        }
    }

    /// Notes how the watch stands, and says so where that is something else than before. What is refused is forgotten: it
    /// may be gone. What only does not come counts as it was seen last.
    fn stands(&self, stand: Stand) {
        let source = self.source;
        if matches!(stand, Stand::NotServed | Stand::NotAllowed) {
            self.known.with(|cluster| cluster.keep_objects(source, |_| false));
        }
        self.known.with(|cluster| cluster.sees(source, stand == Stand::Watched));
        self.metrics.watches(source.name(), stand == Stand::Watched);
        if self.known.stand(source, stand) != stand {
            self.say(stand);
            self.known.wake();
        }
    }

    fn say(&self, stand: Stand) {
        let (what, without) = (self.source.name(), self.source.without());
        match stand {
            Stand::Unknown => {}
            Stand::Watched => tracing::info!(what, "watched"),
            Stand::NotServed => tracing::info!(what, "not served by this cluster: {without}"),
            Stand::NotAllowed => {
                tracing::warn!(
                    what,
                    "may not be read (list, watch): {without}; deploy/plimsoll.yaml has the rights"
                );
            }
            Stand::Failing => {
                let broken = self.broken();
                let seconds = broken.as_ref().map_or(0, |broken| broken.since.elapsed().as_secs());
                let error = broken.as_ref().map_or("no answer", |broken| &*broken.error);
                tracing::warn!(
                    what,
                    error,
                    seconds,
                    "no changes of this kind come; what was seen last counts; else {without}"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
