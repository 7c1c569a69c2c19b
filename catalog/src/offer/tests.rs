//! Laws of the embedded offers, and facts checked by hand against the price lists.

use std::collections::BTreeMap;

use super::*;

#[test]
fn every_price_is_positive_and_dated() {
    assert!(offers().len() > 90_000, "{}", offers().len());
    for offer in offers() {
        assert!(offer.hourly_nano_usd > 0, "{}", offer.name());
        assert_eq!(offer.list.kind, "price", "{}", offer.name());
        assert_eq!(offer.cloud(), offer.region.cloud, "{}", offer.name());
    }
    assert_eq!(newest_price_date(), "2026-08-19");
}

#[test]
fn names_are_unique_and_offers_sorted() {
    let key = |offer: &CatalogOffer| {
        (offer.cloud(), offer.instance_type(), offer.capacity.name(), offer.region.name)
    };
    let mut keys: Vec<_> = offers().iter().map(key).collect();
    // Two lists of one type and class follow each other, so regions are sorted within a list only.
    let groups: Vec<_> =
        keys.iter().map(|(cloud, instance, capacity, _)| (*cloud, *instance, *capacity)).collect();
    assert!(groups.is_sorted());
    keys.sort_unstable();
    assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn spot_and_reserved_never_cost_more_than_on_demand() {
    let mut on_demand = BTreeMap::new();
    for offer in offers().iter().filter(|offer| offer.capacity == Capacity::OnDemand) {
        on_demand.insert((offer.cloud(), offer.region.name, offer.instance_type()), offer.hourly_nano_usd);
    }
    for offer in offers().iter().filter(|offer| offer.capacity != Capacity::OnDemand) {
        if let Some(list_price) = on_demand.get(&(offer.cloud(), offer.region.name, offer.instance_type())) {
            assert!(offer.hourly_nano_usd <= *list_price, "{}", offer.name());
        }
    }
}

#[test]
fn interruption_rates_are_known_for_spot_on_aws_only() {
    for offer in offers() {
        let expected = offer.cloud() == "aws" && offer.capacity == Capacity::Spot;
        assert_eq!(offer.interruptions_per_hour.is_some(), expected, "{}", offer.name());
    }
}

#[test]
fn every_region_with_offers_has_a_country_but_one() {
    let mut unknown: Vec<_> = offers()
        .iter()
        .filter(|offer| offer.region.country.is_none())
        .map(|offer| (offer.cloud(), offer.region.name))
        .collect();
    unknown.dedup();
    assert!(unknown.iter().all(|region| *region == ("lambda", "europe-south-1")), "{unknown:?}");
}

#[test]
fn slices_of_a_cloud_add_up() {
    assert_eq!(clouds().map(|cloud| offers_of(cloud).len()).sum::<usize>(), offers().len());
    assert!(clouds().all(|cloud| offers_of(cloud).iter().all(|offer| offer.cloud() == cloud)));
    assert!(offers_of("acme").is_empty());
}

fn find(name: &str) -> &'static CatalogOffer {
    offers().iter().find(|offer| offer.name() == name).unwrap_or_else(|| panic!("{name} is in the catalogue"))
}

#[test]
fn facts_by_hand() {
    // aws_ondemand_us-east-1_2026-07-20, and 8 cards, 192 vCPUs, 2,048 GiB.
    let h100 = find("aws/us-east-1/p5.48xlarge/on-demand");
    assert_eq!((h100.accelerator(), h100.instance.accelerators_milli), (Some("H100"), 8000));
    assert_eq!((h100.instance.cpu_milli, h100.instance.memory_bytes), (Some(192_000), Some(2048 << 30)));
    assert_eq!((h100.hourly_nano_usd, h100.as_of()), (55_040_000_000, "2026-07-20"));
    // The same type elsewhere is from the list of 2025.
    assert_eq!(find("aws/eu-west-2/g5.xlarge/on-demand").as_of(), "2025-11-30");
    // Chips times the price of a chip-hour: 16 x 1.2 and 16 x 0.63.
    let slice = find("gcp/us-central1/tpu-v5e-16/on-demand");
    assert_eq!((slice.accelerator(), slice.kind()), (Some("tpu-v5e-16"), Some(Kind::Tpu)));
    assert_eq!((slice.hourly_nano_usd, slice.instance.accelerators_milli), (19_200_000_000, 1000));
    assert_eq!(find("gcp/us-central1/tpu-v5e-16/spot").hourly_nano_usd, 10_080_000_000);
    // A device, not a pod slice: 4 chips at 2.2.
    assert_eq!(find("gcp/europe-west4/tpu-v3-8/on-demand").hourly_nano_usd, 8_800_000_000);
    // FPGAs of both clouds.
    assert_eq!(find("azure/eastus/Standard_NP10s/on-demand").kind(), Some(Kind::Fpga));
    assert_eq!(find("aws/eu-west-1/f1.2xlarge/on-demand").hourly_nano_usd, 1_815_000_000);
    assert_eq!(
        find("aws/us-east-1/f2.6xlarge/on-demand").accelerator(),
        Some("Virtex UltraScale+ HBM (VU47P)")
    );
    // Parts of a card.
    assert_eq!(find("azure/eastus/Standard_NV6ads_A10_v5/on-demand").instance.accelerators_milli, 167);
    // Neoclouds.
    assert_eq!(
        find("nebius/eu-north1/gpu-h100-sxm_8gpu-128vcpu-1600gb/spot").hourly_nano_usd,
        10_000_000_000
    );
    assert_eq!(find("lambda/us-west-3/gpu_8x_h100_sxm5/on-demand").hourly_nano_usd, 27_920_000_000);
    // Arm hosts.
    assert_eq!(find("aws/us-east-1/m7g.large/on-demand").instance.arch, Arch::Arm64);
    assert_eq!(find("gcp/us-central1/c4a-standard-4/on-demand").instance.arch, Arch::Arm64);
}
