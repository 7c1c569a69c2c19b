//! Alternatives as few as they can be.
//!
//! Two that differ in one list alone (names of accelerators, machine types, classes, places, zones) are
//! one with both lists together: exactly the same offers pass.

use plimsoll_model::Capacity;

use super::ask::Ask;

/// Merges what can be merged without changing what is accepted; the first keep their rank.
pub(super) fn merged(mut ways: Vec<Ask>) -> Vec<Ask> {
    let mut at = 1;
    while at < ways.len() {
        match (0..at).find_map(|first| Some((first, union(&ways[first], &ways[at])?))) {
            Some((first, both)) => {
                ways[first] = both;
                ways.remove(at);
                // What was just merged may merge with another in turn.
                at = 1;
            }
            None => at += 1,
        }
    }
    ways
}

/// A list of an alternative.
type List = fn(&mut Ask) -> &mut Vec<String>;

/// One that accepts what either of two accepts, if there is one that accepts nothing else.
fn union(a: &Ask, b: &Ask) -> Option<Ask> {
    let alike = |list: List| {
        let (mut x, mut y) = (a.clone(), b.clone());
        list(&mut x).clear();
        list(&mut y).clear();
        (x == y).then_some(())
    };
    if a == b {
        return Some(a.clone());
    }
    // Names mean something only where accelerators are asked for by name in both.
    let by_name = a.names.is_empty() == b.names.is_empty();
    let lists: [(bool, List); 4] = [
        (by_name, |ask| &mut ask.names),
        (true, |ask| &mut ask.types),
        (true, |ask| &mut ask.places),
        (true, |ask| &mut ask.zones),
    ];
    for (possible, list) in lists {
        if possible && alike(list).is_some() {
            let (mut both, mut other) = (a.clone(), b.clone());
            let (more, all) = (std::mem::take(list(&mut other)), list(&mut both));
            if all.is_empty() || more.is_empty() {
                all.clear();
            } else {
                let new: Vec<String> = more.into_iter().filter(|name| !all.contains(name)).collect();
                all.extend(new);
            }
            return Some(both);
        }
    }
    let with = |ask: &Ask| Ask { capacity: Vec::new(), ..ask.clone() };
    (with(a) == with(b)).then(|| {
        let either = |class: &Capacity| a.capacity.contains(class) || b.capacity.contains(class);
        let capacity = Capacity::ALL.into_iter().filter(either).collect();
        Ask { capacity, ..a.clone() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(name: &str, count: u64, place: &str, capacity: &[Capacity]) -> Ask {
        Ask {
            names: vec![name.into()],
            count: Some(plimsoll_model::AcceleratorCount::whole(count)),
            places: if place.is_empty() { vec![] } else { vec![place.into()] },
            capacity: capacity.to_vec(),
            ..Ask::default()
        }
    }

    fn shown(asks: Vec<Ask>) -> Vec<String> {
        let one = |ask: Ask| {
            let classes: Vec<&str> = ask.capacity.iter().map(|class| class.as_str()).collect();
            let count = ask.count.map_or(0, |count| count.0 / 1000);
            format!("{} {count} {} {}", ask.names.join("+"), ask.places.join("+"), classes.join("+"))
        };
        merged(asks).into_iter().map(one).collect()
    }

    #[test]
    fn a_grid_is_one_way_and_what_is_none_stays_apart() {
        let (spot, demand) = (&[Capacity::Spot][..], &[Capacity::OnDemand][..]);
        let grid = vec![
            ask("A100", 8, "aws", spot),
            ask("H100", 8, "aws", spot),
            ask("A100", 8, "gcp", spot),
            ask("H100", 8, "gcp", spot),
        ];
        assert_eq!(shown(grid), ["A100+H100 8 aws+gcp spot"]);
        let crossed = vec![ask("A100", 8, "aws", demand), ask("H100", 8, "gcp", demand)];
        assert_eq!(shown(crossed), ["A100 8 aws on-demand", "H100 8 gcp on-demand"]);
        let counts = vec![ask("A100", 8, "", demand), ask("H100", 4, "", demand), ask("H200", 4, "", demand)];
        assert_eq!(shown(counts), ["A100 8  on-demand", "H100+H200 4  on-demand"]);
        let classes = vec![ask("L4", 1, "aws", demand), ask("L4", 1, "aws", spot), ask("L4", 1, "", spot)];
        assert_eq!(shown(classes), ["L4 1 aws spot+on-demand", "L4 1  spot"]);
        // A place that allows all takes in one that does not.
        assert_eq!(shown(vec![ask("L4", 1, "aws", spot), ask("L4", 1, "", spot)]), ["L4 1  spot"]);
    }
}
