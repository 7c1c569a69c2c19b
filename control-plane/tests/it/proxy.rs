//! The proxy's faults, as a client sees them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{PostParams, WatchParams};
use kube::{Api, Client, Config};
use plimsoll_control_plane::proxy::{Fault, Proxy};
use plimsoll_control_plane::{Controllers, Options};

use crate::support::{create, plane, pod, pods};

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_what_a_client_sees() {
    let options = Options { controllers: Controllers::None, ..Options::default() };
    let Some(plane) = plane(options).await else { return };
    let direct = plane.client();
    let proxy = Proxy::start(direct.clone()).await.unwrap();
    let mut config = Config::new(proxy.url().parse().unwrap());
    config.default_retry = false;
    let client = Client::try_from(config).unwrap();
    let through: Api<Pod> = pods(&client);

    // Without a fault it is the API server, watches included.
    let mut watch = through.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    create(&client, &pod("first", "cpu", 1)).await;
    assert!(watch.next().await.unwrap().is_ok());

    let asked = AtomicUsize::new(0);
    proxy.set(move |method, _| {
        let is_first = asked.fetch_add(1, Ordering::SeqCst) == 0;
        if *method == http::Method::GET && is_first { Fault::Refused(409) } else { Fault::None }
    });
    let Err(kube::Error::Api(status)) = through.get("first").await else { panic!("no refusal") };
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    through.get("first").await.unwrap();

    // The pod is made, but its maker does not learn it.
    proxy.set(|_, _| Fault::AnswerLost);
    let second = pod("second", "cpu", 1);
    let params = PostParams::default();
    let lost = tokio::time::timeout(Duration::from_secs(2), through.create(&params, &second)).await;
    assert!(lost.is_err());
    pods(&direct).get("second").await.unwrap();

    // A partition breaks the watch and answers nothing; afterwards all is as before.
    proxy.partition();
    let broken = async { while watch.next().await.is_some_and(|event| event.is_ok()) {} };
    tokio::time::timeout(Duration::from_secs(5), broken).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(1), through.get("first")).await.is_err());
    proxy.mend();
    through.get("first").await.unwrap();
}
