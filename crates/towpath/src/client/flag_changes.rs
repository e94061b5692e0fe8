//! Calls of the API about live changes of flags.

use serde::Serialize;
use towpath_server::api::types::{
    ApproveFlags, FlagLog, FlagRequestAnswered, FlagRequests, FlagsChanged, FlagsDiff, RejectFlags,
};

use super::{Client, escape};
use crate::failure::Failure;

impl Client {
    /// Asks for a change: `changes`, `undo` or `promote`.
    pub(crate) async fn change_flags(
        &self,
        environment: &str,
        how: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<FlagsChanged, Failure> {
        Ok(self.post(&path(environment, how), body).await?.1)
    }

    pub(crate) async fn flag_log(&self, environment: &str) -> Result<FlagLog, Failure> {
        self.get(&path(environment, "changes"), &[]).await
    }

    pub(crate) async fn flag_requests(&self, environment: &str) -> Result<FlagRequests, Failure> {
        self.get(&path(environment, "requests"), &[]).await
    }

    pub(crate) async fn approve_flags(
        &self,
        environment: &str,
        number: u64,
        body: &ApproveFlags,
    ) -> Result<FlagRequestAnswered, Failure> {
        Ok(self.post(&path(environment, &format!("requests/{number}/approve")), body).await?.1)
    }

    pub(crate) async fn reject_flags(
        &self,
        environment: &str,
        number: u64,
        body: &RejectFlags,
    ) -> Result<FlagRequestAnswered, Failure> {
        Ok(self.post(&path(environment, &format!("requests/{number}/reject")), body).await?.1)
    }

    pub(crate) async fn diff_flags(&self, from: &str, to: &str) -> Result<FlagsDiff, Failure> {
        self.get("/api/v1/flags/diff", &[("from", from.to_owned()), ("to", to.to_owned())]).await
    }
}

fn path(environment: &str, what: &str) -> String {
    format!("/api/v1/environments/{}/flags/{what}", escape(environment))
}
