//! `cargo xtask tidy`: the house rules that neither the compiler nor clippy checks.
//!
//! Each rule is a function from what it reads to findings; this file collects and prints them.

mod crates;
mod licences;
mod text;

use std::fmt;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

pub(crate) use crates::page as crates_page;

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The file, from the root of the repository.
    pub(crate) file: String,
    /// The line, from 1.
    pub(crate) line: usize,
    /// What is wrong, and why that matters.
    pub(crate) why: String,
    /// What to do instead.
    pub(crate) fix: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}\n    {}", self.file, self.line, self.why, self.fix)
    }
}

/// Checks every rule; `Err` when there is a finding.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let files = workspace.files()?;
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| text::is_text(file)) {
        findings.extend(text::check(file, &workspace.read(file)?));
    }
    let metadata = workspace.metadata()?;
    findings.extend(crates::check(workspace, &metadata)?);
    findings.extend(licences::check(&metadata));
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {} files and the dependency table keep the rules", files.len());
            Ok(())
        }
        1 => bail!("1 house rule is broken (above)"),
        many => bail!("{many} house rules are broken (above)"),
    }
}
