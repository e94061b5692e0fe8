//! The event stream: server-sent events (WHATWG HTML section 9.2) without loss or repetition.
//!
//! What a client missed is read from the ledger, what happens now comes by broadcast. Every event has its place in the
//! ledger, so a gap between the two (a slow client, a lost broadcast) is seen and read from the ledger again.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{IntoResponse, Response, Sse, sse::Event as Frame},
};
use futures_util::{Stream, stream};
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use tokio::{
    sync::{OwnedSemaphorePermit, broadcast},
    time::Interval,
};
use towpath_core::event::Event;
use utoipa::IntoParams;

use super::events::{Wanted, event};
use crate::{
    app::Shared,
    extract::{Caller, Params},
    problem::ApiError,
};

/// How long a client waits before it connects again.
const RETRY: Duration = Duration::from_secs(1);
/// Entries read at once.
const AT_ONCE: usize = 256;

/// Which events.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamQuery {
    /// Begins behind the event with this sequence; without it, and without `Last-Event-ID`, with what happens next.
    after: Option<u64>,
    /// Only those of an environment.
    environment: Option<String>,
    /// Only those of a kind, such as `rollout_completed`.
    kind: Option<String>,
}

/// Follows events as server-sent events.
///
/// `id` is the sequence, `event` the kind, `data` an `EventView`. A client that connects again with `Last-Event-ID` misses
/// nothing and gets nothing twice. Comments are sent while nothing happens; the stream ends when the server stops.
#[utoipa::path(get, path = "/api/v1/events/stream", operation_id = "followEvents", tag = "events",
    params(StreamQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The last sequence that was received; weighs more than `after`.")),
    responses((status = 200, description = "The events, for as long as the client listens.",
        body = String, content_type = "text/event-stream")),
)]
pub(crate) async fn stream(
    State(app): State<Shared>,
    _: Caller,
    Params(query): Params<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let place = Arc::clone(&app.streams).try_acquire_owned().map_err(|_| {
        ApiError::unavailable("too_many_streams", "too many event streams are open")
            .next("close one, or read /api/v1/events")
    })?;
    let wanted = Wanted::new(query.environment.as_deref(), query.kind, None)?;
    let last = match headers.get("last-event-id") {
        None => query.after,
        Some(value) => Some(last_event_id(value)?),
    };
    let follower = Follower::new(app, wanted, last, place);
    let mut response = Sse::new(follower.frames()).into_response();
    // Proxies must not hold events back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn last_event_id(value: &HeaderValue) -> Result<u64, ApiError> {
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| ApiError::invalid("query_invalid", "`Last-Event-ID` is not the sequence of an event"))
}

struct Follower {
    app: Shared,
    wanted: Wanted,
    events: broadcast::Receiver<Arc<Event>>,
    /// The sequence of the next event to look at.
    next: u64,
    ready: VecDeque<Frame>,
    heartbeat: Interval,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    fn new(app: Shared, wanted: Wanted, last: Option<u64>, place: OwnedSemaphorePermit) -> Self {
        // Listening begins before the size is read, so that nothing falls between.
        let events = app.engine.subscribe();
        let size = app.engine.world().size;
        // A sequence from before the data was put back to an earlier state is as good as none.
        let next = last.map_or(size, |last| last.saturating_add(1)).min(size);
        let mut heartbeat = tokio::time::interval(app.options.heartbeat);
        heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        heartbeat.reset();
        let ready = VecDeque::from([Frame::default().retry(RETRY).comment("listening")]);
        Self { app, wanted, events, next, ready, heartbeat, _place: place }
    }

    fn frames(self) -> impl Stream<Item = Result<Frame, Infallible>> {
        stream::unfold(self, |mut follower| async move {
            let frame = follower.frame().await?;
            Some((Ok(frame), follower))
        })
    }

    /// Returns the next frame; nothing when the stream ends.
    async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            if self.app.stopping.is_cancelled() {
                return None;
            }
            if self.next < self.app.engine.world().size {
                self.read().await?;
                continue;
            }
            tokio::select! {
                () = self.app.stopping.cancelled() => return None,
                received = self.events.recv() => match received {
                    Ok(event) if event.sequence == self.next => self.take(event.to_entry()),
                    // Seen already, or there is a gap, which the ledger fills: the event is in it before it is sent.
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                _ = self.heartbeat.tick() => self.ready.push_back(Frame::default().comment("waiting")),
            }
        }
    }

    /// Reads what is missing from the ledger. A ledger that cannot be read ends the stream; the client comes again.
    async fn read(&mut self) -> Option<()> {
        let leaves = match self.app.engine.ports().ledger.read(self.next, AT_ONCE).await {
            Ok(leaves) => leaves,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "an event stream cannot go on");
                return None;
            }
        };
        if leaves.is_empty() {
            return None;
        }
        for leaf in leaves {
            self.take(leaf.entry);
        }
        Some(())
    }

    fn take(&mut self, entry: towpath_core::ledger::Entry) {
        self.next = entry.sequence.saturating_add(1);
        if !self.wanted.matches(&entry) {
            return;
        }
        let frame = Frame::default().id(entry.sequence.to_string()).event(&entry.kind);
        let event = event(entry);
        self.ready.push_back(match frame.json_data(&event) {
            Ok(frame) => frame,
            // Only a body that is no JSON could do this, and it came from JSON.
            Err(_) => Frame::default().comment(format!("event {} cannot be shown", event.sequence)),
        });
    }
}
