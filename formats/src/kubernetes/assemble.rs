//! A part of an object as a Workload: what the manifest states, what its annotations say, and what is
//! left to assume.

use std::collections::BTreeSet;

use plimsoll_model::{
    Bytes, Capacity, Cpu, Diagnostic, Workload,
    estate::EstateSpec,
    read::{Draft, Located, View},
    shown,
    workload::{self, Alternative, WorkloadSpec},
    yaml,
};

use super::{
    agree::{Agreement, Stated},
    claims::Claims,
    kinds::Unit,
    limits::{Choice, Property},
    notes::Notes,
    part::{Part, Way},
    seat::{BASE_FIELD, PLACED_FIELD},
    selector::Placement,
    twin::Beside,
};

/// The prefix of the annotations that this program reads.
pub(super) const PREFIX: &str = "plimsoll.dev/";

/// Annotations that are no field of a Workload: of `plan --cluster`, what `-o manifests` wrote, and what
/// splits an object.
const OTHERS: [&str; 3] = ["worth", PLACED_FIELD, BASE_FIELD];

/// What a pod without any request counts as: kube-scheduler's own figures for scoring.
const UNSTATED: (Cpu, Bytes) = (Cpu(100), Bytes(200 << 20));

/// The run time of a job that says nothing of it.
const HOUR: &str = "1h";

/// What assembling needs beside the part.
pub(super) struct Assembly<'a, 'r> {
    pub(super) unit: &'r Unit<'a>,
    pub(super) part: &'r Part<'a>,
    pub(super) name: String,
    /// Whether this is the part that has the object's name, or the only one.
    pub(super) is_main: bool,
    /// All or none, as a pod group has it.
    pub(super) gang: bool,
    pub(super) priority: Option<(i64, View<'a>)>,
    pub(super) claims: &'r Claims<'a>,
    pub(super) estate: Option<&'r EstateSpec>,
    /// Whether the cluster has nodes of that architecture.
    pub(super) has_arm: bool,
    /// What else is in the files.
    pub(super) beside: &'r Beside<'a>,
    /// What the parts of an object that has several are kept together as.
    pub(super) group: Option<&'r str>,
}

impl<'a> Assembly<'a, '_> {
    /// The workload; what is assumed goes to the notes, datasets to `found`.
    pub(super) fn workload(
        &self,
        notes: &mut Notes,
        found: &mut EstateSpec,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Located<Workload>> {
        let (mut specs, mut refused) = (Vec::new(), Vec::new());
        for way in &self.part.ways {
            match self.spec(way) {
                Ok(spec) => specs.push((way, spec)),
                Err(found) if refused.is_empty() => refused = found,
                Err(_) => {}
            }
        }
        let Some((first, spec)) = specs.first() else {
            problems.extend(refused);
            return None;
        };
        let (mut draft, stated) = match self.drafted(first) {
            Ok(drafted) => drafted,
            Err(found) => {
                problems.extend(found);
                return None;
            }
        };
        let has = |field: &str| stated.contains_key(field);
        if let (Some(at), [_, _, ..]) = (stated.get("alternatives"), &specs[..]) {
            let problem =
                at.problem(format!("`{PREFIX}alternatives` beside a node affinity of several terms"));
            problems.push(problem.with_help("the terms are the alternatives: state one of the two"));
            return None;
        }
        self.say_remarks(notes, &stated);
        if self.group.is_some() && !has("together") {
            notes.assume(
                "kept together (plimsoll.dev/together)",
                &self.name,
                "in one region with the other parts of its object",
                "an object runs in one cluster, and a cluster in one region",
            );
        }
        if !has("duration") {
            self.duration(&mut draft, notes);
        }
        // What is split is interruptible in one part and not in the other.
        if !has("interruptible") && self.base().is_none() {
            self.interruptible(&mut draft, notes);
        }
        if !has("inputs") {
            self.inputs(&mut draft, notes, found);
        }
        match draft.finish::<Workload>() {
            Ok(mut workload) => {
                // What was held to the selectors.
                let kept = &mut workload.value.spec;
                for (field, of) in [
                    (&mut kept.regions, &spec.regions),
                    (&mut kept.zones, &spec.zones),
                    (&mut kept.clouds, &spec.clouds),
                    (&mut kept.not_in, &spec.not_in),
                ] {
                    field.clone_from(of);
                }
                // As of pods' groups: those of another namespace than the default one are another group.
                let namespace = Some(self.unit.object.namespace());
                let namespace = namespace.filter(|name| *name != "default" && has("together"));
                if let (Some(namespace), Some(together)) = (namespace, &mut kept.together) {
                    together.name = format!("{namespace}/{}", together.name);
                }
                kept.capacity.clone_from(&spec.capacity);
                kept.request.clone_from(&spec.request);
                kept.alternatives.clone_from(&spec.alternatives);
                for (_, other) in &specs[1..] {
                    let way = instead(spec, other);
                    if way != Alternative::default() && !kept.alternatives.contains(&way) {
                        kept.alternatives.push(way);
                    }
                }
                self.hold_to_nodes(kept, notes);
                // What a pod would rather claim comes first; what has a value weighs dollars.
                if self.part.ordered && !has("ordered") {
                    kept.ordered = !kept.alternatives.is_empty() && kept.is_required();
                }
                Some(workload)
            }
            Err(more) => {
                problems.extend(more);
                None
            }
        }
    }

    /// What is asked when it runs one way.
    fn spec(&self, way: &Way<'a>) -> Result<WorkloadSpec, Vec<Diagnostic>> {
        let (draft, stated) = self.drafted(way)?;
        let mut spec = draft.finish::<Workload>()?.value.spec;
        let mut problems = Vec::new();
        Agreement { way, stated: &stated, estate: self.estate }.keep(&mut spec, &mut problems);
        if problems.is_empty() { Ok(spec) } else { Err(problems) }
    }

    /// What the manifest states and its annotations say, when it runs one way.
    fn drafted(&self, way: &Way<'a>) -> Result<(Draft, Stated<'a>), Vec<Diagnostic>> {
        let object = &self.unit.object;
        let mut draft = Draft::new(object.place, &object.view);
        let named = object.at(&["metadata", "name"]).unwrap_or_else(|| object.view.clone());
        draft.text(&["apiVersion"], plimsoll_model::API_VERSION, &object.view);
        draft.text(&["kind"], "Workload", &object.view);
        draft.text(&["metadata", "name"], &*self.name, &named);
        self.request(way, &mut draft);
        Self::places(way, &mut draft);
        if let Some(offer) = &self.part.current {
            draft.text(&["spec", "current"], &**offer, &self.part.template);
        }
        if let Some(group) = self.group {
            draft.text(&["spec", "together", "name"], group, &named);
        }
        let mut problems = Vec::new();
        let stated = self.annotations(&mut draft, &mut problems);
        if problems.is_empty() { Ok((draft, stated)) } else { Err(problems) }
    }

    /// Replicas and what each needs.
    fn request(&self, way: &Way<'a>, draft: &mut Draft) {
        let Part { needs, pods, at, .. } = self.part;
        let asked = &way.asked;
        let together = way.pods();
        let replicas = pods.div_ceil(together);
        if replicas != 1 {
            draft.integer(&["spec", "replicas"], replicas.into(), at);
        }
        if let Some(at) = &self.part.placement.one_a_node {
            draft.integer(&["spec", "perInstance"], 1, at);
        }
        if self.gang {
            draft.boolean(&["spec", "gang"], true, at);
        }
        let each = needs.clone().times(together);
        if let Some((asked, at)) = asked {
            let path = |field| ["spec", "request", "accelerators", field];
            draft.list(&path("anyOf"), asked.any_of.iter().cloned(), at);
            if asked.milli.is_multiple_of(1000) {
                let count = i64::try_from(asked.milli / 1000).unwrap_or(i64::MAX);
                draft.integer(&path("count"), count, at);
            } else {
                // A decimal is read exactly from its text.
                let text = format!("{}.{:03}", asked.milli / 1000, asked.milli % 1000);
                _ = draft.yaml(&path("count"), &text, at);
            }
            if let Some(bytes) = asked.memory {
                draft.text(&path("memory"), Bytes(bytes).to_string(), at);
            }
        }
        let place = |name| each.place(name).unwrap_or(at).clone();
        let (mut cpu, mut memory) = (each.get("cpu").map(Cpu), each.get("memory").map(Bytes));
        if asked.is_none() && cpu.is_none() && memory.is_none() {
            (cpu, memory) = (Some(UNSTATED.0), Some(UNSTATED.1));
        }
        if let Some(cpu) = cpu {
            draft.text(&["spec", "request", "cpu"], cpu.to_string(), &place("cpu"));
        }
        if let Some(memory) = memory {
            draft.text(&["spec", "request", "memory"], memory.to_string(), &place("memory"));
        }
        if let Some((priority, at)) = &self.priority {
            draft.integer(&["spec", "priority"], *priority, at);
        }
    }

    /// What selectors allow.
    fn places(way: &Way<'a>, draft: &mut Draft) {
        let limits = &way.limits;
        for (property, path) in [
            (Property::Cloud, &["spec", "clouds"][..]),
            (Property::Region, &["spec", "regions"]),
            (Property::Zone, &["spec", "zones"]),
            (Property::Capacity, &["spec", "capacity"]),
            (Property::InstanceType, &["spec", "request", "instanceType"]),
        ] {
            if let Some(choice) = limits.choices.get(&property) {
                draft.list(path, choice.values.iter().cloned(), &choice.at);
            }
        }
        if let Some(choice) = limits.choices.get(&Property::Arch)
            && let [arch] = &choice.values[..]
        {
            draft.text(&["spec", "request", "arch"], &**arch, &choice.at);
        }
        if let Some(first) = limits.excluded_places().next() {
            let places = limits.excluded_places().map(|excluded| excluded.value.clone());
            draft.list(&["spec", "notIn"], places, &first.at);
        }
        if let Some(first) = limits.excluded_types().next() {
            let types = limits.excluded_types().map(|excluded| excluded.value.clone());
            draft.list(&["spec", "request", "notInstanceType"], types, &first.at);
        }
    }

    /// Applies the annotations of the object, then of the pod template; returns the fields they state.
    fn annotations(&self, draft: &mut Draft, problems: &mut Vec<Diagnostic>) -> Stated<'a> {
        let mut stated = Stated::new();
        let of = |view: &View<'a>| view.at(&["metadata", "annotations"]);
        let object = of(&self.unit.object.view);
        let template =
            of(&self.part.template).filter(|t| object.as_ref().is_none_or(|o| o.path() != t.path()));
        for (annotations, is_object) in [(object, true), (template, false)] {
            for (key, value) in annotations.map_or_else(Vec::new, |view| view.entries()) {
                let Some(field) = key.strip_prefix(PREFIX) else { continue };
                // What an object says of a size is about its main part.
                if is_object && !self.is_main && matches!(field, "request" | "replicas") {
                    continue;
                }
                match Self::annotation(draft, field, &value) {
                    Ok(()) => _ = stated.insert(field, value),
                    Err(more) => problems.extend(more),
                }
            }
        }
        stated
    }

    fn annotation(draft: &mut Draft, field: &str, value: &View<'_>) -> Result<(), Vec<Diagnostic>> {
        if OTHERS.contains(&field) {
            return Ok(());
        }
        if !workload::FIELDS.contains(&field) {
            let problem = value.problem(format!("unknown annotation `{PREFIX}{}`", shown(field)));
            let near = yaml::nearest(field, workload::FIELDS);
            return Err(vec![match near {
                Some(near) => problem.with_help(format!("did you mean `{PREFIX}{near}`?")),
                None => problem.with_help("annotations have the names of a Workload's fields"),
            }]);
        }
        let Some(text) = value.text() else {
            let problem = value.problem(format!("`{PREFIX}{field}`: expected text"));
            return Err(vec![problem.with_help("an annotation is text: put what it says in quotes")]);
        };
        draft.yaml(&["spec", field], text, value).map_err(|mut problems| {
            for problem in &mut problems {
                problem.message = format!("`{PREFIX}{field}`: {}", problem.message);
            }
            problems
        })
    }

    /// What the manifest says and a plan cannot follow, or follows in its own way.
    fn say_remarks(&self, notes: &mut Notes, stated: &Stated<'a>) {
        let Part { ways, placement, needs, riders, levelled, .. } = self.part;
        let name = &*self.name;
        for (value, why) in &self.unit.remarks {
            notes.assume("runs", name, value.clone(), why.clone());
        }
        if !stated.contains_key("request") {
            let asks = ways.iter().any(|way| way.asked.is_some());
            if !asks && needs.get("cpu").is_none() && needs.get("memory").is_none() {
                let value = format!("cpu {}, memory {}", UNSTATED.0, UNSTATED.1);
                notes.assume(
                    "request (plimsoll.dev/request)",
                    name,
                    value,
                    "it requests nothing; the figures are kube-scheduler's",
                );
            }
        }
        if *levelled {
            notes.assume(
                "size",
                name,
                "all replicas as large as the largest",
                "a workload's replicas are equal",
            );
        }
        if !riders.is_empty() {
            let value = format!("{} on the same machines", riders.join(", "));
            notes.assume("size", name, value, "cores and memory are added to each replica");
        }
        // What several ways assume is said once.
        let mut said = BTreeSet::new();
        let mut say = |what: &str, value: String, why: String| {
            if said.insert((what.to_owned(), value.clone(), why.clone())) {
                notes.assume(what, name, value, why);
            }
        };
        for way in ways {
            Self::say_of_way(way, stated, &mut say);
        }
        for what in &placement.ignored {
            notes.assume("ignored", name, *what, "a plan chooses offers, not nodes among equal ones");
        }
    }

    fn say_of_way(way: &Way<'a>, stated: &Stated<'a>, say: &mut dyn FnMut(&str, String, String)) {
        const ACCELERATOR: &str = "accelerator (plimsoll.dev/request)";
        const IGNORED: &str = "ignored selector (plimsoll.dev/regions, zones, request)";
        let Way { limits, asked } = way;
        let by_selector = |choice: &Choice<'_>| format!("its selector `{}`", choice.label);
        let accelerator = limits.choices.get(&Property::Accelerator);
        match (asked, accelerator) {
            (Some((asked, _)), _) if !stated.contains_key("request") => {
                for (value, why) in &asked.assumed {
                    say(ACCELERATOR, value.clone(), why.clone());
                }
                if let Some(choice) = accelerator {
                    say(ACCELERATOR, asked.any_of.join(" or "), by_selector(choice));
                }
            }
            (None, Some(choice)) => {
                say("ignored selector", choice.label.clone(), "it asks for no accelerator".into());
            }
            _ => {}
        }
        for (label, why) in &limits.ignored {
            say(IGNORED, label.clone(), (*why).to_owned());
        }
        if let Some(choice) = limits.choices.get(&Property::Cloud).filter(|_| !stated.contains_key("clouds"))
        {
            say("cloud (plimsoll.dev/clouds)", choice.values.join(", "), by_selector(choice));
        }
    }

    fn duration(&self, draft: &mut Draft, notes: &mut Notes) {
        const WHAT: &str = "run time (plimsoll.dev/duration)";
        let name = &*self.name;
        match (&self.unit.bound, self.unit.batch) {
            (Some(bound), true) => {
                draft.text(&["spec", "duration"], bound.duration.to_string(), &bound.at);
                let why = "it says not how long it runs; its activeDeadlineSeconds bounds it";
                notes.assume(WHAT, name, bound.duration.to_string(), why);
            }
            (None, true) => {
                draft.text(&["spec", "duration"], HOUR, &self.unit.object.view);
                notes.assume(WHAT, name, HOUR, "it says not how long it runs");
            }
            (_, false) => notes.assume(WHAT, name, "the horizon", "it says not that it ends: a service"),
        }
    }

    fn interruptible(&self, draft: &mut Draft, notes: &mut Notes) {
        const WHAT: &str = "may be interrupted (plimsoll.dev/interruptible)";
        let name = &*self.name;
        let Placement { tolerates_spot, .. } = &self.part.placement;
        let mut selected =
            self.part.ways.iter().filter_map(|way| way.limits.choices.get(&Property::Capacity));
        let selected = selected.find(|choice| choice.values.iter().any(|class| class == "spot"));
        if let Some(choice) = selected {
            draft.boolean(&["spec", "interruptible"], true, &choice.at);
            notes.assume(WHAT, name, "yes", format!("its selector `{}`", choice.label));
        } else if let Some(toleration) = tolerates_spot {
            draft.boolean(&["spec", "interruptible"], true, toleration);
            notes.assume(WHAT, name, "yes", "it tolerates the taint of spot nodes");
        } else {
            notes.assume(WHAT, name, "no", "it does not tolerate the taint of spot nodes");
        }
    }

    fn inputs(&self, draft: &mut Draft, notes: &mut Notes, found: &mut EstateSpec) {
        const WHAT: &str = "data (plimsoll.dev/inputs)";
        let namespace = self.unit.object.namespace();
        let mut read: Vec<String> = Vec::new();
        for (claim, _) in &self.part.claims {
            let is_known = |spec: &EstateSpec| spec.datasets.iter().any(|dataset| dataset.name == *claim);
            if self.estate.is_some_and(is_known) || is_known(found) {
                read.push((*claim).to_owned());
            } else if let Some(dataset) = self.claims.dataset(namespace, claim) {
                notes.assume(
                    WHAT,
                    &self.name,
                    format!("claim {claim}, {} in {}", dataset.size, dataset.at.join(", ")),
                    "where its volume lies",
                );
                found.datasets.push(dataset);
                read.push((*claim).to_owned());
            } else {
                let size = self.claims.size(namespace, claim);
                let size = size.map_or_else(String::new, |size| format!(" ({size})"));
                notes.assume(
                    WHAT,
                    &self.name,
                    format!("none for claim {claim}{size}"),
                    format!("no dataset of the estate is called `{claim}`, so nothing is moved"),
                );
            }
        }
        if let Some((_, at)) = self.part.claims.first()
            && !read.is_empty()
        {
            let items: Vec<String> = read
                .iter()
                .map(|name| format!("{{dataset: {}}}", serde_json::Value::from(&**name)))
                .collect();
            _ = draft.yaml(&["spec", "inputs"], &format!("[{}]", items.join(", ")), at);
        }
    }
}

/// What one way states in place of another.
fn instead(first: &WorkloadSpec, other: &WorkloadSpec) -> Alternative {
    const ALL: [Capacity; 4] = [Capacity::Spot, Capacity::OnDemand, Capacity::Reserved, Capacity::OnPrem];
    let list = |other: &Vec<String>, first: &Vec<String>| (other != first).then(|| other.clone());
    let capacity = (other.capacity != first.capacity).then(|| other.capacity.clone());
    Alternative {
        request: (other.request != first.request).then(|| other.request.clone()),
        capacity: capacity.map(|classes| classes.unwrap_or_else(|| ALL.into())),
        regions: list(&other.regions, &first.regions),
        clouds: list(&other.clouds, &first.clouds),
        zones: list(&other.zones, &first.zones),
        not_in: list(&other.not_in, &first.not_in),
        max_hourly: None,
    }
}
