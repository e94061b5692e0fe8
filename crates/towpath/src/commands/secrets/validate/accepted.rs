//! `.towpath-accepted`: findings that somebody has looked at and takes the responsibility for, each with the reason.
//!
//! A line is a fingerprint or a pattern of paths as in `.gitignore`, then `#` and the reason. A pattern accepts what rules find; a value
//! of this project is accepted by its fingerprint only.

use std::{cell::Cell, fs, io, path::Path};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use towpath_core::secrets::findings::{Finding, FindingPlace, FindingSeverity};

use crate::{
    failure::{Exit, Failure},
    folder::unreadable,
};

/// The file, in the project's folder.
pub(super) const FILE: &str = ".towpath-accepted";

/// What is accepted.
pub(super) struct Accepted(Vec<Entry>);

struct Entry {
    line: u32,
    text: String,
    what: What,
    has_reason: bool,
    used: Cell<bool>,
}

enum What {
    Fingerprint(String),
    Paths(Box<Gitignore>),
}

impl Accepted {
    /// Reads the file of a folder, if there is one.
    pub(super) fn read(root: &Path) -> Result<Self, Failure> {
        let path = root.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Self::of(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self(Vec::new())),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }

    pub(super) fn of(text: &str) -> Result<Self, Failure> {
        let mut entries = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let (what, reason) = line.split_once('#').unwrap_or((line, ""));
            let (what, reason) = (what.trim(), reason.trim());
            if what.is_empty() {
                continue;
            }
            let is_fingerprint = what.len() == 16 && what.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            let kind =
                if is_fingerprint { What::Fingerprint(what.to_owned()) } else { What::Paths(paths(number, what)?) };
            let has_reason = !reason.is_empty();
            entries.push(Entry { line: number, text: what.to_owned(), what: kind, has_reason, used: Cell::new(false) });
        }
        Ok(Self(entries))
    }

    /// Says whether a finding is accepted, and remembers which line did it.
    pub(super) fn has(&self, finding: &Finding) -> bool {
        let fits = |entry: &&Entry| match &entry.what {
            What::Fingerprint(fingerprint) => *fingerprint == finding.fingerprint,
            What::Paths(paths) => {
                let guessed = finding.code.starts_with("leak::") && finding.code != "leak::own-value";
                let path = finding.place.as_ref().map(|place| place.path.as_str()).filter(|_| guessed);
                path.is_some_and(|path| paths.matched_path_or_any_parents(path, false).is_ignore())
            }
        };
        let mut accepted = false;
        for entry in self.0.iter().filter(fits) {
            entry.used.set(true);
            accepted = true;
        }
        accepted
    }

    /// Returns what is wrong with the file itself: lines without a reason, and ones that nothing needs any more.
    pub(super) fn doubtful(&self, whole: bool) -> Vec<Finding> {
        let at =
            |entry: &Entry| Some(FindingPlace { path: FILE.to_owned(), line: entry.line, column: 1, commit: None });
        let without = self.0.iter().filter(|entry| !entry.has_reason).map(|entry| {
            let message = format!("`{}` is accepted without a reason", entry.text);
            let help = "write `#` and why, so that others can judge it";
            Finding::new("accepted::no-reason", FindingSeverity::Low, &[&entry.text], message, help).at(at(entry))
        });
        let stale = self.0.iter().filter(|entry| whole && !entry.used.get()).map(|entry| {
            let message = format!("`{}` accepts nothing that is still found", entry.text);
            Finding::new("accepted::stale", FindingSeverity::Low, &[&entry.text], message, "take the line away")
                .at(at(entry))
        });
        without.chain(stale).collect()
    }
}

fn paths(line: u32, pattern: &str) -> Result<Box<Gitignore>, Failure> {
    let mut builder = GitignoreBuilder::new("");
    let built = builder.add_line(None, pattern).and_then(|builder| builder.build());
    built.map(Box::new).map_err(|error| {
        let message = format!("{FILE}:{line}: `{pattern}` is neither a fingerprint nor a pattern of paths");
        Failure::new(Exit::Usage, "accepted", message).because(&error)
    })
}

#[cfg(test)]
mod tests;
