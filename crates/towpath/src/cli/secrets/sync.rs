//! `towpath secrets sync`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct SyncArgs {}
