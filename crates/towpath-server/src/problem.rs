//! Errors at the edge: every failure becomes one problem (RFC 9457). Causes go to the log, never to the client.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use towpath_core::refusal::{Refusal, RefusalCode, RefusalKind};
use towpath_engine::{
    SubmitError,
    ports::{BlobError, LedgerError, ResolveError, TargetError},
};

use crate::api::types::{Problem, ProblemField, ProblemKind, RefusalView};

/// A problem on its way out; the guard gives it its request id and writes it.
#[derive(Debug)]
pub(crate) struct ApiError(pub(crate) Box<Problem>);

impl ApiError {
    pub(crate) fn new(status: StatusCode, kind: ProblemKind, code: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem {
            type_: format!("urn:towpath:problem:{code}"),
            title: title(code),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.to_owned(),
            kind,
            details: Vec::new(),
            next: None,
            request_id: String::new(),
            errors: Vec::new(),
        }))
    }

    /// The request is wrong at these places.
    pub(crate) fn invalid(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, ProblemKind::User, code, detail)
    }

    /// A value of the body is wrong.
    pub(crate) fn field(pointer: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let mut error = Self::invalid("body_invalid", detail.clone());
        error.0.errors.push(ProblemField { pointer: pointer.to_owned(), detail });
        error
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, ProblemKind::User, "not_found", detail)
    }

    pub(crate) fn unavailable(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ProblemKind::Unavailable, code, detail)
    }

    /// A fault of the server; its cause is logged.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ProblemKind::Internal,
            "internal",
            "the server has a fault; its log says more",
        )
    }

    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.0.next = Some(next.into());
        self
    }

    pub(crate) fn details(mut self, details: Vec<String>) -> Self {
        self.0.details = details;
        self
    }

    pub(crate) fn errors(mut self, errors: Vec<ProblemField>) -> Self {
        self.0.errors = errors;
        self
    }

    /// A problem that is known by its status only.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let (kind, code, detail) = match status {
            StatusCode::BAD_REQUEST => (ProblemKind::User, "bad_request", "the request cannot be understood"),
            StatusCode::NOT_FOUND => (ProblemKind::User, "not_found", "there is nothing at this path"),
            StatusCode::METHOD_NOT_ALLOWED => {
                (ProblemKind::User, "method_not_allowed", "this path does not know the method; see `allow`")
            }
            StatusCode::PAYLOAD_TOO_LARGE => (ProblemKind::User, "too_large", "the body is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                (ProblemKind::User, "unsupported_media_type", "the body must be `application/json`")
            }
            other if other.is_client_error() => (ProblemKind::User, "bad_request", "the request cannot be answered"),
            _ => (ProblemKind::Internal, "internal", "the server has a fault; its log says more"),
        };
        Self::new(status, kind, code, detail)
    }
}

/// Makes a title of a code: it is the same for every problem of the type.
fn title(code: &str) -> String {
    let words = code.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(Found(self.0));
        response
    }
}

/// The problem of a response, until the guard writes it.
#[derive(Debug, Clone)]
pub(crate) struct Found(pub(crate) Box<Problem>);

fn status_of(code: RefusalCode) -> StatusCode {
    match (code, code.kind()) {
        (RefusalCode::NotFound, _) => StatusCode::NOT_FOUND,
        (RefusalCode::SelfApproval | RefusalCode::MissingRole, _) => StatusCode::FORBIDDEN,
        (_, RefusalKind::User) => StatusCode::UNPROCESSABLE_ENTITY,
        (_, RefusalKind::Refused | RefusalKind::Conflict) => StatusCode::CONFLICT,
    }
}

pub(crate) fn kind_of(kind: RefusalKind) -> ProblemKind {
    match kind {
        RefusalKind::User => ProblemKind::User,
        RefusalKind::Refused => ProblemKind::Refused,
        RefusalKind::Conflict => ProblemKind::Conflict,
    }
}

pub(crate) fn refusal_view(refusal: Refusal) -> RefusalView {
    RefusalView {
        code: refusal.code.name(),
        kind: kind_of(refusal.code.kind()),
        message: refusal.message,
        details: refusal.details,
        next: refusal.next,
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let code = refusal.code;
        let mut error = Self::new(status_of(code), kind_of(code.kind()), &code.name(), refusal.message);
        error.0.details = refusal.details;
        error.0.next = refusal.next;
        error
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Refused(refusal) => refusal.into(),
            SubmitError::Ledger(error) => unwritten(&error),
            SubmitError::Stopping => {
                Self::unavailable("stopping", "the control plane is stopping; nothing was changed")
                    .next("ask again once it runs")
            }
        }
    }
}

fn unwritten(error: &LedgerError) -> ApiError {
    tracing::error!(error = error as &dyn std::error::Error, "a change could not be written");
    let kept = "everything that was acknowledged before is kept";
    match error {
        LedgerError::Full(_) => ApiError::unavailable(
            "storage_full",
            format!("no space is left for the ledger; nothing was changed, and {kept}"),
        )
        .next("free space on the disk of the data folder, then ask again"),
        LedgerError::Storage(_) => ApiError::unavailable(
            "storage_failed",
            format!("the ledger's storage failed; it is not known whether the change was written, but {kept}"),
        )
        .next("look at `towpath status` before asking again"),
        LedgerError::Conflict { .. } | LedgerError::Unfit { .. } | LedgerError::Damaged { .. } => {
            ApiError::unavailable(
                "ledger_unwritable",
                format!("the ledger cannot be written; nothing was changed, and {kept}"),
            )
            .next("towpath audit verify")
        }
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "the ledger cannot be read");
        Self::unavailable("ledger_unreadable", "the ledger cannot be read; nothing was changed")
            .next("towpath audit verify")
    }
}

impl From<BlobError> for ApiError {
    fn from(error: BlobError) -> Self {
        match &error {
            BlobError::Missing(digest) => Self::invalid("blobs_missing", format!("there is no blob {digest}"))
                .details(vec![digest.to_string()])
                .next("send it with PUT /api/v1/blobs/DIGEST"),
            BlobError::Damaged(digest) => {
                tracing::error!(%digest, "a blob is damaged");
                Self::unavailable("blob_damaged", format!("blob {digest} is damaged; nothing was changed"))
                    .next("send it again with PUT /api/v1/blobs/DIGEST")
            }
            BlobError::Storage(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the blob storage failed");
                Self::unavailable("storage_failed", "the blob storage failed; nothing was changed")
                    .next("look for a full or read-only disk, then ask again")
            }
        }
    }
}

impl From<ResolveError> for ApiError {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Blob(error) => error.into(),
            ResolveError::Secrets(ref cause) if error.is_passing() => {
                tracing::warn!(error = cause as &dyn std::error::Error, "a source of secrets is away");
                Self::unavailable("secrets_away", format!("{cause}; nothing was changed"))
                    .next("ask again when the source is there")
            }
            ResolveError::Secrets(cause) => {
                Self::invalid("secrets_refused", format!("its secrets cannot be had: {cause}; nothing was changed"))
            }
            ResolveError::Invalid { ref environment, .. } => {
                let detail = format!("the configuration of {environment} has mistakes; nothing was changed");
                let ResolveError::Invalid { mistakes, .. } = error else { return Self::invalid("invalid", detail) };
                Self::invalid("configuration_invalid", detail)
                    .details(mistakes)
                    .next("correct the files and make a new release")
            }
        }
    }
}

impl From<TargetError> for ApiError {
    fn from(error: TargetError) -> Self {
        match &error {
            TargetError::Unknown(instance) => Self::not_found(format!("there is no instance `{instance}`")),
            TargetError::CannotStart { .. } | TargetError::Failed(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the target failed");
                Self::unavailable("target_failed", "what runs cannot be seen now; nothing was changed")
            }
        }
    }
}
