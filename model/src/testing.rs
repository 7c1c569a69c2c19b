//! Made-up documents for property tests: every field, with awkward but valid values.
//!
//! They read and write back the same; they need not make sense together (a workload may name a dataset
//! that no estate has). `fill` is how likely an optional field is stated: at 1 every field is.

mod estate;
mod explanation;
mod front;
mod packing;
mod plan;
mod scenarios;
mod workload;

use std::fmt::Debug;

use indexmap::IndexMap;
use proptest::{collection::vec, option::weighted, prelude::*, sample::select};

use crate::{
    AcceleratorCount, AcceleratorKind, Arch, Bytes, Capacity, Cpu, Duration, GbitPerSecond, GramsPerKwh, Kg,
    Match, Metadata, Millisecond, OfferSpec, OneOf, PerHour, Ratio, Time, Usd, Watts, When,
};

pub use estate::estate;
pub use explanation::explanation;
pub use front::front;
pub use packing::packing;
pub use plan::plan;
pub use workload::workload;

/// Texts that a careless reader or writer takes for something else.
const AWKWARD: [&str; 26] = [
    "NO",
    "on",
    "y",
    "null",
    "~",
    "true",
    "1e3",
    "0x1F",
    "0777",
    "1_000",
    "12:30:45",
    "2026-08-03",
    ".inf",
    "a: b",
    "a #b",
    "- a",
    "[a]",
    "{a}",
    "*a",
    "&a",
    "!a",
    "%a",
    "\"",
    "a\\n",
    "é😀",
    "<<",
];

/// A name or another free text.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z][a-z0-9-]{0,12}",
        2 => select(&AWKWARD[..]).prop_map(str::to_owned),
        1 => "[ -~]{1,20}",
        1 => "\\PC{1,12}",
        1 => any::<String>().prop_map(|text| format!("x{text}")),
    ]
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    vec(text(), 1..4)
}

/// A value that is stated as often as `fill` says.
fn maybe<S: Strategy + 'static>(fill: f64, inner: S) -> BoxedStrategy<Option<S::Value>>
where
    S::Value: Clone,
{
    if fill < 1.0 { weighted(fill, inner).boxed() } else { inner.prop_map(Some).boxed() }
}

/// A list: empty as often as an optional field is absent.
fn list<S: Strategy + 'static>(fill: f64, inner: S) -> impl Strategy<Value = Vec<S::Value>>
where
    S::Value: Clone,
{
    maybe(fill, vec(inner, 1..4)).prop_map(Option::unwrap_or_default)
}

/// Metadata, named and labelled.
pub fn metadata(fill: f64) -> impl Strategy<Value = Metadata> {
    let map = move || list(fill, (text(), text()));
    (text(), map(), map()).prop_map(|(name, labels, annotations)| Metadata {
        name,
        labels: labels.into_iter().collect::<IndexMap<_, _>>(),
        annotations: annotations.into_iter().collect::<IndexMap<_, _>>(),
    })
}

/// Ten decimals at most, so that the value has an exact shortest text as a float.
macro_rules! decimals {
    ($($(#[$doc:meta])* $name:ident $type:ident $range:expr, $step:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name() -> impl Strategy<Value = $type> {
            $range.prop_map(|count: i128| $type::from_pico(count * $step))
        }
    )*};
}

decimals! {
    /// Dollars, also owed ones.
    any_usd Usd -1_000_000_000_000i128..1_000_000_000_000, 1_000_000;
    /// Dollars that are paid.
    usd Usd 0i128..1_000_000_000_000, 1_000_000;
    /// A factor.
    ratio Ratio 0i128..1_000_000_000, 1_000_000;
    /// Power.
    watts Watts 0i128..1_000_000_000, 1_000_000_000;
    /// Carbon intensity.
    grams_per_kwh GramsPerKwh 0i128..10_000_000, 1_000_000_000;
    /// Carbon.
    kg Kg 0i128..1_000_000_000, 1_000_000_000;
    /// Round-trip time.
    millisecond Millisecond 0i128..10_000_000, 100_000_000;
    /// Throughput.
    gbps GbitPerSecond 0i128..1_000_000, 1_000_000_000;
    /// Interruptions.
    per_hour PerHour 0i128..1_000_000_000, 1_000;
}

/// A size, mostly round.
pub fn bytes() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        (0u64..1000, 0u32..5).prop_map(|(n, unit)| Bytes(n << (10 * unit))),
        (0u64..=1 << 62).prop_map(Bytes)
    ]
}

/// Cores.
pub fn cpu() -> impl Strategy<Value = Cpu> {
    (0u64..1_000_000).prop_map(Cpu)
}

/// A length of time, to the nanosecond.
pub fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0i64..1_000_000).prop_map(Duration::from_secs),
        (0i64..1_000_000_000_000_000).prop_map(Duration::from_nanos)
    ]
}

/// A moment, to the millisecond, from 1900 to 2199.
pub fn time() -> impl Strategy<Value = Time> {
    (-2_208_000_000_000i64..7_250_000_000_000).prop_map(|ms| Time::from_nanos(ms * 1_000_000))
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![time().prop_map(When::At), duration().prop_map(When::In)]
}

fn kind() -> impl Strategy<Value = AcceleratorKind> {
    use AcceleratorKind::{Fpga, Gpu, Npu, Tpu};
    select(vec![Gpu, Tpu, Npu, Fpga])
}

fn arch() -> impl Strategy<Value = Arch> {
    select(vec![Arch::Amd64, Arch::Arm64])
}

fn capacity() -> impl Strategy<Value = Capacity> {
    select(&Capacity::ALL[..])
}

/// An offer.
pub fn offer(fill: f64) -> impl Strategy<Value = OfferSpec> {
    let texts = [(); 6].map(|()| maybe(fill, text()));
    let what = (
        maybe(fill, kind()),
        maybe(fill, (0u64..64_000).prop_map(AcceleratorCount)),
        maybe(fill, bytes()),
        maybe(fill, cpu()),
        maybe(fill, bytes()),
        maybe(fill, arch()),
    );
    let price = (capacity(), any_usd(), maybe(fill, usd()), maybe(fill, any::<u32>()));
    let power = (maybe(fill, watts()), maybe(fill, ratio()), maybe(fill, per_hour()));
    (texts, text(), maybe(fill, text()), what, price, power).prop_map(
        |(texts, region, as_of, what, price, power)| {
            let [name, cloud, zone, instance_type, accelerator, source] = texts;
            OfferSpec {
                name,
                cloud,
                region,
                zone,
                instance_type,
                accelerator,
                accelerator_kind: what.0,
                accelerators: what.1,
                accelerator_memory: what.2,
                cpu: what.3,
                memory: what.4,
                arch: what.5,
                capacity: price.0,
                hourly: price.1,
                list_hourly: price.2,
                count: price.3,
                watts: power.0,
                pue: power.1,
                interruptions_per_hour: power.2,
                source,
                as_of,
            }
        },
    )
}

/// What a rule is about.
pub fn matches(fill: f64) -> impl Strategy<Value = Match> {
    let texts = [(); 6].map(|()| maybe(fill, one_of(text())));
    (texts, maybe(fill, one_of(capacity()))).prop_map(|(texts, capacity)| {
        let [cloud, region, zone, accelerator, instance_type, offer] = texts;
        Match { cloud, region, zone, accelerator, capacity, instance_type, offer }
    })
}

/// One value or several.
pub fn one_of<T: Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = OneOf<T>> {
    vec(value, 1..4).prop_map(OneOf::from)
}
