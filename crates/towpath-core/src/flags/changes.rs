//! Live changes: what is asked for, what is written down, and what the world keeps of it.

mod command;
mod edit;
mod fact;
mod fold;
mod undo;
mod wish;

pub use command::{ApproveFlags, ChangeFlags, FlagCommand, RejectFlags};
pub use edit::{FlagEdit, WorkedOut, judge, work_out};
pub use fact::{FlagChange, FlagChangeApproved, FlagChangeRejected, FlagChangeRequested, FlagsChanged};
pub use fold::{FlagRecord, FlagRequest, MAX_RECORDS};
pub use undo::{UndoConflict, taken_back};
pub use wish::{FlagWish, Wished, wished};

/// Most flags and segments in one change.
pub const MAX_TARGETS: usize = 200;
/// The most bytes of one change as JSON.
pub const MAX_CHANGE: usize = 256 << 10;
/// The most bytes that live changes of one environment may lay over its files, as JSON.
pub const MAX_LIVE: usize = 4 << 20;
/// Most changes of one environment that wait for approvals.
pub const MAX_WAITING: usize = 100;
