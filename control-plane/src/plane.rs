//! Brings the programs up, in order, each ready before the next.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::audit::{self, Binding};
use crate::certificates::{Authority, Identity, Validity};
use crate::processes::Processes;
use crate::{Binaries, Error, scheduler};

/// How long a program may take to be ready; it takes two to four seconds on an
/// idle machine.
const READY_WITHIN: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(100);

/// Controllers that would work against fake nodes: they set up what no fake
/// node has (cloud, routes, addresses).
const NEVER: &str = "-node-ipam-controller,-cloud-node-lifecycle-controller,-service-lb-controller,-node-route-controller,-ttl-controller";
/// Those that judge nodes by their heartbeats.
const BY_HEARTBEAT: &str = "-node-lifecycle-controller,-taint-eviction-controller";

/// Which of kube-controller-manager's controllers run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Controllers {
    /// None: pods are what the test creates.
    None,
    /// Jobs, Deployments, replica sets, disruption budgets, garbage collection.
    #[default]
    Workloads,
    /// These, and those that taint a node whose Lease is stale and evict its
    /// pods: the fake kubelet must then send heartbeats.
    WorkloadsAndNodes,
}

/// What is brought up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which controllers run.
    pub controllers: Controllers,
    /// Gangs by `PodGroup` and `Workload` (`scheduling.k8s.io/v1alpha2`).
    pub gangs: bool,
}

impl Options {
    fn feature_gates(&self) -> Option<OsString> {
        self.gangs.then(|| {
            "--feature-gates=GenericWorkload=true,GangScheduling=true,\
             TopologyAwareWorkloadScheduling=true,WorkloadAwarePreemption=true"
                .into()
        })
    }
}

/// As whom a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum User {
    /// A cluster administrator.
    Admin,
    /// kube-scheduler, with the rights that the cluster gives it.
    Scheduler,
}

impl User {
    const ALL: [Self; 2] = [Self::Admin, Self::Scheduler];

    fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Scheduler => "system:kube-scheduler",
        }
    }

    fn group(self) -> Option<&'static str> {
        match self {
            Self::Admin => Some("system:masters"),
            Self::Scheduler => None,
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::Admin => "admin.kubeconfig",
            Self::Scheduler => "scheduler.kubeconfig",
        }
    }
}

/// A running control plane; dropping it ends every process and removes every
/// file.
#[derive(Debug)]
pub struct ControlPlane {
    binaries: Binaries,
    options: Options,
    processes: Processes,
    authority: Authority,
    server: String,
    config: Config,
}

impl ControlPlane {
    /// Starts etcd, kube-apiserver and, unless there are no controllers,
    /// kube-controller-manager; returns when they are ready.
    ///
    /// # Errors
    /// When one cannot be started or is not ready in two minutes.
    pub async fn start(binaries: &Binaries, options: Options) -> Result<Self, Error> {
        // A free port may be taken by another process before ours binds it.
        for _ in 0..2 {
            match Self::start_once(binaries, options.clone()).await {
                Err(Error::Ended { log, .. }) if log.contains("address already in use") => {}
                result => return result,
            }
        }
        Self::start_once(binaries, options).await
    }

    async fn start_once(binaries: &Binaries, options: Options) -> Result<Self, Error> {
        let [etcd, peer, api] = free_ports()?;
        let processes = Processes::new()?;
        let authority = Authority::new("plimsoll test authority")?;
        let server = format!("https://127.0.0.1:{api}");
        let config = write_certificates(processes.folder(), &authority, &server).await?;
        let mut plane = Self { binaries: binaries.clone(), options, processes, authority, server, config };
        plane.start_etcd(etcd, peer)?;
        plane.start_apiserver(etcd, api)?;
        let client = plane.client();
        plane.ready("kube-apiserver", &client, "/readyz").await?;
        // Pods are refused until their namespace is there.
        plane.ready("kube-apiserver", &client, "/api/v1/namespaces/default").await?;
        plane.start_controllers().await?;
        Ok(plane)
    }

    /// A client with an administrator's rights.
    ///
    /// # Panics
    /// Never: the configuration is our own.
    pub fn client(&self) -> Client {
        self.client_at(&self.server)
    }

    /// The same at another address, such as a proxy's before the API server.
    ///
    /// # Panics
    /// When the address is no URL.
    pub fn client_at(&self, server: &str) -> Client {
        let mut config = self.client_config();
        config.cluster_url = server.parse().expect("an address of this machine is a URL");
        Client::try_from(config).expect("certificates just made are well formed")
    }

    /// What [`Self::client`] is made of.
    pub fn client_config(&self) -> Config {
        self.config.clone()
    }

    /// The API server's address.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// A kubeconfig file for a program.
    pub fn kubeconfig(&self, user: User) -> PathBuf {
        self.folder().join(user.file())
    }

    /// The authority that signed every certificate here.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The temporary folder: certificates, logs, what a test puts there.
    pub fn folder(&self) -> &Path {
        self.processes.folder()
    }

    /// The processes, to kill, freeze and restart them.
    pub fn processes(&mut self) -> &mut Processes {
        &mut self.processes
    }

    /// Every answer of the API server to a binding so far, in its order.
    ///
    /// # Errors
    /// When the audit log cannot be read.
    pub fn bindings(&self) -> Result<Vec<Binding>, Error> {
        audit::bindings(&self.folder().join(audit::LOG))
    }

    /// Starts a kube-scheduler under a process name, and waits until its caches
    /// are filled. In its configuration the kubeconfig is filled in, as are,
    /// where it says nothing, the leader election (off) and generous limits on
    /// requests.
    ///
    /// # Errors
    /// When the configuration is no object, or the scheduler refuses it (its
    /// words are in the error) or is not ready in two minutes.
    pub async fn start_scheduler(&mut self, name: &str, mut config: Value) -> Result<(), Error> {
        scheduler::complete(&mut config, &self.kubeconfig(User::Scheduler))?;
        let file = self.folder().join(format!("{name}.json"));
        write(&file, &config.to_string())?;
        let [port] = free_ports()?;
        let mut arguments = vec![flag("--config=", &file), "--v=2".into()];
        arguments.extend(self.serving(port));
        arguments.extend(self.options.feature_gates());
        self.processes.start(name, self.binaries.program("kube-scheduler"), arguments)?;
        let client = self.client_at(&format!("https://127.0.0.1:{port}"));
        self.ready(name, &client, "/readyz").await
    }

    /// Restarts a program that was killed and waits until the API server is
    /// ready again.
    ///
    /// # Errors
    /// As for the first start.
    pub async fn restart(&mut self, name: &str) -> Result<(), Error> {
        self.processes.restart(name)?;
        self.ready("kube-apiserver", &self.client(), "/readyz").await
    }

    fn start_etcd(&mut self, client: u16, peer: u16) -> Result<(), Error> {
        let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        let arguments = vec![
            flag("--data-dir=", &self.folder().join("etcd")),
            format!("--listen-client-urls={client}").into(),
            format!("--advertise-client-urls={client}").into(),
            format!("--listen-peer-urls={peer}").into(),
            format!("--initial-advertise-peer-urls={peer}").into(),
            format!("--initial-cluster=default={peer}").into(),
            "--unsafe-no-fsync".into(), // nothing here outlives the machine
            "--log-level=warn".into(),
        ];
        self.processes.start("etcd", self.binaries.program("etcd"), arguments)
    }

    fn start_apiserver(&mut self, etcd: u16, port: u16) -> Result<(), Error> {
        let folder = self.folder().to_owned();
        let file = |name: &str, value: &str| flag(name, &folder.join(value));
        let mut arguments: Vec<OsString> = vec![
            format!("--etcd-servers=http://127.0.0.1:{etcd}").into(),
            "--bind-address=127.0.0.1".into(),
            "--advertise-address=127.0.0.1".into(),
            format!("--secure-port={port}").into(),
            file("--tls-cert-file=", "serving.crt"),
            file("--tls-private-key-file=", "serving.key"),
            file("--client-ca-file=", "ca.crt"),
            format!("--service-account-issuer={}", self.server).into(),
            file("--service-account-key-file=", "tokens.crt"),
            file("--service-account-signing-key-file=", "tokens.key"),
            "--service-cluster-ip-range=10.0.0.0/24".into(),
            "--authorization-mode=RBAC".into(),
            // Without them pods need no service account, and nodes are not
            // tainted until something calls them ready.
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition".into(),
            "--endpoint-reconciler-type=none".into(),
            "--allow-privileged=true".into(),
            "--enable-priority-and-fairness=false".into(),
            "--max-requests-inflight=0".into(),
            "--max-mutating-requests-inflight=0".into(),
            file("--audit-policy-file=", "audit.json"),
            file("--audit-log-path=", audit::LOG),
        ];
        if let Some(gates) = self.options.feature_gates() {
            arguments.push(gates);
            arguments.push("--runtime-config=scheduling.k8s.io/v1alpha2=true".into());
        }
        self.processes.start("kube-apiserver", self.binaries.program("kube-apiserver"), arguments)
    }

    async fn start_controllers(&mut self) -> Result<(), Error> {
        let controllers = match self.options.controllers {
            Controllers::None => return Ok(()),
            Controllers::Workloads => format!("--controllers=*,{NEVER},{BY_HEARTBEAT}"),
            Controllers::WorkloadsAndNodes => format!("--controllers=*,{NEVER}"),
        };
        let [port] = free_ports()?;
        let mut arguments: Vec<OsString> = vec![
            // The administrator: with its own user it would need a service account a controller.
            flag("--kubeconfig=", &self.kubeconfig(User::Admin)),
            "--leader-elect=false".into(),
            flag("--service-account-private-key-file=", &self.folder().join("tokens.key")),
            flag("--root-ca-file=", &self.folder().join("ca.crt")),
            controllers.into(),
            "--kube-api-qps=500".into(),
            "--kube-api-burst=1000".into(),
            // Failures are noticed in seconds: a test waits for them.
            "--node-monitor-period=1s".into(),
            "--node-monitor-grace-period=6s".into(),
        ];
        arguments.extend(self.serving(port));
        arguments.extend(self.options.feature_gates());
        let name = "kube-controller-manager";
        self.processes.start(name, self.binaries.program(name), arguments)?;
        let client = self.client_at(&format!("https://127.0.0.1:{port}"));
        self.ready(name, &client, "/healthz").await
    }

    /// The flags by which a program serves its health, to anyone here.
    fn serving(&self, port: u16) -> [OsString; 5] {
        [
            "--bind-address=127.0.0.1".into(),
            format!("--secure-port={port}").into(),
            flag("--tls-cert-file=", &self.folder().join("serving.crt")),
            flag("--tls-private-key-file=", &self.folder().join("serving.key")),
            "--authorization-always-allow-paths=/healthz,/readyz,/livez,/metrics".into(),
        ]
    }

    /// Waits until a path answers 200.
    async fn ready(&mut self, name: &str, client: &Client, path: &str) -> Result<(), Error> {
        let polls = READY_WITHIN.as_millis() / POLL.as_millis();
        for _ in 0..polls {
            if get(client, path).await.is_ok() {
                return Ok(());
            }
            if let Some(status) = self.processes.ended(name) {
                let log = self.processes.last_lines(name, 12);
                return Err(Error::Ended { program: name.to_owned(), status, log });
            }
            tokio::time::sleep(POLL).await;
        }
        let log = self.processes.last_lines(name, 12);
        Err(Error::NotReady { program: name.to_owned(), seconds: READY_WITHIN.as_secs(), log })
    }
}

/// Writes what the programs read, and returns an administrator's access.
async fn write_certificates(folder: &Path, authority: &Authority, server: &str) -> Result<Config, Error> {
    write(&folder.join("ca.crt"), &authority.certificate())?;
    let serving = authority.server(&["kubernetes", "kubernetes.default"], Validity::Long)?;
    write_identity(folder, "serving", &serving)?;
    // Any key pair will do for service account tokens; this one signs nothing else.
    let tokens = authority.client("service-accounts", None, Validity::Long)?;
    write_identity(folder, "tokens", &tokens)?;
    for user in User::ALL {
        let identity = authority.client(user.name(), user.group(), Validity::Long)?;
        let kubeconfig = kubeconfig(server, authority, &identity);
        write(&folder.join(user.file()), &kubeconfig.to_string())?;
    }
    write(&folder.join("audit.json"), &audit::policy().to_string())?;

    let wrong = |reason: String| Error::Document { what: "kubeconfig", reason };
    let file = folder.join(User::Admin.file());
    let kubeconfig = Kubeconfig::read_from(file).map_err(|error| wrong(error.to_string()))?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| wrong(error.to_string()))?;
    config.default_retry = false; // the caller sees each answer
    Ok(config)
}

fn write_identity(folder: &Path, name: &str, identity: &Identity) -> Result<(), Error> {
    write(&folder.join(format!("{name}.crt")), &identity.certificate)?;
    write(&folder.join(format!("{name}.key")), &identity.key)
}

/// GET of a path, as text.
pub(crate) async fn get(client: &Client, path: &str) -> Result<String, kube::Error> {
    let request = http::Request::get(path).body(Vec::new()).expect("a path is a valid request");
    client.request_text(request).await
}

/// Ports that were free a moment ago. All are held at once, so that they
/// differ.
fn free_ports<const N: usize>() -> Result<[u16; N], Error> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(Error::file(Path::new("127.0.0.1:0")))?;
        *port = listener.local_addr().map_err(Error::file(Path::new("127.0.0.1:0")))?.port();
        held.push(listener);
    }
    Ok(ports)
}

fn flag(name: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(name);
    flag.push(path);
    flag
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(Error::file(path))
}

fn kubeconfig(server: &str, authority: &Authority, identity: &Identity) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "plimsoll",
        "contexts": [{"name": "plimsoll", "context": {"cluster": "plimsoll", "user": "plimsoll"}}],
        "clusters": [{"name": "plimsoll", "cluster": {
            "server": server,
            "certificate-authority-data": BASE64_STANDARD.encode(authority.certificate()),
        }}],
        "users": [{"name": "plimsoll", "user": {
            "client-certificate-data": BASE64_STANDARD.encode(&identity.certificate),
            "client-key-data": BASE64_STANDARD.encode(&identity.key),
        }}],
    })
}
