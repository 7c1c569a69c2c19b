//! Seeded instances on the embedded catalogue.

use std::collections::BTreeMap;

use plimsoll_catalog::{CatalogOffer, offers};
use plimsoll_model::{
    AcceleratorCount, Bytes, Capacity, Duration, Inputs, Match, OfferSpec, PerHour, Usd, When, Workload,
    estate::{Dataset, EstateSpec, Quota},
    workload::{AcceleratorRequest, Checkpoint, Input, Request, WorkloadSpec},
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Accelerators that the drawn workloads ask for.
const WANTED: [&str; 7] = ["T4", "A10G", "L4", "V100", "A100", "A100-80GB", "H100"];

/// Inputs with nothing in them.
pub fn empty() -> Inputs {
    Inputs {
        workloads: Vec::new(),
        estate: EstateSpec::default(),
        assumptions: Vec::new(),
        embedded_catalog: false,
        file_offers: Vec::new(),
        series: BTreeMap::new(),
        places: plimsoll_model::read::Places::default(),
        digest: "bench".into(),
    }
}

/// A workload that asks for nothing yet.
pub fn workload(name: String) -> Workload {
    let mut spec = WorkloadSpec::asking(Request::default());
    spec.duration = Some(Duration::from_hours(1));
    Workload::named(name, spec)
}

fn spec(offer: &CatalogOffer) -> OfferSpec {
    OfferSpec {
        name: Some(offer.name()),
        cloud: Some(offer.cloud().into()),
        region: offer.region_name().into(),
        zone: None,
        instance_type: Some(offer.instance_type().into()),
        accelerator: offer.accelerator().map(Into::into),
        accelerator_kind: None,
        accelerators: Some(AcceleratorCount(offer.instance.accelerators_milli.into())),
        accelerator_memory: offer.accelerator_memory_bytes().map(Bytes),
        cpu: offer.instance.cpu_milli.map(plimsoll_model::Cpu),
        memory: offer.instance.memory_bytes.map(Bytes),
        arch: None,
        capacity: offer.capacity.name().parse().unwrap_or(Capacity::OnDemand),
        hourly: Usd::from_pico(i128::from(offer.hourly_nano_usd) * 1000),
        list_hourly: None,
        count: None,
        watts: None,
        pue: None,
        interruptions_per_hour: offer.interruptions_per_hour.and_then(|l| PerHour::from_f64(l).ok()),
        source: Some(offer.source().into()),
        as_of: Some(offer.as_of().into()),
    }
}

/// An offer that is drawn: the `number`th, with so many accelerators of a name each.
pub(crate) fn drawn(
    (cloud, region): (&str, &str),
    (accelerator, each): (&str, u32),
    number: usize,
    hourly: Usd,
) -> OfferSpec {
    OfferSpec {
        name: None,
        cloud: Some(cloud.into()),
        region: region.into(),
        zone: None,
        instance_type: Some(format!("{accelerator}x{each}.{number}")),
        accelerator: Some(accelerator.into()),
        accelerator_kind: None,
        accelerators: Some(AcceleratorCount::whole(each.into())),
        accelerator_memory: None,
        cpu: None,
        memory: None,
        arch: None,
        capacity: Capacity::OnDemand,
        hourly,
        list_hourly: None,
        count: None,
        watts: None,
        pue: None,
        interruptions_per_hour: None,
        source: Some("drawn".into()),
        as_of: None,
    }
}

/// Workloads that read shared datasets under lumpy quotas: `workloads` of them on `count` real offers
/// with the accelerators they want.
pub fn shared_data_and_quotas(seed: u64, workloads: usize, count: usize) -> Inputs {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut inputs = empty();
    let mut pool: Vec<&CatalogOffer> = offers()
        .iter()
        .filter(|o| {
            o.accelerator().is_some_and(|a| WANTED.contains(&a)) && o.instance.accelerators_milli >= 1000
        })
        .filter(|o| o.capacity.name() != "reserved")
        .collect();
    for i in 0..count.min(pool.len()) {
        let j = rng.random_range(i..pool.len());
        pool.swap(i, j);
    }
    pool.truncate(count);
    pool.sort_by_key(|o| o.name());
    inputs.estate.offers = pool.iter().map(|o| spec(o)).collect();
    let mut regions: Vec<(String, String)> =
        pool.iter().map(|o| (o.cloud().to_owned(), o.region_name().to_owned())).collect();
    regions.sort();
    regions.dedup();
    // Data lives where the big clouds are: those have prices for moving it.
    regions.retain(|r| ["aws", "gcp", "azure"].contains(&&*r.0));
    for d in 0..(workloads / 5).max(1) {
        let home = &regions[rng.random_range(0..regions.len())];
        inputs.estate.datasets.push(Dataset {
            name: format!("d{d}"),
            size: Bytes::gib(rng.random_range(20..4000)),
            at: vec![format!("{}/{}", home.0, home.1)],
            residency: Vec::new(),
        });
    }
    inputs.estate.egress = ["nebius", "lambda", "runpod"]
        .iter()
        .map(|cloud| plimsoll_model::estate::EgressRow {
            from: (*cloud).into(),
            to: "*".into(),
            usd_per_gb: Usd::from_f64(0.05).unwrap_or(Usd::ZERO),
        })
        .collect();
    for accelerator in WANTED {
        for (cloud, region) in &regions {
            inputs.estate.quotas.push(Quota {
                matches: Match {
                    cloud: Some(cloud.clone().into()),
                    region: Some(region.clone().into()),
                    accelerator: Some(accelerator.into()),
                    ..Match::default()
                },
                accelerators: Some([8, 16, 32][rng.random_range(0..3)]),
                ..Quota::default()
            });
        }
    }
    for w in 0..workloads {
        let mut work = workload(format!("w{w:04}"));
        let first = rng.random_range(0..WANTED.len());
        let any_of: Vec<String> =
            (0..rng.random_range(1..4)).map(|i| WANTED[(first + i) % WANTED.len()].to_owned()).collect();
        let speed = any_of.iter().enumerate().map(|(i, a)| {
            (a.clone(), plimsoll_model::Ratio::from_f64(1.0 + 0.6 * i as f64).unwrap_or_default())
        });
        work.spec.speed = Some(speed.collect());
        let count = [1, 1, 2, 4, 8][rng.random_range(0..5)];
        work.spec.request.accelerators = Some(AcceleratorRequest {
            any_of,
            count: Some(AcceleratorCount::whole(count)),
            ..Default::default()
        });
        work.spec.replicas = [1, 1, 1, 2, 4][rng.random_range(0..5)];
        work.spec.duration = Some(Duration::from_secs(600 * rng.random_range(3..200)));
        if rng.random_range(0..2) == 0 {
            work.spec.interruptible = true;
            work.spec.checkpoint =
                Some(Checkpoint { every: Duration::from_secs(1800), restart: Duration::from_secs(300) });
        }
        let dataset = rng.random_range(0..inputs.estate.datasets.len());
        work.spec.inputs = vec![Input {
            dataset: Some(inputs.estate.datasets[dataset].name.clone()),
            from: None,
            size: None,
        }];
        inputs.workloads.push(work);
    }
    inputs
}

/// Independent workloads over the whole embedded catalogue.
pub fn independent(seed: u64, workloads: usize) -> Inputs {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut inputs = empty();
    inputs.embedded_catalog = true;
    for w in 0..workloads {
        let mut work = workload(format!("w{w:04}"));
        match rng.random_range(0..4) {
            0 => {
                work.spec.request.cpu = Some(plimsoll_model::Cpu(1000 * rng.random_range(1..64)));
                work.spec.request.memory = Some(Bytes::gib(rng.random_range(2..256)));
            }
            _ => {
                work.spec.request.accelerators = Some(AcceleratorRequest {
                    any_of: vec![WANTED[rng.random_range(0..WANTED.len())].to_owned()],
                    count: Some(AcceleratorCount::whole([1, 2, 4, 8][rng.random_range(0..4)])),
                    ..Default::default()
                });
            }
        }
        work.spec.interruptible = rng.random_range(0..2) == 0;
        work.spec.duration = Some(Duration::from_secs(60 * rng.random_range(30..4000)));
        inputs.workloads.push(work);
    }
    inputs
}

/// Equal fine-tunes of three kinds, `each` of every kind, over the whole embedded catalogue under quotas
/// that hold too few of them at a time.
pub fn equal(each: usize) -> Inputs {
    let mut inputs = empty();
    inputs.embedded_catalog = true;
    let quota = |accelerator: &str, accelerators: usize| Quota {
        matches: Match { accelerator: Some(accelerator.to_owned().into()), ..Match::default() },
        accelerators: Some(accelerators as u32),
        ..Quota::default()
    };
    inputs.estate.quotas = vec![quota("H100", each), quota("A100", each), quota("A100-80GB", each / 2 + 8)];
    for copy in 0..each {
        for (hours, count) in [(3, 1), (5, 2), (8, 8)] {
            let mut work = workload(format!("tune-{count}-{copy:04}"));
            work.spec.request.accelerators = Some(AcceleratorRequest {
                any_of: ["H100", "A100", "A100-80GB"].map(Into::into).to_vec(),
                count: Some(AcceleratorCount::whole(count)),
                ..Default::default()
            });
            work.spec.duration = Some(Duration::from_hours(hours));
            // What each kind of request may wait for is a free place under a quota.
            work.spec.deadline = Some(When::In(Duration::from_hours(72)));
            inputs.workloads.push(work);
        }
    }
    inputs
}
