//! Conditions in CEL on the attributes of devices, as far as they compare them with text.

use plimsoll_model::Bytes;

use crate::labels::product;

/// Bytes of an expression: Kubernetes takes no more.
pub(super) const LONGEST: usize = 10 * 1024;

/// Parentheses around a condition that are taken off, and alternatives within alternatives, at most.
const DEEPEST: usize = 16;

/// The conditions of an expression, all of which must hold; none where it is too long.
pub(super) fn conditions(expression: &str) -> Option<Vec<&str>> {
    (expression.len() <= LONGEST).then(|| split(expression, "&&"))
}

/// What selectors say that offers can be held against.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) driver: Option<String>,
    pub(super) names: Option<Vec<String>>,
    pub(super) profile: Option<String>,
    pub(super) is_part: bool,
    pub(super) memory: Option<u64>,
}

impl Held {
    /// Takes a condition in; false where it cannot be held.
    pub(super) fn take(&mut self, condition: &str) -> bool {
        self.take_within(DEEPEST, condition)
    }

    /// The same within so many alternatives at most.
    fn take_within(&mut self, depth: usize, condition: &str) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let condition = bare(condition);
        let either: Vec<&str> = split(condition, "||");
        if either.len() > 1 {
            // Alternatives are held where each names products.
            let mut names = Vec::new();
            for one in either {
                let mut alone = Self::default();
                match alone.take_within(depth, one).then_some(alone.names).flatten() {
                    Some(alone) => names.extend(alone),
                    None => return false,
                }
            }
            return self.named(&names);
        }
        if let Some((what, values)) = compared(condition) {
            let one = values.first().cloned().unwrap_or_default();
            return match what {
                "driver" if values.len() == 1 => {
                    self.driver = Some(one);
                    true
                }
                "productName" | "model" | "deviceName" => self.named(&values),
                "profile" if values.len() == 1 => {
                    self.profile = Some(one);
                    true
                }
                "type" => {
                    self.is_part |= one == "mig";
                    matches!(&*one, "gpu" | "mig")
                }
                _ => false,
            };
        }
        let Some(least) = least_memory(condition) else { return false };
        self.memory = Some(self.memory.unwrap_or(0).max(least));
        true
    }

    /// Accelerators by the names of products, or by their own.
    fn named(&mut self, values: &[String]) -> bool {
        let names: Vec<String> = values.iter().map(|value| product(&value.replace(' ', "-"))).collect();
        let both: Vec<String> = match &self.names {
            None => names,
            Some(before) => before.iter().filter(|name| names.contains(name)).cloned().collect(),
        };
        // No device is of two products: the second is said not to be held.
        let held = !both.is_empty();
        if held {
            self.names = Some(both);
        }
        held
    }
}

/// The text without white space and parentheses around it.
fn bare(mut text: &str) -> &str {
    for _ in 0..DEEPEST {
        text = text.trim();
        let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
        match inner.filter(|inner| is_balanced(inner)) {
            Some(inner) => text = inner,
            None => break,
        }
    }
    text.trim()
}

fn is_balanced(text: &str) -> bool {
    let mut depth = 0_i32;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

/// The parts between an operator that stands outside of quotes and parentheses.
fn split<'t>(text: &'t str, operator: &str) -> Vec<&'t str> {
    let (mut parts, mut from, mut depth, mut quote) = (Vec::new(), 0, 0_i32, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            _ if depth == 0 && at >= from && text[at..].starts_with(operator) => {
                parts.push(&text[from..at]);
                from = at + operator.len();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

/// `device.….NAME == "VALUE"` or `device.….NAME in ["VALUE", …]`.
fn compared(condition: &str) -> Option<(&str, Vec<String>)> {
    let (left, right) = if let Some((left, right)) = condition.split_once("==") {
        (left, vec![quoted(right)?])
    } else {
        let (left, list) = condition.split_once(" in ")?;
        let list = list.trim().strip_prefix('[')?.strip_suffix(']')?;
        let values: Option<Vec<String>> = list.split(',').map(quoted).collect();
        (left, values?)
    };
    Some((attribute(left)?, right))
}

/// The last name of `device.driver`, `device.attributes["…"].NAME` or `…["NAME"]`.
fn attribute(text: &str) -> Option<&str> {
    let text = text.trim();
    text.starts_with("device.").then_some(())?;
    let name = match text.strip_suffix(']') {
        Some(inner) => inner.rsplit_once('[')?.1.trim_matches(|c| c == '"' || c == '\''),
        None => text.rsplit_once('.')?.1,
    };
    (!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric())).then_some(name)
}

fn quoted(text: &str) -> Option<String> {
    let text = text.trim();
    let inner = ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))?;
    (!inner.contains(['"', '\''])).then(|| inner.to_owned())
}

/// `device.capacity["…"].memory.compareTo(quantity("40Gi")) >= 0`, `….isGreaterThan(quantity("39Gi"))`.
fn least_memory(condition: &str) -> Option<u64> {
    let (left, call) = condition.split_once(".memory.")?;
    left.trim().starts_with("device.capacity[").then_some(())?;
    let (call, strictly) = if let Some(rest) = call.strip_prefix("isGreaterThan(") {
        (rest.trim().strip_suffix(')')?, true)
    } else {
        let (call, sign) = call.strip_prefix("compareTo(")?.rsplit_once(')')?;
        let sign: String = sign.split_whitespace().collect();
        let strictly = match &*sign {
            ">=0" => false,
            ">0" => true,
            _ => return None,
        };
        (call, strictly)
    };
    let quantity = call.trim().strip_prefix("quantity(")?.strip_suffix(')')?;
    let bytes: Bytes = quoted(quantity)?.parse().ok()?;
    Some(bytes.0.saturating_add(u64::from(strictly)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_held_where_they_say_what_offers_say() {
        let held = |text: &str| {
            let mut held = Held::default();
            let all = conditions(text).unwrap().into_iter().all(|one| held.take(one));
            (all, held)
        };
        let (all, found) = held(
            "device.driver == 'gpu.nvidia.com' && device.attributes[\"gpu.nvidia.com\"].productName == \"NVIDIA A100-SXM4-80GB\"",
        );
        assert!(all);
        assert_eq!(found.driver.as_deref(), Some("gpu.nvidia.com"));
        assert_eq!(found.names.as_deref(), Some(&["A100-80GB".to_owned()][..]));
        let (all, found) =
            held("(device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('40Gi')) >= 0)");
        assert!(all);
        assert_eq!(found.memory, Some(40 << 30));
        assert_eq!(
            held("device.capacity['x'].memory.isGreaterThan(quantity(\"40Gi\"))").1.memory,
            Some((40 << 30) + 1)
        );
        let (all, found) = held(
            "device.attributes['g'].productName == 'NVIDIA H100 80GB HBM3' || device.attributes['g'][\"productName\"] in ['NVIDIA H200']",
        );
        assert!(all);
        assert_eq!(found.names.as_deref(), Some(&["H100".to_owned(), "H200".to_owned()][..]));
        for not in [
            "device.attributes['g'].architecture == 'Hopper'",
            "device.capacity['g'].memory.compareTo(quantity('40Gi')) < 0",
            "device.attributes['g'].productName.matches('.*A100.*')",
            "device.attributes['g'].index == 0",
            "device.driver == 'g' || true",
            "'a && b' == device.driver",
            "device.attributes['g'].model == 'A100' && device.attributes['g'].model == 'H100'",
        ] {
            assert!(!held(not).0, "{not}");
        }
    }
    /// Each parenthesis was a call within the one before.
    #[test]
    fn alternatives_in_parentheses_are_held_as_deep_as_people_write_them() {
        let one = "device.attributes['g'].model == 'A100'";
        let nested =
            |depth: usize| format!("{}{one}{}", "(".repeat(depth), format!(" || {one})").repeat(depth));
        for (depth, holds) in [(3, true), (12, true), (200, false), (20_000, false)] {
            assert_eq!(Held::default().take(&nested(depth)), holds, "{depth}");
        }
        assert_eq!(conditions(&nested(10_000)), None);
    }
}
