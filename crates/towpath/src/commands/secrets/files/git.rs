//! What git keeps of a conflict, and telling git how to merge encrypted files.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::{
    failure::{Exit, Failure},
    folder::{unreadable, unwritable},
};

/// The name of the merge driver in git's configuration.
const DRIVER: &str = "towpath-secrets";

/// Where a project's encrypted files are.
const USUAL: [&str; 4] = ["secrets/*.yaml", "secrets/*.yml", "secrets/*.json", "secrets/*.env"];

/// The versions of a file in a conflict.
#[derive(Debug, Default)]
pub(super) struct Stages {
    pub(super) base: Option<Vec<u8>>,
    pub(super) ours: Option<Vec<u8>>,
    pub(super) theirs: Option<Vec<u8>>,
}

fn run(folder: &Path, arguments: &[&str]) -> Result<Output, Failure> {
    let command = Command::new("git").arg("-C").arg(folder).args(arguments).stdin(Stdio::null()).output();
    command.map_err(|error| {
        let message =
            if error.kind() == io::ErrorKind::NotFound { "git is not installed" } else { "git cannot be started" };
        Failure::new(Exit::Failed, "no_git", message).because(&error)
    })
}

/// Reads the versions of a file that git could not merge; all are missing where there is no conflict.
pub(super) fn stages(file: &Path) -> Result<Stages, Failure> {
    let absolute = std::path::absolute(file).map_err(|error| unreadable(file, &error))?;
    let (Some(folder), Some(name)) = (absolute.parent(), absolute.file_name().and_then(|name| name.to_str())) else {
        return Err(Failure::usage(format!("`{}` is no file", file.display())));
    };
    let stage = |number: u8| -> Result<Option<Vec<u8>>, Failure> {
        let output = run(folder, &["cat-file", "blob", &format!(":{number}:./{name}")])?;
        Ok(output.status.success().then_some(output.stdout))
    };
    Ok(Stages { base: stage(1)?, ours: stage(2)?, theirs: stage(3)? })
}

/// Merges line by line, as git does without a driver: for what cannot be decrypted. The markers say that something is to do.
pub(super) fn merge_lines(base: &Path, ours: &Path, theirs: &Path) -> Result<(), Failure> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let names = ["-L", "ours", "-L", "base", "-L", "theirs"];
    let files = [text(ours), text(base), text(theirs)];
    let mut arguments = vec!["merge-file", "-q"];
    arguments.extend(names);
    arguments.push("--");
    arguments.extend(files.iter().map(String::as_str));
    run(Path::new("."), &arguments).map(drop)
}

/// What was done to make git merge encrypted files.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Installed {
    pub(super) attributes: PathBuf,
    pub(super) added: Vec<String>,
    pub(super) driver: String,
}

/// Writes the driver into the repository's configuration, and which files it is for into `.gitattributes`.
pub(super) fn install(folder: &Path, patterns: &[String]) -> Result<Installed, Failure> {
    let top = run(folder, &["rev-parse", "--show-toplevel"])?;
    if !top.status.success() {
        let message = format!("`{}` is in no work tree of git", folder.display());
        return Err(Failure::new(Exit::Usage, "no_repository", message).next("git init, or go into the repository"));
    }
    let top = PathBuf::from(String::from_utf8_lossy(&top.stdout).trim_end_matches('\n'));
    let prefix = run(folder, &["rev-parse", "--show-prefix"])?;
    let prefix = String::from_utf8_lossy(&prefix.stdout).trim_end_matches('\n').to_owned();
    let driver = format!("{} secrets merge --path=%P -- %O %A %B", program()?);
    for (key, value) in [("name", "encrypted files, merged key by key"), ("driver", driver.as_str())] {
        let set = run(&top, &["config", "--local", &format!("merge.{DRIVER}.{key}"), value])?;
        if !set.status.success() {
            let why = String::from_utf8_lossy(&set.stderr).trim().to_owned();
            return Err(
                Failure::new(Exit::Failed, "git_config", "git's configuration cannot be written").fact("git", why)
            );
        }
    }
    let usual = || USUAL.iter().map(|pattern| format!("{prefix}{pattern}")).collect();
    let patterns: Vec<String> = if patterns.is_empty() { usual() } else { patterns.to_vec() };
    if let Some(wrong) = patterns.iter().find(|pattern| pattern.is_empty() || pattern.contains(char::is_whitespace)) {
        return Err(Failure::usage(format!(
            "`{wrong}` is no pattern of `.gitattributes`: it has a blank, or is empty"
        )));
    }
    let attributes = top.join(".gitattributes");
    let added = add_lines(&attributes, &patterns)?;
    Ok(Installed { attributes, added, driver })
}

fn add_lines(path: &Path, patterns: &[String]) -> Result<Vec<String>, Failure> {
    let mut text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(unreadable(path, &error)),
    };
    let wanted = patterns.iter().map(|pattern| format!("{pattern} merge={DRIVER}"));
    let added: Vec<String> = wanted.filter(|line| !text.lines().any(|there| there.trim() == line)).collect();
    if !added.is_empty() {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.extend(added.iter().map(|line| format!("{line}\n")));
        fs::write(path, text).map_err(|error| unwritable(path, &error))?;
    }
    Ok(added)
}

/// Returns how git shall call this program: by its name where that finds it, else by its path.
fn program() -> Result<String, Failure> {
    let own = env::current_exe().map_err(|error| {
        Failure::new(Exit::Failed, "no_program", "the path of this program cannot be found out").because(&error)
    })?;
    let folders = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&folders).map(|folder| folder.join("towpath")).find(|path| path.is_file());
    let same = found
        .and_then(|found| fs::canonicalize(found).ok())
        .is_some_and(|found| fs::canonicalize(&own).ok() == Some(found));
    let quoted = || format!("'{}'", own.to_string_lossy().replace('\'', "'\\''"));
    Ok(if same { "towpath".to_owned() } else { quoted() })
}
