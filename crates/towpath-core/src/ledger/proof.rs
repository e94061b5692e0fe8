//! Proofs that an entry is in the ledger (inclusion) and that a later ledger only added to an earlier one
//! (consistency), made and checked as RFC 6962 section 2.1 and RFC 9162 sections 2.1.3 and 2.1.4 say.
//!
//! Checking takes bytes as they come from outside, so that what is no hash at all is refused here and not by each caller.

use super::tree::{Hash, Tree, node_hash};

/// Why a proof cannot be made or does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// There is no such leaf.
    #[error("entry {index} is not in a ledger of {size} entries")]
    NoSuchLeaf {
        /// Which leaf.
        index: u64,
        /// Of how many.
        size: u64,
    },
    /// The sizes are in no order for which there is a proof.
    #[error(
        "a ledger of {from} entries cannot be compared with one of {to}: the first must not be empty nor larger than the second"
    )]
    NoSuchRange {
        /// The earlier size.
        from: u64,
        /// The later size.
        to: u64,
    },
    /// Something that must be a hash is not 32 bytes long.
    #[error("the proof has something of {0} bytes where a hash of 32 bytes belongs")]
    NotAHash(usize),
    /// The proof has more or fewer hashes than these sizes need.
    #[error("the proof is too long or too short for these sizes")]
    WrongLength,
    /// The proof leads to another root.
    #[error("the proof does not lead to the given root hash")]
    WrongRoot,
}

/// Proves that leaf `index` is in the tree over `leaves`.
pub fn prove_inclusion(leaves: &[Hash], index: u64) -> Result<Vec<Hash>, ProofError> {
    let error = ProofError::NoSuchLeaf { index, size: leaves.len() as u64 };
    let mut index = usize::try_from(index).map_err(|_| error.clone())?;
    if index >= leaves.len() {
        return Err(error);
    }
    let mut proof = Vec::new();
    let mut rest = leaves;
    while let Some((left, right)) = split(rest) {
        if index < left.len() {
            proof.push(Tree::of(right).root());
            rest = left;
        } else {
            index -= left.len();
            proof.push(Tree::of(left).root());
            rest = right;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Proves that the tree over `leaves` begins with the tree over its first `from` leaves.
pub fn prove_consistency(leaves: &[Hash], from: u64) -> Result<Vec<Hash>, ProofError> {
    let error = ProofError::NoSuchRange { from, to: leaves.len() as u64 };
    let mut kept = usize::try_from(from).map_err(|_| error.clone())?;
    if kept == 0 || kept > leaves.len() {
        return Err(error);
    }
    let mut proof = Vec::new();
    let mut rest = leaves;
    let mut known = true;
    while kept < rest.len()
        && let Some((left, right)) = split(rest)
    {
        if kept <= left.len() {
            proof.push(Tree::of(right).root());
            rest = left;
        } else {
            kept -= left.len();
            proof.push(Tree::of(left).root());
            rest = right;
            known = false;
        }
    }
    if !known {
        proof.push(Tree::of(rest).root());
    }
    proof.reverse();
    Ok(proof)
}

/// Splits a tree of at least two leaves where RFC 6962 does: at the largest power of two below its size.
fn split(leaves: &[Hash]) -> Option<(&[Hash], &[Hash])> {
    if leaves.len() < 2 {
        return None;
    }
    leaves.split_at_checked(leaves.len().next_power_of_two() / 2)
}

/// Checks that the leaf with hash `leaf` is at `index` in the tree with this `size` and `root`.
pub fn verify_inclusion<P: AsRef<[u8]>>(
    index: u64,
    size: u64,
    leaf: &[u8],
    proof: &[P],
    root: &[u8],
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::NoSuchLeaf { index, size });
    }
    let (mut place, mut last, mut hash) = (index, size - 1, hash_of(leaf)?);
    for sibling in proof {
        let sibling = hash_of(sibling.as_ref())?;
        if last == 0 {
            return Err(ProofError::WrongLength);
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(&sibling, &hash);
            skip_to_right_child(&mut place, &mut last);
        } else {
            hash = node_hash(&hash, &sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::WrongLength);
    }
    same_root(&hash, root)
}

/// Checks that the tree of size `to` with root `to_root` begins with the tree of size `from` with root `from_root`.
/// An empty tree begins every tree, so there is nothing to prove about it and it is refused.
pub fn verify_consistency<P: AsRef<[u8]>>(
    from: u64,
    to: u64,
    proof: &[P],
    from_root: &[u8],
    to_root: &[u8],
) -> Result<(), ProofError> {
    if from == 0 || from > to {
        return Err(ProofError::NoSuchRange { from, to });
    }
    if from == to {
        return if proof.is_empty() { same_root(from_root, to_root) } else { Err(ProofError::WrongLength) };
    }
    let (mut place, mut last) = (from - 1, to - 1);
    let complete = place.trailing_ones();
    place = place.checked_shr(complete).unwrap_or(0);
    last = last.checked_shr(complete).unwrap_or(0);

    let (start, siblings) = match proof.split_first() {
        // A complete earlier tree is a node of the later one, so the proof leaves its root out.
        Some(_) if from.is_power_of_two() => (hash_of(from_root)?, proof),
        Some((first, rest)) => (hash_of(first.as_ref())?, rest),
        None => return Err(ProofError::WrongLength),
    };
    let (mut earlier, mut later) = (start, start);
    for sibling in siblings {
        let sibling = hash_of(sibling.as_ref())?;
        if last == 0 {
            return Err(ProofError::WrongLength);
        }
        if place & 1 == 1 || place == last {
            earlier = node_hash(&sibling, &earlier);
            later = node_hash(&sibling, &later);
            skip_to_right_child(&mut place, &mut last);
        } else {
            later = node_hash(&later, &sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::WrongLength);
    }
    same_root(&earlier, from_root)?;
    same_root(&later, to_root)
}

/// Climbs over the levels on which the rightmost node has no sibling.
fn skip_to_right_child(place: &mut u64, last: &mut u64) {
    while *place & 1 == 0 && *place != 0 {
        *place >>= 1;
        *last >>= 1;
    }
}

fn hash_of(bytes: &[u8]) -> Result<Hash, ProofError> {
    Hash::try_from(bytes).map_err(|_| ProofError::NotAHash(bytes.len()))
}

fn same_root(computed: &[u8], given: &[u8]) -> Result<(), ProofError> {
    if computed == given { Ok(()) } else { Err(ProofError::WrongRoot) }
}

#[cfg(test)]
mod tests;
