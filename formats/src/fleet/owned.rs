//! Which controllers' pods are there already, and what place of a controller each of them has.
//!
//! A pod's owner is often an object in between: a Job of a `JobSet`, a replica set, the cluster of a `RayJob`. Where
//! that is not among the documents, the labels that its controller puts on pods say whose it is.

use std::collections::{BTreeMap, BTreeSet};

use super::expand::label_of;
use crate::kubernetes::object::Object;

/// A controller: its kind and name.
pub(super) type Controller<'a> = (&'a str, &'a str);

/// The labels by which pods name a controller that may not be their owner.
const LABELS: [(&str, &str); 5] = [
    ("batch.kubernetes.io/job-name", "Job"),
    ("job-name", "Job"),
    ("jobset.sigs.k8s.io/jobset-name", "JobSet"),
    ("leaderworkerset.sigs.k8s.io/name", "LeaderWorkerSet"),
    ("ray.io/cluster", "RayCluster"),
];

/// The labels that say which part of its controller a pod is, as the controller's components are called.
const ROLES: [&str; 4] = [
    "jobset.sigs.k8s.io/replicatedjob-name",
    "training.kubeflow.org/replica-type",
    "volcano.sh/task-spec",
    "ray.io/group",
];

/// The labels that say which of the equal groups of a component a pod is of.
const GROUPS: [&str; 2] = ["leaderworkerset.sigs.k8s.io/group-index", "jobset.sigs.k8s.io/job-index"];

/// The place that a pod has among those of its controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seat<'a> {
    role: Option<&'a str>,
    group: Option<u32>,
}

/// The controllers and pods of the documents.
#[derive(Debug, Default)]
pub(super) struct Owned<'a> {
    /// By namespace, kind and name.
    objects: BTreeMap<(&'a str, &'a str, &'a str), Object<'a>>,
    /// What made the clusters that `RayJob`s and `RayService`s say they have, by namespace and name.
    clusters: BTreeMap<(&'a str, &'a str), Controller<'a>>,
    /// How many pods have each place.
    seats: BTreeMap<(&'a str, Controller<'a>), BTreeMap<Seat<'a>, u32>>,
    /// The names of pods that have not ended, by namespace.
    names: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Owned<'a> {
    pub(super) fn of(objects: &[Object<'a>]) -> Self {
        let mut found = Self::default();
        for object in objects {
            found.objects.insert((object.namespace(), object.kind, object.name), object.clone());
            let paths: [&[&str]; 3] = [
                &["status", "rayClusterName"],
                &["status", "activeServiceStatus", "rayClusterName"],
                &["status", "pendingServiceStatus", "rayClusterName"],
            ];
            for path in paths.iter().filter(|_| object.group == "ray.io") {
                if let Some(cluster) = object.at(path).and_then(|view| view.text()) {
                    found.clusters.insert((object.namespace(), cluster), (object.kind, object.name));
                }
            }
        }
        for pod in objects.iter().filter(|object| object.group.is_empty() && object.kind == "Pod") {
            let phase = pod.at(&["status", "phase"]).and_then(|phase| phase.text());
            if matches!(phase, Some("Succeeded" | "Failed")) {
                continue;
            }
            found.names.insert((pod.namespace(), pod.name));
            let seat = seat(pod);
            for controller in found.controllers(pod) {
                let seats = found.seats.entry((pod.namespace(), controller)).or_default();
                *seats.entry(seat).or_default() += 1;
            }
        }
        found
    }

    /// Whether the controller of an object is among the documents, and says how many there are to be.
    pub(super) fn is_made_by_another(&self, object: &Object<'a>) -> bool {
        object.owner().is_some_and(|(kind, name)| {
            kind != object.kind && self.objects.contains_key(&(object.namespace(), kind, name))
        })
    }

    /// Whether a pod that has not ended has this name.
    pub(super) fn is_taken(&self, namespace: &'a str, name: &str) -> bool {
        self.names.contains(&(namespace, name))
    }

    /// The pods that a controller has.
    pub(super) fn seats(&self, object: &Object<'a>) -> Seats<'a> {
        let seats = self.seats.get(&(object.namespace(), (object.kind, object.name)));
        Seats(seats.cloned().unwrap_or_default())
    }

    /// The controllers among the documents that a pod is of, the nearest first.
    pub(super) fn present(&self, pod: &Object<'a>) -> Vec<&Object<'a>> {
        let key = |(kind, name)| (pod.namespace(), kind, name);
        self.controllers(pod).into_iter().filter_map(|one| self.objects.get(&key(one))).collect()
    }

    /// All controllers that a pod is of, the nearest first, whether they are among the documents or not.
    fn controllers(&self, pod: &Object<'a>) -> Vec<Controller<'a>> {
        let mut found: Vec<Controller<'a>> = Vec::new();
        let labels = LABELS.iter().filter_map(|(key, kind)| Some((*kind, label_of(pod, key)?)));
        let origin = || {
            Some((
                label_of(pod, "ray.io/originated-from-crd")?,
                label_of(pod, "ray.io/originated-from-cr-name")?,
            ))
        };
        let mut open: Vec<Controller<'a>> = pod.owner().into_iter().chain(labels).chain(origin()).collect();
        open.reverse();
        while let Some(one) = open.pop() {
            if found.contains(&one) {
                continue;
            }
            found.push(one);
            let (kind, name) = one;
            if let Some(object) = self.objects.get(&(pod.namespace(), kind, name)) {
                open.extend(object.owner());
            }
            let front = name.rsplit_once('-').map(|(front, _)| front);
            match kind {
                "ReplicaSet" => {
                    open.extend(front.into_iter().flat_map(|of| [("Deployment", of), ("Rollout", of)]));
                }
                "ReplicationController" => open.extend(front.map(|of| ("DeploymentConfig", of))),
                "Job" => open.extend(front.map(|of| ("CronJob", of))),
                "RayCluster" => open.extend(self.clusters.get(&(pod.namespace(), name)).copied()),
                _ => {}
            }
        }
        found
    }
}

fn seat<'a>(pod: &Object<'a>) -> Seat<'a> {
    let leader = || {
        let index = label_of(pod, "leaderworkerset.sigs.k8s.io/worker-index")?;
        Some(if index == "0" { "leader" } else { "worker" })
    };
    let head = label_of(pod, "ray.io/node-type").filter(|part| *part == "head");
    let role = head.or_else(|| ROLES.iter().find_map(|key| label_of(pod, key))).or_else(leader);
    let group = GROUPS.iter().find_map(|key| label_of(pod, key)?.parse().ok());
    Seat { role, group }
}

/// The places of a controller's pods that are not yet counted towards its number.
#[derive(Debug)]
pub(super) struct Seats<'a>(BTreeMap<Seat<'a>, u32>);

impl Seats<'_> {
    pub(super) fn count(&self) -> u32 {
        self.0.values().sum()
    }

    /// Counts pods towards a group of a component that has so many: how many are still to be made. `is_only`: the
    /// component is all that the controller has, and its groups are one.
    pub(super) fn rest(&mut self, role: &str, group: u32, of: u32, is_only: (bool, bool)) -> u32 {
        let (is_only_role, is_only_group) = is_only;
        let mut rest = of;
        for (seat, left) in &mut self.0 {
            let is_role = is_only_role || seat.role.is_none_or(|known| known.eq_ignore_ascii_case(role));
            let is_group = is_only_group || seat.group.is_none_or(|known| known == group);
            if is_role && is_group {
                let taken = rest.min(*left);
                *left -= taken;
                rest -= taken;
            }
        }
        rest
    }
}
