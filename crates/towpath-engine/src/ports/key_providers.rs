//! The port that says what encrypts the data keys of an environment.

use std::sync::Arc;

use async_trait::async_trait;
use towpath_core::{ids::EnvironmentName, secrets::rotation::DATA_KEY_EVERY, units::Millis};

use super::{KeyError, KeyProvider};

/// Says what encrypts the data keys of an environment: its files, or the usual where they say nothing.
#[async_trait]
pub trait KeyProviders: Send + Sync {
    /// Returns the provider of an environment; one that keeps its key in a file makes it when it is first asked for.
    async fn of(&self, environment: &EnvironmentName) -> Result<Arc<dyn KeyProvider>, KeyError>;

    /// Returns the provider of an environment whose data keys it has encrypted before: what is lost by then is not made anew,
    /// because a new key opens nothing and would stand where the lost one has to be put back.
    async fn existing(&self, environment: &EnvironmentName) -> Result<Arc<dyn KeyProvider>, KeyError> {
        self.of(environment).await
    }

    /// Returns a provider by the [`KeyProvider::id`] that a data key was wrapped under before the environment was given another
    /// one, if it is still at hand. So a key can be changed: what the former one wrapped is read until nothing needs it.
    async fn former(&self, _: &EnvironmentName, _id: &str) -> Result<Option<Arc<dyn KeyProvider>>, KeyError> {
        Ok(None)
    }

    /// Returns how long a data key of an environment is used for new values.
    async fn data_key_every(&self, _: &EnvironmentName) -> Result<Millis, KeyError> {
        Ok(DATA_KEY_EVERY)
    }
}
