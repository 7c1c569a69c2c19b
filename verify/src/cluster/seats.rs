//! Whether what runs on a node has devices there: whole ones first, then every way to put parts on the rest.
//!
//! A packing may say which devices they hold; where it does not, or what it says cannot be, some way is enough.

use plimsoll_model::fleet::Amount;

/// Devices that are compared with others, at most.
const LOOKS: usize = 20_000_000;

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
    seat(&parts, &mut vec![Left { milli: 1000, parts: 0 }; left as usize])
}

/// The devices that a part may be on, one after the other.
#[derive(Debug, Default)]
struct Choice {
    /// The first of them.
    from: usize,
    /// The one it is tried on, and what was left of it.
    at: usize,
    before: Option<Left>,
    /// The further ways to put it there.
    ways: Vec<Left>,
}

impl Choice {
    /// Tries the next way; false where there is none.
    fn next(&mut self, part: Amount, devices: &mut [Left], looks: &mut usize) -> bool {
        if let Some(before) = self.before.take() {
            devices[self.at] = before;
            if self.put(devices) {
                return true;
            }
            self.at += 1;
        }
        while let Some(left) = devices.get(self.at) {
            let passed = &devices[self.from..self.at];
            let Some(rest) = looks.checked_sub(passed.len() + 1) else { return false };
            *looks = rest;
            // On devices that are alike it comes to the same.
            if !passed.contains(left) {
                self.ways = with(*left, part);
                if self.put(devices) {
                    return true;
                }
            }
            self.at += 1;
        }
        false
    }

    fn put(&mut self, devices: &mut [Left]) -> bool {
        let Some(after) = self.ways.pop() else { return false };
        self.before = Some(std::mem::replace(&mut devices[self.at], after));
        true
    }
}

/// Whether the parts, largest first and equal ones in a row, have devices in some way; one like that before it on no
/// device before that one's. Nothing where that takes too long to find out.
fn seat(parts: &[Amount], devices: &mut [Left]) -> Option<bool> {
    let mut looks = LOOKS;
    let mut choices = vec![Choice::default()];
    while let Some(at) = choices.len().checked_sub(1) {
        let choice = &mut choices[at];
        let Some(part) = parts.get(at) else { return Some(true) };
        if choice.next(*part, devices, &mut looks) {
            let from = if parts.get(at + 1) == Some(part) { choice.at } else { 0 };
            choices.push(Choice { from, at: from, ..Choice::default() });
        } else if looks < devices.len() {
            return None;
        } else {
            choices.pop();
        }
    }
    Some(false)
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
        // Three of each are 753 to 771, and a fourth is too many, so that 29 devices hold 87 of the 90.
        let many: Vec<u16> = (0..90).map(|at| 251 + at % 7).collect();
        assert_eq!(are_enough(29, &shares(&many)), None);
    }

    #[test]
    fn tens_of_thousands_of_parts_are_seated() {
        let alike = shares(&vec![1; 40_000]);
        assert_eq!([are_enough(40, &alike), are_enough(39, &alike)], [Some(true), Some(false)]);
        let mixed: Vec<u16> = (0..40_000).map(|at| 1 + at % 3).collect();
        assert_eq!(are_enough(81, &shares(&mixed)), Some(true));
        let slices = vec![Amount::Slice { length: 1, starts: 0b0111_1111 }; 7 * 3_000];
        assert_eq!(are_enough(3_000, &slices), Some(true));
    }
}
