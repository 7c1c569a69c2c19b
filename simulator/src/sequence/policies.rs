//! The policies of a sequence by name: scorers of `plimsoll_packing::scores`, alone or weighted.

use std::sync::Arc;

use plimsoll_model::scenario::PolicySpec;
use plimsoll_packing::scores::{Fgd, Score};

use crate::{
    experiment::{Context, Problems, unknown},
    replay::{Arrivals, Input, Policy, Rule, Trial, choose},
    scorers,
};

/// What can be named.
const NAMES: &[&str] = &[
    "random",
    "dot-product",
    "clustering",
    "packing",
    "best-fit",
    "fgd",
    "pwr",
    "regret",
    "plan",
    "first-fit",
    "kube-default",
    "mix",
];

/// The policies of a scenario.
pub(super) fn all(context: &mut Context<'_>, input: &Input) -> Result<Vec<Policy>, Problems> {
    let specs = context.point.scenario.value.run.policies.clone();
    let mut makers = Makers { input, regret: None };
    let mut policies = Vec::new();
    for (at, spec) in specs.iter().enumerate() {
        policies.push(one(context, &mut makers, spec, &format!("run.policies[{at}]"))?);
    }
    Ok(policies)
}

fn one(
    context: &mut Context<'_>,
    makers: &mut Makers<'_>,
    spec: &PolicySpec,
    field: &str,
) -> Result<Policy, Problems> {
    if spec.name != "mix" && !spec.weights.is_empty() {
        return context.refuse(&format!("{field}.weights"), "only `mix` has weights", "");
    }
    for (name, given) in [
        ("every", spec.every.is_some()),
        ("backfill", spec.backfill.is_some()),
        ("queues", !spec.queues.is_empty()),
        ("heterogeneity", spec.heterogeneity.is_some()),
        ("reserved_first", spec.reserved_first.is_some()),
        ("spot_up_to", spec.spot_up_to.is_some()),
        ("knows_duration", spec.knows_duration.is_some()),
        ("without", !spec.without.is_empty()),
        ("scorer", spec.scorer.is_some()),
    ] {
        if given {
            let message = format!("means nothing to `{}` in a sequence", spec.name);
            return context.refuse(&format!("{field}.{name}"), message, "remove it");
        }
    }
    match spec.name.as_str() {
        "random" => Ok(Policy::Random),
        "plan" => makers.planned(context, field),
        "mix" => {
            if spec.weights.is_empty() {
                return context.refuse(field, "`mix` needs `weights`", "weights = { pwr = 100, fgd = 900 }");
            }
            let mut parts = Vec::new();
            for (name, weight) in &spec.weights {
                let field = format!("{field}.weights.{name}");
                if !(1..=1_000_000).contains(weight) {
                    return context.refuse(&field, "must be a whole number from 1 to 1000000", "");
                }
                parts.push((*weight, makers.scorer(context, name, &field)?));
            }
            Ok(Policy::Scored(parts))
        }
        name => Ok(Policy::Scored(vec![(1, makers.scorer(context, name, field)?)])),
    }
}

struct Makers<'a> {
    input: &'a Input,
    /// Made when first asked for: its prices take seconds.
    regret: Option<Arc<dyn Score>>,
}

impl Makers<'_> {
    fn scorer(
        &mut self,
        context: &mut Context<'_>,
        name: &str,
        field: &str,
    ) -> Result<Arc<dyn Score>, Problems> {
        let input = self.input;
        if let Some(scorer) = scorers::named(name, || input.typical.clone()) {
            return Ok(scorer);
        }
        match (name, &input.power) {
            ("regret", _) => self.regret(context, field),
            ("pwr", Some(power)) => Ok(Arc::new(power.clone())),
            ("pwr", None) => {
                let message = "`pwr` needs to know what machines draw";
                context.refuse(field, message, "add a section [power]")
            }
            _ => {
                let (message, help) = unknown("policy of a sequence", name, NAMES);
                context.refuse(field, message, &help)
            }
        }
    }

    /// Regret at prices from the mix of the trace.
    fn regret(&mut self, context: &mut Context<'_>, field: &str) -> Result<Arc<dyn Score>, Problems> {
        if let Some(known) = &self.regret {
            return Ok(Arc::clone(known));
        }
        let input = self.input;
        let made = match scorers::regret(&input.nodes, &input.classes, &input.counts()) {
            Ok(made) => Arc::new(made) as Arc<dyn Score>,
            Err(error) => return context.refuse(field, error, ""),
        };
        self.regret = Some(Arc::clone(&made));
        Ok(made)
    }

    /// What `plan` does where nothing can be put off: of regret and descent on fragmentation the one that allocates
    /// more on three other sequences drawn from the trace.
    fn planned(&mut self, context: &mut Context<'_>, field: &str) -> Result<Policy, Problems> {
        let regret = Policy::Scored(vec![(1, self.regret(context, field)?)]);
        let candidates = [regret, Policy::of(Fgd::new(&self.input.typical))];
        let arrivals = Arrivals { shuffle: true, inflate: Some(1.3), rule: Rule::Whole };
        let choice = choose(self.input, &candidates, &Trial { arrivals, level: 130.0, seeds: 0..3 });
        let best = choice.map_or(0, |choice| choice.best);
        let name = ["regret", "fgd"][best];
        context.notes.push(format!(
            "plan: in a sequence nothing can wait, so it places by the score that did best on three other sequences \
             drawn from the trace: {name}"
        ));
        let [regret, fgd] = candidates;
        Ok(if best == 0 { regret } else { fgd })
    }
}
