//! `towpath experiments …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use jiff::Timestamp;

mod planning;

pub(crate) use planning::{AnalyseArgs, JudgedAs, KeepBy, PlanningCommand, PowerArgs, Rule};

#[derive(Debug, Subcommand)]
pub(crate) enum ExperimentsCommand {
    /// Lists the experiments of an environment.
    List(ListExperimentsArgs),
    /// Shows what an experiment compares and where it stands.
    Show(ExperimentArgs),
    /// Starts an experiment as it is declared in what runs.
    Start(ChangeExperimentArgs),
    /// Ends an experiment without a decision.
    Stop(ChangeExperimentArgs),
    /// Ends an experiment with a decision.
    Decide(DecideExperimentArgs),
    /// Shows what was counted, and what that says.
    Results(ResultsArgs),
    /// Prints the sums of an experiment for other tools.
    Export(ExportExperimentArgs),
    /// Reports exposures or metric events.
    Track(TrackArgs),
    /// Deletes everything that was counted of a unit.
    Erase(EraseUnitArgs),
    #[command(flatten)]
    Planning(PlanningCommand),
}

/// Lists the experiments of an environment: those that are declared in what runs there, and those that ever ran.
#[derive(Debug, Args)]
pub(crate) struct ListExperimentsArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
}

/// Shows what an experiment compares and where it stands; of one that does not run also what keeps it from starting.
#[derive(Debug, Args)]
pub(crate) struct ExperimentArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// Which.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub experiment: String,
}

/// Starts or stops an experiment.
///
/// What it compares is frozen when it starts: later changes of its file do not change it, and changes of its flag are written
/// down and keep it from being decided. Stopping it leaves the flag as it is.
#[derive(Debug, Args)]
pub(crate) struct ChangeExperimentArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// Which.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub experiment: String,
    /// Why, for people; kept in the ledger. Needed to start where users are (tier production).
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Ends an experiment with a decision. The flag is left as it is: give everybody the chosen variant with `towpath flags`.
#[derive(Debug, Args)]
pub(crate) struct DecideExperimentArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// Which.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub experiment: String,
    /// The variant that is chosen.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub variant: String,
    /// Decides though nothing may be concluded from the numbers.
    #[arg(long)]
    pub force: bool,
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Shows what was counted, and what that says: a table with a picture of each interval, or JSON.
#[derive(Debug, Args)]
pub(crate) struct ResultsArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// Which.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub experiment: String,
    /// The number of a run; the last one if absent.
    #[arg(long, value_name = "NUMBER")]
    pub run: Option<u32>,
    /// Writes a drawing of the intervals there too.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// Prints the sums of an experiment with how it is judged: nothing of a single unit.
#[derive(Debug, Args)]
pub(crate) struct ExportExperimentArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// Which.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub experiment: String,
    /// The number of a run; the last one if absent.
    #[arg(long, value_name = "NUMBER")]
    pub run: Option<u32>,
    /// In which form.
    #[arg(long, value_enum, default_value_t = ExportFormat::Json)]
    pub format: ExportFormat,
}

/// In which form sums are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ExportFormat {
    /// One JSON document.
    Json,
    /// A line for each metric and variant.
    Csv,
}

/// Reports exposures or metric events, one by options or many from a file of JSON lines.
#[derive(Debug, Args)]
pub(crate) struct TrackArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The event that happened.
    #[arg(long, value_name = "NAME", group = "what", requires_all = ["unit", "id"])]
    pub event: Option<String>,
    /// The experiment whose variant was shown.
    #[arg(long, value_name = "NAME", group = "what", requires_all = ["unit", "variant"])]
    pub exposure: Option<String>,
    /// A file with an exposure on each line; `-` for standard input.
    #[arg(long, value_name = "FILE", group = "what")]
    pub exposures: Option<PathBuf>,
    /// A file with a metric event on each line; `-` for standard input.
    #[arg(long, value_name = "FILE", group = "what")]
    pub events: Option<PathBuf>,
    /// Whom it is about.
    #[arg(long, value_name = "TEXT")]
    pub unit: Option<String>,
    /// The variant that was shown.
    #[arg(long, value_name = "VARIANT", requires = "exposure")]
    pub variant: Option<String>,
    /// What names the event: given again, it is not counted again.
    #[arg(long, value_name = "TEXT", requires = "event")]
    pub id: Option<String>,
    /// How much.
    #[arg(long, value_name = "NUMBER", requires = "event", allow_negative_numbers = true)]
    pub value: Option<f64>,
    /// When; now if absent.
    #[arg(long, value_name = "TIME", requires = "unit")]
    pub at: Option<Timestamp>,
}

/// Deletes everything that was counted of a unit in an environment: its exposures and its events.
#[derive(Debug, Args)]
pub(crate) struct EraseUnitArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// The unit, as flags were evaluated with it.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub unit: String,
}
