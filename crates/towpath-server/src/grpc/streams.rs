//! What stays open: the flags as they change, and word of each change.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use http::{Request, Response};
use prost::Message;
use tokio::time::Instant;
use tonic::{Status, server::Grpc};

use super::{
    Call, MAX_MESSAGE, PATIENCE,
    changes::changes,
    codec::Messages,
    may_sync,
    messages::{Empty, EventResponse, SyncRequest, SyncResponse},
    sync::{context_message, plain},
    values::structure,
};
use crate::{
    app::Shared,
    applications::Evaluator,
    follow::{CannotFollow, End, Follower, Next},
};

/// What is sent, one after the other.
pub(super) type Sent<T> = BoxStream<'static, Result<T, Status>>;

/// `SyncFlags`: the flags, and again whenever they are others.
pub(super) async fn sync(call: Call, request: Request<Body>) -> Response<Body> {
    streaming(call, request, |call, request: SyncRequest| {
        let evaluator = call.caller.evaluator(&call.app, Some(&request))?;
        may_sync(&evaluator)?;
        let app = Arc::clone(&call.app);
        let mut follower = follow(&app, evaluator)?;
        let first = follower.now();
        let deadline = call.deadline;
        let rest = stream::unfold((follower, Some(first)), move |(mut follower, first)| {
            let app = Arc::clone(&app);
            async move {
                let served = match first {
                    Some(first) => first,
                    None => loop {
                        match follower.next().await {
                            Next::Changed(served) => break served,
                            // The connection itself says that it is alive.
                            Next::Beat => {}
                            Next::Ended(end) => return Some((Err(ended(end)), (follower, None))),
                        }
                    },
                };
                let revision = follower.line.revision(&app, &served);
                let flag_configuration = revision.plain(|| plain(&served));
                let response = SyncResponse { flag_configuration, sync_context: Some(context_message(&served)) };
                Some((Ok(response), (follower, None)))
            }
        });
        Ok(until(rest.boxed(), deadline))
    })
    .await
}

/// `EventStream`: that the stream is there, then which flags changed, and now and then that the line is alive.
pub(super) async fn events(call: Call, request: Request<Body>) -> Response<Body> {
    streaming(call, request, |call, _: Empty| {
        let evaluator = call.caller.evaluator(&call.app, None)?;
        Ok(until(event_stream(&call.app, evaluator)?, call.deadline))
    })
    .await
}

/// The events for somebody.
pub(super) fn event_stream(app: &Shared, evaluator: Evaluator) -> Result<Sent<EventResponse>, Status> {
    let mut follower = follow(app, evaluator)?;
    let before = follower.now();
    let ready = stream::once(async { Ok(event("provider_ready", None)) });
    let rest = stream::unfold((follower, before), |(mut follower, before)| async move {
        loop {
            match follower.next().await {
                Next::Changed(served) => {
                    if let Some(changed) = changes(&before.document, &served.document) {
                        let event = event("configuration_change", Some(structure(changed)));
                        return Some((Ok(event), (follower, served)));
                    }
                }
                Next::Beat => return Some((Ok(event("keep_alive", None)), (follower, before))),
                Next::Ended(end) => return Some((Err(ended(end)), (follower, before))),
            }
        }
    });
    Ok(ready.chain(rest).boxed())
}

fn event(kind: &str, data: Option<super::messages::Struct>) -> EventResponse {
    EventResponse { r#type: kind.to_owned(), data }
}

fn follow(app: &Shared, evaluator: Evaluator) -> Result<Follower, Status> {
    let environment = evaluator.environment.clone();
    Follower::new(app, evaluator).map_err(|why| match why {
        CannotFollow::Full => Status::unavailable("too many streams are open; try again in half a minute"),
        CannotFollow::Nothing => Status::not_found(format!("no flags are served in `{environment}`")),
    })
}

fn ended(end: End) -> Status {
    match end {
        End::Stopping => Status::unavailable("the server stops; connect again"),
        End::Gone => Status::not_found("the environment is gone"),
        End::Revoked => Status::unauthenticated("the key was revoked"),
    }
}

/// Ends a stream with its first mistake, and in time.
fn until<T: Send + 'static>(sent: Sent<T>, deadline: Option<Duration>) -> Sent<T> {
    let deadline = deadline.and_then(|limit| Instant::now().checked_add(limit));
    stream::unfold(Some(sent), move |sent| async move {
        let mut sent = sent?;
        let next = match deadline {
            Some(deadline) => match tokio::time::timeout_at(deadline, sent.next()).await {
                Ok(next) => next,
                Err(_) => Some(Err(Status::deadline_exceeded("the stream has lasted as long as it was to"))),
            },
            None => sent.next().await,
        };
        match next? {
            Ok(message) => Some((Ok(message), Some(sent))),
            Err(status) => Some((Err(status), None)),
        }
    })
    .boxed()
}

async fn streaming<In, Out>(
    call: Call,
    request: Request<Body>,
    answer: fn(&Call, In) -> Result<Sent<Out>, Status>,
) -> Response<Body>
where
    In: Message + Default + 'static,
    Out: Message + 'static,
{
    let call = Arc::new(call);
    let service = tower::service_fn(move |request: tonic::Request<In>| {
        let call = Arc::clone(&call);
        async move { answer(&call, request.into_inner()).map(tonic::Response::new) }
    });
    let mut grpc = Grpc::new(Messages::<In, Out>::default()).max_decoding_message_size(MAX_MESSAGE);
    match tokio::time::timeout(PATIENCE, grpc.server_streaming(service, request)).await {
        Ok(response) => response.map(Body::new),
        Err(_) => Status::deadline_exceeded("the message did not arrive in time").into_http(),
    }
}
