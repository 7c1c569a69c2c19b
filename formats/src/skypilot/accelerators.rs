//! `accelerators`: `H100:8`, a mapping, a list, or by memory (`80GB+`, `nvidia:24GB+:2`).

use plimsoll_model::{AcceleratorCount, AcceleratorKind, Bytes, diagnostic::shown, read::View};

use super::{Findings, ask::Ask, fields, quantity};

/// One entry of `accelerators`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    name: Option<String>,
    count: AcceleratorCount,
    memory: Option<quantity::AtLeast<Bytes>>,
}

impl Wanted {
    /// Adds the accelerators to what a node asks for.
    pub(super) fn ask(self, ask: &mut Ask) {
        ask.names.extend(self.name);
        ask.count = Some(self.count);
        if let Some(memory) = self.memory {
            ask.kind = Some(AcceleratorKind::Gpu);
            ask.card = Some(memory.amount);
            ask.exact_card = !memory.or_more;
        }
    }
}

/// All that the field allows, and whether the first are preferred.
pub(super) fn read(view: &View<'_>, findings: &mut Findings) -> (Vec<Wanted>, bool) {
    let mut wanted = Vec::new();
    if view.is_list() {
        for item in view.items() {
            if let Some(text) = fields::text(&item, findings) {
                wanted.extend(entry(&item, text, findings));
            }
        }
        let preferred = wanted.len() > 1;
        return (wanted, preferred);
    }
    if view.is_mapping() {
        for (name, count) in view.entries() {
            // `{A100, V100}` and `{A100:8, V100:8}` have keys alone.
            let text = count.text().map_or_else(|| name.to_owned(), |count| format!("{name}:{count}"));
            wanted.extend(entry(&count, &text, findings));
        }
        return (wanted, false);
    }
    if let Some(text) = fields::text(view, findings) {
        wanted.extend(entry(view, text, findings));
    }
    (wanted, false)
}

fn entry(view: &View<'_>, text: &str, findings: &mut Findings) -> Option<Wanted> {
    let parsed = parse(text);
    if let Err(problem) = &parsed {
        findings.wrong_help(
            view,
            format!("`{}`: {problem}", shown(text)),
            "write a name and how many: `H100:8`; or the memory of each: `80GB+:2`",
        );
    }
    parsed.ok()
}

fn parse(text: &str) -> Result<Wanted, &'static str> {
    let parts: Vec<&str> = text.split(':').map(str::trim).collect();
    let by_memory = |memory: &str, count: &str| {
        let memory = quantity::memory(memory).ok_or("the memory is no size such as 80GB")?;
        Ok(Wanted { name: None, count: number(count)?, memory: Some(memory) })
    };
    match parts[..] {
        [""] | ["", _] => Err("the name is missing"),
        [memory, count] if is_memory(memory) => by_memory(memory, count),
        // The maker of the card is no part of an offer: each of that memory will do.
        [memory] | [_, memory] if is_memory(memory) => by_memory(memory, "1"),
        [_, memory, count] if is_memory(memory) => by_memory(memory, count),
        [name] => Ok(Wanted { name: Some(name.into()), count: AcceleratorCount::whole(1), memory: None }),
        [name, count] => Ok(Wanted { name: Some(name.into()), count: number(count)?, memory: None }),
        _ => Err("too many parts"),
    }
}

fn is_memory(text: &str) -> bool {
    let text = text.strip_suffix('+').unwrap_or(text).to_ascii_lowercase();
    let number = ["gb", "mb", "tb"].iter().find_map(|unit| text.strip_suffix(unit));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn number(text: &str) -> Result<AcceleratorCount, &'static str> {
    let milli = quantity::cpus(text).filter(|count| !count.or_more).map(|count| count.amount.0);
    match milli {
        None => Err("the count must be a number above 0"),
        Some(milli) if milli > 1000 && milli % 1000 != 0 => Err("a count above 1 must be whole"),
        Some(milli) => Ok(AcceleratorCount(milli)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_name_cards_or_their_memory() {
        let read = |text: &str| {
            parse(text).map(|wanted| {
                let memory = wanted.memory.map(|memory| (memory.amount, memory.or_more));
                (wanted.name.unwrap_or_default(), wanted.count.0, memory)
            })
        };
        assert_eq!(read("H100:8"), Ok(("H100".into(), 8000, None)));
        assert_eq!(read("tpu-v5e-16"), Ok(("tpu-v5e-16".into(), 1000, None)));
        assert_eq!(read("A100:0.5"), Ok(("A100".into(), 500, None)));
        assert_eq!(read("80GB+"), Ok((String::new(), 1000, Some((Bytes::gib(80), true)))));
        assert_eq!(read("nvidia:24gb:2"), Ok((String::new(), 2000, Some((Bytes::gib(24), false)))));
        for wrong in ["H100:0", "H100:x", "H100:8:8", "", ":8", "H100:1.5", "H100:8+", "H100:-1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
