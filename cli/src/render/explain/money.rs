//! Differences in money, part by part, in words.

use indexmap::IndexMap;
use plimsoll_model::{Usd, plan::PlacementUsd};

use crate::render::format::usd;

/// Parts smaller than this are left out beside larger ones.
const CENT: Usd = Usd::from_micro(10_000);

/// A difference without its sign: `$8.71 more`, `$2.40 less`.
pub(super) fn more_or_less(extra: Usd) -> String {
    if extra < Usd::ZERO {
        format!("{} less", usd(Usd::ZERO - extra))
    } else {
        format!("{} more", usd(extra))
    }
}

/// What a difference is made of: `: all of it compute`, `: $90.00 more for compute, $6.40 less for moving
/// data`; nothing when there are no parts.
pub(super) fn by_part(extra: Usd, because: &IndexMap<String, Usd>) -> String {
    let size = |usd: Usd| if usd < Usd::ZERO { Usd::ZERO - usd } else { usd };
    let mut parts: Vec<(&str, Usd)> = because.iter().map(|(part, usd)| (&**part, *usd)).collect();
    // Stable: of equals the order of the documents.
    parts.sort_by_key(|(_, usd)| std::cmp::Reverse(size(*usd)));
    if parts.iter().any(|(_, usd)| size(*usd) >= CENT) {
        parts.retain(|(_, usd)| size(*usd) >= CENT);
    }
    match parts.as_slice() {
        [] => String::new(),
        [(part, all)] if size(*all - extra) < CENT => format!(", all of it {}", word(part)),
        parts => {
            let list: Vec<String> = parts
                .iter()
                .map(|(part, usd)| format!("{} for {}", more_or_less(*usd), word(part)))
                .collect();
            format!(": {}", and(&list))
        }
    }
}

/// What a placement's cost is made of: `$30.85 compute and $0.01 expected rework`.
pub(super) fn parts(of: &PlacementUsd) -> String {
    let all = [
        ("compute", of.compute),
        ("egress", of.egress),
        ("carbon", of.carbon),
        ("risk", of.risk),
        ("delay", of.delay),
        ("latency", of.latency),
        ("move", of.moving),
    ];
    // Less than a cent is said only where there is nothing else.
    let least = if all.iter().any(|(_, part)| *part >= CENT) { CENT } else { Usd::from_micro(1) };
    let list: Vec<String> = all
        .iter()
        .filter(|(_, part)| *part >= least)
        .map(|(part, amount)| format!("{} for {}", usd(*amount), word(part)))
        .collect();
    and(&list)
}

/// What a part of the cost pays for.
pub(super) fn word(part: &str) -> &str {
    match part {
        "egress" => "moving data",
        "risk" => "expected rework",
        "delay" => "waiting",
        "latency" => "round trips",
        "move" => "leaving where it runs now",
        "valueForgone" => "what it is worth",
        other => other,
    }
}

/// A list as a sentence has it.
pub(in crate::render) fn and(list: &[String]) -> String {
    match list {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}
