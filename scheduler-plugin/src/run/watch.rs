//! The API server's watches, into what is known of the cluster.
//!
//! Nothing is kept of an object but what [`Cluster`] keeps: no store beside it, so that memory is bounded by that.
//!
//! Nodes, pods and namespaces must be seen. What a cluster may lack ([`Source`]) is watched where it is served and
//! allowed; where it is not, that is said once, serve goes on without it, and asks again now and then.

mod optional;

use std::{
    collections::BTreeSet,
    fmt::Debug,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU8, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::{
    Api, Client, Resource, ResourceExt,
    runtime::{WatchStreamExt, watcher},
};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use super::Shared;
use crate::{
    admit, clock,
    cluster::{Cluster, Millis, Source},
    metrics::Metrics,
    snapshot::Snapshot,
};
use optional::Stand;

/// A watch that broke is tried again within 30 s, give or take a part, and breaks again where that fails.
const TRIES: Millis = 65_000;
/// One that panicked begins anew after so long.
const REST: Duration = Duration::from_secs(5);

/// What is known, and how who waits for changes hears of them.
#[derive(Debug, Default)]
pub(crate) struct Known {
    cluster: Mutex<Cluster>,
    /// Held by who reads a copy: of two that overlapped, the older might be adopted last.
    reading: Mutex<()>,
    changed: Notify,
    /// Told once, when the first list of nodes has been read.
    seen_nodes: Notify,
    /// Which lists are complete: a bit each.
    listed: AtomicU8,
    /// When each watch last broke, where nothing has come from it since; 0 for those that have not.
    broken: [AtomicI64; 3],
    /// How the watches stand that there need not be, in the order of [`Source::ALL`].
    optional: Mutex<[Stand; Source::ALL.len()]>,
}

/// A kind of object that is watched.
trait Watched: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static {
    /// Its place among the watches.
    const AT: usize;
    const BIT: u8 = 1 << Self::AT;
    fn key(&self) -> String;
    fn apply(&self, to: &mut Cluster) -> bool;
    fn delete(key: &str, from: &mut Cluster) -> bool;
    /// It has been applied or deleted: traces of it go on.
    fn tell(_key: &str, _cluster: &Cluster, _shared: &Shared) {}
    /// All have been listed anew.
    fn tell_all(_cluster: &Cluster, _shared: &Shared) {}
    fn keep(cluster: &mut Cluster, there: &BTreeSet<String>);
}

impl Watched for Node {
    const AT: usize = 0;
    fn key(&self) -> String {
        self.name_any()
    }
    fn apply(&self, to: &mut Cluster) -> bool {
        to.apply_node(self)
    }
    fn delete(key: &str, from: &mut Cluster) -> bool {
        from.delete_node(key)
    }
    fn keep(cluster: &mut Cluster, there: &BTreeSet<String>) {
        cluster.keep_nodes(|name| there.contains(name));
    }
}

impl Watched for Pod {
    const AT: usize = 1;
    fn key(&self) -> String {
        self.uid().unwrap_or_default()
    }
    fn apply(&self, to: &mut Cluster) -> bool {
        to.apply_pod(self)
    }
    fn delete(key: &str, from: &mut Cluster) -> bool {
        from.delete_pod(key)
    }
    fn tell(key: &str, cluster: &Cluster, shared: &Shared) {
        if let Some(spans) = &shared.spans {
            spans.saw(key, cluster, shared.leading.leads());
        }
    }
    fn tell_all(cluster: &Cluster, shared: &Shared) {
        if let Some(spans) = &shared.spans {
            spans.listed(cluster, shared.leading.leads());
        }
    }
    fn keep(cluster: &mut Cluster, there: &BTreeSet<String>) {
        cluster.keep_pods(|uid| there.contains(uid));
    }
}

impl Watched for Namespace {
    const AT: usize = 2;
    fn key(&self) -> String {
        self.name_any()
    }
    fn apply(&self, to: &mut Cluster) -> bool {
        to.apply_namespace(self)
    }
    fn delete(key: &str, from: &mut Cluster) -> bool {
        from.delete_namespace(key)
    }
    fn keep(_: &mut Cluster, _: &BTreeSet<String>) {}
}

/// All lists.
const ALL: u8 = Node::BIT | Pod::BIT | Namespace::BIT;

impl Known {
    /// Reads or changes what is known.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Cluster) -> T) -> T {
        // Whoever panicked with it left it whole: every change is made object by object.
        look(&mut self.cluster.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// A copy, with what is to be read read: that takes long, and watches wait for none of it.
    pub(crate) fn copy(&self) -> Cluster {
        let _alone = self.reading.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut copy = self.with(|cluster| cluster.clone());
        if copy.refresh() {
            self.with(|cluster| cluster.adopt(&copy));
        }
        copy
    }

    /// Whether every list has come whole once, or is one that there need not be and is not.
    pub(crate) fn is_synced(&self) -> bool {
        self.listed.load(Ordering::Acquire) == ALL && !self.stands().contains(&Stand::Unknown)
    }

    /// Waits for the first list of nodes.
    async fn nodes_seen(&self) {
        while self.listed.load(Ordering::Acquire) & Node::BIT == 0 {
            self.seen_nodes.notified().await;
        }
    }

    fn stands(&self) -> std::sync::MutexGuard<'_, [Stand; Source::ALL.len()]> {
        self.optional.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Notes how a watch stands that there need not be; how it stood before.
    fn stand(&self, source: Source, stand: Stand) -> Stand {
        let mut stands = self.stands();
        let at = Source::ALL.iter().position(|one| *one == source);
        at.map_or(stand, |at| std::mem::replace(&mut stands[at], stand))
    }

    /// Whether every watch is likely to tell what happens: none has broken without an event since, or without breaking
    /// again for longer than it waits before it tries anew.
    pub(crate) fn is_watching(&self, now: Millis) -> bool {
        self.broken.iter().all(|at| {
            let at = at.load(Ordering::Acquire);
            at == 0 || at.saturating_add(TRIES) < now
        })
    }

    /// Notes how a watch fares.
    fn fares(&self, watch: usize, has_broken: bool, now: Millis) {
        if let Some(broken) = self.broken.get(watch) {
            broken.store(if has_broken { now } else { 0 }, Ordering::Release);
        }
    }

    /// Waits for a change.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Says that something changed.
    pub(crate) fn wake(&self) {
        self.changed.notify_one();
    }
}

/// What the webhook asks. A pod is read by what was published: whoever holds the cluster is not waited for so long. A
/// namespace is looked up as it is known now, for its pods may come right after its label.
pub(super) struct Seen<'s> {
    pub(super) known: &'s Known,
    pub(super) snapshot: &'s Snapshot,
}

impl admit::Known for Seen<'_> {
    fn plans(&self, namespace: &str) -> bool {
        self.known.with(|cluster| cluster.plans_namespace(namespace))
    }

    fn claims(&self, pod: &Pod) -> bool {
        self.snapshot.claims(pod)
    }
}

/// Watches everything until the tasks are dropped.
pub(super) fn watch(client: &Client, shared: &Arc<Shared>) -> tokio::task::JoinSet<()> {
    let mut tasks = tokio::task::JoinSet::new();
    let (metrics, shared) = (|| Arc::clone(&shared.metrics), || Arc::clone(shared));
    let client = || client.clone();
    let (to, it) = (client(), shared());
    tasks.spawn(anew(metrics(), "nodes", move || one::<Node>(to.clone(), Arc::clone(&it))));
    let (to, it) = (client(), shared());
    tasks.spawn(anew(metrics(), "namespaces", move || one::<Namespace>(to.clone(), Arc::clone(&it))));
    let (to, it) = (client(), shared());
    tasks.spawn(anew(metrics(), "pods", move || pods(to.clone(), Arc::clone(&it))));
    for source in Source::ALL {
        let (to, it) = (client(), shared());
        let begin =
            move || optional::watch(to.clone(), Arc::clone(&it.known), Arc::clone(&it.metrics), source);
        tasks.spawn(anew(metrics(), source.name(), begin));
    }
    tasks
}

/// Begins a watch anew that panicked: an object that cannot be read for a bug must not end what others wait for.
async fn anew<F: Future<Output = ()>>(
    metrics: Arc<Metrics>,
    what: &'static str,
    mut begin: impl FnMut() -> F,
) {
    while AssertUnwindSafe(begin()).catch_unwind().await.is_err() {
        metrics.failed("watch");
        tracing::error!(what, "a watch panicked, which is a bug, and begins anew");
        tokio::time::sleep(REST).await;
    }
}

/// Pods are read beside the hardware there is: those that came before it would all be read twice, and kept twice meanwhile.
async fn pods(client: Client, shared: Arc<Shared>) {
    shared.known.nodes_seen().await;
    let known = Arc::clone(&shared.known);
    // If reading panics it is a bug that the next snapshot meets too, and says.
    _ = tokio::task::spawn_blocking(move || drop(known.copy())).await;
    one::<Pod>(client, shared).await;
}

async fn one<K: Watched>(client: Client, shared: Arc<Shared>) {
    let known = &shared.known;
    let apply = |object: &K| {
        known.with(|cluster| {
            let changed = object.apply(cluster);
            K::tell(&object.key(), cluster, &shared);
            changed
        })
    };
    let events = watcher(Api::<K>::all(client), watcher::Config::default().page_size(500)).default_backoff();
    let mut events = pin!(events);
    let mut listing = BTreeSet::new();
    while let Some(event) = events.next().await {
        // The beginning of a list is only an attempt.
        if !matches!(event, Ok(watcher::Event::Init)) {
            known.fares(K::AT, event.is_err(), clock::now());
        }
        let changed = match event {
            Ok(watcher::Event::Apply(object)) => apply(&object),
            Ok(watcher::Event::Delete(object)) => known.with(|cluster| {
                let changed = K::delete(&object.key(), cluster);
                K::tell(&object.key(), cluster, &shared);
                changed
            }),
            Ok(watcher::Event::Init) => {
                listing.clear();
                false
            }
            Ok(watcher::Event::InitApply(object)) => {
                listing.insert(object.key());
                apply(&object)
            }
            Ok(watcher::Event::InitDone) => {
                known.with(|cluster| {
                    K::keep(cluster, &listing);
                    K::tell_all(cluster, &shared);
                });
                listing = BTreeSet::new();
                known.listed.fetch_or(K::BIT, Ordering::AcqRel);
                if K::BIT == Node::BIT {
                    known.seen_nodes.notify_one();
                }
                true
            }
            Err(error) => {
                tracing::warn!(kind = %K::kind(&()), %error, "a watch broke and begins anew");
                false
            }
        };
        if changed {
            known.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use serde_json::json;

    use super::*;
    use crate::snapshot::{Bounds, Builder};

    /// Whoever holds the cluster may hold it for long, and webhooks are answered on the threads of all calls.
    #[test]
    fn the_webhook_reads_a_pod_while_somebody_holds_the_cluster() {
        let pod = json!({"metadata": {"annotations": {crate::names::PLACE: "true"}}, "spec": {"resourceClaims":
            [{"name": "gpu", "resourceClaimTemplateName": "t"}]}});
        let review =
            json!({"request": {"uid": "r", "operation": "CREATE", "namespace": "default", "object": pod}});
        let (body, known) = (review.to_string().into_bytes(), Known::default());
        let (done, answered) = mpsc::channel();
        std::thread::scope(|scope| {
            known.with(|cluster| {
                cluster.sees(Source::ResourceClaimTemplates, true);
                let snapshot = Builder::default().snapshot(cluster, 0, Bounds::default());
                let (body, known) = (&body, &known);
                scope.spawn(move || {
                    let seen = Seen { known, snapshot: &snapshot };
                    _ = done.send(admit::answer(body, &seen, true, None));
                });
                let answer =
                    answered.recv_timeout(Duration::from_secs(20)).expect("an answer").expect("a review");
                assert!(
                    String::from_utf8_lossy(&answer.body).contains("patch"),
                    "its claim is not known yet"
                );
            });
        });
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_panics_begins_anew() {
        let (metrics, mut times) = (Arc::<Metrics>::default(), 0);
        anew(Arc::clone(&metrics), "nodes", || {
            times += 1;
            let is_well = times == 3;
            // A panic without the noise.
            async move {
                if is_well {
                } else {
                    std::panic::resume_unwind(Box::new("a bug"))
                }
            }
        })
        .await;
        assert_eq!(times, 3);
        assert!(metrics.text().contains("plimsoll_controller_failures_total{what=\"watch\"} 2"));
        // What has been waited for once is there for one that begins anew too.
        let known = Known::default();
        assert!(known.nodes_seen().now_or_never().is_none());
        known.listed.store(Node::BIT, Ordering::Release);
        known.seen_nodes.notify_one();
        for _ in 0..2 {
            assert!(known.nodes_seen().now_or_never().is_some());
        }
    }

    #[test]
    fn a_view_is_as_true_as_its_worst_watch() {
        let known = Known::default();
        assert!(known.is_watching(1_000));
        known.fares(Pod::AT, true, 1_000);
        known.fares(Node::AT, false, 1_500);
        assert!(!known.is_watching(2_000), "pods are not watched, whatever else is");
        known.fares(Pod::AT, true, 30_000);
        assert!(!known.is_watching(90_000), "it broke again");
        known.fares(Pod::AT, false, 91_000);
        assert!(known.is_watching(91_000));
        // Where nothing happens nothing comes: a watch that does not break again has been mended.
        known.fares(Namespace::AT, true, 100_000);
        assert!(!known.is_watching(160_000) && known.is_watching(170_000));
    }
}
