//! What the plan costs in each scenario, beside the best plan there and the plan for the forecast alone.

use plimsoll_model::{
    Plan, Usd,
    plan::Constraint,
    scenarios::{Aim, Aspect, Beside, Exceeds, Outlook},
};

use crate::render::{
    format::{decimals, percent, usd},
    table::{Align, Table, shorten, wrap},
};

/// Workloads placed otherwise that are named; the JSON has all.
const NAMED: usize = 4;

pub(super) fn lines(plan: &Plan, width: usize) -> Vec<String> {
    let Some(outlook) = &plan.scenarios else { return Vec::new() };
    let mut lines = table(outlook, plan.objective.total_usd);
    let sentences = sentences(outlook).into_iter().chain(broken(outlook));
    lines.extend(sentences.flat_map(|sentence| wrap("  - ", &sentence, width)));
    lines
}

fn table(outlook: &Outlook, total: Usd) -> Vec<String> {
    let forecast = of(outlook, Aspect::Forecast);
    let mut table = Table::new(&[
        ("SCENARIO", Align::Left),
        ("WEIGHT", Align::Right),
        ("THIS PLAN", Align::Right),
        ("BEST THERE", Align::Right),
        ("REGRET", Align::Right),
        ("FORECAST'S PLAN", Align::Right),
        ("ITS REGRET", Align::Right),
    ]);
    for one in &outlook.scenarios {
        let theirs = forecast.and_then(|forecast| forecast.usd.get(&one.name).copied());
        table.row([
            shorten(&one.name, 30),
            percent(one.weight),
            usd(one.usd),
            usd(one.best_usd),
            usd(one.regret_usd),
            theirs.map(usd).unwrap_or_default(),
            theirs.map(|theirs| usd(theirs - one.best_usd)).unwrap_or_default(),
        ]);
    }
    let column = |figure: fn(&Beside) -> Usd| forecast.map(figure).map(usd).unwrap_or_default();
    let best: f64 = outlook.scenarios.iter().map(|one| one.weight * one.best_usd.to_f64()).sum();
    table.row([
        "on average".to_owned(),
        String::new(),
        usd(outlook.expected_usd),
        Usd::from_f64((best * 1e6).round() / 1e6).map(usd).unwrap_or_default(),
        String::new(),
        column(|forecast| forecast.expected_usd),
        String::new(),
    ]);
    table.row([
        "at most".to_owned(),
        String::new(),
        String::new(),
        String::new(),
        usd(outlook.max_regret_usd),
        String::new(),
        column(|forecast| forecast.max_regret_usd),
    ]);
    table.row([
        "as forecast".to_owned(),
        String::new(),
        usd(total),
        column(|forecast| forecast.forecast_usd),
        String::new(),
        column(|forecast| forecast.forecast_usd),
        String::new(),
    ]);
    table.lines()
}

fn of(outlook: &Outlook, aspect: Aspect) -> Option<&Beside> {
    outlook.beside.iter().find(|beside| beside.of == aspect)
}

/// What the difference to the other plans is and costs.
fn sentences(outlook: &Outlook) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(forecast) = of(outlook, Aspect::Forecast) {
        sentences.push(if forecast.differs.is_empty() {
            "the plan for the forecast alone is the same".to_owned()
        } else {
            let average = saves(forecast.expected_usd, outlook.expected_usd, "on average");
            let regret = saves(forecast.max_regret_usd, outlook.max_regret_usd, "of the largest regret");
            format!("beside the plan for the forecast alone it {average} and {regret}; {}", other(forecast))
        });
    }
    if outlook.aim == Aim::Regret
        && let Some(average) = of(outlook, Aspect::Average).filter(|average| !average.differs.is_empty())
    {
        let costs = saves(average.expected_usd, outlook.expected_usd, "on average");
        let regret = saves(average.max_regret_usd, outlook.max_regret_usd, "of the largest regret");
        sentences.push(format!("beside the cheapest plan on average it {costs} and {regret}"));
    }
    sentences
}

/// What a plan saves or costs beside another.
fn saves(other: Usd, own: Usd, of: &str) -> String {
    match other - own {
        saved if saved.is_zero() => format!("saves nothing {of}"),
        saved if saved > Usd::ZERO => format!("saves {} {of}", usd(saved)),
        saved => format!("costs {} {of}", usd(Usd::ZERO - saved)).replace("of the", "more in the"),
    }
}

/// Which workloads another plan places otherwise.
fn other(beside: &Beside) -> String {
    let named: Vec<String> = beside
        .differs
        .iter()
        .take(NAMED)
        .map(|differs| {
            let there = differs.offer.as_ref().map_or("left out".to_owned(), |offer| format!("on {offer}"));
            format!("{} {there}", shorten(&differs.workload, 40))
        })
        .collect();
    let more = match beside.differs.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("that plan has {}{more}", named.join(", "))
}

/// The limits that would be broken.
fn broken(outlook: &Outlook) -> Vec<String> {
    let figure = |one: &Exceeds| match (&*one.unit, Usd::from_f64((one.by * 1e6).round() / 1e6)) {
        ("usd", Ok(by)) => usd(by),
        (unit, _) => format!("{} {unit}", decimals(one.by, 3)),
    };
    let what = |one: &Exceeds| match one.constraint {
        Constraint::Budget => format!("the budget of {}", one.name),
        Constraint::CarbonBudget => format!("the carbon budget of {}", one.name),
        _ => format!("the most that {} may cost", one.name),
    };
    let scenarios = outlook.scenarios.iter();
    scenarios
        .flat_map(|scenario| {
            scenario.exceeds.iter().map(|one| {
                format!("in {} it would exceed {} by {}", shorten(&scenario.name, 30), what(one), figure(one))
            })
        })
        .collect()
}
