//! Whatever fails, the laws hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::DeleteParams;
use kube::{Api, ResourceExt as _};
use plimsoll_control_plane::certificates::Validity;
use plimsoll_control_plane::nodes::{H100, Profile};
use plimsoll_control_plane::proxy::{Fault, Proxy};
use plimsoll_control_plane::scheduler::{self, Extender};
use plimsoll_control_plane::{Options, User};
use serde_json::json;

use crate::replica::Replica;
use crate::site::{GPU, Site, job, node_of, planned, pod, until};

fn fleet() -> Vec<Profile> {
    vec![Profile::on_prem("h100", 8, Some(H100)), Profile::on_prem("plain", 2, None)]
}

async fn site() -> Option<Site> {
    let mut site = Site::start(fleet(), Options::default()).await?;
    site.schedule().await;
    Some(site)
}

/// Work that comes all the time, some of it of each kind, and ends soon. Ten a
/// second, however long the API server takes to admit each.
async fn trickle(site: &Site, from: u32, count: u32) {
    futures::stream::iter(from..from + count)
        .for_each_concurrent(None, async |index| {
            tokio::time::sleep(Duration::from_millis(100) * (index - from)).await;
            let gpus = ["1", "2", "4", "8", "1"][index as usize % 5];
            let name = format!("work-{index}");
            match index % 6 {
                0 => site.submit_job(job(&name, 2, &[(GPU, gpus)], "1s")).await,
                1 => site.submit(pod(&name, &[("cpu", "1")], Some("1s"))).await,
                _ => site.submit(pod(&name, &[(GPU, gpus)], Some("1s"))).await,
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_twenty_times_under_a_stream_of_pods() {
    let Some(site) = site().await else { return };
    let config = site.config("a", &site.plane.kubeconfig(User::Admin), &json!({}));
    for round in 0..20 {
        let mut replica = Replica::start("a", &config, false);
        trickle(&site, round * 8, 8).await;
        replica.kill();
    }
    let _replica = Replica::start("a", &config, true);
    site.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn never_coming_back_leaves_no_pod_behind_a_gate() {
    let Some(site) = site().await else { return };
    let config = site.config("a", &site.plane.kubeconfig(User::Admin), &json!({}));
    let mut replica = Replica::start("a", &config, true);
    trickle(&site, 0, 4).await;
    replica.kill();
    // Nobody gates what is made now, and the scheduler goes on without us.
    trickle(&site, 4, 8).await;
    until("what came after has run", || async {
        let pods = site.all().await;
        pods.iter().filter(|pod| &*pod.name_any() > "work-4").all(|pod| node_of(pod).is_some())
    })
    .await;
    // What was gated waits for any replica, and one is enough.
    let _replica = Replica::start("b", &config, true);
    site.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_refuses_and_loses_answers() {
    let Some(site) = site().await else { return };
    let proxy = Proxy::start(site.client.clone()).await.unwrap();
    let config = site.config("a", &site.open_kubeconfig("proxy", &proxy.url()), &json!({}));
    let _replica = Replica::start("a", &config, true);
    let count = Arc::new(AtomicU64::new(0));
    proxy.set(move |method, _| {
        // Of what changes something, one request in two fails in one of four ways; one read in ten.
        let number = count.fetch_add(1, Ordering::SeqCst);
        let is_read = *method == http::Method::GET;
        match number % if is_read { 40 } else { 8 } {
            0 => Fault::Refused(409),
            1 if !is_read => Fault::Refused(404),
            2 => Fault::Refused(500),
            3 => Fault::AnswerLost,
            _ => Fault::None,
        }
    });
    trickle(&site, 0, 100).await;
    proxy.mend();
    site.check().await;
}

/// What the extender binds is bound when it says so, once, and by nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn bindings_that_are_refused_and_whose_answers_are_lost() {
    let Some(mut site) = Site::start(fleet(), Options::default()).await else { return };
    let proxy = Proxy::start(site.client.clone()).await.unwrap();
    let bind = json!({"bind": {"enabled": true, "timeout": "2s"}});
    let config = site.config("a", &site.open_kubeconfig("proxy", &proxy.url()), &bind);
    let _replica = Replica::start("a", &config, true);
    // Not to be passed over: a failed binding is tried again by the extender.
    let extender = Extender {
        bind_verb: Some("bind".to_owned()),
        http_timeout: Some("2s".to_owned()),
        ignorable: false,
        ..site.extender()
    };
    let config = scheduler::configuration(&[extender]);
    site.plane.start_scheduler("kube-scheduler", config).await.unwrap();
    let count = Arc::new(AtomicU64::new(0));
    proxy.set(move |_, path| {
        if !path.contains("/binding") {
            return Fault::None;
        }
        match count.fetch_add(1, Ordering::SeqCst) % 5 {
            // As for a pod that is bound elsewhere, which it is not.
            0 => Fault::Refused(409),
            1 => Fault::Refused(500),
            2 => Fault::AnswerLost,
            _ => Fault::None,
        }
    });
    trickle(&site, 0, 60).await;
    site.quiet().await;
    proxy.mend();
    site.check().await;
    for binding in site.plane.bindings().unwrap().iter().filter(|binding| binding.accepted()) {
        assert_eq!(binding.user, "admin", "{} is bound by the scheduler itself", binding.pod);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_from_the_api_server() {
    let Some(site) = site().await else { return };
    let proxy = Proxy::start(site.client.clone()).await.unwrap();
    let config = site.config("a", &site.open_kubeconfig("proxy", &proxy.url()), &json!({}));
    let _replica = Replica::start("a", &config, true);
    trickle(&site, 0, 20).await;
    proxy.partition();
    trickle(&site, 20, 100).await;
    proxy.mend();
    trickle(&site, 120, 20).await;
    site.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_deleted_under_a_plan() {
    let Some(mut site) = Site::start(fleet(), Options::default()).await else { return };
    let config = site.config("a", &site.plane.kubeconfig(User::Admin), &json!({}));
    let _replica = Replica::start("a", &config, true);
    // No scheduler runs yet: what is planned stays planned.
    // A pod of it that is deleted is one that failed, and the Job has none to spare.
    let mut fragile = job("fragile", 4, &[(GPU, "8")], "1s");
    fragile["spec"]["backoffLimit"] = 0.into();
    site.submit_job(fragile).await;
    for index in 0..4 {
        site.submit_job(job(&format!("train-{index}"), 1, &[(GPU, "8")], "1s")).await;
    }
    until("all are planned", || async {
        let pods = site.all().await;
        pods.len() == 8 && pods.iter().all(|pod| planned(pod).is_some())
    })
    .await;
    let nodes: Api<Node> = Api::all(site.client.clone());
    let pods = site.all().await;
    let fragile = pods.iter().filter(|pod| pod.name_any().starts_with("fragile"));
    for pod in fragile.take(2) {
        nodes.delete(planned(pod).unwrap(), &DeleteParams::default()).await.unwrap();
    }
    site.schedule().await;
    site.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_extender_delays_and_loses_nothing() {
    let Some(site) = site().await else { return };
    let config = site.config("a", &site.plane.kubeconfig(User::Admin), &json!({}));
    let replica = Replica::start("a", &config, true);
    trickle(&site, 0, 10).await;
    replica.signal("-STOP");
    trickle(&site, 10, 25).await;
    // It is passed over: pods that came while it hung run before it is back. One that came before may be gated still.
    until("pods are scheduled without it", || async {
        let pods = site.all().await;
        let came = |pod: &&Pod| pod.name_any().starts_with("work-2") && pod.name_any() != "work-2";
        pods.iter().filter(came).all(|pod| node_of(pod).is_some())
    })
    .await;
    replica.signal("-CONT");
    site.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_of_which_the_leader_freezes() {
    let Some(mut site) = site().await else { return };
    let kubeconfig = site.plane.kubeconfig(User::Admin);
    let first = Replica::start("a", &site.config("a", &kubeconfig, &json!({})), true);
    trickle(&site, 0, 5).await;
    // The second listens elsewhere: calls go on to the first, which will freeze.
    let port = std::mem::replace(&mut site.port, free_port());
    let _second = Replica::start("b", &site.config("b", &kubeconfig, &json!({})), true);
    site.port = port;
    for round in 0..3 {
        first.signal("-STOP");
        trickle(&site, 100 * round + 10, 60).await;
        // It wakes up believing that it leads.
        first.signal("-CONT");
        trickle(&site, 100 * round + 70, 10).await;
    }
    site.check().await;
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_certificates_and_new_ones() {
    let Some(site) = site().await else { return };
    site.certify(Validity::Expired);
    let config = site.config("a", &site.plane.kubeconfig(User::Admin), &json!({}));
    let _replica = Replica::start("a", &config, true);
    // Neither the API server nor the scheduler believes it: pods pass.
    site.submit(pod("before", &[(GPU, "1")], None)).await;
    until("it is scheduled without us", || async {
        node_of(&site.pods().get("before").await.unwrap()).is_some()
    })
    .await;
    assert_eq!(planned(&site.pods().get("before").await.unwrap()), None);
    // The new ones are read without a restart.
    site.certify(Validity::Long);
    let count = AtomicU64::new(0);
    until("a pod is planned", || async {
        let name = format!("after-{}", count.fetch_add(1, Ordering::SeqCst));
        site.submit(pod(&name, &[(GPU, "1")], Some("1s"))).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        planned(&site.pods().get(&name).await.unwrap()).is_some()
    })
    .await;
    site.check().await;
}
