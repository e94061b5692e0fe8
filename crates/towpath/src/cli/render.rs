//! `towpath env render` and `towpath run`: the variables of an environment for other programs.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, builder::PossibleValuesParser};
use towpath_core::config::Format;

use super::layers::{LayerArgs, WhichArgs};

#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    #[command(flatten)]
    pub which: WhichArgs,
    /// The format.
    #[arg(short, long, default_value = "dotenv", value_parser = formats())]
    pub format: String,
    /// The variables of this service, its own ones included.
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Only these variables.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Writes secret variables, too, in the clear.
    #[arg(long)]
    pub with_secrets: bool,
    #[command(flatten)]
    pub secrets: ReasonArgs,
    /// Writes into this file, for its owner alone, instead of printing.
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// The name of the Kubernetes object, instead of the service's or environment's.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The namespace of the Kubernetes object.
    #[arg(long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// A label of the Kubernetes object.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,
    #[command(flatten)]
    pub layers: LayerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub which: WhichArgs,
    /// With the variables of this service, its own ones included.
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Replaces values of secrets in what the command prints by their names. The command is started beside this process then.
    #[arg(long)]
    pub mask: bool,
    #[command(flatten)]
    pub secrets: SecretUseArgs,
    /// Inherits no variables but those every program needs, such as PATH, HOME, TERM, LANG and TZ.
    #[arg(long)]
    pub clean: bool,
    #[command(flatten)]
    pub layers: LayerArgs,
    /// The program and its arguments, after `--`.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Which secrets are given to a command.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SecretUseArgs {
    /// Gives it only these secrets; the others are not asked for.
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with = "no_secrets")]
    pub only: Vec<String>,
    /// Gives it none of the secrets that have to be looked for.
    #[arg(long)]
    pub no_secrets: bool,
    #[command(flatten)]
    pub reason: ReasonArgs,
}

/// Why values of secrets are looked at.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ReasonArgs {
    /// Why, for people; kept in the ledger where the server's store is asked. Needed where users are (tier production).
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

fn formats() -> PossibleValuesParser {
    PossibleValuesParser::new(Format::ALL.map(Format::as_str))
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
