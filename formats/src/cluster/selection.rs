//! Requirements on labels as a [`Match`]: which offers have nodes that meet them.
//!
//! A requirement is about the region, the capacity class, or the instance type; what is about the type
//! (its family, its cores, its accelerator) becomes the list of the types that meet it. What no price
//! list knows is taken as met, and said.

use plimsoll_catalog::{regions, regions_named};
use plimsoll_model::{Capacity, Diagnostic, Match, OneOf, estate::EstateSpec, read::View, yaml::nearest};

use super::machine::{Machine, capacity, machines, names_accelerator, product};

/// A requirement on one label.
#[derive(Debug, Clone)]
pub(super) struct Requirement<'a> {
    pub(super) key: String,
    pub(super) operator: Operator,
    pub(super) values: Vec<String>,
    pub(super) at: View<'a>,
}

/// How a label's value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    /// Above, below, with the value itself or without.
    Number {
        above: bool,
        equal: bool,
    },
}

const OPERATORS: [(&str, Operator); 8] = [
    ("In", Operator::In),
    ("NotIn", Operator::NotIn),
    ("Exists", Operator::Exists),
    ("DoesNotExist", Operator::DoesNotExist),
    ("Gt", Operator::Number { above: true, equal: false }),
    ("Lt", Operator::Number { above: false, equal: false }),
    ("Gte", Operator::Number { above: true, equal: true }),
    ("Lte", Operator::Number { above: false, equal: true }),
];

impl<'a> Requirement<'a> {
    /// Reads the items of a list; what is wrong goes to `problems`.
    pub(super) fn list(list: Option<View<'a>>, problems: &mut Vec<Diagnostic>) -> Vec<Self> {
        let read = Self::each(list, problems);
        problems.extend(contradictions(&read));
        read
    }

    /// The same without holding one against the other.
    pub(super) fn each(list: Option<View<'a>>, problems: &mut Vec<Diagnostic>) -> Vec<Self> {
        let items = list.map_or_else(Vec::new, |list| list.items());
        let mut read = Vec::new();
        for item in items {
            match Self::read(&item) {
                Ok(requirement) => read.push(requirement),
                Err(problem) => problems.push(*problem),
            }
        }
        read
    }

    /// A label that nodes have.
    pub(super) fn label(key: &str, value: &str, at: View<'a>) -> Self {
        Self { key: key.to_owned(), operator: Operator::In, values: vec![value.to_owned()], at }
    }

    fn read(item: &View<'a>) -> Result<Self, Box<Diagnostic>> {
        let text = |field: &str| item.field(field).and_then(|view| view.text()).map(str::to_owned);
        let Some(key) = text("key").filter(|key| !key.is_empty()) else {
            return Err(Box::new(item.problem("a requirement needs a `key`, the name of a label")));
        };
        let Some(name) = text("operator") else {
            return Err(Box::new(
                item.problem("a requirement needs an `operator`").with_help("In, NotIn, …"),
            ));
        };
        let Some((_, operator)) = OPERATORS.into_iter().find(|(known, _)| *known == name) else {
            let at = item.field("operator").unwrap_or_else(|| item.clone());
            let known = OPERATORS.map(|(known, _)| known);
            let near = nearest(&name, known);
            let help = near.map_or_else(
                || format!("known are {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(Box::new(at.problem(format!("unknown operator `{name}`")).with_help(help)));
        };
        let at = item.field("values").unwrap_or_else(|| item.clone());
        let values: Vec<String> = at.items().iter().filter_map(View::text).map(str::to_owned).collect();
        let wrong = match operator {
            Operator::In | Operator::NotIn if values.is_empty() => Some("needs `values`"),
            Operator::Exists | Operator::DoesNotExist if !values.is_empty() => Some("takes no `values`"),
            Operator::Number { .. } if values.len() != 1 || number(&values[0]).is_none() => {
                Some("needs one whole number in `values`")
            }
            _ => None,
        };
        match wrong {
            Some(wrong) => Err(Box::new(at.problem(format!("operator `{name}` {wrong}")))),
            None => Ok(Self { key, operator, values, at }),
        }
    }

    pub(super) fn is_in(&self) -> bool {
        self.operator == Operator::In
    }

    /// As people write it.
    pub(super) fn words(&self) -> String {
        let (key, values) = (&self.key, self.values.join(", "));
        match self.operator {
            Operator::In if self.values.len() == 1 => format!("{key}: {values}"),
            Operator::In => format!("{key} in ({values})"),
            Operator::NotIn => format!("{key} not in ({values})"),
            Operator::Exists => format!("{key} exists"),
            Operator::DoesNotExist => format!("no {key}"),
            Operator::Number { above, equal } => {
                let sign = if above { ">" } else { "<" };
                format!("{key} {sign}{} {values}", if equal { "=" } else { "" })
            }
        }
    }

    /// Whether a node with these spellings of the label's value (none: without the label) meets it.
    pub(super) fn admits(&self, label: &[String]) -> bool {
        let among = || label.iter().any(|value| self.values.contains(value));
        match self.operator {
            Operator::In => among(),
            Operator::NotIn => !among(),
            Operator::Exists => !label.is_empty(),
            Operator::DoesNotExist => label.is_empty(),
            Operator::Number { above, equal } => {
                let bound = self.values.first().and_then(|value| number(value));
                let has = label.first().and_then(|value| number(value));
                has.zip(bound).is_some_and(
                    |(has, bound)| {
                        if has == bound { equal } else { (has > bound) == above }
                    },
                )
            }
        }
    }
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Requirements on one label that no value meets.
pub(super) fn contradictions(list: &[Requirement<'_>]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (at, first) in list.iter().enumerate() {
        if first.operator != Operator::In || list[..at].iter().any(|before| before.key == first.key) {
            continue;
        }
        let same = || list.iter().filter(|other| other.key == first.key);
        let left =
            first.values.iter().any(|value| same().all(|other| other.admits(std::slice::from_ref(value))));
        if !left {
            let words: Vec<String> = same().map(Requirement::words).collect();
            let message = format!("these requirements contradict each other: {}", words.join("; "));
            found.push(first.at.problem(message).with_help("no node meets them all"));
        }
    }
    found
}

/// The classes in which clouds sell: own machines are in no pool and at no cloud's price.
pub(super) const CLASSES: [Capacity; 3] = [Capacity::Spot, Capacity::OnDemand, Capacity::Reserved];

/// Why a requirement says nothing.
pub(super) const TAKEN_AS_MET: &str = "no price list says: taken as met";

/// Offers, and what could not be held against them.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    pub(super) matches: Match,
    /// (requirement, why it does not say more).
    pub(super) notes: Vec<(String, &'static str)>,
    /// Instance types that were named and are not known, each with the nearest known name.
    pub(super) unknown: Vec<(String, Option<String>)>,
}

const REGIONS: [&str; 2] = ["topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"];
const ZONES: [&str; 3] =
    ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone", "topology.gke.io/zone"];
const TYPES: [&str; 3] =
    ["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type", "karpenter.azure.com/sku-name"];

/// Which offers meet the requirements. `cloud`: whose nodes they are, where that is known.
///
/// # Errors
/// The requirement that leaves no offer.
pub(super) fn select<'r, 'a>(
    cloud: Option<&str>,
    requirements: &'r [Requirement<'a>],
    estate: Option<&EstateSpec>,
) -> Result<Selection, &'r Requirement<'a>> {
    let cloud = cloud.or_else(|| requirements.iter().find_map(|one| cloud_of(&one.key)));
    let mut left =
        Left { cloud, estate, classes: None, places: None, types: None, found: Selection::default() };
    for one in requirements {
        let is_met = match one.subject() {
            Subject::Class => left.keep_classes(one),
            Subject::Region => left.keep_regions(one, &one.values),
            Subject::Zone => left.keep_zones(one),
            Subject::Type => left.keep_types(one),
        };
        if !is_met {
            return Err(one);
        }
    }
    let about_types = requirements.iter().filter(|one| one.subject() == Subject::Type).count();
    Ok(left.finish(about_types == 1))
}

/// What a requirement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Class,
    Region,
    Zone,
    /// The instance type: its name, or anything that follows from it.
    Type,
}

/// What is left after some requirements; nothing asked of a field: everything.
struct Left<'e> {
    cloud: Option<&'e str>,
    estate: Option<&'e EstateSpec>,
    classes: Option<Vec<Capacity>>,
    places: Option<Vec<String>>,
    types: Option<Vec<Machine>>,
    found: Selection,
}

impl Left<'_> {
    fn keep_classes(&mut self, one: &Requirement<'_>) -> bool {
        let classes = self.classes.get_or_insert_with(|| CLASSES.to_vec());
        classes.retain(|class| one.admits_class(*class));
        !classes.is_empty()
    }

    fn keep_regions(&mut self, one: &Requirement<'_>, named: &[String]) -> bool {
        let cloud = self.cloud;
        let places = self.places.get_or_insert_with(|| {
            if one.operator == Operator::In {
                return named.to_vec();
            }
            let all = regions().iter().filter(|region| cloud.is_none_or(|cloud| cloud == region.cloud));
            all.map(|region| region.name.to_owned()).collect()
        });
        let is_in = one.operator != Operator::NotIn;
        places.retain(|region| named.is_empty() || named.contains(region) == is_in);
        places.sort_unstable();
        places.dedup();
        !places.is_empty()
    }

    fn keep_zones(&mut self, one: &Requirement<'_>) -> bool {
        self.found.notes.push((one.words(), "prices are by region: any zone of it"));
        let named: Vec<String> = one.values.iter().map(|zone| region_of(zone).to_owned()).collect();
        // To exclude a zone leaves its region.
        one.operator != Operator::In || self.keep_regions(one, &named)
    }

    fn keep_types(&mut self, one: &Requirement<'_>) -> bool {
        let all = self.types.take().unwrap_or_else(|| machines(self.cloud, self.estate));
        if !all.iter().any(|machine| machine.label(&one.key).is_some()) {
            self.found.notes.push((one.words(), TAKEN_AS_MET));
            self.types = Some(all);
            return true;
        }
        if TYPES.contains(&&*one.key) && one.operator == Operator::In {
            let is_unknown = |name: &&String| !all.iter().any(|machine| machine.name == **name);
            let near = |name: &String| nearest(name, all.iter().map(|m| &*m.name)).map(str::to_owned);
            let unknown = one.values.iter().filter(is_unknown).map(|name| (name.clone(), near(name)));
            self.found.unknown.extend(unknown);
        }
        let wanted = one.by_accelerator();
        let admits = |machine: &Machine| machine.label(&one.key).is_none_or(|label| wanted.admits(&label));
        let kept: Vec<Machine> = all.into_iter().filter(admits).collect();
        let is_met = !kept.is_empty() || !self.found.unknown.is_empty();
        self.types = Some(kept);
        is_met
    }

    /// `by_name_alone`: the types were asked for in one requirement.
    fn finish(self, by_name_alone: bool) -> Selection {
        let Self { cloud, estate, classes, places, types, mut found } = self;
        found.matches.cloud = cloud.map(OneOf::from);
        // All of a cloud's types need no list.
        if let Some(types) = types.filter(|types| types.len() < machines(cloud, estate).len()) {
            if let Some(first) = types.first().filter(|first| types.iter().all(|of| of.cloud == first.cloud))
            {
                found.matches.cloud = Some(OneOf::from(&*first.cloud));
            }
            let mut names: Vec<String> = types.into_iter().map(|machine| machine.name).collect();
            if by_name_alone {
                // A type that no list here knows may be in a catalogue file of the user's.
                names.extend(found.unknown.iter().map(|(name, _)| name.clone()));
            }
            names.sort_unstable();
            names.dedup();
            found.matches.instance_type = Some(names.into());
        }
        let cloud = found.matches.cloud.as_ref().and_then(|cloud| cloud.values().first()).map(String::as_str);
        found.matches.region = places.map(|places| qualified(places, cloud).into());
        found.matches.capacity = classes.map(OneOf::from);
        found
    }
}

impl Requirement<'_> {
    fn subject(&self) -> Subject {
        let key = &*self.key;
        if capacity(key, "").is_some() {
            Subject::Class
        } else if REGIONS.contains(&key) {
            Subject::Region
        } else if ZONES.contains(&key) {
            Subject::Zone
        } else {
            Subject::Type
        }
    }

    /// With the values of a label that names accelerators as the catalogue names them.
    fn by_accelerator(&self) -> Self {
        let mut one = self.clone();
        if names_accelerator(&one.key) {
            one.values = one.values.iter().map(|value| product(value)).collect();
        }
        one
    }

    fn admits_class(&self, class: Capacity) -> bool {
        let named = || self.values.iter().filter_map(|value| capacity(&self.key, value).flatten());
        match self.operator {
            Operator::In => named().any(|named| named == class),
            Operator::NotIn => !named().any(|named| named == class),
            // A label that only spot nodes have.
            Operator::Exists if self.key.ends_with("gke-spot") || self.key.ends_with("gke-preemptible") => {
                class == Capacity::Spot
            }
            Operator::DoesNotExist => class == Capacity::OnDemand,
            _ => true,
        }
    }
}

/// The region that a zone lies in, by the providers' ways of naming.
pub(super) fn region_of(zone: &str) -> &str {
    let lettered = zone.strip_suffix(|c: char| c.is_ascii_lowercase());
    match (zone.rsplit_once('-'), lettered) {
        // `us-central1-a` of GCP, `eastus-1` of Azure.
        (Some((region, last)), _) if last.len() == 1 => region,
        // `us-east-1a` of AWS.
        (_, Some(region)) if region.ends_with(|c: char| c.is_ascii_digit()) => region,
        _ => zone,
    }
}

/// The cloud whose nodes alone have a label.
pub(super) fn cloud_of(key: &str) -> Option<&'static str> {
    let domain = key.split('/').next()?;
    let is_in = |suffix: &str| domain == suffix || domain.ends_with(&format!(".{suffix}"));
    [
        ("amazonaws.com", "aws"),
        ("k8s.aws", "aws"),
        ("cloud.google.com", "gcp"),
        ("gke.io", "gcp"),
        ("k8s.gcp", "gcp"),
        ("azure.com", "azure"),
    ]
    .into_iter()
    .find_map(|(suffix, cloud)| is_in(suffix).then_some(cloud))
}

/// Regions with their cloud, where it is known.
fn qualified(places: Vec<String>, cloud: Option<&str>) -> Vec<String> {
    if let Some(cloud) = cloud {
        return places.into_iter().map(|place| format!("{cloud}/{place}")).collect();
    }
    let known = |place: String| {
        let named = regions_named(&place).map(|region| format!("{}/{}", region.cloud, region.name));
        let named: Vec<String> = named.collect();
        if named.is_empty() { vec![place] } else { named }
    };
    places.into_iter().flat_map(known).collect()
}
