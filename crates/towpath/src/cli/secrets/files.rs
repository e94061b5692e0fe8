//! `towpath secrets …`: encrypted files, inside and outside of projects.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum FilesCommand {
    /// Decrypts a file that sops or `towpath secrets encrypt` made.
    Decrypt(DecryptArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DecryptArgs {}
