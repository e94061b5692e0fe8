//! Exact search for many secret texts at once.
//!
//! Not an automaton of a library: what one is built of cannot be erased afterwards. A table of bits over the first four bytes
//! lets nearly every place of a text be passed by with one look.

use std::ops::Range;

use zeroize::Zeroizing;

use super::own::{Form, OwnValue, forms, is_searched};

/// Bits of the table: 2²⁰ of them, 128 KiB.
const BITS: u32 = 20;

/// The texts that are looked for.
pub(super) struct Needles {
    table: Zeroizing<Vec<u64>>,
    /// Sorted by their first four bytes.
    needles: Vec<Needle>,
}

struct Needle {
    head: u32,
    bytes: Zeroizing<Vec<u8>>,
    number: usize,
    form: Form,
    /// Whether it is so short that it must stand alone.
    alone: bool,
}

/// Where one stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) number: usize,
    pub(super) form: Form,
    pub(super) span: Range<usize>,
}

impl Needles {
    pub(super) fn new(values: &[OwnValue]) -> Self {
        let mut table = Zeroizing::new(vec![0_u64; 1 << (BITS - 6)]);
        let mut needles = Vec::new();
        for (number, own) in values.iter().enumerate().filter(|(_, own)| is_searched(own.value.expose())) {
            for (form, bytes) in forms(own.value.expose()) {
                let Some(head) = head(&bytes) else { continue };
                let (word, bit) = slot(head);
                if let Some(word) = table.get_mut(word) {
                    *word |= bit;
                }
                let alone = bytes.len() < 12;
                needles.push(Needle { head, bytes, number, form, alone });
            }
        }
        needles.sort_by_key(|needle| needle.head);
        Self { table, needles }
    }

    /// Returns where they stand, of several at one place the longest.
    pub(super) fn find(&self, text: &[u8]) -> Vec<Place> {
        let mut found = Vec::new();
        if self.needles.is_empty() {
            return found;
        }
        let mut free_from = 0;
        for (at, window) in text.windows(4).enumerate() {
            let Some(head) = head(window) else { break };
            let (word, bit) = slot(head);
            if at < free_from || self.table.get(word).is_none_or(|word| word & bit == 0) {
                continue;
            }
            if let Some(place) = self.at(text, at, head) {
                free_from = place.span.end;
                found.push(place);
            }
        }
        found
    }

    fn at(&self, text: &[u8], at: usize, head: u32) -> Option<Place> {
        let first = self.needles.partition_point(|needle| needle.head < head);
        let same = self.needles.get(first..)?.iter().take_while(|needle| needle.head == head);
        let rest = text.get(at..)?;
        let fits = |needle: &&Needle| {
            let neighbour = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
            let end = at + needle.bytes.len();
            let free =
                || !neighbour(at.checked_sub(1).and_then(|before| text.get(before))) && !neighbour(text.get(end));
            rest.starts_with(&needle.bytes) && (!needle.alone || free())
        };
        let longest = same.filter(fits).max_by_key(|needle| needle.bytes.len())?;
        Some(Place { number: longest.number, form: longest.form, span: at..at + longest.bytes.len() })
    }
}

fn head(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk::<4>().map(|head| u32::from_le_bytes(*head))
}

/// Returns the word of the table and the bit in it, by Fibonacci hashing (Knuth, volume 3, 6.4).
fn slot(head: u32) -> (usize, u64) {
    let hash = head.wrapping_mul(0x9E37_79B1) >> (32 - BITS);
    (usize::try_from(hash >> 6).unwrap_or(0), 1 << (hash & 63))
}
