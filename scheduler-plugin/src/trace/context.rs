//! Which trace, and under which span.

use sha2::{Digest as _, Sha256};

/// A place in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Context {
    /// The trace.
    pub trace: [u8; 16],
    /// The span above; zeros where there is none.
    pub parent: [u8; 8],
}

impl Context {
    /// From the form of W3C's `traceparent`. One that is not to be recorded is none.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let [version] = bytes::<1>(version)?;
        // Later versions may say more behind; the first one may not, and the last number is none.
        if version == 0xff || version == 0 && parts.next().is_some() {
            return None;
        }
        let [flags] = bytes::<1>(flags)?;
        let it = Self { trace: bytes(trace)?, parent: bytes(parent)? };
        (flags & 1 == 1 && it.trace != [0; 16] && it.parent != [0; 8]).then_some(it)
    }

    /// In that form; what is below it is to be recorded.
    pub fn text(&self) -> String {
        format!("00-{}-{}-01", hex(&self.trace), hex(&self.parent))
    }

    /// The trace of a UID, which is one itself but for its dashes; of what is no UUID, its digest.
    pub fn of_uid(uid: &str) -> Self {
        let plain: String = uid.chars().filter(|letter| *letter != '-').collect();
        let trace = bytes::<16>(&plain).filter(|trace| *trace != [0; 16]).unwrap_or_else(|| {
            let digest = Sha256::digest(uid.as_bytes());
            std::array::from_fn(|at| digest[at])
        });
        Self { trace, parent: [0; 8] }
    }

    /// A number of it.
    pub(super) fn seed(&self) -> u64 {
        self.trace.iter().fold(0, |seed, byte| super::mixed(seed ^ u64::from(*byte)))
    }
}

/// So many bytes of lower-case hexadecimal digits, and no more.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |letter: u8| match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut out = [0; N];
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(out)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_trace_is_written_as_it_is_read() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let it = Context::read(text).expect("the example of the standard");
        assert_eq!(it.text(), text);
        assert_eq!(Context::read(&text.replacen("00", "cc", 1)), Some(it), "a version to come");
        assert_eq!(Context::read(&format!("{}-more", text.replacen("00", "cc", 1))), Some(it));
    }

    #[test]
    fn what_is_not_of_that_form_is_none() {
        for text in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", // not to be recorded
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47é-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Context::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_uid_is_a_trace() {
        let it = Context::of_uid("4bf92f35-77b3-4da6-a3ce-929d0e0e4736");
        assert_eq!(hex(&it.trace), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(it.parent, [0; 8]);
        assert_ne!(Context::of_uid("uid-a").trace, Context::of_uid("uid-b").trace);
    }
}
