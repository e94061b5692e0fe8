//! `towpath schema`.

use clap::Args;
use towpath_core::config::SchemaKind;

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Which: `project` for `towpath.yaml`, `environment` for the files in `environments`, `flags` for those in `flags`,
    /// `flag-environment` for those in `flags/environments`.
    #[arg(value_name = "KIND", value_parser = kind, default_value = "project")]
    pub kind: SchemaKind,
    /// Writes all that the project needs into the project's folder `schema`, where editors find them.
    #[arg(long, conflicts_with = "check")]
    pub write: bool,
    /// Writes nothing. Exit status 4 if what is there is not what would be written.
    #[arg(long)]
    pub check: bool,
    /// Prints what fits every project, without the names of this one.
    #[arg(long, conflicts_with_all = ["write", "check"])]
    pub general: bool,
}

fn kind(word: &str) -> Result<SchemaKind, String> {
    SchemaKind::named(word).ok_or_else(|| "it is `project`, `environment`, `flags` or `flag-environment`".to_owned())
}
