//! Who answers what: split, stickiness, preview, hold, listeners.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use towpath_core::{ids::Revision, traffic::RouteTable, units::Millis};
use towpath_engine::ports::Traffic as _;
use towpath_proxy::{Proxy, ProxyOptions};

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weights_split_clients_within_binomial_bounds() {
    let (old, new) = (Upstream::start("old").await, Upstream::start("new").await);
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 80, &[old.address]), (2, 20, &[new.address])])).await;
    let mut client = Client::new(address);
    let (mut hits, total) = (0_u32, 4000);
    for _ in 0..total {
        client.cookie = None;
        hits += u32::from(client.get("/").await.unwrap().1 == "new");
    }
    // 5 standard deviations of a binomial with p = 0.2: wrong once in two million runs.
    let (mean, deviation) = (f64::from(total) * 0.2, (f64::from(total) * 0.2 * 0.8).sqrt());
    assert!((f64::from(hits) - mean).abs() < 5.0 * deviation, "{hits} of {total}");
    let counts = &proxy.counts()[&(route_id(), Revision(2))];
    assert_eq!(counts.requests, u64::from(hits));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raising_a_weight_moves_nobody_back() {
    let (old, new) = (Upstream::start("old").await, Upstream::start("new").await);
    let proxy = proxy();
    let mut address = None;
    let mut clients: Vec<(Client, bool)> = Vec::new();
    for weight in [10, 25, 50, 75, 100] {
        let at = apply(&proxy, route(&[(1, 100 - weight, &[old.address]), (2, weight, &[new.address])])).await;
        assert_eq!(*address.get_or_insert(at), at, "the port stays");
        clients.resize_with(100, || (Client::new(at), false));
        for (client, was_new) in &mut clients {
            for _ in 0..2 {
                let is_new = client.get("/").await.unwrap().1 == "new";
                assert!(is_new || !*was_new, "went back at {weight}%");
                *was_new = is_new;
            }
        }
    }
    assert!(clients.iter().all(|(_, is_new)| *is_new));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cookie_is_set_only_while_there_is_a_choice() {
    let (old, new) = (Upstream::start("old").await, Upstream::start("new").await);
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[old.address]), (2, 0, &[new.address])])).await;
    let head = talk(address, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", PATIENCE).await;
    assert!(!String::from_utf8_lossy(&head).contains("set-cookie"));
    apply(&proxy, route(&[(1, 50, &[old.address]), (2, 50, &[new.address])])).await;
    let head = talk(address, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", PATIENCE).await;
    let head = String::from_utf8_lossy(&head).into_owned();
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(cookie.starts_with("towpath-split="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_preview_shows_its_revision_only_and_is_not_counted() {
    let (old, new) = (Upstream::start("old").await, Upstream::start("new").await);
    let proxy = proxy();
    let mut shown = route(&[(1, 100, &[old.address]), (2, 0, &[new.address])]);
    shown.preview_revision = Some(Revision(2));
    let address = apply(&proxy, shown.clone()).await;
    let preview = proxy.status().routes["production/web"].preview.unwrap();
    for _ in 0..10 {
        assert_eq!(Client::new(preview).get("/").await.unwrap().1, "new");
        assert_eq!(Client::new(address).get("/").await.unwrap().1, "old");
    }
    let counts = proxy.counts();
    assert_eq!(counts[&(route_id(), Revision(1))].requests, 10);
    assert_eq!(counts[&(route_id(), Revision(2))].requests, 0);
    shown.preview_revision = None;
    apply(&proxy, shown).await;
    assert_eq!(proxy.status().routes["production/web"].preview, None);
    assert!(std::net::TcpStream::connect(preview).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_routed_by_the_table_before_once_apply_returned() {
    let (one, two) = (Upstream::start("1").await, Upstream::start("2").await);
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[one.address]), (2, 0, &[two.address])])).await;
    // Connections on both workers.
    let mut clients: Vec<Client> = (0..8).map(|_| Client::new(address)).collect();
    for round in 0..100_u32 {
        let second = if round.is_multiple_of(2) { 100 } else { 0 };
        apply(&proxy, route(&[(1, 100 - second, &[one.address]), (2, second, &[two.address])])).await;
        for client in &mut clients {
            assert_eq!(client.get("/").await.unwrap().1, if second == 100 { "2" } else { "1" });
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_wait_for_an_instance_as_long_as_the_route_holds_them() {
    let upstream = Upstream::start("late").await;
    let proxy = proxy();
    let mut empty = route(&[(1, 100, &[])]);
    empty.hold = Millis(15_000);
    let address = apply(&proxy, empty).await;
    let waiting: Vec<_> = (0..10).map(|_| tokio::spawn(async move { Client::new(address).get("/").await })).collect();
    // They have arrived when their connections are there; a moment later they wait. Either way they are answered.
    tokio::time::timeout(Duration::from_millis(100), std::future::pending::<()>()).await.unwrap_err();
    apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    for answer in waiting {
        assert_eq!(answer.await.unwrap().unwrap(), (200, "late".into()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_waiters_than_allowed_get_503_at_once() {
    let proxy = proxy_with(|options| {
        options.workers = 1;
        options.max_waiters = 2;
    });
    let mut empty = route(&[(1, 100, &[])]);
    empty.hold = Millis(2000);
    let address = apply(&proxy, empty).await;
    let start = Instant::now();
    let asked: Vec<_> =
        (0..5).map(|_| tokio::spawn(async move { (Client::new(address).get("/").await, start.elapsed()) })).collect();
    let mut fast = 0;
    for answer in asked {
        let (answer, took) = answer.await.unwrap();
        assert_eq!(answer.unwrap().0, 503);
        fast += u32::from(took < Duration::from_millis(1500));
    }
    assert_eq!(fast, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_instances_down_is_a_fast_503_that_says_so() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[gone])])).await;
    let start = Instant::now();
    let answer =
        talk(address, b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", PATIENCE)
            .await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("content-type: application/problem+json\r\n") && answer.contains("retry-after: 1\r\n"));
    let counts = &proxy.counts()[&(route_id(), Revision(1))];
    assert_eq!((counts.requests, counts.upstream_errors, counts.errors()), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_without_an_address_is_found_again_after_a_restart() {
    let upstream = Upstream::start("web").await;
    let table = table(route(&[(1, 100, &[upstream.address])]));
    let first = proxy();
    first.apply(&table).await.unwrap();
    let address = first.status().routes["production/web"].listen.unwrap();
    first.shutdown(Duration::from_secs(1)).await;
    let options = ProxyOptions { usual: [(route_id(), address)].into(), ..ProxyOptions::default() };
    let second = Proxy::start(options.clone()).unwrap();
    second.apply(&table).await.unwrap();
    assert_eq!(second.status().routes["production/web"].listen, Some(address));
    // While somebody else has it, another port must do.
    let third = Proxy::start(ProxyOptions { workers: 1, ..options }).unwrap();
    second.shutdown(Duration::from_secs(1)).await;
    let squatter = TcpListener::bind(address).unwrap();
    third.apply(&table).await.unwrap();
    assert_ne!(third.status().routes["production/web"].listen, Some(address));
    drop(squatter);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_port_is_reported_and_taken_when_it_is_free() {
    let upstream = Upstream::start("web").await;
    let proxy = proxy();
    let squatter = TcpListener::bind("127.0.0.1:0").unwrap();
    let wanted = squatter.local_addr().unwrap();
    let mut busy = route(&[(1, 100, &[upstream.address])]);
    busy.listen = Some(wanted);
    let mut tables = table(busy);
    let mut other = route_id();
    other.service = "api".parse().unwrap();
    tables.0.insert(other, route(&[(1, 100, &[upstream.address])]));
    proxy.apply(&tables).await.unwrap();
    let status = proxy.status();
    assert_eq!(status.routes["production/web"].listen, None);
    let error = status.routes["production/web"].error.clone().unwrap();
    assert_eq!(error, format!("cannot listen on `{wanted}`: address already in use"));
    assert_eq!(Client::new(status.routes["production/api"].listen.unwrap()).get("/").await.unwrap().0, 200);
    drop(squatter);
    proxy.apply(&tables).await.unwrap();
    assert_eq!(proxy.status().routes["production/web"].listen, Some(wanted));
    assert_eq!(proxy.status().routes["production/web"].error, None);
    assert_eq!(Client::new(wanted).get("/").await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_route_closes_its_port_after_the_requests_it_has() {
    let upstream = Upstream::start("web").await;
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    let slow = tokio::spawn(async move { Client::new(address).get("/slow").await });
    until("it is in flight", || proxy.status().in_flight.values().any(|count| *count == 1)).await;
    proxy.apply(&RouteTable::default()).await.unwrap();
    assert!(std::net::TcpStream::connect(address).is_err());
    assert_eq!(slow.await.unwrap().unwrap(), (200, "web".into()));
    until("nothing is in flight", || proxy.status().in_flight.values().all(|count| *count == 0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_routes_exchange_their_ports_in_one_apply() {
    let (one, two) = (Upstream::start("1").await, Upstream::start("2").await);
    let proxy = proxy();
    let free = |_| TcpListener::bind("127.0.0.1:0").unwrap();
    let holders: Vec<TcpListener> = (0..2).map(free).collect();
    let ports: Vec<SocketAddr> = holders.iter().map(|holder| holder.local_addr().unwrap()).collect();
    drop(holders);
    let make = |first: usize| {
        let mut tables = RouteTable(BTreeMap::new());
        for (service, port, upstream) in [("web", first, &one), ("api", 1 - first, &two)] {
            let mut id = route_id();
            id.service = service.parse().unwrap();
            let mut route = route(&[(1, 100, &[upstream.address])]);
            route.listen = Some(ports[port]);
            tables.0.insert(id, route);
        }
        tables
    };
    for first in [0, 1, 0] {
        proxy.apply(&make(first)).await.unwrap();
        assert!(proxy.status().routes.values().all(|route| route.error.is_none()), "{:?}", proxy.status());
        assert_eq!(Client::new(ports[first]).get("/").await.unwrap().1, "1");
        assert_eq!(Client::new(ports[1 - first]).get("/").await.unwrap().1, "2");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_lets_requests_end_and_then_ends_itself() {
    let upstream = Upstream::start("web").await;
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    let slow = tokio::spawn(async move { Client::new(address).get("/slow").await });
    until("it is in flight", || proxy.status().in_flight.values().any(|count| *count == 1)).await;
    let start = Instant::now();
    proxy.shutdown(Duration::from_secs(10)).await;
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(slow.await.unwrap().unwrap(), (200, "web".into()));
    assert!(proxy.apply(&RouteTable::default()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_cuts_what_does_not_end() {
    let upstream = RawUpstream::start(b"", false).await;
    let proxy = proxy();
    let address = apply(&proxy, route(&[(1, 100, &[upstream.address])])).await;
    let stuck = tokio::spawn(async move { Client::new(address).get("/").await });
    until("it is in flight", || proxy.status().in_flight.values().any(|count| *count == 1)).await;
    let start = Instant::now();
    proxy.shutdown(Duration::from_millis(200)).await;
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(stuck.await.unwrap().is_err());
}
