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
    writeln!(
        io::stdout(),
        "{offers} offers, {types} instance types, {regions} regions, {accelerators} accelerators: {:.2} ms",
        elapsed.as_secs_f64() * 1e3
    )
}
