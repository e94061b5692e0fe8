//! Flags as trees that remember who set what: definitions, and what is laid over them.
//!
//! What the values mean is not decided here.

use super::ByName;
use crate::config::{
    merge::replace,
    value::{Data, Member, Members, Value},
};

/// What of a flag is laid over member by member; everything else is replaced whole.
const BY_MEMBER: [&str; 3] = ["variants", "metadata", "towpath"];

/// The files about flags as one tree, or one file.
#[derive(Debug, Clone, Default)]
pub(crate) struct FlagTree {
    pub(crate) flags: ByName,
    pub(crate) evaluators: ByName,
    pub(crate) metadata: ByName,
}

impl FlagTree {
    /// Lays what an environment says over it. What is said of flags that are not there is left out.
    pub(crate) fn lay(&mut self, patch: &Self) {
        for (key, change) in &patch.flags {
            if let Some(flag) = self.flags.get_mut(key) {
                lay_flag(&mut flag.value, &change.value);
            }
        }
        lay_members(&mut self.evaluators, &patch.evaluators);
        lay_members(&mut self.metadata, &patch.metadata);
    }
}

fn lay_members(into: &mut ByName, changes: &ByName) {
    for (name, change) in changes {
        if is_nothing(&change.value) {
            into.remove(name);
        } else {
            into.insert(name.clone(), change.clone());
        }
    }
}

fn lay_flag(flag: &mut Value, patch: &Value) {
    let (Data::Map(members), Some(changes)) = (&mut flag.data, patch.as_map()) else { return };
    for (property, change) in changes {
        let by_member = BY_MEMBER.contains(&property.as_ref());
        match members.get_mut(property) {
            Some(member) if by_member && member.value.as_map().is_some() && change.value.as_map().is_some() => {
                let Data::Map(inside) = &mut member.value.data else { continue };
                for (name, change) in change.value.as_map().into_iter().flatten() {
                    lay_one(inside, name, change);
                }
            }
            Some(_) | None => lay_one(members, property, change),
        }
    }
}

fn lay_one(members: &mut Members, name: &std::sync::Arc<str>, change: &Member) {
    let mut value = change.value.clone();
    if is_nothing(&value) {
        value.data = Data::Removed;
    }
    match members.get_mut(name) {
        Some(member) => replace(&mut member.value, value),
        None => drop(members.insert(name.clone(), Member { key: change.key, value })),
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.is_removed()
}
