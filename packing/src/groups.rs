//! Devices of a node in equal groups, and pods whose devices must be of one: pairs and quads of `NVLink`, NUMA nodes.
//!
//! Which devices of a group a pod has makes no difference, so a group is how many of its devices are free whole. Pods that
//! must be within a group are packed into groups exactly; whoever asks for whole devices beside them takes what is left
//! of any.

use crate::fleet::{Ask, Request, State};

/// The most devices of a group.
pub const MOST: u16 = 15;

/// The most devices of a node that has groups: so many that [`Joined`] can count the pods that it holds.
pub const MOST_OF_NODE: u16 = 510;

/// How many pods of each number of devices within one group, at least two: eight bits for each number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Joined(u128);

impl Joined {
    /// One pod of so many devices.
    pub const fn one(devices: usize) -> Self {
        Self(1 << (8 * devices))
    }

    /// With others; nothing when there are more than can be counted, which no node holds.
    pub fn and(self, other: Self) -> Option<Self> {
        let fits = (1..=usize::from(MOST)).all(|devices| self.count(devices) + other.count(devices) <= 255);
        fits.then(|| Self(self.0 + other.0))
    }

    /// How many of so many devices.
    pub const fn count(self, devices: usize) -> u128 {
        self.0 >> (8 * devices) & 255
    }

    /// Whether of each number there are no more than of another.
    pub fn within(self, other: Self) -> bool {
        self == other || (1..=usize::from(MOST)).all(|devices| self.count(devices) <= other.count(devices))
    }

    /// The numbers of devices, the largest first.
    pub fn sizes(self) -> impl Iterator<Item = u16> {
        (1..=MOST)
            .rev()
            .flat_map(move |devices| std::iter::repeat_n(devices, self.count(usize::from(devices)) as usize))
    }
}

/// Of each of some numbers of devices, the largest first, the group that it is in; nothing when groups with so many free
/// do not hold them.
pub fn seats(free: &[u16], sizes: &[u16]) -> Option<Vec<usize>> {
    let mut free = free.to_vec();
    let mut seats = Vec::with_capacity(sizes.len());
    seat(&mut free, sizes, &mut seats).then_some(seats)
}

fn seat(free: &mut [u16], sizes: &[u16], seats: &mut Vec<usize>) -> bool {
    let Some((size, rest)) = sizes.split_first() else { return true };
    let mut tried = Vec::new();
    // Where least is left first; groups with as much free are one.
    let mut order: Vec<usize> = (0..free.len()).filter(|group| free[*group] >= *size).collect();
    order.sort_by_key(|group| free[*group]);
    for group in order {
        if tried.contains(&free[group]) {
            continue;
        }
        tried.push(free[group]);
        free[group] -= size;
        seats.push(group);
        if seat(free, rest, seats) {
            return true;
        }
        seats.pop();
        free[group] += size;
    }
    false
}

impl State {
    /// The places of the devices of each group that are free whole; all in one where there are no groups.
    pub fn groups(&self) -> Vec<Vec<usize>> {
        let whole = |from: usize, devices: &[crate::fleet::Device]| {
            let free = devices.iter().enumerate().filter(|(_, device)| device.is_whole());
            free.map(|(at, _)| from + at).collect::<Vec<usize>>()
        };
        let size = usize::from(self.group).max(1);
        if self.group == 0 {
            return vec![whole(0, &self.devices)];
        }
        self.devices.chunks(size).enumerate().map(|(at, devices)| whole(at * size, devices)).collect()
    }

    /// Whether a request must be within one group here.
    pub fn joins(&self, request: &Request) -> bool {
        self.group > 0 && (request.joined || self.strict) && matches!(request.devices, Ask::Whole(2..))
    }

    /// So many whole devices: of the group where least is left, or of as few and as broken groups as will do.
    pub(crate) fn whole_devices(&self, count: usize, joined: bool) -> Option<Vec<usize>> {
        let mut groups = self.groups();
        groups.sort_by_key(Vec::len);
        if let Some(group) = groups.iter().find(|group| group.len() >= count) {
            return Some(group[..count].to_vec());
        }
        let mut devices: Vec<usize> = groups.into_iter().flatten().take(count).collect();
        devices.sort_unstable();
        (!joined && devices.len() == count).then_some(devices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_seated_in_groups_where_some_way_does() {
        assert_eq!(seats(&[4, 4], &[3, 3, 1, 1]), Some(vec![0, 1, 0, 1]));
        assert_eq!(seats(&[4, 4], &[3, 3, 2]), None);
        // Where least is left first is not enough: 4 + 2 and 3 + 3 of six and six.
        assert!(seats(&[6, 6], &[4, 3, 3, 2]).is_some());
        assert_eq!(seats(&[2, 1], &[2, 1]), Some(vec![0, 1]));
        assert_eq!(seats(&[], &[1]), None);
    }

    #[test]
    fn counts_add_up_and_compare_by_number() {
        let (two, three) = (Joined::one(2), Joined::one(3));
        let all = two.and(three).and_then(|all| all.and(two)).expect("few");
        assert_eq!((all.count(2), all.count(3), all.sizes().collect::<Vec<_>>()), (2, 1, vec![3, 2, 2]));
        assert!(two.within(all) && !all.within(two) && !three.within(two));
        let most =
            (1..MOST_OF_NODE / 2).try_fold(two, |sum, _| sum.and(two)).expect("as many as a node holds");
        assert_eq!((most.count(2), most.and(two)), (255, None));
        assert!(Joined::one(MOST.into()).and(most).is_some(), "numbers are counted each by itself");
    }
}
