//! The server of the demo: `towpath up` as anybody starts it, in a process of its own.

use std::{
    fs::File,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    client::Running,
    failure::{Exit, Failure},
    folder::{DATA_FOLDER, unwritable},
};

/// How long it may take to serve, and to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server. Dropping it stops it and everything it runs.
#[derive(Debug)]
pub(super) struct Server {
    child: Option<Child>,
    root: PathBuf,
    pub(super) url: String,
}

impl Server {
    /// Starts it and waits until it serves.
    pub(super) async fn start(root: &Path) -> Result<Self, Failure> {
        let wrong =
            |error: std::io::Error| Failure::new(Exit::Failed, "demo", "cannot start towpath up").because(&error);
        let log = root.join("server.log");
        let file = File::create(&log).map_err(|error| unwritable(&log, &error))?;
        let child = Command::new(std::env::current_exe().map_err(wrong)?)
            .args(["up", "--listen", "127.0.0.1:0", "--stop-instances", "--color", "never", "--project"])
            .arg(root)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            // Ctrl-C is for the demo, which then stops this in good order.
            .process_group(0)
            .spawn()
            .map_err(wrong)?;
        let mut server = Self { child: Some(child), root: root.to_owned(), url: String::new() };
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(running) = Running::read(&root.join(DATA_FOLDER))? {
                server.url = running.url;
                return Ok(server);
            }
            let ended = server.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if ended.is_some() || Instant::now() >= deadline {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(Failure::new(Exit::Failed, "demo", "towpath up did not start").fact("log", said.trim()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Lets it go on by itself.
    pub(super) fn leave(mut self) {
        self.child = None;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let process = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let _ = process.map(|process| kill_process(process, Signal::TERM));
        let deadline = Instant::now() + PATIENCE;
        while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        if matches!(child.try_wait(), Ok(None)) {
            // It could not stop in good order, so neither could what it runs.
            let _ = child.kill();
            let _ = child.wait();
            let stop = crate::server::stop_instances(self.root.join(DATA_FOLDER), self.root.clone());
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                let _ = runtime.block_on(stop);
            }
        }
    }
}
