//! `plimsoll serve`: the cluster side.

mod demo;
mod traces;

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use clap::Args;
use plimsoll_scheduler_plugin::{Config, Serving, StartError};

use crate::{args::Common, examples, exit::Exit, failure::Failure, output};

/// Run beside kube-scheduler: plan the pods that wait, and answer its extender calls
///
/// It ends at Ctrl-C or SIGTERM, and then opens every gate that it has put before pods, unless another replica goes on.
#[derive(Debug, Args)]
#[command(after_help = examples::SERVE)]
pub(crate) struct ServeArgs {
    /// How to run, a document of kind Serve; without it, all defaults
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Open every gate of Plimsoll in the cluster, print how many, and end
    #[arg(long)]
    pub(crate) open_gates: bool,
    /// The form of the log, on standard error
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Log::Text)]
    pub(crate) log: Log,
    #[command(flatten)]
    demo: demo::DemoArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Log {
    /// For people
    #[default]
    Text,
    /// A JSON object a line
    Json,
}

/// The configuration is looked at so often for changes.
const LOOK: Duration = Duration::from_secs(5);

pub(crate) fn run(args: &ServeArgs) -> Result<Exit, Failure> {
    if args.demo.demo {
        return threads()?.block_on(demo::run(&args.demo, &args.common));
    }
    let file = args.config.as_deref().map(File::read).transpose()?;
    let config = match &file {
        None => Config::default(),
        Some(file) => file.config()?,
    };
    log(args);
    let config = traces::complete(config);
    let runtime = threads()?;
    if args.open_gates {
        return runtime.block_on(open_gates(&config, &args.common));
    }
    runtime.block_on(serve(config, file))
}

fn threads() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("cannot start threads: {error}")))
}

/// A configuration as it was read.
struct File {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl File {
    fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = fs::read(path)
            .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
        Ok(Self { path: path.to_path_buf(), bytes })
    }

    fn config(&self) -> Result<Config, Failure> {
        Config::read(&self.path.display().to_string(), &self.bytes).map_err(Failure::problems)
    }
}

async fn serve(config: Config, file: Option<File>) -> Result<Exit, Failure> {
    let serving =
        plimsoll_scheduler_plugin::start(config, None, &me()).await.map_err(|error| failed(&error))?;
    tokio::select! {
        () = ended() => {}
        () = follow(&serving, file) => {}
    }
    serving.shutdown().await;
    Ok(Exit::Done)
}

/// Takes over what the file says when it changes; what is wrong with it is said, and changes nothing.
async fn follow(serving: &Serving, file: Option<File>) {
    let Some(mut file) = file else { return std::future::pending().await };
    loop {
        tokio::time::sleep(LOOK).await;
        let Ok(bytes) = fs::read(&file.path) else { continue };
        if bytes == file.bytes {
            continue;
        }
        file.bytes = bytes;
        match file.config() {
            Ok(config) => serving.reconfigure(traces::complete(config)),
            Err(failure) => {
                let problem = anstream::adapter::strip_str(&failure.render()).to_string();
                tracing::error!(problem, "the configuration that was in use stays in use");
            }
        }
    }
}

async fn open_gates(config: &Config, common: &Common) -> Result<Exit, Failure> {
    let client = plimsoll_scheduler_plugin::client(config).await.map_err(|error| failed(&error))?;
    let opened = plimsoll_scheduler_plugin::open_gates(&client)
        .await
        .map_err(|error| Failure::outside(format!("the API server: {error}")))?;
    output::text(common, &format!("{opened} gates opened\n"))?;
    Ok(Exit::Done)
}

fn failed(error: &StartError) -> Failure {
    match error {
        StartError::Cluster(_) => Failure::outside(error.to_string())
            .with_help("name a kubeconfig in the configuration (`kubeconfig`), or run it in a pod"),
        StartError::Estate(problems) => Failure::problems(problems.clone()),
        StartError::Tls(_) | StartError::Traces(_) | StartError::Listen { .. } => {
            Failure::usage(error.to_string())
        }
    }
}

/// The name of this replica: the pod's, which is its host's, and the process.
fn me() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}-{}", host.trim(), process::id())
}

/// Waits for Ctrl-C or SIGTERM.
async fn ended() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    _ = tokio::signal::ctrl_c().await;
}

fn log(args: &ServeArgs) {
    let level = match (args.common.quiet, args.common.verbose) {
        (true, _) => tracing::Level::ERROR,
        (_, true) => tracing::Level::DEBUG,
        _ => tracing::Level::INFO,
    };
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level);
    match args.log {
        Log::Text => builder.with_ansi(false).init(),
        Log::Json => builder.json().init(),
    }
}
