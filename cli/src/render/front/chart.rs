//! The points on a plane of characters: cost up, the second axis to the right.

use plimsoll_model::{
    Front,
    front::{Axis, Point},
};

use super::figure;
use crate::render::{
    style::dim,
    table::{Align, chars, pad},
};

/// Rows of the plane.
const HEIGHT: usize = 12;
/// Columns at most.
const WIDTH: usize = 64;

/// What a point is called: 1 to 9, then letters.
pub(super) fn label(at: usize) -> char {
    const LABELS: &[u8] = b"123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    LABELS.get(at).map_or('+', |byte| char::from(*byte))
}

pub(super) fn lines(front: &Front, width: usize) -> Vec<String> {
    let Some(second) = front.axes.get(1).copied() else { return Vec::new() };
    let along = |point: &Point| match second {
        Axis::Time => point.hours,
        _ => point.carbon_kg.unwrap_or(0.0),
    };
    let points: Vec<(f64, f64)> =
        front.points.iter().map(|point| (along(point), point.cost_usd.to_f64())).collect();
    let ends = |of: fn(&(f64, f64)) -> f64| {
        let all = || points.iter().map(of);
        (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max))
    };
    let (x, y) = (ends(|p| p.0), ends(|p| p.1));
    let (top, bottom) = (figure(Axis::Cost, y.1), figure(Axis::Cost, y.0));
    let margin = chars(&top).max(chars(&bottom));
    let columns = WIDTH.min(width.saturating_sub(margin + 4)).max(20);
    let at = |value: f64, (from, to): (f64, f64), cells: usize| {
        if to > from { ((value - from) / (to - from) * (cells - 1) as f64).round() as usize } else { 0 }
    };
    let mut plane = vec![vec![' '; columns]; HEIGHT];
    let cell = |point: (f64, f64)| (at(point.0, x, columns), HEIGHT - 1 - at(point.1, y, HEIGHT));
    // Between neighbours a line, where the front has one line.
    if front.axes.len() == 2 {
        for pair in points.windows(2) {
            for step in 0..=columns * 2 {
                let part = step as f64 / (columns * 2) as f64;
                let between = |a: f64, b: f64| a + (b - a) * part;
                let (column, row) = cell((between(pair[0].0, pair[1].0), between(pair[0].1, pair[1].1)));
                plane[row][column] = '·';
            }
        }
    }
    for (index, point) in points.iter().enumerate() {
        let (column, row) = cell(*point);
        plane[row][column] = label(index);
    }
    let mut lines = Vec::with_capacity(HEIGHT + 2);
    for (row, cells) in plane.iter().enumerate() {
        let (name, edge) = match row {
            0 => (&*top, '┤'),
            row if row == HEIGHT - 1 => (&*bottom, '┤'),
            _ => ("", '│'),
        };
        let text: String = cells.iter().collect();
        lines.push(format!("{} {}{text}", dim(pad(name, margin, Align::Right)), dim(edge)));
    }
    lines.push(dim(format!("{} └{}", " ".repeat(margin), "─".repeat(columns))));
    let (left, right) = (figure(second, x.0), figure(second, x.1));
    let gap = columns.saturating_sub(chars(&left) + chars(&right)).max(1);
    lines.push(dim(format!("{}  {left}{}{right}", " ".repeat(margin), " ".repeat(gap))));
    lines
}
