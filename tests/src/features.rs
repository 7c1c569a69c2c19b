//! What an instance can have: one variant for each feature of the contract, and how it is drawn.

use serde_json::{Map, Value, json};

use crate::{dice::Dice, instances::Instance};

macro_rules! features {
    ($($(#[$doc:meta])* $name:ident => $apply:ident,)*) => {
        /// A feature of the contract that an instance can have. They are drawn in this order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Feature { $($(#[$doc])* $name,)* }

        impl Feature {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            pub(crate) fn apply(self, made: &mut Instance, dice: &mut Dice) {
                match self { $(Self::$name => $apply(made, dice),)* }
            }
        }
    };
}

features! {
    /// Own nodes of a site.
    OwnNodes => own_nodes,
    /// Fractions of accelerators on own nodes.
    Fractions => fractions,
    /// A site that lies in a region.
    SiteRegion => site_region,
    /// A site with a region near it.
    Near => near,
    /// A site that states the price of electricity.
    Electricity => electricity,
    /// Two groups of nodes, loads of cores and memory.
    Shares => shares,
    /// Kinds, memory, names in another case.
    Accelerators => accelerators,
    /// Several replicas, several on an instance.
    Replicas => replicas,
    /// Speed by accelerator, type, cpu.
    Speeds => speeds,
    /// Spot, interruptions, checkpoints.
    Spot => spot,
    /// Services, which run for the horizon.
    Services => services,
    /// A price of latency.
    LatencyPrice => latency_price,
    /// A bound on latency.
    LatencyBound => latency_bound,
    /// Datasets that several read, with several copies.
    Data => data,
    /// Bare regions, offers of no cloud, zones in rows.
    Bare => bare,
    /// Requests for nothing but a machine type.
    TypeOnly => type_only,
    /// A second site, in the same region as the first.
    SecondSite => second_site,
    /// Countries that workloads or data must stay in.
    Residency => residency,
    /// Data sent on.
    Outputs => outputs,
    /// Workloads that read others' results.
    Workflow => workflow,
    /// Egress rows of every sort.
    EgressRows => egress_rows,
    /// Egress by cloud, in tiers.
    EgressCloud => egress_cloud,
    /// Throughput rows.
    Throughput => throughput,
    /// Not before.
    Earliest => earliest,
    /// Deadlines on a grid.
    Deferral => deferral,
    /// Runs in pieces.
    Pausing => pausing,
    /// A price of delay.
    DelayPrice => delay_price,
    /// Carbon intensities over time, with a price.
    Carbon => carbon,
    /// Discounts and private prices.
    PriceRules => price_rules,
    /// Regions, clouds, zones, places forbidden.
    Filters => filters,
    /// Capacity classes.
    Capacities => capacities,
    /// How many instances can be had.
    Counts => counts,
    /// Quotas of accelerators.
    Quotas => quotas,
    /// Quotas of instances, also on own nodes.
    InstanceQuotas => instance_quotas,
    /// Quotas of cores and memory, of what is asked for, of teams.
    ShareQuotas => share_quotas,
    /// Which offers may be used, by all and by teams.
    Only => only,
    /// Sunk reservations, several, for a time.
    Reservations => reservations,
    /// Budgets of teams.
    Budgets => budgets,
    /// The budget of the plan.
    PlanBudget => plan_budget,
    /// Carbon budgets of teams.
    CarbonBudgets => carbon_budgets,
    /// A bound on the hourly price.
    MaxHourly => max_hourly,
    /// A bound on the cost.
    MaxCost => max_cost,
    /// What runs now, what leaving it costs.
    Moves => moves,
    /// Workloads that may be left out.
    Optional => optional,
    /// More than fits, with priorities.
    Overload => overload,
    /// Equal offers and equal workloads.
    Ties => ties,
    /// Other ways to run a workload, so many replicas on an instance.
    Alternatives => alternatives,
    /// Prices of 0, budgets of 0, deadlines that are past, data read twice.
    Zeros => zeros,
    /// Figures that nothing needs and nothing states.
    Missing => missing,
    /// Machines and workloads of either instruction set, stated or not.
    Architectures => architectures,
}

const REGIONS: [(&str, &str); 4] =
    [("aws", "us-east-1"), ("aws", "eu-west-1"), ("gcp", "europe-west4"), ("azure", "westus2")];
const SIZES: [&str; 6] = ["37Gi", "100Gi", "250Gi", "512Mi", "1200Gi", "3Ti"];
const DURATIONS: [&str; 8] = ["1h", "90m", "2h30m", "3h", "100m", "4h", "77m", "2h"];

fn full(region: (&str, &str)) -> String {
    format!("{}/{}", region.0, region.1)
}

/// A few offers in a few regions and a few workloads that fit most of them.
pub(crate) fn base(made: &mut Instance, dice: &mut Dice) {
    made.estate = json!({
        "time": crate::instances::NOW, "catalog": [], "defaults": "none",
        "egress": [{ "from": "*", "to": "*", "usdPerGb": dice.amount(0.01, 0.12, 3) }],
        "latency": [{ "from": "*", "to": "*", "ms": dice.amount(5.0, 90.0, 1) }],
        "carbonIntensity": [{ "region": "*", "gramsPerKwh": dice.amount(30.0, 700.0, 1) }],
    });
    let offers = dice.int(2, 4);
    for index in 0..offers {
        let offer = offer(dice, &format!("o{index}"));
        made.list("offers").push(offer);
    }
    let workloads = dice.int(1, 3);
    for index in 0..workloads {
        let spec = batch(dice);
        made.workloads.push((format!("w{index}"), spec));
    }
}

fn offer(dice: &mut Dice, name: &str) -> Value {
    let region = dice.pick(&REGIONS);
    json!({
        "name": name, "cloud": region.0, "region": region.1,
        "instanceType": dice.pick(&["big", "small"]),
        "accelerator": dice.pick(&["H100", "H100", "A100-80GB"]), "accelerators": dice.pick(&[4, 8]),
        "acceleratorMemory": "80Gi", "cpu": dice.pick(&[32, 64]), "memory": "512Gi",
        "capacity": "on-demand", "hourly": dice.amount(4.0, 30.0, 4),
        "watts": dice.pick(&[3000, 5600, 10_200]), "pue": dice.pick(&[1.1, 1.25]),
    })
}

fn batch(dice: &mut Dice) -> Value {
    let any = if dice.chance(70) { json!(["H100", "A100-80GB"]) } else { json!(["H100"]) };
    let mut spec = json!({
        "request": { "accelerators": { "anyOf": any, "count": dice.pick(&[1, 2, 4, 4]) } },
        "duration": dice.pick(&DURATIONS),
    });
    if dice.chance(30) {
        spec["request"]["cpu"] = json!(dice.pick(&["500m", "8", "31", "32"]));
    }
    if dice.chance(20) {
        spec["request"]["memory"] = json!(dice.pick(&["64Gi", "300Gi", "512Gi"]));
    }
    spec
}

fn fields(value: &mut Value) -> &mut Map<String, Value> {
    value.as_object_mut().expect("an object")
}

/// Adds one more workload when there is room for it.
fn one_more(made: &mut Instance, dice: &mut Dice, most: usize) {
    if made.workloads.len() < most {
        let spec = batch(dice);
        made.workloads.push((format!("w{}", made.workloads.len()), spec));
    }
}

/// Each workload with this chance, the first in any case when none was drawn.
fn some(made: &Instance, dice: &mut Dice, percent: i64) -> Vec<usize> {
    let drawn: Vec<usize> = (0..made.workloads.len()).filter(|_| dice.chance(percent)).collect();
    if drawn.is_empty() { vec![dice.below(made.workloads.len())] } else { drawn }
}

fn offer_name(made: &Instance, dice: &mut Dice) -> String {
    let names = made.offer_names();
    names[dice.below(names.len())].clone()
}

/// Where offers are, and a place or two where none is.
fn place(made: &Instance, dice: &mut Dice) -> String {
    let mut places: Vec<String> = REGIONS.iter().map(|region| full(*region)).collect();
    if made.estate.get("sites").is_some() {
        places.push("dc".into());
        places.push("dc".into());
    }
    places.push("eu-west-1".into());
    places[dice.below(places.len())].clone()
}

/// A rule's match: overlapping ones, often of all.
fn matching(made: &Instance, dice: &mut Dice) -> Value {
    let region = dice.pick(&REGIONS);
    match dice.int(0, 9) {
        0 => json!({ "cloud": region.0 }),
        1 => json!({ "region": region.1 }),
        2 => json!({ "region": full(region) }),
        3 => json!({ "accelerator": "h100" }),
        4 => json!({ "capacity": dice.pick(&["on-demand", "spot", "on-prem"]) }),
        7 => json!({ "zone": "us-east-1a" }),
        5 => json!({ "offer": offer_name(made, dice) }),
        6 => json!({ "instanceType": "big", "cloud": region.0 }),
        _ => json!({}),
    }
}

fn own_nodes(made: &mut Instance, dice: &mut Dice) {
    if made.estate.get("sites").is_some() {
        return;
    }
    let nodes = json!({
        "name": "box", "count": dice.int(1, 2), "accelerator": dice.pick(&["H100", "A100-80GB"]),
        "accelerators": dice.pick(&[2, 4, 8]), "cpu": 64, "memory": "512Gi",
        "hourly": dice.amount(0.0, 9.0, 4), "watts": dice.pick(&[2000, 6500]),
    });
    made.set("sites", json!([{ "name": "dc", "country": "DE", "nodes": [nodes] }]));
    if dice.chance(50) {
        made.estate["sites"][0]["carbon"] = json!({ "gramsPerKwh": dice.int(20, 500) });
    }
    if dice.chance(40) {
        made.estate["sites"][0]["pue"] = json!(1.4);
    }
}

fn fractions(made: &mut Instance, dice: &mut Dice) {
    own_nodes(made, dice);
    let nodes = &mut made.estate["sites"][0]["nodes"][0];
    nodes["accelerator"] = json!("H100");
    nodes["accelerators"] = json!(dice.int(1, 2));
    one_more(made, dice, 3);
    for index in some(made, dice, 80) {
        let spec = &mut made.workloads[index].1;
        spec["request"] = json!({ "accelerators": {
            "anyOf": ["H100"], "count": dice.pick(&[0.2, 0.25, 0.3, 0.5, 0.6, 0.75])
        }});
        spec["replicas"] = json!(dice.int(1, 3));
    }
}

fn site_region(made: &mut Instance, dice: &mut Dice) {
    own_nodes(made, dice);
    let region = dice.pick(&REGIONS);
    made.estate["sites"][0]["region"] =
        if dice.chance(60) { json!(full(region)) } else { json!("frankfurt") };
}

fn near(made: &mut Instance, dice: &mut Dice) {
    own_nodes(made, dice);
    made.estate["sites"][0]["near"] = json!(full(dice.pick(&REGIONS)));
    for _ in 0..dice.int(0, 2) {
        let from = place(made, dice);
        let to = place(made, dice);
        let ms = dice.amount(1.0, 60.0, 1);
        made.list("latency").push(json!({ "from": from, "to": to, "ms": ms }));
    }
    if dice.chance(50) {
        let region = place(made, dice);
        let grams = dice.int(10, 600);
        made.list("carbonIntensity").push(json!({ "region": region, "gramsPerKwh": grams }));
    }
}

fn electricity(made: &mut Instance, dice: &mut Dice) {
    own_nodes(made, dice);
    made.estate["sites"][0]["electricity"] = json!(dice.amount(0.05, 0.5, 4));
    if dice.chance(50) {
        made.estate["sites"][0]["nodes"][0]["hourly"] = json!(0);
    }
}

fn shares(made: &mut Instance, dice: &mut Dice) {
    own_nodes(made, dice);
    one_more(made, dice, 3);
    let second = json!({
        "name": "tin", "count": dice.int(1, 2), "cpu": dice.pick(&[8, 16]), "memory": "64Gi",
        "hourly": dice.amount(0.1, 2.0, 4), "watts": 400, "instanceType": "tin",
    });
    if let Some(groups) = made.estate["sites"][0]["nodes"].as_array_mut() {
        groups.push(second);
    }
    made.list("offers").push(json!({
        "name": "plain", "cloud": "aws", "region": "us-east-1", "instanceType": "c", "cpu": 16,
        "memory": "64Gi", "capacity": "on-demand", "hourly": 0.68, "watts": 250,
    }));
    for index in some(made, dice, 60) {
        let spec = &mut made.workloads[index].1;
        spec["request"] = json!({
            "cpu": dice.pick(&["1500m", "3", "5", "8"]), "memory": dice.pick(&["4Gi", "20Gi", "30Gi"])
        });
        spec["replicas"] = json!(dice.int(1, 4));
    }
}

fn accelerators(made: &mut Instance, dice: &mut Dice) {
    made.list("offers").push(json!({
        "name": "card", "cloud": "aws", "region": "eu-west-1", "instanceType": "f", "accelerator": "X9",
        "acceleratorKind": "npu", "accelerators": 2, "cpu": 16, "memory": "64Gi", "capacity": "on-demand",
        "hourly": 1.65, "watts": 300,
    }));
    let at = dice.below(made.estate["offers"].as_array().map_or(1, Vec::len));
    if dice.chance(50) {
        made.estate["offers"][at]["acceleratorMemory"] = json!("40Gi");
    } else {
        fields(&mut made.estate["offers"][at]).remove("acceleratorMemory");
    }
    for index in some(made, dice, 60) {
        let count = dice.int(1, 2);
        made.workloads[index].1["request"] = match dice.int(0, 3) {
            0 => json!({ "accelerators": { "kind": "gpu", "count": count } }),
            1 => json!({ "accelerators": { "kind": "npu" }, "cpu": 2 }),
            2 => json!({ "accelerators": { "anyOf": ["h100", "x9", "a100-80gb"], "count": count } }),
            _ => {
                json!({ "accelerators": { "anyOf": ["H100", "A100-80GB"], "count": count, "memory": "60Gi" } })
            }
        };
    }
}

fn replicas(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 70) {
        let spec = &mut made.workloads[index].1;
        spec["replicas"] = json!(dice.int(2, 5));
        if dice.chance(60) && spec["request"].get("accelerators").is_some_and(|a| a["count"] != 4) {
            spec["request"]["cpu"] = json!(dice.pick(&["7", "11", "16"]));
        }
    }
}

fn speeds(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 70) {
        let mut speed = Map::new();
        speed.insert("h100".into(), json!(dice.pick(&[1.0, 1.7, 2.0, 3.0])));
        for key in ["A100-80GB", "small", "big", "cpu", "tin"] {
            if dice.chance(60) {
                speed.insert(key.into(), json!(dice.pick(&[1.0, 0.7, 0.33, 1.3])));
            }
        }
        made.workloads[index].1["speed"] = Value::Object(speed);
    }
}

fn spot(made: &mut Instance, dice: &mut Dice) {
    for index in 0..made.estate["offers"].as_array().map_or(0, Vec::len) {
        if index == 0 || dice.chance(50) {
            let offer = &mut made.estate["offers"][index];
            offer["capacity"] = json!("spot");
            offer["interruptionsPerHour"] = json!(dice.pick(&[0.0, 0.01, 0.05, 0.4, 2.0, 30.0]));
        }
    }
    for index in some(made, dice, 75) {
        let spec = &mut made.workloads[index].1;
        spec["interruptible"] = json!(true);
        if dice.chance(60) {
            let every = dice.pick(&["10m", "30m", "2h"]);
            spec["checkpoint"] = json!({ "every": every, "restart": dice.pick(&["0s", "5m"]) });
        }
    }
    if dice.chance(40) {
        let rule = json!({ "match": matching(made, dice), "perHour": dice.pick(&[0.0, 0.1, 0.7]) });
        made.list("interruptions").push(rule);
    }
}

fn services(made: &mut Instance, dice: &mut Dice) {
    made.set("horizon", json!(dice.pick(&["24h", "5h", "90m"])));
    for index in some(made, dice, 60) {
        fields(&mut made.workloads[index].1).remove("duration");
    }
}

fn clients(made: &mut Instance, dice: &mut Dice, index: usize) {
    if dice.chance(60) {
        fields(&mut made.workloads[index].1).remove("duration");
    }
    let mut list = vec![json!({ "region": place(made, dice) })];
    if dice.chance(60) {
        list[0]["share"] = json!(dice.pick(&[0.7, 3.0, 0.35]));
        list.push(json!({ "region": place(made, dice), "share": dice.pick(&[0.3, 0.0, 1.0]) }));
    }
    made.workloads[index].1["clients"] = json!(list);
    for _ in 0..dice.int(1, 3) {
        let from = dice.pick(&["aws", "us-east-1", "aws/eu-west-1", "EU", "US", "*", "gcp", "IE"]);
        let to = dice.pick(&["gcp/europe-west4", "aws", "aws/us-east-1", "Europe", "*", "eu-west-1"]);
        let ms = dice.amount(1.0, 150.0, 2);
        made.list("latency").push(json!({ "from": from, "to": to, "ms": ms }));
    }
}

fn latency_price(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 50) {
        clients(made, dice, index);
        made.workloads[index].1["latency"] = json!({ "price": dice.amount(0.001, 0.2, 4) });
    }
}

fn latency_bound(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 50) {
        clients(made, dice, index);
        made.workloads[index].1["latency"] = json!({ "p99": dice.pick(&["40ms", "60ms", "100ms", "12ms"]) });
    }
}

fn data(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 3);
    for name in ["d1", "d2"] {
        if name == "d2" && dice.chance(50) {
            continue;
        }
        let mut at = vec![place(made, dice)];
        for _ in 0..dice.int(0, 2) {
            let copy = place(made, dice);
            if !at.contains(&copy) {
                at.push(copy);
            }
        }
        let size = dice.pick(&SIZES);
        made.list("datasets").push(json!({ "name": name, "size": size, "at": at }));
        for index in some(made, dice, 75) {
            let mut input = json!({ "dataset": name });
            if dice.chance(40) {
                input["size"] = json!(dice.pick(&["20Gi", "100Gi", "300Gi"]));
            }
            inputs(made, index).push(input);
        }
    }
}

fn inputs(made: &mut Instance, workload: usize) -> &mut Vec<Value> {
    let spec = fields(&mut made.workloads[workload].1);
    spec.entry("inputs").or_insert_with(|| json!([])).as_array_mut().expect("a list")
}

fn bare(made: &mut Instance, dice: &mut Dice) {
    let offers = made.estate["offers"].as_array().map_or(0, Vec::len);
    for index in 0..offers {
        let offer = &mut made.estate["offers"][index];
        match dice.int(0, 3) {
            0 => {
                fields(offer).remove("cloud");
                offer["region"] = json!(dice.pick(&["frankfurt", "lund"]));
            }
            1 => offer["zone"] = json!(format!("{}a", offer["region"].as_str().unwrap_or_default())),
            _ => {}
        }
    }
    made.set("regions", json!([{ "name": "frankfurt", "country": "DE" }]));
    for index in some(made, dice, 60) {
        let to = dice.pick(&["frankfurt", "eu-west-1", "lund", "westus2", "gcp/us-central1"]);
        let size = dice.pick(&SIZES);
        made.workloads[index].1["outputs"] = json!([{ "to": to, "size": size }]);
    }
    let at = dice.pick(&["us-east-1", "lund", "europe-west4"]);
    made.list("datasets").push(json!({ "name": "bare", "size": "80Gi", "at": [at, "frankfurt"] }));
    for index in some(made, dice, 50) {
        inputs(made, index).push(json!({ "dataset": "bare" }));
    }
    let names = ["us-east-1a", "frankfurt", "DE", "lund", "*", "eu-west-1", "azure"];
    for _ in 0..2 {
        let (from, to) = (dice.pick(&names), dice.pick(&names));
        let usd = dice.amount(0.0, 0.2, 4);
        made.list("egress").push(json!({ "from": from, "to": to, "usdPerGb": usd }));
    }
}

fn type_only(made: &mut Instance, dice: &mut Dice) {
    if dice.chance(50) {
        own_nodes(made, dice);
        made.estate["sites"][0]["nodes"][0]["instanceType"] = json!("big");
    }
    for index in some(made, dice, 50) {
        let spec = &mut made.workloads[index].1;
        spec["request"] = json!({ "instanceType": dice.pick(&["big", "small"]) });
        if dice.chance(40) {
            spec["replicas"] = json!(dice.int(1, 3));
        }
    }
}

fn second_site(made: &mut Instance, dice: &mut Dice) {
    own_nodes(made, dice);
    let mut site = made.estate["sites"][0].clone();
    site["name"] = json!("lab");
    site["country"] = json!("FR");
    let nodes = &mut site["nodes"][0];
    nodes["name"] = json!("rig");
    nodes["accelerators"] = json!(3);
    nodes["hourly"] = json!(dice.amount(0.0, 5.0, 4));
    if dice.chance(50) {
        let region = if dice.chance(50) { "frankfurt".into() } else { full(dice.pick(&REGIONS)) };
        site["region"] = json!(region);
        if dice.chance(60) {
            made.estate["sites"][0]["region"] = json!(region);
        }
    }
    if dice.chance(40) {
        let row = json!({ "from": dice.pick(&["lab", "dc", "*"]), "to": dice.pick(&["lab", "dc", "aws"]),
            "usdPerGb": dice.amount(0.0, 0.3, 3) });
        made.list("egress").push(row);
    }
    if let Some(sites) = made.estate["sites"].as_array_mut() {
        sites.push(site);
    }
    for index in some(made, dice, 40) {
        made.workloads[index].1["outputs"] = json!([{ "to": "lab", "size": dice.pick(&SIZES) }]);
    }
}

fn residency(made: &mut Instance, dice: &mut Dice) {
    let places = [json!(["EU"]), json!(["IE", "NL"]), json!("US"), json!(["Europe"]), json!(["DE", "US"])];
    let at = places[dice.below(places.len())].clone();
    if made.estate["datasets"].is_array() && dice.chance(50) {
        made.estate["datasets"][0]["residency"] = at;
    } else {
        for index in some(made, dice, 50) {
            made.workloads[index].1["residency"] = at.clone();
        }
    }
    if dice.chance(30) {
        made.set("regions", json!([{ "name": "azure/westus2", "country": "NL" }]));
    }
}

fn outputs(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 60) {
        let list: Vec<Value> = (0..dice.int(1, 2))
            .map(|_| json!({ "to": place(made, dice), "size": dice.pick(&SIZES) }))
            .collect();
        made.workloads[index].1["outputs"] = json!(list);
    }
}

fn workflow(made: &mut Instance, dice: &mut Dice) {
    while made.workloads.len() < 2 || made.workloads.len() < 4 && dice.chance(35) {
        one_more(made, dice, 4);
    }
    let count = made.workloads.len();
    for consumer in 1..count {
        let producers: Vec<usize> = match dice.int(0, 3) {
            0 => vec![0],
            1 if consumer > 1 => vec![consumer - 1, 0],
            _ => vec![consumer - 1],
        };
        for producer in producers {
            let from = made.workloads[producer].0.clone();
            let size = dice.pick(&["0", "10Gi", "120Gi", "700Gi"]);
            inputs(made, consumer).push(json!({ "from": from, "size": size }));
        }
    }
    if dice.chance(30) {
        made.workloads.reverse();
    }
}

fn egress_rows(made: &mut Instance, dice: &mut Dice) {
    if made.estate.get("datasets").is_none() && dice.chance(80) {
        data(made, dice);
    }
    let names = ["aws", "us-east-1", "aws/eu-west-1", "EU", "US", "*", "gcp", "IE", "EEA", "Europe", "dc"];
    for _ in 0..dice.int(2, 4) {
        let row = json!({
            "from": dice.pick(&names), "to": dice.pick(&names), "usdPerGb": dice.amount(0.0, 0.2, 4)
        });
        made.list("egress").push(row);
    }
}

fn egress_cloud(made: &mut Instance, dice: &mut Dice) {
    if made.estate.get("datasets").is_none() && dice.chance(70) {
        data(made, dice);
    }
    made.set("egressModel", json!("cloud"));
    if dice.chance(50) && made.estate["datasets"].is_array() {
        made.estate["datasets"][0]["size"] = json!(dice.pick(&["11Ti", "60Ti", "400Ti", "900Mi"]));
        made.list("throughput").push(json!({ "from": "*", "to": "*", "gbps": 400 }));
    }
}

fn throughput(made: &mut Instance, dice: &mut Dice) {
    if made.estate.get("datasets").is_none() && dice.chance(60) {
        data(made, dice);
    }
    let names = ["aws", "us-east-1", "aws/eu-west-1", "EU", "*", "gcp", "dc"];
    for _ in 0..dice.int(1, 3) {
        let row = json!({
            "from": dice.pick(&names), "to": dice.pick(&names), "gbps": dice.pick(&[0.3, 1.0, 7.3, 25.0])
        });
        made.list("throughput").push(row);
    }
}

fn earliest(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 60) {
        made.workloads[index].1["earliest"] =
            json!(dice.pick(&["45m", "2h", "2026-11-25T07:10:30Z", "2026-11-25T05:15:00Z"]));
    }
}

fn deferral(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 80) {
        let spec = &mut made.workloads[index].1;
        spec["deadline"] = json!(dice.pick(&["5h", "7h", "8h30m", "2026-11-25T12:20:00Z"]));
        if dice.chance(60) {
            spec["slots"] = json!(dice.pick(&["1h", "90m", "2h"]));
        }
    }
}

fn pausing(made: &mut Instance, dice: &mut Dice) {
    carbon_series(made, dice);
    for index in some(made, dice, 50) {
        let spec = &mut made.workloads[index].1;
        if spec.get("duration").is_none() {
            continue;
        }
        spec["pausable"] = json!(true);
        spec["duration"] = json!(dice.pick(&["2h", "90m", "150m", "3h"]));
        spec["deadline"] = json!(dice.pick(&["5h", "6h", "6h30m"]));
        if dice.chance(40) {
            spec["slots"] = json!("90m");
        }
    }
}

fn delay_price(made: &mut Instance, dice: &mut Dice) {
    let price = dice.amount(0.1, 20.0, 2);
    made.flags.insert("delayPrice".into(), json!(price));
}

fn carbon_series(made: &mut Instance, dice: &mut Dice) {
    if !made.flags.contains_key("carbonPrice") {
        let price = dice.pick(&[50.0, 185.5, 1000.0, 10_000.0]);
        made.flags.insert("carbonPrice".into(), json!(price));
    }
    for name in ["day.csv", "other.csv"] {
        if made.series.contains_key(name) || name == "other.csv" && dice.chance(40) {
            continue;
        }
        let mut at = dice.pick(&[-120, 0, 30]);
        let mut steps = Vec::new();
        for _ in 0..dice.int(2, 7) {
            steps.push((at, dice.int(20, 800)));
            at += dice.pick(&[60, 60, 60, 45, 100]);
        }
        made.series.insert(name.into(), steps);
        let region = dice.pick(&["aws", "aws/us-east-1", "eu-west-1", "gcp", "EU", "*", "US"]);
        made.list("carbonIntensity").push(json!({ "region": region, "series": name }));
    }
}

fn carbon(made: &mut Instance, dice: &mut Dice) {
    carbon_series(made, dice);
    if made.estate.get("sites").is_some() && dice.chance(50) {
        made.list("carbonIntensity").push(json!({ "zone": "DE-grid", "series": "day.csv" }));
        made.estate["sites"][0]["carbon"] = json!({ "zone": "DE-grid" });
    }
}

fn price_rules(made: &mut Instance, dice: &mut Dice) {
    for _ in 0..dice.int(1, 3) {
        let rule = if dice.chance(20) {
            json!({ "match": matching(made, dice), "add": dice.pick(&[-0.5, -30.0, 1.25]) })
        } else if dice.chance(60) {
            json!({ "match": matching(made, dice), "multiply": dice.pick(&[0.8, 0.731, 1.1, 0.333_333]) })
        } else {
            json!({ "match": matching(made, dice), "hourly": dice.amount(2.0, 20.0, 4) })
        };
        made.list("prices").push(rule);
    }
}

fn filters(made: &mut Instance, dice: &mut Dice) {
    for offer in 0..made.estate["offers"].as_array().map_or(0, Vec::len) {
        if dice.chance(40) {
            made.estate["offers"][offer]["zone"] = json!(dice.pick(&["us-east-1a", "z2"]));
        }
    }
    for index in some(made, dice, 70) {
        let region = full(dice.pick(&REGIONS));
        let spec = &mut made.workloads[index].1;
        match dice.int(0, 5) {
            0 => spec["regions"] = json!([region, "us-east-1", "dc"]),
            1 => spec["clouds"] = json!(["aws", "gcp"]),
            2 => spec["zones"] = json!(["us-east-1a", "z2"]),
            3 => spec["notIn"] = json!(dice.pick(&["aws", "eu", "us-east-1a", "gcp/europe-west4"])),
            4 => spec["regions"] = json!("EU"),
            _ => spec["request"]["instanceType"] = json!(["big", "tin"]),
        }
    }
}

fn capacities(made: &mut Instance, dice: &mut Dice) {
    for offer in 0..made.estate["offers"].as_array().map_or(0, Vec::len) {
        if dice.chance(50) {
            let offer = &mut made.estate["offers"][offer];
            offer["capacity"] = json!(dice.pick(&["reserved", "spot", "on-prem"]));
            offer["interruptionsPerHour"] = json!(0.07);
        }
    }
    for index in some(made, dice, 60) {
        let spec = &mut made.workloads[index].1;
        spec["interruptible"] = json!(dice.chance(60));
        if dice.chance(60) {
            spec["capacity"] = json!(["on-demand", dice.pick(&["reserved", "spot", "on-prem"])]);
        }
    }
}

fn alternatives(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 3);
    for index in some(made, dice, 80) {
        let ways: Vec<Value> = (0..dice.int(1, 3)).map(|_| another_way(dice)).collect();
        let spec = &mut made.workloads[index].1;
        spec["alternatives"] = json!(ways);
        if dice.chance(40) {
            // The workload's own way admits little.
            spec["regions"] = json!([full(dice.pick(&REGIONS))]);
        }
        if dice.chance(40) {
            spec["replicas"] = json!(dice.int(2, 4));
            spec["perInstance"] = json!(dice.int(1, 2));
        }
    }
}

fn another_way(dice: &mut Dice) -> Value {
    let mut way = json!({});
    let count = dice.pick(&[1, 2, 4]);
    match dice.int(0, 4) {
        0 => way["request"] = json!({ "accelerators": { "anyOf": ["H100"], "count": count } }),
        1 => way["request"] = json!({ "accelerators": { "kind": "gpu", "count": count }, "cpu": 7 }),
        2 => way["request"] = json!({ "cpu": dice.pick(&["500m", "3", "11"]), "memory": "20Gi" }),
        3 => way["request"] = json!({ "instanceType": ["big", "tin"] }),
        _ => way["regions"] = json!([]),
    }
    if dice.chance(40) {
        way["regions"] = json!(dice.pick(&["aws", "EU", "us-east-1", "dc"]));
    }
    if dice.chance(30) {
        way["capacity"] = json!(["on-demand", dice.pick(&["reserved", "spot", "on-prem"])]);
    }
    if dice.chance(20) {
        way["maxHourly"] = json!(dice.amount(1.0, 9.0, 2));
    }
    way
}

fn counts(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 3);
    for offer in 0..made.estate["offers"].as_array().map_or(0, Vec::len) {
        if dice.chance(70) {
            made.estate["offers"][offer]["count"] = json!(dice.pick(&[0, 1, 1, 2, 3]));
        }
    }
}

fn quotas(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 3);
    for _ in 0..dice.int(1, 3) {
        let quota = json!({ "match": matching(made, dice), "accelerators": dice.pick(&[4, 8, 12, 16, 20]) });
        made.list("quotas").push(quota);
    }
}

fn instance_quotas(made: &mut Instance, dice: &mut Dice) {
    if dice.chance(50) {
        own_nodes(made, dice);
    }
    one_more(made, dice, 3);
    for _ in 0..dice.int(1, 2) {
        let quota = json!({ "match": matching(made, dice), "instances": dice.int(1, 3) });
        made.list("quotas").push(quota);
    }
}

fn share_quotas(made: &mut Instance, dice: &mut Dice) {
    if dice.chance(50) {
        own_nodes(made, dice);
    }
    one_more(made, dice, 3);
    for index in some(made, dice, 70) {
        made.workloads[index].1["team"] = json!(dice.pick(&["a", "b"]));
    }
    for index in some(made, dice, 50) {
        made.workloads[index].1["request"]["cpu"] = json!(dice.pick(&["500m", "2", "4"]));
    }
    for _ in 0..dice.int(1, 3) {
        let mut quota = match dice.int(0, 2) {
            0 => json!({ "cpu": dice.pick(&["0", "4", "9500m", "32", "200"]) }),
            1 => json!({ "memory": dice.pick(&["8Gi", "64Gi", "100Gi", "1Ti"]) }),
            _ => json!({ "accelerators": dice.pick(&[1, 2, 4, 8]), "counts": "asked" }),
        };
        quota["match"] = matching(made, dice);
        if dice.chance(50) {
            quota["team"] = json!(dice.pick(&[&["a"][..], &["b"], &["a", "b"]]));
        }
        if dice.chance(40) {
            quota["counts"] = json!("asked");
        }
        made.list("quotas").push(quota);
    }
}

fn only(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 3);
    for index in some(made, dice, 60) {
        made.workloads[index].1["team"] = json!(dice.pick(&["a", "b"]));
    }
    for _ in 0..dice.int(1, 3) {
        let mut entry = json!({ "match": matching(made, dice) });
        if dice.chance(50) {
            entry["match"] = json!({ "cloud": ["aws", "gcp"] });
        }
        if dice.chance(50) {
            entry["team"] = json!(dice.pick(&[&["a"][..], &["a", "b"]]));
        }
        made.list("only").push(entry);
    }
}

fn reservations(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 3);
    for _ in 0..dice.int(1, 3) {
        let mut reserved = json!({ "offer": offer_name(made, dice), "count": dice.int(1, 2) });
        if dice.chance(50) {
            reserved["until"] =
                json!(dice.pick(&["2026-11-25T07:30:00Z", "2026-11-25T09:00:00Z", "2026-11-25T05:00:00Z"]));
        }
        if dice.chance(20) {
            reserved["sunk"] = json!(dice.chance(30));
        }
        made.list("reservations").push(reserved);
    }
}

fn teams(made: &mut Instance, dice: &mut Dice) {
    if made.workloads.iter().any(|(_, spec)| spec.get("team").is_some()) {
        return;
    }
    for (_, spec) in &mut made.workloads {
        if dice.chance(80) {
            spec["team"] = json!(dice.pick(&["red", "red", "plan"]));
        }
    }
}

fn budgets(made: &mut Instance, dice: &mut Dice) {
    teams(made, dice);
    for team in ["red", "plan"] {
        let usd = dice.amount(10.0, 120.0, 2);
        made.list("budgets").push(json!({ "team": team, "usd": usd }));
    }
}

fn plan_budget(made: &mut Instance, dice: &mut Dice) {
    let usd = dice.amount(20.0, 160.0, 2);
    made.flags.insert("budget".into(), json!(usd));
}

fn carbon_budgets(made: &mut Instance, dice: &mut Dice) {
    teams(made, dice);
    let kg = dice.amount(0.5, 20.0, 2);
    made.list("carbonBudgets").push(json!({ "team": "red", "kg": kg }));
    let grams = dice.int(10, 300);
    let region = full(dice.pick(&REGIONS));
    made.list("carbonIntensity").push(json!({ "region": region, "gramsPerKwh": grams }));
}

fn max_hourly(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 60) {
        made.workloads[index].1["maxHourly"] = json!(dice.amount(5.0, 40.0, 2));
    }
}

fn max_cost(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 60) {
        made.workloads[index].1["maxCost"] = json!(dice.amount(10.0, 90.0, 2));
    }
}

fn moves(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 60) {
        let name = if dice.chance(20) { "gone".into() } else { offer_name(made, dice) };
        if dice.chance(50) {
            made.workloads[index].1["current"] = json!(name);
        }
        if dice.chance(40) {
            let other = offer_name(made, dice);
            let workload = made.workloads[index].0.clone();
            let previous = made.flags.entry("previous").or_insert_with(|| json!({}));
            previous[workload] = json!(other);
        }
        made.workloads[index].1["moveCost"] = json!(dice.amount(0.5, 40.0, 2));
    }
}

fn optional(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 3);
    for index in some(made, dice, 60) {
        let spec = &mut made.workloads[index].1;
        spec["value"] = json!(dice.amount(1.0, 90.0, 3));
        if dice.chance(30) {
            spec["required"] = json!(false);
        }
    }
}

fn overload(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 4);
    one_more(made, dice, 4);
    for (_, spec) in &mut made.workloads {
        spec["priority"] = json!(dice.pick(&[0, 0, 1, 5, -2]));
    }
    for offer in 0..made.estate["offers"].as_array().map_or(0, Vec::len) {
        made.estate["offers"][offer]["count"] = json!(dice.int(0, 1));
    }
}

fn ties(made: &mut Instance, dice: &mut Dice) {
    let mut twin = made.estate["offers"][0].clone();
    twin["name"] = json!("twin");
    if dice.chance(50) {
        twin["region"] = json!("eu-west-1");
        twin["cloud"] = json!("aws");
    }
    made.list("offers").push(twin);
    if made.workloads.len() < 4 {
        let spec = made.workloads[0].1.clone();
        made.workloads.push((format!("w{}", made.workloads.len()), spec));
    }
}

fn zeros(made: &mut Instance, dice: &mut Dice) {
    let offers = made.estate["offers"].as_array().map_or(1, Vec::len);
    made.estate["offers"][dice.below(offers)]["hourly"] = json!(0);
    if dice.chance(20) {
        made.estate["offers"][dice.below(offers)]["watts"] = json!(0);
    }
    for index in some(made, dice, 40) {
        let spec = &mut made.workloads[index].1;
        match dice.int(0, 5) {
            0 => spec["maxCost"] = json!(0),
            1 => spec["deadline"] = json!("2026-11-25T05:00:00Z"),
            2 => spec["value"] = json!(0),
            3 => spec["duration"] = json!("1s"),
            4 => spec["moveCost"] = json!(0),
            _ => spec["maxHourly"] = json!(0),
        }
    }
    if let Some(budget) = made.estate.get_mut("budgets").filter(|_| dice.chance(50)) {
        budget[0]["usd"] = json!(0);
    }
    // The same data twice, in parts.
    for (_, spec) in &mut made.workloads {
        if let Some(list) = spec.get_mut("inputs").and_then(Value::as_array_mut)
            && list[0].get("dataset").is_some()
            && dice.chance(50)
        {
            let mut again = list[0].clone();
            again["size"] = json!("300Gi");
            list.push(again);
        }
    }
}

fn missing(made: &mut Instance, dice: &mut Dice) {
    // Only where no price needs them.
    let needed = made.flags.contains_key("carbonPrice") || made.estate.get("carbonBudgets").is_some();
    if needed {
        return;
    }
    for offer in 0..made.estate["offers"].as_array().map_or(0, Vec::len) {
        let offer = fields(&mut made.estate["offers"][offer]);
        if dice.chance(50) {
            offer.remove("watts");
        }
        if dice.chance(50) {
            offer.remove("pue");
        }
    }
    made.set("carbonIntensity", json!([{ "region": "aws", "gramsPerKwh": 300 }]));
    for site in made.estate.get_mut("sites").and_then(Value::as_array_mut).into_iter().flatten() {
        fields(site).remove("carbon");
    }
}

fn architectures(made: &mut Instance, dice: &mut Dice) {
    let state = |machine: &mut Value, dice: &mut Dice| {
        if dice.chance(80) {
            machine["arch"] = dice.pick(&["amd64", "arm64"]).into();
        }
    };
    for offer in made.list("offers") {
        state(offer, dice);
    }
    for site in made.estate.get_mut("sites").and_then(Value::as_array_mut).into_iter().flatten() {
        site["nodes"].as_array_mut().into_iter().flatten().for_each(|nodes| state(nodes, dice));
    }
    for index in some(made, dice, 50) {
        made.workloads[index].1["request"]["arch"] = dice.pick(&["amd64", "arm64"]).into();
    }
}
