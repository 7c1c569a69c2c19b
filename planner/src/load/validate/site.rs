//! Own machines.

use plimsoll_model::{
    estate::{EstateSpec, NodeGroup, Site, SiteCarbon},
    yaml,
};

use super::{Scope, name, network, offer, workload::not_negative};

pub(super) fn check_all(scope: &mut Scope<'_>, spec: &EstateSpec) {
    let zones: Vec<&str> = spec.carbon_intensity.iter().filter_map(|row| row.zone.as_deref()).collect();
    for (index, site) in spec.sites.iter().enumerate() {
        check(&mut scope.item(index), site, &zones);
    }
    name::unique(scope, "site", "name", spec.sites.iter().map(|site| &*site.name));
}

fn check(scope: &mut Scope<'_>, site: &Site, zones: &[&str]) {
    name::name(&mut scope.field("name"), &site.name);
    name::maybe(&mut scope.field("region"), site.region.as_deref());
    name::maybe(&mut scope.field("near"), site.near.as_deref());
    network::country(&mut scope.field("country"), site.country.as_deref());
    offer::pue(&mut scope.field("pue"), site.pue);
    not_negative(&mut scope.field("electricity"), site.electricity);
    if let Some(stated) = &site.carbon {
        carbon(&mut scope.field("carbon"), stated, zones);
    }
    let mut nodes = scope.field("nodes");
    for (index, group) in site.nodes.iter().enumerate() {
        node_group(&mut nodes.item(index), group);
    }
    name::unique(&mut nodes, "node group", "name", site.nodes.iter().map(|group| &*group.name));
}

fn carbon(scope: &mut Scope<'_>, carbon: &SiteCarbon, zones: &[&str]) {
    match (&carbon.zone, carbon.grams_per_kwh) {
        (Some(_), Some(_)) => scope.report("has both `zone` and `gramsPerKwh`: it is one of them"),
        (None, None) => scope.report_help("says nothing", "state `zone` or `gramsPerKwh`"),
        _ => {}
    }
    let Some(zone) = carbon.zone.as_deref().filter(|zone| !zones.contains(zone)) else { return };
    let help = match yaml::nearest(zone, zones.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "add a row with this `zone` to `carbonIntensity`".to_owned(),
    };
    scope.field("zone").report_help(format!("`carbonIntensity` has no zone `{zone}`"), help);
}

fn node_group(scope: &mut Scope<'_>, group: &NodeGroup) {
    name::name(&mut scope.field("name"), &group.name);
    name::maybe(&mut scope.field("accelerator"), group.accelerator.as_deref());
    name::maybe(&mut scope.field("instanceType"), group.instance_type.as_deref());
    offer::accelerators(scope, group.accelerator.as_deref(), group.accelerators.map(|count| count == 0));
    not_negative(&mut scope.field("hourly"), group.hourly);
    offer::as_of(&mut scope.field("asOf"), group.as_of.as_deref());
}
