//! Promotion: a release asking to enter an environment, and what stands in between.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    deployment::DeploymentSpec,
    ids::{Digest, EnvironmentName, PrincipalName, PromotionNumber, ReleaseNumber, Revision},
};

mod gates;
mod windows;

pub use gates::{Gate, GateStatus, gates};
pub(crate) use gates::{NoApproval, may_approve};
pub use windows::{WindowError, check_window, closing, next_opening};

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// Its number in the project.
    pub number: PromotionNumber,
    /// Where to.
    pub environment: EnvironmentName,
    /// What.
    pub release: ReleaseNumber,
    /// What would run.
    pub spec: std::sync::Arc<DeploymentSpec>,
    /// The checksum over everything that would be done.
    pub plan: Digest,
    /// Who asked.
    pub requested_by: PrincipalName,
    /// When.
    pub requested_at: Timestamp,
    /// Why.
    pub reason: Option<String>,
    /// Who agreed, in order.
    pub approvals: Vec<Approval>,
    /// Which items of the checklist were confirmed, by whom.
    pub confirmed: Vec<Confirmation>,
    /// Whether it is still waiting.
    pub state: PromotionState,
}

/// One person's yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: PrincipalName,
    /// When.
    pub at: Timestamp,
    /// What they said.
    pub comment: Option<String>,
}

/// One item ticked off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The item as the project words it.
    pub item: String,
    /// Who.
    pub by: PrincipalName,
    /// When.
    pub at: Timestamp,
}

/// How a request stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PromotionState {
    /// It waits for its gates.
    Waiting,
    /// It became a deployment.
    Deployed {
        /// Which.
        revision: Revision,
    },
    /// Somebody said no.
    Rejected {
        /// Who.
        by: PrincipalName,
        /// What they said.
        comment: Option<String>,
    },
    /// A newer request took its place.
    Superseded {
        /// Which.
        by: PromotionNumber,
    },
    /// It could not be carried out as approved.
    Failed {
        /// Why.
        reason: String,
    },
}

impl Promotion {
    /// Says whether it still waits.
    pub fn is_waiting(&self) -> bool {
        self.state == PromotionState::Waiting
    }
}

#[cfg(test)]
mod tests;
