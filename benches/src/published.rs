//! Published figures that benches print beside ours.

/// The policies of the published comparison on openb, in its order and by our names.
pub const POLICIES: [&str; 6] = ["random", "dot-product", "clustering", "packing", "best-fit", "fgd"];

/// Devices allocated on openb when pods for 130 % of them have arrived, in per cent, mean of ten seeds, in the order
/// of [`POLICIES`]: Weng et al., ATC 2023, from the results that accompany its artifact.
pub const ALLOCATION: [(&str, [f64; 6]); 6] = [
    ("default", [87.47, 90.85, 91.88, 92.00, 93.08, 95.39]),
    ("cpu050", [91.24, 93.27, 93.79, 93.72, 93.79, 95.21]),
    ("gpushare40", [86.00, 89.56, 90.02, 90.03, 91.69, 94.15]),
    ("gpushare100", [79.44, 82.42, 82.65, 82.57, 85.01, 86.90]),
    ("gpuspec33", [86.46, 89.14, 92.12, 93.22, 93.09, 94.55]),
    ("multigpu20", [88.69, 92.06, 93.56, 93.71, 93.93, 95.65]),
];

/// What of the idle devices the typical pods cannot use, in per cent, on the list `default` at the levels of
/// [`LEVELS`]; the same source.
pub const FRAGMENTATION: [(&str, [f64; 5]); 3] = [
    ("random", [30.2, 74.6, 96.6, 97.7, 99.2]),
    ("best-fit", [21.6, 41.5, 74.1, 98.8, 98.9]),
    ("fgd", [17.9, 29.9, 50.0, 91.6, 99.1]),
];

/// The levels of arrived load of [`FRAGMENTATION`], in per cent of the devices.
pub const LEVELS: [f64; 5] = [50.0, 80.0, 90.0, 95.0, 130.0];

/// What was published for a list and a policy.
pub fn allocation(list: &str, policy: &str) -> Option<f64> {
    let column = POLICIES.iter().position(|known| *known == policy)?;
    ALLOCATION.iter().find(|(known, _)| *known == list).map(|(_, row)| row[column])
}
