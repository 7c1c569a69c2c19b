//! `plimsoll plan`: where each workload runs, and what it costs.

mod cluster;
mod front;
mod manifests;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indexmap::IndexMap;
use plimsoll_model::{Duration, Inputs, Plan, Ratio, Time, Usd, plan::Status, scenarios::Aim, yaml};
use plimsoll_planner::{Objective, Settings, explain};
use plimsoll_solver::Phase;

use crate::{
    args::{Axes, Common, Files, axes, dollars, duration, part, time},
    clock, examples,
    exit::Exit,
    failure::Failure,
    input, output,
    progress::Progress,
    render, screen,
};

/// Place the workloads in the files, and print the plan
#[derive(Debug, Args)]
#[command(after_help = examples::PLAN)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    packing: Packing,
    #[command(flatten)]
    aims: Aims,
    #[command(flatten)]
    search: Search,
    /// The form of the plan
    #[arg(short, long, value_enum, value_name = "FORM", default_value_t, help_heading = "Output")]
    output: Form,
    #[command(flatten)]
    common: Common,
}

/// One cluster instead of an estate.
#[derive(Debug, Args)]
#[command(next_help_heading = "Packing one cluster")]
struct Packing {
    /// Pack pods onto these nodes: a dump (`kubectl get nodes,pods -A -o yaml`), Nodes, or a table of
    /// openb's; the files are manifests, dumps or tables of pods
    #[arg(long, value_name = "NODES", conflicts_with_all = cluster::NOT_ITS)]
    cluster: Option<PathBuf>,
    /// Let at most so many running pods move
    #[arg(long, value_name = "N", requires = "cluster", default_value_t = 0)]
    moves: u32,
    /// Classes of capacity of which nodes may be added for pods that find no room; spot nodes are for pods that may
    /// be interrupted; none: do not look for any
    #[arg(long, value_name = "CLASS", value_enum, value_delimiter = ',', requires = "cluster", default_values_t = [cluster::Add::OnDemand, cluster::Add::OnPrem])]
    add: Vec<cluster::Add>,
}

/// What a good plan is.
#[derive(Debug, Args)]
#[command(next_help_heading = "What a good plan is")]
struct Aims {
    /// Dollars a tonne of CO2e [default: 0]
    #[arg(long, value_name = "USD", value_parser = dollars, allow_negative_numbers = true)]
    carbon_price: Option<Usd>,
    /// Dollars a workload-hour until done [default: 0]
    #[arg(long, value_name = "USD", value_parser = dollars, allow_negative_numbers = true)]
    delay_price: Option<Usd>,
    /// A preset of the two prices: carbon = $10,000 a tonne, time = $1,000 an hour
    #[arg(long, value_enum, default_value_t)]
    objective: Preset,
    /// A front instead of one plan: from the cheapest to the cleanest (cost,carbon) or the soonest
    /// (cost,time), or between all three; it searches over the prices itself
    #[arg(long, value_name = "AXES", value_parser = axes, conflicts_with_all = ["carbon_price", "delay_price", "objective"])]
    pareto: Option<Axes>,
    /// Points of the front at most; the widest gaps are filled first
    #[arg(long, value_name = "N", default_value_t = plimsoll_planner::front::DEFAULT_POINTS as u16, value_parser = clap::value_parser!(u16).range(2..=64), requires = "pareto")]
    points: u16,
    /// One plan for all of the estate's scenarios: the best on average, or the one that in no scenario costs
    /// much more than the best plan for it
    #[arg(long, value_enum, value_name = "AIM", conflicts_with = "pareto")]
    scenarios: Option<Over>,
    /// Dollars that the whole plan may spend
    #[arg(long, value_name = "USD", value_parser = dollars, allow_negative_numbers = true)]
    budget: Option<Usd>,
    /// How long services run [default: the estate's horizon, else 24h]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    horizon: Option<Duration>,
    /// The planning moment [default: the estate's time, else the newest price's date]
    #[arg(long, value_name = "MOMENT", value_parser = time)]
    now: Option<Time>,
    /// A plan in force: its workloads run there now, and the changes are shown
    #[arg(long, value_name = "PLAN")]
    previous: Option<PathBuf>,
    /// End with exit code 3 when the plan in force is to be changed: something to add, move, change or remove
    #[arg(long, alias = "detailed-exitcode", requires = "previous", conflicts_with = "pareto")]
    exit_code: bool,
}

/// The form of a plan or a front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Form {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
    /// The same as JSON, as YAML
    Yaml,
    /// A page for a browser, whole in one file
    Html,
    /// The input manifests with the placements written in
    Manifests,
}

/// How hard to search.
#[derive(Debug, Args)]
#[command(next_help_heading = "How hard to search")]
struct Search {
    /// Stop when the plan is provably this close to the best, such as 1% or 0.01 [default: 0]
    #[arg(long, value_name = "PART", value_parser = part, allow_negative_numbers = true)]
    gap: Option<Ratio>,
    /// Stop after so much work, the same on every machine
    #[arg(long, value_name = "UNITS", default_value_t = plimsoll_solver::outcome::DEFAULT_EFFORT)]
    effort: u64,
    /// Stop after so much time; the plan may then differ from run to run, and says so
    #[arg(long, value_name = "TIME", value_parser = duration)]
    time_limit: Option<Duration>,
    /// Search without HiGHS
    #[arg(long)]
    no_lp: bool,
    /// Seed of the search's choices
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// What one plan for several scenarios is the best in.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Over {
    /// The cost on average, by the scenarios' weights
    Average,
    /// The largest regret: what it costs more than the best plan of a scenario, where that is most
    Regret,
}

impl Over {
    const fn aim(self) -> Aim {
        match self {
            Self::Average => Aim::Average,
            Self::Regret => Aim::Regret,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Preset {
    /// Money alone
    #[default]
    Cost,
    /// A carbon price of $10,000 a tonne
    Carbon,
    /// A delay price of $1,000 a workload-hour
    Time,
}

pub(crate) fn run(args: &PlanArgs) -> Result<Exit, Failure> {
    if let Some(nodes) = &args.packing.cluster {
        return cluster::run(args, nodes);
    }
    let (inputs, texts) = input::inputs_and_texts(&args.files)?;
    let previous = args.aims.previous.as_deref().map(input::plan).transpose()?;
    let settings = settings(args, &inputs, previous.as_ref());
    let mut progress = Progress::new(&args.common);
    let time_left = Some(clock::search_until(settings.time_limit));
    if let Some(axes) = &args.aims.pareto {
        return front::run(args, &inputs, &settings, axes, time_left, progress);
    }
    let observer = &mut |phase: &Phase| progress.phase(phase);
    let mut plan = match (args.aims.scenarios, &previous) {
        (Some(over), _) => {
            plimsoll_planner::scenarios::plan(&inputs, &settings, over.aim(), time_left, observer)?
        }
        (None, Some(previous)) => {
            plimsoll_planner::plan_again(&inputs, &settings, previous, time_left, observer)?
        }
        (None, None) => plimsoll_planner::plan(&inputs, &settings, time_left, observer)?,
    };
    drop(progress);
    if let Some(previous) = &previous {
        plan.changes = Some(explain::changes(&inputs, &settings, &plan, previous)?);
    }
    let text = match args.output {
        Form::Table => render::plan(&plan, screen::width()),
        Form::Json => serde_json::to_string_pretty(&plan)? + "\n",
        Form::Yaml => yaml::to_string(&plan)?,
        Form::Html => {
            let detail = plimsoll_planner::detail::detail(&inputs, &settings, &plan)?;
            render::page(&render::Report { plan: &plan, detail: &detail, front: None })
        }
        Form::Manifests => {
            let (files, remarks) = plimsoll_planner::manifests::manifests(&texts, &inputs, &plan);
            manifests::write(&args.common, &files, &remarks)?;
            return Ok(exit(args, &plan));
        }
    };
    output::text(&args.common, &text)?;
    Ok(exit(args, &plan))
}

fn exit(args: &PlanArgs, plan: &Plan) -> Exit {
    let differs = args.aims.exit_code && plan.changes.as_ref().is_some_and(|changes| !changes.is_none());
    if differs || plan.status == Status::Infeasible { Exit::Refused } else { Exit::Done }
}

fn settings(args: &PlanArgs, inputs: &Inputs, previous: Option<&Plan>) -> Settings {
    let PlanArgs { aims, search, .. } = args;
    let objective = match aims.objective {
        Preset::Cost => Objective::Cost,
        Preset::Carbon => Objective::Carbon,
        Preset::Time => Objective::Time,
    };
    let defaults = Settings::of(inputs);
    let carbon_price = aims.carbon_price.unwrap_or(objective.carbon_price());
    let delay_price = aims.delay_price.unwrap_or(objective.delay_price());
    Settings {
        carbon_price,
        delay_price,
        objective: objective.in_force(carbon_price, delay_price),
        budget: aims.budget,
        horizon: aims.horizon.unwrap_or(defaults.horizon),
        gap: search.gap.unwrap_or(defaults.gap),
        effort: search.effort,
        time_limit: search.time_limit,
        now: aims.now.unwrap_or(defaults.now),
        seed: search.seed,
        no_lp: search.no_lp,
        previous: previous.map_or_else(IndexMap::new, |plan| {
            let runs = |p: &plimsoll_model::plan::Placement| (p.workload.clone(), p.offer.full_name());
            plan.placements.iter().map(runs).collect()
        }),
    }
}
