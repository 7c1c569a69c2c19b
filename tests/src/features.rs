//! What an instance can have: one variant for each feature of the contract, and how it is drawn.

mod corners;
mod data;
mod draw;
mod limits;
mod machines;
mod prices;
mod requests;
mod services;
mod time;

pub(crate) use self::draw::base;
use crate::{dice::Dice, instances::Instance};

macro_rules! features {
    ($($(#[$doc:meta])* $name:ident => $apply:path,)*) => {
        /// A feature of the contract that an instance can have. They are drawn in this order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Feature { $($(#[$doc])* $name,)* }

        impl Feature {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            pub(crate) fn apply(self, made: &mut Instance, dice: &mut Dice) {
                match self { $(Self::$name => $apply(made, dice),)* }
            }
        }
    };
}

features! {
    /// Own nodes of a site.
    OwnNodes => machines::own_nodes,
    /// Fractions of accelerators on own nodes.
    Fractions => machines::fractions,
    /// A site that lies in a region.
    SiteRegion => machines::site_region,
    /// A site with a region near it.
    Near => machines::near,
    /// A site that states the price of electricity.
    Electricity => machines::electricity,
    /// Two groups of nodes, loads of cores and memory.
    Shares => machines::shares,
    /// Kinds, memory, names in another case.
    Accelerators => machines::accelerators,
    /// Several replicas, several on an instance.
    Replicas => requests::replicas,
    /// Speed by accelerator, type, cpu.
    Speeds => requests::speeds,
    /// Spot, interruptions, checkpoints.
    Spot => prices::spot,
    /// Services, which run for the horizon.
    Services => services::services,
    /// A price of latency.
    LatencyPrice => services::latency_price,
    /// A bound on latency.
    LatencyBound => services::latency_bound,
    /// Datasets that several read, with several copies.
    Data => data::data,
    /// Bare regions, offers of no cloud, zones in rows.
    Bare => data::bare,
    /// Requests for nothing but a machine type.
    TypeOnly => requests::type_only,
    /// A second site, in the same region as the first.
    SecondSite => machines::second_site,
    /// Countries that workloads or data must stay in.
    Residency => data::residency,
    /// Data sent on.
    Outputs => data::outputs,
    /// Workloads that read others' results.
    Workflow => data::workflow,
    /// Egress rows of every sort.
    EgressRows => data::egress_rows,
    /// Egress by cloud, in tiers.
    EgressCloud => data::egress_cloud,
    /// Throughput rows.
    Throughput => data::throughput,
    /// Not before.
    Earliest => time::earliest,
    /// Deadlines on a grid.
    Deferral => time::deferral,
    /// Runs in pieces.
    Pausing => time::pausing,
    /// A price of delay.
    DelayPrice => time::delay_price,
    /// Carbon intensities over time, with a price.
    Carbon => prices::carbon,
    /// Discounts and private prices.
    PriceRules => prices::price_rules,
    /// Regions, clouds, zones, places forbidden.
    Filters => requests::filters,
    /// Capacity classes.
    Capacities => requests::capacities,
    /// How many instances can be had.
    Counts => limits::counts,
    /// Quotas of accelerators.
    Quotas => limits::quotas,
    /// Quotas of instances, also on own nodes.
    InstanceQuotas => limits::instance_quotas,
    /// Quotas of cores and memory, of what is asked for, of teams.
    ShareQuotas => limits::share_quotas,
    /// Which offers may be used, by all and by teams.
    Only => limits::only,
    /// Sunk reservations, several, for a time.
    Reservations => prices::reservations,
    /// Budgets of teams.
    Budgets => limits::budgets,
    /// The budget of the plan.
    PlanBudget => limits::plan_budget,
    /// Carbon budgets of teams.
    CarbonBudgets => limits::carbon_budgets,
    /// A bound on the hourly price.
    MaxHourly => limits::max_hourly,
    /// A bound on the cost.
    MaxCost => limits::max_cost,
    /// What runs now, what leaving it costs.
    Moves => prices::moves,
    /// Workloads that may be left out.
    Optional => limits::optional,
    /// More than fits, with priorities.
    Overload => limits::overload,
    /// Equal offers and equal workloads.
    Ties => corners::ties,
    /// Other ways to run a workload, so many replicas on an instance.
    Alternatives => requests::alternatives,
    /// Ways to run a workload in order of preference.
    Ordered => requests::ordered,
    /// Workloads that are kept in one region, cloud or zone.
    Together => requests::together,
    /// Prices of 0, budgets of 0, deadlines that are past, data read twice.
    Zeros => corners::zeros,
    /// Figures that nothing needs and nothing states.
    Missing => corners::missing,
    /// Machines and workloads of either instruction set, stated or not.
    Architectures => machines::architectures,
}
