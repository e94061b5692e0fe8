//! `towpath secrets …`: encrypted files, inside and outside of projects. One file per command.
//!
//! Formats and encryption are in `towpath-secrets`; here are files, private keys of the user, the editor and git.

use jiff::Timestamp;
use towpath_secrets::{
    entropy::SystemEntropy,
    sops::{DataKey, File, MasterKey, Plain, SopsError},
};

use crate::{cli::FilesCommand, commands::Outcome, context::Context, failure::Failure};

mod convert;
mod decrypt;
mod edit;
mod editor;
mod encrypt;
mod git;
mod keygen;
pub(crate) mod keyring;
mod merge;
mod place;
mod private;
mod prompt;
mod rotate_file;
mod rules;
mod set;
mod status;
mod transit;
mod update_keys;
pub(crate) mod values;
mod words;

pub(super) fn run(context: &Context, command: &FilesCommand) -> Outcome {
    match command {
        FilesCommand::Keygen(args) => keygen::run(context, args),
        FilesCommand::Encrypt(args) => encrypt::run(context, args),
        FilesCommand::Decrypt(args) => decrypt::run(context, args),
        FilesCommand::Edit(args) => edit::run(context, args),
        FilesCommand::Merge(args) => merge::run(context, args),
        FilesCommand::UpdateKeys(args) => update_keys::run(context, args),
        FilesCommand::RotateFile(args) => rotate_file::run(context, args),
        FilesCommand::FileStatus(args) => status::run(context, args),
        FilesCommand::FileSet(args) => set::set(context, args),
        FilesCommand::FileUnset(args) => set::unset(context, args),
    }
}

/// The randomness of this system.
const ENTROPY: SystemEntropy = SystemEntropy;

fn now() -> Timestamp {
    Timestamp::now()
}

/// A file that was read and opened.
struct Opened {
    input: place::Input,
    file: File,
    key: DataKey,
    ring: keyring::Keyring,
}

/// Reads a file and opens its data key.
fn open(context: &Context, input: place::Input) -> Result<Opened, Failure> {
    let file = File::parse(&input.bytes, input.format).map_err(|error| place::wrong(&input.name, &error))?;
    let mut ring = keyring::Keyring::gather();
    let key = ring.open(context, &input.name, &file)?;
    Ok(Opened { input, file, key, ring })
}

/// Opens a file with the keys at hand: a failure where there are none, else what it holds or how it is damaged.
pub(super) fn plain_of(context: &Context, name: &str, file: &File) -> Result<Result<Plain, SopsError>, Failure> {
    let key = keyring::Keyring::gather().open(context, name, file)?;
    Ok(file.decrypt(&key))
}

/// Returns how a recipient is told to people.
pub(super) fn shown_recipient(key: &MasterKey) -> String {
    keyring::shown(key)
}
