//! What git says about the project's folder, where it is a work tree and git is there.

use std::{path::Path, process::Command};

use jiff::Timestamp;
use towpath_server::api::types::CommitView;

/// Returns the commit that is checked out, or `None` without git, a work tree or a commit.
pub(crate) fn commit(folder: &Path) -> Option<CommitView> {
    let shown = git(folder, &["log", "-1", "--format=%H %ct"])?;
    let (id, seconds) = shown.trim().split_once(' ')?;
    let at = Timestamp::from_second(seconds.parse().ok()?).ok()?;
    // What is not tracked counts too: it may be in the artifacts.
    let dirty = !git(folder, &["status", "--porcelain", "--", "."])?.trim().is_empty();
    Some(CommitView { id: id.to_owned(), at, dirty })
}

/// Returns a name for what is checked out: the nearest tag, or the beginning of the commit's name.
pub(crate) fn version(folder: &Path) -> Option<String> {
    let described = git(folder, &["describe", "--tags", "--always", "--dirty"])?;
    Some(described.trim().to_owned()).filter(|text| !text.is_empty())
}

fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok()).flatten()
}
