//! What makes values of secrets valid and invalid: two PostgreSQL roles that take turns, a program of the user, or nothing.

use std::sync::Arc;

use async_trait::async_trait;
use towpath_core::secrets::{SecretText, rotation::Credential};
use towpath_engine::ports::{CredentialBackend, CredentialError, CredentialJob};

mod postgres;
mod program;
mod scram;

use postgres::Roles;
use program::Program;

/// Looks up a variable of the server's process.
type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Every backend, chosen by what a secret declares.
pub struct Rotators {
    variables: Variables,
}

impl Rotators {
    /// Returns the backends; credentials of administrators are found in variables that this looks up.
    pub fn new(variables: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { variables: Arc::new(variables) }
    }

    /// Returns the backends with the variables of this process.
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }
}

fn roles<'a>(job: &'a CredentialJob, variables: &'a Variables) -> Option<Roles<'a>> {
    match &job.credential {
        Credential::Postgres { admin, owner, roles } => Some(Roles {
            job,
            variable: admin_variable(admin, job.environment.as_str()),
            owner,
            pair: roles,
            variables,
        }),
        Credential::Value | Credential::Command { .. } => None,
    }
}

/// Returns the variable that holds the administrator's URL of an environment. Each environment has its own: nobody alters
/// production's roles from elsewhere by leaving one away.
fn admin_variable(prefix: &str, environment: &str) -> String {
    format!("{prefix}_{}", environment.to_ascii_uppercase().replace('-', "_"))
}

#[async_trait]
impl CredentialBackend for Rotators {
    fn compose(
        &self,
        job: &CredentialJob,
        generated: SecretText,
        current: Option<&SecretText>,
    ) -> Result<SecretText, CredentialError> {
        match roles(job, &self.variables) {
            Some(roles) => roles.compose(&generated, current),
            None => Ok(generated),
        }
    }

    async fn create(
        &self,
        job: &CredentialJob,
        new: &SecretText,
        keep: Option<&SecretText>,
    ) -> Result<(), CredentialError> {
        match &job.credential {
            Credential::Value => Ok(()),
            Credential::Command { command, timeout } => {
                let program = Program { job, command, timeout: *timeout };
                program.run("create", new).await?;
                program.run("verify", new).await
            }
            Credential::Postgres { .. } => match roles(job, &self.variables) {
                Some(roles) => roles.create(new, keep).await,
                None => Ok(()),
            },
        }
    }

    async fn verify(&self, job: &CredentialJob, value: &SecretText) -> Result<(), CredentialError> {
        match &job.credential {
            Credential::Value => Ok(()),
            Credential::Command { command, timeout } => {
                Program { job, command, timeout: *timeout }.run("verify", value).await
            }
            Credential::Postgres { .. } => match roles(job, &self.variables) {
                Some(roles) => roles.verify(value).await,
                None => Ok(()),
            },
        }
    }

    async fn revoke(
        &self,
        job: &CredentialJob,
        old: &SecretText,
        keep: Option<&SecretText>,
    ) -> Result<(), CredentialError> {
        match &job.credential {
            Credential::Value => Ok(()),
            Credential::Command { command, timeout } => {
                Program { job, command, timeout: *timeout }.run("revoke", old).await
            }
            Credential::Postgres { .. } => match roles(job, &self.variables) {
                Some(roles) => roles.revoke(old, keep).await,
                None => Ok(()),
            },
        }
    }
}
