//! Made-up estates.

use proptest::{prelude::*, sample::select};

use super::{
    arch, bytes, cpu, duration, gbps, grams_per_kwh, kg, kind, list, matches, maybe, metadata, millisecond,
    offer, one_of, per_hour, ratio, scenarios::scenario, text, texts, time, usd, watts,
};
use crate::{
    Estate,
    document::ApiVersion,
    estate::{
        Budget, CarbonBudget, CarbonRow, Counts, Dataset, Defaults, EgressModel, EgressRow, EstateKind,
        EstateSpec, InterruptionRule, LatencyRow, NodeGroup, Only, PriceRule, Quota, Region, Reservation,
        Site, SiteCarbon, ThroughputRow,
    },
};

/// An estate.
pub fn estate(fill: f64) -> impl Strategy<Value = Estate> {
    (metadata(fill), spec(fill)).prop_map(|(metadata, spec)| Estate {
        api_version: ApiVersion::default(),
        kind: EstateKind::Estate,
        metadata,
        spec,
    })
}

fn spec(fill: f64) -> impl Strategy<Value = EstateSpec> {
    let head = (
        maybe(fill, time()),
        maybe(fill, duration()),
        maybe(fill, texts()),
        maybe(fill, select(vec![Defaults::Embedded, Defaults::None])),
        maybe(fill, select(vec![EgressModel::Region, EgressModel::Cloud])),
    );
    let supply = (
        list(fill, offer(fill)),
        list(fill, site(fill)),
        list(fill, region(fill)),
        list(fill, reservation(fill)),
    );
    let limits =
        (list(fill, quota(fill)), list(fill, budget()), list(fill, carbon_budget()), list(fill, only(fill)));
    let rows =
        (list(fill, egress()), list(fill, latency()), list(fill, throughput()), list(fill, carbon(fill)));
    let rest = (
        list(fill, dataset(fill)),
        list(fill, price(fill)),
        list(fill, interruption(fill)),
        list(fill, scenario(fill)),
    );
    (head, supply, limits, rows, rest).prop_map(|(head, supply, limits, rows, rest)| EstateSpec {
        time: head.0,
        horizon: head.1,
        catalog: head.2,
        defaults: head.3,
        egress_model: head.4,
        offers: supply.0,
        sites: supply.1,
        regions: supply.2,
        reservations: supply.3,
        quotas: limits.0,
        budgets: limits.1,
        carbon_budgets: limits.2,
        only: limits.3,
        egress: rows.0,
        latency: rows.1,
        throughput: rows.2,
        carbon_intensity: rows.3,
        datasets: rest.0,
        prices: rest.1,
        interruptions: rest.2,
        scenarios: rest.3,
    })
}

fn site(fill: f64) -> impl Strategy<Value = Site> {
    let carbon = (maybe(fill, text()), maybe(fill, grams_per_kwh()))
        .prop_map(|(zone, grams_per_kwh)| SiteCarbon { zone, grams_per_kwh });
    let names = (text(), maybe(fill, text()), maybe(fill, text()), maybe(fill, text()));
    let power = (maybe(fill, ratio()), maybe(fill, usd()), maybe(fill, carbon));
    (names, power, list(fill, node_group(fill))).prop_map(|(names, power, nodes)| Site {
        name: names.0,
        region: names.1,
        near: names.2,
        country: names.3,
        pue: power.0,
        electricity: power.1,
        carbon: power.2,
        nodes,
    })
}

fn node_group(fill: f64) -> impl Strategy<Value = NodeGroup> {
    let names = (text(), maybe(fill, text()), maybe(fill, text()), maybe(fill, text()), maybe(fill, text()));
    let counts = (maybe(fill, any::<u32>()), maybe(fill, any::<u32>()), maybe(fill, kind()));
    let sizes = (maybe(fill, bytes()), maybe(fill, cpu()), maybe(fill, bytes()), maybe(fill, arch()));
    (names, counts, sizes, usd(), maybe(fill, watts())).prop_map(|(names, counts, sizes, hourly, watts)| {
        NodeGroup {
            name: names.0,
            accelerator: names.1,
            instance_type: names.2,
            source: names.3,
            as_of: names.4,
            count: counts.0,
            accelerators: counts.1,
            accelerator_kind: counts.2,
            accelerator_memory: sizes.0,
            cpu: sizes.1,
            memory: sizes.2,
            arch: sizes.3,
            hourly,
            watts,
        }
    })
}

fn region(fill: f64) -> impl Strategy<Value = Region> {
    (text(), maybe(fill, text()), maybe(fill, -90.0..=90.0f64), maybe(fill, -180.0..=180.0f64))
        .prop_map(|(name, country, lat, lon)| Region { name, country, lat, lon })
}

fn reservation(fill: f64) -> impl Strategy<Value = Reservation> {
    (text(), any::<u32>(), maybe(fill, time()), maybe(fill, any::<bool>()))
        .prop_map(|(offer, count, until, sunk)| Reservation { offer, count, until, sunk })
}

fn quota(fill: f64) -> impl Strategy<Value = Quota> {
    let about = (maybe(fill, text()), matches(fill), maybe(fill, one_of(text())));
    let whole = (maybe(fill, any::<u32>()), maybe(fill, any::<u32>()));
    let parts =
        (maybe(fill, cpu()), maybe(fill, bytes()), maybe(fill, select(vec![Counts::Held, Counts::Asked])));
    (about, whole, parts).prop_map(|(about, whole, parts)| Quota {
        name: about.0,
        matches: about.1,
        team: about.2,
        accelerators: whole.0,
        instances: whole.1,
        cpu: parts.0,
        memory: parts.1,
        counts: parts.2,
    })
}

fn only(fill: f64) -> impl Strategy<Value = Only> {
    (maybe(fill, text()), matches(fill), maybe(fill, one_of(text())), maybe(fill, any::<bool>()))
        .prop_map(|(name, matches, team, accelerators)| Only { name, matches, team, accelerators })
}

fn budget() -> impl Strategy<Value = Budget> {
    (text(), usd()).prop_map(|(team, usd)| Budget { team, usd })
}

fn carbon_budget() -> impl Strategy<Value = CarbonBudget> {
    (text(), kg()).prop_map(|(team, kg)| CarbonBudget { team, kg })
}

fn dataset(fill: f64) -> impl Strategy<Value = Dataset> {
    (text(), bytes(), texts(), list(fill, text())).prop_map(|(name, size, at, residency)| Dataset {
        name,
        size,
        at,
        residency,
    })
}

pub(super) fn price(fill: f64) -> impl Strategy<Value = PriceRule> {
    (matches(fill), maybe(fill, ratio()), maybe(fill, usd()), maybe(fill, usd()))
        .prop_map(|(matches, multiply, hourly, add)| PriceRule { matches, multiply, hourly, add })
}

fn egress() -> impl Strategy<Value = EgressRow> {
    (text(), text(), usd()).prop_map(|(from, to, usd_per_gb)| EgressRow { from, to, usd_per_gb })
}

fn latency() -> impl Strategy<Value = LatencyRow> {
    (text(), text(), millisecond()).prop_map(|(from, to, ms)| LatencyRow { from, to, ms })
}

fn throughput() -> impl Strategy<Value = ThroughputRow> {
    (text(), text(), gbps()).prop_map(|(from, to, gbps)| ThroughputRow { from, to, gbps })
}

fn carbon(fill: f64) -> impl Strategy<Value = CarbonRow> {
    (maybe(fill, text()), maybe(fill, text()), maybe(fill, grams_per_kwh()), maybe(fill, text()))
        .prop_map(|(region, zone, grams_per_kwh, series)| CarbonRow { region, zone, grams_per_kwh, series })
}

fn interruption(fill: f64) -> impl Strategy<Value = InterruptionRule> {
    (matches(fill), per_hour()).prop_map(|(matches, per_hour)| InterruptionRule { matches, per_hour })
}
