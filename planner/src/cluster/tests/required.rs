//! Pods without which a packing is none.

use plimsoll_model::{
    fleet::{Amount, Ask, Devices},
    plan::Status,
};

use super::*;

const GPU: &str = "nvidia.com/gpu";

fn fleet(devices: u16, pods: &[(u16, bool)]) -> Fleet {
    let pod = |(at, (count, required)): (usize, &(u16, bool))| Pod {
        name: format!("p{at}"),
        needs: room(1, 1, 1),
        ask: Some(Ask { resource: GPU.into(), models: Vec::new(), amount: Amount::Whole(*count) }),
        accelerators_milli: u64::from(*count) * 1000,
        worth: u64::from(*count) * 1_000_000,
        required: *required,
        ..Pod::default()
    };
    Fleet {
        nodes: vec![Node {
            name: "n".into(),
            room: room(64, 64, 100),
            devices: Some(Devices { resource: GPU.into(), model: "T4".into(), count: devices }),
            ..Node::default()
        }],
        pods: pods.iter().enumerate().map(pod).collect(),
        ..Fleet::default()
    }
}

#[test]
fn required_pods_come_before_worthier_ones() {
    for (devices, pods, placed, status) in [
        (2, &[(1, true), (2, false)][..], &["p0"][..], Status::Optimal),
        // The others beside them are as many as can be.
        (8, &[(3, true), (8, false), (4, false), (1, false)], &["p0", "p2", "p3"], Status::Optimal),
        (4, &[(3, true), (2, true), (4, false)], &[], Status::Infeasible),
    ] {
        let fleet = fleet(devices, pods);
        let packing = packed(&fleet);
        assert_eq!(plimsoll_verify::verify_packing(&packing, &fleet, &inputs()), []);
        assert_eq!(packing.status, status, "{pods:?}");
        if status == Status::Optimal {
            let names: Vec<&str> = packing.assignments.iter().map(|one| &*one.pod).collect();
            assert_eq!(names, placed);
            assert_eq!(packing.objective.gap.to_bits(), 0.0_f64.to_bits());
        }
    }
}
