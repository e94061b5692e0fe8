//! Decrypting values: for people, who are written down first, and for what runs.

use std::collections::BTreeMap;

use towpath_core::{
    command::Command,
    decide::secrets as rules,
    ids::EnvironmentName,
    secrets::{
        SecretText, SecretVersion,
        store::{Reading, SecretStore},
    },
};
use towpath_secrets::envelope::{OpenError, Opened, SecretName};

use super::{Principal, Secrets, SecretsError, store_of};
use crate::ports::BlobError;

/// A value that may be shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Which secret.
    pub name: String,
    /// Which version.
    pub version: SecretVersion,
    /// The value.
    pub value: SecretText,
}

impl Secrets {
    /// Returns values for a person, after it was written down that they see them. `None` as a version is the one in force.
    pub async fn get(
        &self,
        who: &Principal,
        environment: &EnvironmentName,
        wanted: &[(String, Option<u32>)],
        reason: Option<&String>,
    ) -> Result<Vec<Shown>, SecretsError> {
        let engine = self.engine()?;
        let world = engine.world();
        let store = store_of(&world, environment);
        let mut readings = Vec::new();
        let mut versions = Vec::new();
        // Who may not see anything is told so before what there is.
        super::change::known_environment(&engine, &world, who, environment)?;
        rules::may_see(&world, environment, &who.name)?;
        for (name, version) in wanted {
            let secret = rules::secret(environment, &store, name)?;
            let Some(version) = version.or(secret.current) else {
                return Err(rules::without_value(environment, name).into());
            };
            rules::living(environment, name, secret, version)?;
            versions.push((name.clone(), version));
            readings.push(Reading { name: name.clone(), from: "store".to_owned(), version: version.to_string() });
        }
        let read =
            Command::ReadSecrets { environment: environment.clone(), secrets: readings, reason: reason.cloned() };
        Self::would(&engine, &world, who, &read)?;
        self.verify(environment, &store).await?;
        let mut shown = Vec::with_capacity(versions.len());
        for (name, version) in versions {
            let value = text(self.open(environment, &store, &name, version).await?, environment, &name, version)?;
            shown.push(Shown { name, version: SecretVersion(version.to_string()), value });
        }
        engine.submit(&who.name, read, &who.cause).await?;
        Ok(shown)
    }

    /// Returns values for what runs or is about to: not written down, as the deployment that pins them is.
    pub async fn reveal(
        &self,
        environment: &EnvironmentName,
        wanted: &BTreeMap<String, u32>,
    ) -> Result<BTreeMap<String, SecretText>, SecretsError> {
        let store = store_of(&self.engine()?.world(), environment);
        let mut values = BTreeMap::new();
        if wanted.is_empty() {
            return Ok(values);
        }
        self.verify(environment, &store).await?;
        for (name, version) in wanted {
            let secret = rules::secret(environment, &store, name)?;
            rules::living(environment, name, secret, *version)?;
            let value = self.open(environment, &store, name, *version).await?;
            values.insert(name.clone(), text(value, environment, name, *version)?);
        }
        Ok(values)
    }

    /// Decrypts one version that has a value.
    pub(super) async fn open(
        &self,
        environment: &EnvironmentName,
        store: &SecretStore,
        name: &str,
        version: u32,
    ) -> Result<Opened, SecretsError> {
        let known = store.secrets.get(name).and_then(|secret| secret.living(version));
        let known = known.ok_or_else(|| SecretsError::Tampered { environment: environment.clone() })?;
        let damaged =
            |source| SecretsError::Damaged { name: name.to_owned(), version, environment: environment.clone(), source };
        let sealed = match self.engine()?.ports().blobs.get(&known.ciphertext).await {
            Ok(sealed) => sealed,
            // It is there and is not what was written.
            Err(BlobError::Damaged(_)) => return Err(damaged(OpenError::Damaged)),
            Err(error) => return Err(error.into()),
        };
        let key = self.key(environment, store, known.data_key).await?;
        key.open(SecretName { name, version }, &sealed).map_err(damaged)
    }
}

/// Makes a text of what was decrypted: only texts are ever encrypted.
fn text(value: Opened, environment: &EnvironmentName, name: &str, version: u32) -> Result<SecretText, SecretsError> {
    value.into_text().ok_or_else(|| SecretsError::Damaged {
        name: name.to_owned(),
        version,
        environment: environment.clone(),
        source: OpenError::Format,
    })
}
