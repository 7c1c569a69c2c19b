//! Pods that claim devices.

use super::*;
use crate::cluster::tests::claims::{TEMPLATE, claiming, listed, template};

#[test]
fn filter_knows_where_claimed_devices_are() {
    let mut known = listed(2);
    template(&mut known, "t", 3);
    let (it, other) = (claiming("a", TEMPLATE, "t"), claiming("new", TEMPLATE, "t"));
    known.apply_pod(&object(it.clone()));
    known.apply_pod(&object(planned(claiming("coming", TEMPLATE, "t"), "n1", NOW)));
    known.apply_pod(&object(claiming("odd", TEMPLATE, "unknown")));
    let snapshot = snapshot(&mut known);
    // One that has not been watched yet is read from the request.
    for it in [it, other] {
        let (reply, answer) = filtered(&snapshot, &body(&it, &["n0", "n1", "plain"]), NOW);
        assert_eq!(answer, Answer::Judged);
        assert_eq!(reply["NodeNames"], json!(["n0"]));
        let refused = &reply["FailedAndUnresolvableNodes"];
        assert_eq!(refused["plain"], "no gpu.example.com");
        assert_eq!(refused["n1"], "its free accelerators are kept for planned pods");
    }
    let odd = claiming("odd", TEMPLATE, "unknown");
    let (reply, answer) = filtered(&snapshot, &body(&odd, &["n0", "n1", "plain"]), NOW);
    assert_eq!((&reply["NodeNames"], answer), (&json!(["n0", "n1", "plain"]), Answer::NotOurs));
}
