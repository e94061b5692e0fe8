//! `towpath secrets …`: encrypted files, inside and outside of projects.
//!
//! Named as sops names them where sops has the same; its spellings in one word are taken, too.

use std::path::PathBuf;

use clap::{Args, Subcommand, builder::PossibleValuesParser};

const FORMATS: [&str; 5] = ["yaml", "json", "dotenv", "ini", "binary"];

#[derive(Debug, Subcommand)]
pub(crate) enum FilesCommand {
    /// Makes a key of age, as `age-keygen` does; or says who a key is: `--recipient`.
    Keygen(KeygenArgs),
    /// Encrypts a file as sops does, for whom `.sops.yaml` or the command line names.
    Encrypt(Box<EncryptArgs>),
    /// Decrypts a file that sops or `towpath secrets encrypt` made, and checks that nobody changed it.
    Decrypt(DecryptArgs),
    /// Opens an encrypted file in $EDITOR; only what you change is encrypted again.
    Edit(Box<EditArgs>),
    /// Merges encrypted files key by key: by hand after a conflict of git, or as git's merge driver.
    Merge(MergeArgs),
    /// Lets those open a file whom `.sops.yaml` names now, and nobody else.
    #[command(visible_alias = "updatekeys")]
    UpdateKeys(UpdateKeysArgs),
    /// Encrypts a whole file anew under a new data key.
    RotateFile(RotateFileArgs),
    /// Says whether a file is encrypted, when and for whom. Needs no key.
    #[command(visible_alias = "filestatus")]
    FileStatus(FileStatusArgs),
    /// Sets one value of a file, read from standard input, a file or the keyboard; never from the command line.
    FileSet(FileSetArgs),
    /// Takes one value or part out of a file.
    FileUnset(FileUnsetArgs),
}

/// Makes a key of age: a private one to keep, and the public one (`age1…`) to name as recipient.
///
/// Prints the private key unless told where to write it. A file that is there is never overwritten.
#[derive(Debug, Args)]
pub(crate) struct KeygenArgs {
    /// Writes the private key into this new file, which only you can read, and tells the public one.
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Makes nothing: prints the public keys of this file of private ones, as `age-keygen -y` does; `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    pub recipient: Option<PathBuf>,
}

/// Which file, of which format.
#[derive(Debug, Clone, Args)]
pub(crate) struct FileArgs {
    /// The file; `-` for standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Reads it as this format, whatever its name ends in.
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    pub input_type: Option<String>,
}

/// Where the result goes.
#[derive(Debug, Clone, Args)]
pub(crate) struct ResultArgs {
    /// Writes the result in place of the file.
    #[arg(short, long, conflicts_with = "to")]
    pub in_place: bool,
    /// Writes the result into this file instead of printing it.
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

/// For whom a new file is encrypted, and which of its values.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CreationArgs {
    /// For these age recipients, instead of those of `.sops.yaml`.
    #[arg(short, long, value_name = "RECIPIENT", value_delimiter = ',', env = "SOPS_AGE_RECIPIENTS")]
    pub age: Vec<String>,
    /// For these keys of Vault's transit engine, instead of those of `.sops.yaml`.
    #[arg(long, value_name = "URI", value_delimiter = ',', env = "SOPS_VAULT_URIS")]
    pub hc_vault_transit: Vec<String>,
    /// Goes by this file instead of the nearest `.sops.yaml`.
    #[arg(long, value_name = "FILE", env = "SOPS_CONFIG")]
    pub config: Option<PathBuf>,
    /// Takes the rule of `.sops.yaml` for this name.
    #[arg(long, value_name = "NAME")]
    pub filename_override: Option<PathBuf>,
    /// Encrypts all but keys with this ending.
    #[arg(long, value_name = "TEXT", group = "selection")]
    pub unencrypted_suffix: Option<String>,
    /// Encrypts only keys with this ending.
    #[arg(long, value_name = "TEXT", group = "selection")]
    pub encrypted_suffix: Option<String>,
    /// Encrypts all but keys that match.
    #[arg(long, value_name = "REGEX", group = "selection")]
    pub unencrypted_regex: Option<String>,
    /// Encrypts only keys that match.
    #[arg(long, value_name = "REGEX", group = "selection")]
    pub encrypted_regex: Option<String>,
    /// Encrypts all but what stands under a comment that matches.
    #[arg(long, value_name = "REGEX", group = "selection")]
    pub unencrypted_comment_regex: Option<String>,
    /// Encrypts only what stands under a comment that matches.
    #[arg(long, value_name = "REGEX", group = "selection")]
    pub encrypted_comment_regex: Option<String>,
    /// Lets the MAC cover encrypted values only.
    #[arg(long)]
    pub mac_only_encrypted: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EncryptArgs {
    #[command(flatten)]
    pub file: FileArgs,
    #[command(flatten)]
    pub result: ResultArgs,
    #[command(flatten)]
    pub creation: CreationArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DecryptArgs {
    #[command(flatten)]
    pub file: FileArgs,
    /// Writes it in this format.
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    pub output_type: Option<String>,
    /// Only this value or part, such as `database.password` or `["database"]["hosts"][0]`.
    #[arg(long, value_name = "PATH")]
    pub extract: Option<String>,
    #[command(flatten)]
    pub result: ResultArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EditArgs {
    /// The file, or an environment, whose `secrets/ENVIRONMENT.yaml` is meant. It is made if it is not there.
    #[arg(value_name = "ENVIRONMENT|FILE")]
    pub what: String,
    /// Reads it as this format, whatever its name ends in.
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    pub input_type: Option<String>,
    #[command(flatten)]
    pub creation: CreationArgs,
}

#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// The file that git could not merge; or, as git calls a merge driver, base, ours and theirs.
    #[arg(value_name = "FILE", required_unless_present = "install", num_args = 1..=3)]
    pub files: Vec<PathBuf>,
    /// The name of the file that the three are versions of.
    #[arg(short, long, value_name = "NAME")]
    pub path: Option<PathBuf>,
    /// Whose word holds in conflicts, or in one: `ours`, `theirs`, `PATH=ours`, `recipients=theirs`.
    #[arg(long, value_name = "[PATH=]SIDE")]
    pub take: Vec<String>,
    /// Only says what is in conflict.
    #[arg(long)]
    pub dry_run: bool,
    /// Shows the values of conflicts, too.
    #[arg(long)]
    pub show_values: bool,
    /// Makes git merge encrypted files of this repository this way, from now on.
    #[arg(long, conflicts_with_all = ["files", "path", "take", "dry_run"])]
    pub install: bool,
    /// With --install: the patterns of files, instead of those of the project.
    #[arg(long, value_name = "PATTERN", requires = "install")]
    pub pattern: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateKeysArgs {
    /// The files.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Reads them as this format, whatever their names end in.
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    pub input_type: Option<String>,
    /// Goes by this file instead of the nearest `.sops.yaml`.
    #[arg(long, value_name = "FILE", env = "SOPS_CONFIG")]
    pub config: Option<PathBuf>,
    /// Only says what would change.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RotateFileArgs {
    /// The files.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Reads them as this format, whatever their names end in.
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    pub input_type: Option<String>,
    /// Lets these age recipients open it, too.
    #[arg(long, value_name = "RECIPIENT", value_delimiter = ',')]
    pub add_age: Vec<String>,
    /// Lets these age recipients open it no more.
    #[arg(long, value_name = "RECIPIENT", value_delimiter = ',')]
    pub rm_age: Vec<String>,
    /// Lets these keys of Vault's transit engine open it, too.
    #[arg(long, value_name = "URI", value_delimiter = ',')]
    pub add_hc_vault_transit: Vec<String>,
    /// Lets these keys of Vault's transit engine open it no more.
    #[arg(long, value_name = "URI", value_delimiter = ',')]
    pub rm_hc_vault_transit: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct FileStatusArgs {
    #[command(flatten)]
    pub file: FileArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FileSetArgs {
    /// The file; it is made, for whom `.sops.yaml` names, if it is not there.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The value, such as `database.password` or `["database"]["hosts"][0]`.
    #[arg(value_name = "PATH")]
    pub path: String,
    /// Reads the value from this file.
    #[arg(long, value_name = "FILE")]
    pub from_file: Option<PathBuf>,
    /// Takes the value as JSON, so that a number is no text.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FileUnsetArgs {
    /// The file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The value or part, such as `database.password`.
    #[arg(value_name = "PATH")]
    pub path: String,
}

fn formats() -> PossibleValuesParser {
    PossibleValuesParser::new(FORMATS)
}
