//! A call for values of secrets that something is started with.

use towpath_server::api::types::{ReadSecrets, SecretsShown};

use super::{Client, escape};
use crate::failure::Failure;

impl Client {
    /// Returns values. Who saw which, and why, is in the ledger before they are here.
    pub(crate) async fn read_secrets(&self, environment: &str, body: &ReadSecrets) -> Result<SecretsShown, Failure> {
        let path = format!("/api/v1/environments/{}/secrets/-/read", escape(environment));
        Ok(self.post(&path, body).await?.1)
    }
}
