//! GitHub Actions secrets: of a repository, of one of its environments, of an organisation.
//!
//! The API: <https://docs.github.com/en/rest/actions/secrets>. Values go in as sealed boxes and never come out, so a change is
//! noticed by its time.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};
use towpath_core::secrets::{Remote, SecretText};
use towpath_secrets::{entropy::Entropy, keyed::DigestKey, sealed_box};

use super::{Applied, Change, SyncError, SyncTarget, api::Api, escaped, is_variable_name};

/// The most bytes of a value: <https://docs.github.com/en/actions/reference/security/secrets#limits-for-secrets>.
const MAX_VALUE: usize = 48 * 1024;
/// How many secrets are listed at once; the most the API gives.
const PAGE: usize = 100;
/// More pages than any organisation may have.
const MAX_PAGES: usize = 100;

/// Whose secrets they are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Repository { owner: String, name: String },
    Environment { owner: String, name: String, environment: String },
    Organization(String),
}

impl Place {
    pub(super) fn of(
        repository: Option<&str>,
        environment: Option<&str>,
        organization: Option<&str>,
    ) -> Result<Self, SyncError> {
        match (repository, environment, organization) {
            (Some(repository), environment, None) => {
                let parts = repository.split_once('/').filter(|(owner, name)| is_login(owner) && is_login(name));
                let Some((owner, name)) = parts else {
                    return Err(SyncError::Unusable(format!("`{repository}` is no repository: write OWNER/NAME")));
                };
                let (owner, name) = (owner.to_owned(), name.to_owned());
                Ok(match environment {
                    Some(environment) => Self::Environment { owner, name, environment: environment.to_owned() },
                    None => Self::Repository { owner, name },
                })
            }
            (None, None, Some(organization)) if is_login(organization) => {
                Ok(Self::Organization(organization.to_owned()))
            }
            _ => Err(SyncError::Unusable(
                "a GitHub target is a repository (and one of its environments) or an organisation".to_owned(),
            )),
        }
    }

    /// Returns the path that everything of these secrets is under.
    fn path(&self) -> String {
        match self {
            Self::Repository { owner, name } => format!("/repos/{owner}/{name}/actions/secrets"),
            Self::Environment { owner, name, environment } => {
                format!("/repos/{owner}/{name}/environments/{}/secrets", escaped(environment))
            }
            Self::Organization(organization) => format!("/orgs/{organization}/actions/secrets"),
        }
    }
}

fn is_login(text: &str) -> bool {
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && text.bytes().all(fit) && !matches!(text, "." | "..")
}

/// Secrets of GitHub Actions.
pub(super) struct GitHub {
    api: Api,
    place: Place,
    entropy: Arc<dyn Entropy>,
}

/// The key that values are sealed for.
struct Key {
    id: String,
    key: String,
}

/// A secret as it is listed.
struct Listed {
    updated_at: String,
    visibility: Option<String>,
}

impl GitHub {
    pub(super) fn new(api: Api, place: Place, entropy: Arc<dyn Entropy>) -> Self {
        Self { api, place, entropy }
    }

    async fn list(&self) -> Result<BTreeMap<String, Listed>, SyncError> {
        let mut all = BTreeMap::new();
        for page in 1..=MAX_PAGES {
            let path = format!("{}?per_page={PAGE}&page={page}", self.place.path());
            let answer = self.api.send(Method::GET, &path, None).await?;
            let secrets = answer.get("secrets").and_then(Value::as_array);
            let secrets = secrets.ok_or_else(|| self.api.strange("a list without `secrets`"))?;
            for secret in secrets {
                let text = |key: &str| secret.get(key).and_then(Value::as_str).map(str::to_owned);
                let (Some(name), Some(updated_at)) = (text("name"), text("updated_at")) else {
                    return Err(self.api.strange("a secret without `name` or `updated_at`"));
                };
                all.insert(name, Listed { updated_at, visibility: text("visibility") });
            }
            if secrets.len() < PAGE {
                break;
            }
        }
        Ok(all)
    }

    async fn key(&self) -> Result<Key, SyncError> {
        let answer = self.api.send(Method::GET, &format!("{}/public-key", self.place.path()), None).await?;
        let text = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
        match (text("key_id"), text("key")) {
            (Some(id), Some(key)) => Ok(Key { id, key }),
            _ => Err(self.api.strange("a public key without `key_id` or `key`")),
        }
    }

    async fn write(&self, name: &str, value: &SecretText, key: &Key, before: Option<&Listed>) -> Result<(), SyncError> {
        let sealed = sealed_box::seal(&key.key, value, &*self.entropy)
            .map_err(|source| SyncError::Sealing { target: self.title(), source })?;
        let mut body = json!({ "encrypted_value": sealed, "key_id": key.id });
        if let Place::Organization(_) = self.place {
            // Who may use it stays as somebody decided; a new one is for private repositories.
            let visibility =
                before.and_then(|before| before.visibility.clone()).unwrap_or_else(|| "private".to_owned());
            if visibility == "selected" {
                insert(&mut body, "selected_repository_ids", self.selected(name).await?);
            }
            insert(&mut body, "visibility", json!(visibility));
        }
        self.api.send(Method::PUT, &format!("{}/{}", self.place.path(), escaped(name)), Some(&body)).await.map(|_| ())
    }

    /// Returns the repositories that may use a secret of the organisation.
    async fn selected(&self, name: &str) -> Result<Value, SyncError> {
        let mut ids = Vec::new();
        for page in 1..=MAX_PAGES {
            let path = format!("{}/{}/repositories?per_page={PAGE}&page={page}", self.place.path(), escaped(name));
            let answer = self.api.send(Method::GET, &path, None).await?;
            let repositories = answer.get("repositories").and_then(Value::as_array);
            let repositories = repositories.ok_or_else(|| self.api.strange("a list without `repositories`"))?;
            ids.extend(repositories.iter().filter_map(|repository| repository.get("id").cloned()));
            if repositories.len() < PAGE {
                break;
            }
        }
        Ok(Value::Array(ids))
    }

    async fn remove(&self, name: &str) -> Result<(), SyncError> {
        let path = format!("{}/{}", self.place.path(), escaped(name));
        match self.api.send(Method::DELETE, &path, None).await {
            // Gone already is gone.
            Ok(_) | Err(SyncError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn insert(body: &mut Value, key: &str, value: Value) {
    if let Some(object) = body.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

#[async_trait]
impl SyncTarget for GitHub {
    fn id(&self) -> String {
        format!("github {}{}", self.api.base(), self.place.path())
    }

    fn title(&self) -> String {
        match &self.place {
            Place::Repository { owner, name } => format!("GitHub Actions secrets of {owner}/{name}"),
            Place::Environment { owner, name, environment } => {
                format!("GitHub Actions secrets of the environment {environment} of {owner}/{name}")
            }
            Place::Organization(organization) => format!("GitHub Actions secrets of the organisation {organization}"),
        }
    }

    fn forbids(&self, name: &str, value: &SecretText) -> Option<String> {
        if !is_variable_name(name) {
            return Some("GitHub takes letters, digits and `_` in a name, and no digit first".to_owned());
        }
        if name.to_ascii_uppercase().starts_with("GITHUB_") {
            return Some("GitHub keeps names that begin with `GITHUB_` for itself".to_owned());
        }
        if name.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Some(format!(
                "GitHub writes names in capitals: this one would be `{}` there",
                name.to_ascii_uppercase()
            ));
        }
        (value.len() > MAX_VALUE).then(|| format!("GitHub takes at most 48 KB, this value has {} bytes", value.len()))
    }

    async fn there(&self, _: &DigestKey) -> Result<BTreeMap<String, Remote>, SyncError> {
        let listed = self.list().await?.into_iter();
        Ok(listed.map(|(name, it)| (name, Remote { revision: Some(it.updated_at), digest: None })).collect())
    }

    async fn apply(&self, change: &Change<'_>) -> Result<Applied, SyncError> {
        let before = self.list().await?;
        let mut applied = Applied::new();
        if !change.write.is_empty() {
            let key = self.key().await?;
            for name in change.write {
                let Some(value) = change.all.get(name) else { continue };
                // One after the other, as GitHub asks.
                applied.insert(name.clone(), self.write(name, value, &key, before.get(name)).await.map(|()| None));
            }
        }
        for name in change.remove {
            applied.insert(name.clone(), self.remove(name).await.map(|()| None));
        }
        // An answer to a write does not tell the time of the change.
        let wrote = applied.iter().any(|(name, result)| change.write.contains(name) && result.is_ok());
        let after = if wrote { self.list().await? } else { BTreeMap::new() };
        for (name, result) in &mut applied {
            if let (Ok(revision), Some(listed)) = (result, after.get(name)) {
                *revision = Some(listed.updated_at.clone());
            }
        }
        Ok(applied)
    }
}
