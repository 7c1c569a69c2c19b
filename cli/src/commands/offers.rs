//! `plimsoll offers`: what can be rented, at what price, and how old that price is.

use std::{collections::BTreeMap, path::PathBuf};

use clap::{Args, ValueEnum};
use plimsoll_catalog as catalog;
use plimsoll_model::{AcceleratorKind, Capacity, Time, yaml, yaml::nearest};
use plimsoll_planner::{
    Settings,
    build::Rules,
    world::{AcceleratorIx, LocationIx, Offer, OfferIx, World},
};
use serde::Serializer as _;

use crate::{
    args::{Common, Format, time},
    examples,
    exit::Exit,
    failure::Failure,
    input, output, render,
};

/// List what can be rented, with the source and the date of each price
///
/// Without `-e` these are the offers of the embedded catalogue; with it those of the estate, its own
/// nodes, its price rules and what it allows included. Ages are counted at `--now`, by default the estate's time, else the
/// date of the newest price, so that the same command prints the same table every day.
#[derive(Debug, Args)]
#[command(after_help = examples::OFFERS)]
pub(crate) struct OffersArgs {
    /// Only with this accelerator, by name or alias
    #[arg(short, long, value_name = "NAME")]
    accelerator: Option<String>,
    /// Only with this kind of accelerator; cpu: without any
    #[arg(short, long, value_enum)]
    kind: Option<Kind>,
    /// Only of this cloud
    #[arg(long, value_name = "NAME")]
    cloud: Option<String>,
    /// Only in this place: a region, `cloud/region`, zone, site, country, EU, EEA or continent
    #[arg(short, long, value_name = "PLACE")]
    region: Option<String>,
    /// Only of this capacity class
    #[arg(long, value_enum, value_name = "CLASS")]
    capacity: Option<Class>,
    /// Only this machine type
    #[arg(long, value_name = "NAME")]
    instance_type: Option<String>,
    /// By price (of one accelerator, else of the machine), by name, or by date, newest first
    #[arg(short, long, value_enum)]
    sort: Option<Sort>,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// The estate whose offers to list
    #[arg(short, long, value_name = "FILE")]
    estate: Option<PathBuf>,
    /// When ages are counted [default: the estate's time, else the newest price's date]
    #[arg(long, value_name = "MOMENT", value_parser = time)]
    now: Option<Time>,
    /// List the names of accelerators instead, with their aliases
    #[arg(long, conflicts_with_all = ["cloud", "region", "capacity", "instance_type", "sort", "limit", "estate", "now"])]
    aliases: bool,
    /// The form of the list
    #[arg(short, long, value_enum, value_name = "FORM", default_value_t, help_heading = "Output")]
    output: Format,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Gpu,
    Tpu,
    Npu,
    Fpga,
    Cpu,
}

impl Kind {
    const fn accelerator(self) -> Option<AcceleratorKind> {
        match self {
            Self::Gpu => Some(AcceleratorKind::Gpu),
            Self::Tpu => Some(AcceleratorKind::Tpu),
            Self::Npu => Some(AcceleratorKind::Npu),
            Self::Fpga => Some(AcceleratorKind::Fpga),
            Self::Cpu => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Class {
    Spot,
    OnDemand,
    Reserved,
    OnPrem,
}

impl From<Class> for Capacity {
    fn from(class: Class) -> Self {
        match class {
            Class::Spot => Self::Spot,
            Class::OnDemand => Self::OnDemand,
            Class::Reserved => Self::Reserved,
            Class::OnPrem => Self::OnPrem,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sort {
    Price,
    Name,
    Date,
}

/// A price list as old as this is warned about.
const STALE_DAYS: i64 = 90;

pub(crate) fn run(args: &OffersArgs) -> Result<Exit, Failure> {
    if args.aliases {
        return aliases(args);
    }
    let inputs = match &args.estate {
        Some(path) => input::estate(path)?,
        None => input::embedded(),
    };
    let now = args.now.unwrap_or_else(|| Settings::of(&inputs).now);
    let world = World::new(&inputs, now)?;
    let offers = chosen(args, &world)?;
    match args.output {
        Format::Table => output::write(&args.common, &mut |out| render::offers(&offers, now, out)),
        Format::Json => output::write(&args.common, &mut |out| {
            serde_json::Serializer::pretty(&mut *out)
                .collect_seq(offers.iter().map(|offer| offer.to_spec()))?;
            out.write_all(b"\n")
        }),
        Format::Yaml => {
            let specs: Vec<_> = offers.iter().map(|offer| offer.to_spec()).collect();
            output::text(&args.common, &yaml::to_string(&specs)?)
        }
    }?;
    if !args.common.quiet {
        output::to_stderr(&stale(&offers, now), args.common.color.choice());
    }
    Ok(Exit::Done)
}

/// The offers that pass every filter, in the order asked for.
fn chosen<'w>(args: &OffersArgs, world: &'w World<'_>) -> Result<Vec<&'w Offer>, Failure> {
    let accelerator = args.accelerator.as_deref().map(|name| accelerator(name, world)).transpose()?;
    let same = |wanted: &Option<String>, has: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| has.is_some_and(|has| has.eq_ignore_ascii_case(wanted)))
    };
    let among: Option<Vec<bool>> = args.region.as_ref().map(|name| {
        let name = std::slice::from_ref(name);
        (0..world.places.locations()).map(|ix| world.places.among(name, LocationIx(ix as u32))).collect()
    });
    if let Some(name) = &args.region {
        let found = catalog::is_jurisdiction(name) || among.iter().flatten().any(|inside| *inside);
        known(name, "place", found, places(world).iter().map(String::as_str))?;
    }
    if let Some(name) = &args.cloud {
        let has = |offer: &Offer| same(&args.cloud, offer.cloud.as_deref());
        let clouds = world.offers.iter().filter_map(|offer| offer.cloud.as_deref());
        known(name, "cloud", world.offers.iter().any(has), clouds)?;
    }
    if let Some(name) = &args.instance_type {
        let has = |offer: &Offer| same(&args.instance_type, offer.instance_type.as_deref());
        let types = world.offers.iter().filter_map(|offer| offer.instance_type.as_deref());
        known(name, "machine type", world.offers.iter().any(has), types)?;
    }
    let capacity = args.capacity.map(Capacity::from);
    let passes = |offer: &&Offer| {
        capacity.is_none_or(|class| class == offer.capacity)
            && args.kind.is_none_or(|kind| kind.accelerator() == offer.kind)
            && accelerator.is_none_or(|accelerator| accelerator == offer.accelerator)
            && same(&args.cloud, offer.cloud.as_deref())
            && same(&args.instance_type, offer.instance_type.as_deref())
            && among.as_ref().is_none_or(|among| among[offer.location.0 as usize])
    };
    let rules = Rules::of(world);
    let offered = (0..).map(OfferIx).zip(&world.offers).filter(|(ix, _)| rules.is_offered(*ix));
    let mut offers: Vec<&Offer> = offered.map(|(_, offer)| offer).filter(passes).collect();
    match args.sort {
        None => {}
        Some(Sort::Price) => offers.sort_by_cached_key(|offer| (unit_price(offer), offer.name())),
        Some(Sort::Name) => offers.sort_by_cached_key(|offer| offer.name()),
        Some(Sort::Date) => {
            offers.sort_by_cached_key(|offer| (std::cmp::Reverse(offer.as_of.as_deref()), offer.name()));
        }
    }
    offers.truncate(args.limit.unwrap_or(usize::MAX));
    Ok(offers)
}

/// What an hour of one accelerator costs, or of a machine without any, in 10^-12 dollars.
fn unit_price(offer: &Offer) -> i128 {
    match i128::from(offer.accelerators) {
        0 => offer.hourly.pico(),
        milli => offer.hourly.pico() * 1000 / milli,
    }
}

type Wanted = Option<AcceleratorIx>;

/// The accelerator of a name: `None` for one that is known and that no offer has.
fn accelerator(name: &str, world: &World<'_>) -> Result<Wanted, Failure> {
    match world.known_accelerator(name) {
        Some(ix) => Ok(Some(ix)),
        // No offer has the index after the last.
        None if catalog::accelerator(name).is_some() => Ok(Some(AcceleratorIx(u16::MAX))),
        None => {
            let names = catalog::accelerators().iter().map(|a| a.name);
            let aliases = catalog::aliases().map(|(alias, _)| alias);
            let own = world.accelerators.iter().map(String::as_str);
            let failure = known(name, "accelerator", false, names.chain(own).chain(aliases));
            failure.map(|()| None)
        }
    }
}

/// What can stand in `--region`, but for countries and continents.
fn places(world: &World<'_>) -> Vec<String> {
    let all = (0..world.places.locations()).map(|ix| LocationIx(ix as u32));
    all.flat_map(|ix| [world.places.label(ix), world.places.location(ix).region.clone()]).collect()
}

/// Complains of a name that is not known.
fn known<'a>(
    name: &str,
    what: &str,
    found: bool,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), Failure> {
    if found {
        return Ok(());
    }
    let failure = Failure::usage(format!("there is no {what} `{name}`"));
    Err(match nearest(name, names) {
        Some(near) => failure.with_help(format!("did you mean `{near}`?")),
        None if what == "accelerator" => {
            failure.with_help("`plimsoll offers --aliases` lists the names that are known")
        }
        None => failure.with_help(format!("the table of `plimsoll offers` has each {what} that there is")),
    })
}

/// A warning about the price lists that are old.
fn stale(offers: &[&Offer], now: Time) -> String {
    let mut newest: BTreeMap<&str, &str> = BTreeMap::new();
    for offer in offers {
        if let (Some(source), Some(day)) = (&offer.source, &offer.as_of) {
            let latest = newest.entry(source).or_insert(day);
            *latest = (*latest).max(day);
        }
    }
    render::stale(newest.into_iter().filter_map(|(source, day)| {
        render::days(day, now).filter(|age| *age > STALE_DAYS).map(|age| (source, day, age))
    }))
}

fn aliases(args: &OffersArgs) -> Result<Exit, Failure> {
    let wanted = args.accelerator.as_deref().map(|name| {
        let names = catalog::accelerators().iter().map(|a| a.name);
        let aliases = catalog::aliases().map(|(alias, _)| alias);
        let found = catalog::accelerator(name);
        known(name, "accelerator", found.is_some(), names.chain(aliases)).map(|()| found.map(|a| a.name))
    });
    let wanted = wanted.transpose()?.flatten();
    let names: Vec<render::AcceleratorNames> = catalog::accelerators()
        .iter()
        .filter(|a| wanted.is_none_or(|wanted| wanted == a.name))
        .filter(|a| {
            args.kind
                .is_none_or(|kind| kind.accelerator().map(AcceleratorKind::as_str) == Some(a.kind.name()))
        })
        .map(render::AcceleratorNames::of)
        .collect();
    let text = match args.output {
        Format::Table => render::aliases(&names, crate::screen::width()),
        Format::Json => serde_json::to_string_pretty(&names)? + "\n",
        Format::Yaml => yaml::to_string(&names)?,
    };
    output::text(&args.common, &text).map(|()| Exit::Done)
}
