//! `MurmurHash3`, the 32-bit variant for x86 with the seed 0 (Austin Appleby, <https://github.com/aappleby/smhasher>), in pieces.

/// A hash of what was written so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Murmur {
    hash: u32,
    /// The bytes that do not make a block yet, the first one lowest.
    rest: u32,
    /// How many bits of `rest` count: 0, 8, 16 or 24.
    bits: u32,
    length: u32,
}

fn scramble(block: u32) -> u32 {
    block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

impl Murmur {
    /// Hashes a whole.
    pub(super) fn hash(bytes: &[u8]) -> u32 {
        let mut murmur = Self::default();
        murmur.write(bytes);
        murmur.finish()
    }

    /// Goes on with more bytes.
    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) {
        // The length counts modulo 2³², as in the original.
        #[expect(clippy::cast_possible_truncation, reason = "modulo 2³² is meant")]
        let length = bytes.len() as u32;
        self.length = self.length.wrapping_add(length);
        let (blocks, rest) = bytes.as_chunks::<4>();
        if self.bits == 0 {
            for block in blocks {
                self.block(u32::from_le_bytes(*block));
            }
        } else {
            for block in blocks {
                let block = u32::from_le_bytes(*block);
                self.block(self.rest | block << self.bits);
                self.rest = block >> (32 - self.bits);
            }
        }
        for byte in rest {
            self.rest |= u32::from(*byte) << self.bits;
            self.bits += 8;
            if self.bits == 32 {
                self.block(self.rest);
                (self.rest, self.bits) = (0, 0);
            }
        }
    }

    /// Returns the hash.
    #[inline]
    pub(super) fn finish(self) -> u32 {
        let mut hash = self.hash ^ scramble(self.rest) ^ self.length;
        hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
        hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
        hash ^ hash >> 16
    }

    #[inline]
    fn block(&mut self, block: u32) {
        self.hash = (self.hash ^ scramble(block)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
}
