//! What a pod of a request is, and whether a node may take it.

use std::{borrow::Cow, sync::Arc};

use k8s_openapi::api::core::v1;
use plimsoll_model::fleet::{self, Ask as Asked};
use plimsoll_packing::fleet::{Ask, Request};

use super::{Seat, Snapshot, build::wrong, request};
use crate::{
    cluster::{Ground, Millis, asks},
    wire::{self, Reason},
};

/// A pod of a request.
pub(super) enum Subject<'s> {
    /// It asks for no accelerators, or says so in no way that can be read: not ours.
    Free,
    /// It does, and the cluster has not been seen whole.
    Unknown,
    /// One to judge.
    Ours(Box<Ours<'s>>),
}

/// A pod that asks for accelerators.
pub(super) struct Ours<'s> {
    pub(super) request: Cow<'s, Request>,
    pub(super) ask: Option<Cow<'s, Asked>>,
    pub(super) table: &'s [Option<i64>],
    pub(super) planned: Option<u32>,
    pub(super) priority: i32,
    /// Whether it waits for its gang.
    pub(super) is_held: bool,
    wrong: Reason,
}

/// Why a node is dropped.
pub(super) enum Drop {
    /// If other pods went, it might do.
    Now(Reason),
    /// Whatever goes.
    Ever(Reason),
}

/// The reasons that are the same for all pods.
pub(super) mod reasons {
    pub(in crate::snapshot) const KEPT: &str = "its free accelerators are kept for planned pods";
    pub(in crate::snapshot) const GANG: &str = "waits for its gang: not all of its pods fit";
    pub(in crate::snapshot) const PART: &str = "no device has so large a part free";
    pub(in crate::snapshot) const FEW: &str = "it has fewer accelerators than the pod asks for";
}

impl Snapshot {
    fn ground(&self) -> Ground<'_> {
        Ground { hardware: &self.hardware, beside: &self.beside }
    }

    /// Whether a pod that is not there yet asks for accelerators, by what it claims, or claims what is not known yet.
    pub(crate) fn claims(&self, pod: &v1::Pod) -> bool {
        self.ground().claims(pod)
    }

    /// Who a pod is. Known pods are looked up; others are read from their object.
    pub(super) fn subject(&self, pod: &wire::Pod<'_>, now: Millis) -> Subject<'_> {
        if let Some(known) = self.pods.get(&*pod.uid) {
            let Some(class) = known.class else { return Subject::Free };
            let class = &self.classes[class as usize];
            return Subject::Ours(Box::new(Ours {
                request: Cow::Borrowed(&class.request),
                ask: class.ask.as_ref().map(Cow::Borrowed),
                table: &class.table,
                planned: known.planned.filter(|(_, until)| *until > now).map(|(node, _)| node),
                priority: known.priority,
                is_held: known.held.is_some_and(|until| until > now),
                wrong: Arc::clone(&class.wrong),
            }));
        }
        let text = pod.text.get();
        let Some(object) = claims_or_asks(text) else { return Subject::Free };
        if !self.is_synced {
            return Subject::Unknown;
        }
        let asks = |needs: &fleet::Pod| needs.ask.is_some() || needs.accelerators_milli > 0;
        match self.ground().read_text(text, &object) {
            Some(needs) if asks(&needs) && needs.left.is_none() => {
                let wrong = wrong(needs.ask.as_ref()).into();
                let request = request(&needs, &self.models);
                let alike =
                    self.classes.iter().filter(|class| class.request == request && class.ask == needs.ask);
                let same = alike.min_by_key(|class| class.of_gang);
                Subject::Ours(Box::new(Ours {
                    table: same.map_or(&[], |class| &class.table),
                    request: Cow::Owned(request),
                    ask: needs.ask.map(Cow::Owned),
                    planned: None,
                    priority: object.spec.as_ref().and_then(|spec| spec.priority).unwrap_or(0),
                    is_held: false,
                    wrong,
                }))
            }
            _ => Subject::Free,
        }
    }
}

/// A pod that asks for accelerators, or claims devices.
fn claims_or_asks(text: &str) -> Option<v1::Pod> {
    let object = || serde_json::from_str::<v1::Pod>(text).ok();
    if asks(text) {
        return Some(object().unwrap_or_default());
    }
    text.contains("resourceClaims").then(object)?.filter(|pod| {
        let claims = pod.spec.as_ref().and_then(|spec| spec.resource_claims.as_deref());
        claims.is_some_and(|claims| !claims.is_empty())
    })
}

impl Ours<'_> {
    /// Why a known node may not take it. The pod's own planned node may.
    pub(super) fn refused(&self, at: u32, seat: &Seat) -> Option<Drop> {
        if self.planned == Some(at) {
            return None;
        }
        if !self.request.allows(&seat.node) {
            return Some(Drop::Ever(Arc::clone(&self.wrong)));
        }
        if self.is_held {
            return Some(Drop::Ever(reasons::GANG.into()));
        }
        if let Some(open) = seat.kept(self.priority)
            && !open.fits(&self.request)
        {
            // Where it would fit but for the plan, the scheduler would look for pods to preempt and find none.
            let fits = seat.free.fits(&self.request);
            return Some(if fits {
                Drop::Ever(reasons::KEPT.into())
            } else {
                Drop::Now(reasons::KEPT.into())
            });
        }
        // Numbers of devices are counted by the scheduler, on a newer view; parts of one are not.
        let is_part = matches!(self.request.devices, Ask::Share(_) | Ask::Slice(_));
        let has_part = || seat.free.choose(&self.request).is_some();
        (is_part && !has_part()).then(|| Drop::Ever(reasons::PART.into()))
    }

    /// Why a node that is only an object in the request may not take it.
    pub(super) fn refused_by(&self, node: Option<&fleet::Node>) -> Option<Drop> {
        let ask = self.ask.as_deref()?;
        let devices = node.and_then(|node| node.devices.as_ref());
        let will_do = devices.filter(|devices| {
            devices.resource == ask.resource && (ask.models.is_empty() || ask.models.contains(&devices.model))
        });
        let Some(devices) = will_do else { return Some(Drop::Ever(Arc::clone(&self.wrong))) };
        let asked = match self.request.devices {
            Ask::None => 0,
            Ask::Share(_) | Ask::Slice(_) => 1,
            Ask::Whole(count) => count,
        };
        (asked > devices.count).then(|| Drop::Ever(reasons::FEW.into()))
    }
}
