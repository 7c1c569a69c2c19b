//! Resources of a state, and what they hold.

use plimsoll_model::{Time, read::View};

use crate::Foreign;

/// One resource.
#[derive(Debug, Clone)]
pub(super) struct Resource<'a> {
    pub(super) address: &'a str,
    pub(super) kind: &'a str,
    values: View<'a>,
    sensitive: Option<View<'a>>,
}

/// All that are managed.
#[derive(Debug)]
pub(super) struct Resources<'a> {
    pub(super) list: Vec<Resource<'a>>,
    /// Whether they are those of a plan.
    pub(super) is_plan: bool,
    /// The region of each provider's configuration, where it is written out.
    regions: Vec<(&'a str, &'a str)>,
}

/// Instances that are paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) offer: String,
    pub(super) count: u32,
    pub(super) until: Option<Time>,
}

impl<'a> Resources<'a> {
    pub(super) fn of(document: &'a Foreign) -> Self {
        let root = document.root();
        let planned = root.field("planned_values");
        let is_plan = planned.is_some();
        let mut list = Vec::new();
        let values = planned.or_else(|| root.field("values"));
        if let Some(module) = values.and_then(|values| values.field("root_module")) {
            collect(&module, &mut list);
        }
        let providers = root.at(&["configuration", "provider_config"]);
        let regions = providers.map_or_else(Vec::new, |providers| providers.entries());
        let region = |view: &View<'a>| view.at(&["expressions", "region", "constant_value"])?.text();
        let regions = regions.into_iter().filter_map(|(name, view)| Some((name, region(&view)?))).collect();
        Self { list, is_plan, regions }
    }

    /// The region of a provider that has one configuration.
    fn region_of(&self, provider: &str) -> Option<&'a str> {
        let mut found = self.regions.iter().filter(|(name, _)| *name == provider).map(|(_, region)| *region);
        found.next()
    }

    /// The location of another resource: the one that an id names, else the only one of its type.
    fn location(&self, kind: &str, id: Option<&str>) -> Option<&'a str> {
        let mut of_kind = self.list.iter().filter(|other| other.kind == kind);
        let named = id.and_then(|id| {
            self.list.iter().find(|other| {
                other.kind == kind && other.text("id").is_some_and(|has| has.eq_ignore_ascii_case(id))
            })
        });
        let only = of_kind.next().filter(|_| of_kind.next().is_none());
        named.or(only)?.text("location")
    }
}

fn collect<'a>(module: &View<'a>, list: &mut Vec<Resource<'a>>) {
    let text = |view: &View<'a>, field| view.field(field).and_then(|view| view.text());
    for resource in module.field("resources").map_or_else(Vec::new, |view| view.items()) {
        if text(&resource, "mode") == Some("data") {
            continue;
        }
        let parts = (text(&resource, "address"), text(&resource, "type"), resource.field("values"));
        if let (Some(address), Some(kind), Some(values)) = parts {
            list.push(Resource { address, kind, values, sensitive: resource.field("sensitive_values") });
        }
    }
    for child in module.field("child_modules").map_or_else(Vec::new, |view| view.items()) {
        collect(&child, list);
    }
}

/// What cannot be said of a resource, in words.
type Why = String;

impl<'a> Resource<'a> {
    /// A value; nothing for one that is marked as sensitive.
    fn value(&self, path: &[&str]) -> Option<View<'a>> {
        let mut hidden = self.sensitive.clone();
        let mut view = self.values.clone();
        for field in path {
            (view, hidden) = if view.is_list() {
                // Blocks are lists; there is one of those that are read here.
                let inner = hidden.as_ref().and_then(|hidden| hidden.items().into_iter().next());
                (view.items().into_iter().next()?, inner.or(hidden))
            } else {
                (view, hidden)
            };
            hidden = hidden.and_then(|hidden| hidden.field(field));
            if hidden.as_ref().and_then(View::boolean) == Some(true) {
                return None;
            }
            view = view.field(field)?;
        }
        Some(view)
    }

    fn text_at(&self, path: &[&str]) -> Option<&'a str> {
        self.value(path)?.text()
    }

    fn text(&self, field: &str) -> Option<&'a str> {
        self.text_at(&[field])
    }

    fn needed(&self, path: &[&str]) -> Result<&'a str, Why> {
        self.text_at(path).filter(|text| !text.is_empty()).ok_or_else(|| missing(path))
    }

    fn count(&self, path: &[&str]) -> Result<u32, Why> {
        let number = self.value(path).ok_or_else(|| missing(path))?;
        // Some providers write numbers as text.
        let number = number.integer().or_else(|| number.text()?.parse().ok());
        number
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| format!("its `{}` is no whole number", path.join(".")))
    }

    /// What it holds; `None` for what is no capacity.
    pub(super) fn held(&self, all: &Resources<'a>) -> Option<Result<Vec<Held>, Why>> {
        Some(match self.kind {
            "aws_ec2_capacity_reservation" | "aws_ec2_capacity_block_reservation" => self.aws_reservation(),
            "aws_eks_node_group" => self.eks_nodes(all),
            "google_compute_reservation" => self.gcp_reservation(),
            "google_container_node_pool" => self.gke_nodes(),
            "azurerm_capacity_reservation" => self.azure_reservation(all),
            "azurerm_kubernetes_cluster_node_pool" => self.aks_nodes(all, &[]),
            "azurerm_kubernetes_cluster" => self.aks_nodes(all, &["default_node_pool"]),
            _ => return None,
        })
    }

    fn aws_reservation(&self) -> Result<Vec<Held>, Why> {
        let zone = self.needed(&["availability_zone"])?;
        let region = zone.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let name = self.needed(&["instance_type"])?;
        let until = match self.text("end_date").filter(|end| !end.is_empty()) {
            Some(end) => Some(end.parse::<Time>().map_err(|_| "its `end_date` is no time".to_owned())?),
            None => None,
        };
        let count = self.count(&["instance_count"])?;
        Ok(vec![Held { offer: format!("aws/{region}/{name}/on-demand"), count, until }])
    }

    /// The least number of nodes is there in any case.
    fn eks_nodes(&self, all: &Resources<'a>) -> Result<Vec<Held>, Why> {
        let of_arn =
            self.text("arn").and_then(|arn| arn.split(':').nth(3)).filter(|region| !region.is_empty());
        let region = self.text("region").or(of_arn).or_else(|| all.region_of("aws"));
        let region = region.ok_or("neither its `arn` nor the provider names a region")?;
        let types = self.value(&["instance_types"]).map_or_else(Vec::new, |types| types.items());
        let name = match &*types {
            [one] => one.text().ok_or("its `instance_types` are no names")?,
            [] => return Err("it states no `instance_types`; its launch template does".to_owned()),
            _ => return Err("it has several `instance_types`: which runs is not known".to_owned()),
        };
        let class = if self.text("capacity_type") == Some("SPOT") { "spot" } else { "on-demand" };
        let count = self.count(&["scaling_config", "min_size"])?;
        Ok(vec![Held { offer: format!("aws/{region}/{name}/{class}"), count, until: None }])
    }

    fn gcp_reservation(&self) -> Result<Vec<Held>, Why> {
        let zone = self.needed(&["zone"])?;
        let zone = zone.rsplit('/').next().unwrap_or(zone);
        let region = zone.rsplit_once('-').map_or(zone, |(region, _)| region);
        let name = self.needed(&["specific_reservation", "instance_properties", "machine_type"])?;
        let count = self.count(&["specific_reservation", "count"])?;
        let until = self.text("delete_at_time").and_then(|end| end.parse().ok());
        Ok(vec![Held { offer: format!("gcp/{region}/{name}/on-demand"), count, until }])
    }

    fn gke_nodes(&self) -> Result<Vec<Held>, Why> {
        let location = self.needed(&["location"])?;
        let is_zone = location.rsplit_once('-').is_some_and(|(_, last)| last.len() == 1);
        let region =
            if is_zone { location.rsplit_once('-').map_or(location, |(region, _)| region) } else { location };
        let name = self.needed(&["node_config", "machine_type"])?;
        let flag = |field| self.value(&["node_config", field]).and_then(|view| view.boolean()) == Some(true);
        let class = if flag("spot") || flag("preemptible") { "spot" } else { "on-demand" };
        let total = self.count(&["autoscaling", "total_min_node_count"]).ok().filter(|total| *total > 0);
        let count = if let Some(total) = total {
            total
        } else {
            let each =
                self.count(&["autoscaling", "min_node_count"]).or_else(|_| self.count(&["node_count"]))?;
            let zones = self.value(&["node_locations"]).map_or(0, |zones| zones.items().len());
            let zones = match u32::try_from(zones) {
                Ok(zones) if zones > 0 => zones,
                _ if is_zone => 1,
                _ => return Err("it does not say in how many zones it is".to_owned()),
            };
            each.saturating_mul(zones)
        };
        Ok(vec![Held { offer: format!("gcp/{region}/{name}/{class}"), count, until: None }])
    }

    fn azure_reservation(&self, all: &Resources<'a>) -> Result<Vec<Held>, Why> {
        let group = self.text("capacity_reservation_group_id");
        let location =
            self.text("location").or_else(|| all.location("azurerm_capacity_reservation_group", group));
        let region = azure_region(location.ok_or("the location of its group is not known")?);
        let name = self.needed(&["sku", "name"])?;
        let count = self.count(&["sku", "capacity"])?;
        Ok(vec![Held { offer: format!("azure/{region}/{name}/on-demand"), count, until: None }])
    }

    fn aks_nodes(&self, all: &Resources<'a>, within: &[&'static str]) -> Result<Vec<Held>, Why> {
        fn path<'p>(within: &[&'p str], field: &'p str) -> Vec<&'p str> {
            within.iter().copied().chain([field]).collect()
        }
        let cluster = self.text("kubernetes_cluster_id");
        let location = self.text("location").or_else(|| all.location("azurerm_kubernetes_cluster", cluster));
        let region = azure_region(location.ok_or("the location of its cluster is not known")?);
        let name = self.needed(&path(within, "vm_size"))?;
        let class =
            if self.text_at(&path(within, "priority")) == Some("Spot") { "spot" } else { "on-demand" };
        let least =
            self.count(&path(within, "min_count")).or_else(|_| self.count(&path(within, "node_count")))?;
        Ok(vec![Held { offer: format!("azure/{region}/{name}/{class}"), count: least, until: None }])
    }
}

fn missing(path: &[&str]) -> Why {
    format!("its `{}` is not known, or sensitive", path.join("."))
}

/// `West Europe` is `westeurope`.
fn azure_region(location: &str) -> String {
    location.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase()
}
