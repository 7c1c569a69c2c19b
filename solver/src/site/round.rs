//! From prices to plans: what they suggest, repaired, and the pairs worth moving among.

use std::collections::BTreeMap;

use super::{
    plan::{OUT, Plan},
    prices::Prices,
};
use crate::outcome::Params;

/// How often each pair may be looked at to make room for who is left out of a plan, on average; and at least.
const EJECTION: u64 = 4;
const EJECTION_AT_LEAST: u64 = 100_000;
impl<'m> Prices<'m> {
    /// A plan from a solution of the blocks: each where it says, as far as that fits, the surest first;
    /// the others where they add least at these prices. Room is made for who then is left out as long as there is
    /// time, and for so much work.
    pub(super) fn repair(&self, wanted: &[u32], params: &Params) -> Plan<'m> {
        let model = self.model;
        let mut plan = Plan::new(model);
        let weight = |m: usize| {
            let of = self.mean[m].iter().filter(|e| e.0 == wanted[m]).map(|e| e.1);
            of.fold(0.0, f64::max)
        };
        let mut order: Vec<usize> = (0..model.members.len()).collect();
        let task = |m: &usize| &model.problem.tasks[model.members[*m].task as usize];
        let key = |m: &usize| (!task(m).required, std::cmp::Reverse(task(m).priority));
        let weights: Vec<f64> = order.iter().map(|m| weight(*m)).collect();
        order.sort_by(|a, b| key(a).cmp(&key(b)).then(weights[*b].total_cmp(&weights[*a])).then(a.cmp(b)));
        let mut rest = Vec::new();
        for m in order {
            if wanted[m] == OUT || !plan.fits(wanted[m]) {
                rest.push(m);
                continue;
            }
            plan.place(m, wanted[m]);
            if !plan.is_within() {
                plan.remove(m);
                rest.push(m);
            }
        }
        // Whoever has most to lose by waiting goes first: the largest.
        let size = |m: &usize| model.range(*m).next().map_or(0.0, |p| model.pair(p).own);
        rest.sort_by(|a, b| key(a).cmp(&key(b)).then(size(b).total_cmp(&size(a))).then(a.cmp(b)));
        rest.retain(|m| {
            !plan.insert(*m, |pair| self.charge(*m as u32, pair)) && model.members[*m].value.is_infinite()
        });
        let most = plan.looked() + EJECTION * model.pairs().len() as u64 + EJECTION_AT_LEAST;
        for m in rest {
            if params.is_over() {
                break;
            }
            plan.eject(m, most);
        }
        plan
    }

    /// By member its pairs of least reduced cost, best first: at most `most`.
    pub(super) fn candidates(&self, most: usize) -> Vec<Vec<u32>> {
        let model = self.model;
        let mut open: BTreeMap<(u32, u32), f64> = BTreeMap::new();
        for (m, mean) in self.mean.iter().enumerate() {
            let Some((dataset, _)) = model.members[m].home else { continue };
            let mut here: BTreeMap<u32, f64> = BTreeMap::new();
            for (pair, weight) in mean {
                *here.entry(model.pair(*pair).region).or_default() += weight;
            }
            for (region, weight) in here {
                let of = open.entry((dataset, region)).or_default();
                *of = of.max(weight);
            }
        }
        (0..model.members.len())
            .map(|m| {
                let mut list: Vec<(f64, u32)> = Vec::with_capacity(model.range(m).len());
                let mut here = (u32::MAX, 0.0);
                for pair in model.range(m) {
                    let of = model.pair(pair);
                    if here.0 != of.place {
                        here = (of.place, 0.0);
                        if let Some((dataset, level)) = model.members[m].home {
                            let usd = model.data_usd(dataset, level, of.place);
                            let there = open.get(&(dataset, of.region)).copied().unwrap_or(0.0);
                            here.1 = usd * (1.0 - there.min(1.0)) / 3.0;
                        }
                    }
                    list.push((model.weighed(m, pair) + self.charge(m as u32, pair) + here.1, pair));
                }
                let at_home = |of: &&(f64, u32)| Some(model.pair(of.1).choice) == model.home(m);
                let home = list.iter().filter(at_home).min_by(|a, b| a.0.total_cmp(&b.0)).copied();
                let most = most.min(list.len());
                if most < list.len() {
                    list.select_nth_unstable_by(most, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                    list.truncate(most);
                    list.extend(home.filter(|home| list.iter().all(|of| of.1 != home.1)));
                }
                list.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                list.into_iter().map(|c| c.1).collect()
            })
            .collect()
    }
}
