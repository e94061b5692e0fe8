//! Secrets of the store: names, versions, who and when; there is no value to be shown here.

use towpath_core::{
    ids::EnvironmentName,
    secrets::store::{SecretOrigin, SecretStore, StoredSecret, StoredVersion},
    world::World,
};
use towpath_engine::secrets::Effect;

use crate::{
    api::types::{
        DataKeyView, OverlayEffect, SecretEventView, SecretHistory, SecretList, SecretVersionView, SecretView,
    },
    etag,
};

pub(crate) fn secrets(world: &World, environment: &EnvironmentName, store: &SecretStore) -> SecretList {
    let keys = store.data_keys.iter().filter(|(_, key)| key.retired_at.is_none());
    SecretList {
        environment: environment.to_string(),
        secrets: store.secrets.iter().map(|(name, secret)| secret_view(world, environment, name, secret)).collect(),
        revision: store.revision(),
        data_keys: keys
            .map(|(version, key)| DataKeyView {
                version: *version,
                provider: key.provider.clone(),
                at: key.at,
                values: store.living().filter(|(_, _, it)| it.data_key == *version).count(),
            })
            .collect(),
    }
}

fn secret_view(world: &World, environment: &EnvironmentName, name: &str, secret: &StoredSecret) -> SecretView {
    let current = secret.current();
    let pin = world.current(environment).and_then(|current| current.spec.secrets.get(name));
    SecretView {
        name: name.to_owned(),
        source: "store".to_owned(),
        version: current.map(|(version, _)| version),
        versions: secret.versions.values().filter(|it| it.destroyed.is_none()).count(),
        changed_at: secret.changed_at,
        by: current.map(|(_, it)| it.by.to_string()),
        origin: current.map(|(_, it)| origin(&it.origin)),
        running: pin.filter(|pin| pin.from.0 == "store").and_then(|pin| pin.version.0.parse().ok()),
    }
}

fn origin(origin: &SecretOrigin) -> String {
    match origin {
        SecretOrigin::Given => "given".to_owned(),
        SecretOrigin::Generated { .. } => "generated".to_owned(),
        SecretOrigin::Restored { .. } => "restored".to_owned(),
        SecretOrigin::Imported { .. } => "imported".to_owned(),
        SecretOrigin::Rotated { .. } => "rotated".to_owned(),
    }
}

pub(crate) fn secret_history(environment: &EnvironmentName, name: &str, secret: &StoredSecret) -> SecretHistory {
    let version = |(number, it): (&u32, &StoredVersion)| SecretVersionView {
        version: *number,
        at: it.at,
        by: it.by.to_string(),
        origin: origin(&it.origin),
        of: if let SecretOrigin::Restored { of } = &it.origin { Some(*of) } else { None },
        reason: it.reason.clone(),
        data_key: it.data_key,
        current: secret.current == Some(*number),
        destroyed: it.destroyed.as_ref().map(|end| SecretEventView {
            at: end.at,
            by: end.by.to_string(),
            reason: end.reason.clone(),
        }),
    };
    let unset = |it: &towpath_core::secrets::store::Unset| SecretEventView {
        at: it.at,
        by: it.by.to_string(),
        reason: it.reason.clone(),
    };
    SecretHistory {
        environment: environment.to_string(),
        name: name.to_owned(),
        version: secret.current,
        versions: secret.versions.iter().rev().map(version).collect(),
        unsets: secret.unsets.iter().rev().map(unset).collect(),
    }
}

/// Returns the version of a secret that a change depends on, for its tag: encrypting anew changes nothing that anybody sees.
pub(crate) fn secret_version(store: &SecretStore, name: &str) -> String {
    let known = store.secrets.get(name).map(|secret| {
        let destroyed: Vec<bool> = secret.versions.values().map(|version| version.destroyed.is_some()).collect();
        (secret.current, destroyed)
    });
    etag::version(&(name, known))
}

pub(crate) fn effect(effect: Effect) -> OverlayEffect {
    match effect {
        Effect::Promotion => OverlayEffect::Promotion,
        Effect::Unchanged => OverlayEffect::Unchanged,
        Effect::NothingRuns => OverlayEffect::NothingRuns,
        Effect::RecordedOnly => OverlayEffect::RecordedOnly,
    }
}
