//! `towpath flags …`: definitions in files, and evaluating them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;

use crate::cli::layers::WhichArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum DefinitionsCommand {
    /// Lists the flags of an environment.
    List(ListFlagsArgs),
    /// Shows one flag of an environment as it is evaluated, every layer laid over the other.
    Show(ShowFlagArgs),
    /// Shows who set what of a flag: which file and line, and what it overruled.
    Explain(ShowFlagArgs),
    /// Checks the files about flags: all mistakes at once, each with its place. Exit status 1 if there are any.
    Validate(ValidateFlagsArgs),
    /// Evaluates a flag from files, or from what the environment was last known to serve; prints the answer of OFREP.
    Eval(EvalFlagArgs),
    /// Evaluates every flag that pages may see, for a page to begin with before it asked anybody.
    Bootstrap(BootstrapArgs),
    /// Writes the flags of an environment as a plain file of flagd.
    Export(ExportFlagsArgs),
    /// Finds where the project's sources use flags, and flags that nobody uses or defines.
    Refs(RefsArgs),
    /// Lists flags that should be gone, each with why. Exit status 4 if there are any.
    Stale(StaleArgs),
    /// Writes the definition of a new flag.
    Add(AddFlagArgs),
}

/// Which flags: of an environment, or of one file.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct StateArgs {
    /// Which environment; without it what `TOWPATH_ENV`, `ENVIRONMENT` or `NODE_ENV` says, else development.
    #[arg(short, long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub env: Option<String>,
    /// Takes the definitions in this file and nothing else.
    #[arg(long, value_name = "FLAGS.json")]
    pub file: Option<PathBuf>,
    /// Takes the project's files, whatever the environment was last known to serve.
    #[arg(long, conflicts_with = "file")]
    pub files: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListFlagsArgs {
    #[command(flatten)]
    pub which: WhichArgs,
    /// Takes the project's files, whatever the environment was last known to serve.
    #[arg(long)]
    pub files: bool,
    /// Only flags with this tag.
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Only flags that this person or team answers for.
    #[arg(long, value_name = "NAME")]
    pub owner: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ShowFlagArgs {
    /// The key of the flag.
    #[arg(value_name = "KEY")]
    pub key: String,
    #[command(flatten)]
    pub state: StateArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateFlagsArgs {
    /// Checks this file and nothing else.
    #[arg(long, value_name = "FLAGS.json")]
    pub file: Option<PathBuf>,
    /// Fails on warnings, too.
    #[arg(long)]
    pub strict: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EvalFlagArgs {
    /// The key of the flag.
    #[arg(value_name = "KEY")]
    pub key: String,
    #[command(flatten)]
    pub state: StateArgs,
    #[command(flatten)]
    pub context: ContextArgs,
}

/// Who asks.
#[derive(Debug, Clone, Args)]
pub(crate) struct ContextArgs {
    /// Who asks, as a JSON object such as `{"targetingKey": "user-1"}`; `@FILE` reads it from a file, `-` from standard input.
    #[arg(short, long, value_name = "JSON|@FILE|-", default_value = "{}", allow_hyphen_values = true)]
    pub context: String,
}

#[derive(Debug, Args)]
pub(crate) struct BootstrapArgs {
    #[command(flatten)]
    pub state: StateArgs,
    #[command(flatten)]
    pub context: ContextArgs,
    /// Also flags that pages may not see (`client: false`).
    #[arg(long)]
    pub all: bool,
}

/// In which form a file is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FlagFormat {
    #[default]
    Json,
    Yaml,
}

#[derive(Debug, Args)]
pub(crate) struct ExportFlagsArgs {
    #[command(flatten)]
    pub state: StateArgs,
    /// In which form.
    #[arg(long, value_enum, default_value = "json")]
    pub format: FlagFormat,
}

#[derive(Debug, Args)]
pub(crate) struct RefsArgs {
    /// Only this flag, whether it is defined or not.
    #[arg(value_name = "KEY")]
    pub key: Option<String>,
    /// Looks in this folder of the project only.
    #[arg(long, value_name = "DIR")]
    pub within: Option<PathBuf>,
    /// Exit status 4 if a key is used that no flag defines.
    #[arg(long)]
    pub check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StaleArgs {
    /// In this environment only; without it in every one of the project.
    #[arg(short, long, value_name = "NAME")]
    pub env: Option<String>,
    /// Does not look for uses in the project's sources.
    #[arg(long)]
    pub no_refs: bool,
}

/// What the variants of a flag are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FlagType {
    #[default]
    Boolean,
    String,
    Number,
    Object,
}

#[derive(Debug, Args)]
pub(crate) struct AddFlagArgs {
    /// The key of the flag.
    #[arg(value_name = "KEY")]
    pub key: String,
    /// What its variants are.
    #[arg(long = "type", value_enum, default_value = "boolean", value_name = "TYPE")]
    pub kind: FlagType,
    /// Who answers for it.
    #[arg(long, value_name = "NAME")]
    pub owner: Option<String>,
    /// What it is for.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// The day after which it should be gone, such as 2027-03-31.
    #[arg(long, value_name = "DAY", conflicts_with = "permanent")]
    pub expires: Option<Date>,
    /// It is meant to stay.
    #[arg(long)]
    pub permanent: bool,
    /// A word to find it by.
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
}
