//! A program of the user that makes values valid and invalid: told what to do by its environment, the value on its standard
//! input, never an argument.

use std::process::Stdio;

use tokio::{io::AsyncWriteExt as _, process::Command};
use towpath_core::{secrets::SecretText, units::Millis};
use towpath_engine::ports::{CredentialError, CredentialJob};

use crate::command::basic_environment;

/// How much of what it says is told.
const TOLD: usize = 400;

pub(super) struct Program<'a> {
    pub(super) job: &'a CredentialJob,
    pub(super) command: &'a [String],
    pub(super) timeout: Millis,
}

impl Program<'_> {
    fn away(&self, reason: impl Into<String>) -> CredentialError {
        let backend = format!("`{}`", self.command.first().map_or("", String::as_str));
        CredentialError::Away { backend, reason: reason.into() }
    }

    /// Runs it once for a value. It may be run again for the same.
    pub(super) async fn run(&self, what: &str, value: &SecretText) -> Result<(), CredentialError> {
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(self.away("no program is declared"));
        };
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(basic_environment())
            .env("TOWPATH_ROTATION", what)
            .env("TOWPATH_ENVIRONMENT", self.job.environment.as_str())
            .env("TOWPATH_SECRET", &self.job.name)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.away(error.to_string()))?;
        let input = child.stdin.take();
        let work = async {
            if let Some(mut input) = input {
                // A program that does not read its input may be right not to.
                let _ = input.write_all(value.expose().as_bytes()).await;
                let _ = input.shutdown().await;
            }
            child.wait_with_output().await
        };
        let output = tokio::time::timeout(self.timeout.to_std(), work)
            .await
            .map_err(|_| self.away(format!("`{what}` takes longer than {}", self.timeout)))?
            .map_err(|error| self.away(error.to_string()))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).replace(value.expose(), "••••");
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
        let last: String = last.trim().chars().take(TOLD).collect();
        Err(self.away(format!("`{what}` failed ({}): {last}", output.status)))
    }
}
