//! Other programs' documents as workloads and parts of an estate.
//!
//! Each format is one folder with one function, `translate`, that sees all documents of its format at
//! once, since they refer to each other (a pod names a claim, a queue a flavor). It never guesses
//! silently: what a document does not say and the planner must know becomes an [`Assumption`] that
//! names the field or annotation which would replace it, and what is passed over is listed with the
//! reason. No I/O, no clock.

mod cluster;
mod fleet;
mod format;
mod kubernetes;
mod labels;
mod skypilot;
mod terraform;

use std::collections::BTreeMap;

use plimsoll_model::{Diagnostic, Workload, estate::EstateSpec, plan::Assumption, read::Located};

pub use cluster::{ClassSeat, Host, Hosts, PoolSeat};
pub use fleet::{Ground, Hardware, NewNode, Own, Rented, fleet, gang, is_accelerator, places, zones};
pub use format::Format;
pub use kubernetes::{Machines, Seat, Written, changes};
pub use skypilot::TaskSeat;

/// A document of another program, with its place; read it with [`Located::read`].
pub type Foreign = Located<()>;

/// What other programs' documents say.
#[derive(Debug, Default)]
pub struct Translation {
    /// The workloads, each with the index of its document among those given.
    pub workloads: Vec<(usize, Located<Workload>)>,
    /// What is added to the lists of the estate. Of equal names the estate's own stands.
    pub estate: EstateSpec,
    /// What was assumed, and what was passed over.
    pub assumptions: Vec<Assumption>,
    /// What is wrong; then nothing is planned.
    pub problems: Vec<Diagnostic>,
    /// Where in their manifests the placements of workloads are written.
    pub seats: Vec<Seat>,
    /// And where in SkyPilot's tasks.
    pub tasks: Vec<TaskSeat>,
    /// Where the node pools say what they launch.
    pub pools: Vec<PoolSeat>,
    /// Classes of nodes, from which pools can be made.
    pub classes: Vec<ClassSeat>,
    /// The machines of a node list, by the offer of their group.
    pub hosts: Hosts,
}

impl Translation {
    /// Adds what another format's documents say.
    fn add(&mut self, other: Self) {
        self.workloads.extend(other.workloads);
        self.estate.extend(other.estate);
        self.assumptions.extend(other.assumptions);
        self.problems.extend(other.problems);
        self.seats.extend(other.seats);
        self.tasks.extend(other.tasks);
        self.pools.extend(other.pools);
        self.classes.extend(other.classes);
        self.hosts.extend(other.hosts);
    }
}

/// All documents of one format, each with its index among those given.
type Documents<'a> = [(usize, &'a Foreign)];

/// Translates documents, given in the order of the command line.
///
/// `estate` is what the estate itself says, for names that documents refer to (datasets, sites).
pub fn translate(documents: &[Foreign], estate: Option<&EstateSpec>) -> Translation {
    let mut translation = Translation::default();
    let mut formats: BTreeMap<Format, Vec<(usize, &Foreign)>> = BTreeMap::new();
    for (index, document) in documents.iter().enumerate() {
        match Format::of(document) {
            Some(format) => formats.entry(format).or_default().push((index, document)),
            None => translation.problems.push(unknown(document)),
        }
    }
    let own_nodes =
        documents.iter().any(Format::has_nodes) || estate.is_some_and(|estate| !estate.sites.is_empty());
    // A cluster's documents refer to each other, and lists of objects may hold any of them.
    let is_cluster = |format: &Format| {
        matches!(format, Format::Kubernetes | Format::Nodes | Format::Karpenter | Format::Kueue)
    };
    let mut of_cluster: Vec<(usize, &Foreign)> =
        formats.iter().filter(|(format, _)| is_cluster(format)).flat_map(|(_, of)| of.clone()).collect();
    of_cluster.sort_unstable_by_key(|(index, _)| *index);
    let others = |(_, document): &&(usize, &Foreign)| Format::of(document) != Some(Format::Kubernetes);
    let others: Vec<(usize, &Foreign)> = of_cluster.iter().filter(others).copied().collect();
    for (format, documents) in formats {
        translation.add(match format {
            Format::Kubernetes => kubernetes::translate(&documents, &others, estate, own_nodes),
            Format::SkyPilot => skypilot::translate(&documents, estate),
            Format::Karpenter | Format::Kueue | Format::Nodes => continue,
            Format::Terraform => terraform::translate(&documents, estate),
        });
    }
    let cluster = cluster::translate(&of_cluster, &mut translation.workloads, estate);
    translation.add(cluster);
    translation
}

fn unknown(document: &Foreign) -> Diagnostic {
    document.problem("", "this is no document that Plimsoll knows").with_help(
        "it reads its own (`apiVersion: plimsoll.dev/v1alpha1`), Kubernetes manifests, what a cluster says of \
         itself, SkyPilot tasks and `terraform show -json`",
    )
}

/// Names in a row, cut after a few.
pub fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    let shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(MOST);
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

#[cfg(test)]
mod tests {
    use plimsoll_model::read::documents;

    use super::*;

    fn formats(text: &str) -> Vec<Option<Format>> {
        let read = documents("a.yaml", text.as_bytes()).expect("the text is well formed");
        read.into_iter().map(|document| Format::of(&document.split().1)).collect()
    }

    #[test]
    fn every_program_is_recognised_by_its_documents() {
        use Format::{Karpenter, Kubernetes, Kueue, Nodes, SkyPilot, Terraform};
        for (text, format) in [
            ("{apiVersion: apps/v1, kind: Deployment}", Some(Kubernetes)),
            ("{apiVersion: v1, kind: Node}", Some(Nodes)),
            ("{apiVersion: v1, kind: NodeList, items: []}", Some(Nodes)),
            ("{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Node}]}", Some(Nodes)),
            ("{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod}]}", Some(Kubernetes)),
            (
                "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Node}, {apiVersion: batch/v1, kind: Job}]}",
                Some(Kubernetes),
            ),
            ("{apiVersion: karpenter.sh/v1, kind: NodePool}", Some(Karpenter)),
            ("{apiVersion: karpenter.k8s.aws/v1, kind: EC2NodeClass}", Some(Karpenter)),
            ("{apiVersion: kueue.x-k8s.io/v1beta1, kind: ClusterQueue}", Some(Kueue)),
            ("{resources: {accelerators: 'H100:8'}, run: python train.py}", Some(SkyPilot)),
            ("{name: chain}", Some(SkyPilot)),
            (r#"{"format_version": "1.0", "terraform_version": "1.9.0", "values": {}}"#, Some(Terraform)),
            ("{resources: [deployment.yaml], namePrefix: x-}", Some(Kubernetes)),
            ("{services: {web: {image: nginx}}}", None),
        ] {
            assert_eq!(formats(text), [format], "{text}");
        }
    }
}
