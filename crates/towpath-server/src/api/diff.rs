//! What changes when one thing takes over from another: artifacts, services, resolved variables, and how it is brought in.
//!
//! Values of variables come from the blobs of the environments. They are shown only where the project says that they are
//! no secrets, and never where the name says otherwise.

use std::collections::{BTreeMap, BTreeSet};

use towpath_core::{
    artifact::{Tree, TreeEntry},
    config::Live,
    deployment::{DeploymentSpec, ServiceSpec},
    ids::{Digest, EnvironmentName},
    release::Release,
    rollout::Deployment,
    secrets::template,
    world::World,
};

use super::types::{ArtifactChange, Change, Diff, FieldChange, RevisionRef, ServiceChange, VariableChange};
use crate::{
    app::{App, MAX_BUNDLE, MAX_ENVIRONMENT, MAX_MANIFEST},
    problem::ApiError,
};

/// Most files that are named of an artifact.
const NAMED_FILES: usize = 20;

/// One side of a difference.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) revision: Option<u64>,
    pub(crate) release: Option<&'a Release>,
    pub(crate) spec: &'a DeploymentSpec,
    pub(crate) live: &'a Live,
}

impl<'a> Side<'a> {
    /// The side of a deployment.
    pub(crate) fn of(world: &'a World, deployment: &'a Deployment) -> Self {
        Self {
            revision: Some(deployment.revision.0),
            release: world.releases.get(&deployment.release).map(AsRef::as_ref),
            spec: &deployment.spec,
            live: &deployment.live,
        }
    }

    fn name(&self) -> RevisionRef {
        RevisionRef {
            revision: self.revision,
            release: self.release.map_or(0, |release| release.number.0),
            version: self.release.map(|release| release.content.version.clone()).unwrap_or_default(),
        }
    }
}

/// Returns what changes from one side to the other in an environment.
pub(crate) async fn diff(
    app: &App,
    from: Option<Side<'_>>,
    to: Side<'_>,
    environment: &EnvironmentName,
) -> Result<Diff, ApiError> {
    let secrets = Secrets::of(app, [from, Some(to)].into_iter().flatten(), environment).await?;
    let artifacts = artifacts(app, from, to).await?;
    let mut services = Vec::new();
    let none = BTreeMap::new();
    let before = from.map_or(&none, |from| &from.spec.services);
    let names: BTreeSet<_> = before.keys().chain(to.spec.services.keys()).collect();
    for name in names {
        let pair = (before.get(name), to.spec.services.get(name));
        let fields = pair_fields(pair.0, pair.1, service_fields);
        let variables = variables(app, pair, &secrets).await?;
        if let Some(change) = change(pair.0, pair.1) {
            services.push(ServiceChange { service: name.to_string(), change, fields, variables });
        }
    }
    let deployment = pair_fields(from.map(|from| from.spec), Some(to.spec), spec_fields);
    let empty = artifacts.is_empty() && services.is_empty() && deployment.is_empty();
    let release = |side: Side<'_>| side.release.map(|release| release.number);
    let configuration_only = from.is_some_and(|from| release(from) == release(to)) && !empty;
    let overlay = overlay(from.map_or(&Live::NONE, |from| from.live), to.live);
    let from = from.map(|from| from.name());
    Ok(Diff { from, to: to.name(), artifacts, services, deployment, overlay, configuration_only, empty })
}

/// What the live overlays say differently; the values of secrets never get there.
fn overlay(before: &Live, after: &Live) -> Vec<FieldChange> {
    let said = |live: &Live, key: &str| live.get(key).map(|it| it.value.clone().unwrap_or_else(|| "null".to_owned()));
    let keys = after.changed(before).into_iter();
    keys.map(|field| FieldChange { before: said(before, &field), after: said(after, &field), field }).collect()
}

fn change<T: PartialEq>(before: Option<T>, after: Option<T>) -> Option<Change> {
    match (before, after) {
        (None, Some(_)) => Some(Change::Added),
        (Some(_), None) => Some(Change::Removed),
        (Some(before), Some(after)) if before != after => Some(Change::Changed),
        (Some(_), Some(_)) | (None, None) => None,
    }
}

type Fields = Vec<(String, Option<String>)>;

/// Compares settings one by one.
fn pair_fields<T>(before: Option<&T>, after: Option<&T>, fields: impl Fn(&T) -> Fields) -> Vec<FieldChange> {
    let before: BTreeMap<_, _> = before.map(&fields).unwrap_or_default().into_iter().collect();
    let after: BTreeMap<_, _> = after.map(&fields).unwrap_or_default().into_iter().collect();
    let names: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    names
        .into_iter()
        .filter_map(|field| {
            let (before, after) = (before.get(&field).cloned().flatten(), after.get(&field).cloned().flatten());
            (before != after).then_some(FieldChange { field, before, after })
        })
        .collect()
}

fn named<const N: usize>(fields: [(&str, Option<String>); N]) -> Fields {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn service_fields(spec: &ServiceSpec) -> Fields {
    named([
        ("command", (!spec.command.is_empty()).then(|| spec.command.join(" "))),
        ("image", spec.image.clone()),
        ("artifact", spec.artifact.map(|digest| digest.short())),
        ("replicas", Some(spec.replicas.to_string())),
        ("listen", spec.listen.map(|address| address.to_string())),
        ("preview", spec.preview.map(|address| address.to_string())),
        ("probes.startup", spec.probes.startup.as_ref().map(ToString::to_string)),
        ("probes.readiness", spec.probes.readiness.as_ref().map(ToString::to_string)),
        ("probes.liveness", spec.probes.liveness.as_ref().map(ToString::to_string)),
        ("resources.cpu", spec.resources.cpu.map(|cpu| cpu.to_string())),
        ("resources.memory", spec.resources.memory.map(|memory| memory.to_string())),
        ("stopGrace", Some(spec.stop_grace.to_string())),
        ("drain", Some(spec.drain.to_string())),
    ])
}

fn spec_fields(spec: &DeploymentSpec) -> Fields {
    let checks: Vec<String> = spec.verification.iter().map(ToString::to_string).collect();
    let mut fields = named([
        ("strategy", Some(spec.strategy.to_string())),
        ("progressDeadline", Some(spec.progress_deadline.to_string())),
        ("rollback", spec.rollback.map(|policy| policy.to_string())),
        ("verification", (!checks.is_empty()).then(|| checks.join("; "))),
    ]);
    // Which version of a secret, never its value.
    fields.extend(spec.secrets.iter().map(|(name, pin)| (format!("secrets.{name}"), Some(pin.to_string()))));
    fields
}

async fn artifacts(app: &App, from: Option<Side<'_>>, to: Side<'_>) -> Result<Vec<ArtifactChange>, ApiError> {
    let none = BTreeMap::new();
    let before = from.and_then(|from| from.release).map_or(&none, |release| &release.content.artifacts);
    let after = to.release.map_or(&none, |release| &release.content.artifacts);
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let mut changes = Vec::new();
    for name in names {
        let pair = (before.get(name).map(|it| it.tree), after.get(name).map(|it| it.tree));
        let Some(change) = change(pair.0, pair.1) else { continue };
        let mut it = ArtifactChange {
            name: name.to_string(),
            change,
            before: pair.0.map(|digest| digest.to_string()),
            after: pair.1.map(|digest| digest.to_string()),
            files_added: 0,
            files_changed: 0,
            files_removed: 0,
            files: Vec::new(),
        };
        count_files(&mut it, &tree(app, pair.0).await?, &tree(app, pair.1).await?);
        changes.push(it);
    }
    Ok(changes)
}

async fn tree(app: &App, digest: Option<Digest>) -> Result<Tree, ApiError> {
    let Some(digest) = digest else { return Ok(Tree::default()) };
    let bytes = app.short_blob(&digest, MAX_MANIFEST).await?;
    Tree::parse(&bytes).map_err(|error| {
        ApiError::invalid("artifact_invalid", format!("{digest} is no artifact")).details(vec![error.to_string()])
    })
}

fn count_files(change: &mut ArtifactChange, before: &Tree, after: &Tree) {
    let (before, after) = (before.entries(), after.entries());
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for path in paths {
        let pair: (Option<&TreeEntry>, Option<&TreeEntry>) = (before.get(path), after.get(path));
        let sign = match self::change(pair.0, pair.1) {
            None => continue,
            Some(Change::Added) => {
                change.files_added += 1;
                '+'
            }
            Some(Change::Changed) => {
                change.files_changed += 1;
                '~'
            }
            Some(Change::Removed) => {
                change.files_removed += 1;
                '-'
            }
        };
        if change.files.len() < NAMED_FILES {
            change.files.push(format!("{sign} {path}"));
        }
    }
}

/// Which variables are secret.
struct Secrets {
    /// The declared ones; `None` where that cannot be told.
    declared: Option<BTreeSet<String>>,
}

impl Secrets {
    async fn of(
        app: &App,
        sides: impl Iterator<Item = Side<'_>>,
        environment: &EnvironmentName,
    ) -> Result<Self, ApiError> {
        let mut declared = Some(BTreeSet::new());
        for side in sides {
            let Some(release) = side.release else { continue };
            let bundle = app.short_blob(&release.content.bundle, MAX_BUNDLE).await?;
            let names = app.options.projects.secrets(&bundle, environment);
            declared = declared.zip(names).map(|(mut all, names)| {
                all.extend(names);
                all
            });
        }
        Ok(Self { declared })
    }

    fn has(&self, name: &str, values: [Option<&String>; 2]) -> bool {
        self.declared.as_ref().is_none_or(|declared| declared.contains(name))
            || sounds_secret(name)
            || values.into_iter().flatten().any(|value| has_credentials(value) || template::is_template(value))
    }
}

/// Says whether a name is one that secrets usually have.
fn sounds_secret(name: &str) -> bool {
    const WORDS: [&str; 9] =
        ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "APIKEY", "API_KEY", "PRIVATE_KEY", "CREDENTIAL"];
    let name = name.to_ascii_uppercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// Says whether a value is an address with a password in it: `scheme://user:password@host`.
fn has_credentials(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

async fn variables(
    app: &App,
    (before, after): (Option<&ServiceSpec>, Option<&ServiceSpec>),
    secrets: &Secrets,
) -> Result<Vec<VariableChange>, ApiError> {
    if before.map(|it| it.environment) == after.map(|it| it.environment) {
        return Ok(Vec::new());
    }
    let before = values(app, before).await?;
    let after = values(app, after).await?;
    Ok(compare(&before, &after, secrets))
}

fn compare(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
    secrets: &Secrets,
) -> Vec<VariableChange> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| {
            let (before, after) = (before.get(name), after.get(name));
            let change = change(before, after)?;
            let secret = secrets.has(name, [before, after]);
            let shown = |value: Option<&String>| value.filter(|_| !secret).cloned();
            Some(VariableChange { name: name.clone(), change, secret, before: shown(before), after: shown(after) })
        })
        .collect()
}

async fn values(app: &App, spec: Option<&ServiceSpec>) -> Result<BTreeMap<String, String>, ApiError> {
    let Some(spec) = spec else { return Ok(BTreeMap::new()) };
    // What is not kept any more, because it was collected or destroyed, has no values to show.
    if !app.engine.ports().blobs.contains(&spec.environment).await? {
        return Ok(BTreeMap::new());
    }
    let bytes = app.short_blob(&spec.environment, MAX_ENVIRONMENT).await?;
    serde_json::from_slice(&bytes).map_err(|error| ApiError::internal(&error))
}

#[cfg(test)]
mod tests;
