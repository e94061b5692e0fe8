//! Feature flags: what they are, how they are evaluated, and what people change of them while they serve.
//!
//! A flag is defined in flagd's format. Everything that lies over another (files of an environment, live changes, a rollout)
//! is a [`FlagPatch`] over a [`FlagDocument`]; a document is compiled once into a [`FlagSet`], which evaluates.

mod application;
mod basis;
mod changes;
mod diff;
mod document;
mod export;
mod key;
mod live;
mod percentage;
mod schedule;
mod set;
mod share;

pub use crate::config::definitions;
pub use application::{
    ApplicationKey, ApplicationKeys, FlagKeyMade, FlagKeyRevoked, KeyChange, KeyCommand, KeyKind, MAX_KEYS,
    MAX_ORIGINS, NewKey, Revoked, are_none,
};
pub use basis::FlagBasis;
pub use changes::{
    ApproveFlags, ChangeFlags, FlagChange, FlagChangeApproved, FlagChangeRejected, FlagChangeRequested, FlagCommand,
    FlagEdit, FlagRecord, FlagRequest, FlagWish, FlagsChanged, MAX_CHANGE, MAX_LIVE, MAX_RECORDS, MAX_TARGETS,
    MAX_WAITING, RejectFlags, UndoConflict, Wished, WorkedOut, judge, taken_back, wished, work_out,
};
pub use diff::{FlagDifference, Presence, PropertyDifference, differences};
pub use document::{Bucketing, FlagDefinition, FlagDocument, FlagNotes, FlagPatch, FlagState, Prerequisite};
pub use export::{ExportNote, Exported, export};
pub use key::{FlagKey, FlagKeyError};
pub use live::{FlagTarget, LiveFlags, is_unused};
pub use percentage::{NotEditable, Percent, PercentError, with_percentage};
pub use schedule::{
    FlagSchedule, FlagScheduleApproved, FlagScheduleCancelled, FlagScheduleFailed, FlagScheduleFired, FlagScheduled,
    FlagSchedules, MAX_OPEN, MAX_STEPS, MomentError, ScheduleCommand, ScheduleDue, ScheduleState, ScheduledSet,
    ScheduledStep, due as schedules_due, moment, no_schedules,
};
pub use set::{
    Context, ContextError, DEEPEST_CONTEXT, Evaluation, EvaluationError, Flag, FlagSet, ProblemKind, Reason,
    RuleProblem,
};
pub use share::{ShareError, share, with_share};
