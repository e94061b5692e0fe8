//! The user's editor on a private copy of a text.
//!
//! Signals that would end this process end the editor instead, so that the copy is always erased.

use std::{env, fs, io::Read as _, path::PathBuf, process::ExitStatus};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};
use zeroize::Zeroizing;

use super::{private::PrivateFolder, words};
use crate::{
    failure::{Exit, Failure},
    folder::unreadable,
};

/// What is tried where no variable names an editor.
const USUAL: [&str; 4] = ["sensible-editor", "nano", "vim", "vi"];
/// The most that is read back.
const MAX_BYTES: u64 = 16 << 20;

/// A text in an editor.
pub(super) struct Editing {
    path: PathBuf,
    editor: Vec<String>,
    /// Erased with all in it when the editing ends.
    _folder: PrivateFolder,
}

impl Editing {
    /// Puts a text where the editor will find it, under the name of its file.
    pub(super) fn begin(name: &str, text: &[u8]) -> Result<Self, Failure> {
        let editor = editor()?;
        let folder = PrivateFolder::make()?;
        let path = folder.write(name, text)?;
        Ok(Self { path, editor, _folder: folder })
    }

    /// Runs the editor to its end and returns what it left.
    pub(super) fn run(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::new(Exit::Failed, "runtime", "cannot start").because(&error))?;
        let status = runtime.block_on(self.wait())?;
        if !status.success() {
            let how = status.code().map_or_else(|| "by a signal".to_owned(), |code| format!("with status {code}"));
            let message = format!("the editor `{}` ended {how}", self.name());
            return Err(Failure::new(Exit::Failed, "editor_failed", message).kept(KEPT));
        }
        self.read()
    }

    fn name(&self) -> &str {
        self.editor.first().map_or("", String::as_str)
    }

    async fn wait(&self) -> Result<ExitStatus, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::new(Exit::Failed, "signals", "cannot take signals").because(&error))
        };
        // A key press reaches the editor, too, which does with it what it likes.
        let mut pressed = listen(SignalKind::interrupt())?;
        let mut quit = listen(SignalKind::quit())?;
        let mut terminate = listen(SignalKind::terminate())?;
        let mut hangup = listen(SignalKind::hangup())?;
        let mut child = self.start()?;
        let ended = |name: &str| Failure::new(Exit::Interrupted, "interrupted", format!("ended by {name}")).kept(KEPT);
        loop {
            tokio::select! {
                status = child.wait() => {
                    return status.map_err(|error| Failure::new(Exit::Failed, "editor_failed", "cannot wait for the editor").because(&error));
                }
                _ = pressed.recv() => {}
                _ = quit.recv() => {}
                _ = terminate.recv() => { stop(&mut child).await; return Err(ended("SIGTERM")); }
                _ = hangup.recv() => { stop(&mut child).await; return Err(ended("SIGHUP")); }
            }
        }
    }

    fn start(&self) -> Result<Child, Failure> {
        let (program, arguments) = self.editor.split_first().ok_or_else(no_editor)?;
        let child = Command::new(program).args(arguments).arg(&self.path).kill_on_drop(true).spawn();
        child.map_err(|error| {
            Failure::new(Exit::Failed, "no_editor", format!("the editor `{program}` cannot be started"))
                .because(&error)
                .kept("nothing was changed")
                .next("set EDITOR to one that is installed")
        })
    }

    fn read(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let mut bytes = Zeroizing::new(Vec::new());
        let about = fs::symlink_metadata(&self.path);
        // An editor that saves by renaming leaves another file; a link would be somebody's trick.
        let is_file = about.as_ref().is_ok_and(std::fs::Metadata::is_file);
        if let (Ok(_), false) = (&about, is_file) {
            return Err(Failure::new(Exit::Refused, "link", "the editor left a link instead of a file").kept(KEPT));
        }
        let file = fs::File::open(&self.path).map_err(|error| unreadable(&self.path, &error).kept(KEPT))?;
        bytes.reserve_exact(about.map_or(0, |about| usize::try_from(about.len().min(MAX_BYTES)).unwrap_or(0)) + 1);
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&self.path, &error).kept(KEPT))?;
        Ok(bytes)
    }
}

/// What is kept when an edit fails.
pub(super) const KEPT: &str = "the file as it was; the text of the editor was erased";

async fn stop(child: &mut Child) {
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        // It may be gone already.
        let _ = kill_process(pid, Signal::TERM);
    }
    let patience = std::time::Duration::from_secs(2);
    if tokio::time::timeout(patience, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

/// Returns the user's editor as program and arguments: `SOPS_EDITOR`, `VISUAL`, `EDITOR`, or one that is installed.
fn editor() -> Result<Vec<String>, Failure> {
    for variable in ["SOPS_EDITOR", "VISUAL", "EDITOR"] {
        let Some(line) = env::var(variable).ok().filter(|line| !line.trim().is_empty()) else { continue };
        return words::split(&line).filter(|words| !words.is_empty()).ok_or_else(|| {
            Failure::usage(format!("{variable} is no command: a quote in it is not closed")).kept("nothing was changed")
        });
    }
    let found = USUAL.iter().find(|name| {
        let folders = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&folders).any(|folder| folder.join(name).is_file())
    });
    found.map(|name| vec![(*name).to_owned()]).ok_or_else(no_editor)
}

fn no_editor() -> Failure {
    Failure::new(Exit::Failed, "no_editor", "no editor is known").kept("nothing was changed").next("set EDITOR")
}
