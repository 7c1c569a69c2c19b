//! The known name that a mistyped one stands for.

use strsim::damerau_levenshtein;

/// Far longer than any name, and short enough that the distance costs nothing.
const LONGEST: usize = 64;

/// The candidate nearest to `word`, when one is near enough to be worth naming. Case, `-` and `_` do
/// not count; of equally near ones the first wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
    };
    if word.chars().nth(LONGEST).is_some() {
        return None;
    }
    let wanted = plain(word);
    if wanted.is_empty() {
        return None;
    }
    let allowed = (wanted.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().nth(LONGEST).is_none())
        .map(|candidate| (damerau_levenshtein(&wanted, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_nearest_and_nothing_far() {
        let names = ["duration", "deadline", "datasets", "notIn", "on-demand"];
        for (word, near) in [
            ("durration", Some("duration")),
            ("dead_line", Some("deadline")),
            ("notin", Some("notIn")),
            ("ondemand", Some("on-demand")),
            ("OnDemand", Some("on-demand")),
            ("dataset", Some("datasets")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, names), near, "{word}");
        }
    }
}
