//! Made-up workloads.

use proptest::{collection::vec, prelude::*};

use super::{
    arch, bytes, capacity, cpu, duration, kind, list, maybe, metadata, ratio, text, texts, usd, when,
};
use crate::{
    AcceleratorCount, Workload,
    document::ApiVersion,
    workload::{
        AcceleratorRequest, Alternative, Area, Checkpoint, Client, Input, LatencyGoal, Output, Request,
        Together, WorkloadKind, WorkloadSpec,
    },
};

/// A workload.
pub fn workload(fill: f64) -> impl Strategy<Value = Workload> {
    (metadata(fill), spec(fill)).prop_map(|(metadata, spec)| Workload {
        api_version: ApiVersion::default(),
        kind: WorkloadKind::Workload,
        metadata,
        spec,
    })
}

fn spec(fill: f64) -> impl Strategy<Value = WorkloadSpec> {
    (size(fill), run(fill), data(fill), places(fill), worth(fill), ways(fill)).prop_map(
        |(size, run, data, places, worth, (per_instance, alternatives, ordered))| {
            let (replicas, gang, request) = size;
            let (
                (duration, speed, capacity, interruptible, checkpoint),
                (pausable, earliest, deadline, slots),
            ) = run;
            let (inputs, outputs, clients, latency) = data;
            let ([regions, clouds, zones, not_in, residency], together) = places;
            let ((max_hourly, max_cost, value, move_cost), (team, current, priority, required)) = worth;
            WorkloadSpec {
                replicas,
                gang,
                request,
                per_instance,
                alternatives,
                ordered,
                duration,
                speed,
                capacity,
                interruptible,
                checkpoint,
                pausable,
                earliest,
                deadline,
                slots,
                inputs,
                outputs,
                clients,
                latency,
                regions,
                clouds,
                zones,
                not_in,
                residency,
                together,
                max_hourly,
                max_cost,
                team,
                priority,
                required,
                value,
                current,
                move_cost,
            }
        },
    )
}

fn ways(fill: f64) -> impl Strategy<Value = (Option<u32>, Vec<Alternative>, bool)> {
    let places = || maybe(fill, texts());
    let way =
        (
            maybe(fill, request(fill)),
            maybe(fill, vec(capacity(), 0..4)),
            (places(), places(), places(), places()),
            maybe(fill, usd()),
        )
            .prop_map(|(request, capacity, (regions, clouds, zones, not_in), max_hourly)| {
                Alternative { request, capacity, regions, clouds, zones, not_in, max_hourly }
            });
    let ordered = if fill < 1.0 { any::<bool>().boxed() } else { Just(true).boxed() };
    (maybe(fill, any::<u32>()), list(fill, way), ordered)
}

fn size(fill: f64) -> impl Strategy<Value = (u32, Option<bool>, Request)> {
    (any::<u32>(), maybe(fill, any::<bool>()), request(fill))
}

fn request(fill: f64) -> impl Strategy<Value = Request> {
    let count = prop_oneof![
        (1u64..=999).prop_map(AcceleratorCount),
        (0u64..1000).prop_map(|n| AcceleratorCount(n * 1000)),
    ];
    let accelerators = (list(fill, text()), maybe(fill, kind()), maybe(fill, count), maybe(fill, bytes()))
        .prop_map(|(any_of, kind, count, memory)| AcceleratorRequest { any_of, kind, count, memory });
    let types = (list(fill, text()), list(fill, text()));
    let host = (maybe(fill, cpu()), maybe(fill, bytes()), types, (maybe(fill, arch()), maybe(fill, arch())));
    (maybe(fill, accelerators), host).prop_map(
        |(accelerators, (cpu, memory, (instance_type, not_instance_type), (arch, not_arch)))| Request {
            accelerators,
            cpu,
            memory,
            instance_type,
            not_instance_type,
            arch,
            not_arch,
        },
    )
}

fn run(fill: f64) -> impl Strategy<Value = (RunFirst, RunSecond)> {
    let speed = vec((text(), ratio()), 0..4).prop_map(|entries| entries.into_iter().collect());
    let checkpoint = (duration(), duration()).prop_map(|(every, restart)| Checkpoint { every, restart });
    (
        (
            maybe(fill, duration()),
            maybe(fill, speed),
            maybe(fill, vec(capacity(), 0..4)),
            proptest::bool::weighted(fill),
            maybe(fill, checkpoint),
        ),
        (proptest::bool::weighted(fill), maybe(fill, when()), maybe(fill, when()), maybe(fill, duration())),
    )
}

type RunFirst = (
    Option<crate::Duration>,
    Option<indexmap::IndexMap<String, crate::Ratio>>,
    Option<Vec<crate::Capacity>>,
    bool,
    Option<Checkpoint>,
);
type RunSecond = (bool, Option<crate::When>, Option<crate::When>, Option<crate::Duration>);

fn data(fill: f64) -> impl Strategy<Value = (Vec<Input>, Vec<Output>, Vec<Client>, Option<LatencyGoal>)> {
    let input = (maybe(fill, text()), maybe(fill, text()), maybe(fill, bytes()))
        .prop_map(|(dataset, from, size)| Input { dataset, from, size });
    let output = (text(), bytes()).prop_map(|(to, size)| Output { to, size });
    let client = (text(), maybe(fill, ratio())).prop_map(|(region, share)| Client { region, share });
    let latency =
        (maybe(fill, duration()), maybe(fill, usd())).prop_map(|(p99, price)| LatencyGoal { p99, price });
    (list(fill, input), list(fill, output), list(fill, client), maybe(fill, latency))
}

fn places(fill: f64) -> impl Strategy<Value = ([Vec<String>; 5], Option<Together>)> {
    let lists = [(); 5].map(|()| maybe(fill, texts()).prop_map(Option::unwrap_or_default));
    let area = prop_oneof![Just(Area::Region), Just(Area::Cloud), Just(Area::Zone)];
    let area = if fill < 1.0 { area.boxed() } else { Just(Area::Zone).boxed() };
    let together = (text(), area).prop_map(|(name, area)| Together { name, area });
    (lists, maybe(fill, together))
}

type Money = (Option<crate::Usd>, Option<crate::Usd>, Option<crate::Usd>, Option<crate::Usd>);
type Rank = (Option<String>, Option<String>, i64, Option<bool>);

fn worth(fill: f64) -> impl Strategy<Value = (Money, Rank)> {
    (
        (maybe(fill, usd()), maybe(fill, usd()), maybe(fill, usd()), maybe(fill, usd())),
        (maybe(fill, text()), maybe(fill, text()), any::<i64>(), maybe(fill, any::<bool>())),
    )
}
