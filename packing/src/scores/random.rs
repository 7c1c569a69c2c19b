//! Any node, any device: the baseline of Weng et al. (ATC 2023), `random_score.go` and `open_gpu_share.go` of
//! kubernetes-scheduler-simulator. No scorer, because its answer does not follow from the node; the draws are given.

use crate::fleet::{Ask, Hold, Request, State};

/// Any of the devices with room for a share; whole devices in order. `below(n)` draws a number under n.
pub fn devices(request: &Request, state: &State, mut below: impl FnMut(usize) -> usize) -> Option<Vec<Hold>> {
    let Ask::Share(milli) = request.devices else { return state.choose(request) };
    let mut chosen = None;
    let fitting = (0_u16..).zip(&state.devices).filter(|(_, device)| device.free >= milli);
    for (seen, (index, _)) in fitting.enumerate() {
        if below(seen + 1) == 0 {
            chosen = Some(index);
        }
    }
    chosen.map(|index| vec![Hold { index, milli, parts: 0 }])
}
