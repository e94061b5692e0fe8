//! Checks against a real server.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use towpath_adapters::checks::LocalChecks;
use towpath_core::{
    deployment::{Check, CheckAction},
    ids::ServiceName,
    units::Millis,
};
use towpath_engine::ports::{CheckOutcome, Checks as _, Target as _};
use towpath_testkit::conformance::target::{set_id, until_ready};

use crate::bed::{Bed, eventually, server};

fn web() -> ServiceName {
    ServiceName::new("web").unwrap()
}

fn request(path: &str, status: u16, contains: Option<&str>) -> CheckAction {
    CheckAction::Http { service: web(), path: path.to_owned(), status, contains: contains.map(str::to_owned) }
}

fn shell(script: &str) -> CheckAction {
    CheckAction::Command { command: ["sh", "-c", script].map(str::to_owned).to_vec() }
}

async fn outcome(bed: &Bed, address: Option<SocketAddr>, action: CheckAction, retries: u32) -> CheckOutcome {
    let checks = LocalChecks { pause: Duration::from_millis(1), ..LocalChecks::new(bed.folder.path().to_owned()) };
    let check = Check { name: "it".to_owned(), action, timeout: Millis(700), retries };
    let urls: BTreeMap<_, _> = address.map(|address| (web(), address)).into_iter().collect();
    checks.run(&check, &urls).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_says_what_it_found() {
    let bed = Bed::new();
    bed.target().scale(&server(&bed.data(), set_id(1), 1, "")).await.unwrap();
    let address = until_ready(bed.target(), &set_id(1), 1).await[0].address;
    for (action, passed, message) in [
        (request("/health", 200, None), true, "GET /health of `web` answered 200"),
        (request("/health", 200, Some("fin")), true, "GET /health of `web` answered 200 with the text `fin`"),
        (request("/health", 200, Some("bad")), false, "GET /health of `web` answered 200 without the text `bad`"),
        (request("/other", 404, Some("fine")), true, "GET /other of `web` answered 404 with the text `fine`"),
        (request("/other", 200, None), false, "GET /other of `web` answered 404, not 200"),
        (shell("curl -fs $TOWPATH_URL_WEB/health"), true, "`sh -c curl -fs $TOWPATH_URL_WEB/health` succeeded"),
        (
            shell("echo one; echo two >&2; exit 7"),
            false,
            "`sh -c echo one; echo two >&2; exit 7` exited with status 7: one\ntwo",
        ),
        (shell("kill $$"), false, "`sh -c kill $$` was ended by signal SIGTERM"),
    ] {
        let outcome = outcome(&bed, address, action, 0).await;
        assert_eq!((outcome.passed, outcome.message.as_str()), (passed, message));
    }
    let nobody = outcome(&bed, None, request("/", 200, None), 0).await;
    assert_eq!(nobody.message, "the service `web` has no address");
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_is_tried_again_as_often_as_it_says() {
    let bed = Bed::new();
    let script = "echo x >> tries; test $(wc -l < tries) -ge 3";
    assert!(!outcome(&bed, None, shell(script), 1).await.passed);
    assert!(outcome(&bed, None, shell(script), 1).await.passed);
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_ends_with_its_timeout_and_so_does_all_it_started() {
    let bed = Bed::new();
    let ended = outcome(&bed, None, shell("echo $$ > pid; sleep 1000 & sleep 1000"), 0).await;
    assert!(!ended.passed && ended.message.ends_with("did not end within 700ms"), "{ended:?}");
    let group: i32 = std::fs::read_to_string(bed.folder.path().join("pid")).unwrap().trim().parse().unwrap();
    let group = rustix::process::Pid::from_raw(group).unwrap();
    eventually("the group is gone", || rustix::process::test_kill_process_group(group).is_err()).await;
    // A server that accepts and never answers.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = outcome(&bed, listener.local_addr().ok(), request("/", 200, None), 0).await;
    assert_eq!(silent.message, "GET / was not answered within 700ms");
    bed.end().await;
}
