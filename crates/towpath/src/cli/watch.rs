//! Releases, rollouts, metrics and the ledger.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use towpath_core::{ids::ReleaseNumber, units::Millis};

#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Makes a release of files and configuration as they are now. The same again is the same release.
    Create(CreateArgs),
    /// Lists releases, newest first.
    List {
        /// How many at most.
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },
    /// Shows a release.
    Show {
        /// Which, such as `r3`.
        release: ReleaseNumber,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// What people call it; by default the git tag or commit.
    #[arg(long = "version", value_name = "VERSION")]
    pub version: Option<String>,
    /// Takes the files of this folder (or one file) as the artifact of this name, instead of what `towpath.yaml` says.
    #[arg(long = "artifact", value_name = "NAME=DIR")]
    pub artifacts: Vec<String>,
    /// What changed, for people.
    #[arg(long, value_name = "TEXT")]
    pub notes: Option<String>,
    /// Follows it into the environments that take a new release by themselves.
    #[arg(long)]
    pub wait: bool,
    /// Stops waiting after this time, with exit status 6.
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<Millis>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RolloutCommand {
    /// Follows the rollout to its end: exit status 0 if it completed, 1 if it was rolled back.
    Watch(WatchArgs),
    /// Shows how it stands.
    Status {
        /// Where.
        environment: String,
    },
    /// Holds it where it is.
    Pause {
        /// Where.
        environment: String,
        /// Why, for people; kept in the ledger.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Lets it go on.
    Resume {
        /// Where.
        environment: String,
    },
    /// Fails it and goes back to the good revision.
    Abort {
        /// Where.
        environment: String,
        /// Why, for people; kept in the ledger.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Sends it to its end without the steps between.
    Promote {
        /// Where.
        environment: String,
        /// Why, for people; kept in the ledger.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Where.
    pub environment: String,
    /// Stops following after this time, with exit status 6.
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<Millis>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MetricsCommand {
    /// Deployment frequency, lead time, change failure rate, time to restore.
    Dora(DoraArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DoraArgs {
    /// Only this environment.
    pub environment: Option<String>,
    /// Over so many days until now.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Checks every entry, hash and signature of the ledger; the server may run. Exit status 1 if anything is wrong.
    Verify {
        /// Compares with this checkpoint, kept elsewhere: only so is a ledger found that was put back as a whole.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// Prints what happened, newest first.
    Log(AuditLogArgs),
    /// Prints the newest signed checkpoint: keep it elsewhere and give it to `audit verify --checkpoint`.
    Checkpoint,
}

#[derive(Debug, Args)]
pub(crate) struct AuditLogArgs {
    /// Only this environment.
    #[arg(short, long = "env", value_name = "NAME")]
    pub environment: Option<String>,
    /// Only this kind, such as `rollout_failed`.
    #[arg(long)]
    pub kind: Option<String>,
    /// Only by this person, or `towpath` for the control plane.
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Not before, such as `2026-11-21T08:00:00Z`.
    #[arg(long, value_name = "TIME")]
    pub since: Option<Timestamp>,
    /// Before.
    #[arg(long, value_name = "TIME")]
    pub until: Option<Timestamp>,
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
}

/// What a reference is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ReferenceTopic {
    /// The command line, as Markdown.
    Cli,
    /// The API, as OpenAPI 3.1.
    Openapi,
    /// Every key of the configuration, as Markdown.
    Configuration,
    /// The project file, as JSON Schema.
    ProjectSchema,
    /// An environment's file, as JSON Schema.
    EnvironmentSchema,
}
