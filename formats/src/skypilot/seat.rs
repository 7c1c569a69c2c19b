//! Where in its file a task's place is written: `resources` that leave SkyPilot one machine type in one place.
//!
//! Of alternatives the one that was placed stays. SkyPilot has no field in which a tool could record what was its own
//! doing, so that what is written binds: another plan is made from the files as they were.

use indexmap::IndexMap;
use plimsoll_catalog::canonical;
use plimsoll_model::{Capacity, OfferSpec, Plan, Usd, read::View, yaml::Change};
use serde_json::{Value, json};

use super::{
    ask::{self, Alone, Ask},
    place::{self, Known},
    task::Task,
};

/// A task, in one document.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskSeat {
    /// The workload's name.
    pub workload: String,
    /// The index of the document among those that were translated.
    pub document: usize,
    /// The workload of those of its replicas that are never on spot, where others are.
    base: Option<String>,
    /// Whether it has such replicas.
    has_base: bool,
    /// Whether SkyPilot spreads the others over all places that there are.
    spreads: bool,
    /// The fields of `resources`.
    stated: IndexMap<String, Value>,
    ways: Vec<Way>,
}

/// An alternative.
#[derive(Debug, Clone, PartialEq)]
struct Way {
    asks: Vec<Ask>,
    /// The fields that it states itself.
    own: IndexMap<String, Value>,
    /// The zone that it states, where offers hold for all of a region.
    zone: Option<String>,
}

/// Fields that say where and on what; the others of an alternative are carried over as they are.
const PLACE: [&str; 4] = ["infra", "cloud", "region", "zone"];

/// Fields of `resources` with what they are to say.
type Fields<'a> = IndexMap<&'a str, Option<Value>>;

impl TaskSeat {
    pub(super) fn of(document: usize, names: &[&str], task: &Task<'_>, places: &Known<'_>) -> Option<Self> {
        let way = |alone: Alone<'_>| Way {
            asks: alone.asks,
            own: alone.own.as_ref().map(fields).unwrap_or_default(),
            zone: alone.zone,
        };
        let ways = ask::each(task.resources.as_ref(), places).into_iter().map(way);
        Some(Self {
            workload: (*names.first()?).to_owned(),
            document,
            base: names.get(1).map(|base| (*base).to_owned()),
            has_base: task.service.as_ref().is_some_and(|service| service.on_demand > 0),
            spreads: task.root.at(&["service", "replica_policy", "spot_placer"]).is_some(),
            stated: task.resources.as_ref().map(fields).unwrap_or_default(),
            ways: ways.collect(),
        })
    }

    /// The changes of the task's document, or why there are none. `price`: what a machine costs an hour in a class of
    /// capacity, by SkyPilot's reckoning.
    ///
    /// # Errors
    /// Why the task is left as it is.
    pub fn change(
        &self,
        plan: &Plan,
        price: &dyn Fn(&OfferSpec, Capacity) -> Option<Usd>,
    ) -> Result<Change, String> {
        let left = |why: &str| format!("{}: it is left as it is: {why}", self.workload);
        let placed = |name: &str| plan.placements.iter().find(|placed| placed.workload == name);
        let names = std::iter::once(&*self.workload).chain(self.base.as_deref());
        let offers: Option<Vec<&OfferSpec>> = names.map(|name| Some(&placed(name)?.offer)).collect();
        let Some(offers) = offers else {
            return Err(left("it has no place in the plan"));
        };
        let fields =
            offers.iter().map(|offer| self.fields(offer)).collect::<Result<Vec<Fields<'_>>, String>>();
        let fields = fields.map_err(|why| left(&why))?;
        let wanted = match (&offers[..], &fields[..]) {
            ([spot, base], [of_spot, of_base]) if of_spot != of_base => {
                self.chosen_so(spot, base, price).map_err(|why| left(&why))?;
                together(of_spot, of_base)
            }
            _ => fields.into_iter().next().unwrap_or_default(),
        };
        let changes = wanted.into_iter().filter_map(|(name, value)| {
            let change = match (self.stated.get(name), value) {
                (None, None) => return None,
                (Some(known), Some(value)) if *known == value => return None,
                (_, Some(value)) => Change::Put(value),
                (Some(_), None) => Change::Gone,
            };
            Some((name.to_owned(), change))
        });
        Ok(Change::at("resources", Change::Fields(changes.collect())))
    }

    /// Whether SkyPilot, which gives a replica the cheapest alternative in its class of capacity, chooses as the plan does.
    fn chosen_so(
        &self,
        spot: &OfferSpec,
        base: &OfferSpec,
        price: &dyn Fn(&OfferSpec, Capacity) -> Option<Usd>,
    ) -> Result<(), String> {
        if self.spreads {
            return Err("its `spot_placer` spreads replicas on spot over all places that `resources` allow, and those \
                        that are never on spot have another place"
                .to_owned());
        }
        for (it, other, class, called) in [
            (spot, base, Capacity::Spot, "on spot"),
            (base, spot, Capacity::OnDemand, "that are never on spot"),
        ] {
            if price(other, class).is_some_and(|other| other <= it.list_hourly.unwrap_or(it.hourly)) {
                return Err(format!(
                    "of the places of its two kinds of replicas SkyPilot gives those {called} the cheaper one, which \
                     is not the plan's: {} rather than {}; two services would say it",
                    place_of(other),
                    place_of(it),
                ));
            }
        }
        Ok(())
    }

    /// What `resources` says of one place. What is none is not stated.
    fn fields(&self, offer: &OfferSpec) -> Result<Fields<'_>, String> {
        let Some(cloud) = &offer.cloud else {
            return Err("its place is on own machines, and no plan knows their name in SkyPilot".to_owned());
        };
        if !place::is_cloud(cloud) {
            return Err(format!("SkyPilot knows no cloud called {cloud}"));
        }
        // A service states what is on spot, and SkyPilot takes the same for the replicas that never are.
        let is_spot = self.has_base || offer.capacity == Capacity::Spot;
        let asked =
            OfferSpec { capacity: if is_spot { Capacity::Spot } else { offer.capacity }, ..offer.clone() };
        let Some((way, ask)) = self.way(&asked) else {
            return Err("what is placed is none of its alternatives".to_owned());
        };
        let mut wanted = Fields::new();
        // What the alternative says itself, over what holds for all.
        wanted.extend(
            way.own.iter().map(|(key, value)| (&**key, Some(value.clone()).filter(|it| !it.is_null()))),
        );
        for field in PLACE.into_iter().chain(["any_of", "ordered"]) {
            wanted.insert(field, None);
        }
        let zone =
            offer.zone.as_ref().or(way.zone.as_ref()).map(|zone| format!("/{zone}")).unwrap_or_default();
        wanted.insert("infra", Some(json!(format!("{cloud}/{}{zone}", offer.region))));
        // SkyPilot names the slices of TPUs as accelerators, and finds their hosts itself.
        let is_tpu = offer.accelerator.as_deref().is_some_and(|name| name.starts_with("tpu-"));
        if let Some(machine) = offer.instance_type.as_ref().filter(|_| !is_tpu) {
            wanted.insert("instance_type", Some(json!(machine)));
        }
        let field = |name: &str| way.own.get(name).or_else(|| self.stated.get(name)).cloned();
        match (is_spot, field("use_spot")) {
            (true, _) => _ = wanted.insert("use_spot", Some(json!(true))),
            (false, Some(_)) => _ = wanted.insert("use_spot", Some(json!(false))),
            (false, None) => {}
        }
        let cards = ["accelerators", "gpus"].into_iter().find_map(|name| Some((name, field(name)?)));
        if let (Some((name, stated)), Some(card)) = (cards, card(offer, ask)) {
            let is_said = stated.as_str().is_some_and(|text| text == card || format!("{text}:1") == card);
            wanted.insert(name, Some(if is_said { stated } else { json!(card) }));
        }
        // SkyPilot takes a size for exact, and refuses a machine type that has more.
        for (name, is_met) in [("cpus", ask.cpu == offer.cpu), ("memory", ask.memory == offer.memory)] {
            let text = field(name).map(|size| size.as_str().map_or_else(|| size.to_string(), str::to_owned));
            if let Some(text) = text.filter(|text| !is_met && !text.trim().ends_with('+')) {
                wanted.insert(name, Some(json!(format!("{}+", text.trim()))));
            }
        }
        Ok(wanted)
    }

    /// The first alternative that accepts an offer.
    fn way(&self, offer: &OfferSpec) -> Option<(&Way, &Ask)> {
        self.ways.iter().find_map(|way| Some((way, way.asks.iter().find(|ask| accepts(ask, offer))?)))
    }
}

/// What holds for two places, and the rest as alternatives.
fn together<'a>(one: &Fields<'a>, other: &Fields<'a>) -> Fields<'a> {
    let differs = |name: &&str| one.get(name).cloned().flatten() != other.get(name).cloned().flatten();
    let names: Vec<&'a str> = one.keys().copied().chain(other.keys().copied()).collect();
    let alternative = |fields: &Fields<'a>| {
        let own = names.iter().copied().filter(differs);
        let own: serde_json::Map<String, Value> =
            own.filter_map(|name| Some((name.to_owned(), fields.get(name)?.clone()?))).collect();
        Value::Object(own)
    };
    let both = [alternative(one), alternative(other)];
    let mut wanted = Fields::new();
    for name in names.iter().copied() {
        wanted.insert(name, if differs(&name) { None } else { one.get(name).cloned().flatten() });
    }
    wanted.insert("any_of", Some(json!(both)));
    wanted
}

/// A machine in its region, as SkyPilot's users write it.
fn place_of(offer: &OfferSpec) -> String {
    let parts =
        [offer.cloud.as_deref(), Some(&*offer.region), offer.zone.as_deref(), offer.instance_type.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join("/")
}

/// The fields of a mapping.
fn fields(view: &View<'_>) -> IndexMap<String, Value> {
    let field = |(key, value): (&str, View<'_>)| Some((key.to_owned(), value.read::<Value>().ok()?));
    view.entries().into_iter().filter_map(field).collect()
}

/// `NAME:COUNT` as the task spells the name, or as the offer does.
fn card(offer: &OfferSpec, ask: &Ask) -> Option<String> {
    let (name, count) = (offer.accelerator.as_deref()?, offer.accelerators?);
    let spelled = ask.names.iter().find(|stated| is_called(name, stated));
    // A part of a card is asked for as such.
    let count = ask.count.filter(|asked| asked.0 < 1000).unwrap_or(count);
    Some(format!("{}:{count}", spelled.map_or(name, String::as_str)))
}

/// Whether an accelerator has this name, or has it too.
fn is_called(accelerator: &str, name: &str) -> bool {
    canonical(name).eq_ignore_ascii_case(&canonical(accelerator))
}

/// Whether an offer is among what is asked.
fn accepts(ask: &Ask, offer: &OfferSpec) -> bool {
    let any = |list: &[String], one: Option<&str>| {
        list.is_empty() || list.iter().any(|stated| one.is_some_and(|one| stated.eq_ignore_ascii_case(one)))
    };
    let cloud = offer.cloud.as_deref().unwrap_or_default();
    let whole = format!("{cloud}/{}", offer.region);
    let here = |place: &String| [cloud, &offer.region, &whole].contains(&place.as_str());
    ask.capacity.contains(&offer.capacity)
        && (ask.names.is_empty()
            || ask.names.iter().any(|name| offer.accelerator.as_ref().is_some_and(|it| is_called(it, name))))
        && any(&ask.types, offer.instance_type.as_deref())
        && any(&ask.zones, offer.zone.as_deref())
        && (ask.places.is_empty() || ask.places.iter().any(here))
        && ask.count <= offer.accelerators
        && ask.card <= ask.card.and(offer.accelerator_memory)
        && ask.cpu <= ask.cpu.and(offer.cpu)
        && ask.memory <= ask.memory.and(offer.memory)
        && ask.max_hourly.is_none_or(|most| offer.hourly <= most)
}
