//! Problem details for HTTP APIs (RFC 9457) with what Towpath adds to them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a request was not answered as asked (RFC 9457). Unless it says otherwise, nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Names the kind of problem for ever: `urn:towpath:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:towpath:problem:gate_closed")]
    pub type_: String,
    /// The kind of problem in a few words; the same for every problem of the type.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was asked and why it is not done, in one sentence.
    pub detail: String,
    /// The stable name that programs compare.
    #[schema(example = "gate_closed")]
    pub code: String,
    /// What sort of failure it is; decides the exit status of the CLI.
    pub kind: ProblemKind,
    /// Further lines for people, such as the gates that are closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// What would make it possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The number of the request, also in the server's log and as the cause of events.
    pub request_id: String,
    /// What is wrong in the body, place by place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemField>,
}

/// A mistake at a place of the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemField {
    /// The place as a JSON pointer (RFC 6901); for a query parameter `?name`.
    #[schema(example = "/content/bundle")]
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

/// What sort of failure a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The request is wrong: exit status 2.
    User,
    /// A gate or a rule says no: exit status 3.
    Refused,
    /// The state is not what it must be: exit status 3.
    Conflict,
    /// The server cannot do it now: exit status 5.
    Unavailable,
    /// The server has a fault: exit status 1.
    Internal,
}
