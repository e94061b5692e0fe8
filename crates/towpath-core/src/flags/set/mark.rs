//! Short texts as numbers: names and values of rules mostly have few letters, and comparing those needs no call.

/// How many bytes of a text are its head.
const HEAD: usize = 8;

/// A text in two parts: up to eight bytes as a number, and what follows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark<R> {
    len: usize,
    head: u64,
    rest: R,
}

impl<'t> Mark<&'t [u8]> {
    /// Takes a text apart.
    #[inline]
    pub(super) fn of(text: &'t str) -> Self {
        let bytes = text.as_bytes();
        let rest = bytes.get(HEAD..).unwrap_or_default();
        Self { len: bytes.len(), head: head(bytes), rest }
    }

    /// Returns it as something to keep. What has no rest needs no memory besides.
    pub(super) fn kept(self) -> Mark<Box<[u8]>> {
        Mark { len: self.len, head: self.head, rest: self.rest.into() }
    }
}

impl Mark<Box<[u8]>> {
    /// Says whether it is the same text.
    #[inline]
    pub(super) fn is(&self, other: Mark<&[u8]>) -> bool {
        self.len == other.len && self.head == other.head && (self.len <= HEAD || *self.rest == *other.rest)
    }

    /// Returns it to be compared with others.
    pub(super) fn borrowed(&self) -> Mark<&[u8]> {
        Mark { len: self.len, head: self.head, rest: &self.rest }
    }
}

/// Says whether two texts are the same.
#[inline]
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && if one.len() <= HEAD { head(one.as_bytes()) == head(other.as_bytes()) } else { one == other }
}

/// Returns the first bytes as a number, which for texts of one length of up to eight bytes is another for each.
#[inline]
fn head(bytes: &[u8]) -> u64 {
    match bytes {
        [] => 0,
        [one] => u64::from(*one),
        [one, two] => u64::from(u16::from_le_bytes([*one, *two])),
        [one, two, three] => u64::from(u32::from_le_bytes([*one, *two, *three, 0])),
        _ => match (bytes.first_chunk::<HEAD>(), bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            (Some(head), ..) => u64::from_le_bytes(*head),
            // They overlap where there are fewer than eight.
            (None, Some(first), Some(last)) => {
                u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
            }
            (None, ..) => 0,
        },
    }
}

#[cfg(test)]
mod tests;
