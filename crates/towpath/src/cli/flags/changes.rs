//! `towpath flags …`: what people change while flags serve.

use std::path::PathBuf;

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};

#[derive(Debug, Subcommand)]
pub(crate) enum ChangesCommand {
    /// Switches flags on.
    On(SwitchArgs),
    /// Switches flags off, at once: callers take the default in their code. Waits for nobody's approval.
    Off(SwitchArgs),
    /// Gives a flag another default variant: for everybody that no rule catches.
    Default(DefaultArgs),
    /// Turns a flag on for a part of everybody that no rule catches. Growing only adds users.
    Percentage(PercentageArgs),
    /// Changes any properties of a flag, or its whole targeting; or makes a flag.
    Edit(EditFlagArgs),
    /// Gives a segment another rule.
    Segment(SegmentArgs),
    /// Leaves flags to the files again.
    Reset(ResetArgs),
    /// Takes a change back: the latest, or a certain one.
    Undo(UndoArgs),
    /// Says how the flags of two environments differ. Exit status 4 if they do.
    Diff(FlagDiffArgs),
    /// Makes flags what they are in another environment.
    Promote(PromoteFlagsArgs),
    /// Lists what was changed of flags, newest first.
    Log(FlagLogArgs),
    /// Lists changes that wait for approvals.
    Pending(PendingArgs),
    /// Agrees to a change that waits. The last approval brings it into force.
    Approve(ApproveFlagsArgs),
    /// Says no to a change that waits and closes it.
    Reject(RejectFlagsArgs),
}

/// How a change is made.
#[derive(Debug, Clone, Args)]
pub(crate) struct FlagHowArgs {
    /// Why, for people; kept in the ledger. Needed in production unless its file says otherwise.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Shows what would change, and does nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Goes on only if the change has this checksum, as a dry run showed it.
    #[arg(long, value_name = "DIGEST")]
    pub plan: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SwitchArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The flags.
    #[arg(value_name = "FLAG", required = true)]
    pub flags: Vec<String>,
    #[command(flatten)]
    pub how: FlagHowArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DefaultArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The flag.
    #[arg(value_name = "FLAG")]
    pub flag: String,
    /// The variant.
    #[arg(value_name = "VARIANT")]
    pub variant: String,
    #[command(flatten)]
    pub how: FlagHowArgs,
}

/// Turns a flag on for a part of everybody that no rule catches.
///
/// Its targeting is edited: the last branch of `if`, or a split between two variants; a flag without targeting gets one. Whoever
/// has the flag keeps it when the part grows.
#[derive(Debug, Args)]
pub(crate) struct PercentageArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The flag.
    #[arg(value_name = "FLAG")]
    pub flag: String,
    /// From 0 to 100, with at most three decimals, such as `25` or `0.5`.
    #[arg(value_name = "PERCENT", allow_negative_numbers = true)]
    pub percent: String,
    /// The variant; needed where there are more than two.
    #[arg(long, value_name = "VARIANT")]
    pub variant: Option<String>,
    #[command(flatten)]
    pub how: FlagHowArgs,
}

#[derive(Debug, Args)]
#[group(id = "edit", required = true, multiple = false, args = ["from_file", "targeting", "no_targeting"])]
pub(crate) struct EditFlagArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The flag.
    #[arg(value_name = "FLAG")]
    pub flag: String,
    /// Takes these properties, such as `{"defaultVariant": "on"}`, or those in a file of JSON or YAML; `null` takes one
    /// away, `-` is standard input.
    #[arg(long, value_name = "JSON|FILE")]
    pub from_file: Option<PathBuf>,
    /// Takes this rule, or that in a file of JSON or YAML; `-` is standard input.
    #[arg(long, value_name = "JSON|FILE")]
    pub targeting: Option<PathBuf>,
    /// Takes the targeting away: everybody gets the default variant.
    #[arg(long)]
    pub no_targeting: bool,
    #[command(flatten)]
    pub how: FlagHowArgs,
}

#[derive(Debug, Args)]
#[group(id = "rule", required = true, multiple = false, args = ["from_file", "reset"])]
pub(crate) struct SegmentArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The segment, as `$evaluators` calls it.
    #[arg(value_name = "SEGMENT")]
    pub segment: String,
    /// Takes this rule, or that in a file of JSON or YAML; `-` is standard input.
    #[arg(long, value_name = "JSON|FILE")]
    pub from_file: Option<PathBuf>,
    /// Leaves it to the files again.
    #[arg(long)]
    pub reset: bool,
    #[command(flatten)]
    pub how: FlagHowArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The flags.
    #[arg(value_name = "FLAG", required = true)]
    pub flags: Vec<String>,
    #[command(flatten)]
    pub how: FlagHowArgs,
}

/// Takes a change back: what it touched becomes what it was before it.
///
/// What was changed again since is a conflict, and nothing is done. Waits for nobody unless it would switch a flag on.
#[derive(Debug, Args)]
pub(crate) struct UndoArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The change, with or without `c`; the latest that was not taken back if absent.
    #[arg(value_name = "CHANGE", value_parser = change_number)]
    pub number: Option<u64>,
    #[command(flatten)]
    pub how: FlagHowArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FlagDiffArgs {
    /// The left environment.
    #[arg(value_name = "FROM", value_parser = NonEmptyStringValueParser::new())]
    pub from: String,
    /// The right environment.
    #[arg(value_name = "TO", value_parser = NonEmptyStringValueParser::new())]
    pub to: String,
    /// Only these flags and segments.
    #[arg(value_name = "FLAG")]
    pub flags: Vec<String>,
}

/// Makes flags what they are in another environment.
///
/// What is equal is left out, and what is only in TO stays. Segments that a flag names come with it. Needs what every live change
/// needs in TO.
#[derive(Debug, Args)]
pub(crate) struct PromoteFlagsArgs {
    /// The environment that flags are taken over from.
    #[arg(value_name = "FROM", value_parser = NonEmptyStringValueParser::new())]
    pub from: String,
    /// The environment that changes.
    #[arg(value_name = "TO", value_parser = NonEmptyStringValueParser::new())]
    pub to: String,
    /// Only these flags and segments.
    #[arg(value_name = "FLAG")]
    pub flags: Vec<String>,
    #[command(flatten)]
    pub how: FlagHowArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FlagLogArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// Only changes of this flag or segment.
    #[arg(value_name = "FLAG")]
    pub flag: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PendingArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
}

#[derive(Debug, Args)]
pub(crate) struct ApproveFlagsArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The change, with or without `c`.
    #[arg(value_name = "CHANGE", value_parser = change_number)]
    pub number: u64,
    /// Goes on only if the change has this checksum, as `flags pending` showed it.
    #[arg(long, value_name = "DIGEST")]
    pub plan: Option<String>,
    /// What to say.
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RejectFlagsArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The change, with or without `c`.
    #[arg(value_name = "CHANGE", value_parser = change_number)]
    pub number: u64,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
}

fn change_number(text: &str) -> Result<u64, String> {
    text.strip_prefix('c').unwrap_or(text).parse().map_err(|_| "the number of a change, such as `c3`".to_owned())
}
