//! What a text may ask of this machine.

/// The largest file that is read: 64 MiB.
pub const FILE_BYTES: usize = 64 << 20;

/// The deepest nesting. Documents here need 8; the reader recurses, so the limit also guards its stack.
pub(super) const DEPTH: usize = 64;

/// How many problems of one document are reported.
pub(super) const PROBLEMS: usize = 20;

/// How many problems of one file are reported.
pub(crate) const FILE_PROBLEMS: usize = 100;

/// The cost of a node beside its text.
pub(super) const NODE_COST: u64 = 32;

/// What a document may cost after its aliases are replaced by what they name: in proportion to the
/// text, so that a large honest file passes and a small hostile one does not. A million copied scalars
/// fit.
pub(super) fn budget(text: usize) -> u64 {
    (32 << 20) + 64 * text as u64
}
