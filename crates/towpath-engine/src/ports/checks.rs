//! The checks port: what runs the checks of a verification.

use std::{collections::BTreeMap, net::SocketAddr};

use async_trait::async_trait;
use towpath_core::{deployment::Check, ids::ServiceName, units::Millis};

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckOutcome {
    /// Whether it passed.
    pub passed: bool,
    /// What was seen, in words: `GET /health answered 200`.
    pub message: String,
    /// How long it took, retries included.
    pub duration: Millis,
}

/// Runs checks.
#[async_trait]
pub trait Checks: Send + Sync {
    /// Runs one check, with its retries, within its timeouts. `urls` has a ready instance of each service.
    async fn run(&self, check: &Check, urls: &BTreeMap<ServiceName, SocketAddr>) -> CheckOutcome;
}
