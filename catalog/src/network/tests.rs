//! Laws of the network tables, and figures checked by hand against the fact files.

use super::*;
use crate::region::regions;

fn places() -> impl Iterator<Item = Place<'static>> {
    regions().iter().map(|region| (region.cloud, region.name))
}

#[test]
fn egress_is_never_negative_and_free_within_a_region() {
    for from in places() {
        assert_eq!(egress(from, from).map(|fact| fact.value), Some(0));
        for to in places() {
            match egress(from, to) {
                Some(fact) => assert!((0..250_000_000).contains(&fact.value), "{from:?} {to:?} {fact:?}"),
                None => assert_eq!(from.0, "nebius"),
            }
        }
    }
    assert_eq!(egress(("aws", "moon-1"), ("aws", "us-east-1")), None);
}

#[test]
fn egress_by_hand() {
    for (from, to, nano, estimate) in [
        // aws_transfer_prices_2023.
        (("aws", "us-east-1"), ("aws", "us-east-2"), 10_000_000, false),
        (("aws", "us-east-1"), ("aws", "eu-west-1"), 20_000_000, false),
        (("aws", "af-south-1"), ("aws", "eu-central-2"), 147_000_000, false),
        (("aws", "ap-south-1"), ("gcp", "us-central1"), 109_300_000, false),
        // A destination that opened later, and a source that did.
        (("aws", "us-east-1"), ("aws", "ca-west-1"), 20_000_000, true),
        (("aws", "ca-west-1"), ("aws", "us-east-1"), 20_000_000, true),
        // egress_price_grid_2022.
        (("azure", "eastus"), ("azure", "westeurope"), 50_000_000, false),
        (("azure", "eastus"), ("aws", "us-east-1"), 87_500_000, false),
        (("gcp", "us-central1"), ("aws", "ap-southeast-2"), 190_000_000, false),
        (("gcp", "us-central1"), ("gcp", "us-west1"), 10_000_000, false),
        // Defaults: within a country, across a border, a billing zone, published as free.
        (("gcp", "us-central1"), ("gcp", "us-south1"), 10_000_000, true),
        (("gcp", "us-central1"), ("gcp", "northamerica-south1"), 80_000_000, true),
        (("azure", "brazilsouth"), ("aws", "us-east-1"), 181_000_000, true),
        (("lambda", "us-west-3"), ("aws", "us-east-1"), 0, false),
        (("aws", "us-east-1"), ("lambda", "europe-south-1"), 90_000_000, false),
    ] {
        let fact = egress(from, to).unwrap_or_else(|| panic!("{from:?} to {to:?} has a price"));
        assert_eq!((fact.value, fact.estimate), (nano, estimate), "{from:?} {to:?} {fact:?}");
    }
}

#[test]
fn egress_to_a_site_of_ones_own() {
    let nano = |from, country| egress_to(from, country).map(|fact| (fact.value, fact.estimate));
    assert_eq!(nano(("aws", "ap-south-1"), Some("DE")), Some((109_300_000, false)));
    assert_eq!(nano(("gcp", "us-central1"), Some("AU")), Some((190_000_000, true)));
    assert_eq!(nano(("azure", "japaneast"), None), Some((120_000_000, true)));
    assert_eq!(nano(("runpod", "CZ"), None), Some((0, false)));
    assert_eq!(nano(("nebius", "eu-north1"), Some("FI")), None);
}

#[test]
fn round_trips_are_symmetric_and_no_faster_than_light() {
    for a in places() {
        for b in places() {
            let (there, back) = (rtt_ms(a, b), rtt_ms(b, a));
            assert_eq!(there, back, "{a:?} {b:?}");
            let place = |place: Place<'_>| region(place.0, place.1).and_then(|region| region.lat_lon);
            let (Some(fact), Some(from), Some(to)) = (there, place(a), place(b)) else { continue };
            // Azure's coordinates are a few hundred kilometres off in places, hence the allowance.
            let least = (distance_km(from, to) - 600.0).max(0.0) / 100.0;
            assert!(fact.value >= least, "{a:?} {b:?} {fact:?} {least}");
        }
    }
}

#[test]
fn round_trips_by_hand() {
    let measured = rtt_ms(("aws", "ap-east-1"), ("aws", "af-south-1")).expect("it was measured");
    assert!((measured.value - 248.76).abs() < 1e-9 && !measured.estimate);
    let fitted = rtt_ms(("nebius", "eu-north1"), ("gcp", "europe-north2")).expect("both have coordinates");
    assert!(fitted.estimate && (26.0..32.0).contains(&fitted.value), "{fitted:?}");
    assert_eq!(rtt_ms(("runpod", "US"), ("aws", "us-east-1")), None);
}

#[test]
fn throughput_by_hand() {
    let newest = throughput_gbps(("aws", "af-south-1"), ("aws", "ap-east-1")).expect("it was measured");
    assert_eq!(newest.as_of, "2022-11-28");
    assert!((newest.value - 2.716).abs() < 1e-9, "{newest:?}");
    let older =
        throughput_gbps(("aws", "af-south-1"), ("azure", "francecentral")).expect("it was measured before");
    assert_eq!(older.as_of, "2022-01-01");
    assert!((older.value - 3.573).abs() < 1e-9, "{older:?}");
    for from in places() {
        for to in places() {
            let positive = throughput_gbps(from, to).is_none_or(|fact| fact.value > 0.0);
            assert!(positive, "{from:?} {to:?}");
        }
    }
}
