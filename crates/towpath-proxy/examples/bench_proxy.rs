//! The proxy alone, or an instance alone, for load generators.
//!
//! ```text
//! bench_proxy upstream LISTEN [BYTES]              answers every request with BYTES (1024) bytes
//! bench_proxy proxy LISTEN WORKERS UPSTREAM...     splits evenly over the upstreams, one revision each
//! bench_proxy --upstream ADDRESS...                one worker on a free port, all upstreams in one revision; prints where
//! ```
//!
//! ```text
//! taskset -c 1 bench_proxy upstream 127.0.0.1:9001 &
//! taskset -c 1 bench_proxy upstream 127.0.0.1:9002 &
//! taskset -c 0 bench_proxy proxy 127.0.0.1:9000 1 127.0.0.1:9001 127.0.0.1:9002 &
//! taskset -c 1 wrk -t1 -c64 -d5s http://127.0.0.1:9000/
//! ```
//!
//! Two revisions of weight 50 make the proxy set a cookie on answers to clients without one, which nginx and haproxy do
//! not do in their plainest configuration; `WORKERS=-N` puts both upstreams into one revision instead.

use std::{convert::Infallible, error::Error, io::Write as _, net::SocketAddr};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use towpath_core::{
    ids::Revision,
    instance::{InstanceId, SetId},
    traffic::{Backend, Route, RouteId, RouteTable},
    units::{Millis, Percent},
};
use towpath_engine::ports::Traffic as _;
use towpath_proxy::{Proxy, ProxyOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["upstream", listen] => upstream(listen.parse()?, 1024).await,
        ["upstream", listen, bytes] => upstream(listen.parse()?, bytes.parse()?).await,
        ["proxy", listen, workers, upstreams @ ..] if !upstreams.is_empty() => {
            let workers: i32 = workers.parse()?;
            let addresses = upstreams.iter().map(|text| text.parse()).collect::<Result<Vec<SocketAddr>, _>>()?;
            proxy(listen.parse()?, workers, &addresses).await
        }
        ["--upstream", ..] => {
            let named = words.iter().filter(|word| **word != "--upstream").map(|text| text.parse());
            proxy("127.0.0.1:0".parse()?, -1, &named.collect::<Result<Vec<SocketAddr>, _>>()?).await
        }
        _ => {
            Err("usage: bench_proxy upstream LISTEN [BYTES] | proxy LISTEN WORKERS UPSTREAM... | --upstream ADDRESS..."
                .into())
        }
    }
}

async fn upstream(listen: SocketAddr, bytes: usize) -> Result<(), Box<dyn Error>> {
    let body = Bytes::from(vec![b'x'; bytes]);
    let listener = tokio::net::TcpListener::bind(listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let body = body.clone();
        let service = service_fn(move |_| {
            let answer = Response::new(Full::new(body.clone()));
            async { Ok::<_, Infallible>(answer) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn proxy(listen: SocketAddr, workers: i32, upstreams: &[SocketAddr]) -> Result<(), Box<dyn Error>> {
    let count = usize::try_from(workers.unsigned_abs())?;
    let proxy = Proxy::start(ProxyOptions { workers: count, ..ProxyOptions::default() })?;
    let id = RouteId { environment: "bench".parse()?, service: "web".parse()? };
    let mut route = Route {
        listen: Some(listen),
        preview: None,
        backends: [].into(),
        preview_revision: None,
        hold: Millis(0),
        drain: Millis(1000),
    };
    let revisions = if workers < 0 { 1 } else { u64::try_from(upstreams.len())? };
    for (number, address) in (0..).zip(upstreams) {
        let revision = Revision(u64::from(number) % revisions + 1);
        let set = SetId { environment: id.environment.clone(), service: id.service.clone(), revision };
        let weight = Percent::new(u8::try_from(100 / revisions)?).ok_or("too many upstreams")?;
        let backend = route.backends.entry(revision).or_insert_with(|| Backend { weight, endpoints: [].into() });
        backend.endpoints.insert(InstanceId { set, index: number }, *address);
    }
    proxy.apply(&RouteTable([(id, route)].into())).await?;
    let status = proxy.status();
    if let Some(error) = status.routes.values().find_map(|route| route.error.clone()) {
        return Err(error.into());
    }
    for address in status.routes.values().filter_map(|route| route.listen) {
        writeln!(std::io::stdout(), "{}", serde_json::json!({ "listen": address }))?;
    }
    std::future::pending::<()>().await;
    Ok(())
}
