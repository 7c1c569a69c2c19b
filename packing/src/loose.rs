//! Pods without a device fill what CPU and memory the others leave.

use crate::{
    classes::Amounts,
    inside::bit,
    instance::{minus, within},
    relax::{Fitting, Lambda},
};

/// At most so many steps of CPU.
const STEPS: u64 = 512;

/// The items without a device, ready to fill any rest.
#[derive(Debug)]
pub struct Loose<'a> {
    fitting: &'a Fitting<'a>,
    values: &'a [f64],
    /// By falling value for what they take at the prices.
    order: Vec<u32>,
    /// CPU of one step of the tables.
    step: u64,
    /// What so many steps bring, sizes rounded up, and the item to put first.
    up: Vec<(f64, u32)>,
    /// What so many steps bring at most, sizes rounded down, none more often than there are.
    down: Vec<f64>,
    /// What items without CPU bring at most.
    free: f64,
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// What so many steps bring at most with so many more of a size.
fn add_copies(most: &mut [f64], size: usize, value: f64, copies: usize) {
    if copies >= (most.len() - 1) / size {
        for at in size..most.len() {
            most[at] = f64::max(most[at], most[at - size] + value);
        }
        return;
    }
    // One, two, four, … together, and the rest: any number of them is a sum of these.
    let (mut left, mut together) = (copies, 1);
    while left > 0 {
        let here = together.min(left);
        let (size, value) = (here * size, here as f64 * value);
        for at in (size..most.len()).rev() {
            most[at] = f64::max(most[at], most[at - size] + value);
        }
        left -= here;
        together *= 2;
    }
}

impl<'a> Loose<'a> {
    /// Prepares the items without a device.
    pub fn new(fitting: &'a Fitting<'a>, values: &'a [f64], lambda: &Lambda) -> Self {
        let item = |item: &u32| &fitting.instance.items[*item as usize];
        let density = |i: &u32| {
            let size = &item(i).size;
            let room = &fitting.bin.room;
            let price: f64 = (0..fitting.instance.dimensions)
                .map(|r| size[r] as f64 * (lambda[r] + 1e-9 / (room[r] as f64).max(1.0)))
                .sum();
            values[*i as usize] / price.max(1e-12)
        };
        let mut order: Vec<(f64, u32)> = fitting.loose.iter().map(|i| (density(i), *i)).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let order: Vec<u32> = order.into_iter().map(|(_, i)| i).collect();
        let room = fitting.bin.room[0];
        let common = order.iter().map(|i| item(i).size[0]).fold(0, gcd).max(1);
        let step = if room / common <= STEPS { common } else { room.div_ceil(STEPS) };
        let steps = (room / step) as usize;
        let (mut up, mut down) = (vec![(0.0, u32::MAX); steps + 1], vec![0.0; steps + 2]);
        let mut free = 0.0;
        for i in &order {
            let (size, value) = (item(i).size[0], values[*i as usize]);
            if size < step {
                // Too fine for the tables.
                free += value * f64::from(crate::instance::copies(item(i), &fitting.bin.room));
                continue;
            }
            for at in size.div_ceil(step) as usize..up.len() {
                let with = up[at - size.div_ceil(step) as usize].0 + value;
                if with > up[at].0 {
                    up[at] = (with, *i);
                }
            }
            let copies = crate::instance::copies(item(i), &fitting.bin.room);
            add_copies(&mut down, (size / step) as usize, value, copies as usize);
        }
        Self { fitting, values, order, step, up, down, free }
    }

    /// What can be had of what is left, at most.
    pub fn bound(&self, left: &Amounts) -> f64 {
        self.down[(left[0].div_ceil(self.step) as usize).min(self.down.len() - 1)] + self.free
    }

    /// Fills what is left; the items and what they bring.
    pub fn fill(&self, left: &Amounts, groups: u64, capped: bool) -> (f64, Vec<u32>) {
        if self.order.is_empty() {
            return (0.0, Vec::new());
        }
        let greedy = self.add(left, groups, capped, &self.order, Vec::new());
        let (mut tabled, mut at) = (Vec::new(), (left[0] / self.step) as usize);
        while let Some((_, item)) = self.up.get(at).filter(|u| u.1 != u32::MAX) {
            tabled.push(*item);
            at -= self.fitting.instance.items[*item as usize].size[0].div_ceil(self.step) as usize;
        }
        let tabled = self.add(left, groups, capped, &self.order, tabled);
        if tabled.0 > greedy.0 { tabled } else { greedy }
    }

    /// Takes of the wanted what fits, then of all others in their order.
    fn add(
        &self,
        left: &Amounts,
        groups: u64,
        capped: bool,
        order: &[u32],
        wanted: Vec<u32>,
    ) -> (f64, Vec<u32>) {
        let (mut left, mut groups) = (*left, groups);
        let (mut value, mut taken) = (0.0, Vec::new());
        let mut put = |item: u32, taken: &mut Vec<u32>| {
            let it = &self.fitting.instance.items[item as usize];
            let count = || taken.iter().filter(|t| **t == item).count();
            let fits = within(&it.size, &left)
                && groups & bit(it.apart) == 0
                && count()
                    < if capped {
                        it.demand as usize
                    } else {
                        crate::instance::copies(it, &self.fitting.bin.room) as usize
                    };
            if fits {
                left = minus(&left, &it.size);
                groups |= bit(it.apart);
                value += self.values[item as usize];
                taken.push(item);
            }
            fits
        };
        for item in wanted {
            put(item, &mut taken);
        }
        for item in order {
            while put(*item, &mut taken) {}
        }
        (value, taken)
    }
}
