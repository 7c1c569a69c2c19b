//! Bonds in the program: whose tasks are placed are in one area.

use std::collections::BTreeMap;

use super::Formulation;

impl Formulation<'_> {
    /// Adds y\[bond, area\] with its rows: a task is in an area only if the bond takes it, and it takes one.
    pub(super) fn bonds(&mut self) {
        // By bond and area, by task there: its x.
        let mut there: BTreeMap<u32, BTreeMap<u32, BTreeMap<u32, Vec<u32>>>> = BTreeMap::new();
        for &task in &self.members {
            for (x, item) in self.items_of(task) {
                if let Some((bond, area)) = self.problem.area_of(task, item.column.choice) {
                    let areas = there.entry(bond).or_default();
                    areas.entry(area).or_default().entry(task).or_default().push(x);
                }
            }
        }
        for areas in there.into_values() {
            let alone = areas.values().flat_map(BTreeMap::keys).collect::<std::collections::BTreeSet<_>>();
            let alone = alone.len() == 1 && alone.iter().all(|task| self.equal_to(**task).len() == 1);
            if alone {
                continue;
            }
            let mut one = Vec::new();
            for tasks in areas.into_values() {
                let area = self.program.column(0.0, 0.0, 1.0, true);
                let mut users = Vec::new();
                for (task, columns) in tasks {
                    users.extend(&columns);
                    let most = self.equal_to(task).len() as f64;
                    let terms = columns.into_iter().map(|x| (x, 1.0)).chain([(area, -most)]);
                    self.program.row(f64::NEG_INFINITY, 0.0, terms.collect());
                }
                self.areas.push((area, users));
                one.push((area, 1.0));
            }
            self.program.row(f64::NEG_INFINITY, 1.0, one);
        }
    }
}
