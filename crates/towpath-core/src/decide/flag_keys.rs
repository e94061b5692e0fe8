//! The keys of applications: making and revoking them.
//!
//! The text of a key is made outside; what is judged here is its name, who and where it is for, and why.

use super::{Decision, one, policy, secrets::reasoned};
use crate::{
    command::Asker,
    config::nearest,
    event::Fact,
    flags::{
        ApplicationKey, ApplicationKeys, FlagKeyMade, FlagKeyRevoked, KeyChange, KeyCommand, KeyKind, MAX_KEYS,
        MAX_ORIGINS, NewKey,
    },
    refusal::{Refusal, RefusalCode},
    world::World,
};

pub(super) fn change(world: &World, command: &KeyCommand, asker: &Asker) -> Decision {
    let policy = policy(world, &command.environment)?;
    let none = ApplicationKeys::default();
    let keys = world.environments.get(&command.environment).map_or(&none, |state| &state.flag_keys);
    match &command.change {
        KeyChange::Make(new) => {
            reasoned(policy, &command.environment, command.reason.as_ref(), "a new key of")?;
            make(keys, command, new, asker)
        }
        // What is known to the wrong people is refused at once; nobody has to explain first.
        KeyChange::Revoke => revoke(keys, command),
    }
}

fn make(keys: &ApplicationKeys, command: &KeyCommand, new: &NewKey, asker: &Asker) -> Decision {
    let KeyCommand { environment, name, reason, .. } = command;
    let invalid = |message: String| Err(Refusal::new(RefusalCode::Invalid, message));
    if keys.0.get(name).is_some_and(|key| key.is_valid(asker.now)) {
        let message = format!("{environment} has a key `{name}` already");
        return Err(Refusal::new(RefusalCode::NameTaken, message)
            .next(format!("another name, or first: towpath flags keys revoke {environment} {name}")));
    }
    if keys.0.values().filter(|key| key.is_valid(asker.now)).count() >= MAX_KEYS {
        let message = format!("{environment} has {MAX_KEYS} keys, and may not have more");
        return Err(Refusal::new(RefusalCode::Invalid, message)
            .next(format!("revoke what is not used: towpath flags keys list {environment}")));
    }
    if new.kind == KeyKind::Server && !new.origins.is_empty() {
        return invalid("a key of services is used by no page: origins are for keys of kind `client`".to_owned());
    }
    if new.origins.len() > MAX_ORIGINS {
        return invalid(format!("a key is limited to {MAX_ORIGINS} origins at most"));
    }
    if let Some(wrong) = new.origins.iter().find(|origin| !is_origin(origin)) {
        return Err(Refusal::new(RefusalCode::Invalid, format!("`{wrong}` is not the origin of a page"))
            .next("such as https://shop.example.org or http://localhost:5173: no path, no `/` at the end"));
    }
    if new.per_second == Some(0) {
        return invalid("a key that may make no request is of no use: at least 1 a second".to_owned());
    }
    if new.expires_at.is_some_and(|end| end <= asker.now) {
        return invalid("the key would have expired before it was made".to_owned());
    }
    let made = FlagKeyMade {
        name: name.clone(),
        key: new.kind,
        digest: new.digest,
        origins: new.origins.clone(),
        per_second: new.per_second,
        expires_at: new.expires_at,
        reason: reason.clone(),
    };
    one(Some(environment.clone()), Fact::FlagKeyMade(made))
}

fn revoke(keys: &ApplicationKeys, command: &KeyCommand) -> Decision {
    let KeyCommand { environment, name, reason, .. } = command;
    match keys.0.get(name).map(AsRef::<ApplicationKey>::as_ref) {
        Some(ApplicationKey { revoked: Some(_), .. }) => Ok(Vec::new()),
        Some(_) => {
            let revoked = FlagKeyRevoked { name: name.clone(), reason: reason.clone() };
            one(Some(environment.clone()), Fact::FlagKeyRevoked(revoked))
        }
        None => {
            let near = nearest(name.as_str(), keys.0.keys().map(crate::ids::KeyName::as_str));
            let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            Err(Refusal::new(RefusalCode::NotFound, format!("{environment} has no key `{name}`"))
                .next(format!("{near}towpath flags keys list {environment}")))
        }
    }
}

/// Says whether a text is an origin as browsers write it (RFC 6454 section 6.1): scheme, host, and a port that is not the usual.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let scheme_fits = scheme.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte));
    let host_fits = !host.is_empty()
        && text.len() <= 255
        && host.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:[]_".contains(&byte));
    scheme_fits && host_fits
}

#[cfg(test)]
mod tests;
