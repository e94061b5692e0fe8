//! `towpath flags …`: what people change while flags serve.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum ChangesCommand {
    /// Lists what was changed of flags, newest first.
    Log(FlagLogArgs),
}

#[derive(Debug, Args)]
pub(crate) struct FlagLogArgs {}
