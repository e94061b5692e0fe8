//! Secrets from a program that prints the value of the one its environment names.
//!
//! The program gets `TOWPATH_SECRET` and `TOWPATH_ENVIRONMENT`, and `${NAME}` in an argument is the secret's name. It ends
//! with status 0 after printing the value, or with status 3 if it has no such secret; every other end is a failure, shown
//! with what the program wrote to standard error, never with what it printed. One newline at the end of what it prints is
//! no part of the value; everything else is.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
};
use towpath_core::{
    ids::EnvironmentName,
    secrets::{SecretText, SecretVersion, SourceId},
};
use towpath_engine::ports::{PastVersion, SecretSource, SourceError};
use zeroize::Zeroizing;

use super::VersionKey;
use crate::{
    command::find_program,
    http::pretty,
    process::{Leader, signal_name},
};

/// How the program says that it has no such secret.
const NO_SUCH_SECRET: i32 = 3;
/// How many programs run at the same time.
const AT_ONCE: usize = 8;
/// What a value may have at most.
const MOST_VALUE_BYTES: usize = 1 << 20;
/// How much of what a program complains of is shown: its end.
const SHOWN_BYTES: usize = 2048;

/// A program as a source of secrets.
pub struct CommandSource {
    environment: EnvironmentName,
    command: Vec<String>,
    timeout: Duration,
    directory: PathBuf,
    variables: BTreeMap<String, String>,
    key: VersionKey,
}

/// How a program ended and what it wrote.
struct Ended {
    status: ExitStatus,
    printed: Zeroizing<Vec<u8>>,
    complaint: Vec<u8>,
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

impl CommandSource {
    /// Takes a program and its arguments, run in `directory` with exactly these variables and the two that name the secret.
    pub fn new(
        environment: EnvironmentName,
        command: Vec<String>,
        timeout: Duration,
        directory: PathBuf,
        variables: BTreeMap<String, String>,
        key: VersionKey,
    ) -> Self {
        Self { environment, command, timeout, directory, variables, key }
    }

    fn refused(&self, reason: String) -> SourceError {
        SourceError::Refused { source_id: self.id(), reason }
    }

    fn unable(&self, what: &'static str) -> SourceError {
        SourceError::Unable { source_id: self.id(), what }
    }

    /// Runs the program for a secret.
    async fn ask(&self, name: &str) -> Result<Option<(SecretText, SecretVersion)>, SourceError> {
        if name.is_empty() || name.contains('\0') {
            return Ok(None);
        }
        let run = tokio::time::timeout(self.timeout, self.run(name)).await;
        let ended = run.map_err(|_| SourceError::Away {
            source_id: self.id(),
            reason: format!("the command did not print `{name}` within {}", pretty(self.timeout)),
        })??;
        if ended.status.code() == Some(NO_SUCH_SECRET) {
            return Ok(None);
        }
        if !ended.status.success() {
            return Err(self.refused(self.failure(name, &ended)));
        }
        let value = self.value(name, ended.printed)?;
        let version = self.key.version(&self.id(), self.environment.as_str(), name, &value);
        Ok(Some((value, version)))
    }

    async fn run(&self, name: &str) -> Result<Ended, SourceError> {
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(self.refused("the command is empty".to_owned()));
        };
        let path = self.variables.get("PATH").map_or("", String::as_str);
        let file = find_program(program, &self.directory, path).map_err(|error| self.refused(error.to_string()))?;
        let mut command = Command::new(file);
        command.arg0(program).args(arguments.iter().map(|argument| argument.replace("${NAME}", name)));
        command.env_clear().envs(&self.variables).current_dir(&self.directory);
        command.env("TOWPATH_SECRET", name).env("TOWPATH_ENVIRONMENT", self.environment.as_str());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = command.process_group(0).kill_on_drop(true).spawn();
        let failed = |error: std::io::Error| self.refused(format!("`{program}` cannot be run: {error}"));
        let mut group = Group(started.map_err(failed)?);
        let leader = Leader::child(group.0.id().unwrap_or_default()).map_err(failed)?;
        let (stdout, stderr) = (group.0.stdout.take(), group.0.stderr.take());
        let mut printed = Zeroizing::new(Vec::new());
        let mut complaint = Vec::new();
        let read = async {
            let whole = read_value(stdout, &mut printed).await;
            if !whole {
                leader.signal(Signal::KILL);
            }
            whole
        };
        // What it leaves running in its group ends with it, and with that what holds its output open.
        let ended = async {
            leader.ended().await;
            leader.signal(Signal::KILL);
            group.0.wait().await
        };
        let (whole, (), status) = tokio::join!(read, read_end(stderr, &mut complaint), ended);
        if !whole {
            return Err(self.damaged(name, format!("the command printed more than {MOST_VALUE_BYTES} bytes")));
        }
        Ok(Ended { status: status.map_err(failed)?, printed, complaint })
    }

    fn damaged(&self, name: &str, reason: String) -> SourceError {
        SourceError::Damaged { source_id: self.id(), name: name.to_owned(), reason }
    }

    fn value(&self, name: &str, mut printed: Zeroizing<Vec<u8>>) -> Result<SecretText, SourceError> {
        if printed.last() == Some(&b'\n') {
            printed.pop();
            if printed.last() == Some(&b'\r') {
                printed.pop();
            }
        }
        if printed.contains(&0) {
            return Err(self.damaged(name, "the command printed a NUL, which no variable can hold".to_owned()));
        }
        match std::str::from_utf8(&printed) {
            Ok(text) => Ok(SecretText::new(text)),
            Err(_) => Err(self.damaged(name, "the command printed no UTF-8".to_owned())),
        }
    }

    /// Says how a program failed, without what it printed, even where it repeats that among its complaints.
    fn failure(&self, name: &str, ended: &Ended) -> String {
        use std::os::unix::process::ExitStatusExt as _;
        let how = match (ended.status.code(), ended.status.signal()) {
            (Some(code), _) => format!("exited with status {code}"),
            (None, signal) => format!("was ended by signal {}", signal_name(signal.unwrap_or_default())),
        };
        let mut complaint = String::from_utf8_lossy(&ended.complaint).into_owned();
        let printed = Zeroizing::new(String::from_utf8_lossy(&ended.printed).into_owned());
        for line in printed.lines().map(str::trim).filter(|line| line.len() >= 4) {
            complaint = complaint.replace(line, "…");
        }
        let complaint: String =
            complaint.trim().chars().map(|it| if it.is_control() && it != '\n' { ' ' } else { it }).collect();
        let program = self.command.first().map_or("", String::as_str);
        let failure = format!("`{program}` {how} when asked for `{name}`");
        if complaint.is_empty() { failure } else { format!("{failure}: {complaint}") }
    }

    async fn ask_all<'a>(
        &self,
        names: impl Iterator<Item = &'a String>,
    ) -> Result<Vec<(String, Option<(SecretText, SecretVersion)>)>, SourceError> {
        let runs = names.map(|name| async move { Ok((name.clone(), self.ask(name).await?)) });
        stream::iter(runs.collect::<Vec<_>>()).buffered(AT_ONCE).try_collect().await
    }
}

/// Reads all that is printed; `false` if it is too much.
async fn read_value(stream: Option<impl AsyncRead + Unpin>, printed: &mut Zeroizing<Vec<u8>>) -> bool {
    let Some(mut stream) = stream else { return true };
    let mut buffer = Zeroizing::new([0; 4096]);
    loop {
        match stream.read(buffer.as_mut_slice()).await {
            Ok(0) | Err(_) => return true,
            Ok(count) => {
                let needed = printed.len() + count;
                if needed > MOST_VALUE_BYTES {
                    return false;
                }
                if needed > printed.capacity() {
                    // By hand, because growing would leave what was read so far in memory.
                    let mut larger = Zeroizing::new(Vec::with_capacity((needed * 2).max(4096)));
                    larger.extend_from_slice(printed);
                    *printed = larger;
                }
                printed.extend_from_slice(buffer.get(..count).unwrap_or_default());
            }
        }
    }
}

async fn read_end(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer).await {
        if count == 0 {
            return;
        }
        kept.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let surplus = kept.len().saturating_sub(SHOWN_BYTES);
        kept.drain(..surplus);
    }
}

#[async_trait]
impl SecretSource for CommandSource {
    fn id(&self) -> SourceId {
        let program = self.command.first().map_or("", String::as_str);
        let name = program.rsplit('/').next().unwrap_or(program);
        SourceId(format!("command {name}"))
    }

    async fn current(&self, names: Option<&BTreeSet<String>>) -> Result<BTreeMap<String, SecretVersion>, SourceError> {
        let names = names.ok_or_else(|| self.unable("list secrets: it is asked for each by its name"))?;
        let found = self.ask_all(names.iter()).await?;
        Ok(found.into_iter().filter_map(|(name, found)| Some((name, found?.1))).collect())
    }

    async fn read(
        &self,
        wanted: &BTreeMap<String, SecretVersion>,
    ) -> Result<BTreeMap<String, SecretText>, SourceError> {
        let mut values = BTreeMap::new();
        for (name, found) in self.ask_all(wanted.keys()).await? {
            let version = wanted.get(&name).cloned().unwrap_or(SecretVersion(String::new()));
            match found.filter(|(_, found)| *found == version) {
                Some((value, _)) => values.insert(name, value),
                None => return Err(SourceError::Missing { source_id: self.id(), name, version }),
            };
        }
        Ok(values)
    }

    async fn write(&self, _: &str, _: &SecretText, _: Option<&SecretVersion>) -> Result<SecretVersion, SourceError> {
        Err(self.unable("be written to: write the value where the command finds it"))
    }

    async fn history(&self, name: &str) -> Result<Vec<PastVersion>, SourceError> {
        let found = self.ask(name).await?;
        Ok(found.into_iter().map(|(_, version)| PastVersion { version, at: None, destroyed: false }).collect())
    }

    async fn destroy(&self, _: &str, _: &BTreeSet<SecretVersion>) -> Result<(), SourceError> {
        Err(self.unable("erase anything: erase the value where the command finds it"))
    }
}

impl std::fmt::Debug for CommandSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Arguments and variables may hold credentials of the program.
        f.debug_struct("CommandSource").field("id", &self.id()).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
