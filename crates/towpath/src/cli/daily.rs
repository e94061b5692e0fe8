//! Commands of the daily path.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use towpath_core::{
    ids::{PromotionNumber, ReleaseNumber, Revision},
    import::Kind,
    units::Millis,
};

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// What the project is called; by default as the folder.
    #[arg(long)]
    pub name: Option<String>,
    /// What the service is called.
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// What starts the service, with `${PORT}` where its port goes; one line for the shell.
    #[arg(long, value_name = "COMMAND")]
    pub command: Option<String>,
    /// Shows the files that would be written, and writes nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Imports this file or folder, as often as it is given, instead of what is found in the project's folder.
    #[arg(long, value_name = "PATH", conflicts_with = "no_import")]
    pub from: Vec<PathBuf>,
    /// Imports nothing.
    #[arg(long)]
    pub no_import: bool,
    /// Takes this tool's word where files contradict each other, the strongest first: dotenv, compose, package,
    /// procfile, dockerfile, kubernetes, spring, helm.
    #[arg(long, value_name = "TOOL", value_parser = tool)]
    pub prefer: Vec<Kind>,
    /// Leaves out what cannot be read instead of writing nothing.
    #[arg(long)]
    pub skip_broken: bool,
    /// Declares an imported variable secret, so that its value is written nowhere.
    #[arg(long, value_name = "NAME")]
    pub secret: Vec<String>,
    /// Writes the value of an imported variable though it looks secret.
    #[arg(long, value_name = "NAME")]
    pub plain: Vec<String>,
    /// Allows an imported variable only the values it has now.
    #[arg(long = "enum", value_name = "NAME")]
    pub enums: Vec<String>,
}

fn tool(word: &str) -> Result<Kind, String> {
    let found = Kind::ALL.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind);
    found.ok_or_else(|| format!("one of: {}", Kind::ALL.map(|(known, _)| known).join(", ")))
}

/// In which form the server logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON document on each line.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Where the API listens, on the loopback interface; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    pub listen: SocketAddr,
    /// In which form to log, on standard error.
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub log: LogFormat,
    /// Stops every instance when the server stops; without it they go on.
    #[arg(long)]
    pub stop_instances: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DownArgs {
    /// Stops what runs, too. Environments of tier production need --confirm.
    #[arg(long)]
    pub stop_instances: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    /// The release, such as `r3`.
    pub release: ReleaseNumber,
    /// Where to.
    pub environment: String,
    /// Shows what would change, the gates and the steps, and asks for nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Why, for people; kept in the ledger.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Waits for the gates and follows the rollout to its end.
    #[arg(long)]
    pub wait: bool,
    /// Stops waiting after this time, with exit status 6.
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<Millis>,
    /// Goes on only if the plan has this checksum, as a dry run showed it.
    #[arg(long, value_name = "DIGEST")]
    pub plan: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The promotion, such as `p4`.
    pub promotion: PromotionNumber,
    /// What to say.
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// Agrees only if the plan has this checksum.
    #[arg(long, value_name = "DIGEST")]
    pub plan: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RejectArgs {
    /// The promotion, such as `p4`.
    pub promotion: PromotionNumber,
    /// What to say.
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
}

/// Shows the gates of a promotion. `--confirm ITEM` ticks off an item of the checklist, as often as it is given.
#[derive(Debug, Args)]
pub(crate) struct GatesArgs {
    /// The promotion, such as `p4`.
    pub promotion: PromotionNumber,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// Where.
    pub environment: String,
    /// To which revision, such as `d3`; without it to the good one before the current.
    #[arg(long, value_name = "REVISION")]
    pub to: Option<Revision>,
    /// Shows what would be done, and does nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Why, for people; kept in the ledger.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Follows it to its end.
    #[arg(long)]
    pub wait: bool,
    /// Stops waiting after this time, with exit status 6.
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<Millis>,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Only this environment, in more detail.
    pub environment: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Where.
    pub environment: String,
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Where.
    pub environment: String,
    /// Only this service.
    pub service: Option<String>,
    /// Goes on printing what is added.
    #[arg(short, long)]
    pub follow: bool,
    /// How many lines of each instance to begin with.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub tail: usize,
    /// Only this revision, such as `d3`; without it what runs.
    #[arg(long, value_name = "REVISION")]
    pub revision: Option<Revision>,
    /// Only the instance with this index.
    #[arg(long, value_name = "INDEX")]
    pub instance: Option<u32>,
}
