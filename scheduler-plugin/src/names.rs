//! Every name by which others know us: annotations, the gate, labels, reasons of events.

/// The scheduling gate that the webhook adds and the controller takes away.
pub const GATE: &str = "plimsoll.dev/plan";
/// `"true"` on a namespace (label) or a pod (annotation or label): its pods are planned. `"false"` on a pod: it is not.
pub const PLACE: &str = "plimsoll.dev/place";
/// The node that a pod is planned on.
pub const NODE: &str = "plimsoll.dev/node";
/// When it was planned, RFC 3339. A plan that is older than its bound counts no more.
pub const PLANNED_AT: &str = "plimsoll.dev/planned-at";
/// When a plan last said that not all pods of its gang fit, RFC 3339: until that is as old as a plan may be, every
/// replica refuses the pod all nodes.
pub const HELD_AT: &str = "plimsoll.dev/held-at";
/// The trace of the pod, in the form of W3C's `traceparent`: the webhook writes it, where traces are sent.
pub const TRACEPARENT: &str = "plimsoll.dev/traceparent";
/// `hard` or `soft`: how the plan binds the scheduler.
pub const PLACEMENT: &str = "plimsoll.dev/placement";
/// Set anew to make the scheduler look at a rejected pod at once.
pub const RETRY: &str = "plimsoll.dev/retry";
/// What the controller alone writes.
pub const DECIDED: [&str; 4] = [NODE, PLANNED_AT, HELD_AT, RETRY];
/// The prefix of all annotations of ours.
pub const PREFIX: &str = "plimsoll.dev/";
/// Who reports events.
pub const COMPONENT: &str = "plimsoll";
/// The field by which hard placement names a node.
pub const NODE_FIELD: &str = "metadata.name";
