//! Countries, continents, the EU and the EEA: what a residency rule is checked against.

use std::sync::OnceLock;

use crate::table::{fields, rows};

static COUNTRIES: &str = include_str!("../facts/countries.csv");

/// A country of ISO 3166-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Country {
    /// Alpha-2 code.
    pub code: &'static str,
    /// Short English name.
    pub name: &'static str,
    /// One of Africa, Antarctica, Asia, Europe, North America, Oceania, South America.
    pub continent: &'static str,
    /// Member of the European Union.
    pub eu: bool,
    /// Member of the European Economic Area.
    pub eea: bool,
}

/// All countries, sorted by code.
pub fn countries() -> &'static [Country] {
    static PARSED: OnceLock<Vec<Country>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let parse = |line| {
            let [code, name, continent, eu, eea] = fields(line);
            Country { code, name, continent, eu: eu == "1", eea: eea == "1" }
        };
        rows(COUNTRIES).map(parse).collect()
    })
}

/// A country by its alpha-2 code, case ignored; `UK` is taken for `GB`.
pub fn country(code: &str) -> Option<&'static Country> {
    let code = if code.eq_ignore_ascii_case("UK") { "GB" } else { code };
    let &[a, b] = code.as_bytes() else { return None };
    let upper = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
    let at = countries().binary_search_by(|country| country.code.as_bytes().cmp(&upper)).ok()?;
    Some(&countries()[at])
}

/// Whether `place` is a country code, `EU`, `EEA` or a continent, case ignored.
pub fn is_jurisdiction(place: &str) -> bool {
    country(place).is_some() || group(place).is_some()
}

/// Whether a country lies in a jurisdiction: itself, `EU`, `EEA` or a continent, case ignored. An unknown country or
/// place lies in nothing.
pub fn country_in(code: &str, place: &str) -> bool {
    let Some(of) = country(code) else { return false };
    match group(place) {
        Some(contains) => contains(of, place),
        None => country(place) == Some(of),
    }
}

const CONTINENTS: [&str; 7] =
    ["Africa", "Antarctica", "Asia", "Europe", "North America", "Oceania", "South America"];

type Contains = fn(&Country, &str) -> bool;

fn group(place: &str) -> Option<Contains> {
    if place.eq_ignore_ascii_case("EU") {
        Some(|country, _| country.eu)
    } else if place.eq_ignore_ascii_case("EEA") {
        Some(|country, _| country.eea)
    } else if CONTINENTS.iter().any(|continent| continent.eq_ignore_ascii_case(place)) {
        Some(|country, place| country.continent.eq_ignore_ascii_case(place))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_is_there_once_and_sorted() {
        assert_eq!(countries().len(), 249);
        assert!(countries().windows(2).all(|pair| pair[0].code < pair[1].code));
        assert!(countries().iter().all(|country| country.code.len() == 2));
        assert!(countries().iter().all(|c| country(&c.code.to_ascii_lowercase()) == Some(c)));
        assert!(countries().iter().all(|country| CONTINENTS.contains(&country.continent)));
    }

    #[test]
    fn the_eu_lies_in_the_eea() {
        assert!(countries().iter().all(|country| !country.eu || country.eea));
        assert_eq!(countries().iter().filter(|country| country.eu).count(), 27);
        assert_eq!(countries().iter().filter(|country| country.eea).count(), 30);
    }

    #[test]
    fn places_ignore_case_and_unknown_ones_hold_nothing() {
        assert!(country_in("DE", "eu") && country_in("de", "Europe") && country_in("DE", "DE"));
        assert!(country_in("NO", "EEA") && !country_in("NO", "EU"));
        assert!(country_in("GB", "uk") && !country_in("GB", "EEA") && !country_in("CH", "EEA"));
        assert!(country_in("US", "north america") && !country_in("US", "South America"));
        assert!(!country_in("", "EU") && !country_in("XX", "EU") && !country_in("DE", "Atlantis"));
        assert!(is_jurisdiction("Oceania") && is_jurisdiction("jp") && !is_jurisdiction("us-east-1"));
    }
}
