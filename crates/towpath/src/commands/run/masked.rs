//! A command beside this process, so that what it prints can be masked. Signals and the exit status pass through.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read, Write},
    os::{fd::OwnedFd, unix::process::ExitStatusExt as _},
    process::{Command, ExitStatus, Stdio},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    failure::{Exit, Failure},
    mask::Masks,
};

/// How long output of processes that the command left behind is waited for.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// What is read at once.
const PIECE: usize = 16 << 10;

/// What is passed on. What a terminal sends goes to the command by itself.
const SIGNALS: [(SignalKind, Signal, bool); 6] = [
    (SignalKind::terminate(), Signal::TERM, false),
    (SignalKind::hangup(), Signal::HUP, false),
    (SignalKind::user_defined1(), Signal::USR1, false),
    (SignalKind::user_defined2(), Signal::USR2, false),
    (SignalKind::interrupt(), Signal::INT, true),
    (SignalKind::quit(), Signal::QUIT, true),
];

/// Why the command was not carried out.
pub(super) enum Wrong {
    /// It could not be started.
    Start(io::Error),
    /// It could not be watched.
    Watch(Failure),
}

/// Runs the command to its end and returns the status to end with: that of the command, or 128 and the signal that ended it, as
/// shells give it.
pub(super) fn run(command: Command, masks: Masks) -> Result<i32, Wrong> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let watch = |error: io::Error| Wrong::Watch(Failure::new(Exit::Failed, "runtime", "cannot start").because(&error));
    let runtime = runtime.map_err(watch)?;
    let status = runtime.block_on(supervise(command, Arc::new(masks)))?;
    Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
}

async fn supervise(mut command: Command, masks: Arc<Masks>) -> Result<ExitStatus, Wrong> {
    let watch = |error: io::Error| Wrong::Watch(Failure::new(Exit::Failed, "signals", "cannot watch").because(&error));
    let (sender, mut signals) = tokio::sync::mpsc::unbounded_channel();
    let terminal = io::stdin().is_terminal();
    for (kind, passed, by_terminal) in SIGNALS {
        // Before the command is there, so that none is lost.
        let mut stream = signal(kind).map_err(watch)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                if !(by_terminal && terminal) && sender.send(passed).is_err() {
                    return;
                }
            }
        });
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut command = tokio::process::Command::from(command);
    let mut child = command.spawn().map_err(Wrong::Start)?;
    let out = child.stdout.take().map(tokio::process::ChildStdout::into_owned_fd).transpose().map_err(watch)?;
    let err = child.stderr.take().map(tokio::process::ChildStderr::into_owned_fd).transpose().map_err(watch)?;
    let copies =
        [out.map(|pipe| copy(pipe, io::stdout(), Arc::clone(&masks))), err.map(|pipe| copy(pipe, io::stderr(), masks))];
    // It is reaped nowhere else, so its id is its own until `wait` returns.
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(watch)?,
            Some(passed) = signals.recv() => {
                if let Some(pid) = pid {
                    // One that is gone needs no signal.
                    let _ = kill_process(pid, passed);
                }
            }
        }
    };
    let ended = tokio::task::spawn_blocking(move || copies.into_iter().flatten().for_each(|copy| drop(copy.join())));
    let _ = tokio::time::timeout(AFTERWARDS, ended).await;
    Ok(status)
}

/// Copies an output with values masked, in a thread of its own: whoever reads one slowly holds up nothing else.
fn copy(from: OwnedFd, mut to: impl Write + Send + 'static, masks: Arc<Masks>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut from = File::from(from);
        let mut masked = masks.begin();
        let mut piece = zeroize::Zeroizing::new(vec![0; PIECE]);
        loop {
            let shown = match from.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => masked.take(piece.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            // Who does not read any more ends the command's writing as a pipe would.
            if to.write_all(&shown).and_then(|()| to.flush()).is_err() {
                return;
            }
        }
        let _ = to.write_all(&masked.end()).and_then(|()| to.flush());
    })
}
