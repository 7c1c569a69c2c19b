//! A map of the places where something runs: land in dots, a numbered mark for each place.
//!
//! `land.txt` is the land of Natural Earth (1:110 million, public domain) seen in cells of two degrees,
//! from 78° north to 56° south.

use maud::{Markup, html};

const LAND: &str = include_str!("land.txt");
/// Degrees of a cell.
const CELL: f64 = 2.0;
/// The latitude of the upper edge.
const NORTH: f64 = 78.0;
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 134.0;
/// The radius of a mark in a map of the world, and the size of its number.
const RADIUS: f64 = 7.0;
const NUMBER: f64 = 9.2;
/// Degrees that a map is wide at least, and around its marks.
const LEAST: f64 = 130.0;
const MARGIN: f64 = 24.0;
/// Height over width.
const SHAPE: f64 = HEIGHT / WIDTH;

/// A place to mark.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) number: usize,
    pub(super) lat_lon: (f64, f64),
    /// One's own machines: a square.
    pub(super) own: bool,
}

/// The part of the world that is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Window {
    x: f64,
    y: f64,
    width: f64,
}

impl Window {
    /// Around some marks: as much of the world as they need.
    fn around(marks: &[Mark]) -> Self {
        let ends = |of: fn((f64, f64)) -> f64| {
            let all = || marks.iter().map(|mark| of(position(mark.lat_lon)));
            (all().fold(f64::INFINITY, f64::min) - MARGIN, all().fold(f64::NEG_INFINITY, f64::max) + MARGIN)
        };
        let (x, y) = (ends(|at| at.0), ends(|at| at.1));
        let width = (x.1 - x.0).max((y.1 - y.0) / SHAPE).clamp(LEAST, WIDTH);
        let from = |ends: (f64, f64), length: f64, most: f64| {
            (f64::midpoint(ends.0, ends.1) - length / 2.0).clamp(0.0, (most - length).max(0.0))
        };
        Self { x: from(x, width, WIDTH), y: from(y, width * SHAPE, HEIGHT), width }
    }

    /// How large a degree is drawn against a map of the world.
    fn scale(self) -> f64 {
        self.width / WIDTH
    }
}

/// The map. Beside it stands a table that says the same, so readers of text are told to look there.
pub(super) fn map(marks: &[Mark]) -> Markup {
    let window = Window::around(marks);
    let radius = RADIUS * window.scale();
    let placed = spread(marks, window);
    html! {
        svg.map role="img" aria-label="A map with the places of the table below by their numbers" viewBox={ (number(window.x)) " " (number(window.y)) " " (number(window.width)) " " (number(window.width * SHAPE)) } {
            path.land stroke-dasharray={ "0 " (CELL) } d=(land()) {}
            g stroke-width=(number(1.3 * window.scale())) font-size=(number(NUMBER * window.scale())) {
                @for (mark, x, y) in &placed {
                    @let at = position(mark.lat_lon);
                    @if (at.0 - x).hypot(at.1 - y) > 0.1 {
                        line.lead-line x1=(number(at.0)) y1=(number(at.1)) x2=(number(*x)) y2=(number(*y)) {}
                    }
                }
                @for (mark, x, y) in &placed {
                    @if mark.own {
                        rect.mark x=(number(x - radius)) y=(number(y - radius)) width=(number(2.0 * radius)) height=(number(2.0 * radius)) {}
                    } @else {
                        circle.mark cx=(number(*x)) cy=(number(*y)) r=(number(radius)) {}
                    }
                    text x=(number(*x)) y=(number(y + 0.36 * NUMBER * window.scale())) { (mark.number) }
                }
            }
        }
    }
}

/// Runs of land as lines of dots.
fn land() -> String {
    use std::fmt::Write as _;
    let mut path = String::new();
    for (row, cells) in LAND.lines().enumerate() {
        let mut from = None;
        for (column, cell) in cells.bytes().chain([b'.']).enumerate() {
            match (cell, from) {
                (b'#', None) => from = Some(column),
                (b'.', Some(start)) => {
                    let middle = |cell: usize| number((cell as f64 + 0.5) * CELL);
                    let length = (column - start - 1) as f64 * CELL + 0.1;
                    _ = write!(path, "M{} {}h{}", middle(start), middle(row), number(length));
                    from = None;
                }
                _ => {}
            }
        }
    }
    path
}

fn position((lat, lon): (f64, f64)) -> (f64, f64) {
    ((lon + 180.0).clamp(0.0, WIDTH), (NORTH - lat).clamp(0.0, HEIGHT))
}

/// Marks moved aside so that none hides another: each to the nearest free spot around where it belongs.
fn spread(marks: &[Mark], window: Window) -> Vec<(Mark, f64, f64)> {
    let radius = RADIUS * window.scale();
    let mut placed: Vec<(Mark, f64, f64)> = Vec::with_capacity(marks.len());
    for mark in marks {
        let (x, y) = position(mark.lat_lon);
        let around = (0..12).flat_map(|ring| {
            let directions = if ring == 0 { 1 } else { 16 };
            (0..directions).map(move |at| {
                let angle = f64::from(at) * std::f64::consts::TAU / 16.0;
                let far = f64::from(ring) * radius * 0.9;
                (x + far * angle.cos(), y + far * angle.sin())
            })
        });
        let inside = |(x, y): &(f64, f64)| {
            let within = |value: &f64, from: f64, length: f64| {
                (from + radius..=from + length - radius).contains(value)
            };
            within(x, window.x, window.width) && within(y, window.y, window.width * SHAPE)
        };
        let free = |(x, y): &(f64, f64)| {
            placed.iter().all(|other| (other.1 - x).hypot(other.2 - y) >= 2.15 * radius)
        };
        let spot = around.filter(inside).find(free).unwrap_or((x, y));
        placed.push((mark.clone(), spot.0, spot.1));
    }
    placed
}

/// With two decimals, which is finer than a stroke.
fn number(value: f64) -> String {
    crate::render::format::decimals(value, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_land_is_a_rectangle_of_cells() {
        let rows: Vec<&str> = LAND.lines().collect();
        assert_eq!(rows.len(), (HEIGHT / CELL) as usize);
        assert!(rows.iter().all(|row| row.len() == (WIDTH / CELL) as usize));
        assert!(rows.iter().all(|row| row.bytes().all(|cell| matches!(cell, b'#' | b'.'))));
        assert_eq!(land().matches('M').count(), land().matches('h').count());
    }

    #[test]
    fn marks_of_one_city_do_not_hide_each_other() {
        let marks: Vec<Mark> =
            (1..=9).map(|number| Mark { number, lat_lon: (50.1, 8.7), own: number % 2 == 0 }).collect();
        let window = Window::around(&marks);
        assert!((window.width - LEAST).abs() < 1e-9);
        let placed = spread(&marks, window);
        for (i, a) in placed.iter().enumerate() {
            for b in &placed[..i] {
                assert!((a.1 - b.1).hypot(a.2 - b.2) >= 2.1 * RADIUS * window.scale());
            }
        }
        let (mark, x, y) = &placed[0];
        assert_eq!(mark.number, 1);
        assert!((x - 188.7).abs() < 1e-9 && (y - (NORTH - 50.1)).abs() < 1e-9);
    }

    #[test]
    fn a_map_shows_all_of_its_marks() {
        let world: Vec<Mark> = [(47.6, -122.3), (-33.9, 151.2), (59.3, 18.1), (-23.5, -46.6), (90.0, 180.0)]
            .into_iter()
            .zip(1..)
            .map(|(lat_lon, number)| Mark { number, lat_lon, own: false })
            .collect();
        for marks in [&world[..], &world[..1], &world[1..3], &world[4..]] {
            let window = Window::around(marks);
            for (_, x, y) in spread(marks, window) {
                assert!(x >= window.x && x <= window.x + window.width, "{window:?} {x}");
                assert!(y >= window.y && y <= window.y + window.width * SHAPE, "{window:?} {y}");
            }
            assert!(window.x >= 0.0 && window.x + window.width <= WIDTH);
        }
    }
}
