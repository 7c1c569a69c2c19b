//! Watches of an API server that answers as it is told to, in simulated time.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use serde_json::Value;

use super::{super::ALL, *};

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
#[tokio::test]
async fn only_what_is_not_known_yet_is_waited_for() {
    let known = Arc::<Known>::default();
    known.listed.store(ALL, Ordering::Release);
    let watch = |source| Optional {
        known: Arc::clone(&known),
        metrics: Arc::default(),
        source,
        broken: Mutex::default(),
    };
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

/// Pod groups of coscheduling: what the API server says to a request for them, by the second in which it comes.
type Script = fn(u64) -> Says;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// What there is: a gang of three. Nothing happens to it: a watch brings nothing until the script goes on.
    Group,
    /// A first page of two.
    Page,
    Code(u16),
}

/// The seconds in which scripts go on.
const TURNS: [u64; 3] = [5, 30, 200];

async fn answer(
    script: Script,
    begun: Instant,
    request: Request<kube::client::Body>,
) -> Response<Full<Bytes>> {
    let uri = request.uri().to_string();
    let group = json!({"metadata": {"namespace": "default", "name": "g", "uid": "u", "resourceVersion": "1"},
        "apiVersion": "scheduling.x-k8s.io/v1alpha1", "kind": "PodGroup", "spec": {"minMember": 3}});
    let list = |items: Value, more: Value| {
        json!({"apiVersion": "scheduling.x-k8s.io/v1alpha1", "kind": "PodGroupList", "items": items,
            "metadata": {"resourceVersion": "1", "continue": more}})
    };
    let mut says = script(begun.elapsed().as_secs());
    if uri.contains("continue=") && says == Says::Page {
        // The second page hangs.
        tokio::time::sleep_until(begun + Duration::from_secs(TURNS[1])).await;
        says = Says::Group;
    }
    let (code, body) = match says {
        _ if !uri.contains("/podgroups") => {
            let kinds = json!([{"name": "podgroups", "singularName": "", "namespaced": true, "kind": "PodGroup",
                "verbs": ["list", "watch"]}]);
            let list = json!({"kind": "APIResourceList", "groupVersion": "scheduling.x-k8s.io/v1alpha1",
                "resources": kinds});
            (200, list.to_string())
        }
        Says::Code(code) => {
            let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "as told", "reason": "AsTold", "code": code});
            (code, status.to_string())
        }
        Says::Group | Says::Page if uri.contains("watch=true") => {
            let now = begun.elapsed().as_secs();
            let turn = TURNS.into_iter().find(|turn| *turn > now).unwrap_or(100_000);
            tokio::time::sleep_until(begun + Duration::from_secs(turn)).await;
            (200, String::new())
        }
        Says::Group => (200, list(json!([group]), Value::Null).to_string()),
        Says::Page => (200, list(json!([group]), "more".into()).to_string()),
    };
    Response::builder().status(code).body(Full::new(body.into())).expect("a response")
}

/// Counts the warnings of this crate on this thread.
struct Warnings(Arc<AtomicUsize>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN && metadata.target().starts_with("plimsoll")
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

/// How the watch stands at moments, in seconds: how, the size of the gang that is known, the metric, and how many warnings
/// there have been.
async fn stood(script: Script, moments: &[u64]) -> Vec<(Stand, Option<u32>, bool, usize)> {
    let (known, metrics, said) = (Arc::<Known>::default(), Arc::<Metrics>::default(), Arc::default());
    let _guard = tracing::subscriber::set_default(Warnings(Arc::clone(&said)));
    let begun = Instant::now();
    let service =
        tower::service_fn(
            move |request| async move { Ok::<_, Infallible>(answer(script, begun, request).await) },
        );
    let source = Source::CoschedulingPodGroups;
    let watching = watch(Client::new(service, "default"), Arc::clone(&known), Arc::clone(&metrics), source);
    let looking = async {
        let mut seen = Vec::new();
        for moment in moments {
            tokio::time::sleep_until(begun + Duration::from_secs(*moment)).await;
            let at = Source::ALL.iter().position(|one| *one == source).expect("one of all");
            let stand = known.stands()[at];
            let is_one = metrics.text().contains("{what=\"podgroups.scheduling.x-k8s.io\"} 1");
            let size = known.with(|cluster| cluster.gang_size("default/g"));
            seen.push((stand, size, is_one, said.load(Ordering::Relaxed)));
        }
        seen
    };
    tokio::select! {
        () = watching => unreachable!("it watches for ever"),
        seen = looking => seen,
    }
}

/// An API server whose authoriser is not there yet says 403 for a moment.
#[tokio::test(start_paused = true)]
async fn what_is_known_is_not_forgotten_for_a_refusal() {
    for code in [401, 403, 404, 405] {
        let script: Script = match code {
            401 => |now| if (5..20).contains(&now) { Says::Code(401) } else { Says::Group },
            403 => |now| if (5..20).contains(&now) { Says::Code(403) } else { Says::Group },
            404 => |now| if (5..20).contains(&now) { Says::Code(404) } else { Says::Group },
            _ => |now| if (5..20).contains(&now) { Says::Code(405) } else { Says::Group },
        };
        let seen = stood(script, &[1, 15, 40]).await;
        assert_eq!(seen, [(Stand::Watched, Some(3), true, 0); 3], "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_long_is_forgotten_and_comes_back() {
    let seen =
        stood(|now| if (5..200).contains(&now) { Says::Code(403) } else { Says::Group }, &[60, 75, 190, 265]);
    let seen = seen.await;
    assert_eq!(seen[0], (Stand::Watched, Some(3), true, 0));
    assert_eq!(seen[1], (Stand::NotAllowed, None, false, 1));
    assert_eq!(seen[2], (Stand::NotAllowed, None, false, 1), "that is said once");
    assert_eq!(seen[3], (Stand::Watched, Some(3), true, 1));
}

/// What was never there is known to be refused at once: nobody is to wait for it.
#[tokio::test(start_paused = true)]
async fn what_was_never_there_is_refused_at_once() {
    assert_eq!(stood(|_| Says::Code(403), &[1]).await, [(Stand::NotAllowed, None, false, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_broken_for_long_is_said_again_and_again() {
    let script: Script = |now| if (5..8_000).contains(&now) { Says::Code(500) } else { Says::Group };
    let seen = stood(script, &[60, 130, 1_300, 3_700, 8_200]).await;
    assert_eq!(seen[0], (Stand::Watched, Some(3), true, 0), "an API server may be away for a minute");
    assert_eq!(seen[1], (Stand::Failing, Some(3), false, 1), "what was known counts");
    assert_eq!((seen[2].2, seen[2].3), (false, 3));
    assert_eq!((seen[3].2, seen[3].3), (false, 7), "every ten minutes");
    // Nothing happens, so that nothing comes: but it breaks no more.
    assert_eq!(seen[4], (Stand::Watched, Some(3), true, 14));
}

#[tokio::test(start_paused = true)]
async fn what_has_come_of_a_late_list_counts() {
    let seen = stood(|now| if now < 30 { Says::Page } else { Says::Group }, &[5, 15, 31]).await;
    assert_eq!(seen[0], (Stand::Unknown, Some(3), false, 0));
    assert_eq!(seen[1], (Stand::Failing, Some(3), false, 1));
    assert_eq!(seen[2], (Stand::Watched, Some(3), true, 1));
}
