//! `towpath secrets validate`: everything that is wrong with the secrets of a project, at once.
//!
//! Works on files alone. What cannot be looked at for want of a key is said and is no finding.

use std::{fs, path::Path};

use jiff::Timestamp;
use serde_json::json;
use towpath_core::{
    config::Loaded,
    ids::{Digest, EnvironmentName},
    secrets::{
        SecretText,
        findings::{Finding, FindingPlace, FindingSeverity, in_order, judge},
    },
};
use towpath_secrets::{
    entropy::SystemEntropy,
    keyed::DigestKey,
    leaks::{Hit, LeakSeverity, OwnValue, Scanner, is_searched, rules},
};
use zeroize::Zeroizing;

use self::{accepted::Accepted, gather::Gathered};
use crate::{
    cli::ValidateSecretsArgs,
    commands::{Outcome, env::which},
    context::Context,
    digest_key::digest_key,
    failure::{Exit, Failure},
    folder::{ProjectFolder, unwritable},
    words::count,
};

mod accepted;
mod files;
mod gather;
mod history;
mod report;
mod sarif;

/// What was looked at.
#[derive(Default)]
struct Looked {
    files: usize,
    versions: Option<usize>,
}

pub(super) fn run(context: &Context, args: &ValidateSecretsArgs) -> Outcome {
    let folder = context.folder()?;
    let loaded = folder.load()?;
    let names = match &args.environment {
        Some(name) => vec![which(context, &loaded, Some(name))?],
        None => loaded.environments().cloned().collect(),
    };
    let key = DigestKey::random(&SystemEntropy).map_err(|error| Failure::of(Exit::Failed, "entropy", &error))?;
    let mut gathered = gathered(context, (&folder, &loaded), &names, &key, args.offline);
    let mut findings = std::mem::take(&mut gathered.findings);
    findings.extend(judge(&gathered.facts, Timestamp::now()));
    let mut looked = Looked::default();
    if !args.no_leaks {
        leaks(context, &folder, args, &mut gathered, (&mut findings, &mut looked));
    }
    let accepted = Accepted::read(folder.root())?;
    let before = findings.len();
    findings.retain(|finding| !accepted.has(finding));
    let taken = before - findings.len();
    findings.extend(accepted.doubtful(args.environment.is_none() && args.history && args.all));
    in_order(&mut findings);
    if let Some(path) = &args.sarif {
        let text = format!("{:#}\n", sarif::log(&findings));
        fs::write(path, text).map_err(|error| unwritable(path, &error))?;
    }
    show(context, args, &gathered, (&findings, &looked, taken))?;
    let bad = findings.iter().any(|finding| finding.severity >= args.fail_on);
    Ok(if bad { Exit::Failed } else { Exit::Done })
}

/// Gathers facts about the chosen environments, and about the others what sharing is judged by.
fn gathered(
    context: &Context,
    (folder, loaded): (&ProjectFolder, &Loaded),
    names: &[EnvironmentName],
    key: &DigestKey,
    offline: bool,
) -> Gathered {
    let all: Vec<EnvironmentName> = loaded.environments().cloned().collect();
    let mut gathered = gather::gather(context, folder, loaded, &all, key, offline);
    if names.len() < all.len() {
        let chosen =
            |one: &Finding| one.environments.is_empty() || one.environments.iter().any(|name| names.contains(name));
        gathered.findings.retain(chosen);
    }
    gathered
}

fn leaks(
    context: &Context,
    folder: &ProjectFolder,
    args: &ValidateSecretsArgs,
    gathered: &mut Gathered,
    (findings, looked): (&mut Vec<Finding>, &mut Looked),
) {
    let short = gathered.own.iter().filter(|own| !is_searched(own.value.expose())).count();
    if short > 0 {
        let values = count(short as u64, "value");
        gathered.notes.push(format!("{values} too short or too usual to be looked for in files"));
    }
    let scanner = Scanner::new(&gathered.own);
    let searched = files::scan(folder.root(), &scanner, args.all);
    looked.files = searched.files;
    for path in searched.too_large {
        gathered
            .notes
            .push(format!("`{path}` is larger than {} MiB: the rest of it was not looked at", files::MAX_BYTES >> 20));
    }
    for path in searched.unreadable {
        gathered.notes.push(format!("`{path}` cannot be read"));
    }
    for (path, hit) in &searched.hits {
        let known = gathered.plain.contains(&(path.clone(), u32::try_from(hit.line).unwrap_or(u32::MAX)));
        if !known {
            findings.push(leak(path, hit, &gathered.own, None));
        }
    }
    if args.history {
        context.out.progress("looking through the history of the repository");
        history_leaks(folder.root(), &scanner, gathered, findings, looked);
    }
}

fn history_leaks(
    root: &Path,
    scanner: &Scanner,
    gathered: &mut Gathered,
    findings: &mut Vec<Finding>,
    looked: &mut Looked,
) {
    match history::scan(root, scanner, &stamp(&gathered.own)) {
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            gathered.notes.push(format!("the history was not looked at: {error}{cause}"));
        }
        Ok(history) => {
            looked.versions = Some(history.looked_at + history.known);
            if history.too_large > 0 {
                let versions = count(history.too_large as u64, "version");
                gathered
                    .notes
                    .push(format!("{versions} of files larger than {} MiB were not looked at", files::MAX_BYTES >> 20));
            }
            if history.unfinished {
                gathered
                    .notes
                    .push("the history is very large: the next run goes on where this one stopped".to_owned());
            }
            for (path, hit, commit) in &history.hits {
                // What still stands in the file is told of the file.
                let told = findings.iter().any(|one| one.fingerprint == hit.fingerprint.as_str());
                if !told {
                    findings.push(leak(path, hit, &gathered.own, Some(commit)));
                }
            }
        }
    }
}

/// Returns what changes whenever other things are looked for, so that what was looked at is looked at again.
///
/// Of values of our own it has a digest by a key that is kept elsewhere; without that key nothing is ever taken for looked at.
fn stamp(own: &[OwnValue]) -> String {
    let ids: Vec<&str> = rules().map(|rule| rule.id).collect();
    let rules = Digest::of(format!("{} {}", env!("CARGO_PKG_VERSION"), ids.join(" ")).as_bytes()).to_string();
    let mut values: Vec<&str> = own.iter().map(|own| own.value.expose()).filter(|value| is_searched(value)).collect();
    if values.is_empty() {
        return rules;
    }
    values.sort_unstable();
    let all = values.iter().map(|value| value.len() + 1).sum();
    let mut text = Zeroizing::new(String::with_capacity(all));
    for value in &values {
        text.extend([value, "\0"]);
    }
    match digest_key() {
        Ok(key) => key.digest(&["leaks", &rules], &SecretText::new(text.as_str())).as_str().to_owned(),
        Err(_) => format!("{rules} {}", Timestamp::now().as_nanosecond()),
    }
}

/// Returns the finding that a hit is.
fn leak(path: &str, hit: &Hit, own: &[OwnValue], commit: Option<&String>) -> Finding {
    let severity = match hit.severity {
        LeakSeverity::Low => FindingSeverity::Low,
        LeakSeverity::Medium => FindingSeverity::Medium,
        LeakSeverity::High => FindingSeverity::High,
        LeakSeverity::Critical => FindingSeverity::Critical,
    };
    let size = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let (line, column) = (size(hit.line), size(hit.column));
    let place = FindingPlace { path: path.to_owned(), line, column, commit: commit.cloned() };
    let what = match hit.own.and_then(|(number, form)| Some((own.get(number)?, form))) {
        Some((own, form)) => format!("the value of {} stands here {}", own.name, form.words()),
        None => format!("this is {}", hit.what),
    };
    let help = if commit.is_some() {
        "make it worthless where it came from: whoever has a copy of the repository has it; git filter-repo takes it out of later clones"
    } else {
        "make it worthless where it came from, set a new one with towpath secrets set, and take it out of the file"
    };
    let mut finding = Finding::new(&format!("leak::{}", hit.rule), severity, &[], what, help).at(Some(place));
    finding.excerpt = Some(hit.excerpt.clone());
    hit.fingerprint.as_str().clone_into(&mut finding.fingerprint);
    finding
}

fn show(
    context: &Context,
    args: &ValidateSecretsArgs,
    gathered: &Gathered,
    (findings, looked, taken): (&[Finding], &Looked, usize),
) -> Result<(), Failure> {
    let access = args.access.then(|| report::access(&gathered.facts));
    let value = json!({
        "valid": findings.is_empty(),
        "findings": findings,
        "accepted": taken,
        "notes": gathered.notes,
        "environments": gathered.facts.environments.len(),
        "files": looked.files,
        "versions": looked.versions,
        "access": access,
    });
    context.out.show(&value, |paint| {
        let mut text = access.as_ref().map(|all| report::access_text(all, &gathered.facts, paint)).unwrap_or_default();
        text += &report::findings_text(findings, paint);
        let environments = count(gathered.facts.environments.len() as u64, "environment");
        let mut seen = format!("{environments}, {}", count(looked.files as u64, "file"));
        if let Some(versions) = looked.versions {
            seen += &format!(", {}", count(versions as u64, "version"));
        }
        if taken > 0 {
            seen += &format!(", {} accepted", count(taken as u64, "finding"));
        }
        text + &if findings.is_empty() {
            format!("{} {seen}, nothing found\n", paint.green("ok"))
        } else {
            format!("{} in {seen}\n", report::counts(findings))
        }
    })?;
    for note in &gathered.notes {
        context.out.progress(&format!("{} {note}", context.out.paint_err().dim("note:")));
    }
    Ok(())
}
