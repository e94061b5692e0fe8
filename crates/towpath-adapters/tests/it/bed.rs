//! What the tests share: a local target in a temporary folder, and sets that run shell and Python.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use towpath_adapters::local::{LocalOptions, LocalTarget};
use towpath_core::{
    deployment::{Probe, ProbeAction, Probes, Resources, ServiceSpec},
    ids::Digest,
    instance::{Environment, InstanceSet, SetId},
    supervision::BackOff,
    units::{Bytes, Millis},
};
use towpath_engine::ports::Target;
use towpath_testkit::{
    MemoryBlobs,
    conformance::target::{Behaviour, Subject},
};

/// A small server: `SERVER` with what to do before it listens in front.
pub(crate) const SERVER: &str = "
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == '/health' else 404)
        self.end_headers()
        self.wfile.write(b'fine')
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer((os.environ['HOST'], int(os.environ['PORT'])), Handler)
server.serve_forever()
";

pub(crate) struct Bed {
    // Deleted last.
    target: LocalTarget,
    pub(crate) folder: Arc<tempfile::TempDir>,
    pub(crate) blobs: Arc<MemoryBlobs>,
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self::with(Arc::new(tempfile::tempdir().unwrap()), Arc::default(), |_| {})
    }

    pub(crate) fn with(
        folder: Arc<tempfile::TempDir>,
        blobs: Arc<MemoryBlobs>,
        change: impl FnOnce(&mut LocalOptions),
    ) -> Self {
        let mut options = options(folder.path(), Arc::clone(&blobs));
        change(&mut options);
        Self { target: LocalTarget::open(options).unwrap(), folder, blobs }
    }

    pub(crate) fn target(&self) -> &LocalTarget {
        &self.target
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Stops everything. Called at the end of every test, as nothing else may be left.
    pub(crate) async fn end(self) {
        tokio::time::timeout(Duration::from_secs(30), self.target.stop_all()).await.expect("all stop");
        // Grandchildren have been killed and are not waited for: they are init's.
        eventually("no processes are left", || marked(&self.data()).is_empty()).await;
        eventually("no zombies", || zombies().is_empty()).await;
    }

    /// Ends the supervision as the end of the server would.
    pub(crate) fn leave(self) -> (Arc<tempfile::TempDir>, Arc<MemoryBlobs>) {
        (Arc::clone(&self.folder), Arc::clone(&self.blobs))
    }
}

impl Drop for Bed {
    /// A test that failed leaves no instances behind either, though they are made to be left.
    fn drop(&mut self) {
        if std::thread::panicking() {
            for pid in marked(&self.data()).into_iter().filter_map(rustix::process::Pid::from_raw) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

pub(crate) fn options(folder: &Path, blobs: Arc<MemoryBlobs>) -> LocalOptions {
    LocalOptions {
        back_off: BackOff { base: Millis(10), cap: Millis(200), ..BackOff::default() },
        log_keep: Bytes(1 << 20),
        sample_every: Duration::from_millis(50),
        ..LocalOptions::new(folder.join("data"), folder.to_owned(), blobs)
    }
}

/// Returns the processes that were given this folder in their environment, zombies too.
pub(crate) fn marked(data: &Path) -> Vec<i32> {
    let mark = format!("TEST_MARK={}", data.display());
    let has_mark = |pid: &i32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|line| line == mark.as_bytes())
    };
    let folders = std::fs::read_dir("/proc").unwrap().flatten();
    folders.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(has_mark).collect()
}

/// Returns our children that have ended and were not reaped.
fn zombies() -> Vec<i32> {
    let ours = i32::try_from(std::process::id()).unwrap();
    let is_zombie = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        fields.next() == Some("Z") && fields.next().and_then(|parent| parent.parse().ok()) == Some(ours)
    };
    let folders = std::fs::read_dir("/proc").unwrap().flatten();
    folders.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_zombie).collect()
}

/// Waits for something that nothing tells of.
pub(crate) async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(tokio::time::Instant::now() < deadline, "not within 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await; // tidy: allow(sleep) between two looks, with a deadline
    }
}

/// Returns a set that runs a command, marked so that [`marked`] finds it.
pub(crate) fn set(data: &Path, id: SetId, replicas: u32, command: &[&str]) -> InstanceSet {
    let environment = BTreeMap::from([("TEST_MARK".to_owned(), data.display().to_string())]);
    let spec = ServiceSpec {
        artifact: None,
        command: command.iter().map(|part| (*part).to_owned()).collect(),
        image: None,
        environment: Digest::of(b"{}"),
        replicas,
        listen: None,
        preview: None,
        probes: Probes::default(),
        resources: Resources::default(),
        stop_grace: Millis::from_secs(20),
        drain: Millis(0),
    };
    InstanceSet { id, replicas, spec, environment: Environment(environment) }
}

/// Returns a set that runs a small server after some lines of Python.
pub(crate) fn server(data: &Path, id: SetId, replicas: u32, before: &str) -> InstanceSet {
    set(data, id, replicas, &["python3", "-u", "-S", "-c", &format!("{before}\n{SERVER}")])
}

pub(crate) fn probe(action: ProbeAction) -> Probe {
    Probe {
        action,
        initial_delay: Millis(0),
        period: Millis(50),
        timeout: Millis::from_secs(5),
        failure_threshold: 1,
        success_threshold: 1,
    }
}

pub(crate) fn http(path: &str) -> Probe {
    probe(ProbeAction::Http { path: path.to_owned(), headers: BTreeMap::new() })
}

pub(crate) fn command(command: &[&str]) -> Probe {
    probe(ProbeAction::Command { command: command.iter().map(|part| (*part).to_owned()).collect() })
}

#[async_trait]
impl Subject for Bed {
    fn target(&self) -> &dyn Target {
        &self.target
    }

    async fn set(&self, id: SetId, replicas: u32, behaviour: Behaviour) -> InstanceSet {
        let data = self.data();
        match behaviour {
            Behaviour::Serves => server(&data, id, replicas, ""),
            Behaviour::IgnoresTerm => {
                let mut set =
                    server(&data, id, replicas, "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)");
                set.spec.stop_grace = Millis(300);
                set
            }
            Behaviour::NeverReady => {
                let mut set = server(&data, id, replicas, "");
                set.spec.probes.readiness = Some(http("/missing"));
                set
            }
            Behaviour::Exits => set(&data, id, replicas, &["sh", "-c", "echo no way; exit 3"]),
            Behaviour::Writes => server(&data, id, replicas, "for n in range(1, 101): print('line', n)"),
        }
    }
}
