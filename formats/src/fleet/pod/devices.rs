//! What a pod asks of accelerators: whole ones, shares of one, parts of cards, what it claims.

use std::collections::BTreeMap;

use plimsoll_model::{
    Diagnostic,
    fleet::{Amount, Ask, Pod, Requirement, Test},
    quantity::decimal::parse_pico,
    read::View,
};

use super::{
    super::{
        claim::Taken,
        device::{NEURON_CORE, NVIDIA, SLICED},
        expand::Draft,
        listed,
        remarks::Remarks,
    },
    Context, annotation,
};
use crate::kubernetes::{
    device::{Meaning, meaning},
    mig,
    needs::Needs,
};

/// Reads the accelerators of one pod.
pub(super) struct Reader<'a, 'r, 'd> {
    pub(super) context: &'r Context<'a, 'd>,
    pub(super) draft: &'r Draft<'a>,
    pub(super) pod: &'r mut Pod,
    pub(super) remarks: &'r mut Remarks,
    pub(super) problems: &'r mut Vec<Diagnostic>,
}

impl<'a> Reader<'a, '_, '_> {
    /// Reads them of a pod that needs so much, by its place among the drafts.
    pub(super) fn accelerators(&mut self, needs: &Needs<'a>, index: usize) {
        let mut first: Option<View<'a>> = None;
        for (resource, count, at) in needs.devices() {
            let known = self.context.devices;
            let before = self.pod.ask.clone();
            match meaning(resource) {
                _ if known.is_counted(resource) => self.count(resource, count),
                Meaning::Mig => self.mig(resource, count, at),
                Meaning::NeuronCore => self.neuron(count, at),
                Meaning::Shared(..) => self.shared(resource, count, at),
                Meaning::Beside if resource.starts_with("nvidia.com/gpu") => {}
                _ if known.is_accelerator(resource) => self.whole(resource, count, needs, at),
                _ => _ = self.pod.needs.insert(resource.to_owned(), count),
            }
            if self.pod.ask == before {
                continue;
            }
            if before.is_some() {
                let problem = at.problem(format!("`{resource}`: a pod with two kinds of accelerator"));
                let other = first
                    .as_ref()
                    .map_or(String::new(), |view| format!("; the other is at `{}`", view.path()));
                self.problems.push(problem.with_help(format!("a pod gets devices of one kind{other}")));
            }
            first = Some(at.clone());
        }
        self.fraction(first.as_ref());
        self.claimed(index);
    }

    /// Devices that the pod claims. What cannot be told is left to the scheduler.
    fn claimed(&mut self, index: usize) {
        let both = || Err("it asks for accelerators by resources and by claims".to_owned());
        let taken = match self.context.claims.of_pod(self.draft, index) {
            Ok(None) => return,
            Ok(Some(_)) if self.pod.ask.is_some() => both(),
            taken => taken,
        };
        match taken {
            Ok(Some(taken)) => self.take(&taken),
            Ok(None) => {}
            Err(why) => {
                if self.pod.on.is_none() {
                    let value = format!("their resource claims (DRA): {why}");
                    self.remarks.say("not looked at", value, self.draft.object.name);
                }
                self.pod.left = Some(why);
            }
        }
    }

    fn take(&mut self, taken: &Taken) {
        let known = self.context.devices;
        let resource = known.claimed(&taken.driver).to_owned();
        if resource != taken.driver {
            // By that name nodes count devices that nobody can claim, too.
            self.pod.rule.and(Requirement { key: listed::label(&taken.driver), test: Test::Exists });
        }
        if known.is_counted(&resource) {
            self.count(&resource, u64::from(taken.count));
            return;
        }
        self.ask(&resource, Amount::Whole(taken.count));
        if let Some(ask) = &mut self.pod.ask {
            ask.models = taken.models(&known.memory);
        }
    }

    fn ask(&mut self, resource: &str, amount: Amount) {
        self.pod.accelerators_milli = match amount {
            Amount::Whole(count) => u64::from(count) * 1000,
            Amount::Share(milli) => u64::from(milli),
            Amount::Slice { length, .. } => u64::from(length) * 125,
        };
        self.pod.ask = Some(Ask { resource: resource.to_owned(), models: Vec::new(), amount });
    }

    /// Counted beside devices: whole accelerators all the same.
    fn count(&mut self, resource: &str, count: u64) {
        self.pod.needs.insert(resource.to_owned(), count);
        let shares = self.context.devices.shares.get(resource).copied().unwrap_or(1);
        self.pod.accelerators_milli += count.saturating_mul(1000) / shares;
    }

    fn number(&mut self, resource: &str, count: u64, at: &View<'_>) -> Option<u16> {
        let number = u16::try_from(count).ok();
        if number.is_none() {
            self.problems.push(at.problem(format!("`{resource}`: {count} is more than any node has")));
        }
        number
    }

    fn whole(&mut self, resource: &str, count: u64, needs: &Needs<'a>, at: &View<'a>) {
        let Some(count) = self.number(resource, count, at) else { return };
        let share = if resource == NVIDIA { self.hami(needs) } else { None };
        match share {
            Some(_) if count > 1 => {
                let problem = at.problem(format!("`{resource}`: a part of each of {count} cards"));
                self.problems.push(problem.with_help(
                    "a pod has a part of one card, or whole ones: ask for whole cards, or split the pod",
                ));
            }
            Some(milli) => self.ask(resource, Amount::Share(milli)),
            None => self.ask(resource, Amount::Whole(count)),
        }
    }

    /// The part of a card that `HAMi`'s resources ask for, in thousandths; none for a whole one.
    fn hami(&mut self, needs: &Needs<'a>) -> Option<u16> {
        let percent = ["nvidia.com/gpucores", "nvidia.com/gpumem-percentage"];
        let percent = percent.iter().filter_map(|name| needs.get(name)).max();
        let memory = &self.context.devices.memory;
        let by_memory = needs.get("nvidia.com/gpumem").map(|mib| {
            // Of the smallest card that has so much.
            let card = memory.values().copied().filter(|has| *has >= mib).min().unwrap_or(mib).max(1);
            if memory.len() > 1 {
                let value = "memory in MiB is a part of the smallest card that has so much";
                self.remarks.say("parts of cards by memory", value, self.draft.object.name);
            }
            (mib.saturating_mul(1000)).div_ceil(card)
        });
        let milli = percent.map(|percent| percent.saturating_mul(10)).into_iter().chain(by_memory).max()?;
        u16::try_from(milli).ok().filter(|milli| (1..1000).contains(milli))
    }

    fn mig(&mut self, resource: &str, count: u64, at: &View<'_>) {
        let Some(profile) = mig::profile(resource) else { return };
        let cards = mig::cards(profile);
        let known = self.context.devices;
        // Where a name is of several lengths, the shortest: on the other cards it takes more for no more.
        let mut places: BTreeMap<(u8, u8), Vec<String>> = BTreeMap::new();
        for card in &known.sliced {
            if let Some(geometry) = mig::geometry(card, profile) {
                places.entry(geometry).or_default().push(card.clone());
            }
        }
        let mut places = places.into_iter();
        let (geometry, sliced) =
            places.next().map_or((None, Vec::new()), |(geometry, sliced)| (Some(geometry), sliced));
        if geometry.is_some() && known.is_cut(resource) {
            let value = format!("`{resource}`: only on cards that are cut so already");
            self.remarks.say("partitions of cards", value, self.draft.object.name);
        } else if let Some((_, others)) = places.next() {
            let value =
                format!("`{resource}`: on {} only, not on {}", sliced.join(" or "), others.join(" or "));
            self.remarks.say("partitions of cards", value, self.draft.object.name);
        }
        if geometry.is_some() && !known.is_cut(resource) && mig::has_media(resource) {
            let value = format!("`{resource}`: that a card has one with media engines is not looked at");
            self.remarks.say("partitions of cards", value, self.draft.object.name);
        }
        match geometry.filter(|_| !self.context.devices.is_cut(resource)) {
            Some(_) if count > 1 => {
                let problem = at.problem(format!("`{resource}`: {count} slices for one pod"));
                self.problems.push(problem.with_help(
                    "on cards that are cut anew (plimsoll.dev/mig: dynamic) a pod has one slice: ask for a larger one",
                ));
            }
            Some((length, starts)) => {
                self.ask(SLICED, Amount::Slice { length, starts });
                if let Some(ask) = &mut self.pod.ask {
                    ask.models = sliced;
                }
            }
            None => {
                self.pod.needs.insert(resource.to_owned(), count);
                let milli = cards.iter().map(|card| card.milli).max().unwrap_or(1000);
                self.pod.accelerators_milli += milli.saturating_mul(count);
            }
        }
    }

    fn shared(&mut self, resource: &str, count: u64, at: &View<'_>) {
        let Some(number) = self.number(resource, count, at) else { return };
        self.ask(resource, Amount::Whole(number));
        let shares = self.context.devices.shares.get(resource).copied().unwrap_or(1);
        self.pod.accelerators_milli = count.saturating_mul(1000) / shares;
    }

    /// Cores of Inferentia and Trainium: parts of a device, or whole ones.
    fn neuron(&mut self, count: u64, at: &View<'_>) {
        const NEURON: &str = "aws.amazon.com/neuron";
        let Some(cores) = self.context.devices.cores else {
            // Nodes count cores alone.
            if let Some(number) = self.number(NEURON_CORE, count, at) {
                self.ask(NEURON_CORE, Amount::Whole(number));
            }
            return;
        };
        let amount = if count < cores {
            u16::try_from((count * 1000).div_ceil(cores)).ok().map(Amount::Share)
        } else {
            if !count.is_multiple_of(cores) {
                let value = format!("{count} Neuron cores take {} devices of {cores}", count.div_ceil(cores));
                self.remarks.say("rounded up to devices", value, self.draft.object.name);
            }
            u16::try_from(count.div_ceil(cores)).ok().map(Amount::Whole)
        };
        if let Some(amount) = amount {
            self.ask(NEURON, amount);
        }
    }

    /// `gpu-fraction`, by which KAI and Run:ai ask for a part of a card.
    fn fraction(&mut self, first: Option<&View<'a>>) {
        let Some(stated) = annotation(self.draft, "gpu-fraction") else { return };
        let milli =
            stated.text().and_then(|text| parse_pico(text.trim()).ok()).map(|pico| pico / 1_000_000_000);
        let milli =
            milli.and_then(|milli| u16::try_from(milli).ok()).filter(|milli| (1..1000).contains(milli));
        let Some(milli) = milli else {
            let problem = stated.problem("`gpu-fraction`: expected a part of one card, above 0 and below 1");
            self.problems.push(problem.with_help("such as \"0.5\", in steps of 0.001"));
            return;
        };
        if let Some(whole) = first {
            let problem = stated.problem("`gpu-fraction`: the pod asks for whole devices too");
            self.problems
                .push(problem.with_help(format!("remove one of the two; the other is `{}`", whole.path())));
            return;
        }
        self.ask(NVIDIA, Amount::Share(milli));
    }
}
