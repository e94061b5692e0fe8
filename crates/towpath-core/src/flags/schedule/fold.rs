//! Folding what happened to schedules, and what a change of a flag means for its schedules.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use super::{FlagSchedule, FlagSchedules, KEPT, ScheduleState};
use crate::{
    event::{Event, Fact},
    flags::{FlagKey, FlagTarget, FlagsChanged, LiveFlags},
    ids::ScheduleNumber,
    promotion::Approval,
};

impl FlagSchedules {
    /// Returns those that are not over.
    pub fn open(&self) -> impl Iterator<Item = &Arc<FlagSchedule>> {
        self.all.values().filter(|schedule| !schedule.is_over())
    }

    /// Folds an event about schedules of this environment.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the exhaustive match over events is in `World::apply`")]
    pub(crate) fn fold(&mut self, event: &Event) {
        let (at, by) = (event.at, &event.principal);
        match &event.fact {
            Fact::FlagScheduled(asked) => {
                self.last = self.last.max(asked.number);
                let waits = asked.approve_until.is_some();
                let state = if waits { ScheduleState::Waiting } else { ScheduleState::Open };
                let (asked, by) = (asked.as_ref().clone(), by.clone());
                let schedule = FlagSchedule { asked, by, at, approvals: Vec::new(), done: 0, state };
                self.all.insert(schedule.asked.number, Arc::new(schedule));
            }
            Fact::FlagScheduleApproved(approved) => self.change(approved.number, |schedule| {
                schedule.approvals.push(Approval { by: by.clone(), at, comment: approved.comment.clone() });
                if approved.open {
                    schedule.state = ScheduleState::Open;
                    schedule.begin_at(at);
                }
            }),
            Fact::FlagScheduleFired(fired) => self.change(fired.number, |schedule| {
                schedule.done = schedule.done.max(fired.step.saturating_add(1));
                if schedule.done >= schedule.asked.steps.len() {
                    schedule.state = ScheduleState::Done { at };
                }
            }),
            Fact::FlagScheduleFailed(failed) => self.change(failed.number, |schedule| {
                schedule.state = ScheduleState::Failed { at, why: failed.reason.clone() };
            }),
            Fact::FlagScheduleCancelled(cancelled) => self.change(cancelled.number, |schedule| {
                let why = cancelled.reason.clone().unwrap_or_else(|| "taken back".to_owned());
                schedule.state = ScheduleState::Cancelled { at, by: by.clone(), why };
            }),
            _ => {}
        }
        self.forget();
    }

    /// Cancels what a change of a flag by somebody else contradicts: whoever changes what a schedule would change next, or
    /// switches the flag off, has decided otherwise. What only switches off stays. `live` is what lay over the files before.
    pub(crate) fn contradicted(&mut self, change: &FlagsChanged, live: &LiveFlags, event: &Event) {
        for one in &change.changes {
            let FlagTarget::Flag(key) = &one.target else { continue };
            let changed = properties(live.live(&one.target).as_ref(), one.live.as_ref());
            let off = is_off(one.live.as_ref()) && changed.contains("state");
            self.cancel(key, change, event, |schedule| {
                let next = schedule.next().map(|step| step.set.property());
                off || next.is_some_and(|property| changed.contains(property))
            });
        }
        self.forget();
    }

    fn cancel(
        &mut self,
        key: &FlagKey,
        change: &FlagsChanged,
        event: &Event,
        mut contradicts: impl FnMut(&FlagSchedule) -> bool,
    ) {
        let own = change.schedule;
        let number = change.number;
        for (_, schedule) in self.all.iter_mut().filter(|(number, _)| own != Some(**number)) {
            let touched = schedule.asked.key == *key && !schedule.is_over() && !schedule.only_switches_off();
            if touched && contradicts(schedule) {
                let how = if change.undoes.is_some() { "took back a change of the flag" } else { "changed the flag" };
                let why = match own {
                    Some(other) => format!("schedule {other} changed the flag ({number})"),
                    None => format!("{} {how} ({number})", event.principal),
                };
                Arc::make_mut(schedule).state =
                    ScheduleState::Cancelled { at: event.at, by: event.principal.clone(), why };
            }
        }
    }

    fn change(&mut self, number: ScheduleNumber, change: impl FnOnce(&mut FlagSchedule)) {
        if let Some(schedule) = self.all.get_mut(&number).filter(|schedule| !schedule.is_over()) {
            change(Arc::make_mut(schedule));
        }
    }

    /// Keeps the last of those that are over; all of them are in the ledger.
    fn forget(&mut self) {
        let over: Vec<ScheduleNumber> =
            self.all.iter().filter(|(_, schedule)| schedule.is_over()).map(|(number, _)| *number).collect();
        for number in over.iter().take(over.len().saturating_sub(KEPT)) {
            self.all.remove(number);
        }
    }
}

fn is_off(live: Option<&Value>) -> bool {
    live.and_then(|patch| patch.get("state")).and_then(Value::as_str) == Some("DISABLED")
}

/// Returns the properties that differ between two patches.
fn properties(before: Option<&Value>, after: Option<&Value>) -> BTreeSet<String> {
    let names = |patch: Option<&Value>| -> BTreeSet<String> {
        patch.and_then(Value::as_object).into_iter().flat_map(|patch| patch.keys().cloned()).collect()
    };
    let get = |patch: Option<&Value>, name: &str| patch.and_then(|patch| patch.get(name)).cloned();
    let all = names(before).into_iter().chain(names(after));
    all.filter(|name| get(before, name) != get(after, name)).collect()
}
