//! Serving: accepts connections, bounds them in number and time, and ends them when told to stop.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use towpath_engine::Engine;

use crate::{
    access::Access,
    app::{App, Shared},
    follow::Followers,
    grpc, ofrep,
    options::ServerOptions,
};

/// How many requests one HTTP/2 connection may have open, and how often it is asked whether it is still there.
const STREAMS: u32 = 128;
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Why the server could not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address of the listener is not known.
    #[error("the address to serve on cannot be read")]
    Address(#[source] io::Error),
    /// The listener can be reached from other machines.
    #[error("`{0}` can be reached from other machines, where the API has no encryption; use 127.0.0.1")]
    NotLoopback(std::net::SocketAddr),
}

/// Serves the API on `listener` until `stop` resolves; then event streams end, requests in flight are finished within
/// [`ServerOptions::drain`], and it returns.
pub async fn serve(
    listener: TcpListener,
    engine: Arc<Engine>,
    access: Access,
    options: ServerOptions,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let address = listener.local_addr().map_err(ServeError::Address)?;
    if !address.ip().is_loopback() && !options.allow_remote {
        return Err(ServeError::NotLoopback(address));
    }
    let stopping = CancellationToken::new();
    let app = App::new(engine, access, options, address.port(), stopping.clone());
    let router = crate::guard::guarded(&app);
    let wheel = tokio::spawn(Followers::run(Arc::clone(&app)));
    let counting = tokio::spawn(ofrep::keep_counts(Arc::clone(&app)));
    let mut connections = JoinSet::new();
    {
        let mut stop = std::pin::pin!(stop);
        let places = Arc::new(Semaphore::new(app.options.max_connections + app.options.max_followers));
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                // Ended connections are forgotten as they come.
                Some(_) = connections.join_next() => continue,
                accepted = accept(&listener, &places) => accepted,
            };
            if let Some((stream, place)) = accepted {
                let (router, app, stopping) = (router.clone(), Arc::clone(&app), stopping.clone());
                connections.spawn(async move {
                    connection(stream, router, &app, stopping).await;
                    drop(place);
                });
            }
        }
    }
    drop(listener);
    stopping.cancel();
    // It ends by the same word.
    let _ = wheel.await;
    let drained = timeout(app.options.drain, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!(open = connections.len(), "connections did not end in time and were cut");
    }
    let _ = counting.await;
    ofrep::write_counts(&app).await;
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            // Out of file descriptors, most likely: accepting again at once would only burn the CPU.
            tracing::warn!(error = &error as &dyn std::error::Error, "a connection could not be accepted");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            None
        }
    }
}

async fn connection(stream: TcpStream, router: Router, app: &Shared, stopping: CancellationToken) {
    // Small answers should not wait for more to send.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: http::Request<Incoming>| {
        let (router, app) = (router.clone(), Arc::clone(app));
        async move { Ok::<_, Infallible>(answer(router, app, request.map(Body::new)).await) }
    });
    let mut builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(app.options.header_timeout).max_headers(64);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).keep_alive_interval(Some(KEEP_ALIVE));
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(error = error.as_ref() as &dyn std::error::Error, "a connection ended early");
    }
}

/// Sends a request to where it belongs: evaluation has its own keys and its own errors.
async fn answer(router: Router, app: Shared, request: http::Request<Body>) -> http::Response<Body> {
    if ofrep::is_ours(request.uri().path()) {
        ofrep::answer(app, request).await
    } else if grpc::is_ours(request.uri().path(), request.headers()) {
        grpc::answer(app, request).await
    } else {
        let Ok(response) = router.oneshot(request).await;
        response
    }
}
