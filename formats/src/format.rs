//! Which program a document belongs to.

use std::fmt;

use crate::Foreign;

/// Fields that only SkyPilot's documents have at their top.
const TASK: [&str; 9] =
    ["envs", "resources", "run", "num_nodes", "setup", "file_mounts", "service", "workdir", "pool"];

/// A format of documents that are not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// A manifest of the Kubernetes API, custom resources included.
    Kubernetes,
    /// A task, service or job group of SkyPilot.
    SkyPilot,
    /// Nodes as `kubectl get nodes` prints them: own machines.
    Nodes,
    /// Karpenter's NodePool, NodeOverlay, EC2NodeClass and their like.
    Karpenter,
    /// Kueue's ClusterQueue, ResourceFlavor and their like.
    Kueue,
    /// `terraform show -json`.
    Terraform,
}

impl Format {
    /// The format of a document, if it is one of these.
    pub fn of(document: &Foreign) -> Option<Self> {
        if let (Some(version), Some(kind)) = (document.text("apiVersion"), document.text("kind")) {
            return Some(Self::of_object(document, version, kind));
        }
        let has = |field: &str| document.has(field);
        // A kustomization may leave out what it is; its `resources` are a list of files.
        if document.root().field("resources").is_some_and(|resources| resources.is_list()) {
            return Some(Self::Kubernetes);
        }
        if has("terraform_version") && (has("values") || has("planned_values")) {
            return Some(Self::Terraform);
        }
        // The first document of a chain or of a job group holds a name and how the others follow.
        let head = has("name") && (has("execution") || document.fields().len() == 1);
        (TASK.iter().any(|field| has(field)) || head).then_some(Self::SkyPilot)
    }

    /// The format of an object of the Kubernetes API; of a list what its first item is.
    fn of_object(document: &Foreign, version: &str, kind: &str) -> Self {
        let of = |version: &str, kind: &str| match version.split('/').next().unwrap_or(version) {
            "kueue.x-k8s.io" => Self::Kueue,
            group if group.starts_with("karpenter.") => Self::Karpenter,
            "v1" if matches!(kind, "Node" | "NodeList") => Self::Nodes,
            _ => Self::Kubernetes,
        };
        if (version, kind) != ("v1", "List") {
            return of(version, kind);
        }
        let first = document.root().field("items").and_then(|items| items.items().into_iter().next());
        let text = |field| first.as_ref()?.field(field)?.text();
        of(text("apiVersion").unwrap_or_default(), text("kind").unwrap_or_default())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kubernetes => "a Kubernetes manifest",
            Self::SkyPilot => "a SkyPilot task",
            Self::Nodes => "a list of nodes",
            Self::Karpenter => "a Karpenter resource",
            Self::Kueue => "a Kueue resource",
            Self::Terraform => "Terraform's state",
        })
    }
}
