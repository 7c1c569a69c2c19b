//! Which sites to open when each customer is served by one: uncapacitated facility location.
//!
//! The part of a component that shares a dataset is this problem once everything limited has a price:
//! tasks are the customers, and opening a site is to bring the data there. The bound is Erlenkotter's
//! dual ascent (1978, "A dual-based procedure for uncapacitated facility location", Operations Research
//! 26(6), section 2), closed by branch and bound on the sites his complementary slackness leaves in doubt.

/// Costs of opening and serving. All are finite but for pairs that are not possible.
#[derive(Debug, Clone, Default)]
pub struct Instance {
    /// Dollars for opening each site, at least 0.
    pub opening: Vec<f64>,
    /// Dollars for serving, by customer and then site; infinite where a site cannot serve.
    pub serving: Vec<f64>,
    /// Dollars for serving each customer without any site; infinite where that is not possible.
    pub alone: Vec<f64>,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// No choice of sites costs less.
    pub bound: f64,
    /// Dollars of the best choice found; infinite when a customer cannot be served.
    pub value: f64,
    /// Whether each site is open in it.
    pub open: Vec<bool>,
}

/// Slack below which a site counts as paid for, as a share of the figures at hand.
const TIGHT: f64 = 1e-9;

/// The cheapest choice of sites, within a number of nodes; exact when its bound meets its value.
pub fn solve(instance: &Instance, nodes: u32) -> Answer {
    let sites = instance.opening.len();
    let order = (0..instance.alone.len())
        .map(|customer| {
            let costs = instance.row(customer);
            let mut order: Vec<u32> = (0..sites as u32).filter(|s| costs[*s as usize].is_finite()).collect();
            order.sort_by(|a, b| costs[*a as usize].total_cmp(&costs[*b as usize]).then(a.cmp(b)));
            order
        })
        .collect();
    let mut search = Search {
        instance,
        order,
        fate: vec![Fate::Open; sites],
        nodes,
        lowest: f64::INFINITY,
        best: Answer { bound: f64::INFINITY, value: f64::INFINITY, open: vec![false; sites] },
        duals: vec![0.0; instance.alone.len()],
        slack: vec![0.0; sites],
    };
    search.fate.fill(Fate::Undecided);
    search.propose(vec![false; sites]);
    search.visit();
    let mut best = search.best;
    best.bound = search.lowest.min(best.value);
    best
}

impl Instance {
    /// What each site asks of a customer.
    fn row(&self, customer: usize) -> &[f64] {
        let sites = self.opening.len();
        &self.serving[customer * sites..(customer + 1) * sites]
    }

    /// The cheapest way to serve a customer with some sites open.
    pub fn served(&self, customer: usize, open: &[bool]) -> (f64, Option<usize>) {
        let mut best = (self.alone[customer], None);
        for (site, cost) in self.row(customer).iter().enumerate() {
            if open[site] && *cost < best.0 {
                best = (*cost, Some(site));
            }
        }
        best
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Undecided,
    Open,
    Closed,
}

struct Search<'a> {
    instance: &'a Instance,
    /// By customer the sites that can serve it, cheapest first.
    order: Vec<Vec<u32>>,
    fate: Vec<Fate>,
    nodes: u32,
    /// The least bound of what was not searched to its end.
    lowest: f64,
    best: Answer,
    duals: Vec<f64>,
    slack: Vec<f64>,
}

impl Search<'_> {
    fn visit(&mut self) {
        let bound = self.ascend();
        if self.is_closed(bound) {
            return;
        }
        let candidate = self.tight_sites();
        let doubtful = self.in_doubt(&candidate);
        self.propose(candidate);
        if self.is_closed(bound) {
            return;
        }
        self.nodes = self.nodes.saturating_sub(1);
        let Some(site) = doubtful.filter(|_| self.nodes > 0) else {
            self.lowest = self.lowest.min(bound);
            return;
        };
        for fate in [Fate::Open, Fate::Closed] {
            self.fate[site] = fate;
            self.visit();
        }
        self.fate[site] = Fate::Undecided;
    }

    /// Whether nothing better than the best lies where no choice costs less than a bound: also where no choice
    /// serves everyone, and the best so far does not either.
    fn is_closed(&self, bound: f64) -> bool {
        let value = self.best.value;
        bound == f64::INFINITY || bound >= value - TIGHT * value.abs().max(1.0)
    }

    /// Raises what each customer would pay until every site it could help to pay for is paid for; the
    /// sum is a bound on what is decided and undecided here.
    fn ascend(&mut self) -> f64 {
        let instance = self.instance;
        let mut opened = 0.0;
        for (site, fate) in self.fate.iter().enumerate() {
            self.slack[site] = if *fate == Fate::Undecided { instance.opening[site] } else { 0.0 };
            if *fate == Fate::Open {
                opened += instance.opening[site];
            }
        }
        let customers = instance.alone.len();
        // What a customer pays at most: without a further site.
        let mut ceiling = instance.alone.clone();
        // How many of a customer's sites it pays at least as much as they ask.
        let mut reached = vec![0; customers];
        for (customer, ceiling) in ceiling.iter_mut().enumerate() {
            let costs = instance.row(customer);
            let cheapest = |fate: Fate| {
                let site = self.order[customer].iter().find(|s| self.fate[**s as usize] == fate);
                site.map_or(f64::INFINITY, |s| costs[*s as usize])
            };
            *ceiling = ceiling.min(cheapest(Fate::Open));
            self.duals[customer] = ceiling.min(cheapest(Fate::Undecided));
            if self.duals[customer].is_infinite() {
                return f64::INFINITY;
            }
        }
        let mut moving = true;
        while moving {
            moving = false;
            for customer in 0..customers {
                moving |= self.raise(customer, ceiling[customer], &mut reached[customer]);
            }
        }
        opened + self.duals.iter().sum::<f64>()
    }

    /// Raises one customer to the next cost of its sites, as far as their slack allows.
    fn raise(&mut self, customer: usize, ceiling: f64, reached: &mut usize) -> bool {
        let costs = self.instance.row(customer);
        let order = &self.order[customer];
        let dual = self.duals[customer];
        if dual >= ceiling {
            return false;
        }
        while *reached < order.len() && costs[order[*reached] as usize] <= dual {
            *reached += 1;
        }
        let paid =
            || order[..*reached].iter().map(|s| *s as usize).filter(|s| self.fate[*s] == Fate::Undecided);
        let room = paid().map(|s| self.slack[s]).fold(f64::INFINITY, f64::min);
        if room <= 0.0 {
            return false;
        }
        let next = order[*reached..]
            .iter()
            .find(|s| self.fate[**s as usize] == Fate::Undecided)
            .map_or(ceiling, |s| ceiling.min(costs[*s as usize]));
        let step = room.min(next - dual);
        for site in paid().collect::<Vec<_>>() {
            self.slack[site] = (self.slack[site] - step).max(0.0);
        }
        self.duals[customer] = if step < room { next } else { dual + step };
        step < room
    }

    /// The opened sites and, for each customer that none of them serves for what it pays, the cheapest
    /// that is paid for.
    fn tight_sites(&self) -> Vec<bool> {
        let mut open: Vec<bool> = self.fate.iter().map(|f| *f == Fate::Open).collect();
        for (customer, order) in self.order.iter().enumerate() {
            let costs = self.instance.row(customer);
            let pays = self.duals[customer];
            let within = |s: &&u32| costs[**s as usize] <= pays + TIGHT * pays.abs().max(1.0);
            if self.instance.alone[customer] <= pays
                || order.iter().take_while(within).any(|s| open[*s as usize])
            {
                continue;
            }
            let is_paid = |s: &&u32| {
                let site = **s as usize;
                self.fate[site] == Fate::Undecided
                    && self.slack[site] <= TIGHT * self.instance.opening[site].max(1.0)
            };
            if let Some(site) = order.iter().take_while(within).find(is_paid) {
                open[*site as usize] = true;
            }
        }
        open
    }

    /// A site of a candidate that several customers' payments speak against: where a customer helps to
    /// pay for two open sites, or failing that any undecided one.
    fn in_doubt(&self, candidate: &[bool]) -> Option<usize> {
        let mut doubt = vec![0_u32; candidate.len()];
        for (customer, order) in self.order.iter().enumerate() {
            let costs = self.instance.row(customer);
            let helps: Vec<usize> = order
                .iter()
                .map(|s| *s as usize)
                .take_while(|s| costs[*s] < self.duals[customer])
                .filter(|s| candidate[*s])
                .collect();
            if helps.len() > 1 {
                for site in helps {
                    doubt[site] += 1;
                }
            }
        }
        let undecided = || (0..candidate.len()).filter(|s| self.fate[*s] == Fate::Undecided);
        let most = undecided().filter(|s| doubt[*s] > 0).max_by_key(|s| (doubt[*s], std::cmp::Reverse(*s)));
        most.or_else(|| undecided().find(|s| candidate[*s]))
            .or_else(|| undecided().min_by(|a, b| self.slack[*a].total_cmp(&self.slack[*b]).then(a.cmp(b))))
    }

    /// Takes a choice of sites if it is the best so far, without those that nobody needs.
    fn propose(&mut self, mut open: Vec<bool>) {
        let instance = self.instance;
        let cost = |open: &[bool]| -> f64 {
            let opening: f64 =
                open.iter().zip(&instance.opening).filter(|(open, _)| **open).map(|(_, usd)| *usd).sum();
            opening + (0..instance.alone.len()).map(|c| instance.served(c, open).0).sum::<f64>()
        };
        let mut value = cost(&open);
        for site in 0..open.len() {
            if open[site] {
                open[site] = false;
                let without = cost(&open);
                if without <= value {
                    value = without;
                } else {
                    open[site] = true;
                }
            }
        }
        if value < self.best.value {
            self.best.value = value;
            self.best.open = open;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn instances() -> impl Strategy<Value = Instance> {
        (1_usize..6, 0_usize..7).prop_flat_map(|(customers, sites)| {
            let cost = prop_oneof![4 => (0_u32..40).prop_map(f64::from), 1 => Just(f64::INFINITY)];
            (
                prop::collection::vec((0_u32..30).prop_map(f64::from), sites),
                prop::collection::vec(cost.clone(), customers * sites),
                prop::collection::vec(cost, customers),
            )
                .prop_map(|(opening, serving, alone)| Instance { opening, serving, alone })
        })
    }

    /// By every subset of the sites.
    fn enumerated(instance: &Instance) -> f64 {
        let sites = instance.opening.len();
        (0_u32..1 << sites)
            .map(|set| {
                let open: Vec<bool> = (0..sites).map(|s| set >> s & 1 == 1).collect();
                let opening: f64 = (0..sites).filter(|s| open[*s]).map(|s| instance.opening[s]).sum();
                opening + (0..instance.alone.len()).map(|c| instance.served(c, &open).0).sum::<f64>()
            })
            .fold(f64::INFINITY, f64::min)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn agrees_with_every_subset(instance in instances()) {
            let (answer, best) = (solve(&instance, 10_000), enumerated(&instance));
            prop_assert!(answer.value.total_cmp(&best).is_eq() || (answer.value - best).abs() < 1e-6);
            prop_assert!(answer.bound.total_cmp(&best).is_eq() || (answer.bound - best).abs() < 1e-6);
        }

        #[test]
        fn a_bound_of_few_nodes_holds(instance in instances(), nodes in 0_u32..4) {
            let (answer, best) = (solve(&instance, nodes), enumerated(&instance));
            prop_assert!(answer.bound <= best + 1e-6);
            prop_assert!(answer.value >= best - 1e-6);
        }
    }
}
