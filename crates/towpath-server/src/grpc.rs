//! The gRPC services of flagd, for providers that evaluate in their own process and for those that ask for each value.
//!
//! The services are routed by hand: there are four, and tonic frames what goes in and out. Evaluation itself is in core.

mod access;
mod changes;
mod codec;
mod connect;
mod evaluation;
mod messages;
mod streams;
mod sync;
mod values;

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use http::{HeaderMap, Method, Request, Response, header};
use prost::Message;
use tonic::{Status, server::Grpc};
use towpath_engine::flags::Served;

use self::{
    access::Caller,
    codec::Messages,
    evaluation::Generation,
    messages::{
        BooleanResponse, Empty, FloatResponse, IntResponse, MetadataResponse, ObjectResponse, ResolveAllRequest,
        ResolveRequest, StringResponse, SyncRequest, SyncResponse,
    },
};
use crate::{
    app::{App, Shared},
    applications::Evaluator,
};

/// The largest message that is read, in bytes: a context of a megabyte, and what is around it.
const MAX_MESSAGE: usize = (1 << 20) + (64 << 10);
/// How long an answer may take where the caller names no deadline.
const PATIENCE: Duration = Duration::from_secs(30);

/// Says whether a request is gRPC, or the same services by the protocol of Connect, which pages use.
pub(crate) fn is_ours(path: &str, headers: &HeaderMap) -> bool {
    is_grpc(headers) || connect::is_ours(path)
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|media| media.as_bytes().starts_with(b"application/grpc"))
}

/// Answers.
pub(crate) async fn answer(app: Shared, request: Request<Body>) -> Response<Body> {
    if !is_grpc(request.headers()) {
        return connect::answer(app, request).await;
    }
    if request.method() != Method::POST {
        return Status::unimplemented("gRPC is sent by POST").into_http();
    }
    let caller = Caller::new(request.headers(), request.uri());
    let deadline = deadline(request.headers());
    let path = request.uri().path().to_owned();
    let (generation, method) = match path.strip_prefix("/flagd.").and_then(|path| path.split_once(".Service/")) {
        Some(("evaluation.v1", method)) => (Generation::V1, method),
        Some(("evaluation.v2", method)) if method != "ResolveAll" => (Generation::V2, method),
        _ => (Generation::V2, path.as_str()),
    };
    let call = Call { app, caller, deadline, generation };
    match method {
        "/flagd.sync.v1.FlagSyncService/SyncFlags" => streams::sync(call, request).await,
        "/flagd.sync.v1.FlagSyncService/FetchAllFlags" => call.unary(request, fetch).await,
        "/flagd.sync.v1.FlagSyncService/GetMetadata" => call.unary(request, metadata).await,
        "ResolveAll" => call.unary(request, resolve_all).await,
        "ResolveBoolean" => call.unary(request, resolve::<BooleanResponse>).await,
        "ResolveString" => call.unary(request, resolve::<StringResponse>).await,
        "ResolveFloat" => call.unary(request, resolve::<FloatResponse>).await,
        "ResolveInt" => call.unary(request, resolve::<IntResponse>).await,
        "ResolveObject" => call.unary(request, resolve::<ObjectResponse>).await,
        "EventStream" => streams::events(call, request).await,
        _ => Status::unimplemented(format!("there is no method `{}`", path.chars().take(200).collect::<String>()))
            .into_http(),
    }
}

/// A call, without its message.
struct Call {
    app: Shared,
    caller: Caller,
    deadline: Option<Duration>,
    generation: Generation,
}

impl Call {
    /// Answers one message with one.
    async fn unary<In, Out>(
        self,
        request: Request<Body>,
        answer: fn(&Self, In) -> Result<Out, Status>,
    ) -> Response<Body>
    where
        In: Message + Default + 'static,
        Out: Message + 'static,
    {
        let limit = self.deadline.unwrap_or(PATIENCE).min(PATIENCE);
        let call = Arc::new(self);
        let service = tower::service_fn(move |request: tonic::Request<In>| {
            let call = Arc::clone(&call);
            async move { answer(&call, request.into_inner()).map(tonic::Response::new) }
        });
        let mut grpc = Grpc::new(Messages::<In, Out>::default()).max_decoding_message_size(MAX_MESSAGE);
        match tokio::time::timeout(limit, grpc.unary(service, request)).await {
            Ok(response) => response.map(Body::new),
            Err(_) => Status::deadline_exceeded("the message did not arrive in time").into_http(),
        }
    }

    /// Lets the caller in and returns what there is for it.
    fn served(&self, request: Option<&SyncRequest>) -> Result<(Evaluator, Arc<Served>), Status> {
        let evaluator = self.caller.evaluator(&self.app, request)?;
        let served = served(&self.app, &evaluator)?;
        Ok((evaluator, served))
    }
}

fn served(app: &App, evaluator: &Evaluator) -> Result<Arc<Served>, Status> {
    let served = app.options.flags.served(&evaluator.environment);
    served.ok_or_else(|| Status::not_found(format!("no flags are served in `{}`", evaluator.environment)))
}

/// Refuses those to whom definitions are not shown.
fn may_sync(evaluator: &Evaluator) -> Result<(), Status> {
    if evaluator.client {
        return Err(Status::permission_denied("a client key evaluates flags; for their definitions use a server key"));
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "as every method")]
fn fetch(call: &Call, request: SyncRequest) -> Result<SyncResponse, Status> {
    let (evaluator, served) = call.served(Some(&request))?;
    may_sync(&evaluator)?;
    let revision = call.app.followers.line(&evaluator.environment).revision(&call.app, &served);
    Ok(SyncResponse { flag_configuration: revision.plain(|| sync::plain(&served)), sync_context: None })
}

fn metadata(call: &Call, _: Empty) -> Result<MetadataResponse, Status> {
    // Providers ask for this before anything else, some without the metadata that they send with all else. They take it for
    // something that a newer server no longer has, and get it with the flags.
    if call.caller.is_anonymous(&call.app) {
        return Err(Status::unimplemented("the context comes with SyncFlags"));
    }
    let (_, served) = call.served(None)?;
    Ok(MetadataResponse { metadata: Some(sync::context_message(&served)) })
}

fn resolve<R: evaluation::Response>(call: &Call, request: ResolveRequest) -> Result<R, Status> {
    let (evaluator, served) = call.served(None)?;
    let context = values::context_json(request.context);
    evaluation::resolve(&call.app, &evaluator, &served, call.generation, &request.flag_key, &context)
}

fn resolve_all(call: &Call, request: ResolveAllRequest) -> Result<messages::ResolveAllResponse, Status> {
    let (evaluator, served) = call.served(None)?;
    let context = values::context_json(request.context);
    let resolved = evaluation::resolve_all(&call.app, &evaluator, &served, &context)?;
    Ok(evaluation::all_response(resolved, &served))
}

/// Reads `grpc-timeout`: at most eight digits and a unit (gRPC over HTTP/2, "Requests").
fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
