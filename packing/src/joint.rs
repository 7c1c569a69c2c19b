//! What joins pods of several nodes, as rows of the linear program: gangs all or nothing, confines within one domain,
//! spreads over zones.
//!
//! A gang is its shape, how many pods it has of each class; gangs of one shape are a number z of those that run:
//! of each class between Σ n z and Σ n z + the pods that stand alone are placed. Confines of a block are a number y in
//! each domain; together they are those of the gangs that run, and in a domain Σ n y pods of each class are placed. Pods
//! of a spread are an item in
//! each zone. With m the pods in the emptiest zone, each zone has m at least and m + skew at most. Where more run
//! already than that allows, pods may come only once m has risen so far; the row is then the chord over what they
//! may be at the least and the largest m, which no packing is above.
//!
//! Every row can be broken at a fine, so that rounding never ends in a program without a solution. The fines are
//! above what a row can be worth.

use std::collections::BTreeMap;

use crate::{
    classes::{Classes, PodClass},
    confine::Block,
    fleet::{ACCELERATOR, Cluster, Placement},
    instance::Item,
};

/// Gangs that need the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// How many pods of each class, by rising class.
    pub needs: Vec<(u32, u32)>,
    /// How many confines of each block, by rising block.
    pub blocks: Vec<(u32, u32)>,
    /// The gangs, by name.
    pub gangs: Vec<u32>,
}

/// A spread some of whose pods wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zones {
    /// The spread.
    pub spread: u32,
    /// See [`crate::fleet::Spread::skew`].
    pub skew: u32,
    /// The zones that count, with how many pods that count are there.
    pub running: Vec<(u32, u32)>,
    /// How many pods wait.
    pub waiting: u32,
    /// See [`crate::fleet::Spread::is_short`].
    pub is_short: bool,
}

impl Zones {
    /// A spread whose pods are there, or wait.
    pub fn of(cluster: &Cluster, spread: u32, placements: &[Option<&Placement>]) -> Self {
        let it = &cluster.spreads[spread as usize];
        let mut running = it.zones.clone();
        let mut waiting = 0;
        for (_, at) in cluster.pods.iter().zip(placements).filter(|(pod, _)| pod.spread == Some(spread)) {
            let Some(at) = at else {
                waiting += 1;
                continue;
            };
            let zone = cluster.nodes.get(at.node).and_then(|node| node.zone);
            if let Some(count) = zone.and_then(|zone| running.get_mut(&zone)) {
                *count += 1;
            }
        }
        let running = running.into_iter().collect();
        Self { spread, skew: it.skew, running, waiting, is_short: it.is_short() }
    }

    /// The pods in the emptiest zone, at least and at most.
    fn emptiest(&self) -> (u32, u32) {
        if self.is_short {
            return (0, 0);
        }
        let least = self.running.iter().map(|(_, count)| *count).min().unwrap_or(0);
        let all = self.running.iter().map(|(_, count)| count).sum::<u32>() + self.waiting;
        (least, all / (self.running.len() as u32).max(1))
    }
}

/// The gangs that wait, by shape.
pub fn shapes(cluster: &Cluster, classes: &[PodClass], blocks: &[Block]) -> Vec<Shape> {
    let mut needs: BTreeMap<u32, BTreeMap<u32, u32>> = BTreeMap::new();
    for (index, class) in (0..).zip(classes) {
        for gang in class.pods.iter().filter_map(|pod| cluster.pods[*pod].gang) {
            *needs.entry(gang).or_default().entry(index).or_default() += 1;
        }
    }
    let mut confines: BTreeMap<u32, BTreeMap<u32, u32>> = BTreeMap::new();
    for (index, block) in (0..).zip(blocks) {
        for (gang, _) in &block.confines {
            *confines.entry(*gang).or_default().entry(index).or_default() += 1;
        }
    }
    let mut shapes: BTreeMap<_, Vec<u32>> = BTreeMap::new();
    for (gang, needs) in needs {
        let needs: Vec<(u32, u32)> = needs.into_iter().collect();
        let blocks: Vec<(u32, u32)> = confines.remove(&gang).unwrap_or_default().into_iter().collect();
        shapes.entry((needs, blocks)).or_default().push(gang);
    }
    let shape = |((needs, blocks), mut gangs): (_, Vec<u32>)| {
        gangs.sort_by_key(|gang| &cluster.gangs[*gang as usize]);
        Shape { needs, blocks, gangs }
    };
    shapes.into_iter().map(shape).collect()
}

/// The spreads of pods that wait.
pub fn spreads(cluster: &Cluster) -> Vec<Zones> {
    let at: Vec<Option<&Placement>> = cluster.pods.iter().map(|pod| pod.running.as_ref()).collect();
    let all = (0..cluster.spreads.len() as u32).map(|spread| Zones::of(cluster, spread, &at));
    all.filter(|zones| zones.waiting > 0).collect()
}

/// A number beside those of the items placed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

/// A sum over items placed ([`Item::joint`]) and columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
    /// Columns with their factors.
    pub columns: Vec<(u32, f64)>,
    /// What it costs to be one off.
    pub fine: f64,
}

/// The columns and rows of what joins items: first a column for each shape, how many of its gangs run, then for each
/// block one for each of its domains, how many of its confines are there, then one for each spread, how many pods its
/// emptiest zone has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Joint {
    /// The columns.
    pub columns: Vec<Column>,
    /// How many of them are of shapes.
    pub shapes: usize,
    /// How many are of blocks.
    pub blocks: usize,
    /// The rows.
    pub rows: Vec<Row>,
}

impl Joint {
    /// What joins the items of classes; they get their factors.
    pub fn of(classes: &Classes, items: &mut [Item]) -> Self {
        let Classes { pods: classes, blocks, shapes, spreads, .. } = classes;
        let mut joint = Self { shapes: shapes.len(), ..Self::default() };
        for shape in shapes {
            joint.columns.push(Column { low: 0.0, high: shape.gangs.len() as f64 });
        }
        for (_, most) in blocks.iter().flat_map(|block| &block.domains) {
            joint.columns.push(Column { low: 0.0, high: f64::from(*most) });
        }
        joint.blocks = joint.columns.len() - joint.shapes;
        joint.classes(classes, shapes, items);
        joint.confines(classes, shapes, blocks, items);
        for zones in spreads {
            joint.spread(classes, zones, items);
        }
        joint
    }

    /// How many columns are settled before patterns are rounded: those of gangs and of what confines them.
    pub fn settled(&self) -> usize {
        self.shapes + self.blocks
    }

    /// The confines in all domains are those of the gangs that run, and of each class all of a domain's confines are
    /// placed there and no others.
    fn confines(&mut self, classes: &[PodClass], shapes: &[Shape], blocks: &[Block], items: &mut [Item]) {
        let worth = |class: u32| classes[class as usize].worth as f64 / ACCELERATOR as f64;
        let mut column = self.shapes as u32;
        // By class and domain.
        let mut placed: BTreeMap<(u32, u32), Row> = BTreeMap::new();
        let none = |fine| Row { low: 0.0, high: 0.0, columns: Vec::new(), fine };
        for (index, block) in (0..).zip(blocks) {
            let mut columns = Vec::new();
            let mut fine = 0.0_f64;
            for (shape, it) in (0..).zip(shapes) {
                if let Some((_, count)) = it.blocks.iter().find(|(of, _)| *of == index) {
                    columns.push((shape, -f64::from(*count)));
                    let all = it.needs.iter().map(|(class, count)| worth(*class) * f64::from(*count));
                    fine = fine.max(2.0 * all.sum::<f64>());
                }
            }
            for (domain, _) in &block.domains {
                columns.push((column, 1.0));
                for (class, count) in &block.needs {
                    let row = placed.entry((*class, *domain)).or_insert_with(|| none(fine));
                    row.columns.push((column, -f64::from(*count)));
                    row.fine = row.fine.max(fine);
                }
                column += 1;
            }
            self.rows.push(Row { low: 0.0, high: 0.0, columns, fine });
        }
        for ((class, domain), it) in placed {
            let row = self.rows.len() as u32;
            let here = |item: &&mut Item| item.class == class && item.domain == Some(domain);
            items.iter_mut().filter(here).for_each(|item| item.joint.push((row, 1.0)));
            self.rows.push(it);
        }
    }

    /// Where a class has gangs or is several items, no more are placed than there are, and all of a gang.
    fn classes(&mut self, classes: &[PodClass], shapes: &[Shape], items: &mut [Item]) {
        let worth = |class: u32| classes[class as usize].worth as f64 / ACCELERATOR as f64;
        let mut ganged: BTreeMap<u32, Vec<(u32, f64)>> = BTreeMap::new();
        let mut fines: BTreeMap<u32, f64> = BTreeMap::new();
        for (column, shape) in (0..).zip(shapes) {
            let all: f64 = shape.needs.iter().map(|(class, count)| worth(*class) * f64::from(*count)).sum();
            for (class, count) in &shape.needs {
                ganged.entry(*class).or_default().push((column, -f64::from(*count)));
                let fine = fines.entry(*class).or_default();
                *fine = fine.max(all);
            }
        }
        for (class, it) in (0..).zip(classes) {
            let columns = ganged.remove(&class).unwrap_or_default();
            let of_class = items.partition_point(|item| item.class < class)
                ..items.partition_point(|item| item.class <= class);
            if columns.is_empty() && of_class.len() <= 1 {
                continue;
            }
            let in_gangs: u32 = columns
                .iter()
                .map(|(column, factor)| shapes[*column as usize].gangs.len() as u32 * (-factor) as u32)
                .sum();
            let alone = f64::from((it.pods.len() as u32).saturating_sub(in_gangs));
            let fine = 2.0 * fines.get(&class).copied().unwrap_or(0.0).max(worth(class));
            for item in &mut items[of_class] {
                item.joint.push((self.rows.len() as u32, 1.0));
            }
            self.rows.push(Row { low: 0.0, high: alone, columns, fine });
        }
    }

    fn spread(&mut self, classes: &[PodClass], zones: &Zones, items: &mut [Item]) {
        let (least, most) = zones.emptiest();
        let column = self.columns.len() as u32;
        self.columns.push(Column { low: f64::from(least), high: f64::from(most.max(least)) });
        let of_spread = |item: &Item, zone: u32| {
            item.zone == Some(zone) && classes[item.class as usize].spread == Some(zones.spread)
        };
        let worth =
            items.iter().filter(|item| item.zone.is_some()).map(|item| item.worth).fold(0.0, f64::max);
        let fine = 2.0 * worth * (zones.running.len() + 1) as f64;
        for (zone, running) in &zones.running {
            let first = self.rows.len() as u32;
            for item in items.iter_mut().filter(|item| of_spread(item, *zone)) {
                item.joint.extend([(first, 1.0), (first + 1, 1.0)]);
            }
            let (here, skew) = (f64::from(*running), f64::from(zones.skew));
            self.rows.push(Row { low: -here, high: f64::INFINITY, columns: vec![(column, -1.0)], fine });
            let (least, most) = (f64::from(least), f64::from(most));
            let slope = if here <= least + skew {
                1.0
            } else {
                ((most + skew - here) / (most - least).max(1.0)).max(0.0)
            };
            // Nothing may come at the least, or what the skew leaves.
            let high = (least + skew - here).max(0.0) - slope * least;
            let columns = if slope > 0.0 { vec![(column, -slope)] } else { Vec::new() };
            self.rows.push(Row { low: f64::NEG_INFINITY, high, columns, fine });
        }
    }

    /// Takes items placed out of the rows.
    pub fn place(&mut self, item: &Item, count: f64) {
        for (row, factor) in &item.joint {
            let row = &mut self.rows[*row as usize];
            row.low -= factor * count;
            row.high -= factor * count;
        }
    }

    /// Prices of rows that a proof may use: no more than the fines, and none on the side that is not limited.
    pub fn proper(&self, prices: &[f64]) -> Vec<f64> {
        let proper = |(row, price): (&Row, &f64)| {
            let low = if row.high.is_finite() { -row.fine } else { 0.0 };
            let high = if row.low.is_finite() { row.fine } else { 0.0 };
            price.clamp(low, high)
        };
        self.rows.iter().zip(prices).map(proper).collect()
    }

    /// What rows and columns bring at most at proper prices of the rows.
    pub fn most(&self, prices: &[f64]) -> f64 {
        let mut columns = vec![0.0; self.columns.len()];
        let mut most = 0.0;
        for (row, price) in self.rows.iter().zip(prices) {
            for (column, factor) in &row.columns {
                columns[*column as usize] += price * factor;
            }
            if *price > 0.0 {
                most -= price * row.low;
            } else if *price < 0.0 {
                most -= price * row.high;
            }
        }
        let at_best = |(column, factor): (&Column, &f64)| (factor * column.low).max(factor * column.high);
        most + self.columns.iter().zip(&columns).map(at_best).sum::<f64>()
    }
}
