//! JSON Schemas of the configuration's files, as they fit every project.

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use http::header;
use towpath_core::config::{SchemaKind, json_schema};

use crate::problem::ApiError;

/// Describes the files a project is configured by, as JSON Schema (draft 2020-12).
///
/// `project` is `towpath.yaml`, `environment` each file in `environments`, `flags` each file in `flags`, `flag-environment` each
/// file in `flags/environments`. A schema that knows the names of one project
/// is written by `towpath schema --write`.
#[utoipa::path(get, path = "/api/v1/schema/{kind}", operation_id = "schema", tag = "environments",
    params(("kind" = String, Path, description = "`project`, `environment`, `flags` or `flag-environment`.")),
    responses((status = 200, description = "The schema.", body = serde_json::Value, content_type = "application/schema+json"))
)]
pub(crate) async fn schema(Path(kind): Path<String>) -> Result<Response, ApiError> {
    let kind = SchemaKind::named(&kind).ok_or_else(|| {
        ApiError::not_found("there is no such schema")
            .next("ask for `project`, `environment`, `flags` or `flag-environment`")
    })?;
    let body = json_schema(kind, None).to_string();
    Ok(([(header::CONTENT_TYPE, "application/schema+json")], body).into_response())
}
