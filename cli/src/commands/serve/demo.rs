//! `plimsoll serve --demo`: all of it at work on a control plane of its own.

use std::{fmt::Display, path::PathBuf, time::Duration};

use clap::Args;
use plimsoll_control_plane::{
    Binaries, ControlPlane, Options,
    certificates::Validity,
    demo,
    kubelet::Kubelet,
    nodes,
    scheduler::{self, Extender},
};
use plimsoll_scheduler_plugin::{Config, Serving, Tls};

use crate::{args::Common, exit::Exit, failure::Failure, output, render, screen};

/// How the demo is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Demo")]
pub(crate) struct DemoArgs {
    /// Show it at work: start a control plane on loopback with fake nodes of several clouds, submit Jobs, a Deployment
    /// and a gang, print what became of each pod, and clean up
    #[arg(long, conflicts_with_all = ["config", "open_gates"])]
    pub(crate) demo: bool,
    /// How many nodes it has, about
    #[arg(long, value_name = "N", default_value_t = 20, requires = "demo", value_parser = clap::value_parser!(u32).range(1..=5000))]
    nodes: u32,
    /// Where `tools/kube/build` has left the programs [default: `PLIMSOLL_CACHE`, else plimsoll in the user's cache
    /// folder]
    #[arg(long, value_name = "FOLDER", requires = "demo")]
    cache: Option<PathBuf>,
}

/// How long all pods may take to have their answer.
const SETTLED_WITHIN: Duration = Duration::from_mins(1);
/// Events come a little later than what they tell of.
const EVENTS_AFTER: Duration = Duration::from_secs(1);

pub(super) async fn run(args: &DemoArgs, common: &Common) -> Result<Exit, Failure> {
    let say = |text: &str| {
        if !common.quiet {
            output::to_stderr(&format!("{text}\n"), common.color.choice());
        }
    };
    let cache = args.cache.clone().unwrap_or_else(screen::cache);
    let binaries = Binaries::in_cache(&cache).map_err(outside)?;

    say(&format!("starting Kubernetes {} on loopback", Binaries::version()));
    let mut plane = ControlPlane::start(&binaries, Options::default()).await.map_err(outside)?;
    let client = plane.client();
    let fleet = nodes::mixed(args.nodes);
    nodes::create(&client, &fleet).await.map_err(outside)?;
    let kubelet = Kubelet::start(client.clone(), None);

    let serving = serve(&plane).await?;
    let address = serving.address();
    let authority = plane.authority().certificate();
    let webhook = format!("https://{address}/admit");
    demo::prepare(&client, Some((&webhook, &authority))).await.map_err(outside)?;
    let extender = Extender { url_prefix: format!("https://{address}/scheduler"), ..extender(&authority) };
    let config = scheduler::configuration(&[extender]);
    plane.start_scheduler("kube-scheduler", config).await.map_err(outside)?;

    say("submitting Jobs, a Deployment and a gang");
    let count = demo::submit(&client).await.map_err(outside)?;
    demo::settle(&client, count, SETTLED_WITHIN).await.map_err(outside)?;
    tokio::time::sleep(EVENTS_AFTER).await;
    let stories = demo::stories(&client).await.map_err(outside)?;

    say("cleaning up");
    serving.shutdown().await;
    drop((kubelet, plane));
    output::text(common, &render::demo(&fleet, &stories))?;
    Ok(Exit::Done)
}

/// The cluster side, in this process, with a certificate of the control plane's authority.
async fn serve(plane: &ControlPlane) -> Result<Serving, Failure> {
    let (certificate, key) = (plane.folder().join("serve.crt"), plane.folder().join("serve.key"));
    let identity = plane.authority().server(&[], Validity::Long).map_err(outside)?;
    std::fs::write(&certificate, identity.certificate).map_err(outside)?;
    std::fs::write(&key, identity.key).map_err(outside)?;
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        tls: Some(Tls { certificate, key, clients: None }),
        ..Config::default()
    };
    let (config, client) = (super::traces::complete(config), Some(plane.client()));
    let serving = plimsoll_scheduler_plugin::start(config, client, &super::me()).await.map_err(outside)?;
    tokio::time::timeout(SETTLED_WITHIN, serving.synced())
        .await
        .map_err(|_| outside("the cluster was not seen whole in time"))?;
    Ok(serving)
}

/// As in the configuration that is shipped for kube-scheduler.
fn extender(authority: &str) -> Extender {
    let verb = |verb: &str| Some(verb.to_owned());
    Extender {
        filter_verb: verb("filter"),
        prioritize_verb: verb("prioritize"),
        preempt_verb: verb("preempt"),
        weight: 5,
        node_cache_capable: true,
        ignorable: true,
        http_timeout: verb("1s"),
        tls_config: Some(scheduler::trust(authority)),
        ..Extender::default()
    }
}

fn outside(error: impl Display) -> Failure {
    Failure::outside(error.to_string())
}
