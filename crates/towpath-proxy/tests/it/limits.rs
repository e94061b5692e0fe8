//! Slow, many and hungry clients.

use std::time::{Duration, Instant};

use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use towpath_core::ids::Revision;
use towpath_engine::ports::Traffic as _;

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_dawdles_over_its_head_is_sent_away() {
    let upstream = Upstream::start("web").await;
    let proxy = proxy_with(|options| options.client_timeout = Duration::from_millis(400));
    let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    for begin in [&b""[..], b"G", b"PRI * HT", b"GET / HTTP/1.1\r\nHost: a\r\nX: "] {
        let start = Instant::now();
        assert_eq!(talk(address, begin, PATIENCE).await, b"");
        assert!(start.elapsed() < Duration::from_secs(3), "{begin:?}");
    }
    // One that waits for its answer is not dawdling.
    assert_eq!(Client::new(address).get("/stream").await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_does_not_answer_is_504_and_not_asked_again() {
    let upstream = RawUpstream::start(b"", false).await;
    let proxy = proxy_with(|options| options.response_timeout = Duration::from_millis(300));
    let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    assert_eq!(Client::new(address).get("/").await.unwrap().0, 504);
    assert_eq!(upstream.received().matches("GET / ").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_stay_within_their_budget_when_every_try_fails() {
    const REQUESTS: u32 = 100;
    // Reads each request and closes, so that every try of a GET may be repeated.
    let upstream = RawUpstream::start(b"", true).await;
    let proxy = proxy_with(|options| options.workers = 1);
    let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    let start = Instant::now();
    let mut client = Client::new(address);
    for _ in 0..REQUESTS {
        assert_eq!(client.get("/").await.unwrap().0, 502);
    }
    // Ten to begin with and ten per second, and a fifth of the requests; without a budget it would be 300.
    let allowed = 10.0 + 10.0 * start.elapsed().as_secs_f64() + f64::from(REQUESTS) / 5.0;
    let counts = &proxy.counts()[&(route_id(), Revision(1))];
    let retries = u32::try_from(counts.retries).unwrap();
    assert!(retries >= REQUESTS / 5 && f64::from(retries) <= allowed, "{retries} of {allowed}");
    let sent = upstream.received().matches("GET / ").count();
    assert_eq!(u32::try_from(sent).unwrap(), REQUESTS + retries);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_stops_is_the_clients_fault() {
    let upstream = Upstream::start("web").await;
    let proxy = proxy_with(|options| options.response_timeout = Duration::from_millis(300));
    let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    let answer = talk(address, b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", PATIENCE).await;
    assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
    let small = talk(address, b"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", PATIENCE).await;
    assert!(small.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&small));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_upload_is_not_cut_as_long_as_it_goes_on() {
    let upstream = Upstream::start("web").await;
    let proxy = proxy_with(|options| options.response_timeout = Duration::from_millis(600));
    let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut tick = tokio::time::interval(Duration::from_millis(150));
    for _ in 0..10 {
        tick.tick().await;
        stream.write_all(b"x").await.unwrap();
    }
    let answer = read_all(&mut stream, PATIENCE).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(b"xxxxxxxxxx"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_idle_connections_do_not_slow_the_others() {
    let upstream = Upstream::start("web").await;
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    let mut idle = Vec::new();
    // As many as the usual limit of descriptors allows to have both ends in one process.
    for _ in 0..350 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    let start = Instant::now();
    let mut client = Client::new(address);
    for _ in 0..50 {
        assert_eq!(client.get("/").await.unwrap().0, 200);
    }
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_out_of_descriptors_is_survived() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let upstream = Upstream::start("web").await;
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    let mut client = Client::new(address);
    assert_eq!(client.get("/").await.unwrap().0, 200);
    let before = getrlimit(Resource::Nofile);
    // The test process is this test's own under nextest; the limit is put back all the same.
    setrlimit(Resource::Nofile, Rlimit { current: Some(80), maximum: before.maximum }).unwrap();
    let mut hogs = Vec::new();
    while let Ok(hog) = TcpStream::connect(address).await {
        hogs.push(hog);
    }
    assert!(hogs.len() > 10);
    // Who is connected is served as long as a pooled connection is there.
    assert_eq!(client.get("/").await.unwrap().0, 200);
    drop(hogs);
    setrlimit(Resource::Nofile, before).unwrap();
    until("new clients are served again", || std::net::TcpStream::connect(address).is_ok()).await;
    assert_eq!(Client::new(address).get("/").await.unwrap().0, 200);
}
