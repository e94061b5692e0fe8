//! Other people's programs that tests compare with, each in a private folder under the target directory.
//!
//! Nothing is installed into the machine. Where a package cannot be had, its tests say so and end, but not in CI.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Returns a folder with these Python packages, to be the `PYTHONPATH`; `under` is `CARGO_TARGET_TMPDIR` of the test and
/// `name` the folder's name there, which changes whenever the packages do.
pub fn python(under: &Path, name: &str, packages: &[&str]) -> Option<PathBuf> {
    provide(under, name, |folder| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]).arg(folder);
        pip.args(packages);
        pip
    })
}

/// Installs into a folder of its own unless that was done before, also by another test at the same time: whoever is
/// first to rename has done it for all.
#[expect(clippy::print_stdout, reason = "what is not tested is said")]
#[expect(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "what fails here is a failed test")]
pub fn provide(under: &Path, name: &str, install: impl FnOnce(&Path) -> Command) -> Option<PathBuf> {
    let tools = under.join("tools");
    let done = tools.join(name);
    if done.is_dir() {
        return Some(done);
    }
    fs::create_dir_all(&tools).unwrap();
    let fresh = tempfile::tempdir_in(&tools).unwrap();
    let output = install(fresh.path()).stdin(Stdio::null()).output();
    let failed = match output {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(why) = failed {
        assert!(std::env::var_os("CI").is_none(), "the tools of `{name}` cannot be had: {why}");
        println!("skipped: the tools of `{name}` cannot be had here: {why}");
        return None;
    }
    let fresh = fresh.keep();
    match fs::rename(&fresh, &done) {
        Err(error) if !done.is_dir() => panic!("{error}"),
        Err(_) => {
            let _: io::Result<()> = fs::remove_dir_all(fresh);
        }
        Ok(()) => {}
    }
    Some(done)
}
