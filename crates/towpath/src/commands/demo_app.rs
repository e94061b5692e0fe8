//! The notice board of the example: a small web service whose behaviour depends on nothing but its configuration.
//!
//! It is what an application is to Towpath: it listens on `PORT`, answers `/health`, ends on SIGTERM.

use std::{convert::Infallible, env, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};

use super::Outcome;
use crate::failure::{Exit, Failure};

mod board;
mod mail;

use board::Board;

type Answer = Response<Full<Bytes>>;

/// The largest body of a request.
const LONGEST_BODY: usize = 16 << 10;

pub(crate) fn run() -> Outcome {
    let board = Board::from_environment(|name| env::var(name).ok()).map_err(Failure::usage)?;
    let port = env::var("PORT").ok().and_then(|port| port.parse().ok());
    let port: u16 = port.ok_or_else(|| Failure::usage("PORT does not say where to listen"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Failed, "runtime", "cannot start").because(&error))?;
    runtime.block_on(serve(Arc::new(board), SocketAddr::from(([127, 0, 0, 1], port))))?;
    Ok(Exit::Done)
}

async fn serve(board: Arc<Board>, address: SocketAddr) -> Result<(), Failure> {
    let wrong = |error: std::io::Error| {
        Failure::new(Exit::Failed, "port_in_use", format!("cannot listen on `{address}`")).because(&error)
    };
    let listener = TcpListener::bind(address).await.map_err(wrong)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(wrong)?;
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    board.log(&format!("listening on {address}"));
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let (board, mut stopping) = (Arc::clone(&board), stopping.clone());
                connections.spawn(async move {
                    let service = service_fn(|request| {
                        let board = Arc::clone(&board);
                        async move { Ok::<_, Infallible>(answer(&board, request).await) }
                    });
                    let connection = hyper::server::conn::http1::Builder::new()
                        .timer(TokioTimer::new())
                        .serve_connection(TokioIo::new(stream), service);
                    let mut connection = std::pin::pin!(connection);
                    tokio::select! {
                        _ = connection.as_mut() => return,
                        _ = stopping.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
                    }
                    // Whether the last answer was taken is the client's affair.
                    let _ = connection.await;
                });
            }
        }
    }
    drop(listener);
    let _ = stop.send(true);
    while connections.join_next().await.is_some() {}
    board.log("stopped");
    Ok(())
}

async fn answer(board: &Board, request: Request<Incoming>) -> Answer {
    if !board.delay.is_zero() {
        tokio::time::sleep(board.delay).await;
    }
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => page(StatusCode::OK, "text/html; charset=utf-8", board.html()),
        (&Method::GET, "/api/notices") => page(StatusCode::OK, "application/json", board.json()),
        (&Method::GET, "/health") => page(StatusCode::OK, "application/json", r#"{"status":"pass"}"#.to_owned()),
        (&Method::POST, "/notices") => publish(board, request).await,
        (_, "/" | "/api/notices" | "/health" | "/notices") => text(StatusCode::METHOD_NOT_ALLOWED, "not allowed here"),
        _ => text(StatusCode::NOT_FOUND, "not found"),
    }
}

/// Puts a notice on the board once it was mailed.
async fn publish(board: &Board, request: Request<Incoming>) -> Answer {
    let Ok(body) = Limited::new(request.into_body(), LONGEST_BODY).collect().await else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "too long");
    };
    let body = body.to_bytes();
    let Some(notice) = board::notice(&String::from_utf8_lossy(&body)) else {
        return text(StatusCode::BAD_REQUEST, "a notice needs a text");
    };
    let sent = tokio::time::timeout(Duration::from_secs(5), board.mail.send(&notice)).await;
    let failure = match sent {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("it took too long".to_owned()),
    };
    if let Some(failure) = failure {
        board.log(&format!("mail not sent: {failure}"));
        return text(StatusCode::BAD_GATEWAY, "the notice could not be mailed");
    }
    board.add(notice);
    let mut answer = text(StatusCode::SEE_OTHER, "published");
    answer.headers_mut().insert(header::LOCATION, header::HeaderValue::from_static("/"));
    answer
}

fn page(status: StatusCode, media: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media));
    answer
}

fn text(status: StatusCode, body: &str) -> Answer {
    page(status, "text/plain; charset=utf-8", format!("{body}\n"))
}
