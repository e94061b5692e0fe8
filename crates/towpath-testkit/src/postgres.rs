//! A PostgreSQL server of a test's own: a fresh cluster in a temporary folder, on a free port, gone at the end.
//!
//! PostgreSQL does not run as root, so there it runs as `nobody`. Durability is switched off; everything else is as it comes.

use std::{
    fs, io,
    net::{TcpListener, TcpStream},
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long starting may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often another port is tried.
const TRIES: u32 = 5;
/// The superuser and its password.
const ADMIN: (&str, &str) = ("postgres", "admin-of-the-test");

/// A running server.
pub struct PostgresServer {
    process: Child,
    folder: TempDir,
    port: u16,
}

impl PostgresServer {
    /// Makes a cluster and starts it.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start: `apt-get install postgresql`.
    #[expect(clippy::panic, reason = "a test cannot go on without it")]
    pub fn start() -> Self {
        match Self::try_start() {
            Ok(server) => server,
            Err(error) => panic!("no PostgreSQL: {error}"),
        }
    }

    fn try_start() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("towpath-pg").tempdir()?;
        let password = folder.path().join("password");
        fs::write(&password, ADMIN.1)?;
        let user = other_user()?;
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid))?;
            chown(&password, Some(uid), Some(gid))?;
        }
        let data = folder.path().join("data");
        let made = command("initdb", user)?
            .arg("-D")
            .arg(&data)
            .args(["-U", ADMIN.0, "--auth=scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"])
            .arg(format!("--pwfile={}", password.display()))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()?;
        if !made.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&made.stderr).into_owned()));
        }
        let mut last = io::Error::other("it was not tried");
        for _ in 0..TRIES {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let log = fs::File::create(folder.path().join("log"))?;
            let mut process = command("postgres", user)?
                .arg("-D")
                .arg(&data)
                .args(["-c", "listen_addresses=127.0.0.1", "-c", &format!("port={port}")])
                .args(["-c", &format!("unix_socket_directories={}", folder.path().display())])
                .args(["-c", "fsync=off", "-c", "log_statement=all", "-c", "log_connections=on"])
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()?;
            match ready(&mut process, &folder.path().join("log"), port) {
                Ok(()) => return Ok(Self { process, folder, port }),
                Err(error) => {
                    let _ = process.kill();
                    let _ = process.wait();
                    last = error;
                }
            }
        }
        Err(last)
    }

    /// Returns the URL of the superuser for a database.
    pub fn admin_url(&self, database: &str) -> String {
        self.url(ADMIN.0, ADMIN.1, database)
    }

    /// Returns the URL of somebody for a database; what is in it must need no encoding.
    pub fn url(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// Returns everything the server has logged, each statement among it.
    pub fn log(&self) -> String {
        fs::read(self.folder.path().join("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // SIGQUIT: at once, with all its processes; nothing of it is needed any more.
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").args(["-QUIT", &pid]).status();
        let _ = self.process.wait();
    }
}

fn ready(process: &mut Child, log: &Path, port: u16) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = process.try_wait()? {
            return Err(io::Error::other(format!("{status}: {}", fs::read_to_string(log).unwrap_or_default())));
        }
        let told = fs::read_to_string(log).is_ok_and(|log| log.contains("ready to accept connections"));
        if told && TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(io::Error::other("it does not get ready"));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Returns who runs it where we are root.
fn other_user() -> io::Result<Option<(u32, u32)>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let root = status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0"));
    if !root {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let nobody = users.lines().find_map(|line| {
        let mut fields = line.strip_prefix("nobody:")?.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    Ok(Some(nobody.unwrap_or((65_534, 65_534))))
}

fn command(program: &str, user: Option<(u32, u32)>) -> io::Result<Command> {
    let file = find(program)?;
    let Some((uid, gid)) = user else { return Ok(Command::new(file)) };
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()]).arg(file);
    Ok(command)
}

/// Finds a program of PostgreSQL: in PATH, or where Debian keeps the versions, the newest first.
fn find(program: &str) -> io::Result<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let in_path = path.split(':').map(|folder| Path::new(folder).join(program)).find(|file| file.is_file());
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let mut versions: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin").join(program)).collect();
    versions.sort();
    let known = || versions.into_iter().rev().find(|file| file.is_file());
    in_path
        .or_else(known)
        .ok_or_else(|| io::Error::other(format!("`{program}` is not installed: apt-get install postgresql")))
}
