//! `infra`, `cloud`, `region`, `zone`: where a task may run.

use plimsoll_model::{diagnostic::shown, estate::EstateSpec, read::View, yaml};

use super::{Findings, ask::Stated};

/// The clouds that SkyPilot knows.
const CLOUDS: [&str; 26] = [
    "aws",
    "azure",
    "gcp",
    "ibm",
    "lambda",
    "scp",
    "oci",
    "kubernetes",
    "k8s",
    "runpod",
    "vast",
    "vsphere",
    "cudo",
    "fluidstack",
    "paperspace",
    "primeintellect",
    "do",
    "nebius",
    "ssh",
    "slurm",
    "hyperbolic",
    "seeweb",
    "shadeform",
    "yotta",
    "mithril",
    "verda",
];

/// Of these, machines of one's own.
const OWN: [&str; 4] = ["kubernetes", "k8s", "ssh", "slurm"];

/// Whether SkyPilot knows a cloud by this name.
pub(super) fn is_cloud(name: &str) -> bool {
    CLOUDS.contains(&name) && !OWN.contains(&name)
}

/// What the estate says of places.
#[derive(Debug)]
pub(super) struct Known<'e> {
    estate: Option<&'e EstateSpec>,
}

impl<'e> Known<'e> {
    pub(super) const fn of(estate: Option<&'e EstateSpec>) -> Self {
        Self { estate }
    }

    fn is_site(&self, name: &str) -> bool {
        self.estate.is_some_and(|estate| estate.sites.iter().any(|site| site.name == name))
    }

    /// Whether offers may state zones: the embedded ones do not.
    fn has_zones(&self) -> bool {
        self.estate.is_some_and(|estate| {
            estate.offers.iter().any(|offer| offer.zone.is_some())
                || estate.catalog.iter().flatten().any(|file| file != "embedded")
        })
    }
}

/// Where one alternative may run.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub(super) places: Vec<String>,
    pub(super) zones: Vec<String>,
    /// On machines of one's own.
    pub(super) own: bool,
    /// The name of those machines, where the estate has no site of that name.
    pub(super) context: Option<String>,
    /// A zone that is taken as its region.
    pub(super) widened: Option<String>,
}

/// Reads where an alternative may run.
pub(super) fn read(stated: &Stated<'_, '_>, known: &Known<'_>, findings: &mut Findings) -> Place {
    let parts = match stated.field("infra") {
        Some(infra) => {
            for other in ["cloud", "region", "zone"] {
                if let Some(view) = stated.field(other) {
                    let message = format!("contradicts `infra`, which says the same: leave `{other}` out");
                    findings.wrong(&view, message);
                }
            }
            of_infra(&infra, findings)
        }
        None => ["cloud", "region", "zone"].map(|name| {
            let view = stated.field(name)?;
            super::fields::text(&view, findings).map(|text| (view.clone(), text.trim().to_owned()))
        }),
    };
    let [cloud, region, zone] = parts;
    let cloud = cloud.and_then(|(view, cloud)| {
        let cloud = cloud.to_ascii_lowercase();
        if CLOUDS.contains(&&*cloud) {
            return Some(cloud);
        }
        let message = format!("`{}` is no cloud that SkyPilot knows", shown(&cloud));
        match yaml::nearest(&cloud, CLOUDS) {
            Some(near) => findings.wrong_help(&view, message, format!("did you mean `{near}`?")),
            None => findings.wrong(&view, message),
        }
        None
    });
    let (region, zone) = (region.map(|(_, text)| text), zone.map(|(_, text)| text));
    place(cloud.as_deref(), region.as_deref(), zone.as_deref(), known)
}

/// The parts of `infra`.
fn of_infra<'a>(view: &View<'a>, findings: &mut Findings) -> [Option<(View<'a>, String)>; 3] {
    let text = super::fields::text(view, findings).unwrap_or("*").trim().trim_matches('/');
    let mut parts: Vec<&str> = text.split('/').map(str::trim).collect();
    let own = OWN.iter().any(|own| parts[0].eq_ignore_ascii_case(own));
    let context = parts[1..].join("/");
    if own && parts.len() > 1 {
        // A context's name may hold slashes.
        parts = vec![parts[0], &context];
    }
    if parts.len() > 3 || parts.iter().any(|part| part.is_empty()) {
        let message =
            format!("`{}` is no place such as `aws`, `aws/us-east-1` or `*/us-east-1`", shown(text));
        findings.wrong(view, message);
        return [None, None, None];
    }
    let part = |at: usize| {
        let part = parts.get(at).filter(|part| **part != "*")?;
        Some((view.clone(), (*part).to_owned()))
    };
    [part(0), part(1), part(2)]
}

fn place(cloud: Option<&str>, region: Option<&str>, zone: Option<&str>, known: &Known<'_>) -> Place {
    if cloud.is_some_and(|cloud| OWN.contains(&cloud)) {
        let site = region.map(str::to_owned);
        let named = site.as_deref().is_some_and(|site| known.is_site(site));
        return Place {
            places: site.iter().filter(|_| named).cloned().collect(),
            own: true,
            context: site.filter(|_| !named),
            ..Place::default()
        };
    }
    let mut region = region.map(str::to_owned);
    let mut place = Place::default();
    if let Some(zone) = zone {
        let derived = region.clone().or_else(|| region_of(zone));
        if known.has_zones() || derived.is_none() {
            place.zones.push(zone.to_owned());
        } else {
            place.widened = Some(zone.to_owned());
            region = derived;
        }
    }
    let parts: Vec<&str> = cloud.into_iter().chain(region.as_deref()).collect();
    if !parts.is_empty() {
        place.places.push(parts.join("/"));
    }
    place
}

/// The region of a zone by its name: `us-east-1a`, `us-central1-a`.
fn region_of(zone: &str) -> Option<String> {
    let region = zone.strip_suffix(|last: char| last.is_ascii_lowercase())?;
    let region = region.strip_suffix('-').unwrap_or(region);
    region.ends_with(|last: char| last.is_ascii_digit()).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_as_specific_as_they_are_stated() {
        let known = Known::of(None);
        let read = |cloud, region, zone| {
            let place = place(cloud, region, zone, &known);
            (place.places.join(" "), place.zones.join(" "), place.widened.unwrap_or_default())
        };
        let text = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(read(Some("aws"), Some("us-east-1"), None), text("aws/us-east-1", "", ""));
        assert_eq!(read(None, Some("us-east-1"), None), text("us-east-1", "", ""));
        assert_eq!(read(None, None, None), text("", "", ""));
        assert_eq!(
            read(Some("gcp"), None, Some("us-central1-a")),
            text("gcp/us-central1", "", "us-central1-a")
        );
        assert_eq!(read(Some("aws"), None, Some("us-east-1a")), text("aws/us-east-1", "", "us-east-1a"));
        assert_eq!(read(Some("azure"), None, Some("1")), text("azure", "1", ""));
    }
}
