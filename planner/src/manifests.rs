//! A plan written into the manifests that it was made from.
//!
//! Each placement becomes changes of the pod specs it is of, and of the node pools that launch its nodes
//! (`plimsoll_formats`); the texts are edited in place (`plimsoll_model::yaml::edit`). A file that cannot be edited
//! without touching more than was meant is left as it is, and said.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_formats::{ClassSeat, Machines, PoolSeat, changes};
use plimsoll_model::{
    Capacity, Inputs, OfferSpec, Plan, Usd,
    yaml::{self, Change, ONE_OBJECT, edit_beside, edit_readable, is_json_object},
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
    let (mut files, mut remarks) = (Vec::new(), Remarks::default());
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
    let is_json =
        |file: usize| is_json_object(unmarked(&String::from_utf8_lossy(&texts.files[file].bytes)).1);
    let mut json_files: BTreeMap<usize, bool> = BTreeMap::new();
    for PlacedSeat { at, position } in &texts.seats {
        let [documents, copies] = by_file.entry(at.file).or_default();
        let change = match position {
            Position::Workload(name) => {
                let change = current(name, plan, inputs);
                change.map_err(|why| remarks.say(About::Workload(name), why)).ok().flatten()
            }
            Position::Manifest(seat) => {
                let about = About::Workload(&seat.workload);
                let is_split = seat.base.is_some();
                let is_alone = is_split && *json_files.entry(at.file).or_insert_with(|| is_json(at.file));
                let alone = is_alone.then(|| seat.alone(ONE_OBJECT));
                match changes(alone.as_ref().unwrap_or(seat), plan, machines) {
                    Ok(written) => {
                        if let Some(remark) = written.remark {
                            remarks.say(about, remark);
                        }
                        copies.extend(written.copy.map(|copy| (at.document, copy)));
                        Some(written.change)
                    }
                    Err(why) => {
                        remarks.say(about, format!("{}: {why}", seat.workload));
                        None
                    }
                }
            }
            Position::Task(task) => {
                let change = task.change(plan, &price);
                change.map_err(|why| remarks.say(About::Workload(&task.workload), why)).ok()
            }
            Position::Pool(pool) => {
                let (change, remark) = pool.change(plan);
                if let Some(remark) = remark {
                    remarks.say(About::Pool(&pool.name), remark);
                }
                Some(change)
            }
        };
        match (change, documents.get_mut(&at.document)) {
            (Some(change), Some(known)) => known.and(change),
            (Some(change), None) => _ = documents.insert(at.document, change),
            (None, _) => {}
        }
    }
    for (index, [changes, copies]) in by_file {
        let TextFile { name, bytes, readable } = &texts.files[index];
        let original = String::from_utf8_lossy(bytes).into_owned();
        let (mark, body) = unmarked(&original);
        let edited = match readable {
            None => edit_beside(body, &changes, &copies),
            Some(readable) => edit_readable(body, &changes, &copies, *readable),
        };
        let text = match edited {
            Ok(edited) => format!("{mark}{edited}"),
            Err(why) => {
                remarks.say(About::File(name), format!("{name}: it is left as it is: {why}"));
                original
            }
        };
        files.push(Manifest { name: name.clone(), text });
    }
    if let Some((pool, class)) = &made {
        let manifest = yaml::to_string(&pool.manifest(class, plan)).unwrap_or_default();
        files.push(Manifest { name: POOL_FILE.to_owned(), text: manifest });
    }
    (files, remarks.texts)
}

/// What a remark is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum About<'a> {
    Workload(&'a str),
    Pool(&'a str),
    File(&'a str),
}

/// What could not be written, once for each that it is about: a workload may stand in several documents.
#[derive(Debug, Default)]
struct Remarks<'a> {
    said: BTreeSet<About<'a>>,
    texts: Vec<String>,
}

impl<'a> Remarks<'a> {
    fn say(&mut self, about: About<'a>, text: String) {
        if self.said.insert(about) {
            self.texts.push(text);
        }
    }
}

/// A text without the mark of its byte order, and the mark.
fn unmarked(text: &str) -> (&str, &str) {
    text.split_at(if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 })
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
    remarks: &mut Remarks<'t>,
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
        remarks.texts.push(format!(
            "no NodePool is written for {title}: the plan uses {elsewhere} too, which a NodePool among the files would exclude"
        ));
        return None;
    }
    let taken = |name: &String| pools.iter().any(|pool| pool.name == *name);
    let names = std::iter::once("plimsoll".to_owned()).chain((2..).map(|nth| format!("plimsoll-{nth}")));
    let name = names.into_iter().find(|name| !taken(name))?;
    remarks.texts.push(format!(
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
