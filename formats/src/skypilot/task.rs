//! One task: its fields, each read or passed over.

use plimsoll_model::read::View;

use super::{
    Findings,
    data::{self, Data},
    fields,
    hints::{self, Hints},
    service::{self, Service},
};

/// Fields of a task.
const FIELDS: [&str; 22] = [
    "name",
    "resources",
    "num_nodes",
    "run",
    "setup",
    "workdir",
    "envs",
    "secrets",
    "managed_secrets",
    "file_mounts",
    "inputs",
    "outputs",
    "service",
    "pool",
    "volumes",
    "volume_mounts",
    "config",
    "experimental",
    "event_callback",
    "api_server_access",
    "file_mounts_mapping",
    "_metadata",
];

/// A task as its document states it.
#[derive(Debug)]
pub(super) struct Task<'a> {
    pub(super) root: View<'a>,
    pub(super) name: Option<String>,
    /// Nodes, each of which asks for what `resources` states.
    pub(super) nodes: u32,
    pub(super) resources: Option<View<'a>>,
    pub(super) service: Option<Service>,
    pub(super) data: Data,
    pub(super) hints: Hints<'a>,
    /// Whether volumes or a pod's own fields say more of where it may run.
    pub(super) unweighed: Vec<&'static str>,
}

/// Reads a task.
pub(super) fn read<'a>(root: &View<'a>, findings: &mut Findings) -> Task<'a> {
    fields::refuse_unknown(root, &FIELDS, findings);
    for name in ["run", "setup", "event_callback"] {
        if let Some(view) = root.field(name).filter(|view| view.text().is_none()) {
            findings.wrong(&view, "expected text");
        }
    }
    let unweighed = [("volumes", &["volumes"][..]), ("config", &["config", "kubernetes", "pod_config"])];
    let unweighed = unweighed.into_iter().filter_map(|(name, path)| root.at(path).map(|_| name)).collect();
    let envs = root.field("envs").filter(|envs| fields::is_mapping(envs, findings));
    Task {
        root: root.clone(),
        name: root.field("name").and_then(|name| self::name(&name, findings)),
        nodes: root.field("num_nodes").and_then(|nodes| fields::count(&nodes, 1, findings)).unwrap_or(1),
        resources: root.field("resources"),
        service: service::read(root, findings),
        data: data::read(root, envs.as_ref(), findings),
        hints: hints::read(envs.as_ref(), findings),
        unweighed,
    }
}

/// A name that SkyPilot accepts.
fn name(view: &View<'_>, findings: &mut Findings) -> Option<String> {
    let name = fields::text(view, findings)?;
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let middle = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if !middle || !ends(name.chars().next()) || !ends(name.chars().last()) {
        findings.wrong_help(
            view,
            "SkyPilot refuses this name",
            "letters, digits, `.`, `_` and `-`; a letter or digit first and last",
        );
        return None;
    }
    Some(name.to_owned())
}
