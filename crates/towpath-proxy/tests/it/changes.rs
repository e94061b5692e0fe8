//! Nothing fails when weights, revisions and instances change under load.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};
use towpath_core::{ids::Revision, units::Millis};
use towpath_engine::ports::Traffic as _;

use crate::support::*;

/// Clients that go on until they are stopped; what failed is kept.
struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    clients: JoinSet<Vec<String>>,
}

impl Load {
    fn start(address: SocketAddr, method: &'static str, paths: &'static [&'static str]) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut clients = JoinSet::new();
        for number in 0..8_usize {
            let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
            let path = paths[number % paths.len()];
            clients.spawn(async move {
                let (mut client, mut failures, mut count) = (Client::new(address), Vec::new(), 0_usize);
                while !stop.load(Ordering::SeqCst) {
                    count += 1;
                    let id = format!("{number}-{count}");
                    let body = if method == "POST" { "hello" } else { "" };
                    let answer = if path == "h2" {
                        get_h2(address, "/").await
                    } else {
                        client.send(method, path, &id, body).await
                    };
                    match answer {
                        Ok((200, body)) if path != "/big" || body.len() == 1 << 20 => {}
                        other => failures.push(format!("{id} {path}: {other:?}")),
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                }
                failures
            });
        }
        Self { stop, done, clients }
    }

    fn done(&self) -> usize {
        self.done.load(Ordering::SeqCst)
    }

    /// Waits until so many more requests are done.
    async fn more(&self, count: usize) {
        let goal = self.done() + count;
        until("the load goes on", || self.done() >= goal).await;
    }

    async fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::SeqCst);
        self.clients.join_all().await.concat()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_weights_flip_every_50_ms() {
    let (old, new) = (Upstream::start("old").await, Upstream::start("new").await);
    let proxy = proxy();
    let make = |weight: u8| route(&[(1, 100 - weight, &[old.address]), (2, weight, &[new.address])]);
    let address = apply(&proxy, make(0)).await;
    let load = Load::start(address, "GET", &["/"]);
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    for weight in [0, 100, 50, 10, 90].into_iter().cycle().take(30) {
        tick.tick().await;
        apply(&proxy, make(weight)).await;
    }
    assert!(load.done() > 100);
    assert_eq!(load.stop().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_get_fails_when_the_old_colour_is_killed_once_nothing_is_in_flight() {
    killed_once_drained("GET").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_post_fails_when_the_old_colour_is_killed_once_nothing_is_in_flight() {
    killed_once_drained("POST").await;
}

async fn killed_once_drained(method: &'static str) {
    let mut current = Upstream::start("0").await;
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[current.address])])).await;
    let load = Load::start(address, method, &["/", "/slow", "/stream", "/big", "h2"]);
    for revision in 2..8_u64 {
        let next = Upstream::start(&revision.to_string()).await;
        load.more(30).await;
        apply(&proxy, route(&[(revision, 100, &[next.address])])).await;
        let leaving = instance(revision - 1, 0).to_string();
        until("the old one is drained", || proxy.status().in_flight.get(&leaving).is_none_or(|count| *count == 0))
            .await;
        std::mem::replace(&mut current, next).kill().await;
    }
    load.more(30).await;
    assert_eq!(load.stop().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_when_the_old_colour_gets_sigterm_right_after_the_switch() {
    let mut current = Upstream::start("0").await;
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[current.address])])).await;
    // GET only: a POST on its way to an instance that closes its connections at this moment cannot be told from one that
    // was carried out. That is why an instance is to be ended when it has nothing in flight.
    let load = Load::start(address, "GET", &["/", "/slow", "/stream", "/big"]);
    for revision in 2..6_u64 {
        let next = Upstream::start(&revision.to_string()).await;
        load.more(30).await;
        apply(&proxy, route(&[(revision, 100, &[next.address])])).await;
        std::mem::replace(&mut current, next).terminate().await;
    }
    assert_eq!(load.stop().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_instance_fails_no_get() {
    let one = Upstream::start("1").await;
    let mut other = Upstream::start("2").await;
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[one.address, other.address])])).await;
    let load = Load::start(address, "GET", &["/"]);
    for _ in 0..5 {
        load.more(200).await;
        let at = other.address;
        other.kill().await;
        load.more(200).await;
        other = Upstream::start_at("2", at).await;
    }
    assert_eq!(load.stop().await, Vec::<String>::new());
    assert!(proxy.counts()[&(route_id(), Revision(1))].retries > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_is_never_sent_twice_whatever_dies() {
    let one = Upstream::start("1").await;
    let mut other = Upstream::start("2").await;
    let proxy = proxy();
    one.cut_after(20);
    one.close_idle_after(5);
    let address = apply(&proxy, route(&[(1, 100, &[one.address, other.address])])).await;
    let load = Load::start(address, "POST", &["/"]);
    let mut seen: Vec<(String, usize)> = Vec::new();
    for _ in 0..4 {
        load.more(200).await;
        let at = other.address;
        seen.extend(other.seen());
        other.kill().await;
        load.more(100).await;
        other = Upstream::start_at("2", at).await;
    }
    load.stop().await;
    seen.extend(other.seen());
    seen.extend(one.seen());
    let mut ids = std::collections::HashMap::<String, usize>::new();
    for (id, count) in seen {
        *ids.entry(id).or_default() += count;
    }
    assert!(ids.len() > 500);
    let twice: Vec<_> = ids.into_iter().filter(|(_, count)| *count > 1).collect();
    assert_eq!(twice, Vec::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_closes_connections_fails_no_get() {
    let upstream = Upstream::start("web").await;
    upstream.cut_after(10);
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    let load = Load::start(address, "GET", &["/"]);
    load.more(1000).await;
    assert_eq!(load.stop().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_closes_idle_connections_fails_no_get() {
    let upstream = Upstream::start("web").await;
    upstream.close_idle_after(5);
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    let mut client = Client::new(address);
    for pause in (3..8).cycle().take(60) {
        assert_eq!(client.get("/").await.unwrap().0, 200);
        // The pause is what is tested: about as long as the instance keeps connections.
        let _ = tokio::time::timeout(Duration::from_millis(pause), std::future::pending::<()>()).await;
    }
}

async fn websocket(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let ask = b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\nfirst";
    stream.write_all(ask).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\nfirst") {
        let mut byte = [0];
        tokio::time::timeout(PATIENCE, stream.read_exact(&mut byte)).await.unwrap().unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("upgrade: websocket\r\n"), "{head}");
    stream
}

async fn echoes(stream: &mut TcpStream) -> bool {
    let mut back = [0; 4];
    stream.write_all(b"ping").await.is_ok()
        && matches!(tokio::time::timeout(PATIENCE, stream.read_exact(&mut back)).await, Ok(Ok(_)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_outlives_the_switch_and_ends_with_the_drain() {
    let (old, new) = (Upstream::start("old").await, Upstream::start("new").await);
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[old.address])])).await;
    let mut socket = websocket(address).await;
    assert!(echoes(&mut socket).await);
    let mut after = route(&[(2, 100, &[new.address])]);
    after.drain = Millis(1000);
    let switched = Instant::now();
    apply(&proxy, after).await;
    assert!(echoes(&mut socket).await);
    assert_eq!(proxy.status().in_flight[&instance(1, 0).to_string()], 1);
    assert_eq!(Client::new(address).get("/").await.unwrap().1, "new");
    let mut byte = [0];
    let end = tokio::time::timeout(PATIENCE, socket.read(&mut byte)).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)));
    assert!(switched.elapsed() > Duration::from_millis(900), "cut early: {:?}", switched.elapsed());
    assert!(switched.elapsed() < Duration::from_secs(4), "cut late: {:?}", switched.elapsed());
    until("the instance is forgotten", || !proxy.status().in_flight.values().any(|count| *count > 0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_that_runs_out_cuts_an_answer_so_that_the_client_sees_it() {
    let upstream =
        RawUpstream::start(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", false).await;
    let other = Upstream::start("new").await;
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut after = route(&[(2, 100, &[other.address])]);
    after.drain = Millis(300);
    until("it is in flight", || proxy.status().in_flight.values().any(|count| *count == 1)).await;
    apply(&proxy, after).await;
    let all = read_all(&mut stream, PATIENCE).await;
    let text = String::from_utf8_lossy(&all);
    assert!(text.contains("hello"), "{text}");
    assert!(!text.ends_with("0\r\n\r\n"), "the end was made up: {text}");
    assert_eq!(proxy.counts()[&(route_id(), Revision(1))].upstream_errors, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_to_an_instance_that_left_are_closed() {
    let (old, new) = (Upstream::start("old").await, Upstream::start("new").await);
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[old.address])])).await;
    let mut client = Client::new(address);
    client.get("/").await.unwrap();
    assert_eq!(old.connections(), 1);
    apply(&proxy, route(&[(2, 100, &[new.address])])).await;
    until("they are closed", || old.connections() == 0).await;
    assert_eq!(client.get("/").await.unwrap().1, "new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_instance_is_left_out_and_comes_back() {
    let (good, bad) = (Upstream::start("good").await, Upstream::start("bad").await);
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[good.address, bad.address])])).await;
    bad.fail(true);
    let mut client = Client::new(address);
    let mut failures = 0;
    for _ in 0..100 {
        failures += u32::from(client.get("/").await.unwrap().0 == 500);
    }
    assert!((1..=10).contains(&failures), "{failures}");
    bad.fail(false);
    let start = Instant::now();
    while client.get("/").await.unwrap().1 != "bad" {
        assert!(start.elapsed() < PATIENCE);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_instance_is_never_left_out() {
    let only = Upstream::start("only").await;
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[only.address])])).await;
    only.fail(true);
    let mut client = Client::new(address);
    for _ in 0..20 {
        assert_eq!(client.get("/").await.unwrap().0, 500);
    }
}
