//! Watches of what a cluster may lack.

use std::{collections::BTreeSet, pin::pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind},
    runtime::{WatchStreamExt, watcher},
};

use serde_json::json;

use super::Known;
use crate::{
    cluster::{Served, Source, key},
    metrics::Metrics,
};

/// What is not served or not allowed is asked for again after so long.
const AGAIN: Duration = Duration::from_mins(1);
/// An API server that gives no answer is asked again after so long, and twice as long after each further time, up to
/// [`AGAIN`].
const SOON: Duration = Duration::from_millis(250);
/// A list that has not come after so long holds nothing up any more.
const PATIENCE: Duration = Duration::from_secs(10);

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
    /// It does not come.
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
    let it = Optional { known, metrics, source };
    // A list may also hang without an error.
    let late = async {
        tokio::time::sleep(PATIENCE).await;
        it.is_late();
    };
    tokio::join!(it.try_forever(client), late);
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

struct Optional {
    known: Arc<Known>,
    metrics: Arc<Metrics>,
    source: Source,
}

impl Optional {
    async fn try_forever(&self, client: Client) {
        let mut pause = SOON;
        loop {
            match resource(&client, self.source.served()).await {
                Ok(Some(resource)) => {
                    let api = Api::<DynamicObject>::all_with(client.clone(), &resource);
                    let config = watcher::Config::default().page_size(500);
                    self.follow(watcher(api, config).default_backoff()).await;
                    pause = AGAIN;
                }
                Ok(None) => {
                    self.stands(Stand::NotServed);
                    pause = AGAIN;
                }
                Err(error) => match Stand::of(&error) {
                    Some(stand) => {
                        self.stands(stand);
                        pause = AGAIN;
                    }
                    None => self.waits(&error),
                },
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(AGAIN);
        }
    }

    /// Takes events until the kind is gone or may not be read any more.
    async fn follow(&self, events: impl Stream<Item = watcher::Result<watcher::Event<DynamicObject>>>) {
        let mut events = pin!(events);
        let mut listing = BTreeSet::new();
        while let Some(event) = events.next().await {
            let changed = match event {
                Ok(watcher::Event::Apply(object)) => self.apply(&object),
                Ok(watcher::Event::Delete(object)) => {
                    let key = key(object.metadata.namespace.as_deref(), &object.name_any());
                    self.known.with(|cluster| cluster.delete_object(self.source, &key))
                }
                Ok(watcher::Event::Init) => {
                    listing.clear();
                    false
                }
                Ok(watcher::Event::InitApply(object)) => {
                    listing.insert(key(object.metadata.namespace.as_deref(), &object.name_any()));
                    self.apply(&object)
                }
                Ok(watcher::Event::InitDone) => {
                    let there = std::mem::take(&mut listing);
                    self.known.with(|cluster| cluster.keep_objects(self.source, |key| there.contains(key)));
                    self.stands(Stand::Watched);
                    true
                }
                Err(error) => {
                    if let Some(stand) = Stand::of_watch(&error) {
                        self.stands(stand);
                        return;
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

    /// An API server that does not answer may yet.
    fn waits(&self, error: &dyn std::fmt::Display) {
        tracing::debug!(what = self.source.name(), %error, "a watch broke and begins anew");
    }

    /// Only for so long is a list waited for that nothing is known of.
    fn is_late(&self) {
        let is_unknown = self
            .known
            .stands()
            .iter()
            .zip(Source::ALL)
            .any(|(stand, source)| source == self.source && *stand == Stand::Unknown);
        if is_unknown {
            self.stands(Stand::Failing);
        }
    }

    /// Notes how the watch stands, and says so where that is something else than before. What cannot be seen any more is
    /// forgotten: it may be gone.
    fn stands(&self, stand: Stand) {
        let source = self.source;
        if stand != Stand::Watched {
            self.known.with(|cluster| cluster.keep_objects(source, |_| false));
        }
        self.known.with(|cluster| cluster.sees(source, stand == Stand::Watched));
        self.metrics.watches(source.name(), stand == Stand::Watched);
        if self.known.stand(source, stand) == stand {
            return;
        }
        let (what, without) = (source.name(), source.without());
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
            Stand::Failing => tracing::warn!(what, "its list does not come: until it does {without}"),
        }
        self.known.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_for_good_is_told_from_what_fails() {
        let answers = |code: u16| {
            let status = kube::core::Status::failure("no", "No").with_code(code);
            Stand::of_watch(&watcher::Error::InitialListFailed(kube::Error::Api(Box::new(status))))
        };
        assert_eq!((answers(403), answers(404)), (Some(Stand::NotAllowed), Some(Stand::NotServed)));
        assert_eq!((answers(500), answers(429)), (None, None));
    }

    /// Whoever waits for a list that cannot come would never be ready.
    #[test]
    fn only_what_is_not_known_yet_is_waited_for() {
        let known = Arc::<Known>::default();
        known.listed.store(super::super::ALL, std::sync::atomic::Ordering::Release);
        let watch = |source| Optional { known: Arc::clone(&known), metrics: Arc::default(), source };
        for source in Source::ALL {
            assert!(!known.is_synced(), "{source:?}");
            watch(source).waits(&"no answer");
            assert!(!known.is_synced(), "{source:?}: it may still come");
            watch(source).stands(Stand::NotServed);
        }
        assert!(known.is_synced());
        let late = watch(Source::DeviceClasses);
        late.is_late();
        assert_eq!(known.stand(Source::DeviceClasses, Stand::Unknown), Stand::NotServed, "that is known");
        assert!(!known.is_synced());
        late.waits(&"no answer");
        assert!(!known.is_synced());
        late.is_late();
        assert!(known.is_synced(), "after so long it is not waited for");
    }
}
