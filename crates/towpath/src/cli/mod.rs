//! The grammar of the command line. What commands do is in `commands`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::output::{Color, Format};

mod compare;
mod daily;
mod env;
mod experiments;
mod flags;
mod layers;
mod lifecycle;
mod overlay;
mod render;
mod schema;
mod secrets;
mod watch;

pub(crate) use compare::CompareArgs;
pub(crate) use daily::{
    ApproveArgs, DownArgs, GatesArgs, HistoryArgs, InitArgs, LogFormat, LogsArgs, PromoteArgs, RejectArgs,
    RollbackArgs, StatusArgs, UpArgs,
};
pub(crate) use env::{EnvCommand, ExplainArgs, ValidateArgs};
pub(crate) use experiments::*;
pub(crate) use flags::*;
pub(crate) use layers::{LayerArgs, WhichArgs};
pub(crate) use lifecycle::{CloneArgs, CreateEnvArgs, DestroyArgs, ExtendArgs, GcArgs};
pub(crate) use overlay::{ChangeArgs, SetArgs, UnsetArgs};
pub(crate) use render::{RenderArgs, RunArgs, SecretUseArgs};
pub(crate) use schema::SchemaArgs;
pub(crate) use secrets::*;
pub(crate) use watch::{
    AuditCommand, AuditLogArgs, CreateArgs, MetricsCommand, ReferenceTopic, ReleaseCommand, RolloutCommand, WatchArgs,
};

const EXAMPLES: &str = "\
Examples:
  towpath demo                          see everything once, in a minute
  towpath init                          write a project into this folder
  towpath up                            start the server, the proxy and what runs
  towpath release create --version 1.0  pin files and configuration together
  towpath promote r1 staging --wait     bring a release into an environment
  towpath rollout watch production      follow a rollout
  towpath rollback production           go back

Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused by a gate or policy, 4 difference found,
5 server not reachable, 6 still running at --timeout, 130 interrupted; of `towpath run` that of the command,
126 if it cannot be started, 127 if it is not found.";

/// Carries a release and everything that decides how it behaves from development to production.
#[derive(Debug, Parser)]
#[command(name = "towpath", version, after_help = EXAMPLES, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Prints data as text, as one JSON document, or as JSON lines. Never depends on where the output goes.
    #[arg(short, long, global = true, value_enum, default_value = "text", value_name = "FORMAT")]
    pub output: Format,
    /// Prints data and errors only, no progress and no hints.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Tells more; twice, even more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Never asks; what is missing is an error.
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Answers yes to questions. Never enough where users are: that needs --confirm.
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// Confirms what is named: the environment that a command changes, or an item of a checklist.
    #[arg(long, global = true, value_name = "NAME", action = clap::ArgAction::Append)]
    pub confirm: Vec<String>,
    /// Uses colour.
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: Color,
    /// Takes the project in this folder instead of the one around the current folder.
    #[arg(short = 'C', long, global = true, value_name = "DIR", env = "TOWPATH_PROJECT")]
    pub project: Option<PathBuf>,
    /// Acts as this person of the project, with the token that `towpath up` wrote for them.
    #[arg(long = "as", global = true, value_name = "NAME")]
    pub acting_as: Option<String>,
    /// Talks to the server at this address instead of the one that serves the project's folder.
    #[arg(long, global = true, value_name = "URL", env = "TOWPATH_URL")]
    pub url: Option<String>,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Writes a project that validates and runs into this folder.
    Init(InitArgs),
    /// Starts the server with the proxy and everything that is declared to run.
    Up(UpArgs),
    /// Stops the server, and on request what it runs.
    Down(DownArgs),
    /// Shows everything once: a release goes to production, a bad one is rolled back by itself.
    Demo(crate::demo::DemoArgs),
    /// Looks at environments, and sets values over their files while they run.
    #[command(subcommand)]
    Env(EnvCommand),
    /// Removes what nobody needs any more.
    Gc(GcArgs),
    /// Keeps the secrets of environments: values, keys, rotation, checks, copies elsewhere.
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Switches and steers feature flags, evaluates them, and keeps the keys of applications.
    #[command(subcommand)]
    Flags(FlagsCommand),
    /// Compares variants of a flag: who was exposed, what it did, what may be concluded.
    #[command(subcommand)]
    Experiments(ExperimentsCommand),
    /// Starts a command with the variables of an environment. Signals and the exit status pass through.
    Run(RunArgs),
    /// Prints the JSON Schema of the files, or writes it where editors find it.
    Schema(SchemaArgs),
    /// Makes releases and looks at them.
    #[command(subcommand)]
    Release(ReleaseCommand),
    /// Asks for a release to enter an environment.
    Promote(PromoteArgs),
    /// Agrees that a promotion enters.
    Approve(ApproveArgs),
    /// Closes a promotion with a no.
    Reject(RejectArgs),
    /// Shows the gates of a promotion; ticks off items of its checklist.
    Gates(GatesArgs),
    /// Follows and steers the rollout of an environment.
    #[command(subcommand)]
    Rollout(RolloutCommand),
    /// Goes back to an earlier revision, artifact and configuration together.
    Rollback(RollbackArgs),
    /// Shows what runs where and what waits.
    Status(StatusArgs),
    /// Shows the deployments of an environment, newest first.
    History(HistoryArgs),
    /// Prints the logs of instances.
    Logs(LogsArgs),
    /// Computes figures from the ledger.
    #[command(subcommand)]
    Metrics(MetricsCommand),
    /// Checks the ledger and reads it.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Prints a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Prints a reference made from the program itself.
    #[command(name = "__reference", hide = true)]
    Reference {
        /// Which.
        topic: ReferenceTopic,
    },
    /// Serves the notice board of `towpath demo`.
    #[command(name = "__demo-app", hide = true)]
    DemoApp,
}
