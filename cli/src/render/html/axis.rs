//! Scales of charts. Charts have no size of their own: positions are percents of whatever width the page
//! has, and only text and strokes keep theirs.

use plimsoll_model::Time;

use crate::render::format::{decimals, moment};

/// A range of values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Scale {
    /// From the least to the largest of some values.
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Self {
        let start = Self { from: f64::INFINITY, to: f64::NEG_INFINITY };
        let scale = values.fold(start, |s, v| Self { from: s.from.min(v), to: s.to.max(v) });
        if scale.from <= scale.to { scale } else { Self { from: 0.0, to: 0.0 } }
    }

    /// How far along a value is, from 0 to 1; in the middle where there is no length.
    pub(super) fn part(self, value: f64) -> f64 {
        if self.to > self.from { ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0) } else { 0.5 }
    }
}

/// A part of one as a percentage of a chart's width or height.
pub(super) fn percent(part: f64) -> String {
    format!("{}%", decimals(part * 100.0, 2))
}

/// A stretch of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) from: Time,
    pub(super) to: Time,
}

impl Span {
    /// How far along a moment is, from 0 to 1.
    pub(super) fn part(self, time: Time) -> f64 {
        let length = (self.to.nanos() - self.from.nanos()).max(1) as f64;
        ((time.nanos() - self.from.nanos()) as f64 / length).clamp(0.0, 1.0)
    }

    /// At most four moments to name, on whole hours or days.
    pub(super) fn ticks(self) -> Vec<(Time, String)> {
        const HOUR: i64 = 3_600_000_000_000;
        const STEPS: [i64; 14] = [1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 720, 2160, 4320, 8760];
        let length = self.to.nanos().saturating_sub(self.from.nanos());
        let step = STEPS.into_iter().map(|hours| hours * HOUR).find(|step| length / step < 4);
        let step = step.unwrap_or(length.max(1));
        let first = self.from.nanos().div_euclid(step) + i64::from(self.from.nanos().rem_euclid(step) > 0);
        (0..5)
            .map(|at| Time::from_nanos((first + at).saturating_mul(step)))
            .filter(|time| *time <= self.to)
            .map(|time| {
                let text = moment(time, self.from);
                let day = text.strip_suffix(" 00:00").filter(|_| step >= 24 * HOUR).map(str::to_owned);
                (time, day.unwrap_or(text))
            })
            .collect()
    }
}
