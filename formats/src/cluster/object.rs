//! Documents to objects of the API, lists taken apart.

use plimsoll_model::read::View;

use crate::Documents;

/// An object, with its place.
#[derive(Debug, Clone)]
pub(super) struct Object<'a> {
    /// The index of its document.
    pub(super) document: usize,
    pub(super) view: View<'a>,
    pub(super) group: &'a str,
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
}

impl<'a> Object<'a> {
    /// `Kind NAME`, for people.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }

    /// The field that these lead to.
    pub(super) fn at(&self, fields: &[&str]) -> Option<View<'a>> {
        self.view.at(fields)
    }

    /// The text that these fields lead to.
    pub(super) fn text(&self, fields: &[&str]) -> Option<&'a str> {
        self.at(fields)?.text()
    }

    /// The items that these fields lead to.
    pub(super) fn items(&self, fields: &[&str]) -> Vec<View<'a>> {
        self.at(fields).map_or_else(Vec::new, |view| view.items())
    }

    pub(super) fn label(&self, key: &str) -> Option<&'a str> {
        self.text(&["metadata", "labels", key])
    }

    pub(super) fn annotation(&self, key: &str) -> Option<View<'a>> {
        self.at(&["metadata", "annotations", key])
    }

    pub(super) fn namespace(&self) -> &'a str {
        self.text(&["metadata", "namespace"]).unwrap_or("default")
    }
}

/// The objects of all documents, in order. What has no kind is somebody else's to complain about.
pub(super) fn objects<'a>(documents: &Documents<'a>) -> Vec<Object<'a>> {
    let mut found = Vec::new();
    for (document, place) in documents {
        add(*document, &place.root(), None, &mut found);
    }
    found
}

/// `within`: what a typed list says of its items.
fn add<'a>(
    document: usize,
    view: &View<'a>,
    within: Option<(&'a str, &'a str)>,
    found: &mut Vec<Object<'a>>,
) {
    let text = |field| view.field(field).and_then(|field| field.text());
    let version = text("apiVersion").or(within.map(|(version, _)| version));
    let kind = text("kind").or(within.map(|(_, kind)| kind));
    let (Some(version), Some(kind)) = (version, kind) else { return };
    let items = view.field("items").filter(View::is_list);
    if let (Some(of), Some(items)) = (kind.strip_suffix("List"), items) {
        let within = (!of.is_empty()).then_some((version, of));
        items.items().iter().for_each(|item| add(document, item, within, found));
        return;
    }
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let name = view.at(&["metadata", "name"]).and_then(|name| name.text()).unwrap_or_default();
    found.push(Object { document, view: view.clone(), group, kind, name });
}
