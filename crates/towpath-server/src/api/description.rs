//! The description of the API as OpenAPI 3.1: what is the same for every operation is added here, not repeated at each.

use std::collections::BTreeMap;

use utoipa::{
    OpenApi,
    openapi::{
        Content, Ref, RefOr, Response, ResponseBuilder,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use super::types::{EventView, Problem};

const BEARER: &str = "bearer";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Towpath API",
        description = "Carries releases with their configuration from development to production.\n\n\
            Everything under `/api/v1` needs a token (`Authorization: Bearer`). Every failure is a problem (RFC 9457) with a \
            stable `code`. Lists are pages: give `next` as `after`. POST takes an `Idempotency-Key`; what has an `ETag` takes \
            `If-None-Match`, and `If-Match` where it is changed.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(Problem, EventView)),
    tags(
        (name = "environments", description = "What runs where, and how it is."),
        (name = "rollouts", description = "Watching rollouts, laying hands on them, going back."),
        (name = "configuration", description = "What holds where and why, and values laid over it while it runs."),
        (name = "secrets", description = "Secrets that the server keeps: never a value but to who asks for one."),
        (name = "flags", description = "Feature flags: changing them while they serve, what was changed, keys of applications, how often flags were evaluated."),
        (name = "experiments", description = "Experiments: what is compared, what applications report, what that says."),
        (name = "releases", description = "Releases and the blobs they are made of."),
        (name = "promotions", description = "Asking for a release to enter an environment."),
        (name = "events", description = "Everything that ever happened."),
        (name = "audit", description = "Proofs that the ledger was only added to."),
        (name = "metrics", description = "Figures."),
        (name = "health", description = "Whether the control plane is alive and ready."),
    ),
)]
pub(crate) struct Api;

/// Adds what is the same for every operation: problems, the token, the headers of POST.
pub(crate) fn complete(api: &mut utoipa::openapi::OpenApi) {
    let components = api.components.get_or_insert_default();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token that `towpath up` writes into the project's `.towpath/` folder."))
        .build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    let mut shared = BTreeMap::new();
    for (path, item) in &mut api.paths.paths {
        let guarded = path.starts_with("/api/v1");
        let operations =
            [(false, &mut item.get), (true, &mut item.post), (false, &mut item.put), (false, &mut item.delete)];
        for (post, operation) in operations {
            let Some(operation) = operation else { continue };
            let mut problems = BTreeMap::from([
                ("403", "The `Host` or `Origin` of the request is foreign, or the principal may not do this."),
                ("default", "Any other failure."),
            ]);
            if guarded {
                problems.insert("401", "The token is missing or unknown.");
                operation.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
            } else {
                operation.security = Some(vec![SecurityRequirement::default()]);
            }
            if path.contains('{') {
                problems.insert("404", "There is no such thing.");
            }
            if operation.parameters.is_some() || operation.request_body.is_some() {
                problems.insert("400", "The query or the body cannot be understood.");
                problems.insert("422", "The request does not make sense; `errors` says where.");
            }
            if operation.request_body.is_some() {
                problems.insert("413", "The body is too large.");
            }
            if post {
                problems.insert("409", "A gate is closed, or the state is not what it must be.");
                problems.insert("412", "`If-Match` does not fit: it has changed since it was read.");
                problems.insert("415", "The body is not `application/json`.");
                problems.insert("428", "This has to be confirmed by the name of the environment.");
                problems.insert("503", "It cannot be written now; `detail` says what was kept.");
                headers(operation);
            }
            add(operation, &mut shared, &problems);
        }
    }
    api.components.get_or_insert_default().responses.extend(shared);
}

/// Answers of this kind are described once, and referred to.
fn add(operation: &mut Operation, shared: &mut BTreeMap<String, RefOr<Response>>, problems: &BTreeMap<&str, &str>) {
    for (status, description) in problems {
        let name = format!("Problem-{status}");
        shared.entry(name.clone()).or_insert_with(|| {
            let content = Content::new(Some(RefOr::<utoipa::openapi::Schema>::Ref(Ref::from_schema_name("Problem"))));
            let response = ResponseBuilder::new().description(*description);
            RefOr::T(response.content("application/problem+json", content).build())
        });
        operation.responses.responses.entry((*status).to_owned()).or_insert(RefOr::Ref(Ref::from_response_name(name)));
    }
}

fn headers(operation: &mut Operation) {
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(RefOr::T(header(
        "Idempotency-Key",
        "Asking again with the same key and body is answered as before (kept for a day).",
    )));
    parameters
        .push(RefOr::T(header("If-Match", "The `ETag` that was read: refused with 412 when it has changed since.")));
}

fn header(name: &str, description: &str) -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(utoipa::openapi::Required::False)
        .description(Some(description))
        .schema(Some(text))
        .build()
}
