//! Figures as people read them.

use plimsoll_model::{Duration, Time, Usd};

/// Dollars: cents, or more decimals where cents say nothing; thousands apart.
pub(super) fn usd(usd: Usd) -> String {
    let micro = usd.to_micro();
    let sign = if micro < 0 { "-" } else { "" };
    let micro = micro.unsigned_abs();
    if micro > 0 && micro < 5_000 {
        return format!("{sign}${}", trimmed(&format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000)));
    }
    let cents = (micro + 5_000) / 10_000;
    format!("{sign}${}.{:02}", thousands(cents / 100), cents % 100)
}

/// Dollars of a figure that is an estimate itself.
pub(super) fn usd_f64(value: f64) -> String {
    Usd::from_f64(value).map_or_else(|_| format!("${value}"), usd)
}

/// Digits in groups of three.
pub(super) fn thousands(value: u128) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// So many names may stand in a line.
pub(super) const FEW: usize = 8;

/// So many stand for all where there are more.
pub(super) const SOME: usize = 3;

/// All names where they are few, else some.
pub(super) fn few(names: &[&str]) -> String {
    first(names, if names.len() <= FEW { names.len() } else { SOME })
}

/// The first so many names, and how many more there are.
pub(super) fn first(names: &[&str], named: usize) -> String {
    let (named, rest) = names.split_at(named.min(names.len()));
    let named = named.join(", ");
    if rest.is_empty() { named } else { format!("{named} and {} more", thousands(rest.len() as u128)) }
}

/// At most so many decimals, without trailing zeros.
pub(super) fn decimals(value: f64, most: usize) -> String {
    trimmed(&format!("{value:.most$}")).to_owned()
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Bytes in the largest binary unit that keeps the figure at 1 or above.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 5] =
        [("PiB", 1 << 50), ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, size)| bytes >= *size) {
        // Up to 9,999 Gi people speak of GiB.
        Some(("TiB", _)) if bytes < 10_000 << 30 => {
            format!("{} GiB", decimals((bytes >> 20) as f64 / 1024.0, 1))
        }
        Some((unit, size)) => format!("{} {unit}", decimals(bytes as f64 / *size as f64, 1)),
        None => format!("{bytes} B"),
    }
}

/// Kilograms of CO2e: three figures that count.
pub(super) fn kg(kg: f64) -> String {
    match kg.abs() {
        kg if kg >= 10_000.0 => format!("{} t", decimals(kg / 1000.0, 1)),
        kg if kg >= 100.0 => format!("{kg:.0} kg"),
        kg if kg >= 1.0 => format!("{} kg", decimals(kg, 1)),
        kg if kg.abs() < 1e-9 => "0 kg".to_owned(),
        kg => format!("{} g", decimals(kg * 1000.0, usize::from(kg < 0.1))),
    }
}

/// Energy.
pub(super) fn kwh(kwh: f64) -> String {
    if kwh >= 10_000.0 {
        return format!("{} MWh", decimals(kwh / 1000.0, 1));
    }
    if kwh >= 100.0 {
        return format!("{} kWh", thousands(kwh.round() as u128));
    }
    format!("{} kWh", decimals(kwh, 1))
}

/// A length of time in its two largest units.
pub(super) fn duration(duration: Duration) -> String {
    if duration.nanos() > 0 && duration.nanos() < 60_000_000_000 {
        return format!("{}s", (duration.nanos() + 500_000_000) / 1_000_000_000);
    }
    let minutes = (duration.nanos() + 30_000_000_000).div_euclid(60_000_000_000);
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours, minutes) {
        (0, 0, m) => format!("{m}m"),
        (0, h, 0) => format!("{h}h"),
        (0, h, m) => format!("{h}h{m:02}m"),
        (d, 0, _) => format!("{d}d"),
        (d, h, _) => format!("{d}d{h:02}h"),
    }
}

/// A number of hours.
pub(super) fn duration_hours(hours: f64) -> String {
    duration(Duration::from_nanos((hours * 3.6e12) as i64))
}

/// A sum of hours, over many workloads: no days.
pub(super) fn hours(hours: f64) -> String {
    match hours.abs() {
        large if large >= 1000.0 => format!("{} h", thousands(hours.max(0.0).round() as u128)),
        large if large >= 100.0 => format!("{} h", decimals(hours, 1)),
        some if some >= 1.0 => format!("{} h", decimals(hours, 2)),
        _ => duration_hours(hours),
    }
}

/// A moment to the minute, `08-19 06:00`; the year only where it differs.
pub(super) fn moment(time: Time, now: Time) -> String {
    let (text, year) = (time.to_string(), now.to_string());
    let minute = text.get(5..16).unwrap_or(&text).replace('T', " ");
    if text.get(..4) == year.get(..4) { minute } else { text.get(..16).unwrap_or(&text).replace('T', " ") }
}

/// A moment to the minute with its year, `2026-08-19 06:00 UTC`.
pub(super) fn minute(time: Time) -> String {
    let text = time.to_string();
    format!("{} UTC", text.get(..16).unwrap_or(&text).replace('T', " "))
}

/// Whole days from a day `2026-08-03…` to a moment; negative for a day to come.
pub(crate) fn days(day: &str, now: Time) -> Option<i64> {
    let midnight: Time = format!("{}T00:00:00Z", day.get(..10)?).parse().ok()?;
    Some((now.nanos() - midnight.nanos()).div_euclid(86_400_000_000_000))
}

/// A part of one, as percent.
pub(super) fn percent(part: f64) -> String {
    match part * 100.0 {
        percent if percent >= 10.0 => format!("{percent:.0}%"),
        percent if percent >= 0.095 => format!("{}%", decimals(percent, 1)),
        percent if percent > 0.0 => "<0.1%".to_owned(),
        _ => "0%".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        let dollars = ["0", "0.0004", "0.004999", "0.005", "12", "1234.567", "1234567.895"]
            .map(|text| usd(Usd::from_f64(text.parse().unwrap()).unwrap()));
        assert_eq!(
            dollars,
            ["$0.00", "$0.0004", "$0.004999", "$0.01", "$12.00", "$1,234.57", "$1,234,567.90"]
        );
        assert_eq!(
            [0, 512, 1 << 30, 1536 << 30, 100 << 40].map(bytes),
            ["0 B", "512 B", "1 GiB", "1536 GiB", "100 TiB"]
        );
        assert_eq!(
            [0.0, 0.0123, 0.5, 2.34, 456.7, 23_456.0].map(kg),
            ["0 kg", "12.3 g", "500 g", "2.3 kg", "457 kg", "23.5 t"]
        );
        assert_eq!(
            [0.0, 0.01, 0.75, 6.0, 26.5, 48.0].map(duration_hours),
            ["0m", "36s", "45m", "6h", "1d02h", "2d"]
        );
        assert_eq!([0.0, 0.000_012, 0.0123, 0.5].map(percent), ["0%", "<0.1%", "1.2%", "50%"]);
    }
}
