//! A call for how often flags were evaluated.

use serde::Deserialize;

use super::{Client, escape};
use crate::failure::Failure;

/// How often one flag was evaluated.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EvaluationCounts {
    /// The flag.
    pub flag: String,
    /// How often alone.
    #[serde(default)]
    pub asked: u64,
    /// How often among all flags.
    #[serde(default, alias = "among_all")]
    pub among_all: u64,
}

#[derive(Deserialize)]
struct Counted {
    flags: Vec<EvaluationCounts>,
}

impl Client {
    /// Returns how often each flag of an environment was evaluated; 0 for those that never were.
    pub(crate) async fn evaluation_counts(&self, environment: &str) -> Result<Vec<EvaluationCounts>, Failure> {
        let path = format!("/api/v1/environments/{}/flag-evaluations", escape(environment));
        Ok(self.get::<Counted>(&path, &[]).await?.flags)
    }
}
