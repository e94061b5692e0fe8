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
    /// Says whether a text is one of a few. All are looked at, for which one it is cannot be foreseen, and a processor that guesses
    /// wrong loses more time.
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "a lazy operator would be a branch")]
    pub(super) fn is_among(few: &[Self], text: Mark<&[u8]>) -> bool {
        let alike = few.iter().fold(false, |alike, it| alike | ((it.len == text.len) & (it.head == text.head)));
        alike && (text.len <= HEAD || few.iter().any(|it| it.borrowed() == text))
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
        _ => {
            let bytes = bytes.get(..HEAD).unwrap_or(bytes);
            // They overlap where there are fewer than eight.
            let (first, last) = (bytes.first_chunk().copied(), bytes.last_chunk().copied());
            let [first, last] = [first, last].map(|four| u64::from(u32::from_le_bytes(four.unwrap_or_default())));
            first | last << 32
        }
    }
}

#[cfg(test)]
mod tests;
