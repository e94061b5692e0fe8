//! Environment variables of a Vercel project.
//!
//! The API: <https://vercel.com/docs/rest-api/projects>. What is written takes effect with the next deployment there. Values
//! are written as `sensitive`, which Vercel never shows again; for `development`, where it does not take that, as `encrypted`.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};
use towpath_core::secrets::{Remote, SecretText};
use towpath_secrets::keyed::DigestKey;

use super::{Applied, Change, SyncError, SyncTarget, api::Api, escaped, is_variable_name};

/// Names that Vercel's runtime keeps: <https://vercel.com/docs/environment-variables/reserved-environment-variables>.
const RESERVED: &[&str] = &[
    "AWS_SECRET_KEY",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "NOW_REGION",
    "TZ",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];
/// All variables of a deployment together: <https://vercel.com/docs/environment-variables#environment-variable-size>.
const MAX_VALUE: usize = 64 * 1024;

/// Environment variables of a project for some of its environments.
pub(super) struct Vercel {
    api: Api,
    project: String,
    team: Option<String>,
    targets: BTreeSet<String>,
}

/// A variable as it is listed.
struct Listed {
    id: String,
    updated_at: String,
}

impl Vercel {
    pub(super) fn new(api: Api, project: &str, team: Option<&str>, targets: &[String]) -> Result<Self, SyncError> {
        let known = ["production", "preview", "development"];
        if let Some(target) = targets.iter().find(|target| !known.contains(&target.as_str())) {
            let message = format!("Vercel has no environment `{target}`: write production, preview or development");
            return Err(SyncError::Unusable(message));
        }
        if targets.is_empty() || project.is_empty() {
            return Err(SyncError::Unusable(
                "a Vercel target needs its project and at least one environment".to_owned(),
            ));
        }
        let targets = targets.iter().cloned().collect();
        Ok(Self { api, project: project.to_owned(), team: team.map(str::to_owned), targets })
    }

    fn path(&self, version: &str, rest: &str, more: &str) -> String {
        let team = self.team.as_ref().map(|team| format!("teamId={}", escaped(team)));
        let query: Vec<String> =
            Some(more.to_owned()).filter(|more| !more.is_empty()).into_iter().chain(team).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        format!("/{version}/projects/{}/env{rest}{query}", escaped(&self.project))
    }

    /// Returns the variables that are for exactly our environments.
    async fn list(&self) -> Result<BTreeMap<String, Listed>, SyncError> {
        let mut all = BTreeMap::new();
        let mut more = String::new();
        loop {
            let answer = self.api.send(Method::GET, &self.path("v10", "", &more), None).await?;
            let variables = answer.get("envs").and_then(Value::as_array);
            for variable in variables.ok_or_else(|| self.api.strange("a list without `envs`"))? {
                let text = |key: &str| variable.get(key).and_then(Value::as_str).map(str::to_owned);
                let (Some(name), Some(id)) = (text("key"), text("id")) else {
                    return Err(self.api.strange("a variable without `key` or `id`"));
                };
                let own = targets_of(variable) == self.targets && variable.get("gitBranch").is_none_or(Value::is_null);
                if own {
                    let updated_at = variable.get("updatedAt").map(ToString::to_string).unwrap_or_default();
                    all.insert(name, Listed { id, updated_at });
                }
            }
            match answer.pointer("/pagination/next").filter(|next| !next.is_null()) {
                Some(next) => more = format!("until={next}"),
                None => return Ok(all),
            }
        }
    }

    async fn write(&self, name: &str, value: &SecretText) -> Result<(), SyncError> {
        let kind = if self.targets.contains("development") { "encrypted" } else { "sensitive" };
        let comment = "kept by towpath; a change made here is overwritten";
        let body = json!({
            "key": name, "value": value.expose(), "type": kind, "target": self.targets, "comment": comment,
        });
        let answer = self.api.send(Method::POST, &self.path("v10", "", "upsert=true"), Some(&body)).await?;
        let failed = answer.get("failed").and_then(Value::as_array).and_then(|failed| failed.first());
        let Some(failed) = failed else { return Ok(()) };
        let part = |key: &str| failed.pointer(&format!("/error/{key}")).and_then(Value::as_str).unwrap_or_default();
        let reason = format!("{} {}", part("code"), part("message")).trim().to_owned();
        Err(SyncError::Refused { target: self.api.service().to_owned(), status: 400, reason })
    }

    async fn remove(&self, id: &str) -> Result<(), SyncError> {
        match self.api.send(Method::DELETE, &self.path("v9", &format!("/{}", escaped(id)), ""), None).await {
            Ok(_) | Err(SyncError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Returns the environments a variable is for: a text or a list of them.
fn targets_of(variable: &Value) -> BTreeSet<String> {
    match variable.get("target") {
        Some(Value::String(one)) => BTreeSet::from([one.clone()]),
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    }
}

#[async_trait]
impl SyncTarget for Vercel {
    fn id(&self) -> String {
        let targets: Vec<&str> = self.targets.iter().map(String::as_str).collect();
        format!("vercel {}{} for {}", self.api.base(), self.path("v10", "", ""), targets.join(","))
    }

    fn title(&self) -> String {
        let targets: Vec<&str> = self.targets.iter().map(String::as_str).collect();
        format!("Vercel environment variables of {} for {}", self.project, targets.join(", "))
    }

    fn forbids(&self, name: &str, value: &SecretText) -> Option<String> {
        if !is_variable_name(name) {
            return Some("Vercel takes letters, digits and `_` in a name, and no digit first".to_owned());
        }
        if RESERVED.contains(&name) || name.starts_with("VERCEL_") {
            return Some("Vercel keeps this name for itself".to_owned());
        }
        (value.len() > MAX_VALUE).then(|| format!("Vercel takes at most 64 KB, this value has {} bytes", value.len()))
    }

    async fn there(&self, _: &DigestKey) -> Result<BTreeMap<String, Remote>, SyncError> {
        let listed = self.list().await?.into_iter();
        Ok(listed.map(|(name, it)| (name, Remote { revision: Some(it.updated_at), digest: None })).collect())
    }

    async fn apply(&self, change: &Change<'_>) -> Result<Applied, SyncError> {
        let before = self.list().await?;
        let mut applied = Applied::new();
        for name in change.write {
            let Some(value) = change.all.get(name) else { continue };
            applied.insert(name.clone(), self.write(name, value).await.map(|()| None));
        }
        for name in change.remove {
            let removed = match before.get(name) {
                Some(listed) => self.remove(&listed.id).await,
                None => Ok(()),
            };
            applied.insert(name.clone(), removed.map(|()| None));
        }
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
