//! Calls of the API about secrets. Values are in bodies only.

use reqwest::{Method, header};
use towpath_server::api::types::{
    DestroySecret, ReadSecret, RestoreSecret, RestoreSecrets, SecretChanged, SecretHistory, SecretList, SecretShown,
    SecretsRestored, SetSecret,
};

use super::{Client, TIMEOUT, escape, with_query};
use crate::failure::{Exit, Failure};

fn secrets_path(environment: &str) -> String {
    format!("/api/v1/environments/{}/secrets", escape(environment))
}

fn secret_path(environment: &str, name: &str) -> String {
    format!("{}/{}", secrets_path(environment), escape(name))
}

impl Client {
    pub(crate) async fn secrets(&self, environment: &str) -> Result<SecretList, Failure> {
        self.get(&secrets_path(environment), &[]).await
    }

    pub(crate) async fn secret_history(&self, environment: &str, name: &str) -> Result<SecretHistory, Failure> {
        self.get(&format!("{}/history", secret_path(environment, name)), &[]).await
    }

    /// Returns the tag of a secret that is at this version, 0 for one that is not there; the change is refused if it is not.
    pub(crate) async fn secret_tag(
        &self,
        environment: &str,
        name: &str,
        expected: u32,
    ) -> Result<Option<String>, Failure> {
        let path = format!("{}/history", secret_path(environment, name));
        let request = self.request(Method::GET, &path).timeout(TIMEOUT);
        let changed = |found: String| {
            Failure::new(Exit::Refused, "stale", format!("`{name}` in {environment} is {found}, not at {expected}"))
                .kept("nothing was changed")
                .next(format!("towpath secrets history {environment} {name}"))
        };
        let response = match self.send(request, "nothing was changed").await {
            Ok(response) => response,
            Err(failure) if failure.code() == "not_found" && expected == 0 => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let history: SecretHistory = self.json(response).await?;
        match history.version {
            found if found.unwrap_or(0) == expected => Ok(tag),
            Some(found) => Err(changed(format!("at version {found}"))),
            None => Err(changed("without a value".to_owned())),
        }
    }

    pub(crate) async fn set_secret(
        &self,
        environment: &str,
        name: &str,
        body: &SetSecret,
        tag: Option<&str>,
    ) -> Result<SecretChanged, Failure> {
        let mut request = self.request(Method::PUT, &secret_path(environment, name)).timeout(TIMEOUT).json(body);
        if let Some(tag) = tag {
            request = request.header(header::IF_MATCH, tag);
        }
        let response = self.send(request, "nothing was changed").await?;
        self.json(response).await
    }

    pub(crate) async fn unset_secret(
        &self,
        environment: &str,
        name: &str,
        reason: Option<String>,
        record_only: bool,
    ) -> Result<SecretChanged, Failure> {
        let mut query: Vec<(&str, String)> = reason.into_iter().map(|reason| ("reason", reason)).collect();
        query.push(("recordOnly", record_only.to_string()));
        let path = with_query(&secret_path(environment, name), &query);
        let request = self.request(Method::DELETE, &path).timeout(TIMEOUT);
        let response = self.send(request, "nothing was changed").await?;
        self.json(response).await
    }

    pub(crate) async fn read_secret(
        &self,
        environment: &str,
        name: &str,
        body: &ReadSecret,
    ) -> Result<SecretShown, Failure> {
        Ok(self.post(&format!("{}/read", secret_path(environment, name)), body).await?.1)
    }

    pub(crate) async fn restore_secret(
        &self,
        environment: &str,
        name: &str,
        body: &RestoreSecret,
    ) -> Result<SecretChanged, Failure> {
        Ok(self.post(&format!("{}/restore", secret_path(environment, name)), body).await?.1)
    }

    pub(crate) async fn restore_secrets(
        &self,
        environment: &str,
        body: &RestoreSecrets,
    ) -> Result<SecretsRestored, Failure> {
        Ok(self.post(&format!("{}/-/restore", secrets_path(environment)), body).await?.1)
    }

    pub(crate) async fn destroy_secret(
        &self,
        environment: &str,
        name: &str,
        body: &DestroySecret,
    ) -> Result<SecretChanged, Failure> {
        Ok(self.post(&format!("{}/destroy", secret_path(environment, name)), body).await?.1)
    }
}
