//! Instances outlive the control plane, and the next one takes them up again.

use std::{path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use serde_json::{Value, json};
use towpath_adapters::local::{LocalTarget, OpenError};
use towpath_core::instance::{InstancePhase, InstanceStatus};
use towpath_engine::ports::Target as _;
use towpath_testkit::conformance::target::{instances, set_id, until, until_gone, until_ready};

use crate::bed::{Bed, eventually, http, options, server, set};

/// Not a test by itself: another runs it in a process of its own, which is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_runs_instances_until_it_is_killed() {
    let Some(folder) = std::env::var_os("TEST_HOST_FOLDER").map(PathBuf::from) else { return };
    let replicas = std::env::var("TEST_HOST_REPLICAS").map_or(2, |text| text.parse().unwrap());
    let target = LocalTarget::open(options(&folder, Arc::default())).unwrap();
    let mut set = server(&folder.join("data"), set_id(1), replicas, "");
    set.spec.probes.readiness = Some(http("/health"));
    target.scale(&set).await.unwrap();
    until_ready(&target, &set.id, replicas as usize).await;
    std::fs::write(folder.join("hosted"), "").unwrap();
    std::future::pending::<()>().await;
}

/// Runs two instances under a host, kills it, and returns a target that took them up.
async fn after_the_death_of_a_host(between: impl FnOnce(i32)) -> (Bed, Vec<InstanceStatus>) {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let mut host = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "adoption::a_host_runs_instances_until_it_is_killed", "--nocapture"])
        .env("TEST_HOST_FOLDER", folder.path())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let hosted = folder.path().join("hosted");
    eventually("the host's instances are ready", || hosted.exists()).await;
    let refused = LocalTarget::open(options(folder.path(), Arc::default()));
    assert!(matches!(refused, Err(OpenError::InUse(_))), "two servers in one folder");
    host.kill().await.unwrap();
    let file = std::fs::read(folder.path().join("data/instances/testing_web_d1-0.json")).unwrap();
    let record: Value = serde_json::from_slice(&file).unwrap();
    between(i32::try_from(record["process"]["pid"].as_i64().unwrap()).unwrap());
    let bed = Bed::with(folder, Arc::default(), |_| {});
    let seen = instances(bed.target(), &set_id(1)).await;
    (bed, seen)
}

/// Kills a process and returns when it has ended, reaped or not.
fn kill(pid: i32) {
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
    let process = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()).unwrap();
    pidfd_send_signal(&process, Signal::KILL).unwrap();
    let mut ended = [rustix::event::PollFd::new(&process, rustix::event::PollFlags::IN)];
    rustix::event::poll(&mut ended, None).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_outlive_a_killed_server_and_serve_on_under_the_next() {
    let (bed, seen) = after_the_death_of_a_host(|_| {}).await;
    assert!(seen.len() == 2 && seen.iter().all(InstanceStatus::is_ready), "{seen:#?}");
    // They are really there, and probed.
    for status in &seen {
        tokio::net::TcpStream::connect(status.address.unwrap()).await.unwrap();
    }
    // One that ends is started again once its set is declared, as its environment is not known before.
    let pid = i32::try_from(seen[0].pid.unwrap()).unwrap();
    kill(pid);
    let down = |all: &[InstanceStatus]| matches!(all[0].phase, InstancePhase::BackOff { .. } | InstancePhase::Starting);
    let seen = until(bed.target(), &set_id(1), "down", down).await;
    assert!(seen[0].message.as_deref().unwrap().contains("an earlier server"), "{seen:#?}");
    let mut declared = server(&bed.data(), set_id(1), 2, "");
    declared.spec.probes.readiness = Some(http("/health"));
    bed.target().scale(&declared).await.unwrap();
    let again = until_ready(bed.target(), &set_id(1), 2).await;
    assert_eq!((again[0].restarts, again[1].restarts), (1, 0));
    assert_eq!(again[1].pid, seen[1].pid);
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ended_without_a_server_is_told_and_started_when_declared() {
    let (bed, seen) = after_the_death_of_a_host(kill).await;
    assert!(matches!(seen[0].phase, InstancePhase::BackOff { .. }), "{seen:#?}");
    assert_eq!(seen[0].message.as_deref(), Some("ended while no server was running"));
    assert!(seen[1].is_ready());
    let mut declared = server(&bed.data(), set_id(1), 2, "");
    declared.spec.probes.readiness = Some(http("/health"));
    bed.target().scale(&declared).await.unwrap();
    let again = until_ready(bed.target(), &set_id(1), 2).await;
    assert_eq!(again[0].restarts, 1);
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_declares_is_listed_until_it_is_removed() {
    let (bed, seen) = after_the_death_of_a_host(kill).await;
    assert_eq!(seen.len(), 2);
    bed.target().remove(&set_id(1)).await.unwrap();
    until_gone(bed.target(), &set_id(1)).await;
    assert_eq!(std::fs::read_dir(bed.data().join("instances")).unwrap().count(), 0);
    bed.end().await;
}

/// Runs one instance, changes its state file with nobody there, and returns the target after that.
async fn with_changed_state(change: impl FnOnce(&mut Value)) -> (Bed, InstanceStatus) {
    let bed = Bed::new();
    bed.target().scale(&server(&bed.data(), set_id(1), 1, "")).await.unwrap();
    let before = until_ready(bed.target(), &set_id(1), 1).await.remove(0);
    let path = bed.data().join("instances/testing_web_d1-0.json");
    // The file is written after the start; the readiness is in it last.
    let ready =
        || serde_json::from_slice::<Value>(&std::fs::read(&path).unwrap()).unwrap()["remembered"]["ready"] == true;
    eventually("the state is written", ready).await;
    let (folder, blobs) = bed.leave();
    let mut record: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut record);
    std::fs::write(&path, serde_json::to_vec(&record).unwrap()).unwrap();
    (Bed::with(folder, blobs, |_| {}), before)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_not_written_down_yet_is_found() {
    let (bed, before) = with_changed_state(|record| record["process"] = Value::Null).await;
    let seen = instances(bed.target(), &set_id(1)).await;
    assert_eq!((seen[0].pid, seen[0].address), (before.pid, before.address));
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_with_the_same_number_is_neither_adopted_nor_killed() {
    for (field, value) in [("start_ticks", json!(12)), ("boot", json!("another"))] {
        let mut stranger = tokio::process::Command::new("sleep").arg("1000").kill_on_drop(true).spawn().unwrap();
        let pid = stranger.id().unwrap();
        let (bed, before) = with_changed_state(|record| {
            kill(record["process"]["pid"].as_i64().unwrap().try_into().unwrap());
            record["process"]["pid"] = json!(pid);
            record["process"][field] = value;
        })
        .await;
        let seen = instances(bed.target(), &set_id(1)).await;
        assert_eq!(seen[0].pid, None, "{seen:#?}");
        bed.target().scale(&server(&bed.data(), set_id(1), 1, "")).await.unwrap();
        let again = until_ready(bed.target(), &set_id(1), 1).await;
        assert!(again[0].pid != before.pid && again[0].pid != Some(pid));
        // The killed process is a child that nobody watched.
        let raw = rustix::process::Pid::from_raw(before.pid.unwrap().try_into().unwrap()).unwrap();
        let _ = rustix::process::waitpid(Some(raw), rustix::process::WaitOptions::NOHANG);
        bed.end().await;
        assert!(stranger.try_wait().unwrap().is_none(), "the stranger was killed");
        stranger.kill().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_by_another_specification_is_replaced() {
    let (bed, before) = with_changed_state(|_| {}).await;
    bed.target().scale(&server(&bed.data(), set_id(1), 1, "pass")).await.unwrap();
    let other = |all: &[InstanceStatus]| all.len() == 1 && all[0].is_ready() && all[0].pid != before.pid;
    until(bed.target(), &set_id(1), "replaced", other).await;
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_state_file_is_left_and_stops_nobody() {
    let (bed, _) = with_changed_state(|_| {}).await;
    let broken = bed.data().join("instances/x.json");
    std::fs::write(&broken, "{").unwrap();
    let (folder, blobs) = bed.leave();
    let bed = Bed::with(folder, blobs, |_| {});
    assert_eq!(instances(bed.target(), &set_id(1)).await.len(), 1);
    assert!(broken.exists());
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_that_the_server_did_not_see_the_end_of_is_finished_by_the_next() {
    let bed = Bed::new();
    let mut stubborn = set(&bed.data(), set_id(1), 1, &["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"]);
    stubborn.spec.stop_grace = towpath_core::units::Millis(500);
    bed.target().scale(&stubborn).await.unwrap();
    let runs = |all: &[InstanceStatus]| all.len() == 1 && all[0].pid.is_some();
    until(bed.target(), &set_id(1), "running", runs).await;
    bed.target().remove(&set_id(1)).await.unwrap();
    let stopping = |all: &[InstanceStatus]| all.len() == 1 && all[0].phase == InstancePhase::Stopping;
    until(bed.target(), &set_id(1), "stopping", stopping).await;
    let (folder, blobs) = bed.leave();
    let bed = Bed::with(folder, blobs, |_| {});
    tokio::time::timeout(Duration::from_secs(20), until_gone(bed.target(), &set_id(1))).await.unwrap();
    bed.end().await;
}
