//! A short command, run to its end: probes and checks. In a process group of its own, killed as a whole at its
//! timeout, at its end, and when nobody waits for it any more.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::AsyncReadExt,
    net::unix::pipe,
    process::{Child, Command},
};

use crate::{
    http::pretty,
    process::{Leader, signal_name},
};

/// How much of a command's output is kept: its end, where errors are.
const KEPT_OUTPUT: usize = 4096;

/// Why a program cannot be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    /// It is in no folder of the search path.
    #[error("`{program}` was not found in PATH ({path})")]
    NotInPath { program: String, path: String },
    /// It is not where it should be.
    #[error("there is no program `{}`", .0.display())]
    Missing(PathBuf),
    /// It is a folder or lacks the right.
    #[error("`{}` is not executable: make it so (`chmod +x`) before the release is created", .0.display())]
    NotExecutable(PathBuf),
}

/// A command to run to its end.
pub(crate) struct Short<'a> {
    /// Program and arguments.
    pub(crate) command: &'a [String],
    /// All of its environment.
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// Where it runs.
    pub(crate) directory: &'a Path,
    /// When it is killed.
    pub(crate) timeout: Duration,
}

/// Finds a program as a shell would: a name in PATH, a path from the working directory.
pub(crate) fn find_program(program: &str, directory: &Path, path: &str) -> Result<PathBuf, ProgramError> {
    use std::os::unix::fs::PermissionsExt as _;
    let executable =
        |file: &Path| file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    if program.contains('/') {
        let file = directory.join(program);
        return match () {
            () if executable(&file) => Ok(file),
            () if file.exists() => Err(ProgramError::NotExecutable(file)),
            () => Err(ProgramError::Missing(file)),
        };
    }
    let candidates =
        || path.split(':').filter(|folder| !folder.is_empty()).map(|folder| directory.join(folder).join(program));
    candidates().find(|file| executable(file)).ok_or_else(|| match candidates().find(|file| file.is_file()) {
        Some(file) => ProgramError::NotExecutable(file),
        None => ProgramError::NotInPath { program: program.to_owned(), path: path.to_owned() },
    })
}

/// Returns what a process of ours gets from our own environment: what programs need to find their way, and `TOWPATH`, this
/// program itself, so that commands and checks can call it wherever it is installed.
pub(crate) fn basic_environment() -> BTreeMap<String, String> {
    const BASICS: [&str; 10] =
        ["PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL"];
    let mut basics: BTreeMap<String, String> =
        BASICS.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect();
    let program = std::env::current_exe().ok().and_then(|program| program.into_os_string().into_string().ok());
    basics.extend(program.map(|program| ("TOWPATH".to_owned(), program)));
    basics.entry("PATH".to_owned()).or_insert_with(|| "/usr/local/bin:/usr/bin:/bin".to_owned());
    basics
}

/// Kills the group of a child when it goes out of scope. The child is reaped by Tokio.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // Without an id the child has been reaped and the number may be another's.
        if let Some(pid) = self.0.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Short<'_> {
    /// Runs it; `Err` says in words how it failed, with the end of its output.
    pub(crate) async fn run(&self) -> Result<(), String> {
        let name = self.command.join(" ");
        let (program, arguments) = self.command.split_first().ok_or_else(|| "the command is empty".to_owned())?;
        let path = self.environment.get("PATH").map_or("", String::as_str);
        let file = find_program(program, self.directory, path).map_err(|error| error.to_string())?;
        let cannot = |error: std::io::Error| format!("`{name}` cannot be started: {error}");
        let (reader, writer) = std::io::pipe().map_err(cannot)?;
        let mut command = Command::new(file);
        command.arg0(program).args(arguments).env_clear().envs(self.environment).current_dir(self.directory);
        command.stdin(Stdio::null()).stdout(writer.try_clone().map_err(cannot)?).stderr(writer);
        let mut group = Group(command.process_group(0).kill_on_drop(true).spawn().map_err(cannot)?);
        // The command holds the writing ends; with them it is dropped here, so that the pipe can end.
        drop(command);
        let output = pipe::Receiver::from_owned_fd(reader.into()).map_err(cannot)?;
        let mut tail = Vec::new();
        let done = tokio::time::timeout(self.timeout, wait(&mut group, output, &mut tail)).await;
        let failure = match done {
            Ok(Ok(status)) if status.success() => return Ok(()),
            Ok(Ok(status)) => match (status.code(), std::os::unix::process::ExitStatusExt::signal(&status)) {
                (Some(code), _) => format!("`{name}` exited with status {code}"),
                (None, signal) => format!("`{name}` was ended by signal {}", signal_name(signal.unwrap_or_default())),
            },
            Ok(Err(error)) => format!("`{name}` cannot be watched: {error}"),
            Err(_) => format!("`{name}` did not end within {}", pretty(self.timeout)),
        };
        let text = String::from_utf8_lossy(&tail);
        let text = text.trim();
        Err(if text.is_empty() { failure } else { format!("{failure}: {text}") })
    }
}

async fn wait(
    group: &mut Group,
    mut output: pipe::Receiver,
    tail: &mut Vec<u8>,
) -> std::io::Result<std::process::ExitStatus> {
    let leader = Leader::child(group.0.id().unwrap_or_default())?;
    let mut buffer = [0; 4096];
    let mut open = true;
    loop {
        tokio::select! {
            biased;
            read = output.read(&mut buffer), if open => match read {
                Ok(0) | Err(_) => open = false,
                Ok(count) => {
                    tail.extend_from_slice(buffer.get(..count).unwrap_or_default());
                    let surplus = tail.len().saturating_sub(KEPT_OUTPUT);
                    tail.drain(..surplus);
                }
            },
            () = leader.ended() => break,
        }
    }
    leader.signal(Signal::KILL);
    group.0.wait().await
}
