//! What goes wrong inside is told without being shown, and nothing is lost.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use towpath_testkit::LedgerFault;

use crate::house::House;

#[tokio::test]
async fn a_full_disk_is_said_and_what_was_acknowledged_is_kept() {
    let house = House::new().await;
    house.release("1.0").await;
    let size = house.engine.world().size;
    house.ledger.plan_fault(0, LedgerFault::Full);
    let body = house.release_body("1.1", "hello").await;
    let answer = house.post("/api/v1/releases", body.clone()).await;
    answer.is_problem(503, "storage_full");
    assert!(answer.body["detail"].as_str().unwrap().contains("is kept"));
    assert_eq!((house.engine.world().size, answer.header("retry-after")), (size, "2"));
    house.post("/api/v1/releases", body).await.ok(201);
}

#[tokio::test]
async fn a_storage_that_fails_in_the_middle_does_not_claim_to_know() {
    let house = House::new().await;
    house.release("1.0").await;
    house.ledger.plan_fault(0, LedgerFault::FailsAfter);
    let body = house.release_body("1.1", "hello").await;
    let answer = house.post("/api/v1/releases", body.clone()).await;
    answer.is_problem(503, "storage_failed");
    assert!(answer.body["detail"].as_str().unwrap().contains("not known whether"));
    // It was written, which the next look shows.
    house.post("/api/v1/releases", body).await.ok(200);
}

#[tokio::test]
async fn a_target_that_fails_makes_the_server_unready_and_shows_nothing_of_the_cause() {
    let house = House::new().await;
    house.target.broken.store(true, Ordering::Relaxed);
    let answer = house.get("/api/v1/status").await;
    answer.is_problem(503, "target_failed");
    assert!(!answer.body.to_string().contains("s3cret"));
    for path in ["/api/health", "/api/health/ready"] {
        let body = house.get(path).await.ok(503);
        assert_eq!(body["status"], "fail");
        assert!(!body.to_string().contains("s3cret"));
    }
    house.get("/api/health/live").await.ok(200);
}

#[tokio::test]
async fn a_panic_is_a_problem_and_the_server_goes_on() {
    let house = House::new().await;
    house.target.panics.store(true, Ordering::Relaxed);
    let answer = house.get("/api/v1/status").await;
    answer.is_problem(500, "internal");
    assert!(!answer.body.to_string().contains("planted"));
    house.target.panics.store(false, Ordering::Relaxed);
    house.get("/api/v1/status").await.ok(200);
}

#[tokio::test]
async fn a_damaged_blob_is_not_taken_for_the_right_one() {
    let house = House::with_canary().await;
    let world = house.engine.world();
    house.blobs.damage(&world.releases.values().next().unwrap().content.bundle);
    let answer = house.post("/api/v1/environments/production/rollback", json!({ "dryRun": true })).await;
    answer.is_problem(503, "blob_damaged");
}

#[tokio::test]
async fn a_client_that_never_finishes_its_request_is_cut() {
    let house = House::with(|options| options.header_timeout = Duration::from_millis(50)).await;
    let mut socket = TcpStream::connect(("127.0.0.1", house.port)).await.unwrap();
    socket.write_all(b"GET /api/health HTTP/1.1\r\nHost: ").await.unwrap();
    let mut rest = Vec::new();
    timeout(Duration::from_secs(10), socket.read_to_end(&mut rest)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_body_that_never_comes_ends_in_time() {
    let house = House::with(|options| options.request_timeout = Duration::from_millis(50)).await;
    let mut socket = TcpStream::connect(("127.0.0.1", house.port)).await.unwrap();
    let head = format!(
        "POST /api/v1/releases HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer ana-token\r\nContent-Type: application/json\r\nContent-Length: 10\r\nConnection: close\r\n\r\n{{",
        house.port
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(10), socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("urn:towpath:problem:timeout"), "{answer}");
}

#[tokio::test]
async fn stopping_does_not_wait_for_idle_connections() {
    let house = House::new().await;
    house.get("/api/health").await.ok(200);
    let _idle = TcpStream::connect(("127.0.0.1", house.port)).await.unwrap();
    timeout(Duration::from_secs(5), house.stop()).await.unwrap();
}
