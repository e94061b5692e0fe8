//! `towpath secrets validate`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ValidateSecretsArgs {}
