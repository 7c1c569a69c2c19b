//! Which program a document belongs to.

use std::fmt;

use plimsoll_model::read::View;

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

    /// The format of an object of the Kubernetes API; of a list what all of its items are, else that of manifests, which
    /// may hold any of them.
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
        let text = |item: &View<'_>, field| item.field(field).and_then(|view| view.text().map(str::to_owned));
        let items = document.root().field("items").map_or_else(Vec::new, |items| items.items());
        let mut formats = items.iter().map(|item| {
            of(&text(item, "apiVersion").unwrap_or_default(), &text(item, "kind").unwrap_or_default())
        });
        let first = formats.next().unwrap_or(Self::Kubernetes);
        if formats.all(|format| format == first) { first } else { Self::Kubernetes }
    }

    /// Whether a document holds nodes.
    pub(crate) fn has_nodes(document: &Foreign) -> bool {
        let is_node = |kind: Option<&str>| kind.is_some_and(|kind| matches!(kind, "Node" | "NodeList"));
        is_node(document.text("kind"))
            || document.root().field("items").is_some_and(|items| {
                items.items().iter().any(|item| is_node(item.field("kind").and_then(|kind| kind.text())))
            })
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
