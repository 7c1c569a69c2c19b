//! Offers and what names them.

use std::collections::BTreeMap;

use plimsoll_model::{Match, OfferSpec, OneOf, Ratio, Time, estate::Site};

use super::{Scope, name, workload::not_negative};

/// The offers of an estate or a catalogue. `sites` are those whose nodes are offers beside them.
pub(super) fn check_all(scope: &mut Scope<'_>, offers: &[OfferSpec], sites: &[Site]) {
    for (index, offer) in offers.iter().enumerate() {
        check(&mut scope.item(index), offer);
    }
    let mut seen: BTreeMap<String, Option<usize>> = sites
        .iter()
        .flat_map(|site| {
            site.nodes.iter().map(|group| (format!("{}/{}/on-prem", site.name, group.name), None))
        })
        .collect();
    for (index, offer) in offers.iter().enumerate() {
        let name = offer.full_name();
        let help = match seen.get(&name) {
            None => {
                seen.insert(name, Some(index));
                continue;
            }
            Some(None) => "a site's nodes are the offer of this name".to_owned(),
            Some(Some(first)) => format!("the first is at {}", scope.line_of(&format!("[{first}]"))),
        };
        scope
            .item(index)
            .report_help(format!("a second offer `{name}`"), format!("{help}; give this one a `name`"));
    }
}

fn check(scope: &mut Scope<'_>, offer: &OfferSpec) {
    for (field, text) in [
        ("name", offer.name.as_deref()),
        ("cloud", offer.cloud.as_deref()),
        ("region", Some(&*offer.region)),
        ("zone", offer.zone.as_deref()),
        ("instanceType", offer.instance_type.as_deref()),
        ("accelerator", offer.accelerator.as_deref()),
    ] {
        name::maybe(&mut scope.field(field), text);
    }
    accelerators(scope, offer.accelerator.as_deref(), offer.accelerators.map(|count| count.milli() == 0));
    not_negative(&mut scope.field("hourly"), offer.hourly);
    not_negative(&mut scope.field("listHourly"), offer.list_hourly);
    pue(&mut scope.field("pue"), offer.pue);
    as_of(&mut scope.field("asOf"), offer.as_of.as_deref());
}

/// A count of accelerators goes with a name, and a name with some. `none`: the count that is stated is 0.
pub(super) fn accelerators(scope: &mut Scope<'_>, accelerator: Option<&str>, none: Option<bool>) {
    match (accelerator, none) {
        (None, Some(false)) => {
            scope.field("accelerators").report_help("says not which", "name them in `accelerator`");
        }
        (Some(_), Some(true)) => {
            scope
                .field("accelerators")
                .report_help("must not be 0", "leave `accelerator` out for a plain machine");
        }
        _ => {}
    }
}

/// A building uses at least what its machines use.
pub(super) fn pue(scope: &mut Scope<'_>, pue: Option<Ratio>) {
    if pue.is_some_and(|pue| pue < Ratio::from_units(1)) {
        scope.report("must be at least 1");
    }
}

/// The date of a price.
pub(super) fn as_of(scope: &mut Scope<'_>, text: Option<&str>) {
    let Some(text) = text else { return };
    let is_date = text.len() == "2026-08-03".len() && format!("{text}T00:00:00Z").parse::<Time>().is_ok();
    if !is_date && text.parse::<Time>().is_err() {
        scope.report(format!("`{text}` is neither a date (2026-08-03) nor a time with a zone"));
    }
}

/// The fields of a match.
pub(super) fn matches(scope: &mut Scope<'_>, matches: &Match) {
    for (field, texts) in [
        ("cloud", &matches.cloud),
        ("region", &matches.region),
        ("zone", &matches.zone),
        ("accelerator", &matches.accelerator),
        ("instanceType", &matches.instance_type),
        ("offer", &matches.offer),
    ] {
        names(&mut scope.field(field), texts.as_ref());
    }
    any(&mut scope.field("capacity"), matches.capacity.as_ref());
}

/// A name or several.
pub(super) fn names(scope: &mut Scope<'_>, names: Option<&OneOf<String>>) {
    any(scope, names);
    match names.map_or(&[][..], OneOf::values) {
        [one] => name::name(scope, one),
        many => name::list(scope, many),
    }
}

/// A list of which any will do must not be empty: it would mean nothing.
fn any<T>(scope: &mut Scope<'_>, list: Option<&OneOf<T>>) {
    if list.is_some_and(|list| list.values().is_empty()) {
        scope.report_help("lists nothing", "leave the field out to mean any");
    }
}
