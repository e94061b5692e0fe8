//! What handlers are given: checked bodies, queries and path parts, and who asks.

use axum::extract::{FromRequest, FromRequestParts, Query, Request, rejection::BytesRejection};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header, request::Parts};
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use towpath_core::ids::{Digest, EnvironmentName, PrincipalName};

use crate::{
    api::types::{ProblemField, ProblemKind},
    problem::ApiError,
};

/// The longest reason or comment in bytes.
const MAX_TEXT: usize = 4096;

/// A JSON body. An empty one is read as an empty object, so that what has only optional members needs none.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let json = is_json(request.headers());
        let bytes = Bytes::from_request(request, state).await.map_err(|error| unread(&error))?;
        if bytes.is_empty() {
            return parse(b"{}").map(Self);
        }
        if !json {
            return Err(ApiError::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        parse(&bytes).map(Self)
    }
}

/// A JSON body with a secret in it: what is wrong with it is said without repeating anything of it.
pub(crate) struct SecretBody<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for SecretBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Body::from_request(request, state).await {
            Ok(Body(value)) => Ok(Self(value)),
            Err(error) if error.0.code == "body_invalid" => {
                let pointers = error.0.errors.iter().map(|it| it.pointer.as_str());
                // Names of members are what the description says, or somebody's mistake: a value may stand where a name should.
                let known = pointers.filter(|it| ["/value", "/reason", "/recordOnly"].contains(it)).collect::<Vec<_>>();
                let place = known.first().map(|it| format!(" at `{it}`")).unwrap_or_default();
                Err(ApiError::invalid("body_invalid", format!("the body is not as the description says{place}"))
                    .next("an object with the text `value` and, if wanted, `reason` and `recordOnly`"))
            }
            Err(error) if error.0.code == "json_invalid" => {
                Err(ApiError::new(StatusCode::BAD_REQUEST, ProblemKind::User, "json_invalid", "the body is not JSON"))
            }
            Err(error) => Err(error),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"))
}

fn unread(error: &BytesRejection) -> ApiError {
    ApiError::of_status(match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    })
}

pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // The reader gives up at 128 levels, so depth cannot exhaust the stack.
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        mistake(pointer, error.inner())
    })?;
    reader.end().map_err(|error| mistake(String::new(), &error))?;
    Ok(value)
}

fn mistake(pointer: String, error: &serde_json::Error) -> ApiError {
    let detail = shorten(&error.to_string());
    if error.is_data() {
        return ApiError::invalid("body_invalid", format!("the body is wrong: {detail}"))
            .errors(vec![ProblemField { pointer, detail }]);
    }
    ApiError::new(StatusCode::BAD_REQUEST, ProblemKind::User, "json_invalid", format!("the body is not JSON: {detail}"))
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&part);
    }
    pointer
}

/// What was sent is quoted, but not at any length.
fn shorten(text: &str) -> String {
    const MOST: usize = 300;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST).chain(['…']).collect() }
}

/// A checked query.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(value)) => Ok(Self(value)),
            Err(error) => {
                let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                Err(ApiError::new(
                    StatusCode::BAD_REQUEST,
                    ProblemKind::User,
                    "query_invalid",
                    format!("the query is wrong: {}", shorten(&cause)),
                ))
            }
        }
    }
}

/// Who asks, and the request's id as the cause of what it changes.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) principal: PrincipalName,
    pub(crate) request: String,
}

/// The id of a request.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let principal = parts.extensions.get::<PrincipalName>().cloned().ok_or_else(unauthorised)?;
        let request = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        Ok(Self { principal, request })
    }
}

pub(crate) fn unauthorised() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        ProblemKind::Refused,
        "unauthorised",
        "this needs a token that the server knows, as `Authorization: Bearer TOKEN`",
    )
    .next("`towpath up` writes a token into the project's `.towpath/` folder; the CLI finds it there")
}

/// Checks an environment's name from the path.
pub(crate) fn environment_name(text: &str) -> Result<EnvironmentName, ApiError> {
    EnvironmentName::new(text).map_err(|_| ApiError::not_found(format!("there is no environment `{}`", shorten(text))))
}

/// Reads the number of something from the path, with or without its letter.
pub(crate) fn number(what: &str, letter: char, text: &str) -> Result<u64, ApiError> {
    let digits = text.strip_prefix(letter).unwrap_or(text);
    digits.parse().map_err(|_| ApiError::not_found(format!("there is no {what} `{}`", shorten(text))))
}

/// Checks a digest.
pub(crate) fn digest(pointer: &str, text: &str) -> Result<Digest, ApiError> {
    text.parse().map_err(|_| {
        let text = shorten(text);
        ApiError::field(pointer, format!("`{text}` is not a digest: `sha256:` and 64 hexadecimal digits"))
    })
}

/// Checks a text for people: what is only white space is none.
pub(crate) fn words(pointer: &str, text: Option<String>) -> Result<Option<String>, ApiError> {
    limited(pointer, text, MAX_TEXT)
}

pub(crate) fn limited(pointer: &str, text: Option<String>, most: usize) -> Result<Option<String>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let trimmed = text.trim();
    if trimmed.len() > most {
        return Err(ApiError::field(pointer, format!("this may be {most} bytes long at most")));
    }
    if trimmed.contains('\0') {
        return Err(ApiError::field(pointer, "this may not contain a NUL character"));
    }
    // Such texts are shown on terminals, beside what the ledger says: none may colour, move or erase what stands there.
    if trimmed.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(ApiError::field(pointer, "this may not contain control characters"));
    }
    Ok((!trimmed.is_empty()).then(|| trimmed.to_owned()))
}

#[cfg(test)]
mod tests;
