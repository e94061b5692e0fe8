//! One server for each folder: an exclusive lock that ends with the process, however it ends.

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};

use crate::{
    client::Running,
    failure::{Exit, Failure},
    folder::unwritable,
};

/// How often a folder that is held is tried again, and the time between.
const ATTEMPTS: usize = 5;
const PAUSE: Duration = Duration::from_millis(50);

/// Holds the folder for this process.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// What holds a folder.
#[derive(Debug)]
pub(crate) struct Holder {
    /// The process.
    pub pid: Option<u32>,
    /// The address of its API, once it serves.
    pub url: Option<String>,
}

impl Lock {
    /// Takes the folder, or says who has it.
    pub(crate) fn take(data: &Path) -> Result<Result<Self, Holder>, Failure> {
        let path = path(data);
        let wrong = |error: std::io::Error| unwritable(&path, &error);
        let opened = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(&path);
        let mut file = opened.map_err(wrong)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(Err(holder(data))),
            Err(error) => return Err(wrong(error.into())),
        }
        // The number is for people and for `towpath down`; what holds the folder is the lock.
        let pid = std::process::id().to_string();
        let noted = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(pid.as_bytes()));
        noted.map_err(wrong)?;
        Ok(Ok(Self { _file: file }))
    }

    /// Says whether somebody holds the folder. A file that tells of a server proves nothing: the server may have been killed,
    /// and its port may be another program's by now.
    pub(crate) fn is_held(data: &Path) -> bool {
        let file = OpenOptions::new().read(true).open(path(data));
        file.is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK))
    }

    /// Takes the folder for a server.
    pub(crate) fn for_server(data: &Path) -> Result<Self, Failure> {
        // Whoever asks whether somebody holds the folder holds it for a moment.
        for _ in 0..ATTEMPTS {
            if let Ok(lock) = Self::take(data)? {
                return Ok(lock);
            }
            std::thread::sleep(PAUSE);
        }
        Self::take(data)?.map_err(|holder| {
            let pid = holder.pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
            let at = holder.url.as_ref().map(|url| format!(" at {url}")).unwrap_or_default();
            let message = format!("a server runs for this project already{at}{pid}");
            Failure::new(Exit::Failed, "already_running", message)
                .fact("folder", data.display().to_string())
                .kept("it was left alone")
                .next("towpath status, to use it; towpath down, to stop it")
        })
    }
}

fn holder(data: &Path) -> Holder {
    let pid = fs::read_to_string(path(data)).ok().and_then(|text| text.trim().parse().ok());
    let running = Running::read(data).ok().flatten().filter(|running| Some(running.pid) == pid);
    Holder { pid, url: running.map(|running| running.url) }
}

fn path(data: &Path) -> PathBuf {
    data.join("lock")
}
