//! The Merkle tree over the leaf hashes of entries (RFC 6962 section 2.1), kept as its right edge only.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256 hash: of a leaf, a node or a whole tree.
pub type Hash = [u8; 32];

/// Returns the hash of a leaf that holds `bytes`.
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(bytes).finalize().into()
}

/// Returns the hash of a node over two subtrees.
pub fn node_hash(left: &[u8], right: &[u8]) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A Merkle tree that can grow and tell its root. It keeps one hash per complete subtree on the right edge, at most 64,
/// so that a clone costs next to nothing; proofs need the leaf hashes again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Tree {
    size: u64,
    /// INVARIANT: one root per set bit of `size`, of a complete subtree with that many leaves, largest first.
    edge: Vec<Hash>,
}

/// A tree as it was stored, not yet believed.
#[derive(Deserialize)]
struct Stored {
    size: u64,
    edge: Vec<Hash>,
}

impl TryFrom<Stored> for Tree {
    type Error = &'static str;

    fn try_from(Stored { size, edge }: Stored) -> Result<Self, Self::Error> {
        let fits = usize::try_from(size.count_ones()) == Ok(edge.len());
        if fits { Ok(Self { size, edge }) } else { Err("a tree's edge does not fit its size") }
    }
}

impl Tree {
    /// Returns the tree over these leaf hashes.
    pub fn of(leaves: &[Hash]) -> Self {
        let mut tree = Self::default();
        for leaf in leaves {
            tree.append(*leaf);
        }
        tree
    }

    /// Returns the number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf at the end.
    pub fn append(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.edge.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.edge.push(node);
        self.size += 1;
    }

    /// Returns the root; that of the empty tree is the hash of nothing.
    pub fn root(&self) -> Hash {
        self.edge
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(&left, &right))
            .unwrap_or_else(|| Sha256::digest([]).into())
    }
}

#[cfg(test)]
mod tests;
