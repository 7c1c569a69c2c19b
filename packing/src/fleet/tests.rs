use proptest::prelude::*;

use super::*;

fn node() -> Node {
    Node {
        name: "n".into(),
        cpu_milli: 64_000,
        memory_mib: 1 << 18,
        model: Some(Model(1)),
        devices: 2,
        extras: vec![110],
        ..Node::default()
    }
}

fn share(milli: u16) -> Request {
    Request { cpu_milli: 1000, memory_mib: 1024, devices: Ask::Share(milli), ..Request::default() }
}

#[test]
fn a_share_goes_to_the_device_with_least_left() {
    let mut state = State::empty(&node());
    assert_eq!(state.place(&share(600)).unwrap()[0].index, 0);
    assert_eq!(state.place(&share(500)).unwrap()[0].index, 1);
    assert_eq!(state.place(&share(400)).unwrap()[0].index, 0);
    assert_eq!(state.devices.iter().map(|d| d.free).collect::<Vec<_>>(), [0, 500]);
    assert_eq!(state.lacks(&share(501)), Some(Overfull::Device));
}

#[test]
fn whole_devices_need_untouched_ones() {
    let mut state = State::empty(&node());
    state.place(&share(1)).unwrap();
    let two = Request { devices: Ask::Whole(2), ..Request::default() };
    assert_eq!(state.place(&two), Err(Overfull::Device));
    let one = Request { devices: Ask::Whole(1), ..Request::default() };
    assert_eq!(state.place(&one).unwrap(), [Hold { index: 1, milli: DEVICE, parts: 0 }]);
}

#[test]
fn slices_keep_their_geometry_and_shares_stay_out() {
    // A100: 3g takes four parts at 0 or 4, 2g two at 0, 2 or 4, 1g one at 0 to 6.
    let three = Request { devices: Ask::Slice(Slice { length: 4, starts: 0b1_0001 }), ..Request::default() };
    let one = Request { devices: Ask::Slice(Slice { length: 1, starts: 0b111_1111 }), ..Request::default() };
    let mut state = State::empty(&Node { devices: 1, ..node() });
    state.place(&three).unwrap();
    for _ in 0..3 {
        state.place(&one).unwrap();
    }
    assert_eq!(state.lacks(&one), Some(Overfull::Device), "part 7 is out of reach of 1g");
    assert_eq!(state.lacks(&share(1)), Some(Overfull::Device));
    let shared = Device { free: 900, taken: 0 };
    assert_eq!(State { devices: vec![shared], ..state }.lacks(&one), Some(Overfull::Device));
}

#[test]
fn pods_of_a_group_stay_apart() {
    let mut state = State::empty(&node());
    let request = Request { apart: Some(7), ..share(10) };
    let holds = state.place(&request).unwrap();
    assert_eq!(state.lacks(&request), Some(Overfull::Apart(7)));
    state.release(&request, &holds);
    assert_eq!(state, State::empty(&node()));
}

#[test]
fn models_and_pools_bind_only_those_who_ask() {
    let asks = Request { models: vec![Model(0)], ..share(10) };
    assert!(!asks.allows(&node()));
    assert!(Request { devices: Ask::None, ..asks }.allows(&node()));
    assert!(!Request { pools: vec![3], ..share(10) }.allows(&node()));
}

#[test]
fn the_usual_worth_is_devices_and_a_fiftieth_of_each_core() {
    let request = Request { cpu_milli: 8000, ..share(250) };
    assert_eq!(request.worth(), 250_000 + 160_000);
}

fn any_ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        Just(Ask::None),
        (1..1000_u16).prop_map(Ask::Share),
        (1..3_u16).prop_map(Ask::Whole),
        prop_oneof![Just((1, 0x7f)), Just((2, 0x15)), Just((4, 0x11)), Just((8, 1))]
            .prop_map(|(length, starts)| Ask::Slice(Slice { length, starts })),
    ]
}

proptest! {
    /// What is taken can be given back, and what `lacks` says is what `place` finds.
    #[test]
    fn placing_and_releasing_is_nothing(
        asks in proptest::collection::vec((any_ask(), 0..30_000_u64, 0..100_000_u64, 0..50_u64), 0..12),
    ) {
        let mut state = State::empty(&node());
        let mut placed = Vec::new();
        for (devices, cpu_milli, memory_mib, extra) in asks {
            let request =
                Request { cpu_milli, memory_mib, devices, extras: vec![extra], ..Request::default() };
            let (before, lack) = (state.clone(), state.lacks(&request));
            if let Ok(holds) = state.place(&request) {
                prop_assert_eq!(lack, None);
                placed.push((request, holds));
            } else {
                prop_assert!(lack.is_some());
                prop_assert_eq!(&state, &before);
            }
        }
        for (request, holds) in placed.iter().rev() {
            state.release(request, holds);
        }
        prop_assert_eq!(state, State::empty(&node()));
    }
}
