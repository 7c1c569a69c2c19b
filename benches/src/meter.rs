//! CPU seconds and memory of this process, as the kernel counts them.

use std::sync::atomic::{AtomicU64, Ordering};

/// The CPU seconds, as bits, at which a limit is reached.
static LIMIT: AtomicU64 = AtomicU64::new(0);

/// Sets a limit so many CPU seconds from here.
pub fn limit(seconds: f64) {
    LIMIT.store((cpu_seconds() + seconds).to_bits(), Ordering::Relaxed);
}

/// CPU seconds left until the limit.
pub fn left() -> f64 {
    f64::from_bits(LIMIT.load(Ordering::Relaxed)) - cpu_seconds()
}

/// CPU seconds (user and system) this process has used.
pub fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15 after the parenthesised name, in ticks of 1/100 s on Linux.
    let after = stat.rsplit(')').next().unwrap_or("");
    let ticks = |n: usize| after.split_whitespace().nth(n).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// The largest resident memory so far, in MiB.
pub fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// Lets the largest resident memory count from here on, where the kernel can.
pub fn forget_peak() {
    // 5: reset the high-water mark. Where it cannot be reset it stays what it was.
    _ = std::fs::write("/proc/self/clear_refs", "5");
}
