//! Calls of the API about rotations. A value is in a body only.

use towpath_server::api::types::{
    ChangeRotation, DataKeyRotated, DueSecrets, RotateSecret, RotationList, RotationView,
};

use super::{Client, escape};
use crate::failure::Failure;

impl Client {
    pub(crate) async fn rotate_secret(
        &self,
        environment: &str,
        name: &str,
        body: &RotateSecret,
    ) -> Result<RotationView, Failure> {
        Ok(self.post(&rotate(environment, name), body).await?.1)
    }

    pub(crate) async fn abort_rotation(
        &self,
        environment: &str,
        name: &str,
        body: &ChangeRotation,
    ) -> Result<RotationView, Failure> {
        Ok(self.post(&format!("{}/abort", rotate(environment, name)), body).await?.1)
    }

    pub(crate) async fn retry_rotation(&self, environment: &str, name: &str) -> Result<RotationView, Failure> {
        Ok(self.post(&format!("{}/retry", rotate(environment, name)), &ChangeRotation::default()).await?.1)
    }

    pub(crate) async fn rotate_data_key(&self, environment: &str) -> Result<DataKeyRotated, Failure> {
        let path = format!("/api/v1/environments/{}/rotations/data-key", escape(environment));
        Ok(self.post(&path, &serde_json::json!({})).await?.1)
    }

    pub(crate) async fn rotations(&self, environment: &str) -> Result<RotationList, Failure> {
        self.get(&format!("/api/v1/environments/{}/rotations", escape(environment)), &[]).await
    }

    pub(crate) async fn rotations_of(&self, environment: &str, name: &str) -> Result<RotationList, Failure> {
        let path = format!("/api/v1/environments/{}/secrets/{}/rotations", escape(environment), escape(name));
        self.get(&path, &[]).await
    }

    pub(crate) async fn due_secrets(&self) -> Result<DueSecrets, Failure> {
        self.get("/api/v1/secrets/due", &[]).await
    }
}

fn rotate(environment: &str, name: &str) -> String {
    format!("/api/v1/environments/{}/secrets/{}/rotate", escape(environment), escape(name))
}
