//! Kinds of object: where their pods are described, how many there are, whether they end.

use plimsoll_model::{Diagnostic, Duration, read::View};

use super::{ended, object::Object, train};

/// Equal pods of an object.
#[derive(Debug, Clone)]
pub(crate) struct Component<'a> {
    /// Its part in the object: `worker`; empty where there is one part.
    pub(crate) role: String,
    /// The spec of a pod.
    pub(crate) spec: View<'a>,
    /// What is around the spec: an object of its own or a template, with the annotations.
    pub(crate) template: View<'a>,
    /// Containers that stand outside of the spec's lists.
    pub(crate) extra: Vec<View<'a>>,
    /// Of a `TrainJob`, the patch that the spec is, or would be.
    pub(crate) entry: Option<train::Entry>,
    pub(crate) pods: u32,
    /// The index of the document: pods of one group may stand in several.
    pub(crate) document: usize,
    /// Where their number is stated, else where they are.
    pub(crate) at: View<'a>,
}

/// An object that runs pods.
#[derive(Debug, Clone)]
pub(crate) struct Unit<'a> {
    pub(crate) object: Object<'a>,
    pub(crate) components: Vec<Component<'a>>,
    /// Whether the pods end by themselves.
    pub(crate) batch: bool,
    /// The longest that they may run.
    pub(crate) bound: Option<Bound<'a>>,
    /// What its kind leaves open, in words.
    pub(crate) remarks: Vec<(String, String)>,
}

/// `activeDeadlineSeconds`.
#[derive(Debug, Clone)]
pub(crate) struct Bound<'a> {
    pub(crate) duration: Duration,
    pub(crate) at: View<'a>,
}

/// What an object is to the planner.
pub(crate) enum Reading<'a> {
    Unit(Box<Unit<'a>>),
    /// Not planned, with the reason.
    PassedOver(String),
    /// Read where others refer to it: claims, volumes, classes, pod groups.
    ReferredTo,
    Broken,
}

const TEMPLATE: &[&str] = &["spec", "template"];

/// Reads an object.
pub(crate) fn read<'a>(object: &Object<'a>, problems: &mut Vec<Diagnostic>) -> Reading<'a> {
    let before = problems.len();
    let mut reader = Reader { object, problems, remarks: Vec::new() };
    let reading = reader.read();
    if problems.len() > before { Reading::Broken } else { reading }
}

struct Reader<'a, 'r> {
    object: &'r Object<'a>,
    problems: &'r mut Vec<Diagnostic>,
    remarks: Vec<(String, String)>,
}

impl<'a> Reader<'a, '_> {
    fn read(&mut self) -> Reading<'a> {
        let Object { group, kind, .. } = *self.object;
        match (group, kind) {
            _ if self.is_helm_test() => passed("is a test of its Helm chart"),
            _ if ended::has_ended(self.object) => passed("has ended"),
            ("", "Pod") => self.pod(),
            (
                "apps" | "extensions" | "apps.kruise.io",
                "Deployment" | "ReplicaSet" | "StatefulSet" | "CloneSet",
            )
            | ("", "ReplicationController")
            | ("argoproj.io", "Rollout")
            | ("apps.openshift.io", "DeploymentConfig") => self.replicated(),
            ("serving.knative.dev", "Service") => self.service(TEMPLATE, None),
            ("serving.kserve.io", "InferenceService") => self.inference_service(),
            (_, "DaemonSet") => passed("runs on every node; out of scope"),
            ("batch", "Job") => self.job(&[]),
            ("batch", "CronJob") => self.cron_job(),
            ("jobset.x-k8s.io", "JobSet") => self.job_set(),
            ("kubeflow.org", _) if self.replica_specs().is_some() => self.training_job(),
            ("trainer.kubeflow.org", "TrainJob") => self.train_job(),
            ("batch.volcano.sh", "Job") => self.volcano_job(),
            ("ray.io", "RayJob") => self.ray(&["spec", "rayClusterSpec"], true),
            ("ray.io", "RayCluster") => self.ray(&["spec"], false),
            ("ray.io", "RayService") => self.ray(&["spec", "rayClusterConfig"], false),
            ("leaderworkerset.x-k8s.io", "LeaderWorkerSet") => self.leader_worker_set(),
            // Of these, what a cluster says of itself is read as part of the estate.
            ("", "PersistentVolumeClaim" | "PersistentVolume" | "LimitRange" | "Node")
            | ("scheduling.k8s.io", "PriorityClass" | "PodGroup" | "Workload")
            | ("scheduling.x-k8s.io" | "scheduling.volcano.sh" | "scheduling.sigs.k8s.io", "PodGroup")
            | ("node.k8s.io", "RuntimeClass")
            | ("storage.k8s.io", "StorageClass")
            | ("policy", "PodDisruptionBudget")
            | (
                "resource.k8s.io",
                "DeviceClass" | "ResourceClaim" | "ResourceClaimTemplate" | "ResourceSlice",
            )
            | ("kueue.x-k8s.io", _) => Reading::ReferredTo,
            _ if group.starts_with("karpenter.") => Reading::ReferredTo,
            (_, "Kustomization") => {
                passed("says how to build manifests: kubectl kustomize … | plimsoll plan -")
            }
            _ if runs_nothing(group, kind) => passed("runs nothing"),
            _ if self.object.at(&["spec", "template", "spec", "containers"]).is_some() => {
                let what =
                    format!("kind `{kind}` of `{group}` is not known here, though it has a pod template");
                Reading::PassedOver(what)
            }
            _ => Reading::PassedOver(format!(
                "kind `{kind}` of `{}` is not known here",
                if group.is_empty() { "v1" } else { group }
            )),
        }
    }

    fn is_helm_test(&self) -> bool {
        let hook = self.object.at(&["metadata", "annotations", "helm.sh/hook"]);
        hook.and_then(|hook| hook.text())
            .is_some_and(|hook| hook.split(',').all(|one| one.trim().starts_with("test")))
    }

    fn unit(&mut self, components: Vec<Component<'a>>, batch: bool, bound: &[&[&str]]) -> Reading<'a> {
        if components.iter().all(|component| component.pods == 0) {
            return passed("is scaled to 0");
        }
        let components = components.into_iter().filter(|component| component.pods > 0).collect();
        let bound = bound.iter().find_map(|path| self.bound(path));
        Reading::Unit(Box::new(Unit {
            object: self.object.clone(),
            components,
            batch,
            bound,
            remarks: std::mem::take(&mut self.remarks),
        }))
    }

    fn bound(&self, path: &[&str]) -> Option<Bound<'a>> {
        let at = self.object.at(path)?;
        let seconds = u64::try_from(at.integer()?).ok().filter(|seconds| *seconds > 0)?;
        let duration = format!("{seconds}s").parse().ok()?;
        Some(Bound { duration, at })
    }

    /// The pods that a template describes.
    fn component(&mut self, role: &str, template: Option<View<'a>>, pods: Pods<'a>) -> Option<Component<'a>> {
        let spec = template.as_ref().and_then(|template| template.field("spec"));
        let (Some(template), Some(spec)) = (template, spec) else {
            let place = if role.is_empty() { String::new() } else { format!(" of `{role}`") };
            let problem =
                self.object.view.problem(format!("{} has no pod template{place}", self.object.title()));
            self.problems.push(problem.with_help("add `template.spec` with its containers"));
            return None;
        };
        Some(Component {
            role: role.to_ascii_lowercase(),
            at: pods.at.unwrap_or_else(|| spec.clone()),
            spec,
            template,
            extra: Vec::new(),
            entry: None,
            document: self.object.document,
            pods: pods.count,
        })
    }

    /// A count of pods; `default` where it is not stated.
    fn count(&mut self, at: Option<View<'a>>, default: u32) -> Pods<'a> {
        let Some(view) = &at else { return Pods { count: default, at } };
        // Kubernetes counts in 32 bits with a sign; kubectl writes a whole float as an integer.
        let count = view.integer().and_then(|count| i32::try_from(count).ok());
        let count = count.and_then(|count| u32::try_from(count).ok()).unwrap_or_else(|| {
            self.problems.push(no_count(view));
            default
        });
        Pods { count, at }
    }

    fn count_at(&mut self, path: &[&str], default: u32) -> Pods<'a> {
        let at = self.object.at(path);
        self.count(at, default)
    }

    fn pod(&mut self) -> Reading<'a> {
        let text = |path: &[&str]| self.object.at(path).and_then(|view| view.text());
        if let Some(phase @ ("Succeeded" | "Failed")) = text(&["status", "phase"]) {
            return Reading::PassedOver(format!("has ended: {phase}"));
        }
        let batch = matches!(text(&["spec", "restartPolicy"]), Some("Never" | "OnFailure"));
        let pods = Pods { count: 1, at: None };
        let component = self.component("", Some(self.object.view.clone()), pods);
        self.unit(component.into_iter().collect(), batch, &[&["spec", "activeDeadlineSeconds"]])
    }

    fn replicated(&mut self) -> Reading<'a> {
        let pods = self.count_at(&["spec", "replicas"], 1);
        self.service(TEMPLATE, Some(pods))
    }

    fn service(&mut self, template: &[&str], pods: Option<Pods<'a>>) -> Reading<'a> {
        let pods = pods.unwrap_or(Pods { count: 1, at: None });
        let component = self.component("", self.object.at(template), pods);
        self.unit(component.into_iter().collect(), false, &[])
    }

    /// `KServe` states the pod's fields in `predictor`, and the model's container apart from the others.
    fn inference_service(&mut self) -> Reading<'a> {
        let Some(predictor) = self.object.at(&["spec", "predictor"]) else {
            let problem = self.object.view.problem("an InferenceService needs `spec.predictor`");
            self.problems.push(problem.with_help("add it, with the model's container or `model`"));
            return Reading::Broken;
        };
        let pods = self.count(predictor.field("minReplicas"), 1);
        let component = Component {
            role: String::new(),
            at: pods.at.unwrap_or_else(|| predictor.clone()),
            template: self.object.view.clone(),
            extra: predictor.field("model").into_iter().collect(),
            entry: None,
            document: self.object.document,
            spec: predictor,
            pods: pods.count.max(1),
        };
        self.unit(vec![component], false, &[])
    }

    /// A Job whose fields lie under `within` of the object.
    fn job(&mut self, within: &[&str]) -> Reading<'a> {
        let under =
            |path: &[&'static str]| within.iter().copied().chain(path.iter().copied()).collect::<Vec<_>>();
        let spec = self.object.at(&under(&["spec"]));
        let Some(spec) = spec else {
            let problem = self.object.view.problem(format!("{} has no `spec`", self.object.title()));
            self.problems.push(problem.with_help("add it, or take the document out of the file"));
            return Reading::Broken;
        };
        let queued = self.object.at(&["metadata", "labels", "kueue.x-k8s.io/queue-name"]).is_some();
        if !queued && is_true(&spec, "suspend") {
            return passed("is suspended");
        }
        let mut pods = self.pods_of_job(&spec);
        pods.count = ended::still_at_once(self.object, &spec, pods.count);
        let component = self.component("", spec.field("template"), pods);
        let (own, pod) = (
            under(&["spec", "activeDeadlineSeconds"]),
            under(&["spec", "template", "spec", "activeDeadlineSeconds"]),
        );
        self.unit(component.into_iter().collect(), true, &[&own, &pod])
    }

    /// How many pods of a Job run at once.
    fn pods_of_job(&mut self, spec: &View<'a>) -> Pods<'a> {
        let parallelism = self.count(spec.field("parallelism"), 1);
        let Some(completions) = spec.field("completions") else { return parallelism };
        let completions = self.count(Some(completions), 1);
        if completions.count > parallelism.count && parallelism.count > 0 {
            let waves = completions.count.div_ceil(parallelism.count);
            self.remarks.push((
                format!("{} pods at a time, {waves} times over", parallelism.count),
                format!("{} completions; the duration is of all of them", completions.count),
            ));
        }
        if completions.count < parallelism.count { completions } else { parallelism }
    }

    fn cron_job(&mut self) -> Reading<'a> {
        if self.object.at(&["spec"]).is_some_and(|spec| is_true(&spec, "suspend")) {
            return passed("is suspended");
        }
        let schedule = self.object.at(&["spec", "schedule"]).and_then(|view| view.text()).unwrap_or("");
        let why = format!("its schedule is `{}`", plimsoll_model::shown(schedule));
        self.remarks.push(("one run, as soon as it can".into(), why));
        self.job(&["spec", "jobTemplate"])
    }

    fn job_set(&mut self) -> Reading<'a> {
        if self.is_held_back(&["spec"]) {
            return passed("is suspended");
        }
        let mut components = Vec::new();
        for job in self.object.at(&["spec", "replicatedJobs"]).map_or_else(Vec::new, |jobs| jobs.items()) {
            let role = job.field("name").and_then(|name| name.text()).unwrap_or("job");
            let Some(spec) = job.at(&["template", "spec"]) else {
                self.problems.push(
                    job.problem(format!("`{role}` has no `template.spec`"))
                        .with_help("add it: it is the spec of a Job"),
                );
                continue;
            };
            let replicas = self.count(job.field("replicas"), 1);
            let pods = self.pods_of_job(&spec).times(replicas);
            components.extend(self.component(role, spec.field("template"), pods));
        }
        self.unit(components, true, &[])
    }

    /// The field that lists the replicas of Kubeflow's training jobs by role: `pytorchReplicaSpecs`.
    fn replica_specs(&self) -> Option<View<'a>> {
        let spec = self.object.at(&["spec"])?;
        spec.entries().into_iter().find(|(key, _)| key.ends_with("ReplicaSpecs")).map(|(_, view)| view)
    }

    fn training_job(&mut self) -> Reading<'a> {
        if self.is_held_back(&["spec", "runPolicy"]) {
            return passed("is suspended");
        }
        let mut components = Vec::new();
        for (role, spec) in self.replica_specs().map_or_else(Vec::new, |specs| specs.entries()) {
            let pods = self.count(spec.field("replicas"), 1);
            components.extend(self.component(role, spec.field("template"), pods));
        }
        self.unit(
            components,
            true,
            &[&["spec", "runPolicy", "activeDeadlineSeconds"], &["spec", "activeDeadlineSeconds"]],
        )
    }

    /// A `TrainJob` states its nodes' resources; the rest is in a runtime that is not here, and in patches of it.
    fn train_job(&mut self) -> Reading<'a> {
        if self.is_held_back(&["spec"]) {
            return passed("is suspended");
        }
        let Some(trainer) = self.object.at(&["spec", "trainer"]) else {
            return passed("its runtime, not the TrainJob, says what its nodes need");
        };
        let pods = self.count(trainer.field("numNodes"), 1);
        let Some(resources) = trainer.field("resourcesPerNode") else {
            return passed("its runtime, not the TrainJob, says what its nodes need");
        };
        let mut patches = train::patches(self.object);
        let selects = |(spec, _): &(View<'a>, train::Entry)| {
            ["nodeSelector", "affinity", "tolerations"].iter().any(|field| spec.field(field).is_some())
        };
        if patches.iter().filter(|patch| selects(patch)).count() > 1 {
            let why = "several of its patches say where; the last of them stands".to_owned();
            self.remarks.push(("where its last patch says".to_owned(), why));
        }
        let last = patches.iter().rposition(selects).or(patches.len().checked_sub(1));
        let (spec, entry) = match last.map(|last| patches.swap_remove(last)) {
            Some(patch) => patch,
            None => (trainer.clone(), train::new_patch(self.object)),
        };
        let component = Component {
            role: String::new(),
            at: pods.at.unwrap_or_else(|| trainer.clone()),
            template: self.object.view.clone(),
            spec,
            entry: Some(entry),
            document: self.object.document,
            // `resourcesPerNode` has the fields of a container's `resources`.
            extra: vec![resources],
            pods: pods.count,
        };
        self.unit(vec![component], true, &[])
    }

    fn volcano_job(&mut self) -> Reading<'a> {
        let mut components = Vec::new();
        for task in self.object.at(&["spec", "tasks"]).map_or_else(Vec::new, |tasks| tasks.items()) {
            let role = task.field("name").and_then(|name| name.text()).unwrap_or("task");
            let pods = self.count(task.field("replicas"), 1);
            components.extend(self.component(role, task.field("template"), pods));
        }
        self.unit(components, true, &[])
    }

    fn ray(&mut self, cluster: &[&str], batch: bool) -> Reading<'a> {
        if self.is_held_back(&["spec"]) {
            return passed("is suspended");
        }
        let Some(cluster) = self.object.at(cluster) else {
            return passed("runs on a cluster that is there already");
        };
        let mut components = Vec::new();
        if let Some(head) = cluster.field("headGroupSpec") {
            let pods = Pods { count: 1, at: None };
            components.extend(self.component("head", head.field("template"), pods));
        }
        for workers in cluster.field("workerGroupSpecs").map_or_else(Vec::new, |groups| groups.items()) {
            let role = workers.field("groupName").and_then(|name| name.text()).unwrap_or("worker");
            let stated = workers.field("replicas").or_else(|| workers.field("minReplicas"));
            let hosts = self.count(workers.field("numOfHosts"), 1);
            let pods = self.count(stated, 1).times(hosts);
            components.extend(self.component(role, workers.field("template"), pods));
        }
        self.unit(components, batch, &[&["spec", "activeDeadlineSeconds"]])
    }

    fn leader_worker_set(&mut self) -> Reading<'a> {
        let Some(template) = self.object.at(&["spec", "leaderWorkerTemplate"]) else {
            let problem = self.object.view.problem("a LeaderWorkerSet needs `spec.leaderWorkerTemplate`");
            self.problems.push(problem.with_help("add it, with `size` and `workerTemplate`"));
            return Reading::Broken;
        };
        let groups = self.count_at(&["spec", "replicas"], 1);
        let size = self.count(template.field("size"), 1);
        let worker = template.field("workerTemplate");
        let leaders = Pods { count: groups.count, at: groups.at.clone() };
        let components = match template.field("leaderTemplate") {
            Some(leader) => {
                let workers = Pods { count: size.count.saturating_sub(1), at: size.at }.times(groups);
                vec![
                    self.component("leader", Some(leader), leaders),
                    self.component("worker", worker, workers),
                ]
            }
            None => vec![self.component("", worker, size.times(groups))],
        };
        self.unit(components.into_iter().flatten().collect(), false, &[])
    }

    /// Whether it is suspended, and not by a queue that will start it.
    fn is_held_back(&self, path: &[&str]) -> bool {
        let queued = self.object.at(&["metadata", "labels", "kueue.x-k8s.io/queue-name"]).is_some();
        !queued && self.object.at(path).is_some_and(|spec| is_true(&spec, "suspend"))
    }
}

/// A number of pods and where it is stated.
#[derive(Debug, Clone)]
struct Pods<'a> {
    count: u32,
    at: Option<View<'a>>,
}

impl<'a> Pods<'a> {
    fn times(self, other: Pods<'a>) -> Self {
        Self { count: self.count.saturating_mul(other.count), at: self.at.or(other.at) }
    }
}

fn no_count(view: &View<'_>) -> Diagnostic {
    let shown =
        view.text().map_or_else(String::new, |text| format!(", found `{}`", plimsoll_model::shown(text)));
    let problem =
        view.problem(format!("`{}`: expected a whole number from 0 to 2147483647{shown}", view.path()));
    if view.text().is_some_and(|text| text.contains("{{")) {
        return problem.with_help("render the template first: helm template … | plimsoll plan -");
    }
    problem
}

fn passed(why: &str) -> Reading<'static> {
    Reading::PassedOver(why.to_owned())
}

fn is_true(view: &View<'_>, field: &str) -> bool {
    view.field(field).and_then(|field| field.boolean()) == Some(true)
}

/// Kinds that stand beside workloads and run no pods of their own.
fn runs_nothing(group: &str, kind: &str) -> bool {
    match group {
        "" => !matches!(kind, "Node" | "PodTemplate"),
        "rbac.authorization.k8s.io"
        | "networking.k8s.io"
        | "policy"
        | "autoscaling"
        | "storage.k8s.io"
        | "apiextensions.k8s.io"
        | "admissionregistration.k8s.io"
        | "certificates.k8s.io"
        | "cert-manager.io"
        | "coordination.k8s.io"
        | "discovery.k8s.io"
        | "gateway.networking.k8s.io"
        | "monitoring.coreos.com"
        | "external-secrets.io"
        | "keda.sh"
        | "apiregistration.k8s.io"
        | "events.k8s.io"
        | "kyverno.io"
        | "resource.k8s.io"
        | "networking.istio.io"
        | "security.istio.io"
        | "traefik.io"
        | "bitnami.com" => true,
        _ => false,
    }
}
