//! The store of secrets: changing it and being shown values.
//!
//! Encryption is done before a command is given; what is judged here is who may, why, and whether what was encrypted still fits
//! what the store holds. A change of a value and the promotion that brings it into force are appended together.

use std::collections::BTreeSet;

use super::{Decision, one, overlay, policy};
use crate::{
    command::Asker,
    config::{is_variable_name, nearest},
    event::{Fact, NewEvent},
    ids::{EnvironmentName, PrincipalName},
    project::{EnvironmentPolicy, Tier},
    refusal::{Refusal, RefusalCode},
    rollout::Deployment,
    secrets::store::{
        DataKeyMade, DataKeyRetired, DataKeyRewrapped, MAX_AT_ONCE, MAX_SECRET_NAME, MAX_SECRETS, MAX_VERSIONS, Mark,
        NewDataKey, Reading, Resealed, Restoration, SecretDestroyed, SecretOrigin, SecretRestored, SecretStore,
        SecretUnset, SecretWritten, SecretsRead, SecretsResealed, StoreChange, StoreCommand, StoredSecret,
        StoredVersion,
    },
    world::World,
};

/// What the store is called as a source.
/// What the store is called as a source.
pub(crate) const STORE: &str = "store";

/// Says whether somebody may be shown values of an environment, and why not.
///
/// Where users are (tier production) it takes a person of the project with one of the roles that let releases in there; where
/// no roles are named, any person of the project. Elsewhere anybody may.
pub fn may_see(world: &World, environment: &EnvironmentName, who: &PrincipalName) -> Result<(), Refusal> {
    may(world, environment, who, "be shown values of secrets")
}

/// Says whether somebody may destroy values of an environment, and why not: who may be shown them there.
pub fn may_destroy(world: &World, environment: &EnvironmentName, who: &PrincipalName) -> Result<(), Refusal> {
    may(world, environment, who, "destroy values of secrets")
}

fn may(world: &World, environment: &EnvironmentName, who: &PrincipalName, what: &str) -> Result<(), Refusal> {
    let policy = policy(world, environment)?;
    if policy.tier != Tier::Production || *who == PrincipalName::control_plane() {
        return Ok(());
    }
    let missing = |because: String, next: String| {
        let message = format!("{who} may not {what} of {environment}: {because}");
        Err(Refusal::new(RefusalCode::MissingRole, message.replace("secrets of", "secrets in")).next(next))
    };
    let Some(held) = world.project.as_ref().and_then(|project| project.people.get(who)) else {
        return missing(
            "users are there, and they are not among the people of the project".to_owned(),
            "add them under `people` in `towpath.yaml`, or ask somebody who is".to_owned(),
        );
    };
    let roles = policy.gates.approvals.as_ref().map(|rule| &rule.roles);
    match roles.filter(|roles| !roles.is_empty() && held.is_disjoint(roles)) {
        None => Ok(()),
        Some(roles) => {
            let roles = roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            missing(
                format!("users are there, and they have none of the roles {roles}"),
                format!("ask somebody with role {roles}"),
            )
        }
    }
}

pub(super) fn reasoned(
    policy: &EnvironmentPolicy,
    environment: &EnvironmentName,
    reason: Option<&String>,
    what: &str,
) -> Result<(), Refusal> {
    if policy.tier == Tier::Production && reason.is_none_or(|reason| reason.trim().is_empty()) {
        let message = format!("{what} {environment} needs a reason: users are there");
        return Err(Refusal::new(RefusalCode::ReasonRequired, message).next("say why with --reason \"…\""));
    }
    Ok(())
}

/// Says whether a secret can be called this.
pub fn checked_name(name: &str) -> Result<(), Refusal> {
    if is_variable_name(name) && name.len() <= MAX_SECRET_NAME {
        return Ok(());
    }
    // What was meant as a value must not come back in an answer: only what can be a name is repeated.
    let message = format!(
        "a secret is named like a variable: letters, digits and `_`, not beginning with a digit, at most {MAX_SECRET_NAME} bytes"
    );
    let next = if name.contains('=') {
        "give the name alone; the value is asked for, or read from standard input or --from-file"
    } else {
        "such as DB_PASSWORD"
    };
    Err(Refusal::new(RefusalCode::Invalid, message).next(next))
}

pub(super) fn read(
    world: &World,
    environment: &EnvironmentName,
    secrets: &[Reading],
    reason: Option<&String>,
    asker: &Asker,
) -> Decision {
    let policy = policy(world, environment)?;
    may_see(world, environment, &asker.principal)?;
    reasoned(policy, environment, reason, "reading a secret of")?;
    if secrets.is_empty() || secrets.len() > MAX_SECRETS {
        return Err(Refusal::new(RefusalCode::Invalid, format!("1 to {MAX_SECRETS} secrets are read at once")));
    }
    let read = SecretsRead { secrets: secrets.to_vec(), reason: reason.cloned() };
    one(Some(environment.clone()), Fact::SecretsRead(read))
}

pub(super) fn change(world: &World, command: &StoreCommand, asker: &Asker) -> Decision {
    let StoreCommand { environment, change, reason, marks, configured } = command;
    let policy = policy(world, environment)?;
    if let Some(what) = about_values(change) {
        reasoned(policy, environment, reason.as_ref(), what)?;
    }
    if matches!(change, StoreChange::Destroy { .. }) {
        may_destroy(world, environment, &asker.principal)?;
    }
    super::rotation::allows(world, environment, change)?;
    let unused = SecretStore::default();
    let store = world.secrets(environment).map_or(&unused, AsRef::as_ref);
    fits(environment, store, change, marks)?;
    let facts = facts(world, environment, store, command)?;
    let at = |fact| NewEvent { environment: Some(environment.clone()), fact };
    let mut events: Vec<NewEvent> = facts.into_iter().map(at).collect();
    if events.len() != marks.len() {
        return Err(moved(environment));
    }
    if let Some(configured) = configured {
        if world.live(environment).digest() != configured.seen {
            return Err(moved(environment));
        }
        let what = "secrets of";
        overlay::bring(world, environment, &mut events, configured, reason.as_ref(), what)?;
    }
    Ok(events)
}

/// What people call a change of values; the others concern keys only.
fn about_values(change: &StoreChange) -> Option<&'static str> {
    match change {
        StoreChange::Write { .. } => Some("setting a secret of"),
        StoreChange::Restore { .. } => Some("restoring a secret of"),
        StoreChange::Unset { .. } => Some("unsetting a secret of"),
        StoreChange::Destroy { .. } => Some("destroying a secret of"),
        StoreChange::MakeDataKey(_)
        | StoreChange::Rewrap { .. }
        | StoreChange::RetireDataKey { .. }
        | StoreChange::Reseal { .. } => None,
    }
}

/// Refuses what was worked out from another state of the store than the one that holds.
fn fits(
    environment: &EnvironmentName,
    store: &SecretStore,
    change: &StoreChange,
    marks: &[Mark],
) -> Result<(), Refusal> {
    let made = if let StoreChange::MakeDataKey(new) = change { Some(new.version) } else { None };
    let known = |key: u32| made == Some(key) || store.data_keys.get(&key).is_some_and(|key| key.retired_at.is_none());
    let follow = (store.revision() + 1..).zip(marks).all(|(revision, mark)| mark.revision == revision);
    if marks.is_empty() || !follow || !marks.iter().all(|mark| known(mark.data_key)) {
        return Err(moved(environment));
    }
    Ok(())
}

fn facts(
    world: &World,
    environment: &EnvironmentName,
    store: &SecretStore,
    command: &StoreCommand,
) -> Result<Vec<Fact>, Refusal> {
    let StoreCommand { change, reason, marks, .. } = command;
    let Some(mark) = marks.last().copied() else { return Err(moved(environment)) };
    let fact = match change {
        StoreChange::MakeDataKey(new) => make_key(environment, store, new, mark)?,
        StoreChange::Rewrap { version, wrapped, provider } => {
            key_in_use(environment, store, *version)?;
            let (version, wrapped, provider) = (*version, *wrapped, provider.clone());
            Fact::DataKeyRewrapped(DataKeyRewrapped { version, wrapped, provider, mark })
        }
        StoreChange::RetireDataKey { version } => retire(environment, store, *version, mark)?,
        StoreChange::Write { name, version, ciphertext, data_key, origin } => {
            newest(environment, store, *data_key)?;
            write(environment, store, name, *version)?;
            Fact::SecretWritten(SecretWritten {
                name: name.clone(),
                version: *version,
                ciphertext: *ciphertext,
                data_key: *data_key,
                origin: SecretOrigin::clone(origin),
                reason: reason.clone(),
                mark,
            })
        }
        StoreChange::Restore { secrets, data_key } => {
            newest(environment, store, *data_key)?;
            return restore(environment, store, (secrets, *data_key), reason.as_ref(), marks);
        }
        StoreChange::Unset { name } => {
            let secret = secret(environment, store, name)?;
            if secret.current.is_none() {
                return Err(Refusal::new(RefusalCode::AlreadyThere, format!("`{name}` has no value in {environment}")));
            }
            Fact::SecretUnset(SecretUnset { name: name.clone(), reason: reason.clone(), mark })
        }
        StoreChange::Destroy { name, versions } => {
            destroyable(world, environment, store, name, versions)?;
            let (name, versions) = (name.clone(), versions.clone());
            Fact::SecretDestroyed(SecretDestroyed { name, versions, reason: reason.clone(), mark })
        }
        StoreChange::Reseal { data_key, secrets } => {
            newest(environment, store, *data_key)?;
            reseal(environment, store, secrets)?;
            Fact::SecretsResealed(SecretsResealed { data_key: *data_key, secrets: secrets.clone(), mark })
        }
    };
    Ok(vec![fact])
}

fn make_key(environment: &EnvironmentName, store: &SecretStore, new: &NewDataKey, mark: Mark) -> Result<Fact, Refusal> {
    let next = store.data_keys.get_max().map_or(1, |(version, _)| version.saturating_add(1));
    if new.version != next || store.project.as_ref().is_some_and(|project| *project != new.project) {
        return Err(moved(environment));
    }
    Ok(Fact::DataKeyMade(DataKeyMade {
        version: new.version,
        project: new.project.clone(),
        wrapped: new.wrapped,
        provider: new.provider.clone(),
        commitment: new.commitment,
        mark,
    }))
}

fn key_in_use(environment: &EnvironmentName, store: &SecretStore, version: u32) -> Result<(), Refusal> {
    match store.data_keys.get(&version) {
        Some(key) if key.retired_at.is_none() => Ok(()),
        Some(_) => {
            Err(Refusal::new(RefusalCode::Stale, format!("data key {version} of {environment} was retired already")))
        }
        None => Err(Refusal::new(RefusalCode::NotFound, format!("{environment} has no data key {version}"))),
    }
}

fn retire(environment: &EnvironmentName, store: &SecretStore, version: u32, mark: Mark) -> Result<Fact, Refusal> {
    key_in_use(environment, store, version)?;
    let newest = store.newest_key().is_some_and(|(newest, _)| newest == version);
    if newest || mark.data_key == version || store.keys_in_use().contains(&version) {
        let message = format!("data key {version} of {environment} is still used");
        return Err(Refusal::new(RefusalCode::SecretInUse, message)
            .next("make a newer one and encrypt everything by that first"));
    }
    Ok(Fact::DataKeyRetired(DataKeyRetired { version, mark }))
}

fn newest(environment: &EnvironmentName, store: &SecretStore, data_key: u32) -> Result<(), Refusal> {
    if store.newest_key().is_some_and(|(newest, _)| newest == data_key) { Ok(()) } else { Err(moved(environment)) }
}

fn write(environment: &EnvironmentName, store: &SecretStore, name: &str, version: u32) -> Result<(), Refusal> {
    checked_name(name)?;
    let Some(secret) = store.secrets.get(name) else {
        if store.secrets.len() >= MAX_SECRETS {
            let message = format!("{environment} would have more than {MAX_SECRETS} secrets");
            return Err(Refusal::new(RefusalCode::Invalid, message));
        }
        return if version == 1 { Ok(()) } else { Err(moved(environment)) };
    };
    follows(environment, name, secret, version)
}

fn follows(environment: &EnvironmentName, name: &str, secret: &StoredSecret, version: u32) -> Result<(), Refusal> {
    if version != secret.next_version() {
        return Err(moved(environment));
    }
    if secret.versions.values().filter(|version| version.destroyed.is_none()).count() >= MAX_VERSIONS {
        let message = format!("`{name}` in {environment} would have more than {MAX_VERSIONS} versions");
        return Err(Refusal::new(RefusalCode::Invalid, message)
            .next(format!("towpath secrets destroy {environment} {name} --version …, for the oldest")));
    }
    Ok(())
}

fn restore(
    environment: &EnvironmentName,
    store: &SecretStore,
    (secrets, data_key): (&[Restoration], u32),
    reason: Option<&String>,
    marks: &[Mark],
) -> Result<Vec<Fact>, Refusal> {
    let mut seen = BTreeSet::new();
    if secrets.is_empty() || secrets.len() != marks.len() || !secrets.iter().all(|one| seen.insert(&one.name)) {
        return Err(moved(environment));
    }
    let facts = secrets.iter().zip(marks).map(|(one, mark)| {
        let secret = secret(environment, store, &one.name)?;
        living(environment, &one.name, secret, one.of)?;
        follows(environment, &one.name, secret, one.version)?;
        Ok(Fact::SecretRestored(SecretRestored {
            name: one.name.clone(),
            version: one.version,
            of: one.of,
            ciphertext: one.ciphertext,
            data_key,
            reason: reason.cloned(),
            mark: *mark,
        }))
    });
    facts.collect()
}

fn destroyable(
    world: &World,
    environment: &EnvironmentName,
    store: &SecretStore,
    name: &str,
    versions: &BTreeSet<u32>,
) -> Result<(), Refusal> {
    let secret = secret(environment, store, name)?;
    if versions.is_empty() {
        return Err(Refusal::new(RefusalCode::Invalid, "no version is named, so nothing is destroyed")
            .next("--version N, --older-than N or --all"));
    }
    for version in versions {
        living(environment, name, secret, *version)?;
        if let Some(revision) = running_with(world, environment, name, *version) {
            let message = format!("version {version} of `{name}` is what {revision} in {environment} runs with");
            return Err(Refusal::new(RefusalCode::SecretInUse, message).next(format!(
                "towpath secrets set {environment} {name}, and destroy the old version when the new one runs"
            )));
        }
    }
    Ok(())
}

/// Returns a revision that runs, or is about to, with a version of a secret of the store.
pub fn running_with(
    world: &World,
    environment: &EnvironmentName,
    name: &str,
    version: u32,
) -> Option<crate::ids::Revision> {
    let state = world.environments.get(environment)?;
    let retiring = state.retiring.iter().map(|retiring| retiring.revision);
    let running = [state.current, state.rollout].into_iter().flatten().chain(retiring);
    let version = version.to_string();
    let mut deployments = running.filter_map(|revision| world.deployments.get(&revision));
    let pinned = deployments.find(|deployment| {
        deployment.spec.secrets.get(name).is_some_and(|pin| pin.from.0 == STORE && pin.version.0 == version)
    });
    pinned.map(|deployment| deployment.revision)
}

/// Refuses to go back to a revision whose secrets were destroyed: it could not be started.
pub(super) fn still_there(world: &World, deployment: &Deployment) -> Result<(), Refusal> {
    let Some(store) = world.secrets(&deployment.environment) else { return Ok(()) };
    let pins = deployment.spec.secrets.iter().filter(|(_, pin)| pin.from.0 == STORE);
    for (name, pin) in pins {
        let version = pin.version.0.parse().ok();
        let there = version.and_then(|version| store.secrets.get(name)?.living(version));
        if there.is_none() {
            let message =
                format!("{} ran with version {} of `{name}`, which was destroyed", deployment.revision, pin.version);
            return Err(Refusal::new(RefusalCode::SecretDestroyed, message).next(format!(
                "promote its release again, with the value in force: towpath promote {}",
                deployment.release
            )));
        }
    }
    Ok(())
}

fn reseal(environment: &EnvironmentName, store: &SecretStore, secrets: &[Resealed]) -> Result<(), Refusal> {
    if secrets.is_empty() || secrets.len() > MAX_AT_ONCE {
        return Err(Refusal::new(
            RefusalCode::Invalid,
            format!("1 to {MAX_AT_ONCE} values are encrypted anew at once"),
        ));
    }
    for one in secrets {
        let known = store.secrets.get(&one.name).and_then(|secret| secret.living(one.version));
        if known.is_none() {
            return Err(moved(environment));
        }
    }
    Ok(())
}

/// Returns a secret that the store knows, whether or not it has a value.
pub fn secret<'a>(
    environment: &EnvironmentName,
    store: &'a SecretStore,
    name: &str,
) -> Result<&'a StoredSecret, Refusal> {
    checked_name(name)?;
    store.secrets.get(name).map(AsRef::as_ref).ok_or_else(|| {
        let near = nearest(name, store.secrets.keys().map(String::as_str));
        let next = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("towpath secrets list {environment}"),
        };
        Refusal::new(RefusalCode::NotFound, format!("the store has no secret `{name}` in {environment}")).next(next)
    })
}

/// Returns the refusal of reading a secret that has no value.
pub fn without_value(environment: &EnvironmentName, name: &str) -> Refusal {
    Refusal::new(RefusalCode::NotFound, format!("`{name}` has no value in the store of {environment}"))
        .next(format!("towpath secrets history {environment} {name}"))
}

/// Returns a version of a secret that has a value, or why there is none.
pub fn living<'a>(
    environment: &EnvironmentName,
    name: &str,
    secret: &'a StoredSecret,
    version: u32,
) -> Result<&'a StoredVersion, Refusal> {
    let history = || format!("towpath secrets history {environment} {name}");
    match secret.versions.get(&version) {
        Some(StoredVersion { destroyed: Some(end), .. }) => {
            let message =
                format!("version {version} of `{name}` in {environment} was destroyed by {} at {:.0}", end.by, end.at);
            Err(Refusal::new(RefusalCode::SecretDestroyed, message).next(history()))
        }
        Some(found) => Ok(found),
        None => {
            let message = format!("`{name}` in {environment} has no version {version}");
            Err(Refusal::new(RefusalCode::NotFound, message).next(history()))
        }
    }
}

fn moved(environment: &EnvironmentName) -> Refusal {
    Refusal::new(RefusalCode::Stale, format!("the secrets of {environment} have changed meanwhile"))
        .next("look at them again and decide anew")
}

#[cfg(test)]
mod tests;
