//! Copies of secrets elsewhere: what is there, what we wrote, what there should be, and so what to do.
//!
//! Values are compared by keyed digests; no value is seen here. What others keep there is never touched.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a target says of a secret it has. Most never show a value again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remote {
    /// What changes whenever it is written, such as the time of the last change.
    pub revision: Option<String>,
    /// The keyed digest of the value, where the target shows it.
    pub digest: Option<String>,
}

/// What we know of a copy we made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// The keyed digest of the value.
    pub digest: String,
    /// The revision the target gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What is to be done with one secret of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncStep {
    /// It is not there.
    Create,
    /// It is there with another value.
    Update,
    /// It is as it should be.
    Unchanged,
    /// We wrote it, and it is not wanted there any more.
    Orphaned,
    /// It cannot be kept there: the target's rules forbid it.
    Impossible,
}

/// Why a step is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncReason {
    /// It was never copied.
    New,
    /// The value here is another than the one that was copied.
    ChangedHere,
    /// Somebody wrote it there since.
    ChangedThere,
    /// Somebody removed it there.
    RemovedThere,
    /// It is there, and nothing is known of who wrote it or what.
    Unknown,
    /// The environment has it no more, or the target is not meant to.
    NotWanted,
    /// Both agree.
    Same,
    /// A rule of the target says no.
    Forbidden,
}

/// What is to be done with one secret of a target, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncItem {
    /// The secret.
    pub name: String,
    /// What.
    pub step: SyncStep,
    /// Why.
    pub reason: SyncReason,
    /// The keyed digest of the value it should have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The rule that forbids it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

impl SyncReason {
    /// Says whether the copy differs from what we left there: somebody else had a hand in it.
    pub fn is_drift(self) -> bool {
        match self {
            Self::ChangedThere | Self::RemovedThere => true,
            Self::New | Self::ChangedHere | Self::Unknown | Self::NotWanted | Self::Same | Self::Forbidden => false,
        }
    }

    /// Returns it in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::New => "not there yet",
            Self::ChangedHere => "the value here is newer",
            Self::ChangedThere => "changed there since it was copied",
            Self::RemovedThere => "removed there since it was copied",
            Self::Unknown => "there already, not known by whom",
            Self::NotWanted => "copied once, not wanted any more",
            Self::Same => "",
            Self::Forbidden => "cannot be kept there",
        }
    }
}

impl SyncItem {
    /// Says whether there is nothing to do.
    pub fn is_same(&self) -> bool {
        self.step == SyncStep::Unchanged
    }
}

/// Says what to do so that a target has what it should: an item for each secret that is wanted or that we wrote, in order.
///
/// `wanted` are the keyed digests of the values it should have, `forbidden` those among them the target cannot take, with its
/// rule; `there` is what it has, `written` what we know of our copies.
pub fn plan_sync(
    wanted: &BTreeMap<String, String>,
    forbidden: &BTreeMap<String, String>,
    there: &BTreeMap<String, Remote>,
    written: &BTreeMap<String, Written>,
) -> Vec<SyncItem> {
    let names: BTreeSet<&String> = wanted.keys().chain(written.keys()).collect();
    let item = |name: &String| {
        let digest = wanted.get(name);
        let (step, reason) = match digest {
            Some(_) if forbidden.contains_key(name) => (SyncStep::Impossible, SyncReason::Forbidden),
            Some(digest) => wanted_step(digest, there.get(name), written.get(name)),
            // What is gone on both sides needs nothing.
            None if there.contains_key(name) => (SyncStep::Orphaned, SyncReason::NotWanted),
            None => return None,
        };
        let rule = forbidden.get(name).filter(|_| digest.is_some()).cloned();
        Some(SyncItem { name: name.clone(), step, reason, digest: digest.cloned(), rule })
    };
    names.into_iter().filter_map(item).collect()
}

fn wanted_step(digest: &str, there: Option<&Remote>, written: Option<&Written>) -> (SyncStep, SyncReason) {
    let Some(there) = there else {
        return (SyncStep::Create, if written.is_some() { SyncReason::RemovedThere } else { SyncReason::New });
    };
    // A target that shows what it has needs no memory of ours.
    if let Some(shown) = &there.digest {
        if shown == digest {
            return (SyncStep::Unchanged, SyncReason::Same);
        }
        return match written {
            Some(written) if written.digest == *shown => (SyncStep::Update, SyncReason::ChangedHere),
            Some(_) => (SyncStep::Update, SyncReason::ChangedThere),
            None => (SyncStep::Update, SyncReason::Unknown),
        };
    }
    match written {
        None => (SyncStep::Update, SyncReason::Unknown),
        Some(written) if written.revision != there.revision => (SyncStep::Update, SyncReason::ChangedThere),
        Some(written) if written.digest != digest => (SyncStep::Update, SyncReason::ChangedHere),
        Some(_) => (SyncStep::Unchanged, SyncReason::Same),
    }
}

#[cfg(test)]
mod tests;
