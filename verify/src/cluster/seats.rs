//! Whether what runs on a node has devices there: whole ones first, then every way to put parts on the rest.
//!
//! Documents do not say which devices a running pod holds, so that some way is enough.

use plimsoll_model::fleet::Amount;

/// Partial ways that are looked at, at most.
const TRIES: u32 = 200_000;

/// What is left of a device: thousandths for shares, and the parts that slices have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Left {
    milli: u16,
    parts: u8,
}

/// Whether so many devices are enough for some asks; nothing where that takes too long to find out.
pub(super) fn are_enough(devices: u16, asks: &[Amount]) -> Option<bool> {
    let wholes = asks.iter().map(|ask| match ask {
        Amount::Whole(count) => u64::from(*count),
        Amount::Share(_) | Amount::Slice { .. } => 0,
    });
    let Some(left) = u64::from(devices).checked_sub(wholes.sum()) else { return Some(false) };
    let milli = |ask: &Amount| match ask {
        Amount::Whole(_) => 0,
        Amount::Share(milli) => u64::from(*milli),
        Amount::Slice { length, .. } => u64::from(*length) * 125,
    };
    let mut parts: Vec<Amount> = asks.iter().copied().filter(|ask| milli(ask) > 0).collect();
    if parts.iter().map(milli).sum::<u64>() > left * 1000 {
        return Some(false);
    }
    parts.sort_by_key(|ask| (std::cmp::Reverse(milli(ask)), *ask));
    let mut search = Search { parts, tries: TRIES };
    let mut devices = vec![Left { milli: 1000, parts: 0 }; left as usize];
    match search.seat(0, 0, &mut devices) {
        true => Some(true),
        false if search.tries == 0 => None,
        false => Some(false),
    }
}

struct Search {
    /// Largest first, equal ones in a row.
    parts: Vec<Amount>,
    tries: u32,
}

impl Search {
    /// Seats the parts from one on; one like that before it on no device before that one's.
    fn seat(&mut self, at: usize, from: usize, devices: &mut [Left]) -> bool {
        let Some(part) = self.parts.get(at).copied() else { return true };
        let mut seen: Vec<Left> = Vec::new();
        for index in from..devices.len() {
            let before = devices[index];
            if seen.contains(&before) {
                continue;
            }
            seen.push(before);
            for after in with(before, part) {
                if self.tries == 0 {
                    return false;
                }
                self.tries -= 1;
                devices[index] = after;
                let is_again = self.parts.get(at + 1) == Some(&part);
                if self.seat(at + 1, if is_again { index } else { 0 }, devices) {
                    return true;
                }
            }
            devices[index] = before;
        }
        false
    }
}

/// What is left of a device beside a part, for each way that it fits there.
fn with(left: Left, part: Amount) -> Vec<Left> {
    match part {
        Amount::Share(milli) if left.parts == 0 && milli <= left.milli => {
            vec![Left { milli: left.milli - milli, parts: 0 }]
        }
        Amount::Slice { length, starts } if left.parts != 0 || left.milli == 1000 => (0..8_u32)
            .filter(|start| starts >> start & 1 == 1)
            .filter_map(|start| u8::try_from(((1_u32 << length) - 1) << start).ok())
            .filter(|mask| mask & left.parts == 0)
            .map(|mask| Left { milli: 0, parts: left.parts | mask })
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(milli: &[u16]) -> Vec<Amount> {
        milli.iter().map(|milli| Amount::Share(*milli)).collect()
    }

    #[test]
    fn parts_have_devices_where_some_way_gives_them() {
        let slice = |length, starts| Amount::Slice { length, starts };
        let (one, two, three) = (slice(1, 0b0111_1111), slice(2, 0b0001_0101), slice(4, 0b0001_0001));
        for (devices, asks, enough) in [
            // Largest first where least is left takes three devices.
            (2, shares(&[600, 500, 300, 200, 200, 200]), true),
            (1, shares(&[600, 500]), false),
            (3, shares(&[501, 501, 501, 499]), true),
            (2, shares(&[501, 501, 501]), false),
            (2, vec![Amount::Whole(1), Amount::Share(999)], true),
            (2, vec![Amount::Whole(2), Amount::Share(1)], false),
            (0, Vec::new(), true),
            // Of a card of seven: the slice of three at the end, so that four of one find room before it.
            (1, vec![three, one, one, one, one], true),
            (1, vec![three, three, one], false),
            (1, vec![two, two, two, one], true),
            // A card is cut or shared, not both.
            (1, vec![one, Amount::Share(100)], false),
            (2, vec![one, Amount::Share(100)], true),
        ] {
            assert_eq!(are_enough(devices, &asks), Some(enough), "{devices} for {asks:?}");
        }
    }

    #[test]
    fn what_takes_too_long_is_left_open() {
        // Thirds of 333, 334 and 335 that miss each other by little.
        let many: Vec<u16> = (0..90).map(|at| 251 + at % 7).collect();
        assert_eq!(are_enough(29, &shares(&many)), None);
    }
}
