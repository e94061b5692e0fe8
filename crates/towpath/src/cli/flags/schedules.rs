//! `towpath flags …`: changes at a time, and step by step over a time.

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use towpath_core::units::Millis;

#[derive(Debug, Subcommand)]
pub(crate) enum SchedulesCommand {
    /// Changes a flag at a time.
    Schedule(ScheduleArgs),
    /// Gives a variant to growing parts of everybody, step by step over a time.
    Ramp(RampArgs),
    /// Lists what is going to change by itself, and what became of the rest.
    Schedules(SchedulesArgs),
    /// Takes a schedule or ramp back, or says no to one that waits.
    Unschedule(AnswerScheduleArgs),
    /// Agrees to a schedule or ramp that waits.
    ApproveSchedule(AnswerScheduleArgs),
}

/// Changes a flag at a time: `on`, `off`, `variant NAME` or `percentage VARIANT PERCENT`.
///
/// At its time the server makes the change; if it was away then, as soon as it is back. Whoever changes the same by hand before,
/// or switches the flag off, cancels the schedule. Where changes of flags need approvals it waits for them.
#[derive(Debug, Args)]
pub(crate) struct ScheduleArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The flag.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub key: String,
    /// When, such as 2026-03-01T09:00+01:00, or 2026-03-01T09:00 with --time-zone.
    #[arg(long, value_name = "TIME")]
    pub at: String,
    /// The time zone of a time without an offset, such as Europe/Berlin.
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// What it is made then.
    #[command(subcommand)]
    pub set: ScheduledArg,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScheduledArg {
    /// Switches it on.
    On,
    /// Switches it off.
    Off,
    /// Gives it another default variant.
    Variant {
        /// Which.
        variant: String,
    },
    /// Gives a variant to a part of everybody that no rule catches.
    Percentage {
        /// Which.
        variant: String,
        /// The part, such as 25 or 2.5.
        percent: String,
    },
}

/// Gives a variant of a flag to growing parts of everybody, step by step over a time.
///
/// Who has the variant keeps it when the part grows. When the server was away for several steps, only the last of them is done.
/// Whoever changes the targeting by hand, switches the flag off or takes a change back cancels the ramp.
#[derive(Debug, Args)]
pub(crate) struct RampArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The flag.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub key: String,
    /// The variant.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub variant: String,
    /// The parts in order, in percent.
    #[arg(long, value_name = "PERCENT", value_delimiter = ',', default_value = "1,5,25,100")]
    pub steps: Vec<String>,
    /// The time from one step to the next, such as 1h.
    #[arg(long, value_name = "DURATION")]
    pub every: Millis,
    /// When the first step is; at once if absent.
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,
    /// The time zone of a start without an offset, such as Europe/Berlin.
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Lists what is going to change by itself, and what became of the rest.
#[derive(Debug, Args)]
pub(crate) struct SchedulesArgs {
    /// Where; everywhere if absent.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: Option<String>,
}

/// Says something of a schedule or ramp.
#[derive(Debug, Args)]
pub(crate) struct AnswerScheduleArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The number of the schedule, such as s3.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub number: String,
    /// Why, for people; kept in the ledger.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}
