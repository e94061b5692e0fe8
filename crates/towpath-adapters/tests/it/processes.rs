//! What the local target does with real processes, beyond the suite of the port.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    sync::Arc,
    time::Duration,
};

use towpath_core::{
    artifact::{Tree, TreeEntry, TreePath},
    ids::Digest,
    instance::{InstanceId, InstancePhase, InstanceSet, InstanceStatus},
    units::{Bytes, Millis},
};
use towpath_engine::ports::{Blobs as _, LogQuery, Target as _, TargetError};
use towpath_testkit::conformance::target::{instances, set_id, until, until_gone, until_ready};

use crate::bed::{Bed, command, eventually, http, marked, server, set};

async fn run(bed: &Bed, set: &InstanceSet) {
    bed.target().scale(set).await.unwrap();
}

/// Runs a set that cannot start and returns what is said of it.
async fn complaint(bed: &Bed, set: &InstanceSet) -> String {
    run(bed, set).await;
    let told = |all: &[InstanceStatus]| all.iter().any(|status| status.message.is_some());
    until(bed.target(), &set.id, "explained", told).await.remove(0).message.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_the_servers_environment_leaks() {
    let bed = Bed::new();
    // Not the server: where `python3` is a script, it adds variables of its own.
    run(&bed, &set(&bed.data(), set_id(3), 1, &["sleep", "1000"])).await;
    let runs = |all: &[InstanceStatus]| all.iter().any(|status| status.pid.is_some());
    let status = until(bed.target(), &set_id(3), "running", runs).await.remove(0);
    // For a moment after the program was replaced (execve(2)) the kernel shows no variables yet.
    let read = || std::fs::read(format!("/proc/{}/environ", status.pid.unwrap())).unwrap();
    eventually("its variables can be read", || !read().is_empty()).await;
    let environment = read();
    let environment: BTreeMap<_, _> = environment
        .split(|byte| *byte == 0)
        .filter_map(|line| std::str::from_utf8(line).ok()?.split_once('='))
        .collect();
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "there is something to leak");
    let allowed = [
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "TMPDIR",
        "USER",
        "LOGNAME",
        "SHELL",
        "PORT",
        "HOST",
        "TEST_MARK",
        "TOWPATH",
        "TOWPATH_ENVIRONMENT",
        "TOWPATH_SERVICE",
        "TOWPATH_REVISION",
        "TOWPATH_INSTANCE",
    ];
    let allowed = BTreeSet::from(allowed);
    let leaked: Vec<_> = environment.keys().filter(|name| !allowed.contains(*name)).collect();
    assert!(leaked.is_empty(), "{leaked:?}");
    assert_eq!(environment["PORT"], status.address.unwrap().port().to_string());
    assert_eq!(environment["TOWPATH_REVISION"], "d3");
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_of_an_instance_end_with_it() {
    let bed = Bed::new();
    let script = "sleep 1000 & (sleep 1000; true) & exec python3 -m http.server $PORT --bind $HOST";
    run(&bed, &set(&bed.data(), set_id(1), 1, &["sh", "-c", script])).await;
    until_ready(bed.target(), &set_id(1), 1).await;
    assert!(marked(&bed.data()).len() >= 3);
    bed.target().remove(&set_id(1)).await.unwrap();
    until_gone(bed.target(), &set_id(1)).await;
    eventually("all gone", || marked(&bed.data()).is_empty()).await;
    // Those that ignore SIGTERM outlive their parent only until it is reaped.
    run(&bed, &set(&bed.data(), set_id(2), 1, &["sh", "-c", "(trap '' TERM; sleep 1000) & sleep 0.1; exit 1"])).await;
    let ended = |all: &[InstanceStatus]| all.iter().any(|status| status.restarts > 1);
    until(bed.target(), &set_id(2), "ended", ended).await;
    assert!(marked(&bed.data()).len() <= 4);
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_instances_leave_nothing_behind() {
    let bed = Bed::new();
    run(&bed, &server(&bed.data(), set_id(1), 10, "")).await;
    until_ready(bed.target(), &set_id(1), 10).await;
    bed.target().remove(&set_id(1)).await.unwrap();
    until_gone(bed.target(), &set_id(1)).await;
    assert_eq!(std::fs::read_dir(bed.data().join("instances")).unwrap().count(), 0);
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_artifact_is_the_working_directory() {
    let bed = Bed::new();
    let script = format!(
        "#!/bin/sh\nset -e\ncat sub/text again\nexec python3 -S -c '{}'\n",
        crate::bed::SERVER.replace('\'', "\"")
    );
    let mut entries = BTreeMap::new();
    for (path, bytes, executable) in [("run", script.as_bytes(), true), ("sub/text", b"hello\n", false)] {
        let digest = bed.blobs.put(bytes).await.unwrap();
        entries.insert(TreePath::new(path).unwrap(), TreeEntry::File { digest, executable, size: bytes.len() as u64 });
    }
    entries.insert(TreePath::new("again").unwrap(), TreeEntry::Symlink { target: "sub/text".to_owned() });
    let tree = Tree::new(entries).unwrap();
    let artifact = bed.blobs.put(&tree.canonical()).await.unwrap();
    let mut declared = set(&bed.data(), set_id(1), 2, &["./run"]);
    declared.spec.artifact = Some(artifact);
    run(&bed, &declared).await;
    until_ready(bed.target(), &set_id(1), 2).await;
    let instance = InstanceId { set: set_id(1), index: 0 };
    let query = LogQuery { from: Some(0), tail_lines: 0, max_bytes: 100 };
    assert_eq!(bed.target().logs(&instance, query).await.unwrap().text, "hello\nhello\n");
    let folder = bed.data().join("artifacts").join(artifact.hex());
    for (path, mode) in [("", 0o555), ("run", 0o555), ("sub", 0o555), ("sub/text", 0o444)] {
        assert_eq!(folder.join(path).metadata().unwrap().permissions().mode() & 0o777, mode, "{path}");
    }
    assert_eq!(std::fs::read_dir(bed.data().join("artifacts")).unwrap().count(), 1, "no temporary folder is left");
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_start_says_why() {
    let bed = Bed::new();
    let data = bed.data();
    let told = complaint(&bed, &set(&data, set_id(1), 1, &["no-such-program"])).await;
    assert!(told.starts_with("`no-such-program` was not found in PATH (/"), "{told}");
    let told = complaint(&bed, &set(&data, set_id(2), 1, &["./nothing"])).await;
    assert!(told.starts_with("there is no program `/"), "{told}");
    std::fs::write(bed.folder.path().join("plain"), "text").unwrap();
    let told = complaint(&bed, &set(&data, set_id(3), 1, &["./plain"])).await;
    assert!(told.contains("is not executable: make it so (`chmod +x`)"), "{told}");
    std::fs::set_permissions(bed.folder.path().join("plain"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let told = complaint(&bed, &set(&data, set_id(4), 1, &["./plain"])).await;
    assert!(told.contains("neither a program for this machine nor a script"), "{told}");
    let mut missing = set(&data, set_id(5), 1, &["true"]);
    missing.spec.artifact = Some(Digest::of(b"nothing"));
    let told = complaint(&bed, &missing).await;
    assert!(told.ends_with("is missing: create the release again"), "{told}");
    let refused = bed.target().scale(&set(&data, set_id(6), 1, &["true", "${PROT}"])).await;
    assert!(matches!(refused, Err(TargetError::CannotStart { .. })), "{refused:?}");
    assert!(instances(bed.target(), &set_id(6)).await.is_empty());
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_never_tells_a_value_of_the_environment() {
    let bed = Bed::new();
    let mut declared = set(&bed.data(), set_id(1), 1, &["sh", "-c", "echo cannot open $URL; exit 1"]);
    declared.environment.0.insert("URL".to_owned(), "db://user:secret@host".to_owned());
    run(&bed, &declared).await;
    // Before its end it may be told that it does not listen.
    let told = |status: &InstanceStatus| status.message.clone().filter(|message| !message.starts_with("readiness"));
    let ended = until(bed.target(), &set_id(1), "ended", |all| all.iter().any(|status| told(status).is_some())).await;
    let told = told(&ended[0]).unwrap();
    assert_eq!(told, "exited with status 1; last lines of its log:\ncannot open ${URL}");
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_comes_and_goes_and_liveness_restarts() {
    let bed = Bed::new();
    let file = |name: &str| bed.folder.path().join(name);
    let mut declared = server(&bed.data(), set_id(1), 1, "");
    declared.spec.probes.startup = Some(command(&["test", "-f", "started"]));
    declared.spec.probes.startup.as_mut().unwrap().failure_threshold = 1000;
    declared.spec.probes.readiness = Some(command(&["sh", "-c", "test ! -f unready || { echo not now; exit 4; }"]));
    declared.spec.probes.liveness = Some(command(&["test", "!", "-f", "dead"]));
    run(&bed, &declared).await;
    let held =
        |all: &[InstanceStatus]| all.iter().any(|s| s.message.as_deref().is_some_and(|m| m.starts_with("startup")));
    let seen = until(bed.target(), &set_id(1), "held back", held).await;
    assert_eq!(seen[0].phase, InstancePhase::Starting);
    std::fs::write(file("started"), "").unwrap();
    until_ready(bed.target(), &set_id(1), 1).await;
    std::fs::write(file("unready"), "").unwrap();
    let unready = |all: &[InstanceStatus]| all[0].phase == InstancePhase::Unready;
    let seen = until(bed.target(), &set_id(1), "unready", unready).await;
    let message = seen[0].message.as_deref().unwrap();
    assert!(message.ends_with("exited with status 4: not now"), "{message}");
    std::fs::remove_file(file("unready")).unwrap();
    until_ready(bed.target(), &set_id(1), 1).await;
    std::fs::write(file("dead"), "").unwrap();
    let restarted = |all: &[InstanceStatus]| all[0].restarts > 0;
    until(bed.target(), &set_id(1), "restarted", restarted).await;
    std::fs::remove_file(file("dead")).unwrap();
    until_ready(bed.target(), &set_id(1), 1).await;
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http_probe_says_what_was_answered() {
    let bed = Bed::new();
    let mut declared = server(&bed.data(), set_id(1), 1, "");
    declared.spec.probes.readiness = Some(http("/wrong"));
    run(&bed, &declared).await;
    let answered = |all: &[InstanceStatus]| {
        all.iter().any(|s| s.message.as_deref() == Some("readiness probe: GET /wrong answered 404"))
    };
    until(bed.target(), &set_id(1), "answered", answered).await;
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_somebody_else_took_is_exchanged_at_once() {
    let bed = Bed::new();
    // The first time, a process that left the group takes the port before the service can.
    let thief = "
import os, socket, sys, time
if not os.path.exists('stolen'):
    if os.fork() == 0:
        os.setsid()
        s = socket.create_server(('127.0.0.1', int(os.environ['PORT'])))
        open('stolen', 'w').close()
        while not os.path.exists('end'): time.sleep(0.02) # // tidy: allow(sleep) polls
        os._exit(0)
    while not os.path.exists('stolen'): time.sleep(0.01) # // tidy: allow(sleep) polls
    sys.exit('address in use')
";
    run(&bed, &server(&bed.data(), set_id(1), 1, thief)).await;
    let status = until_ready(bed.target(), &set_id(1), 1).await.remove(0);
    assert_eq!(status.restarts, 0, "{status:#?}");
    std::fs::write(bed.folder.path().join("end"), "").unwrap();
    bed.target().remove(&set_id(1)).await.unwrap();
    until_gone(bed.target(), &set_id(1)).await;
    eventually("the thief is gone", || marked(&bed.data()).is_empty()).await;
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_is_cut_and_a_follower_gets_every_line() {
    const BATCHES: usize = 40;
    let bed =
        Bed::with(Arc::new(tempfile::tempdir().unwrap()), Arc::default(), |options| options.log_keep = Bytes(1 << 20));
    // 4 MB in all; each batch waits until the one before was read.
    let writer = "
import os, sys, time
for batch in range(40):
    sys.stdout.write(''.join('%05d %s\\n' % (batch * 1000 + n, 'x' * 93) for n in range(1000)))
    while not os.path.exists('read-%d' % batch): time.sleep(0.002) # // tidy: allow(sleep) polls
while not os.path.exists('read-all'): time.sleep(0.01) # // tidy: allow(sleep) polls
";
    run(&bed, &set(&bed.data(), set_id(1), 1, &["python3", "-u", "-S", "-c", writer])).await;
    let instance = InstanceId { set: set_id(1), index: 0 };
    let (mut from, mut next) = (Some(0), 0);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while next < BATCHES * 1000 {
        assert!(tokio::time::Instant::now() < deadline, "stuck at line {next}");
        let query = LogQuery { from, tail_lines: 0, max_bytes: 50_000 };
        let chunk = bed.target().logs(&instance, query).await.unwrap();
        for line in chunk.text.lines() {
            assert_eq!(line.split(' ').next(), Some(format!("{next:05}").as_str()));
            next += 1;
            if next.is_multiple_of(1000) {
                std::fs::write(bed.folder.path().join(format!("read-{}", next / 1000 - 1)), "").unwrap();
            }
        }
        from = Some(chunk.next);
    }
    let path = bed.data().join("logs/testing/web/d1-0.log");
    let kept = || path.metadata().unwrap().blocks() * 512;
    // A quarter and a block more than asked for are let be, so it is not cut again below.
    eventually("the log is cut", || kept() <= (1 << 20) / 4 * 5 + (1 << 16)).await;
    assert_eq!(path.metadata().unwrap().len(), 4_000_000);
    // What is gone is skipped, to the first whole line.
    let query = LogQuery { from: Some(0), tail_lines: 0, max_bytes: 10_000 };
    let chunk = bed.target().logs(&instance, query).await.unwrap();
    let first: usize = chunk.text.split(' ').next().unwrap().parse().unwrap();
    assert!(first > 20_000 && chunk.text.starts_with(&format!("{first:05} xxx")), "{first}");
    let query = LogQuery { from: None, tail_lines: 100_000, max_bytes: 10_000_000 };
    let all = bed.target().logs(&instance, query).await.unwrap().text;
    assert_eq!(all.lines().count(), BATCHES * 1000 - first);
    std::fs::write(bed.folder.path().join("read-all"), "").unwrap();
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn use_of_the_machine_is_measured_for_the_whole_group() {
    let bed = Bed::new();
    let child = "import os\nif os.fork() == 0:\n    block = bytearray(30_000_000)\n    while True: block[0] = 1";
    run(&bed, &server(&bed.data(), set_id(1), 1, child)).await;
    until_ready(bed.target(), &set_id(1), 1).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let usage = instances(bed.target(), &set_id(1)).await[0].usage;
        if usage.is_some_and(|usage| usage.cpu_milli > 100 && usage.memory > Bytes(30_000_000)) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{usage:?}");
        tokio::time::sleep(Duration::from_millis(20)).await; // tidy: allow(sleep) between two looks, with a deadline
    }
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_instance_is_not_killed_before_its_grace() {
    let bed = Bed::new();
    let mut stubborn =
        server(&bed.data(), set_id(1), 1, "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)");
    stubborn.spec.stop_grace = Millis(400);
    run(&bed, &stubborn).await;
    until_ready(bed.target(), &set_id(1), 1).await;
    let began = std::time::Instant::now();
    bed.target().remove(&set_id(1)).await.unwrap();
    until_gone(bed.target(), &set_id(1)).await;
    assert!(began.elapsed() >= Duration::from_millis(400));
    bed.end().await;
}
