//! `towpath secrets …`, a group of commands per subject.

use clap::Subcommand;

use super::RunArgs;

mod files;
mod rotation;
mod sync;
mod validate;
mod values;

pub(crate) use files::{
    CreationArgs, DecryptArgs, EditArgs, EncryptArgs, FileSetArgs, FileStatusArgs, FileUnsetArgs, FilesCommand,
    KeygenArgs, MergeArgs, ResultArgs, RotateFileArgs, UpdateKeysArgs,
};
pub(crate) use rotation::{AbortRotationArgs, DueArgs, RetryRotationArgs, RotateArgs, RotationCommand, RotationsArgs};
pub(crate) use sync::SyncArgs;
pub(crate) use validate::ValidateSecretsArgs;
pub(crate) use values::{
    DestroySecretArgs, GetSecretArgs, ListArgs, RestoreSecretArgs, SecretArgs, SecretHistoryArgs, SecretPlace,
    SetSecretArgs, UnsetSecretArgs, ValuesCommand,
};

#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    #[command(flatten)]
    Values(ValuesCommand),
    #[command(flatten)]
    Rotation(RotationCommand),
    #[command(flatten)]
    Files(FilesCommand),
    /// Checks the secrets of environments: all findings at once, each with its severity. Exit status 1 if there are any.
    Validate(ValidateSecretsArgs),
    /// Starts a command with the variables and secrets of an environment: the same as `towpath run`.
    Run(RunArgs),
    /// Copies secrets to where other tools need them, and finds what differs there.
    Sync(SyncArgs),
}
