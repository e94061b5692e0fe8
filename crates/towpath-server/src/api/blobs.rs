//! Blobs: bytes named by their digest, of which releases are made.

use std::{collections::BTreeSet, io};

use axum::{
    Json,
    body::Body as RawBody,
    extract::{Path, State},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, StatusCode, header};
use tokio_util::io::StreamReader;
use towpath_core::ids::Digest;
use towpath_engine::ports::BlobError;

use super::types::{BlobStored, BlobsMissing, BlobsWanted, ProblemField, ProblemKind};
use crate::{
    app::Shared,
    extract::{Body, Caller, digest},
    problem::ApiError,
};

const MOST_DIGESTS: usize = 10_000;

/// Says which blobs the server does not have.
#[utoipa::path(post, path = "/api/v1/blobs/missing", operation_id = "findMissingBlobs", tag = "releases", request_body = BlobsWanted, responses(
    (status = 200, description = "Those that have to be sent.", body = BlobsMissing),
))]
pub(crate) async fn missing(
    State(app): State<Shared>,
    Body(request): Body<BlobsWanted>,
) -> Result<Json<BlobsMissing>, ApiError> {
    if request.digests.len() > MOST_DIGESTS {
        return Err(ApiError::field("/digests", format!("this may have {MOST_DIGESTS} items at most")));
    }
    let mut wrong = Vec::new();
    let mut wanted = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, text) in request.digests.iter().enumerate() {
        match digest(&format!("/digests/{index}"), text) {
            Ok(digest) if seen.insert(digest) => wanted.push(digest),
            Ok(_) => {}
            Err(error) => wrong.extend(error.0.errors),
        }
    }
    if !wrong.is_empty() {
        wrong.truncate(100);
        return Err(ApiError::invalid("body_invalid", "not all of this are digests").errors(wrong));
    }
    let mut missing = Vec::new();
    for digest in wanted {
        // What is there is about to be named: it must not be collected before.
        if !app.engine.ports().blobs.keep(&digest).await? {
            missing.push(digest.to_string());
        }
    }
    Ok(Json(BlobsMissing { missing }))
}

/// Stores a blob. Its bytes must have the digest in the path; storing them twice is the same as once.
#[utoipa::path(put, path = "/api/v1/blobs/{digest}", operation_id = "putBlob", tag = "releases",
    params(("digest" = String, Path, description = "`sha256:` and 64 hexadecimal digits.")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The bytes."),
    responses((status = 200, description = "It is stored.", body = BlobStored)),
)]
pub(crate) async fn put(
    State(app): State<Shared>,
    _: Caller,
    Path(text): Path<String>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Json<BlobStored>, ApiError> {
    let expected: Digest = text.parse().map_err(|error: towpath_core::ids::ParseDigestError| {
        ApiError::invalid("digest_invalid", error.to_string())
            .errors(vec![ProblemField { pointer: "{digest}".to_owned(), detail: error.to_string() }])
    })?;
    let most = app.options.max_blob;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > most) {
        return Err(too_large(most));
    }
    let chunks = std::pin::pin!(limited(body, most));
    let mut reader = StreamReader::new(chunks);
    let blobs = &app.engine.ports().blobs;
    let (digest, size) = match blobs.write(&mut reader).await {
        Ok(stored) => stored,
        Err(BlobError::Storage(error)) => return Err(unstored(error, most)),
        Err(error) => return Err(error.into()),
    };
    if digest != expected {
        // Nobody asked for these bytes. They may also be a blob that somebody else sent rightly, so they are left where
        // they are: without a release that names them they do no harm.
        return Err(ApiError::invalid(
            "digest_mismatch",
            format!("the bytes have the digest {digest}, not {expected}; they were cut short or changed on the way"),
        )
        .next("send them again"));
    }
    Ok(Json(BlobStored { digest: digest.to_string(), size }))
}

/// Ends a body with an error where it becomes longer than it may.
fn limited(body: RawBody, most: u64) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    let chunks = body.into_data_stream();
    stream::unfold((chunks, 0_u64, false), move |(mut chunks, seen, done)| async move {
        if done {
            return None;
        }
        match chunks.next().await? {
            Err(error) => Some((Err(io::Error::new(io::ErrorKind::ConnectionAborted, error)), (chunks, seen, true))),
            Ok(chunk) => {
                let seen = seen.saturating_add(chunk.len() as u64);
                if seen > most {
                    Some((Err(io::Error::from(io::ErrorKind::FileTooLarge)), (chunks, seen, true)))
                } else {
                    Some((Ok(chunk), (chunks, seen, false)))
                }
            }
        }
    })
}

fn unstored(error: io::Error, most: u64) -> ApiError {
    let kind = error.kind();
    if kind == io::ErrorKind::FileTooLarge {
        return too_large(most);
    }
    if kind == io::ErrorKind::ConnectionAborted {
        let detail = "the body ended early; nothing was stored";
        return ApiError::new(StatusCode::BAD_REQUEST, ProblemKind::User, "body_cut", detail);
    }
    if matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return ApiError::unavailable("storage_full", "no space is left for blobs; nothing was stored")
            .next("free space on the disk of the data folder, then send it again");
    }
    BlobError::Storage(error).into()
}

fn too_large(most: u64) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        ProblemKind::User,
        "too_large",
        format!("a blob may be {most} bytes long at most; nothing was stored"),
    )
}
