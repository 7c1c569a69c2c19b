//! At which prices to search next.
//!
//! With prices w on carbon and on delay a plan is worth cost + w · rest, and the least of that over all
//! plans is a concave function of the prices, made of planes: one for each supported point of the front.
//! The points known give an upper envelope of it. Where the envelope is right at every vertex of its
//! pieces it is right everywhere between, so searching at vertices until none gives a better plan finds
//! every supported point. With one price the vertices are the two ends and the slopes between neighbours:
//! the dichotomic search of Aneja and Nair (1979, "Bicriteria transportation problem", Management
//! Science 25:1). With two prices it is that search in the space of weights (Przybylski, Gandibleux and
//! Ehrgott 2010, "A recursive algorithm for finding all nondominated extreme points in the outcome set of
//! a multiobjective integer programme", INFORMS Journal on Computing 22:3).

/// Where a plan lies: dollars, kilograms CO2e, workload-hours.
pub(super) type Measures = [f64; 3];

/// Prices of a kilogram and of an hour, in dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prices {
    pub kg: f64,
    pub hour: f64,
}

/// The prices that are looked at: from and to. An axis that is not asked for has none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limits {
    pub kg: (f64, f64),
    pub hour: (f64, f64),
}

/// Prices at which pieces of the envelope meet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vertex {
    pub at: Prices,
    /// The points that are best there.
    pub members: Vec<usize>,
}

/// Values closer than this, relatively, are equal.
const EQUAL: f64 = 1e-9;

/// What a plan is worth at some prices, in dollars; less is better.
pub(super) fn value(point: &Measures, at: Prices) -> f64 {
    point[0] + at.kg * point[1] + at.hour * point[2]
}

/// The least value of some points.
pub(super) fn least(points: &[Measures], at: Prices) -> f64 {
    points.iter().map(|point| value(point, at)).fold(f64::INFINITY, f64::min)
}

/// The ends of the prices: their corners.
pub(super) fn corners(limits: Limits) -> Vec<Prices> {
    let mut corners: Vec<Prices> = Vec::new();
    for kg in [limits.kg.0, limits.kg.1] {
        for hour in [limits.hour.0, limits.hour.1] {
            if !corners.iter().any(|known| same(*known, Prices { kg, hour })) {
                corners.push(Prices { kg, hour });
            }
        }
    }
    corners
}

/// The vertices of the envelope of some points: corners first, then where two points meet on an edge,
/// then where three meet.
pub(super) fn vertices(points: &[Measures], limits: Limits) -> Vec<Vertex> {
    let mut found: Vec<Vertex> = Vec::new();
    let mut note = |at: Prices, through: &[usize]| {
        let inside = |x: f64, (from, to): (f64, f64)| {
            x.is_finite() && x >= from - EQUAL * from && x <= to + EQUAL * to
        };
        if !inside(at.kg, limits.kg) || !inside(at.hour, limits.hour) {
            return;
        }
        let best = least(points, at);
        let slack = EQUAL * best.abs().max(1.0);
        let members: Vec<usize> =
            (0..points.len()).filter(|i| value(&points[*i], at) <= best + slack).collect();
        if through.iter().all(|i| members.contains(i)) && !found.iter().any(|known| same(known.at, at)) {
            found.push(Vertex { at, members });
        }
    };
    for corner in corners(limits) {
        note(corner, &[]);
    }
    // Two points are worth the same where d · (1, kg, hour) = 0 for their difference d.
    let difference = |i: usize, j: usize| -> Measures {
        [points[i][0] - points[j][0], points[i][1] - points[j][1], points[i][2] - points[j][2]]
    };
    for i in 0..points.len() {
        for j in 0..i {
            let d = difference(i, j);
            for hour in [limits.hour.0, limits.hour.1] {
                note(Prices { kg: -(d[0] + hour * d[2]) / d[1], hour }, &[i, j]);
            }
            for kg in [limits.kg.0, limits.kg.1] {
                note(Prices { kg, hour: -(d[0] + kg * d[1]) / d[2] }, &[i, j]);
            }
        }
    }
    for i in 0..points.len() {
        for j in 0..i {
            for k in 0..j {
                let (a, b) = (difference(i, j), difference(j, k));
                let determinant = a[1] * b[2] - a[2] * b[1];
                let kg = (a[2] * b[0] - a[0] * b[2]) / determinant;
                let hour = (a[0] * b[1] - a[1] * b[0]) / determinant;
                note(Prices { kg, hour }, &[i, j, k]);
            }
        }
    }
    found
}

/// How far apart the points of a vertex lie, where each axis is as long as all points need: what may
/// still be between them.
pub(super) fn spread(points: &[Measures], vertex: &Vertex) -> f64 {
    let length = |axis: usize, of: &[usize]| {
        let along = || of.iter().map(|i| points[*i][axis]);
        along().fold(f64::NEG_INFINITY, f64::max) - along().fold(f64::INFINITY, f64::min)
    };
    let all: Vec<usize> = (0..points.len()).collect();
    (0..3)
        .map(|axis| (length(axis, &vertex.members), length(axis, &all)))
        .map(|(own, whole)| if whole > 0.0 { own / whole } else { 0.0 })
        .fold(0.0, f64::max)
}

fn same(a: Prices, b: Prices) -> bool {
    let close = |x: f64, y: f64| (x - y).abs() <= EQUAL * x.abs().max(y.abs());
    close(a.kg, b.kg) && close(a.hour, b.hour)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CARBON: Limits = Limits { kg: (1e-9, 1000.0), hour: (0.0, 0.0) };
    const BOTH: Limits = Limits { kg: (1e-9, 1000.0), hour: (1e-6, 10_000.0) };

    /// Every supported point of `all`, by the search at vertices that the front makes.
    fn searched(all: &[Measures], limits: Limits) -> Vec<usize> {
        let best = |at| {
            let least = least(all, at);
            (0..all.len()).find(|i| value(&all[*i], at) <= least).unwrap_or(0)
        };
        let mut known: Vec<usize> = Vec::new();
        let mut tried: Vec<Prices> = Vec::new();
        loop {
            let points: Vec<Measures> = known.iter().map(|i| all[*i]).collect();
            let next = vertices(&points, limits).into_iter().map(|v| v.at).find(|at| !tried.contains(at));
            let Some(at) = next else { return known };
            tried.push(at);
            let found = best(at);
            if known.is_empty() || value(&all[found], at) < least(&points, at) - 1e-9 {
                known.push(found);
            }
        }
    }

    #[test]
    fn with_one_price_the_vertices_are_the_ends_and_the_slopes_of_neighbours() {
        let points = [[10.0, 9.0, 0.0], [12.0, 5.0, 0.0], [20.0, 1.0, 0.0], [19.0, 4.0, 0.0]];
        let at: Vec<f64> = vertices(&points, CARBON).iter().map(|v| v.at.kg).collect();
        assert_eq!(at.len(), 4);
        for (at, wanted) in at.iter().zip([1e-9, 1000.0, 0.5, 2.0]) {
            assert!((at - wanted).abs() < 1e-9, "{at} {wanted}");
        }
    }

    #[test]
    fn no_points_have_only_corners() {
        assert_eq!(vertices(&[], CARBON).len(), 2);
        assert_eq!(vertices(&[], BOTH).len(), 4);
        assert_eq!(vertices(&[[1.0, 1.0, 1.0]], BOTH).len(), 4);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// At any prices within the limits a point that the search found is a best one.
        #[test]
        fn the_search_finds_the_best_point_at_any_prices(
            all in prop::collection::vec([0..60_i32, 0..60_i32, 0..60_i32], 1..14),
            at in prop::collection::vec((0.0..1.0_f64, 0.0..1.0_f64), 24),
        ) {
            let all: Vec<Measures> = all.iter().map(|m| m.map(f64::from)).collect();
            for limits in [CARBON, BOTH] {
                let known: Vec<Measures> = searched(&all, limits).iter().map(|i| all[*i]).collect();
                for (x, y) in &at {
                    // Prices of all sizes: even in their logarithms.
                    let along = |share: f64, (from, to): (f64, f64)| {
                        if to > 0.0 { from * (to / from).powf(share) } else { 0.0 }
                    };
                    let at = Prices { kg: along(*x, limits.kg), hour: along(*y, limits.hour) };
                    let (found, best) = (least(&known, at), least(&all, at));
                    prop_assert!(found <= best + 1e-6 * best.abs().max(1.0), "{at:?}: {found} {best}");
                }
            }
        }
    }
}
