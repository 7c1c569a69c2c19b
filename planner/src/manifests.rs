//! A plan written into the manifests that it was made from.
//!
//! Each placement becomes changes of the pod specs it is of, and of the node pools that launch its nodes
//! (`plimsoll_formats`); the texts are edited in place (`plimsoll_model::yaml::edit`). A file that cannot be edited
//! without touching more than was meant is left as it is, and said.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_formats::{ClassSeat, Machines, PoolSeat, changes};
use plimsoll_model::{
    Capacity, Inputs, OfferSpec, Plan, Usd,
    yaml::{self, Change, edit_beside, edit_readable},
};
use serde_json::json;

use crate::{
    load::{PlacedSeat, Position, TextFile, Texts},
    world::{Offer, World},
};

/// A file with the placements of its workloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// As the user named it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The files that hold workloads or node pools, edited, and what could not be written, each with why.
pub fn manifests(texts: &Texts, inputs: &Inputs, plan: &Plan) -> (Vec<Manifest>, Vec<String>) {
    let (mut files, mut remarks) = (Vec::new(), Vec::new());
    let mut by_file: BTreeMap<usize, [BTreeMap<usize, Change>; 2]> = BTreeMap::new();
    let pools = texts.seats.iter().filter_map(|seat| match &seat.position {
        Position::Pool(pool) => Some(&**pool),
        _ => None,
    });
    let mut pools: Vec<&PoolSeat> = pools.collect();
    let made = new_pool(texts, plan, &pools, &mut remarks);
    pools.extend(made.as_ref().map(|(pool, _)| pool));
    let world = std::cell::OnceCell::new();
    let price = |offer: &OfferSpec, class: Capacity| {
        let world = world.get_or_init(|| World::new(inputs, plan.inputs.flags.now).ok());
        list_price(world.as_ref()?, offer, class)
    };
    let machines = Machines { estate: &inputs.estate, hosts: &texts.hosts, pools: &pools };
    for PlacedSeat { at, position } in &texts.seats {
        let [documents, copies] = by_file.entry(at.file).or_default();
        let change = match position {
            Position::Workload(name) => current(name, plan, inputs),
            Position::Manifest(seat) => {
                let written = changes(seat, plan, machines);
                let change = written.map(|written| {
                    remarks.extend(written.remark);
                    copies.extend(written.copy.map(|copy| (at.document, copy)));
                    Some(written.change)
                });
                change.map_err(|why| format!("{}: {why}", seat.workload))
            }
            Position::Task(task) => task.change(plan, &price).map(Some),
            Position::Pool(pool) => {
                let (change, remark) = pool.change(plan);
                remarks.extend(remark);
                Ok(Some(change))
            }
        };
        match change {
            Ok(Some(change)) => match documents.get_mut(&at.document) {
                Some(known) => known.and(change),
                None => _ = documents.insert(at.document, change),
            },
            Ok(None) => {}
            Err(remark) if remarks.contains(&remark) => {}
            Err(remark) => remarks.push(remark),
        }
    }
    for (index, [changes, copies]) in by_file {
        let TextFile { name, bytes, readable } = &texts.files[index];
        let original = String::from_utf8_lossy(bytes).into_owned();
        let (mark, body) = match original.strip_prefix('\u{feff}') {
            Some(body) => ("\u{feff}", body),
            None => ("", &*original),
        };
        let edited = match readable {
            None => edit_beside(body, &changes, &copies),
            Some(readable) => edit_readable(body, &changes, &copies, *readable),
        };
        let text = match edited {
            Ok(edited) => format!("{mark}{edited}"),
            Err(why) => {
                remarks.push(format!("{name}: it is left as it is: {why}"));
                original
            }
        };
        files.push(Manifest { name: name.clone(), text });
    }
    if let Some((pool, class)) = &made {
        let manifest = yaml::to_string(&pool.manifest(class, plan)).unwrap_or_default();
        files.push(Manifest { name: POOL_FILE.to_owned(), text: manifest });
    }
    (files, remarks)
}

/// What a machine costs an hour in a class of capacity, before the estate's price rules.
fn list_price(world: &World<'_>, like: &OfferSpec, class: Capacity) -> Option<Usd> {
    let is_it = |offer: &&Offer| {
        offer.capacity == class
            && offer.cloud.as_deref() == like.cloud.as_deref()
            && *offer.region == *like.region
            && offer.zone == like.zone
            && offer.instance_type.as_deref() == like.instance_type.as_deref()
            && offer.accelerator_name.as_deref() == like.accelerator.as_deref()
            && offer.count != Some(0)
    };
    world.offers.iter().filter(is_it).map(|offer| offer.list_hourly).min()
}

/// The name of a file with a node pool of ours.
const POOL_FILE: &str = "plimsoll-nodepool.yaml";

/// A node pool for what no pool among the files launches, where there is a class of nodes for it.
fn new_pool<'t>(
    texts: &'t Texts,
    plan: &Plan,
    pools: &[&PoolSeat],
    remarks: &mut Vec<String>,
) -> Option<(PoolSeat, &'t ClassSeat)> {
    let rented = || plan.placements.iter().map(|placed| &placed.offer).filter(|offer| offer.cloud.is_some());
    if rented().all(|offer| pools.iter().any(|pool| pool.allows(offer))) {
        return None;
    }
    let of_class = |class: &&ClassSeat| rented().any(|offer| offer.cloud.as_deref() == Some(class.cloud));
    let class = texts.classes.iter().find(of_class)?;
    let elsewhere: BTreeSet<&str> =
        rented().filter_map(|offer| offer.cloud.as_deref()).filter(|cloud| *cloud != class.cloud).collect();
    if !elsewhere.is_empty() {
        let (title, elsewhere) = (class.title(), elsewhere.into_iter().collect::<Vec<_>>().join(" and "));
        remarks.push(format!(
            "no NodePool is written for {title}: the plan uses {elsewhere} too, which a NodePool among the files would exclude"
        ));
        return None;
    }
    let taken = |name: &String| pools.iter().any(|pool| pool.name == *name);
    let names = std::iter::once("plimsoll".to_owned()).chain((2..).map(|nth| format!("plimsoll-{nth}")));
    let name = names.into_iter().find(|name| !taken(name))?;
    remarks.push(format!(
        "NodePool {name} is added for {}, as none among the files launches what the plan chose",
        class.title()
    ));
    Some((PoolSeat::new(name), class))
}

/// A Workload states where it runs in `current`.
fn current(name: &str, plan: &Plan, inputs: &Inputs) -> Result<Option<Change>, String> {
    let Some(placement) = plan.placements.iter().find(|placement| placement.workload == name) else {
        return Err(format!("{name}: it is left as it is, since it has no place in the plan"));
    };
    let offer = placement.offer.full_name();
    let stated = inputs.workloads.iter().find(|workload| workload.metadata.name == name);
    let known = stated.and_then(|workload| workload.spec.current.as_ref()) == Some(&offer);
    Ok((!known).then(|| Change::at("spec.current", Change::Put(json!(offer)))))
}
