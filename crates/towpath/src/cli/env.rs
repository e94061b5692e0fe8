//! `towpath env …`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum EnvCommand {
    /// Lists the environments of the project.
    List,
    /// Shows one environment with everything resolved.
    Show {
        /// Which; by default what `TOWPATH_ENV`, `ENVIRONMENT` or `NODE_ENV` says, else development.
        environment: Option<String>,
    },
    /// Shows which layers set a value.
    Explain {
        /// Which environment.
        environment: String,
        /// The key, such as `services.web.replicas` or the name of a variable; everything under it is explained.
        key: Option<String>,
    },
    /// Checks the files: all mistakes at once, each with its place. Exit status 1 if there are any.
    Validate {
        /// Only this environment.
        #[arg(conflicts_with = "all")]
        environment: Option<String>,
        /// Every environment, as without a name.
        #[arg(long)]
        all: bool,
    },
    /// Writes the variables of an environment in the format of another tool.
    Render(RenderArgs),
    /// Compares environments key by key. Exit status 4 if two of them differ.
    Diff {
        /// Two or more; without any, all.
        #[arg(value_name = "ENVIRONMENT")]
        environments: Vec<String>,
        /// Shows keys that are the same, too.
        #[arg(long)]
        full: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// Which environment.
    pub environment: String,
    /// The format: dotenv, json, yaml, shell, docker, configmap, systemd.
    #[arg(short, long, default_value = "dotenv")]
    pub format: String,
    /// The variables of this service, its own ones included.
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
}
