//! Karpenter's node overlays: prices as the platform team sees them.
//!
//! Karpenter lets the overlay of greatest weight that matches (of equals the last by name) set the price,
//! from the provider's price. Rules of an estate each work on the result of the one before; so the offers
//! of stronger overlays are taken out of weaker ones, and every offer meets at most one rule.

use plimsoll_catalog::regions;
use plimsoll_model::{
    Diagnostic, Match, OneOf, Ratio, Usd,
    estate::{EstateSpec, PriceRule},
    quantity::decimal::{SCALE, parse_pico},
    read::View,
};

use super::{
    karpenter::{Pool, overlap},
    note,
    object::Object,
    selection::{CLASSES, select},
};
use crate::{
    Translation,
    labels::{machine::machines, requirement::Requirement},
};

struct Overlay<'r, 'a> {
    object: &'r Object<'a>,
    weight: i64,
}

/// Translates the overlays.
pub(super) fn translate(
    objects: &[Object<'_>],
    pools: &[Pool],
    estate: Option<&EstateSpec>,
    out: &mut Translation,
) {
    let of_kind = |object: &&Object<'_>| object.group == "karpenter.sh" && object.kind == "NodeOverlay";
    let weight = |object: &Object<'_>| object.at(&["spec", "weight"]).and_then(|view| view.integer());
    let mut overlays: Vec<Overlay<'_, '_>> = objects
        .iter()
        .filter(of_kind)
        .map(|object| Overlay { object, weight: weight(object).unwrap_or(0) })
        .collect();
    overlays.sort_by(|a, b| (b.weight, b.object.name).cmp(&(a.weight, a.object.name)));
    let mut taken: Vec<Match> = Vec::new();
    for Overlay { object, .. } in overlays {
        if object.at(&["spec", "capacity"]).is_some() {
            let value = "not offered: devices beyond those of the instance types";
            note(out, format!("capacity of {}", object.title()), value, "its `capacity`");
        }
        let price = match price(object) {
            Ok(Some(price)) => price,
            Ok(None) => continue,
            Err(problem) => {
                out.problems.push(*problem);
                continue;
            }
        };
        let Some(all) = matches(object, pools, estate, out) else { continue };
        let mut pieces = all.clone();
        for stronger in &taken {
            pieces = pieces.iter().flat_map(|piece| without(piece, stronger, estate)).collect();
        }
        taken.extend(all);
        out.estate.prices.extend(pieces.into_iter().map(|matches| PriceRule { matches, ..price.clone() }));
    }
}

/// What an overlay does to a price; `None` when nothing.
fn price(object: &Object<'_>) -> Result<Option<PriceRule>, Box<Diagnostic>> {
    let price = object.at(&["spec", "price"]);
    let adjustment = object.at(&["spec", "priceAdjustment"]);
    let mut rule = PriceRule::default();
    match (price, adjustment) {
        (Some(_), Some(second)) => {
            let problem =
                second.problem("has both `price` and `priceAdjustment`: an overlay does one of them");
            return Err(Box::new(problem.with_help("Karpenter refuses it too; remove one")));
        }
        (Some(price), None) => rule.hourly = Some(dollars(&price)?),
        (None, Some(change)) => adjust(&change, &mut rule)?,
        (None, None) => return Ok(None),
    }
    Ok(Some(rule))
}

fn dollars(view: &View<'_>) -> Result<Usd, Box<Diagnostic>> {
    let price = view.text().and_then(|text| parse_pico(text).ok()).filter(|price| *price >= 0);
    price.map(Usd::from_pico).ok_or_else(|| {
        Box::new(view.problem("expected dollars an hour").with_help("write it as `price: \"5.12\"`"))
    })
}

/// `+10%`, `-15%`, `-0.5`.
fn adjust(view: &View<'_>, rule: &mut PriceRule) -> Result<(), Box<Diagnostic>> {
    let wrong = || {
        let problem = view.problem("expected a change of the price with its sign");
        Box::new(problem.with_help("write `+10%`, `-15%`, `+1.2` or `-0.5`, in quotes"))
    };
    let text = view.text().ok_or_else(wrong)?;
    let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        // A number without quotes has lost its plus.
        _ if view.integer().is_some() || !text.contains('%') => (1, text),
        _ => return Err(wrong()),
    };
    let figure = |text: &str| parse_pico(text).ok().filter(|figure| *figure >= 0).ok_or_else(wrong);
    match rest.strip_suffix('%') {
        Some(percent) => {
            let factor = SCALE + sign * figure(percent)? / 100;
            if factor < 0 {
                return Err(wrong());
            }
            rule.multiply = Some(Ratio::from_pico(factor));
        }
        None => rule.add = Some(Usd::from_pico(sign * figure(rest)?)),
    }
    Ok(())
}

/// The offers that an overlay is about: one match, or one for each pool that it names.
fn matches(
    object: &Object<'_>,
    pools: &[Pool],
    estate: Option<&EstateSpec>,
    out: &mut Translation,
) -> Option<Vec<Match>> {
    let before = out.problems.len();
    let all = Requirement::list(object.at(&["spec", "requirements"]), &mut out.problems);
    if out.problems.len() > before {
        return None;
    }
    let names_pool =
        |one: &Requirement<'_>| pools.iter().any(|pool| pool.labels.iter().any(|(key, _)| *key == one.key));
    let (of_pools, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(names_pool);
    let selection = match select(None, &rest, estate) {
        Ok(selection) => selection,
        Err(none) => {
            let message = format!("no instance type of the catalogue meets `{}`", none.words());
            out.problems.push(none.at.problem(message).with_help("`plimsoll offers` lists what there is"));
            return None;
        }
    };
    for (what, why) in &selection.notes {
        note(out, format!("requirement of {}: {what}", object.title()), *why, "its requirements");
    }
    let mut own = selection.matches;
    own.capacity.get_or_insert_with(|| CLASSES.to_vec().into());
    if of_pools.is_empty() {
        return Some(vec![own]);
    }
    let meets = |pool: &&Pool| {
        of_pools.iter().all(|one| {
            let label: Vec<String> = pool
                .labels
                .iter()
                .filter(|(key, _)| *key == one.key)
                .map(|(_, value)| value.clone())
                .collect();
            one.admits(&label)
        })
    };
    let found: Vec<Match> = pools.iter().filter(meets).filter_map(|pool| both(&own, &pool.matches)).collect();
    note(
        out,
        format!("pools of {}", object.title()),
        "every offer that such a pool allows, also for other pools",
        "an offer does not say which pool launches it",
    );
    Some(found)
}

/// What is of both; `None` when nothing is.
pub(super) fn both(a: &Match, b: &Match) -> Option<Match> {
    /// Whether the values of a field leave none in common; else keeps those in `a`.
    fn apart<T: PartialEq + Clone>(a: &mut Option<OneOf<T>>, b: Option<&OneOf<T>>) -> bool {
        let Some(b) = b else { return false };
        let common: Vec<T> = match a {
            Some(a) => a.values().iter().filter(|value| b.has(*value)).cloned().collect(),
            None => b.values().to_vec(),
        };
        let is_apart = common.is_empty();
        *a = Some(common.into());
        is_apart
    }
    let mut both = a.clone();
    let is_apart = apart(&mut both.cloud, b.cloud.as_ref())
        || apart(&mut both.region, b.region.as_ref())
        || apart(&mut both.zone, b.zone.as_ref())
        || apart(&mut both.accelerator, b.accelerator.as_ref())
        || apart(&mut both.capacity, b.capacity.as_ref())
        || apart(&mut both.instance_type, b.instance_type.as_ref())
        || apart(&mut both.offer, b.offer.as_ref());
    (!is_apart).then_some(both)
}

/// What is of one and not of the other, as matches that do not overlap.
fn without(one: &Match, other: &Match, estate: Option<&EstateSpec>) -> Vec<Match> {
    if !overlap(one, other) {
        return vec![one.clone()];
    }
    let cloud = one.cloud.as_ref().and_then(|cloud| cloud.values().first()).map(String::as_str);
    let mut rest = one.clone();
    let mut pieces = Vec::new();
    if let (None, Some(wanted)) = (&rest.cloud, &other.cloud) {
        let others: Vec<String> =
            plimsoll_catalog::clouds().map(str::to_owned).filter(|cloud| !wanted.has(cloud)).collect();
        pieces.push(Match { cloud: Some(others.into()), ..rest.clone() });
        rest.cloud = Some(wanted.clone());
    }
    let cloud = cloud.or_else(|| other.cloud.as_ref()?.values().first().map(String::as_str));
    // Type by type, region by region, class by class: outside of the other in this one, inside in those before.
    if let Some(wanted) = &other.instance_type {
        let all = rest.instance_type.clone().unwrap_or_else(|| {
            machines(cloud, estate).into_iter().map(|machine| machine.name).collect::<Vec<_>>().into()
        });
        let (inside, outside) = parted(&all, wanted);
        pieces.extend(outside.map(|types| Match { instance_type: Some(types), ..rest.clone() }));
        rest.instance_type = inside;
    }
    if let Some(wanted) = &other.region {
        let all = rest.region.clone().unwrap_or_else(|| {
            let of_cloud = regions().iter().filter(|region| cloud.is_none_or(|cloud| cloud == region.cloud));
            of_cloud.map(|region| format!("{}/{}", region.cloud, region.name)).collect::<Vec<_>>().into()
        });
        let (inside, outside) = parted(&all, wanted);
        pieces.extend(outside.map(|regions| Match { region: Some(regions), ..rest.clone() }));
        rest.region = inside;
    }
    if let Some(wanted) = &other.capacity {
        let all = rest.capacity.clone().unwrap_or_else(|| CLASSES.to_vec().into());
        let (_, outside) = parted(&all, wanted);
        pieces.extend(outside.map(|classes| Match { capacity: Some(classes), ..rest.clone() }));
    }
    pieces
}

type Part<T> = Option<OneOf<T>>;

/// Those that are among others, and those that are not; absent when there are none.
fn parted<T: PartialEq + Clone>(all: &OneOf<T>, wanted: &OneOf<T>) -> (Part<T>, Part<T>) {
    let (inside, outside): (Vec<T>, Vec<T>) =
        all.values().iter().cloned().partition(|value| wanted.has(value));
    let some = |list: Vec<T>| (!list.is_empty()).then(|| list.into());
    (some(inside), some(outside))
}

#[cfg(test)]
mod tests {
    use plimsoll_model::Capacity;
    use proptest::{prelude::*, sample::subsequence};

    use super::*;

    const TYPES: [&str; 3] = ["p5.48xlarge", "g5.xlarge", "c6i.large"];
    const REGIONS: [&str; 3] = ["aws/us-east-1", "aws/us-west-2", "aws/eu-west-1"];

    fn some<T: Clone + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = Part<T>> {
        prop::option::of(subsequence(all.to_vec(), 1..=all.len()).prop_map(OneOf::from))
    }

    fn matches() -> impl Strategy<Value = Match> {
        let text = |list: Part<&'static str>| {
            list.map(|list| list.values().iter().map(|text| (*text).to_owned()).collect::<Vec<_>>().into())
        };
        (some(&TYPES), some(&REGIONS), some(&CLASSES)).prop_map(move |(types, regions, capacity)| Match {
            cloud: Some("aws".into()),
            instance_type: text(types),
            region: text(regions),
            capacity,
            ..Match::default()
        })
    }

    /// Whether an offer is of a match.
    fn holds(of: &Match, (kind, region, class): (&str, &str, Capacity)) -> bool {
        of.instance_type.as_ref().is_none_or(|list| list.has(kind))
            && of.region.as_ref().is_none_or(|list| list.has(region))
            && of.capacity.as_ref().is_none_or(|list| list.has(&class))
    }

    proptest! {
        /// An offer is in exactly one piece when it is of the one and not of the other, else in none; and it
        /// is in what is of both when it is of each.
        #[test]
        fn pieces_are_what_is_left(one in matches(), other in matches()) {
            let pieces = without(&one, &other, None);
            let common = both(&one, &other);
            for kind in TYPES {
                for region in REGIONS {
                    for class in CLASSES {
                        let offer = (kind, region, class);
                        let (a, b) = (holds(&one, offer), holds(&other, offer));
                        let count = pieces.iter().filter(|piece| holds(piece, offer)).count();
                        prop_assert_eq!(count, usize::from(a && !b), "{:?}", offer);
                        prop_assert_eq!(common.as_ref().is_some_and(|of| holds(of, offer)), a && b);
                    }
                }
            }
        }
    }
}
