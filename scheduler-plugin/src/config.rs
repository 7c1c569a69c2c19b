//! The configuration: a document of kind Serve, checked.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use plimsoll_model::{
    Diagnostic, Ratio,
    read::{self, Located},
    serve::{Serve, ServePlacement, ServeSpec},
};

use crate::{
    cluster::Placing,
    control::Settings,
    server::Limits,
    snapshot::Bounds,
    trace::{self, Traces},
};

/// Where certificates are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The server's certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authority of clients.
    pub clients: Option<PathBuf>,
}

/// The Lease by which one replica plans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How long a silent holder is believed.
    pub duration: Duration,
}

/// How the cluster side runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// TLS.
    pub tls: Option<Tls>,
    /// The kubeconfig.
    pub kubeconfig: Option<PathBuf>,
    /// Its context.
    pub context: Option<String>,
    /// The file with the Estate by which nodes have prices.
    pub estate: Option<PathBuf>,
    /// Of the server.
    pub limits: Limits,
    /// Of the controller.
    pub settings: Settings,
    /// How long view and plan count.
    pub bounds: Bounds,
    /// Where the search may stop.
    pub gap: Ratio,
    /// Whether the webhook adds gates.
    pub gate: bool,
    /// Whether the last replica opens them when it ends.
    pub open_on_shutdown: bool,
    /// Within which time bindings end; nothing where the scheduler binds.
    pub bind: Option<Duration>,
    /// Which replica plans.
    pub lease: Lease,
    /// Where traces go; nothing where there are none.
    pub traces: Option<Traces>,
}

impl Default for Config {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8_888));
        Self::of(&ServeSpec::default(), listen, Path::new(""))
    }
}

fn time(duration: plimsoll_model::Duration) -> Duration {
    Duration::from_nanos(u64::try_from(duration.nanos()).unwrap_or(0))
}

fn millis(duration: plimsoll_model::Duration) -> i64 {
    duration.nanos() / 1_000_000
}

impl Config {
    /// Reads a document; paths in it are relative to its folder.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        let document = read::serve(file, bytes)?;
        let spec = &document.value.spec;
        let listen = spec.listen.parse::<SocketAddr>().map_err(|_| {
            let problem = document.problem("spec.listen", "expected an address and a port");
            vec![problem.with_help("such as 127.0.0.1:8888, 0.0.0.0:8443 or [::1]:8888")]
        })?;
        let problems = wrong(&document, listen);
        if !problems.is_empty() {
            return Err(problems);
        }
        let folder = Path::new(file).parent().unwrap_or(Path::new(""));
        Ok(Self::of(spec, listen, folder))
    }

    fn of(spec: &ServeSpec, listen: SocketAddr, folder: &Path) -> Self {
        let path = |text: &String| folder.join(text);
        let (plan, limits) = (&spec.plan, &spec.limits);
        let bytes = |bytes: plimsoll_model::Bytes| usize::try_from(bytes.0).unwrap_or(usize::MAX);
        Self {
            listen,
            tls: spec.tls.as_ref().map(|tls| Tls {
                certificate: path(&tls.certificate),
                key: path(&tls.key),
                clients: tls.clients.as_ref().map(path),
            }),
            kubeconfig: spec.kubeconfig.as_ref().map(path),
            context: spec.context.clone(),
            estate: spec.estate.as_ref().map(path),
            limits: Limits {
                body: bytes(limits.body),
                bodies: bytes(limits.bodies),
                connections: limits.connections as usize,
                patience: time(limits.patience),
                ..Limits::default()
            },
            settings: Settings {
                deadline: millis(spec.gate.deadline),
                // What comes when gates open is of no use, and pods that came meanwhile have their own deadlines.
                patience: millis(spec.gate.deadline) * 2 / 3,
                bound: millis(plan.bound),
                stuck: millis(plan.stuck),
                placing: match plan.placement {
                    ServePlacement::Auto => None,
                    ServePlacement::Hard => Some(Placing::Hard),
                    ServePlacement::Soft => Some(Placing::Soft),
                },
                ..Settings::default()
            },
            bounds: Bounds { view: millis(plan.bound), plan: millis(plan.bound) },
            gap: plan.gap,
            gate: spec.gate.enabled,
            open_on_shutdown: spec.gate.open_on_shutdown,
            bind: spec.bind.enabled.then(|| time(spec.bind.timeout) / 2),
            lease: Lease {
                namespace: spec.lease.namespace.clone(),
                name: spec.lease.name.clone(),
                duration: time(spec.lease.duration),
            },
            traces: spec.traces.as_ref().map(|traces| Traces::at(&traces.endpoint)),
        }
    }
}

/// Values that are of the right form and cannot be meant.
fn wrong(document: &Located<Serve>, listen: SocketAddr) -> Vec<Diagnostic> {
    let spec = &document.value.spec;
    let mut problems = Vec::new();
    let has_clients = spec.tls.as_ref().is_some_and(|tls| tls.clients.is_some());
    if spec.bind.enabled && !has_clients && !listen.ip().is_loopback() {
        let what = "whoever reaches this address could bind any pod to any node";
        let problem = document.problem("spec.bind.enabled", what);
        problems
            .push(problem.with_help("name the authority of clients (`tls.clients`), or listen on 127.0.0.1"));
    }
    if let Some(traces) = &spec.traces
        && let Err(error) = trace::read(&Traces::at(&traces.endpoint).url)
    {
        let problem = document.problem("spec.traces.endpoint", error.to_string());
        problems.push(problem.with_help("such as http://otel-collector.observability:4318; what is secret goes in OTEL_EXPORTER_OTLP_HEADERS"));
    }
    let mut least = |field: &str, value: plimsoll_model::Duration, seconds: i64| {
        if value < plimsoll_model::Duration::from_secs(seconds) {
            let problem = document.problem(field, format!("at least {seconds}s"));
            problems
                .push(problem.with_help("shorter than the cluster takes to answer, it would always be over"));
        }
    };
    least("spec.gate.deadline", spec.gate.deadline, 1);
    least("spec.plan.bound", spec.plan.bound, 10);
    least("spec.plan.stuck", spec.plan.stuck, 1);
    least("spec.bind.timeout", spec.bind.timeout, 1);
    least("spec.lease.duration", spec.lease.duration, 3);
    least("spec.limits.patience", spec.limits.patience, 1);
    if spec.limits.connections == 0 {
        problems.push(document.problem("spec.limits.connections", "at least 1"));
    }
    if spec.limits.body.0 < 1 << 20 {
        let problem = document.problem("spec.limits.body", "at least 1Mi");
        problems.push(
            problem.with_help("a request with 10,000 node names has 150 KiB, one with whole nodes 15 MiB"),
        );
    }
    if spec.limits.bodies < spec.limits.body {
        problems.push(document.problem("spec.limits.bodies", "at least as much as one body (`body`)"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(spec: &str) -> Result<Config, Vec<Diagnostic>> {
        let text = format!("apiVersion: plimsoll.dev/v1alpha1\nkind: Serve\nspec: {spec}\n");
        Config::read("conf/serve.yaml", text.as_bytes())
    }

    #[test]
    fn what_is_not_stated_has_its_default_and_paths_are_the_documents() {
        let config = read("{tls: {certificate: tls.crt, key: /etc/tls.key}, gate: {deadline: 45s}}")
            .expect("a config");
        let tls = config.tls.clone().expect("TLS");
        assert_eq!((tls.certificate, tls.key), ("conf/tls.crt".into(), "/etc/tls.key".into()));
        assert_eq!(config.settings.deadline, 45_000);
        assert_eq!(config.settings.patience, 30_000);
        assert_eq!(Config { tls: None, settings: Settings::default(), ..config }, Config::default());
    }

    #[test]
    fn what_is_wrong_says_where() {
        for (spec, field, line) in [
            ("{listen: here}", "spec.listen", 3),
            ("{gate: {deadlin: 3s}}", "spec.gate", 3),
            ("{gate: {deadline: 5}}", "spec.gate.deadline", 3),
            ("{limits: {body: 1Ki}}", "spec.limits.body", 3),
            ("{lease: {duration: 1s}}", "spec.lease.duration", 3),
            ("{plan: {placement: firm}}", "spec.plan.placement", 3),
            ("{listen: 0.0.0.0:8443, bind: {enabled: true}}", "spec.bind.enabled", 3),
            ("{traces: {endpoint: otel-collector:4318}}", "spec.traces.endpoint", 3),
            ("{traces: {endpoint: \"http://me:secret@host:4318\"}}", "spec.traces.endpoint", 3),
            ("{traces: {}}", "spec.traces", 3),
        ] {
            let problems = read(spec).expect_err(spec);
            assert_eq!(
                (&*problems[0].field, problems[0].line()),
                (field, Some(line)),
                "{spec}: {problems:?}"
            );
        }
    }
}
