//! What is left of a program once its shared limits have prices: blocks that are solved apart.
//!
//! Two kinds of rows stay: each task takes one column, and whoever uses a dataset in a region needs it
//! paid for there. So a block is a dataset with its readers, a problem of
//! [facility location](crate::facility), or a single task. A task that reads several datasets stays with
//! the dearest; its rows for the others get prices too.

use std::collections::BTreeMap;

use crate::{
    facility::{self, Instance},
    formulation::Formulation,
};

/// Work of one facility location: nodes times customers times sites, about.
const WORK: usize = 200_000;

/// A program's blocks, and its columns in none.
#[derive(Debug)]
pub struct Blocks {
    /// Dataset by dataset, then the other tasks.
    pub list: Vec<Block>,
    /// The columns in no block.
    pub loose: Vec<u32>,
    /// By row of the program whether it is part of the blocks. Later rows are not.
    kept: Vec<bool>,
}

/// Tasks that share a dataset, or one task.
#[derive(Debug)]
pub struct Block {
    /// By region the columns that pay for the dataset, by ascending level; each opens what the levels
    /// below it open too.
    regions: Vec<Vec<u32>>,
    tasks: Vec<Member>,
}

/// A task of a block.
#[derive(Debug)]
struct Member {
    /// The column that leaves it out.
    left: u32,
    groups: Vec<Group>,
}

/// The columns of a task that need the same data: none, or in a region up to a level.
#[derive(Debug)]
struct Group {
    /// (region, levels).
    needs: Option<(usize, usize)>,
    columns: Vec<u32>,
}

/// The cheapest way through a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Least {
    /// No way costs less.
    pub bound: f64,
    /// The columns that are 1 in the best way found.
    pub columns: Vec<u32>,
}

/// The reduced cost of a column in its block, with the best way found through it.
#[derive(Debug, Clone, PartialEq)]
pub struct Through {
    /// The column.
    pub column: u32,
    /// How much more the block costs at least when this column is used.
    pub reduced: f64,
    /// The columns that are 1 in the best way found through it; none when it costs too much.
    pub columns: Vec<u32>,
}

impl Blocks {
    /// The blocks of a program.
    pub fn new(form: &Formulation<'_>) -> Self {
        let mut kept = vec![false; form.program.rows.len()];
        let mut in_block = vec![false; form.program.cost.len()];
        let owner = |row: usize| {
            let x = form.program.rows[row].terms.iter().find(|t| t.1 < 0.0).map(|t| t.0);
            x.map(|x| form.items[x as usize].task)
        };
        // By task the dataset it stays with, the dearest on average.
        let mut dearest: BTreeMap<u32, BTreeMap<u32, (f64, f64)>> = BTreeMap::new();
        for share in &form.shares {
            if let Some(task) = owner(share.row) {
                let sum = dearest.entry(task).or_default().entry(share.dataset).or_default();
                *sum = (sum.0 + form.program.cost[share.pays as usize], sum.1 + 1.0);
            }
        }
        let mean = |sum: &(f64, f64)| sum.0 / sum.1;
        let home: BTreeMap<u32, u32> = dearest
            .into_iter()
            .filter_map(|(task, sums)| {
                let best = sums.iter().max_by(|a, b| mean(a.1).total_cmp(&mean(b.1)).then(b.0.cmp(a.0)));
                best.map(|(dataset, _)| (task, *dataset))
            })
            .collect();
        // By dataset and region what pays for it; by column of a task what it needs paid.
        let mut pays: BTreeMap<u32, BTreeMap<u32, Vec<u32>>> = BTreeMap::new();
        let mut needs: BTreeMap<u32, (u32, usize)> = BTreeMap::new();
        for share in &form.shares {
            if owner(share.row).is_none_or(|task| home.get(&task) != Some(&share.dataset)) {
                continue;
            }
            kept[share.row] = true;
            in_block[share.pays as usize] = true;
            let levels = pays.entry(share.dataset).or_default().entry(share.region).or_default();
            let level = levels.iter().position(|z| *z == share.pays).unwrap_or_else(|| {
                levels.push(share.pays);
                levels.len() - 1
            });
            for (x, _) in form.program.rows[share.row].terms.iter().filter(|t| t.1 < 0.0) {
                let need = needs.entry(*x).or_insert((share.region, 0));
                need.1 = need.1.max(level + 1);
            }
        }
        let mut members: BTreeMap<Option<u32>, Vec<Member>> = BTreeMap::new();
        let mut alone = Vec::new();
        let regions_of = |dataset: u32| -> BTreeMap<u32, usize> {
            pays.get(&dataset).into_iter().flat_map(BTreeMap::keys).copied().zip(0..).collect()
        };
        for (row, (task, left)) in form.members.iter().zip(&form.left).enumerate() {
            kept[row] = true;
            let regions = home.get(task).map(|d| regions_of(*d)).unwrap_or_default();
            let mut groups: BTreeMap<Option<(usize, usize)>, Vec<u32>> = BTreeMap::new();
            for (column, _) in &form.program.rows[row].terms {
                in_block[*column as usize] = true;
                if column != left {
                    let need = needs.get(column).map(|(region, levels)| (regions[region], *levels));
                    groups.entry(need).or_default().push(*column);
                }
            }
            let groups = groups.into_iter().map(|(needs, columns)| Group { needs, columns }).collect();
            let member = Member { left: *left, groups };
            match home.get(task) {
                Some(dataset) => members.entry(Some(*dataset)).or_default().push(member),
                None => alone.push(Block { regions: Vec::new(), tasks: vec![member] }),
            }
        }
        let mut list: Vec<Block> = members
            .into_iter()
            .map(|(dataset, tasks)| {
                let regions = dataset.and_then(|d| pays.remove(&d)).unwrap_or_default();
                Block { regions: regions.into_values().collect(), tasks }
            })
            .collect();
        list.extend(alone);
        let loose = (0..in_block.len() as u32).filter(|x| !in_block[*x as usize]).collect();
        Self { list, loose, kept }
    }

    /// Whether a row of the program is part of the blocks.
    pub fn keeps(&self, row: usize) -> bool {
        self.kept.get(row).copied().unwrap_or(false)
    }
}

/// A block at some costs, as facility location.
struct Stated {
    instance: Instance,
    /// By region where its sites begin.
    first: Vec<usize>,
    /// Dollars of what is bought at a profit.
    gained: f64,
    /// By task the cheapest column that needs no site, with its cost; and by group the cheapest.
    alone: Vec<Option<u32>>,
    best: Vec<Vec<u32>>,
}

impl Block {
    /// The cheapest way through the block when its columns cost this much and may be as high as `high`.
    pub fn least(&self, cost: &[f64], high: &[f64]) -> Least {
        let stated = self.stated(cost, high);
        let answer = facility::solve(&stated.instance, self.nodes());
        let columns = self.read(&stated, cost, &answer.open, None);
        Least { bound: stated.gained + answer.bound, columns }
    }

    /// The reduced cost of every column of the block's tasks that may be used, and for those up to `room`
    /// the best way through it.
    pub fn through_each(&self, cost: &[f64], high: &[f64], room: f64) -> Vec<Through> {
        let mut stated = self.stated(cost, high);
        let least = facility::solve(&stated.instance, self.nodes()).bound;
        let sites = stated.instance.opening.len();
        let mut found = Vec::new();
        for (at, member) in self.tasks.iter().enumerate() {
            let serving = at * sites..(at + 1) * sites;
            let before = (stated.instance.serving[serving.clone()].to_vec(), stated.instance.alone[at]);
            for (group, cheapest) in member.groups.iter().zip(stated.best[at].clone()) {
                stated.instance.serving[serving.clone()].fill(f64::INFINITY);
                stated.instance.alone[at] = f64::INFINITY;
                self.offer(&mut stated, at, group, cost[cheapest as usize]);
                let answer = facility::solve(&stated.instance, self.nodes());
                let more = (answer.bound - least).max(0.0) - cost[cheapest as usize];
                // The others stay where they are when only the column of this task differs.
                let mut others: Option<Vec<u32>> = None;
                for &column in group.columns.iter().filter(|x| high[**x as usize] > 0.0) {
                    let reduced = more + cost[column as usize];
                    let mut columns = Vec::new();
                    if reduced <= room {
                        let read = || self.read(&stated, cost, &answer.open, Some((at, cheapest)));
                        columns.clone_from(others.get_or_insert_with(read));
                        for x in &mut columns {
                            if *x == cheapest {
                                *x = column;
                            }
                        }
                    }
                    found.push(Through { column, reduced, columns });
                }
            }
            stated.instance.serving[serving].copy_from_slice(&before.0);
            stated.instance.alone[at] = before.1;
        }
        found
    }

    /// The columns that pay for data here, and those that use it.
    pub fn columns(&self) -> impl Iterator<Item = u32> {
        let tasks = self.tasks.iter();
        let used =
            tasks.flat_map(|t| t.groups.iter().flat_map(|g| g.columns.iter().copied()).chain([t.left]));
        self.regions.iter().flatten().copied().chain(used)
    }

    /// The columns that pay for data here.
    pub fn payments(&self) -> impl Iterator<Item = u32> {
        self.regions.iter().flatten().copied()
    }

    fn nodes(&self) -> u32 {
        let sites: usize = self.regions.iter().map(Vec::len).sum();
        (WORK / (self.tasks.len() * sites).max(1)).clamp(2, 2_000) as u32
    }

    fn stated(&self, cost: &[f64], high: &[f64]) -> Stated {
        let mut first = Vec::with_capacity(self.regions.len());
        let mut opening = Vec::new();
        let mut gained = 0.0;
        for levels in &self.regions {
            first.push(opening.len());
            let mut sum = 0.0;
            for z in levels {
                gained += cost[*z as usize].min(0.0);
                sum += cost[*z as usize].max(0.0);
                opening.push(sum);
            }
        }
        let (sites, tasks) = (opening.len(), self.tasks.len());
        let instance = Instance {
            opening,
            serving: vec![f64::INFINITY; tasks * sites],
            alone: vec![f64::INFINITY; tasks],
        };
        let mut stated = Stated { instance, first, gained, alone: vec![None; tasks], best: Vec::new() };
        for (at, member) in self.tasks.iter().enumerate() {
            if high[member.left as usize] > 0.0 {
                stated.instance.alone[at] = cost[member.left as usize];
                stated.alone[at] = Some(member.left);
            }
            let mut best = Vec::with_capacity(member.groups.len());
            for group in &member.groups {
                let usable = group.columns.iter().copied().filter(|x| high[*x as usize] > 0.0);
                let cheapest =
                    usable.min_by(|a, b| cost[*a as usize].total_cmp(&cost[*b as usize]).then(a.cmp(b)));
                best.push(cheapest.unwrap_or(group.columns[0]));
                if let Some(x) = cheapest
                    && self.offer(&mut stated, at, group, cost[x as usize])
                {
                    stated.alone[at] = Some(x);
                }
            }
            stated.best.push(best);
        }
        stated
    }

    /// Lets a task be served by a group at a cost; whether that needs no site and is the cheapest so.
    #[expect(clippy::unused_self, reason = "reads as the block's")]
    fn offer(&self, stated: &mut Stated, at: usize, group: &Group, cost: f64) -> bool {
        let sites = stated.instance.opening.len();
        match group.needs.map(|(region, levels)| (stated.first[region], levels)) {
            Some((first, levels)) if stated.instance.opening[first + levels - 1] > 0.0 => {
                let after = stated.first.iter().copied().find(|f| *f > first).unwrap_or(sites);
                for site in first + levels - 1..after {
                    let serving = &mut stated.instance.serving[at * sites + site];
                    *serving = serving.min(cost);
                }
                false
            }
            _ if cost < stated.instance.alone[at] => {
                stated.instance.alone[at] = cost;
                true
            }
            _ => false,
        }
    }

    /// The columns of a choice of sites; `forced`: a task on one of its columns.
    fn read(&self, stated: &Stated, cost: &[f64], open: &[bool], forced: Option<(usize, u32)>) -> Vec<u32> {
        let mut columns = Vec::with_capacity(2 * self.tasks.len());
        let mut paid: Vec<u32> =
            self.regions.iter().flatten().copied().filter(|z| cost[*z as usize] < 0.0).collect();
        for (at, member) in self.tasks.iter().enumerate() {
            let column = match forced {
                Some((task, column)) if task == at => Some(column),
                _ => self.served(stated, at, open, cost),
            };
            let Some(column) = column else { continue };
            columns.push(column);
            let group = member.groups.iter().find(|g| g.columns.contains(&column));
            if let Some((region, levels)) = group.and_then(|g| g.needs) {
                paid.extend(&self.regions[region][..levels]);
            }
        }
        paid.sort_unstable();
        paid.dedup();
        columns.extend(paid);
        columns
    }

    /// The column a task takes when some sites are open.
    fn served(&self, stated: &Stated, at: usize, open: &[bool], cost: &[f64]) -> Option<u32> {
        let (alone, site) = stated.instance.served(at, open);
        let Some(site) = site else { return stated.alone[at].filter(|_| alone.is_finite()) };
        let groups = self.tasks[at].groups.iter().zip(&stated.best[at]);
        let here = groups.filter(|(group, _)| {
            group.needs.is_some_and(|(region, levels)| {
                let first = stated.first[region];
                first + levels - 1 <= site && site < first + self.regions[region].len()
            })
        });
        here.map(|(_, x)| *x).min_by(|a, b| cost[*a as usize].total_cmp(&cost[*b as usize]).then(a.cmp(b)))
    }
}
