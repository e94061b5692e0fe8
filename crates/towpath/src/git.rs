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

/// What git does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// It has it in its index: the next commit takes its changes along.
    Tracked,
    /// It would add it when told to add all.
    Untracked,
    /// It leaves it alone, or there is no git here.
    Ignored,
}

/// Returns what git does with a file, which need not exist.
pub(crate) fn keeping(file: &Path) -> Keeping {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name().and_then(|name| name.to_str())) else {
        return Keeping::Ignored;
    };
    // `./` and `--literal-pathspecs`, so that no name is taken for a pattern.
    let name = format!("./{name}");
    if git(folder, &["rev-parse", "--is-inside-work-tree"]).is_none_or(|answer| answer.trim() != "true") {
        return Keeping::Ignored;
    }
    if git(folder, &["--literal-pathspecs", "ls-files", "--error-unmatch", "--", &name]).is_some() {
        return Keeping::Tracked;
    }
    let ignored = git(folder, &["check-ignore", "--quiet", "--", &name]).is_some();
    if ignored { Keeping::Ignored } else { Keeping::Untracked }
}
