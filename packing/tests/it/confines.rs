//! Gangs within one domain: slices of TPUs on several hosts, domains of `NVLink`.

use plimsoll_packing::{
    Packing, Params,
    check::{Violation, check},
    classes::Invalid,
    fleet::{Ask, Cluster, Confine, Domain, Model, Node, Placement, Pod, Request, State},
    pack,
};
use proptest::prelude::*;

use crate::exhaustion::{Least, lies_between, most_by_rules, mostly, no_moves_reach_above, packed, run};

/// Node pools `p0`, `p1`, … of hosts with four chips each, as many hosts as stated.
fn pools(hosts: &[usize]) -> Cluster {
    let mut cluster = Cluster { models: vec!["v5e".into()], ..Cluster::default() };
    for (domain, hosts) in (0..).zip(hosts) {
        cluster.domains.push(Domain { name: format!("p{domain}"), kind: 0 });
        for host in 0..*hosts {
            cluster.nodes.push(Node {
                name: format!("p{domain}-{host}"),
                cpu_milli: 16_000,
                memory_mib: 64 << 10,
                model: Some(Model(0)),
                devices: 4,
                domains: vec![domain],
                ..Node::default()
            });
        }
    }
    cluster
}

fn request(devices: Ask) -> Request {
    Request { cpu_milli: 1_000, memory_mib: 1 << 10, devices, ..Request::default() }
}

/// A gang whose confines have so many pods each.
fn gang(cluster: &mut Cluster, confines: &[usize], devices: Ask) {
    let gang = cluster.gangs.len() as u32;
    cluster.gangs.push(format!("g{gang}"));
    for pods in confines {
        let confine = cluster.confines.len() as u32;
        cluster.confines.push(Confine { name: format!("c{confine}"), kind: 0 });
        for index in 0..*pods {
            let pod = Pod::new(format!("g{gang}-{confine}-{index}"), request(devices));
            cluster.pods.push(Pod { gang: Some(gang), confine: Some(confine), ..pod });
        }
    }
}

/// The domain of each confine that is placed.
fn within(cluster: &Cluster, packing: &Packing) -> Vec<Option<u32>> {
    let mut within = vec![None; cluster.confines.len()];
    for (pod, at) in cluster.pods.iter().zip(&packing.placements) {
        if let (Some(confine), Some(at)) = (pod.confine, at) {
            within[confine as usize] = cluster.nodes[at.node].domains.first().copied();
        }
    }
    within
}

#[test]
fn a_slice_of_several_hosts_is_one_thing() {
    // Seven hosts are free, and no pool has four of them.
    let mut cluster = pools(&[3, 2, 2]);
    gang(&mut cluster, &[4], Ask::Whole(4));
    let packing = packed(&cluster);
    assert_eq!((packing.worth, packing.bound), (0, 0));
    // Two slices of four hosts and one of two, as many pools.
    let mut cluster = pools(&[4, 2, 4]);
    for pods in [4, 2, 4, 4, 2] {
        gang(&mut cluster, &[pods], Ask::Whole(4));
    }
    let packing = packed(&cluster);
    assert_eq!(within(&cluster, &packing), [Some(0), Some(1), Some(2), None, None]);
    assert_eq!(packing.worth, packing.bound);
}

#[test]
fn a_gang_of_two_slices_takes_two_pools_or_none() {
    for (hosts, runs) in [(&[4, 4][..], true), (&[4, 3, 1], false), (&[8], true)] {
        let mut cluster = pools(hosts);
        gang(&mut cluster, &[4, 4], Ask::Whole(4));
        let packing = packed(&cluster);
        assert_eq!(packing.placements.iter().flatten().count(), if runs { 8 } else { 0 }, "{hosts:?}");
        assert_eq!(packing.worth, packing.bound, "{hosts:?}");
    }
}

#[test]
fn a_pool_of_which_a_host_is_in_use_holds_no_slice() {
    let mut cluster = pools(&[4]);
    gang(&mut cluster, &[4], Ask::Whole(4));
    let devices =
        (0..4).map(|index| plimsoll_packing::fleet::Hold { index, milli: 1000, parts: 0 }).collect();
    let running = Some(Placement { node: 2, devices });
    cluster.pods.push(Pod { running, ..Pod::new("other", request(Ask::Whole(4))) });
    let packing = packed(&cluster);
    assert_eq!(packing.placements.iter().flatten().count(), 1);
    assert_eq!(packing.worth, packing.bound);
}

#[test]
fn gangs_that_a_domain_of_nvlink_holds_share_it() {
    // Racks of six trays; gangs of two, three and four trays' devices, 18 of 18 devices.
    let mut cluster = pools(&[6, 3]);
    for pods in [4, 3, 2] {
        gang(&mut cluster, &[pods], Ask::Whole(4));
    }
    let packing = packed(&cluster);
    assert_eq!(packing.placements.iter().flatten().count(), 9);
    assert_eq!(within(&cluster, &packing), [Some(0), Some(1), Some(0)]);
}

#[test]
fn pods_of_a_domain_need_not_be_alike() {
    let mut cluster = pools(&[2, 2]);
    gang(&mut cluster, &[3, 2], Ask::Whole(2));
    cluster.pods[0].request = request(Ask::Whole(4));
    cluster.pods[1].request = request(Ask::Share(500));
    for pod in &mut cluster.pods {
        pod.worth = pod.request.worth();
    }
    let packing = packed(&cluster);
    assert_eq!(packing.placements.iter().flatten().count(), 5);
    assert_eq!(packing.worth, packing.bound);
}

#[test]
fn what_is_in_two_domains_is_found() {
    let mut cluster = pools(&[1, 1]);
    gang(&mut cluster, &[2], Ask::Whole(1));
    let place = |node| {
        Some(Placement {
            node,
            devices: vec![plimsoll_packing::fleet::Hold { index: 0, milli: 1000, parts: 0 }],
        })
    };
    assert_eq!(check(&cluster, &[place(0), place(1)]), [Violation::Confine { confine: 0 }]);
    cluster.nodes[1].domains.clear();
    assert_eq!(
        check(&cluster, &[place(1), place(1)]).first(),
        Some(&Violation::Device { node: 1, index: 0 })
    );
    assert!(check(&cluster, &[place(1), place(1)]).contains(&Violation::Confine { confine: 0 }));
}

#[test]
fn confines_without_a_gang_are_refused() {
    let mut cluster = pools(&[1]);
    gang(&mut cluster, &[1], Ask::Whole(1));
    cluster.pods[0].gang = None;
    assert_eq!(pack(&cluster, &Params::default()), Err(Invalid::Group { pod: 0 }));
    let mut cluster = pools(&[1]);
    cluster.nodes[0].domains = vec![7];
    assert_eq!(pack(&cluster, &Params::default()), Err(Invalid::Node { node: 0 }));
}

/// Few nodes in two kinds of domains; pods of two gangs with up to three confines, and others; some run.
fn any_cluster() -> impl Strategy<Value = Cluster> {
    let nodes = proptest::collection::vec((0..3_u16, 0..3_u32, 0..3_u32), 1..=4);
    let ask = prop_oneof![Just(Ask::None), Just(Ask::Share(500)), Just(Ask::Whole(1)), Just(Ask::Whole(2))];
    let any = (ask, 0..3_u64, 0..5_usize, 0..6_u8);
    (nodes, proptest::collection::vec(any, 0..=6)).prop_map(|(nodes, pods)| {
        let mut cluster = Cluster {
            models: vec!["T4".into()],
            gangs: vec!["g0".into(), "g1".into()],
            domains: [("a", 0), ("b", 0), ("x", 1), ("y", 1)]
                .map(|(name, kind)| Domain { name: name.into(), kind })
                .into(),
            confines: [("c0", 0), ("c1", 0), ("c2", 1)]
                .map(|(name, kind)| Confine { name: name.into(), kind })
                .into(),
            ..Cluster::default()
        };
        for (index, (devices, one, other)) in nodes.into_iter().enumerate() {
            // Now and then a node in no domain of a kind.
            let domains = [(one, 0), (other, 2)].into_iter().filter(|(of, _)| *of < 2);
            cluster.nodes.push(Node {
                name: format!("n{index}"),
                cpu_milli: 16_000,
                memory_mib: 64 << 10,
                model: (devices > 0).then_some(Model(0)),
                devices,
                domains: domains.map(|(of, from)| of + from).collect(),
                ..Node::default()
            });
        }
        let mut states: Vec<State> = cluster.nodes.iter().map(State::empty).collect();
        for (index, (ask, cpu, of, runs)) in pods.into_iter().enumerate() {
            let mut pod = Pod::new(format!("p{index}"), request(ask));
            pod.request.cpu_milli = 1_000 + 5_000 * cpu;
            pod.worth = pod.request.worth();
            // The first gang has a confine of each kind and pods that go anywhere, the second one confine.
            (pod.gang, pod.confine) =
                [(None, None), (Some(0), Some(0)), (Some(0), Some(2)), (Some(0), None), (Some(1), Some(1))]
                    [of];
            if runs == 0 {
                run(&mut pod, &mut states);
            }
            cluster.pods.push(pod);
        }
        cluster
    })
}

proptest! {
    #![proptest_config(crate::config(96))]

    /// On clusters small enough to try every place: the packing holds, its worth is at most the best, its bound at least.
    #[test]
    fn between_the_worth_and_the_bound_lies_the_best(cluster in any_cluster()) {
        lies_between(&cluster, most_by_rules(&cluster))?;
    }

    /// Where running pods may move too.
    #[test]
    fn no_moves_reach_above_the_bound(cluster in any_cluster()) {
        no_moves_reach_above(&cluster, most_by_rules(&cluster))?;
    }
}

#[test]
fn the_best_is_mostly_found_and_proven() {
    mostly(&any_cluster(), most_by_rules, &Least { found: 198, proven: 190, worth: 990, bound: 103 });
}

#[test]
fn a_class_of_confined_gangs_is_as_its_members() {
    // Twelve pools of four hosts, twenty gangs of four pods, alike or each worth a little else.
    let mut cluster = pools(&[4; 12]);
    for _ in 0..20 {
        gang(&mut cluster, &[4], Ask::Whole(4));
    }
    let alike = packed(&cluster);
    assert_eq!((alike.placements.iter().flatten().count(), alike.worth), (48, alike.bound));
    for (index, pod) in (0..).zip(&mut cluster.pods) {
        pod.worth += index / 4;
    }
    let single = packed(&cluster);
    assert_eq!((single.placements.iter().flatten().count(), single.worth), (48, single.bound));
}
