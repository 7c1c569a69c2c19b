//! Prices on clusters small enough to know them.

use super::*;
use crate::fleet::Ask;

fn node(cpu_milli: u64, devices: u16, model: u16) -> Node {
    Node { cpu_milli, memory_mib: 1000, model: Some(Model(model)), devices, ..Node::default() }
}

fn request(devices: Ask, models: &[u16]) -> Request {
    Request {
        cpu_milli: 1000,
        devices,
        models: models.iter().map(|m| Model(*m)).collect(),
        ..Request::default()
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

#[test]
fn parts_of_a_device_cost_what_their_pattern_leaves() {
    // Ten nodes of one device; only pods of a third and a half, never both kinds on a device with profit.
    let nodes = vec![node(64_000, 1, 0); 10];
    let classes = [request(Ask::Share(500), &[]), request(Ask::Share(340), &[])];
    let sets = bids(&nodes, &classes, &[50, 50], Sampling { sets: 1, ..Sampling::default() }).unwrap();
    // Two halves fill a device, and two of 340 do too, for all that they leave.
    assert!(close(sets[0][0], 0.5) && close(sets[0][1], 0.5), "{sets:?}");
}

#[test]
fn what_fits_nowhere_is_worth_nothing_and_the_rest_has_its_price() {
    let nodes = vec![node(64_000, 2, 0); 4];
    let classes = [request(Ask::Whole(1), &[]), request(Ask::Whole(8), &[]), request(Ask::Whole(1), &[7])];
    let sampling = Sampling { load: 1.5, ..Sampling::default() };
    let sets = bids(&nodes, &classes, &[10, 10, 10], sampling).unwrap();
    assert_eq!(sets.len(), 8);
    for set in &sets {
        assert!(close(set[0], 1.0) && close(set[1], 0.0) && close(set[2], 0.0), "{set:?}");
    }
    assert_eq!(sets, bids(&nodes, &classes, &[10, 10, 10], sampling).unwrap(), "the same seed");
}

#[test]
fn share_puts_the_price_where_models_are_short_and_admit_does_not() {
    let nodes = [vec![node(64_000, 1, 0); 9], vec![node(64_000, 1, 1)]].concat();
    let classes = [request(Ask::Whole(1), &[0]), request(Ask::Whole(1), &[1])];
    let sets = bids(&nodes, &classes, &[50, 50], Sampling { sets: 2, ..Sampling::default() }).unwrap();
    assert!(close(sets[0][0], 0.0) && sets[0][1] > 1.0, "{sets:?}");
    // Where half of the pods want a tenth of the nodes, the nodes are short when the load is that of all nodes.
    assert!(close(sets[1][1], 10.0), "{sets:?}");
}

#[test]
fn nothing_asked_and_nothing_there() {
    assert!(bids(&[], &[], &[], Sampling::default()).unwrap().iter().all(Vec::is_empty));
    let classes = [request(Ask::Whole(1), &[])];
    for (nodes, counts) in [(vec![], vec![5]), (vec![node(1000, 1, 0)], vec![0])] {
        for set in bids(&nodes, &classes, &counts, Sampling { sets: 2, ..Sampling::default() }).unwrap() {
            assert!(close(set[0], 0.0), "{set:?}");
        }
    }
}
