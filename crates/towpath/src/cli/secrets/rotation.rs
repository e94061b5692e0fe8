//! `towpath secrets …`: changing values and keys without interruption.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum RotationCommand {
    /// Rotates the value of a secret, or the data key of an environment.
    Rotate(RotateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RotateArgs {}
