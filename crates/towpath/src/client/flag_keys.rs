//! Calls of the API about keys of applications and counts of evaluations.

use towpath_server::api::types::{FlagEvaluations, FlagKeyList, FlagKeyShown, FlagKeyView, MakeFlagKey, RevokeFlagKey};

use super::{Client, escape};
use crate::failure::Failure;

impl Client {
    pub(crate) async fn flag_keys(&self, environment: &str) -> Result<FlagKeyList, Failure> {
        self.get(&keys(environment), &[]).await
    }

    pub(crate) async fn make_flag_key(&self, environment: &str, body: &MakeFlagKey) -> Result<FlagKeyShown, Failure> {
        Ok(self.post(&keys(environment), body).await?.1)
    }

    pub(crate) async fn revoke_flag_key(
        &self,
        environment: &str,
        name: &str,
        body: &RevokeFlagKey,
    ) -> Result<FlagKeyView, Failure> {
        Ok(self.post(&format!("{}/{}/revoke", keys(environment), escape(name)), body).await?.1)
    }

    /// Returns how often the flags of an environment were evaluated.
    pub(crate) async fn flag_evaluations(&self, environment: &str) -> Result<FlagEvaluations, Failure> {
        self.get(&format!("/api/v1/environments/{}/flag-evaluations", escape(environment)), &[]).await
    }
}

fn keys(environment: &str) -> String {
    format!("/api/v1/environments/{}/flag-keys", escape(environment))
}
