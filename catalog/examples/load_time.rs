//! How long it takes from process start to all offers, regions and accelerators usable; the target is 25 ms.

use std::hint::black_box;
use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "this program measures time")]
    let start = std::time::Instant::now();
    let regions = plimsoll_catalog::regions().len();
    let accelerators = plimsoll_catalog::accelerators().len();
    let types = plimsoll_catalog::instance_types().len();
    let offers = black_box(plimsoll_catalog::offers()).len();
    let elapsed = start.elapsed();
    let (from, to) = (("aws", "us-east-1"), ("gcp", "us-central1"));
    black_box((plimsoll_catalog::egress(from, to), plimsoll_catalog::rtt_ms(from, to)));
    black_box((plimsoll_catalog::throughput_gbps(from, to), plimsoll_catalog::carbon(to.0, to.1)));
    black_box((plimsoll_catalog::host_watts("aws", 8.0, 0), plimsoll_catalog::speeds()));
    let all = start.elapsed();
    writeln!(
        io::stdout(),
        "{offers} offers, {types} instance types, {regions} regions, {accelerators} accelerators: {:.2} ms; \
         with network, carbon and power: {:.2} ms",
        elapsed.as_secs_f64() * 1e3,
        all.as_secs_f64() * 1e3
    )
}
