//! `towpath env …`.

use clap::{Args, Subcommand};

use super::{
    layers::{EnvOption, LayerArgs, WhichArgs},
    overlay::{SetArgs, UnsetArgs},
    render::RenderArgs,
};

#[derive(Debug, Subcommand)]
pub(crate) enum EnvCommand {
    /// Lists the environments of the project.
    List,
    /// Shows one environment with everything resolved.
    Show {
        #[command(flatten)]
        which: WhichArgs,
        #[command(flatten)]
        layers: LayerArgs,
    },
    /// Shows which layers set a value, each with its place.
    Explain(ExplainArgs),
    /// Checks the files: all mistakes at once, each with its place. Exit status 1 if there are any.
    Validate(ValidateArgs),
    /// Writes the variables of an environment in the format of another tool.
    Render(RenderArgs),
    /// Sets values over the files of an environment while it runs, by a promotion of what runs there.
    Set(SetArgs),
    /// Takes values off again, so that the files decide.
    Unset(UnsetArgs),
    /// Lists what is laid over the files of an environment: who set it, when and why.
    Overlay {
        /// Which environment.
        environment: String,
    },
    /// Compares environments key by key. Exit status 4 if two of them differ.
    Diff {
        /// Two or more; without any, all.
        #[arg(value_name = "ENVIRONMENT")]
        environments: Vec<String>,
        /// Shows keys that are the same, too.
        #[arg(long)]
        full: bool,
        /// Leaves out what the server knows: the live overlay.
        #[arg(long)]
        offline: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Which environment. With `--env` the only argument is the key.
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub environment: Option<String>,
    /// The key, such as `services.web.replicas`, `verification[0].name` or the name of a variable; everything under it is
    /// explained.
    pub key: Option<String>,
    #[command(flatten)]
    pub option: EnvOption,
    #[command(flatten)]
    pub layers: LayerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Only this environment.
    #[arg(conflicts_with_all = ["all", "env"], value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub environment: Option<String>,
    #[command(flatten)]
    pub option: EnvOption,
    /// Every environment, as without a name.
    #[arg(long, conflicts_with = "env")]
    pub all: bool,
    /// Takes warnings for mistakes.
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub layers: LayerArgs,
}
