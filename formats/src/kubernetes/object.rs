//! Documents to objects: lists taken apart, each object with its kind and name.

use plimsoll_model::{Diagnostic, read::View};

use crate::{Documents, Foreign};

/// An object of the API, with its place.
#[derive(Debug, Clone)]
pub(crate) struct Object<'a> {
    /// The index of its document.
    pub(crate) document: usize,
    pub(crate) place: &'a Foreign,
    pub(crate) view: View<'a>,
    /// The API group; empty for the core.
    pub(crate) group: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    namespace: Option<&'a str>,
}

impl<'a> Object<'a> {
    /// The namespace, as kubectl takes it.
    pub(crate) fn namespace(&self) -> &'a str {
        self.namespace.unwrap_or("default")
    }

    /// `Kind NAME`, for people.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.kind, self.name).trim_end().to_owned()
    }

    /// The field that these lead to.
    pub(crate) fn at(&self, fields: &[&str]) -> Option<View<'a>> {
        self.view.at(fields)
    }

    /// The object that controls this one, as (kind, name).
    pub(crate) fn owner(&self) -> Option<(&'a str, &'a str)> {
        let owners = self.at(&["metadata", "ownerReferences"])?.items();
        let text = |owner: &View<'a>, field| owner.field(field).and_then(|view| view.text());
        owners.iter().find_map(|owner| Some((text(owner, "kind")?, text(owner, "name")?)))
    }
}

impl<'a> Object<'a> {
    /// What a merge key brings in, anywhere in it: kubectl would read more than is read here.
    pub(crate) fn merge_key(&self) -> Option<View<'a>> {
        let mut open = vec![self.view.clone()];
        while let Some(view) = open.pop() {
            for (key, value) in view.entries() {
                if key == "<<" {
                    return Some(value);
                }
                open.push(value);
            }
            open.extend(view.items());
        }
        None
    }
}

/// The objects of all documents, in order.
pub(crate) fn objects<'a>(documents: &Documents<'a>, problems: &mut Vec<Diagnostic>) -> Vec<Object<'a>> {
    let mut found = Vec::new();
    for (index, place) in documents {
        let mut flat = Flat { document: *index, place, found: &mut found, problems };
        flat.add(&place.root(), None);
    }
    found
}

/// What a kustomization is when it does not say.
const KUSTOMIZATION: (&str, &str) = ("kustomize.config.k8s.io/v1beta1", "Kustomization");

struct Flat<'a, 'r> {
    document: usize,
    place: &'a Foreign,
    found: &'r mut Vec<Object<'a>>,
    problems: &'r mut Vec<Diagnostic>,
}

impl<'a> Flat<'a, '_> {
    /// An object, or the items of a list. `within` is what a list says of its items.
    fn add(&mut self, view: &View<'a>, within: Option<(&'a str, &'a str)>) {
        if !view.is_mapping() {
            self.problems.push(
                view.problem("expected an object with `apiVersion`, `kind` and `metadata`")
                    .with_help("write it as `kubectl get -o yaml` does"),
            );
            return;
        }
        let text = |field| view.field(field).and_then(|field| field.text());
        let is_kustomization = text("kind").is_none() && view.field("resources").is_some_and(|r| r.is_list());
        let within = if is_kustomization { Some(KUSTOMIZATION) } else { within };
        let version = text("apiVersion").or(within.map(|(version, _)| version));
        let kind = text("kind").or(within.map(|(_, kind)| kind));
        let (Some(version), Some(kind)) = (version, kind) else {
            self.problems.push(
                view.problem("an object needs `apiVersion` and `kind`")
                    .with_help("such as `apiVersion: apps/v1` and `kind: Deployment`"),
            );
            return;
        };
        let items = view.field("items").filter(View::is_list);
        if let (Some(of), Some(items)) = (kind.strip_suffix("List"), items) {
            let within = (!of.is_empty()).then_some((version, of));
            items.items().iter().for_each(|item| self.add(item, within));
            return;
        }
        if kind == "List" {
            return;
        }
        let metadata = |field| view.at(&["metadata", field]).and_then(|field| field.text());
        let name =
            metadata("name").or_else(|| metadata("generateName").map(|name| name.trim_end_matches('-')));
        let group = version.split_once('/').map_or("", |(group, _)| group);
        self.found.push(Object {
            document: self.document,
            place: self.place,
            view: view.clone(),
            group,
            kind,
            name: name.unwrap_or_default(),
            namespace: metadata("namespace"),
        });
    }
}
