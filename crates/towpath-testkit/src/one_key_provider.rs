//! A fake of the port that says what encrypts data keys: the same for every environment.

use std::sync::Arc;

use async_trait::async_trait;
use towpath_core::ids::EnvironmentName;
use towpath_engine::ports::{KeyError, KeyProvider, KeyProviders};

/// One provider of keys for every environment.
pub struct OneKeyProvider(pub Arc<dyn KeyProvider>);

#[async_trait]
impl KeyProviders for OneKeyProvider {
    async fn of(&self, _: &EnvironmentName) -> Result<Arc<dyn KeyProvider>, KeyError> {
        Ok(Arc::clone(&self.0))
    }
}
