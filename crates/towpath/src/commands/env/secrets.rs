//! Values of an environment's secrets on this machine, for a command that is started with them or a file that is to hold them.
//!
//! Files are opened with the keys of whoever asks; the server's store is asked over its API, which writes down who saw what and
//! why; other sources by the credentials of whoever asks. Nothing of it is kept.

use std::collections::{BTreeMap, BTreeSet};

use towpath_core::{
    config::{ResolvedEnvironment, SourceSet, secret_file_path},
    secrets::{SecretPin, SecretText, SecretVersion, SourceId, SourceSpec, template},
};
use towpath_engine::ports::SourceError;
use towpath_server::api::types::ReadSecrets;

use super::{Laid, live};
use crate::{
    cli::SecretUseArgs,
    context::Context,
    failure::{Exit, Failure},
    folder::mistakes,
    sources::{self, Opener},
    words::count,
};

/// What the store is called in pins.
const STORE: &str = "store";

/// Values and where they belong.
pub(in crate::commands) struct Values {
    /// The environment with a place for every secret that some source has.
    pub(in crate::commands) environment: ResolvedEnvironment,
    /// The values for these places.
    pub(in crate::commands) roots: BTreeMap<String, SecretText>,
    /// The secret variables as they will be: from one value or several.
    pub(in crate::commands) whole: BTreeMap<String, SecretText>,
}

/// Which secrets the sources beside the files have.
#[derive(Default)]
struct Found {
    pins: BTreeMap<String, SecretPin>,
    /// Sources that could not be asked, and why.
    unasked: Vec<String>,
}

/// Finds every value that an environment's variables need.
pub(in crate::commands) fn values(
    context: &Context,
    laid: &Laid<'_>,
    environment: ResolvedEnvironment,
    args: &SecretUseArgs,
    offline: bool,
) -> Result<Values, Failure> {
    let roots = &environment.secret_roots;
    if args.no_secrets || roots.in_files.is_empty() && roots.elsewhere.is_empty() {
        return Ok(Values { environment, roots: BTreeMap::new(), whole: BTreeMap::new() });
    }
    let opener = Opener::for_once(context.folder()?.root().to_owned())?;
    let environment = if roots.elsewhere.is_empty() && roots_are_of_files(&environment) {
        environment
    } else {
        let found = look(context, &environment, &opener, offline)?;
        let unasked = found.unasked;
        laid.with_secrets(context, found.pins)
            .map_err(|failure| unasked.iter().fold(failure, |failure, why| failure.fact("secret", why)))?
    };
    let needed = needed(&environment, &args.only)?;
    let values = read(context, &environment, &opener, &needed, args.reason.reason.as_ref())?;
    let wrong = laid.loaded().wrong_secrets(&environment, &values);
    if let Some(failure) = mistakes(&environment.sources, &wrong, context.out.paint_err()) {
        return Err(failure);
    }
    for name in unfinished(&environment) {
        context.out.warn(&format!("`{name}` is left out: a secret that it is made of has no value in any source"));
    }
    let whole = environment.variables.iter().filter(|(_, variable)| variable.secret);
    let whole =
        whole.filter_map(|(name, variable)| Some((name.clone(), template::fill(&variable.value, &values).ok()?)));
    let whole = whole.collect();
    Ok(Values { environment, roots: values, whole })
}

/// Returns the secret variables that are said and have no value, because what they are made of has none.
fn unfinished(environment: &ResolvedEnvironment) -> Vec<String> {
    let said = |name: &&String| environment.values.get("variables").is_some_and(|all| all.get(name).is_some());
    let known = |name: &&String| !environment.variables.contains_key(*name);
    environment.secrets.iter().filter(said).filter(known).cloned().collect()
}

/// Finds which secrets the sources beside the files have, never a value; and says which sources could not be asked, and why.
pub(in crate::commands) fn found_elsewhere(
    context: &Context,
    environment: &ResolvedEnvironment,
    offline: bool,
) -> Result<(BTreeMap<String, SecretPin>, Vec<String>), Failure> {
    let opener = Opener::for_once(context.folder()?.root().to_owned())?;
    look(context, environment, &opener, offline).map(|found| (found.pins, found.unasked))
}

/// Says whether files come before all other sources, so that what they have is not looked for elsewhere.
fn roots_are_of_files(environment: &ResolvedEnvironment) -> bool {
    environment.secret_spec.from.first() == Some(&SourceSpec::Files)
}

/// Asks every source which of the secrets it has, never for a value.
fn look(
    context: &Context,
    environment: &ResolvedEnvironment,
    opener: &Opener,
    offline: bool,
) -> Result<Found, Failure> {
    let roots = &environment.secret_roots;
    let mut left: BTreeSet<String> = roots.elsewhere.iter().chain(roots.in_files.keys()).cloned().collect();
    let mut found = Found::default();
    for source in &environment.secret_spec.from {
        if left.is_empty() {
            break;
        }
        let (id, has) = match source {
            SourceSpec::Files => {
                left.retain(|name| !roots.in_files.contains_key(name));
                continue;
            }
            SourceSpec::Store => match kept(context, environment, offline) {
                Ok(kept) => (SourceId(STORE.to_owned()), kept),
                Err(why) => {
                    found.unasked.push(format!("the store was not asked: {why}"));
                    continue;
                }
            },
            SourceSpec::Vault { .. } | SourceSpec::Environment { .. } | SourceSpec::Command { .. } => {
                let source = opener.named(&environment.name, source).map_err(|error| refused(&error))?;
                let has = sources::wait(source.current(Some(&left)))?.map_err(|error| refused(&error))?;
                (source.id(), has)
            }
        };
        for (name, version) in has.into_iter().filter(|(name, _)| left.remove(name)) {
            found.pins.insert(name, SecretPin { from: id.clone(), version });
        }
    }
    Ok(found)
}

/// Returns what the server's store has, or why it was not asked.
pub(super) fn kept(
    context: &Context,
    environment: &ResolvedEnvironment,
    offline: bool,
) -> Result<BTreeMap<String, SecretVersion>, String> {
    if offline {
        return Err("--offline was given".to_owned());
    }
    if !live::has_server(context) {
        return Err("no server was ever started for this project".to_owned());
    }
    let client = context.client().map_err(|failure| failure.message().to_owned())?;
    let name = environment.name.to_string();
    let listed = live::asked(|| async move { client.secrets(&name).await });
    let listed = listed.map_err(|failure| failure.message().to_owned())?;
    let version = |number: Option<u32>| number.map(|number| SecretVersion(number.to_string()));
    Ok(listed.secrets.into_iter().filter_map(|one| Some((one.name, version(one.version)?))).collect())
}

/// Returns the secrets that go into the variables that are wanted, and where from.
fn needed(environment: &ResolvedEnvironment, only: &[String]) -> Result<BTreeMap<String, SecretPin>, Failure> {
    if let Some(unknown) = only.iter().find(|name| !environment.secrets.contains(*name)) {
        return Err(Failure::new(Exit::Usage, "not_found", format!("there is no secret `{unknown}`")));
    }
    let wanted = environment.variables.iter().filter(|(name, _)| only.is_empty() || only.contains(name));
    let places = wanted.filter(|(_, variable)| variable.secret).flat_map(|(_, it)| template::names_in(&it.value));
    let pin = |name: String| environment.secret_pins.get(&name).map(|pin| (name.clone(), pin.clone()));
    Ok(places.filter_map(pin).collect())
}

fn read(
    context: &Context,
    environment: &ResolvedEnvironment,
    opener: &Opener,
    needed: &BTreeMap<String, SecretPin>,
    reason: Option<&String>,
) -> Result<BTreeMap<String, SecretText>, Failure> {
    let mut by_source: BTreeMap<&SourceId, BTreeMap<String, SecretVersion>> = BTreeMap::new();
    for (name, pin) in needed {
        by_source.entry(&pin.from).or_default().insert(name.clone(), pin.version.clone());
    }
    let mut values = BTreeMap::new();
    for (id, wanted) in by_source {
        if let Some(path) = secret_file_path(id) {
            let text = text_of(&environment.sources, path).unwrap_or_default();
            values.extend(sources::file(path, text).values(&wanted).map_err(|error| refused_file(&error, &wanted))?);
        } else if id.0 == STORE {
            values.extend(read_kept(context, environment, wanted.into_keys().collect(), reason.cloned())?);
        } else {
            values.extend(read_named(environment, opener, id, &wanted)?);
        }
    }
    Ok(values)
}

fn read_named(
    environment: &ResolvedEnvironment,
    opener: &Opener,
    id: &SourceId,
    wanted: &BTreeMap<String, SecretVersion>,
) -> Result<BTreeMap<String, SecretText>, Failure> {
    let mut values = BTreeMap::new();
    // Several may be called the same: the one that has a version gives it.
    let others = |source: &&SourceSpec| !matches!(source, SourceSpec::Files | SourceSpec::Store);
    for source in environment.secret_spec.from.iter().filter(others) {
        let source = opener.named(&environment.name, source).map_err(|error| refused(&error))?;
        if source.id() != *id {
            continue;
        }
        for (name, version) in wanted.iter().filter(|(name, _)| !values.contains_key(*name)).collect::<Vec<_>>() {
            match sources::wait(source.read(&[(name.clone(), version.clone())].into()))? {
                Ok(read) => values.extend(read),
                Err(SourceError::Missing { .. }) => {}
                Err(error) => return Err(refused(&error)),
            }
        }
    }
    if let Some((name, version)) = wanted.iter().find(|(name, _)| !values.contains_key(*name)) {
        let error = SourceError::Missing { source_id: id.clone(), name: name.clone(), version: version.clone() };
        return Err(refused(&error).fact("secret", "it was changed while it was read: try again"));
    }
    Ok(values)
}

fn read_kept(
    context: &Context,
    environment: &ResolvedEnvironment,
    names: Vec<String>,
    reason: Option<String>,
) -> Result<BTreeMap<String, SecretText>, Failure> {
    let client = context.client()?;
    let name = environment.name.to_string();
    let body = ReadSecrets { names, reason };
    let shown = live::asked(|| async move { client.read_secrets(&name, &body).await })?;
    Ok(shown.secrets.into_iter().map(|one| (one.name, SecretText::new(one.value.expose()))).collect())
}

fn text_of<'s>(sources: &'s SourceSet, path: &str) -> Option<&'s str> {
    sources.files().find(|(found, _)| *found == path).map(|(_, text)| text)
}

fn refused_file(error: &SourceError, wanted: &BTreeMap<String, SecretVersion>) -> Failure {
    let names: Vec<&str> = wanted.keys().map(String::as_str).collect();
    refused(error)
        .fact("needed", format!("{}: {}", count(names.len() as u64, "secret"), names.join(", ")))
        .next("--no-secrets starts it without secrets; --only NAME with some")
}

fn refused(error: &SourceError) -> Failure {
    let exit = if matches!(error, SourceError::Away { .. }) { Exit::Unreachable } else { Exit::Failed };
    Failure::of(exit, "no_secrets", error).kept("nothing was started or written")
}
