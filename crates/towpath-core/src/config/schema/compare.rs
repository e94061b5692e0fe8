//! `compare:` of `towpath.yaml`: in what environments are meant to differ.
//!
//! Whether the names and patterns mean anything is checked when everything is loaded.

use crate::config::read::{Placed, section};

section! {
    /// How environments may differ.
    pub struct CompareFile {
        /// Differences that are meant; any other is one too many.
        expected: Vec<ExpectedFile>,
    }
}

section! {
    /// A difference that is meant.
    pub struct ExpectedFile {
        /// The keys, and what is under them: `variables.LOG_LEVEL`, `services.*.replicas`.
        keys: Vec<Placed<String>>,
        /// The environments between which they may differ; without it, all.
        between: Vec<Placed<String>>,
        /// Why they differ.
        reason: Option<String>,
    }
}
