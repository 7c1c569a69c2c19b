//! How often spot is taken back, and what a host and its building draw.

use super::output::Text;
use super::prices::PriceBook;

/// Spot Advisor's bands: label, and the share of instances taken back in a month that stands for the band.
const BANDS: [(&str, f64); 5] =
    [("<5%", 0.025), ("5-10%", 0.075), ("10-15%", 0.125), ("15-20%", 0.175), (">20%", 0.25)];

/// Hours in a month, as AWS counts them.
const HOURS: f64 = 730.0;

/// `interruptions.csv`.
pub(super) fn interruptions(book: &PriceBook) -> (String, String) {
    let mut text = Text::new(
        "Interruptions of a spot instance an hour. AWS publishes a band a type and region: the share of instances taken back in
         the month before. With a constant rate r an instance survives a month of 730 hours with probability exp(-730 r), so
         r = -ln(1 - share) / 730, at the middle of the band; the open band above 20 % is taken as 25 %.
         Other providers publish no rate: default is the mean of these rates over all AWS spot offers of this catalogue,
         an estimate that every plan shows as an assumption.",
        "scope,band,label,monthly_share,per_hour,source",
    );
    let rate = |share: f64| -(-share).ln_1p() / HOURS;
    for (band, (label, share)) in BANDS.iter().enumerate() {
        let (band, share, rate) = (band.to_string(), share.to_string(), format!("{:.3e}", rate(*share)));
        text.row(["aws", &band, label, &share, &rate, "aws-advisor-2025"]);
    }
    let mut counts = [0_u32; BANDS.len()];
    for band in book.bands() {
        counts[usize::from(band)] += 1;
    }
    let all: u32 = counts.iter().sum();
    let mean =
        counts.iter().zip(BANDS).map(|(count, (_, share))| f64::from(*count) * rate(share)).sum::<f64>()
            / f64::from(all.max(1));
    text.row(["default", "", "", "", &format!("{mean:.3e}"), "risk-default"]);
    text.into_file("interruptions.csv")
}
