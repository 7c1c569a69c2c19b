//! What is taken for granted of machines where a manifest says nothing of them: that a kubelet runs there, which
//! makes them nodes, and that they run programs built for amd64.

use std::{collections::BTreeSet, sync::LazyLock};

use plimsoll_catalog::{InstanceType, accelerator, canonical, clouds, instance_types, is_jurisdiction};
use plimsoll_model::{
    Arch, OfferSpec,
    estate::{EMBEDDED, EstateSpec},
    read::View,
    workload::{Request, WorkloadSpec},
};

use super::{assemble::Assembly, limits::Property, notes::Notes, object::Object};
use crate::labels::{ARCHES, requirement::Requirement};

/// Clouds that rent containers: no kubelet runs in one, so none is a node.
const OF_CONTAINERS: [&str; 2] = ["runpod", "vast"];

const ARM: &str = Arch::Arm64.as_str();

/// Cards of the catalogue by what machines have them.
struct Cards {
    of_containers: BTreeSet<(&'static str, &'static str)>,
    on_arm: BTreeSet<&'static str>,
    on_others: BTreeSet<&'static str>,
}

static CARDS: LazyLock<Cards> = LazyLock::new(|| {
    let with_cards = instance_types().iter().filter_map(|of| Some((of, of.accelerator?.name)));
    let mut cards =
        Cards { of_containers: BTreeSet::new(), on_arm: BTreeSet::new(), on_others: BTreeSet::new() };
    for (of, card) in with_cards {
        if OF_CONTAINERS.contains(&of.cloud) {
            cards.of_containers.insert((of.cloud, card));
        }
        if is_arm(of) {
            cards.on_arm.insert(card)
        } else {
            cards.on_others.insert(card)
        };
    }
    cards
});

fn is_arm(of: &InstanceType) -> bool {
    of.arch.name() == ARM
}

impl Assembly<'_, '_> {
    /// Holds a workload to machines that can be its nodes and run its images, as far as it does not name others.
    pub(super) fn hold_to_nodes(&self, spec: &mut WorkloadSpec, notes: &mut Notes) {
        let may_come_to = |cloud: &&str| {
            let is_there = |offer: &OfferSpec| offer.cloud.as_deref() == Some(*cloud);
            let has_card = |card: &str| CARDS.of_containers.contains(&(*cloud, card));
            let is_known = clouds().any(|known| known == *cloud);
            self.may_come_to(spec, is_known, &has_card, &is_there) && !is_settled(spec, cloud)
        };
        let only_containers: Vec<&str> = OF_CONTAINERS.into_iter().filter(may_come_to).collect();
        for cloud in &only_containers {
            let others = spec.alternatives.iter_mut().filter_map(|way| way.not_in.as_mut());
            for places in std::iter::once(&mut spec.not_in).chain(others) {
                if !places.iter().any(|place| place == cloud) {
                    places.push((*cloud).to_owned());
                }
            }
        }
        if !only_containers.is_empty() {
            notes.assume(
                "clouds without nodes (plimsoll.dev/clouds)",
                &self.name,
                format!("not {}", only_containers.join(", ")),
                "containers are rented there, in which no kubelet runs; who names the cloud may use it",
            );
        }
        let is_arm = |offer: &OfferSpec| offer.arch == Some(Arch::Arm64);
        let may_come_to_arm = self.may_come_to(spec, true, &|card| CARDS.on_arm.contains(card), &is_arm);
        if may_come_to_arm && !self.may_run_on_arm(spec) {
            let others = spec.alternatives.iter_mut().filter_map(|way| way.request.as_mut());
            for request in std::iter::once(&mut spec.request).chain(others) {
                request.not_arch = Some(Arch::Arm64);
            }
            notes.assume(
                "architecture (plimsoll.dev/request)",
                &self.name,
                "amd64",
                "nothing says that its images are built for arm64: a selector, an affinity or a toleration of \
                 kubernetes.io/arch would, or `{arch: arm64}`",
            );
        }
    }

    /// Whether the plan may have offers of a kind for it: the embedded catalogue has such ones (`is_known`) with a
    /// card of its, a file may have them, or the estate states one.
    fn may_come_to(
        &self,
        spec: &WorkloadSpec,
        is_known: bool,
        has_card: &dyn Fn(&str) -> bool,
        is_such: &dyn Fn(&OfferSpec) -> bool,
    ) -> bool {
        let catalog = self.estate.and_then(|estate| estate.catalog.as_ref());
        let is_embedded = self.estate.is_none_or(EstateSpec::has_embedded_catalog) && is_known;
        let has_files = catalog.is_some_and(|list| list.iter().any(|item| item != EMBEDDED));
        let stated =
            || self.estate.into_iter().flat_map(|estate| &estate.offers).filter(|offer| is_such(offer));
        let states = |name: &str| {
            stated().any(|offer| {
                offer.accelerator.as_deref().is_some_and(|has| canonical(has) == canonical(name))
            })
        };
        let may_have = |name: &String| {
            (is_embedded && accelerator(name).is_some_and(|card| has_card(card.name))) || states(name)
        };
        has_files
            || spec.ways().iter().any(|way| match &way.request.accelerators {
                Some(asked) if !asked.any_of.is_empty() => asked.any_of.iter().any(may_have),
                _ => is_embedded || stated().next().is_some(),
            })
    }

    /// Whether something says that it runs there: its own manifest, or a cluster that has such nodes, where
    /// Kubernetes itself would place it.
    fn may_run_on_arm(&self, spec: &WorkloadSpec) -> bool {
        let part = self.part;
        self.has_arm
            || part.placement.tolerates_arm
            || part.ways.iter().any(|way| way.limits.choices.contains_key(&Property::Arch))
            || spec.ways().iter().any(|way| self.asks_for_arm(&way.request))
    }

    /// Whether a request names what only such machines have.
    fn asks_for_arm(&self, request: &Request) -> bool {
        let offers = self.estate.map_or(&[][..], |estate| &estate.offers);
        let names_arm = |name: &String| {
            let stated = offers.iter().filter(|offer| offer.arch == Some(Arch::Arm64));
            stated.filter_map(|offer| offer.instance_type.as_ref()).any(|kind| kind == name)
                || instance_types().iter().any(|of| of.name == *name && is_arm(of))
        };
        let cards = request.accelerators.iter().flat_map(|asked| &asked.any_of);
        let mut cards = cards.filter_map(|name| accelerator(name)).peekable();
        let only_arm = |name: &str| CARDS.on_arm.contains(name) && !CARDS.on_others.contains(name);
        let are_arm = cards.peek().is_some() && cards.all(|card| only_arm(card.name));
        request.arch.is_some()
            || request.not_arch.is_some()
            || request.instance_type.iter().any(names_arm)
            || are_arm
    }
}

/// Whether a workload names a cloud, or where else it is to run.
fn is_settled(spec: &WorkloadSpec, cloud: &str) -> bool {
    let names = |place: &str| {
        let start = place.get(..cloud.len()).filter(|start| start.eq_ignore_ascii_case(cloud));
        start.is_some() && matches!(place.as_bytes().get(cloud.len()), None | Some(b'/'))
    };
    let ways = spec.ways();
    let lists = |way: &WorkloadSpec| [way.clouds.clone(), way.regions.clone(), way.zones.clone()];
    // Of what lies in a country or a continent, a part may be in any cloud.
    let is_elsewhere =
        |places: &[String]| !places.is_empty() && !places.iter().any(|place| is_jurisdiction(place));
    spec.current.as_deref().is_some_and(names)
        || ways.iter().any(|way| lists(way).iter().flatten().any(|place| names(place)))
        || ways.iter().all(|way| lists(way).iter().any(|list| is_elsewhere(list)))
}

/// Whether there are nodes, or pools of them, that run programs built for Arm.
pub(super) fn has_arm(objects: &[Object<'_>], estate: Option<&EstateSpec>) -> bool {
    let is_labelled = |labels: Option<View<'_>>| {
        labels.is_some_and(|labels| {
            ARCHES.iter().any(|key| labels.field(key).is_some_and(|is| is.text() == Some(ARM)))
        })
    };
    let mut sites = estate.into_iter().flat_map(|estate| &estate.sites);
    sites.any(|site| site.nodes.iter().any(|nodes| nodes.arch == Some(Arch::Arm64)))
        || objects.iter().any(|object| match object.kind {
            "Node" => {
                let reported = object.at(&["status", "nodeInfo", "architecture"]);
                is_labelled(object.at(&["metadata", "labels"]))
                    || reported.is_some_and(|is| is.text() == Some(ARM))
            }
            "ResourceFlavor" => is_labelled(object.at(&["spec", "nodeLabels"])),
            "NodePool" => {
                let list = object.at(&["spec", "template", "spec", "requirements"]);
                let admits =
                    |one: &Requirement<'_>| ARCHES.contains(&&*one.key) && one.admits(&[ARM.to_owned()]);
                is_labelled(object.at(&["spec", "template", "metadata", "labels"]))
                    || Requirement::each(list, &mut Vec::new()).iter().any(admits)
            }
            _ => false,
        })
}
