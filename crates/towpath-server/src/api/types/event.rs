//! Events as the ledger has them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something that happened, as it is stored for ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    /// Its place in the ledger, from 0.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub principal: String,
    /// The request or the work of the control plane that led to it.
    pub cause: String,
    /// Where, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// What happened, such as `release_created`.
    #[schema(example = "rollout_completed")]
    pub kind: String,
    /// The version of the shape of `body` for this kind.
    pub version: u16,
    /// The rest, by kind.
    #[schema(value_type = Object)]
    pub body: serde_json::Value,
}
