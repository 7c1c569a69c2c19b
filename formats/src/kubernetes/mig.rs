//! Partitions of NVIDIA's cards (MIG): which cards have a profile, and what part of one it is.
//!
//! A profile names its compute slices and its memory: `3g.20gb`. The part is the larger of the two
//! parts, in thousandths rounded down, so that as many fit as fit on the card.

/// A card, its compute slices, its memory in GB, and its profiles.
type Row = (&'static str, u64, u64, &'static [(u64, u64)]);

pub(crate) const CARDS: [Row; 7] = [
    ("A30", 4, 24, &[(1, 6), (2, 12), (4, 24)]),
    ("A100", 7, 40, &[(1, 5), (2, 10), (3, 20), (4, 20), (7, 40)]),
    ("A100-80GB", 7, 80, &[(1, 10), (1, 20), (2, 20), (3, 40), (4, 40), (7, 80)]),
    ("H100", 7, 80, &[(1, 10), (1, 20), (2, 20), (3, 40), (4, 40), (7, 80)]),
    ("H100-NVL", 7, 94, &[(1, 12), (1, 24), (2, 24), (3, 47), (4, 47), (7, 94)]),
    ("H200", 7, 141, &[(1, 18), (1, 35), (2, 35), (3, 71), (4, 71), (7, 141)]),
    ("B200", 7, 180, &[(1, 23), (1, 45), (2, 45), (3, 90), (4, 90), (7, 180)]),
];

/// A profile: compute slices and gigabytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Profile {
    slices: u64,
    gigabytes: u64,
}

/// A card, and what part of it a profile takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) name: &'static str,
    /// In thousandths.
    pub(crate) milli: u64,
}

/// Whether a resource name means a profile with the media engines, of which a card has one: `nvidia.com/mig-1g.5gb.me`.
pub(crate) fn has_media(name: &str) -> bool {
    profile(name).is_some() && name.split('.').any(|part| part == "me")
}

/// The profile that a resource name means: `nvidia.com/mig-3g.20gb`, also with `.me` and the like.
pub(crate) fn profile(name: &str) -> Option<Profile> {
    let text = name.strip_prefix("nvidia.com/mig-")?;
    let (slices, rest) = text.split_once("g.")?;
    let gigabytes = rest.split_once("gb")?.0;
    Some(Profile { slices: slices.parse().ok()?, gigabytes: gigabytes.parse().ok()? })
}

/// The cards that have a profile.
pub(crate) fn cards(profile: Profile) -> Vec<Card> {
    let Profile { slices, gigabytes } = profile;
    let fits = |(_, _, _, profiles): &&Row| profiles.contains(&(slices, gigabytes));
    let part = |(name, of, memory, _): &Row| Card {
        name,
        milli: (1000 * slices / of).max(1000 * gigabytes / memory),
    };
    CARDS.iter().filter(fits).map(part).collect()
}

/// The row of a card by a node's name of it: with its maker, or with the slot, which changes nothing of how it is cut.
pub(crate) fn row(card: &str) -> Option<&'static Row> {
    let lower = card.to_ascii_lowercase();
    let plain = lower.strip_prefix("nvidia-").unwrap_or(&lower);
    let plain = plain.strip_suffix("-pcie").unwrap_or(plain);
    CARDS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(plain))
}

/// Where a card that may be cut anew puts a profile: how many of its eight parts, and the parts at which it
/// may start, as bits. NVIDIA's placements are the same on all cards of seven slices (MIG user guide, "GPU
/// instance profiles"); the four of an A30 count double here.
pub(crate) fn geometry(card: &str, profile: Profile) -> Option<(u8, u8)> {
    let (card, of, memory, profiles) = row(card)?;
    let stated = (profile.slices, profile.gigabytes);
    // A slice of double memory, which cards of 40 GB have too; others of its name are half of that.
    let is_double = (*card, stated) == ("A100", (1, 10));
    if !profiles.contains(&stated) && !is_double {
        return None;
    }
    // Memory is had by eighths.
    let eighths = (8 * profile.gigabytes + memory / 2) / memory;
    // Parts of the card's own, in eighths, and what it computes with.
    let length = if *of == 4 { 2 * profile.slices } else { eighths };
    let starts = match (*of, profile.slices, length) {
        (7, 1, 1) => 0b0111_1111,
        (7 | 4, 1, 2) => 0b0101_0101,
        (7, 2, 2) => 0b0001_0101,
        (7, 3, 4) | (4, 2, 4) => 0b0001_0001,
        (7, 4, 4) | (7, 7, 8) | (4, 4, 8) => 1,
        _ => return None,
    };
    u8::try_from(length).ok().map(|length| (length, starts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_partitions_fit_as_the_card_has() {
        for (name, cards_of, fit) in [
            ("nvidia.com/mig-1g.5gb", &["A100"][..], 7),
            ("nvidia.com/mig-3g.20gb", &["A100"], 2),
            ("nvidia.com/mig-1g.10gb.me", &["A100-80GB", "H100"], 7),
            ("nvidia.com/mig-1g.20gb", &["A100-80GB", "H100"], 4),
            ("nvidia.com/mig-2g.35gb", &["H200"], 3),
            ("nvidia.com/mig-7g.180gb", &["B200"], 1),
            ("nvidia.com/mig-1g.6gb", &["A30"], 4),
        ] {
            let found = cards(profile(name).unwrap());
            assert_eq!(found.iter().map(|card| card.name).collect::<Vec<_>>(), cards_of, "{name}");
            assert!(found.iter().all(|card| 1000 / card.milli == fit), "{name} {found:?}");
        }
        assert!(profile("nvidia.com/gpu").is_none() && profile("nvidia.com/mig-xg.5gb").is_none());
        assert_eq!(cards(profile("nvidia.com/mig-9g.1gb").unwrap()), []);
    }

    #[test]
    fn every_profile_has_its_places_on_the_card() {
        for (card, _, _, profiles) in CARDS {
            for (slices, gigabytes) in profiles {
                let profile = Profile { slices: *slices, gigabytes: *gigabytes };
                let (length, starts) = geometry(card, profile).unwrap();
                let places = (0..8).filter(|start| starts >> start & 1 == 1);
                assert!(places.clone().all(|start| start + length <= 8), "{card} {profile:?}");
                assert!(places.count() >= 1);
            }
        }
        let of = |card, name| geometry(card, profile(name).unwrap());
        assert_eq!(of("A100", "nvidia.com/mig-3g.20gb"), Some((4, 0b0001_0001)));
        assert_eq!(of("H100", "nvidia.com/mig-1g.20gb"), Some((2, 0b0101_0101)));
        assert_eq!(of("A30", "nvidia.com/mig-1g.6gb"), Some((2, 0b0101_0101)));
        assert_eq!(of("A30", "nvidia.com/mig-1g.5gb"), None);
        assert_eq!(of("A100", "nvidia.com/mig-1g.10gb"), Some((2, 0b0101_0101)));
        assert_eq!(of("A100-80GB", "nvidia.com/mig-1g.10gb"), Some((1, 0b0111_1111)));
    }

    /// The profiles that fit on a card beside each other and to which none of these can be added in any way, by how many of
    /// each.
    fn full(card: &str, profiles: &[(u64, u64)]) -> Vec<Vec<usize>> {
        let places: Vec<(u8, u8)> = profiles
            .iter()
            .map(|(slices, gigabytes)| {
                geometry(card, Profile { slices: *slices, gigabytes: *gigabytes }).unwrap()
            })
            .collect();
        let mut all = vec![(0_u8, vec![0; places.len()])];
        let mut at = 0;
        while let Some((taken, counts)) = all.get(at).cloned() {
            at += 1;
            for (index, (length, starts)) in places.iter().enumerate() {
                for start in (0..8).filter(|start| starts >> start & 1 == 1) {
                    let mask = (((1_u16 << length) - 1) << start) as u8;
                    let mut more = counts.clone();
                    more[index] += 1;
                    if taken & mask == 0 && !all.contains(&(taken | mask, more.clone())) {
                        all.push((taken | mask, more));
                    }
                }
            }
        }
        let mut counts: Vec<Vec<usize>> = all.into_iter().map(|(_, counts)| counts).collect();
        counts.sort();
        counts.dedup();
        let within = |a: &Vec<usize>, b: &Vec<usize>| a != b && a.iter().zip(b).all(|(a, b)| a <= b);
        let full = counts.iter().filter(|one| !counts.iter().any(|other| within(one, other)));
        full.cloned().collect()
    }

    #[test]
    fn cards_are_cut_in_the_ways_that_nvidia_lists() {
        // How many of 1g, 2g, 3g, 4g and 7g.
        let mut seven = vec![
            vec![7, 0, 0, 0, 0],
            vec![5, 1, 0, 0, 0],
            vec![3, 2, 0, 0, 0],
            vec![1, 3, 0, 0, 0],
            vec![4, 0, 1, 0, 0],
            vec![2, 1, 1, 0, 0],
            vec![0, 2, 1, 0, 0],
            vec![0, 0, 2, 0, 0],
            vec![3, 0, 0, 1, 0],
            vec![1, 1, 0, 1, 0],
            vec![0, 0, 1, 1, 0],
            vec![0, 0, 0, 0, 1],
        ];
        seven.sort();
        assert_eq!(full("A100", &[(1, 5), (2, 10), (3, 20), (4, 20), (7, 40)]), seven);
        assert_eq!(full("H100", &[(1, 10), (2, 20), (3, 40), (4, 40), (7, 80)]), seven);
        // 1g with twice the memory: four of them, or one in place of two.
        assert_eq!(full("H100", &[(1, 20), (3, 40)]), [vec![0, 2], vec![2, 1], vec![4, 0]]);
        assert_eq!(full("A30", &[(1, 6), (2, 12), (4, 24)]), [[0, 0, 1], [0, 2, 0], [2, 1, 0], [4, 0, 0]]);
    }
}
