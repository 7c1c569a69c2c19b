//! An Estate in place of `[cluster]` and `[[market.offers]]`: its own machines and the offers that it states.

use std::collections::BTreeMap;

use plimsoll_model::{
    Capacity, Document, OfferSpec, PerHour,
    estate::{EstateSpec, NodeGroup, Site},
    read::{Point, documents},
    scenario::{ClusterSpec, Count, MarketOffer, NodeSpec},
};

use super::{Context, Problems};
use crate::timed::policies::make::rents;

/// The point with what an Estate holds written out; nothing where it names none.
pub(super) fn written_out(context: &mut Context<'_>) -> Result<Option<Point>, Problems> {
    let scenario = &context.point.scenario.value;
    let of_cluster = scenario.cluster.as_ref().and_then(|cluster| cluster.estate.as_deref());
    let (field, name) = match (scenario.estate.as_deref(), of_cluster) {
        (None, None) => return Ok(None),
        (Some(name), None) => ("estate", name),
        (None, Some(name)) => ("cluster.estate", name),
        (Some(_), Some(_)) => {
            return context.refuse("cluster.estate", "is stated beside `estate`", "remove one of the two");
        }
    };
    let mut cluster = scenario.cluster.clone().unwrap_or_default();
    if !cluster.nodes.is_empty() {
        return context.refuse("cluster.nodes", "stand beside an Estate", "list the machines in one of them");
    }
    let (shown, bytes) = context.file(field, Some(name))?;
    let estate = read(context, field, &shown, &bytes)?;
    cluster.nodes = machines(&estate.sites);
    cluster.estate = None;
    // What nobody rents would change nothing.
    let is_rented = scenario.run.policies.iter().any(|policy| rents(&policy.name));
    let offers = estate.offers.iter().filter(|_| is_rented).map(offer);
    let mut point = context.point.clone();
    let scenario = &mut point.scenario.value;
    scenario.market.offers.extend(offers);
    scenario.cluster = Some(cluster).filter(has_machines);
    scenario.estate = None;
    let mut passed_over = passed_over(&estate);
    if !is_rented && !estate.offers.is_empty() {
        passed_over.push("offers, which no policy rents");
    }
    if !passed_over.is_empty() {
        context.notes.push(format!("{shown}: not looked at: {}", passed_over.join(", ")));
    }
    Ok(Some(point))
}

/// Without machines of its own an Estate may still offer some.
fn has_machines(cluster: &ClusterSpec) -> bool {
    !cluster.nodes.is_empty()
}

fn read(context: &Context<'_>, field: &str, shown: &str, bytes: &[u8]) -> Result<EstateSpec, Problems> {
    let mut found: Option<EstateSpec> = None;
    for document in documents(shown, bytes)? {
        if let Document::Estate(estate) = document.split().0 {
            match &mut found {
                None => found = Some(estate.spec),
                Some(known) => known.extend(estate.spec),
            }
        }
    }
    match found {
        Some(estate) => Ok(estate),
        None => context.refuse(field, format!("{shown} holds no Estate"), "kind: Estate, as `plan` reads it"),
    }
}

/// The machines of all sites. A name that several sites have is told apart by the site's.
fn machines(sites: &[Site]) -> Vec<NodeSpec> {
    let all = || sites.iter().flat_map(|site| site.nodes.iter().map(move |group| (site, group)));
    let mut known: BTreeMap<&str, u32> = BTreeMap::new();
    for (_, group) in all() {
        *known.entry(&group.name).or_default() += 1;
    }
    let machine = |(site, group): (&Site, &NodeGroup)| NodeSpec {
        name: match known.get(&*group.name) {
            Some(1) => group.name.clone(),
            _ => format!("{}-{}", site.name, group.name),
        },
        count: Some(group.count.unwrap_or(1).into()),
        accelerator: group.accelerator.clone(),
        accelerators: group.accelerators.map(u64::from),
        cpu: group.cpu,
        memory: group.memory,
        partition: None,
        zone: Some(site.name.clone()),
        hourly: Some(group.hourly.to_f64()),
    };
    all().filter(|(_, group)| group.count != Some(0)).map(machine).collect()
}

fn offer(stated: &OfferSpec) -> MarketOffer {
    let devices = stated.accelerators.map(|count| Count(count.milli() as f64 / 1000.0));
    MarketOffer {
        name: stated.full_name(),
        capacity: Some(stated.capacity),
        cloud: stated.cloud.clone(),
        region: Some(stated.region.clone()),
        zone: stated.zone.clone(),
        instance_type: stated.instance_type.clone(),
        accelerator: stated.accelerator.clone(),
        accelerators: devices,
        cpu: stated.cpu.map(|cpu| Count(cpu.milli() as f64 / 1000.0)),
        memory: stated.memory,
        hourly: stated.hourly.to_f64(),
        count: stated.count.map(u64::from),
        // Commitments are the Estate's reservations.
        sunk: Some(false),
        interruptions_per_hour: rate(stated),
        ..MarketOffer::default()
    }
}

/// How often it is interrupted; only spot capacity is.
fn rate(stated: &OfferSpec) -> Option<f64> {
    stated.interruptions_per_hour.filter(|_| stated.capacity == Capacity::Spot).map(PerHour::to_f64)
}

/// What an Estate says that a simulation does not look at, by the fields' names.
fn passed_over(estate: &EstateSpec) -> Vec<&'static str> {
    let of_sites = |has: fn(&Site) -> bool| estate.sites.iter().any(has);
    let stated = [
        ("catalog", estate.catalog.as_ref().is_some_and(|all| !all.is_empty())),
        ("prices", !estate.prices.is_empty()),
        ("only", !estate.only.is_empty()),
        ("reservations", !estate.reservations.is_empty()),
        ("quotas", !estate.quotas.is_empty()),
        ("budgets", !estate.budgets.is_empty()),
        ("carbonBudgets", !estate.carbon_budgets.is_empty()),
        ("interruptions", !estate.interruptions.is_empty()),
        ("sites[].pue", of_sites(|site| site.pue.is_some())),
        ("sites[].electricity", of_sites(|site| site.electricity.is_some())),
        ("sites[].carbon", of_sites(|site| site.carbon.is_some())),
        ("sites[].nodes[].watts", of_sites(|site| site.nodes.iter().any(|group| group.watts.is_some()))),
        ("offers[].watts", estate.offers.iter().any(|offer| offer.watts.is_some())),
        ("offers[].pue", estate.offers.iter().any(|offer| offer.pue.is_some())),
        (
            "offers[].interruptionsPerHour",
            estate.offers.iter().any(|offer| offer.interruptions_per_hour.is_some() && rate(offer).is_none()),
        ),
    ];
    stated.into_iter().filter(|(_, is_stated)| *is_stated).map(|(field, _)| field).collect()
}
