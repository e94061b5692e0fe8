//! Who can open the merged file: whoever both sides let, and whom one side added; never whom one side took away.

use super::sides::Three;
use crate::sops::{KeyGroup, MasterKey, Metadata};

/// The keys of the result; `None` where both sides changed them so that no rule says what is meant.
pub(super) fn merged(three: &Three<&Metadata>) -> Option<(Vec<KeyGroup>, Option<usize>)> {
    if let Some(side) = three.settled(|a, b| same_groups(a, b)) {
        let chosen = three.of(side);
        return Some((chosen.groups.clone(), chosen.threshold));
    }
    let count = three.ours.groups.len();
    let alike = three.theirs.groups.len() == count && three.base.is_none_or(|base| base.groups.len() == count);
    let threshold = three.map(Metadata::needed).settled(|a, b| a == b)?;
    if !alike {
        return None;
    }
    let mut groups = Vec::new();
    for index in 0..count {
        let base = three.base.and_then(|base| base.groups.get(index));
        let keys = merged_keys(base, three.ours.groups.get(index)?, three.theirs.groups.get(index)?);
        // Each side left somebody else; together they leave nobody.
        if keys.is_empty() {
            return None;
        }
        groups.push(KeyGroup { keys });
    }
    let threshold = three.of(threshold).needed();
    Some((groups, (count > 1).then_some(threshold)))
}

fn merged_keys(base: Option<&KeyGroup>, ours: &KeyGroup, theirs: &KeyGroup) -> Vec<MasterKey> {
    let was = |key: &MasterKey| base.is_some_and(|base| has(base, key));
    let kept = ours.keys.iter().filter(|key| has(theirs, key) || !was(key));
    let added = theirs.keys.iter().filter(|key| !has(ours, key) && !was(key));
    kept.chain(added).cloned().collect()
}

pub(super) fn has(group: &KeyGroup, key: &MasterKey) -> bool {
    group.keys.iter().any(|other| other.is_same(key))
}

/// Says whether the same keys open two files, whatever the order of keys in a group.
pub(super) fn same_groups(a: &Metadata, b: &Metadata) -> bool {
    let within = |a: &KeyGroup, b: &KeyGroup| a.keys.iter().all(|key| has(b, key));
    a.groups.len() == b.groups.len()
        && a.needed() == b.needed()
        && a.groups.iter().zip(&b.groups).all(|(a, b)| within(a, b) && within(b, a))
}

/// Says whether everybody who can open the file is still among these.
pub(super) fn all_stay(file: &Metadata, groups: &[KeyGroup]) -> bool {
    file.keys().all(|key| groups.iter().any(|group| has(group, key)))
}

/// Returns a key with what it holds on the side whose data key is used.
pub(super) fn held(key: &MasterKey, sides: &[&Metadata]) -> Option<MasterKey> {
    let mut known = sides.iter().flat_map(|side| side.keys());
    known.find(|other| other.is_same(key) && !other.enc.is_empty()).cloned()
}
