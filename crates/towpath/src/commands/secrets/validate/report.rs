//! What people read: findings, who can read what, what was looked at.

use std::{collections::BTreeSet, fmt::Write as _};

use serde::Serialize;
use towpath_core::{
    project::Tier,
    secrets::findings::{EnvironmentFacts, Finding, FindingSeverity, SecretFacts},
};

use crate::{output::Paint, words::count};

/// Who can read the secrets of one environment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Access {
    pub(super) environment: String,
    /// The files of secrets that are part of it, with who can read each.
    pub(super) files: Vec<ReadableFile>,
    /// What encrypts the data keys of its store.
    pub(super) store_key: String,
    /// Environments of lower tiers whose keys read anything of it.
    pub(super) readable_from: Vec<String>,
}

/// A file of secrets and who can read it.
#[derive(Debug, Serialize)]
pub(super) struct ReadableFile {
    pub(super) path: String,
    pub(super) recipients: BTreeSet<String>,
}

/// Returns who can read what, the environments in the order of what depends on them.
pub(super) fn access(facts: &SecretFacts) -> Vec<Access> {
    let recipients = |path: &String| facts.files.get(path).map(|file| file.recipients.clone()).unwrap_or_default();
    let one = |environment: &EnvironmentFacts| {
        let readers: BTreeSet<String> = environment.files.iter().flat_map(recipients).collect();
        let reads = |other: &&EnvironmentFacts| {
            let lower = other.tier != Tier::Production && other.name != environment.name;
            let own: BTreeSet<String> = other.files.difference(&environment.files).flat_map(recipients).collect();
            let same_key = environment.key.is_some() && environment.key == other.key;
            lower && (same_key || !own.is_disjoint(&readers))
        };
        let readable_from = if environment.tier == Tier::Production {
            facts.environments.iter().filter(reads).map(|other| other.name.to_string()).collect()
        } else {
            Vec::new()
        };
        let files =
            environment.files.iter().map(|path| ReadableFile { path: path.clone(), recipients: recipients(path) });
        let own_key = || format!("an age key of its own, made by the server for {} alone", environment.name);
        Access {
            environment: environment.name.to_string(),
            files: files.collect(),
            store_key: environment.key.clone().unwrap_or_else(own_key),
            readable_from,
        }
    };
    facts.environments.iter().map(one).collect()
}

/// Returns the report on who can read what.
pub(super) fn access_text(all: &[Access], facts: &SecretFacts, paint: Paint) -> String {
    let mut text = String::new();
    for one in all {
        let _ = writeln!(text, "{}", paint.bold(&one.environment));
        let _ = writeln!(text, "  store    {}", one.store_key);
        for file in &one.files {
            let readers: Vec<&str> = file.recipients.iter().map(String::as_str).collect();
            let readers =
                if readers.is_empty() { "nobody: it is not encrypted".to_owned() } else { readers.join(", ") };
            let _ = writeln!(text, "  {}  readable by {readers}", file.path);
        }
        let production =
            facts.environments.iter().any(|it| it.name.as_str() == one.environment && it.tier == Tier::Production);
        if production && one.readable_from.is_empty() {
            let _ = writeln!(text, "  {} no key of another environment reads any of it", paint.green("ok"));
        } else if production {
            let _ =
                writeln!(text, "  {} keys of {} read some of it", paint.red("shared"), one.readable_from.join(", "));
        }
    }
    text
}

/// Returns the findings as text, each with its place, why and what to do.
pub(super) fn findings_text(findings: &[Finding], paint: Paint) -> String {
    let mut text = String::new();
    for one in findings {
        let word = format!("{:<8}", one.severity.as_str());
        let word = match one.severity {
            FindingSeverity::Critical | FindingSeverity::High => paint.red(&word),
            FindingSeverity::Medium => paint.yellow(&word),
            FindingSeverity::Low => paint.dim(&word),
        };
        let _ = writeln!(text, "{word} {}", one.message);
        if let Some(place) = &one.place {
            let position = if place.line > 0 { format!(":{}:{}", place.line, place.column) } else { String::new() };
            let commit = place.commit.as_ref().map(|commit| format!(" in commit {commit}")).unwrap_or_default();
            let _ = writeln!(text, "  {}  {}{position}{commit}", paint.dim("at  "), place.path);
        }
        if let Some(excerpt) = &one.excerpt {
            let _ = writeln!(text, "  {}  {excerpt}", paint.dim("line"));
        }
        let _ = writeln!(text, "  {}  {}", paint.dim("next"), one.help);
        let _ = writeln!(text, "  {}  {} {}", paint.dim("id  "), one.fingerprint, one.code);
    }
    text
}

/// Returns how many findings of each severity there are.
pub(super) fn counts(findings: &[Finding]) -> String {
    let all = [FindingSeverity::Critical, FindingSeverity::High, FindingSeverity::Medium, FindingSeverity::Low];
    let of = |severity| findings.iter().filter(|one| one.severity == severity).count();
    let parts: Vec<String> =
        all.into_iter().filter(|one| of(*one) > 0).map(|one| format!("{} {one}", of(one))).collect();
    format!("{}: {}", count(findings.len() as u64, "finding"), parts.join(", "))
}
