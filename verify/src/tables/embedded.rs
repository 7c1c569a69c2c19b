//! The catalogue crate behind [`Tables`].

use plimsoll_catalog::{self as catalog, CatalogOffer};
use plimsoll_model::{
    AcceleratorCount, AcceleratorKind, Arch, Bytes, Capacity, Cpu, GbitPerSecond, GramsPerKwh, Millisecond,
    OfferSpec, PerHour, Ratio, Usd, Watts,
};

use super::{Accelerator, CloudRegion, Coordinates, Figure, Said, Tables, YearlyCarbon};

/// The tables that are compiled into the program.
pub(crate) struct Embedded;

impl Tables for Embedded {
    fn said(&self, figure: Figure<'_>) -> Option<Said> {
        let if_estimate = |estimate: bool, words: &'static str| if estimate { words } else { "" };
        let (value, source, as_of) = match figure {
            Figure::Accelerator(name) => {
                let watts = &catalog::accelerator(name)?.watts;
                let estimate = if_estimate(watts.estimate, ", an estimate");
                (format!("{} W each{estimate}", watts.value), watts.source, watts.as_of)
            }
            Figure::Host(cloud) => {
                let host = catalog::host_watts(cloud, 0.0, 0);
                ("by vCPU and GiB".to_owned(), host.source, host.as_of)
            }
            Figure::Pue(cloud) => {
                let pue = catalog::pue(cloud);
                let estimate = if_estimate(pue.estimate, ", an estimate");
                (format!("{}{estimate}", pue.value), pue.source, pue.as_of)
            }
            Figure::Interruptions => {
                let rate = catalog::default_interruptions_per_hour();
                (format!("{} an instance-hour, an estimate", rate.value), rate.source, rate.as_of)
            }
            Figure::Egress(..) | Figure::EgressTo(..) => {
                let price = match figure {
                    Figure::Egress(from, to) => catalog::egress(from, to)?,
                    Figure::EgressTo(from, country) => catalog::egress_to(from, country)?,
                    _ => return None,
                };
                let estimate = if_estimate(price.estimate, ", a default");
                (format!("{} $/GB{estimate}", nano(price.value)), price.source, price.as_of)
            }
            Figure::Rtt(from, to) => {
                let measured = catalog::rtt_ms(from, to).filter(|fact| !fact.estimate)?;
                (format!("{:.1} ms", measured.value), measured.source, measured.as_of)
            }
            Figure::RttByDistance(from, to) => {
                let fit = catalog::rtt_estimate_ms(from, to);
                let estimate = if_estimate(fit.estimate, ", by distance");
                (format!("{:.1} ms{estimate}", fit.value), fit.source, fit.as_of)
            }
            Figure::Throughput(from, to) => {
                let fact = catalog::throughput_gbps(from, to)?;
                let gbps = GbitPerSecond::from_f64(fact.value).ok().filter(|gbps| !gbps.is_zero())?;
                (format!("{gbps} Gbit/s"), fact.source, fact.as_of)
            }
            Figure::Carbon((cloud, region)) => {
                let known = catalog::carbon(cloud, region)?;
                let shaped = if_estimate(known.shape.is_some(), ", by month and hour");
                let borrowed = known.from.map_or(String::new(), |of| format!(", the figure of {of}"));
                (format!("{} g/kWh{shaped}{borrowed}", known.grams_per_kwh), known.source, known.as_of)
            }
        };
        Some(Said { value, source: source.to_owned(), as_of: as_of.to_owned() })
    }

    fn accelerator(&self, name: &str) -> Option<Accelerator> {
        catalog::accelerator(name).map(|known| Accelerator {
            name: known.name.to_owned(),
            kind: kind(known.kind),
            memory: Some(Bytes(known.memory_bytes)),
            watts: Watts::from_f64(known.watts.value).ok(),
        })
    }

    fn country_in(&self, country: &str, jurisdiction: &str) -> bool {
        catalog::country_in(country, jurisdiction)
    }

    fn country_of(&self, (cloud, region): CloudRegion<'_>) -> Option<String> {
        catalog::region(cloud, region)?.country.map(str::to_owned)
    }

    fn clouds_with(&self, region: &str) -> Vec<String> {
        catalog::regions_named(region).map(|known| known.cloud.to_owned()).collect()
    }

    fn offer(&self, name: &str) -> Option<OfferSpec> {
        let (cloud, rest) = name.split_once('/')?;
        let (region, rest) = rest.split_once('/')?;
        let (instance_type, capacity) = rest.rsplit_once('/')?;
        let capacity = capacity.parse().ok()?;
        // Sorted by instance type first: a handful of rows is left to look through.
        let offers = catalog::offers_of(cloud);
        let first = offers.partition_point(|offer| offer.instance.name < instance_type);
        let of_type = offers[first..].iter().take_while(|offer| offer.instance.name == instance_type);
        let mut found =
            of_type.filter(|offer| offer.region.name == region && class(offer.capacity) == capacity);
        found.next().map(table_offer)
    }

    fn offers(&self) -> Vec<OfferSpec> {
        catalog::offers().iter().map(table_offer).collect()
    }

    fn newest_price(&self) -> String {
        catalog::newest_price_date().to_owned()
    }

    fn host_watts(&self, cloud: Option<&str>, cpu: Cpu, memory: Bytes) -> Option<Watts> {
        let vcpus = cpu.0 as f64 / 1000.0;
        Watts::from_f64(catalog::host_watts(cloud.unwrap_or("on-prem"), vcpus, memory.0).value).ok()
    }

    fn pue(&self, cloud: Option<&str>) -> Option<Ratio> {
        Ratio::from_f64(catalog::pue(cloud).value).ok()
    }

    fn egress(&self, from: CloudRegion<'_>, to: CloudRegion<'_>) -> Option<Usd> {
        catalog::egress(from, to).map(|fact| nano(fact.value))
    }

    fn egress_to(&self, from: CloudRegion<'_>, country: Option<&str>) -> Option<Usd> {
        catalog::egress_to(from, country).map(|fact| nano(fact.value))
    }

    fn rtt(&self, from: CloudRegion<'_>, to: CloudRegion<'_>) -> Option<Millisecond> {
        let measured = catalog::rtt_ms(from, to).filter(|fact| !fact.estimate)?;
        Millisecond::from_f64(measured.value).ok()
    }

    fn coordinates(&self, (cloud, region): CloudRegion<'_>) -> Option<Coordinates> {
        catalog::region(cloud, region)?.lat_lon
    }

    fn rtt_by_distance(&self, from: Coordinates, to: Coordinates) -> Option<Millisecond> {
        Millisecond::from_f64(catalog::rtt_estimate_ms(from, to).value).ok()
    }

    fn throughput(&self, from: CloudRegion<'_>, to: CloudRegion<'_>) -> Option<GbitPerSecond> {
        catalog::throughput_gbps(from, to).and_then(|fact| GbitPerSecond::from_f64(fact.value).ok())
    }

    fn carbon(&self, (cloud, region): CloudRegion<'_>) -> Option<YearlyCarbon> {
        let known = catalog::carbon(cloud, region)?;
        // A factor that is no number would be a broken table; the tests of the catalogue exclude it.
        let factor = |value: f64| Ratio::from_f64(value).unwrap_or_default();
        Some(YearlyCarbon {
            grams_per_kwh: GramsPerKwh::from_f64(known.grams_per_kwh).ok()?,
            shape: known.shape.map(|shape| Box::new(shape.map(|hours| hours.map(factor)))),
        })
    }

    fn interruptions(&self) -> Option<PerHour> {
        PerHour::from_f64(catalog::default_interruptions_per_hour().value).ok()
    }
}

fn table_offer(offer: &CatalogOffer) -> OfferSpec {
    let count = AcceleratorCount(offer.instance.accelerators_milli.into());
    OfferSpec {
        name: Some(offer.name()),
        cloud: Some(offer.cloud().to_owned()),
        region: offer.region_name().to_owned(),
        zone: None,
        instance_type: Some(offer.instance_type().to_owned()),
        accelerator: offer.accelerator().map(str::to_owned),
        accelerator_kind: offer.kind().map(kind),
        accelerators: offer.accelerator().map(|_| count),
        accelerator_memory: offer.accelerator_memory_bytes().map(Bytes),
        cpu: offer.instance.cpu_milli.map(Cpu),
        memory: offer.instance.memory_bytes.map(Bytes),
        arch: Some(match offer.instance.arch {
            catalog::Arch::Amd64 => Arch::Amd64,
            catalog::Arch::Arm64 => Arch::Arm64,
        }),
        capacity: class(offer.capacity),
        hourly: nano(offer.hourly_nano_usd),
        list_hourly: None,
        count: None,
        watts: None,
        pue: None,
        interruptions_per_hour: offer.interruptions_per_hour.and_then(|rate| PerHour::from_f64(rate).ok()),
        source: Some(offer.source().to_owned()),
        as_of: Some(offer.as_of().to_owned()),
    }
}

fn nano(billionths: i64) -> Usd {
    Usd::from_pico(i128::from(billionths) * 1000)
}

fn kind(kind: catalog::Kind) -> AcceleratorKind {
    match kind {
        catalog::Kind::Gpu => AcceleratorKind::Gpu,
        catalog::Kind::Tpu => AcceleratorKind::Tpu,
        catalog::Kind::Npu => AcceleratorKind::Npu,
        catalog::Kind::Fpga => AcceleratorKind::Fpga,
    }
}

fn class(capacity: catalog::Capacity) -> Capacity {
    match capacity {
        catalog::Capacity::Spot => Capacity::Spot,
        catalog::Capacity::OnDemand => Capacity::OnDemand,
        catalog::Capacity::Reserved => Capacity::Reserved,
        catalog::Capacity::OnPrem => Capacity::OnPrem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offer_is_found_by_its_name() {
        for offer in catalog::offers().iter().step_by(997) {
            assert_eq!(Embedded.offer(&offer.name()), Some(table_offer(offer)), "{}", offer.name());
        }
        for none in [
            "aws",
            "aws/us-east-1/x/y",
            "moon/us-east-1/p5.48xlarge/on-demand",
            "aws/us-east-1/p5.48xlarge/on-prem",
        ] {
            assert_eq!(Embedded.offer(none), None, "{none}");
        }
    }
}
