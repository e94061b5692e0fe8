//! A project of one service `web` in one environment, with an app from elsewhere, traffic, and a look at its processes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    thread,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::project::{PATIENCE, Project, until};

/// The environment of these projects; a new release enters it by itself.
pub(super) const HERE: &str = "development";

/// A program that serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum App {
    /// Python's own file server. `SITE` says which folder of the artifact it serves.
    HttpServer,
    /// nginx. `SITE` says which folder of the artifact it serves.
    Nginx,
    /// `app.py`, which misbehaves as `MODE` says.
    Misbehaving,
    /// `flagged.py`, which asks for a flag over OFREP.
    Flagged,
}

/// A project with its server. Dropping it stops everything and fails the test if anything is left.
pub(super) struct Bed {
    project: Option<Project>,
    folder: PathBuf,
    app: App,
}

/// One release of the project.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version<'a> {
    /// What its artifact says, and its number.
    pub(super) number: u64,
    /// The environment of its instances.
    pub(super) env: &'a [(&'a str, &'a str)],
    /// How it comes in, in flow style.
    pub(super) strategy: &'a str,
    /// Further lines of the environment file.
    pub(super) more: &'a str,
    /// How many instances.
    pub(super) replicas: u32,
}

impl Default for Version<'_> {
    fn default() -> Self {
        Self { number: 1, env: &[], strategy: "rolling", more: "", replicas: 2 }
    }
}

/// An instance as the server tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instance {
    pub(super) revision: u64,
    pub(super) index: u64,
    pub(super) pid: u32,
    pub(super) address: Option<SocketAddr>,
    pub(super) phase: String,
    pub(super) restarts: u64,
}

// It takes its port from its configuration only, and that from a file only; beside it is what it writes by itself.
const NGINX: &str = r#"
      - /bin/sh
      - -c
      - |
        mkdir -p "tmp/$PORT"
        cat >"tmp/$PORT/nginx.conf" <<EOF
        daemon off; worker_processes 1; pid tmp/$PORT/pid; user root;
        events { worker_connections 256; }
        http {
          access_log off; root site/$SITE; server { listen 127.0.0.1:$PORT; }
          client_body_temp_path tmp/$PORT/a; proxy_temp_path tmp/$PORT/b; fastcgi_temp_path tmp/$PORT/c;
          uwsgi_temp_path tmp/$PORT/d; scgi_temp_path tmp/$PORT/e;
        }
        EOF
        PATH="$PATH:/usr/sbin" exec nginx -p "$PWD" -e stderr -c "tmp/$PORT/nginx.conf"
"#;

impl App {
    /// Says whether it can run here, and prints a line if it cannot.
    pub(super) fn is_there(self) -> bool {
        let there = self != Self::Nginx
            || ["/usr/sbin/nginx", "/usr/local/bin/nginx", "/usr/bin/nginx"]
                .iter()
                .any(|path| Path::new(path).exists());
        if !there {
            println!("skipped: nginx is not installed (apt-get install nginx-light)");
        }
        there
    }

    fn command(self) -> &'static str {
        match self {
            Self::HttpServer => {
                " [python3, -m, http.server, '${PORT}', --bind, 127.0.0.1, --protocol, HTTP/1.1, --directory, 'site/${SITE}']\n"
            }
            Self::Nginx => NGINX,
            Self::Misbehaving => " [python3, app.py]\n",
            Self::Flagged => " [python3, flagged.py]\n",
        }
    }

    fn probe(self) -> &'static str {
        if matches!(self, Self::Misbehaving | Self::Flagged) { "/health" } else { "/" }
    }
}

impl Bed {
    /// Starts a server for the app, without a release.
    pub(super) fn new(app: App) -> Self {
        let project = Project::empty();
        let folder = fs::canonicalize(project.path()).unwrap();
        let command = app.command();
        let probe = app.probe();
        project.write(
            "towpath.yaml",
            &format!(
                "project: shop\npeople:\n  ana: {{roles: [developer]}}\nartifacts: {{web: app}}\nservices:\n  web:\n    \
                 command:{command}    probes: {{readiness: {{http: {probe}, period: 100ms, timeout: 5s}}}}\n    \
                 drain: 3s\n    stop_grace: 1500ms\npipeline: [{HERE}]\n"
            ),
        );
        let mut bed = Self { project: Some(project), folder, app };
        bed.declare(Version::default());
        bed.up();
        bed
    }

    /// Starts a server with the first version in the environment.
    pub(super) fn with(app: App, version: Version<'_>) -> Self {
        let bed = Self::new(app);
        let number = bed.ship(version);
        bed.arrives(HERE, number);
        bed
    }

    /// Writes the files of a version.
    pub(super) fn declare(&self, version: Version<'_>) {
        let Version { number, env, strategy, more, replicas } = version;
        let env: Vec<String> = env.iter().map(|(name, value)| format!("{name}: '{value}'")).collect();
        let env = env.join(", ");
        let own = matches!(self.app, App::Misbehaving | App::Flagged);
        let site = if own { String::new() } else { "SITE: blue".to_owned() };
        let env = if env.is_empty() { site } else { env };
        self.write(
            "environments/development.yaml",
            &format!(
                "services: {{web: {{replicas: {replicas}, env: {{{env}}}}}}}\n\
                 deployment: {{progress_deadline: 30s, strategy: {strategy}}}\n{more}"
            ),
        );
        self.write("app/version", &format!("{number}\n"));
        self.write("app/app.py", include_str!("app.py"));
        self.write("app/flagged.py", include_str!("flagged.py"));
        for site in ["blue", "green"] {
            self.write(&format!("app/site/{site}/index.html"), &format!("version {number} {site}\n"));
        }
        self.write("app/tmp/keep", "");
    }

    /// Writes the files of a version and makes a release of them, which enters by itself. Returns its number.
    pub(super) fn ship(&self, version: Version<'_>) -> u64 {
        self.declare(version);
        let number = self.release(&format!("{}.0", version.number));
        assert_eq!(number, version.number, "a release for each version");
        number
    }

    /// Makes a release of the same files with another version, and expects that it cannot enter by itself.
    pub(super) fn ship_again(&self, number: u64) {
        self.write("app/version", &format!("{number}\n"));
        assert_eq!(self.release(&format!("{number}.0")), number, "a release for each version");
    }

    /// Returns the rollout of a release once it is as described.
    #[track_caller]
    pub(super) fn rollout(&self, release: u64, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.until_rollout(HERE, what, |rollout| {
            if rollout["release"] == release && fits(rollout) {
                return true;
            }
            let over = rollout["release"] == release && rollout["active"] == false;
            assert!(!over, "the rollout was over before it {what}: {rollout:#}\n{}", self.server_log());
            false
        })
    }

    /// Returns the rollout of a release once it has ended.
    #[track_caller]
    pub(super) fn ended(&self, release: u64) -> Value {
        self.rollout(release, "ends", |rollout| rollout["active"] == false)
    }

    /// Returns what the proxy answers.
    pub(super) fn page(&self) -> String {
        get(self.address(HERE))
    }

    /// Returns the instances as the server tells of them.
    pub(super) fn instances(&self) -> Vec<Instance> {
        let status = self.json(&format!("status {HERE}"));
        let list = status["instanceList"].as_array().cloned().unwrap_or_default();
        let read = |one: &Value| {
            Some(Instance {
                revision: one["revision"].as_u64()?,
                index: one["index"].as_u64()?,
                pid: u32::try_from(one["pid"].as_u64()?).ok()?,
                address: one["address"].as_str().and_then(|address| address.parse().ok()),
                phase: one["phase"].as_str()?.to_owned(),
                restarts: one["restarts"].as_u64()?,
            })
        };
        list.iter().filter_map(read).collect()
    }

    /// Returns the process groups that run below the project's private folder.
    pub(super) fn groups(&self) -> BTreeMap<u32, String> {
        groups_in(&self.folder.join(".towpath"))
    }

    /// Waits until there is a process group for every instance that the server tells of, and no other.
    #[track_caller]
    pub(super) fn no_strays(&self) {
        until("every process is an instance", || {
            let told: BTreeSet<u32> = self.instances().iter().map(|one| one.pid).collect();
            let there: BTreeSet<u32> = self.groups().into_keys().collect();
            (told == there).then_some(())
        });
    }

    /// Returns a counter of the proxy for a revision, all its series added.
    pub(super) fn counter(&self, name: &str, revision: u64, label: &str) -> u64 {
        let running: Value = serde_json::from_str(&self.read(".towpath/server.json")).unwrap();
        let url = running["url"].as_str().unwrap();
        let text = ask(url.trim_start_matches("http://").parse().unwrap(), "/metrics").unwrap();
        let revision = format!("revision=\"d{revision}\"");
        let lines =
            text.lines().filter(|line| line.starts_with(name) && line.contains(&revision) && line.contains(label));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }
}

impl Deref for Bed {
    type Target = Project;

    fn deref(&self) -> &Project {
        self.project.as_ref().unwrap()
    }
}

impl DerefMut for Bed {
    fn deref_mut(&mut self) -> &mut Project {
        self.project.as_mut().unwrap()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        drop(self.project.take());
        let left = groups_in(&self.folder);
        for pid in left.keys().filter_map(|pid| Pid::from_raw(i32::try_from(*pid).ok()?)) {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
            let _ = kill_process(pid, Signal::KILL);
        }
        assert!(left.is_empty() || thread::panicking(), "processes were left behind: {left:?}");
    }
}

/// Returns what is served at an address; `…` in front of what went wrong.
pub(super) fn get(address: SocketAddr) -> String {
    ask(address, "/").unwrap_or_else(|error| format!("… {error}"))
}

pub(super) fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Returns the leaders of process groups whose working directory is in a folder, and their command lines.
fn groups_in(folder: &Path) -> BTreeMap<u32, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(cwd) = fs::read_link(entry.path().join("cwd")) else { continue };
        if !cwd.starts_with(folder) {
            continue;
        }
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let group = fields.get(2).and_then(|group| group.parse::<u32>().ok());
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        // A member of a group stands for it where its leader is gone.
        found.entry(group.unwrap_or(pid)).or_insert(line);
    }
    found
}

/// Waits until a load has had so many answers more.
#[track_caller]
pub(super) fn answers(load: &crate::load::Load, more: u64) {
    let before = load.tally().requests;
    until("requests are answered", || (load.tally().requests >= before + more).then_some(()));
}

/// Does the same for every case, a few at a time; the first failure is the test's.
pub(super) fn side_by_side<T: Sync>(cases: &[T], at_once: usize, run: impl Fn(&T) + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..at_once.min(cases.len()) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    run(case);
                }
            });
        }
    });
}
