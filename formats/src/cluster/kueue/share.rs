//! What queues have of each resource of each flavor.

use std::collections::BTreeSet;

use plimsoll_model::{Bytes, Cpu, Diagnostic, read::View};

use super::super::{
    karpenter::{count, devices},
    note,
    object::Object,
};
use crate::Translation;

/// A quota of one resource of one flavor in one queue, in parts (see [`Amount`]).
#[derive(Debug, Clone)]
pub(super) struct Share {
    pub(super) queue: String,
    pub(super) flavor: String,
    pub(super) resource: String,
    pub(super) nominal: u64,
    pub(super) borrowing: Option<u64>,
    pub(super) lending: Option<u64>,
    /// Whether the queue has quotas of no other devices.
    pub(super) only_devices: bool,
}

impl Share {
    /// Takes in the share of another flavor of the same offers.
    pub(super) fn add(&mut self, other: &Self) {
        let lent = self.lent().saturating_add(other.lent());
        self.nominal = self.nominal.saturating_add(other.nominal);
        self.lending = Some(lent);
        self.borrowing = self.borrowing.zip(other.borrowing).map(|(a, b)| a.saturating_add(b));
    }

    /// What nobody else may use.
    pub(super) fn kept(&self) -> u64 {
        self.nominal - self.lent()
    }

    /// What others may use of it.
    pub(super) fn lent(&self) -> u64 {
        self.lending.map_or(self.nominal, |limit| limit.min(self.nominal))
    }
}

/// What a queue or a cohort has of each resource of each flavor.
pub(super) fn read_shares(object: &Object<'_>, out: &mut Translation) -> Vec<Share> {
    let mut shares = Vec::new();
    let text = |view: &View<'_>, field| {
        view.field(field).and_then(|view| view.text()).unwrap_or_default().to_owned()
    };
    for group in object.items(&["spec", "resourceGroups"]) {
        let of_group = group.field("flavors").map_or_else(Vec::new, |flavors| flavors.items());
        for flavor in of_group {
            for resource in flavor.field("resources").map_or_else(Vec::new, |view| view.items()) {
                let name = text(&resource, "name");
                let Some(amount) = Amount::of(&name) else {
                    let what = format!("quota of {} on {name}", object.title());
                    note(
                        out,
                        what,
                        "not held: no workload here states how much of it it asks for",
                        "its manifest",
                    );
                    continue;
                };
                let mut read = |field: &str| match resource.field(field).map(|view| amount.read(&view)) {
                    None => None,
                    Some(Ok(parts)) => Some(parts),
                    Some(Err(problems)) => {
                        out.problems.extend(problems);
                        None
                    }
                };
                let (nominal, borrowing, lending) =
                    (read("nominalQuota"), read("borrowingLimit"), read("lendingLimit"));
                shares.push(Share {
                    queue: object.name.to_owned(),
                    flavor: text(&flavor, "name"),
                    resource: name,
                    nominal: nominal.unwrap_or(0),
                    borrowing,
                    lending,
                    only_devices: false,
                });
            }
        }
    }
    let of_devices = |share: &&Share| Amount::of(&share.resource) == Some(Amount::Devices);
    let kinds: BTreeSet<String> =
        shares.iter().filter(of_devices).map(|share| share.resource.clone()).collect();
    for share in &mut shares {
        share.only_devices = kinds.len() == 1;
    }
    shares
}

/// How a resource is counted: thousandths of cores, bytes, devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    Cores,
    Bytes,
    Devices,
}

impl Amount {
    pub(super) fn of(resource: &str) -> Option<Self> {
        match resource {
            "cpu" => Some(Self::Cores),
            "memory" => Some(Self::Bytes),
            _ => devices(resource).map(|_| Self::Devices),
        }
    }

    fn read(self, view: &View<'_>) -> Result<u64, Vec<Diagnostic>> {
        match self {
            Self::Cores => Ok(view.read::<Cpu>()?.0),
            Self::Bytes => Ok(view.read::<Bytes>()?.0),
            Self::Devices => count(view).map(u64::from),
        }
    }
}
