//! Two login roles of a PostgreSQL server that take turns.
//!
//! Both are members of the role that owns the application's tables and act as it, so that what one makes the other can use.
//! Passwords never get to the server: it is given what it would keep of them. Statements are short and bounded, so that one of
//! a process that was killed is over before another process comes as far as to need what it changes.

use std::time::Duration;

use sqlx::{
    Connection as _, Executor as _, PgConnection, Row as _,
    postgres::{PgConnectOptions, PgDatabaseError},
};
use towpath_core::secrets::SecretText;
use towpath_engine::ports::{CredentialError, CredentialJob};

use super::{Variables, scram};

mod url;

pub(super) use url::Url;

/// How long everything together may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long one statement may take at the server, and wait for a lock.
const BOUNDS: &str =
    "SET statement_timeout = '10s'; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '15s'";

/// The pair of roles of one secret.
pub(super) struct Roles<'a> {
    pub(super) job: &'a CredentialJob,
    /// The variable with the administrator's URL.
    pub(super) variable: String,
    pub(super) owner: &'a str,
    pub(super) pair: &'a [String; 2],
    pub(super) variables: &'a Variables,
}

impl Roles<'_> {
    fn name(&self) -> String {
        format!("the database of `{}` in {}", self.job.name, self.job.environment)
    }

    fn refused(&self, reason: impl Into<String>) -> CredentialError {
        CredentialError::Refused { backend: self.name(), reason: reason.into() }
    }

    fn away(&self, reason: impl Into<String>) -> CredentialError {
        CredentialError::Away { backend: self.name(), reason: reason.into() }
    }

    fn url<'a>(&self, value: &'a SecretText) -> Result<Url<'a>, CredentialError> {
        Url::read(value.expose()).ok_or_else(|| {
            self.refused(
                "the value is not a URL such as `postgres://USER:PASSWORD@HOST/DATABASE` with user and password",
            )
        })
    }

    /// Returns the URL of the other role with a new password.
    pub(super) fn compose(
        &self,
        generated: &SecretText,
        current: Option<&SecretText>,
    ) -> Result<SecretText, CredentialError> {
        let current =
            current.ok_or_else(|| self.refused("there is no value in force whose URL could be taken over"))?;
        let url = self.url(current)?;
        self.known(&url)?;
        let [first, second] = self.pair;
        let next = if url.user == *first { second } else { first };
        Ok(url.with(next, generated.expose()))
    }

    /// Refuses a role that nothing is declared of: it is not ours to alter.
    fn known(&self, url: &Url<'_>) -> Result<(), CredentialError> {
        if self.pair.contains(&url.user) || url.user == self.owner {
            return Ok(());
        }
        let [first, second] = self.pair;
        Err(self.refused(format!(
            "the value signs in as `{}`, which is neither `{first}` nor `{second}` nor `{}`: set a value with one of them",
            url.user, self.owner
        )))
    }

    pub(super) async fn create(&self, new: &SecretText, keep: Option<&SecretText>) -> Result<(), CredentialError> {
        let url = self.url(new)?;
        if !self.pair.contains(&url.user) {
            return Err(
                self.refused(format!("the new value signs in as `{}`, which is not one of the two roles", url.user))
            );
        }
        if let Some(keep) = keep {
            let keep = self.url(keep)?;
            self.known(&keep)?;
            if keep.user == url.user {
                return Err(self.refused(format!(
                    "the new value signs in as `{}` like the one in force, which must stay valid: use the other role",
                    url.user
                )));
            }
        }
        let verifier = scram::verifier(&url.password).map_err(|error| self.refused(error.to_string()))?;
        self.bounded(async {
            let mut admin = self.admin().await?;
            self.alter(&mut admin, &url.user, &verifier).await.map_err(|error| self.told(&error))?;
            admin.close().await.map_err(|error| self.told(&error))
        })
        .await?;
        self.verify(new).await
    }

    async fn alter(&self, admin: &mut PgConnection, role: &str, verifier: &str) -> Result<(), sqlx::Error> {
        let known = sqlx::query("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1").bind(role);
        let verb = if known.fetch_optional(&mut *admin).await?.is_some() { "ALTER" } else { "CREATE" };
        let (role, owner) = (identifier(role), identifier(self.owner));
        // The verifier has letters, digits and `+/=$:-` only. `standard_conforming_strings` does not matter to it.
        let statements = format!(
            "BEGIN; {verb} ROLE {role} LOGIN INHERIT PASSWORD '{verifier}' VALID UNTIL 'infinity'; \
             GRANT {owner} TO {role}; ALTER ROLE {role} SET role TO {owner}; COMMIT"
        );
        admin.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(statements))).await?;
        Ok(())
    }

    pub(super) async fn verify(&self, value: &SecretText) -> Result<(), CredentialError> {
        self.url(value)?;
        self.bounded(async {
            let options = self.options(value.expose())?;
            let mut connection = PgConnection::connect_with(&options).await.map_err(|error| self.told(&error))?;
            connection.execute("SELECT 1").await.map_err(|error| self.told(&error))?;
            connection.close().await.map_err(|error| self.told(&error))
        })
        .await
    }

    pub(super) async fn revoke(&self, old: &SecretText, keep: Option<&SecretText>) -> Result<(), CredentialError> {
        let url = self.url(old)?;
        self.known(&url)?;
        if let Some(keep) = keep
            && self.url(keep)?.user == url.user
        {
            return Err(self.refused(format!("`{}` is the role of the value that must stay valid too", url.user)));
        }
        self.bounded(async {
            let mut admin = self.admin().await?;
            self.lock_out(&mut admin, &url.user).await?;
            admin.close().await.map_err(|error| self.told(&error))
        })
        .await
    }

    async fn lock_out(&self, admin: &mut PgConnection, role: &str) -> Result<(), CredentialError> {
        let told = |error: sqlx::Error| self.told(&error);
        let me = sqlx::query("SELECT session_user::text").fetch_one(&mut *admin).await.map_err(told)?;
        if me.try_get::<String, _>(0).map_err(told)? == role {
            return Err(
                self.refused(format!("`{role}` is who `{}` signs in as: it cannot lock itself out", self.variable))
            );
        }
        let known = sqlx::query("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1").bind(role);
        if known.fetch_optional(&mut *admin).await.map_err(told)?.is_none() {
            return Ok(());
        }
        let statement = format!("ALTER ROLE {} NOLOGIN PASSWORD NULL", identifier(role));
        admin.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(statement))).await.map_err(told)?;
        // After it can sign in no more, so that nobody comes back.
        let sessions =
            "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE usename = $1";
        sqlx::query(sessions).bind(role).execute(&mut *admin).await.map_err(told)?;
        Ok(())
    }

    async fn admin(&self) -> Result<PgConnection, CredentialError> {
        let url = (self.variables)(&self.variable).filter(|url| !url.is_empty()).ok_or_else(|| {
            self.refused(format!(
                "the server's process has no variable `{}` with the URL of somebody who may alter its roles",
                self.variable
            ))
        })?;
        let options = self.options(&zeroize::Zeroizing::new(url)).map_err(|_| {
            self.refused(format!("the variable `{}` of the server's process is not a PostgreSQL URL", self.variable))
        })?;
        let mut admin = PgConnection::connect_with(&options).await.map_err(|error| self.told(&error))?;
        admin.execute(sqlx::raw_sql(BOUNDS)).await.map_err(|error| self.told(&error))?;
        Ok(admin)
    }

    fn options(&self, url: &str) -> Result<PgConnectOptions, CredentialError> {
        // What the parser says is not passed on: it may repeat what it was given.
        let options = url.parse::<PgConnectOptions>().map_err(|_| self.refused("the value is not a PostgreSQL URL"))?;
        Ok(options.application_name("towpath"))
    }

    async fn bounded<T>(&self, work: impl Future<Output = Result<T, CredentialError>>) -> Result<T, CredentialError> {
        tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(self.away("it does not answer in 30 s")))
    }

    /// Says what the server said. Its messages name roles and databases, never a password.
    fn told(&self, error: &sqlx::Error) -> CredentialError {
        if let Some(error) = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>()) {
            let reason = format!("{} ({})", error.message(), error.code());
            // Wrong password, no such role or database, no right: the same tomorrow.
            let hopeless = ["28P01", "28000", "42501", "42704", "3D000", "0LP01"].contains(&error.code());
            return if hopeless { self.refused(reason) } else { self.away(reason) };
        }
        if let sqlx::Error::Io(error) = error {
            return self.away(error.to_string());
        }
        if let sqlx::Error::Tls(error) = error {
            return self.away(format!("TLS: {error}"));
        }
        self.away("the connection broke")
    }
}

/// Quotes the name of a role.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\"").replace('\0', ""))
}

#[cfg(test)]
mod tests;
