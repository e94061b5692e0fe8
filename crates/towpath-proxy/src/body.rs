//! Bodies on their way through: they tell who broke them, and give connections back when they end.
//!
//! An answer that breaks off must break off for the client too: an end is passed on only if it was one.

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::{
    client::Busy,
    metrics::Series,
    pool::{Conn, Cut, Flight, Sender},
    worker::Worker,
};

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the client broke off its request")]
    Client(#[source] hyper::Error),
    #[error("the instance broke off its answer")]
    Instance(#[source] hyper::Error),
    #[error("the instance was given up before its answer ended")]
    Cut,
}

/// What is known of a request's body while hyper has it.
#[derive(Debug)]
pub(crate) struct Upload {
    worker: Rc<Worker>,
    conn: RefCell<Option<Rc<Conn>>>,
    failed: Cell<bool>,
    ended: Cell<bool>,
}

impl Upload {
    pub(crate) fn new(worker: Rc<Worker>) -> Self {
        Self { worker, conn: RefCell::new(None), failed: Cell::new(false), ended: Cell::new(false) }
    }

    /// Names the connection whose deadline each part puts off.
    pub(crate) fn goes_over(&self, conn: &Rc<Conn>) {
        *self.conn.borrow_mut() = Some(Rc::clone(conn));
    }

    /// Says whether the client broke it off.
    pub(crate) fn failed(&self) -> bool {
        self.failed.get()
    }

    /// Says whether it was read to its end.
    pub(crate) fn ended(&self) -> bool {
        self.ended.get()
    }

    /// Says that the answer has begun: it may take its time.
    pub(crate) fn answered(&self) {
        self.conn.borrow_mut().take();
    }

    fn progressed(&self) {
        if let Some(conn) = self.conn.borrow().as_ref() {
            conn.set_deadline(Some(self.worker.now() + self.timeout()));
        }
    }

    fn timeout(&self) -> Duration {
        self.worker.options.response_timeout
    }
}

/// The body of a request on its way to an instance.
#[derive(Debug)]
pub(crate) enum ReqBody {
    Full(Option<Bytes>),
    Stream { incoming: Incoming, upload: Rc<Upload> },
}

impl Body for ReqBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream { incoming, upload } => match ready!(Pin::new(&mut *incoming).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    upload.progressed();
                    upload.ended.set(incoming.is_end_stream());
                    Poll::Ready(Some(Ok(frame)))
                }
                Some(Err(error)) => {
                    upload.failed.set(true);
                    Poll::Ready(Some(Err(BodyError::Client(error))))
                }
                None => {
                    upload.ended.set(true);
                    Poll::Ready(None)
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(bytes) => bytes.is_none(),
            Self::Stream { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Stream { incoming, .. } => incoming.size_hint(),
        }
    }
}

/// The body of an answer on its way to the client.
#[derive(Debug)]
pub(crate) enum RespBody {
    Own(Option<Bytes>),
    Relay(Relay),
}

/// An instance's answer with all that must be told or given back when it ends.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) incoming: Incoming,
    pub(crate) conn: Rc<Conn>,
    /// Given back at the end; `None` if the connection must not be used again.
    pub(crate) sender: Option<Sender>,
    pub(crate) flight: Option<Flight>,
    pub(crate) busy: Option<Busy>,
    /// Where a broken answer is counted, and by which worker.
    pub(crate) series: Option<(Arc<Series>, usize)>,
    pub(crate) broken: bool,
}

impl RespBody {
    pub(crate) fn own(bytes: Bytes) -> Self {
        Self::Own((!bytes.is_empty()).then_some(bytes))
    }

    pub(crate) fn relay(mut relay: Relay) -> Self {
        if relay.incoming.is_end_stream() {
            relay.end();
        }
        Self::Relay(relay)
    }
}

impl Relay {
    fn end(&mut self) {
        if let Some(sender) = self.sender.take() {
            self.conn.release(sender);
        }
        self.flight = None;
        self.busy = None;
    }

    fn broke(&mut self, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if !self.broken {
            self.broken = true;
            if let Some((series, worker)) = &self.series {
                series.truncated(*worker);
            }
        }
        self.sender = None;
        self.flight = None;
        Poll::Ready(Some(Err(error)))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match ready!(Pin::new(&mut self.incoming).poll_frame(cx)) {
            Some(Ok(frame)) => {
                // Whoever reads us may stop here.
                if self.incoming.is_end_stream() {
                    self.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => self.broke(BodyError::Instance(error)),
            None if self.conn.cut() != Cut::No && self.flight.is_some() => self.broke(BodyError::Cut),
            None if self.broken => self.broke(BodyError::Cut),
            None => {
                self.end();
                Poll::Ready(None)
            }
        }
    }
}

impl Body for RespBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Relay(relay) => relay.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(bytes) => bytes.is_none(),
            Self::Relay(relay) => relay.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Relay(relay) => relay.incoming.size_hint(),
        }
    }
}
