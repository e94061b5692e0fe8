//! Checks of a revision: HTTP requests and commands, with the probes' own means.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use towpath_core::{
    deployment::{Check, CheckAction},
    ids::ServiceName,
    units::Millis,
};
use towpath_engine::ports::{CheckOutcome, Checks};

use crate::{
    command::{Short, basic_environment},
    http,
};

/// How much of a body is looked at for the text that it must contain.
const LONGEST_BODY: usize = 4 << 20;

/// Makes checks from this machine.
#[derive(Debug, Clone)]
pub struct LocalChecks {
    /// Where commands run: the project's folder.
    pub directory: PathBuf,
    /// Time between attempts.
    pub pause: Duration,
}

impl LocalChecks {
    /// Returns checks that run commands in this folder and wait a second between attempts.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, pause: Duration::from_secs(1) }
    }

    async fn attempt(&self, check: &Check, urls: &BTreeMap<ServiceName, SocketAddr>) -> Result<String, String> {
        let timeout = check.timeout.to_std();
        match &check.action {
            CheckAction::Http { service, path, status, contains } => {
                let address = urls.get(service).ok_or_else(|| format!("the service `{service}` has no address"))?;
                let most = if contains.is_some() { LONGEST_BODY } else { 0 };
                let (got, body) = http::get(*address, path, &BTreeMap::new(), timeout, most).await?;
                if got.as_u16() != *status {
                    return Err(format!("GET {path} of `{service}` answered {}, not {status}", got.as_u16()));
                }
                match contains {
                    Some(text) if !has(&body, text.as_bytes()) => {
                        Err(format!("GET {path} of `{service}` answered {status} without the text `{text}`"))
                    }
                    Some(text) => Ok(format!("GET {path} of `{service}` answered {status} with the text `{text}`")),
                    None => Ok(format!("GET {path} of `{service}` answered {status}")),
                }
            }
            CheckAction::Command { command } => {
                let mut environment = basic_environment();
                environment
                    .extend(urls.iter().map(|(service, address)| (variable(service), format!("http://{address}"))));
                Short { command, environment: &environment, directory: &self.directory, timeout }.run().await?;
                Ok(format!("`{}` succeeded", command.join(" ")))
            }
        }
    }
}

/// Returns the variable with the address of a service: `TOWPATH_URL_NOTICE_BOARD` for `notice-board`.
fn variable(service: &ServiceName) -> String {
    format!("TOWPATH_URL_{}", service.as_str().to_ascii_uppercase().replace('-', "_"))
}

fn has(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

#[async_trait]
impl Checks for LocalChecks {
    async fn run(&self, check: &Check, urls: &BTreeMap<ServiceName, SocketAddr>) -> CheckOutcome {
        let began = Instant::now();
        let mut answer = self.attempt(check, urls).await;
        for _ in 0..check.retries {
            if answer.is_ok() {
                break;
            }
            tokio::time::sleep(self.pause).await;
            answer = self.attempt(check, urls).await;
        }
        let duration = Millis(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        let passed = answer.is_ok();
        let message = answer.unwrap_or_else(|reason| reason);
        CheckOutcome { passed, message, duration }
    }
}

#[cfg(test)]
mod tests;
