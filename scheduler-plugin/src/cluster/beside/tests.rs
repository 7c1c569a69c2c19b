//! What copies share.

use serde_json::json;

use super::*;

/// A snapshot holds a copy: what changes nothing must not copy 100,000 objects either.
#[test]
fn what_changes_nothing_is_shared_with_copies() {
    const NAMED: (Option<&str>, &str) = (Some("default"), "a");
    let claim = json!({"spec": {"devices": {"requests": []}}});
    let shared = Ref { source: Source::ResourceClaims, key: "default/a".into(), is_shared: true };
    let own = Ref { source: Source::VolumeClaims, key: "default/v".into(), is_shared: false };
    let mut first = Beside::default();
    first.apply(Source::ResourceClaims, NAMED, &claim);
    first.apply(Source::PodGroups, NAMED, &json!({"spec": {"schedulingPolicy": {"gang": {"minCount": 2}}}}));
    first.share("uid", None, Some((true, std::slice::from_ref(&shared))));
    let mut copy = first.clone();

    assert_eq!(copy.apply(Source::ResourceClaims, NAMED, &claim), Effect::None);
    assert_eq!(copy.delete(Source::ResourceClaims, "default/gone"), Effect::None);
    assert_eq!(copy.delete(Source::PodGroups, "default/gone"), Effect::None);
    // A Workload that names no groups.
    copy.apply(Source::Workloads, NAMED, &json!({"spec": {}}));
    // The pod mounts another volume.
    let (before, now) = ((true, &[shared.clone()][..]), (true, &[shared.clone(), own][..]));
    assert!(copy.share("uid", Some(before), Some(now)).is_empty());

    let is_shared =
        |source| Arc::ptr_eq(&first.texts[&source], copy.texts.get(&source).expect("it has objects"));
    assert!(is_shared(Source::ResourceClaims) && is_shared(Source::PodGroups));
    assert!(Arc::ptr_eq(&first.gangs, &copy.gangs) && Arc::ptr_eq(&first.sharers, &copy.sharers));
    assert!(Arc::ptr_eq(&first.allocations, &copy.allocations) && Arc::ptr_eq(&first.budgets, &copy.budgets));
}
