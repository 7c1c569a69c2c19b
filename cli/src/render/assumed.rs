//! What an assumption is about, taken apart: what many workloads share is said once.

use indexmap::{IndexMap, IndexSet};
use plimsoll_model::plan::Assumption;

/// The kind of what is said of the ends of series.
pub(super) const OUTSIDE: &str = "carbon intensity outside of a series";

/// The one kind that names several workloads at once.
const HORIZON: &str = "horizon";

/// The words of an assumption: `PUE of aws` is of the kind `PUE` and about `aws`. What it says is `before`,
/// `about` and `after`, in this order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wording<'a> {
    pub(super) kind: &'a str,
    before: &'a str,
    about: &'a str,
    after: &'a str,
}

impl<'a> Wording<'a> {
    pub(super) fn of(what: &'a str) -> Self {
        const SERIES: (&str, &str) = ("carbon intensity of ", " outside of its series");
        if let Some(about) = what.strip_prefix(SERIES.0).and_then(|rest| rest.strip_suffix(SERIES.1)) {
            return Self { kind: OUTSIDE, before: SERIES.0, about, after: SERIES.1 };
        }
        for (kind, before) in [("passed over", "passed over: "), (HORIZON, "horizon of the services ")] {
            if let Some(about) = what.strip_prefix(before) {
                return Self { kind, before, about, after: "" };
            }
        }
        let glue = [" of ", " from ", " between "].into_iter();
        let first = glue.filter_map(|glue| Some((what.find(glue)?, glue.len()))).min();
        let (kind, before) = first.map_or((what.len(), what.len()), |(at, glue)| (at, at + glue));
        Self { kind: &what[..kind], before: &what[..before], about: &what[before..], after: "" }
    }

    /// All that it is about.
    pub(super) fn names(self) -> Vec<&'a str> {
        if self.kind == HORIZON { self.about.split(", ").collect() } else { vec![self.about] }
    }
}

/// Assumptions that say the same of several things.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    wording: Wording<'a>,
    pub(super) names: IndexSet<&'a str>,
    /// One of them.
    pub(super) one: &'a Assumption,
}

impl Shared<'_> {
    /// What they are about, with these words for the names.
    pub(super) fn what(&self, names: &str) -> String {
        [self.wording.before, names, self.wording.after].concat()
    }
}

/// Those that say the same together, in the order of their first.
pub(super) fn shared(assumptions: &[Assumption]) -> impl Iterator<Item = Shared<'_>> {
    let mut equal: IndexMap<_, Shared<'_>> = IndexMap::new();
    for one in assumptions {
        let wording = Wording::of(&one.what);
        let key = (wording.before, wording.after, &*one.value, &*one.source, one.as_of.as_deref());
        let all = equal.entry(key).or_insert_with(|| Shared { wording, names: IndexSet::new(), one });
        all.names.extend(wording.names());
    }
    equal.into_values()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_the_same_is_said_once() {
        let assumption = |(what, value): &(&str, &str)| Assumption {
            what: (*what).to_owned(),
            value: (*value).to_owned(),
            source: "a table".into(),
            as_of: None,
        };
        let said = [
            ("data (plimsoll.dev/inputs) of a", "none for claim x"),
            ("data (plimsoll.dev/inputs) of a", "none for claim y"),
            ("data (plimsoll.dev/inputs) of b", "none for claim x"),
            ("data (plimsoll.dev/inputs) of a", "none for claim x"),
            ("egress from aws/r to gcp/s", "0.02 $/GiB"),
            ("egress from aws/r to *", "0.02 $/GiB"),
            ("carbon intensity of r outside of its series", "9 g/kWh"),
            ("carbon intensity of r", "9 g/kWh"),
            ("carbon intensity of s outside of its series", "9 g/kWh"),
            ("carbon intensity of outside of its series", "9 g/kWh"),
            ("horizon of the services a, b", "1d"),
            ("passed over: a list of Secrets", "holds nothing that runs"),
            ("rates", "of old"),
        ];
        let list: Vec<Assumption> = said.iter().map(assumption).collect();
        let texts: Vec<String> = shared(&list)
            .map(|shared| {
                let names: Vec<&str> = shared.names.iter().copied().collect();
                format!("{} = {}", shared.what(&format!("[{}]", names.join("|"))), shared.one.value)
            })
            .collect();
        assert_eq!(
            texts,
            [
                "data (plimsoll.dev/inputs) of [a|b] = none for claim x",
                "data (plimsoll.dev/inputs) of [a] = none for claim y",
                "egress from [aws/r to gcp/s|aws/r to *] = 0.02 $/GiB",
                "carbon intensity of [r|s] outside of its series = 9 g/kWh",
                "carbon intensity of [r|outside of its series] = 9 g/kWh",
                "horizon of the services [a|b] = 1d",
                "passed over: [a list of Secrets] = holds nothing that runs",
                "rates[] = of old",
            ]
        );
    }
}
