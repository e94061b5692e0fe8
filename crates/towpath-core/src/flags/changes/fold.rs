//! Folding live changes: what lies over the files, the latest changes with what was there before, and what waits.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{FlagChange, FlagChangeRequested, FlagsChanged};
use crate::{
    event::{Event, Fact},
    flags::{FlagPatch, FlagTarget, LiveFlags},
    ids::{FlagChangeNumber, PrincipalName},
    promotion::Approval,
};

/// How many changes are remembered with what was before, and can be taken back. Older ones are in the ledger.
pub const MAX_RECORDS: usize = 100;

/// A change that took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagRecord {
    /// What changed.
    pub change: FlagsChanged,
    /// What lay over the files before, for each target that the change names.
    pub before: Vec<FlagChange>,
    /// The event.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub by: PrincipalName,
    /// Who agreed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// The change that took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<FlagChangeNumber>,
}

/// A change that waits until enough people agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagRequest {
    /// What was asked for.
    pub asked: FlagChangeRequested,
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub by: PrincipalName,
    /// Who agreed, in order.
    pub approvals: Vec<Approval>,
    /// A change that touched the same since: what was shown does not hold any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outdated_by: Option<FlagChangeNumber>,
}

impl LiveFlags {
    /// Returns what lies over the files of a flag or segment.
    pub fn live(&self, target: &FlagTarget) -> Option<Value> {
        match target {
            FlagTarget::Flag(key) => self.patches.get(key).map(|patch| Value::Object(patch.0.clone())),
            FlagTarget::Segment(name) => self.segments.get(name).cloned(),
        }
    }

    /// Lays something else over the files of one flag or segment.
    pub fn lay(&mut self, change: &FlagChange) {
        match (&change.target, &change.live) {
            (FlagTarget::Flag(key), Some(Value::Object(patch))) => {
                self.patches.insert(key.clone(), FlagPatch(patch.clone()));
            }
            // Deciding lets nothing but an object pass for a flag.
            (FlagTarget::Flag(key), _) => drop(self.patches.remove(key)),
            (FlagTarget::Segment(name), Some(rule)) => drop(self.segments.insert(name.clone(), rule.clone())),
            (FlagTarget::Segment(name), None) => drop(self.segments.remove(name)),
        }
    }

    /// Returns a change that took effect, if it is remembered.
    pub fn record(&self, number: FlagChangeNumber) -> Option<&Arc<FlagRecord>> {
        self.records.iter().find(|record| record.change.number == number)
    }

    /// Returns the number that the next change gets.
    pub fn next_number(&self) -> FlagChangeNumber {
        FlagChangeNumber(self.last.0.saturating_add(1))
    }

    /// Folds an event about the flags of this environment.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the exhaustive match over events is in `World::apply`")]
    pub(crate) fn fold(&mut self, event: &Event) {
        match &event.fact {
            Fact::FlagsChanged(change) => self.fold_change(change, event),
            Fact::FlagChangeRequested(asked) => {
                self.requests.retain(|_, request| request.asked.expires_at > event.at);
                self.last = self.last.max(asked.change.number);
                let request = FlagRequest {
                    asked: asked.clone(),
                    at: event.at,
                    by: event.principal.clone(),
                    approvals: Vec::new(),
                    outdated_by: None,
                };
                self.requests.insert(asked.change.number, Arc::new(request));
            }
            Fact::FlagChangeApproved(approved) => {
                if let Some(request) = self.requests.get_mut(&approved.number) {
                    let (by, comment) = (event.principal.clone(), approved.comment.clone());
                    Arc::make_mut(request).approvals.push(Approval { by, at: event.at, comment });
                }
            }
            Fact::FlagChangeRejected(rejected) => drop(self.requests.remove(&rejected.number)),
            _ => {}
        }
    }

    fn fold_change(&mut self, change: &FlagsChanged, event: &Event) {
        let request = self.requests.remove(&change.number);
        let before = change.changes.iter();
        let before = before.map(|it| FlagChange { target: it.target.clone(), live: self.live(&it.target) }).collect();
        for one in &change.changes {
            self.lay(one);
        }
        let touched = |request: &FlagRequest| {
            request.asked.change.changes.iter().any(|it| change.changes.iter().any(|one| one.target == it.target))
        };
        for request in self.requests.values_mut().filter(|it| it.outdated_by.is_none() && touched(it)) {
            Arc::make_mut(request).outdated_by = Some(change.number);
        }
        if let Some(undone) = change.undoes {
            for record in self.records.iter_mut().filter(|it| it.change.number == undone) {
                Arc::make_mut(record).undone_by = Some(change.number);
            }
        }
        let record = FlagRecord {
            change: change.clone(),
            before,
            sequence: event.sequence,
            at: event.at,
            by: request.as_ref().map_or_else(|| event.principal.clone(), |request| request.by.clone()),
            approvals: request.map(|request| request.approvals.clone()).unwrap_or_default(),
            undone_by: None,
        };
        self.records.push_back(Arc::new(record));
        if self.records.len() > MAX_RECORDS {
            self.records.pop_front();
        }
        self.last = self.last.max(change.number);
        self.changes = self.changes.saturating_add(1);
    }
}
