//! Packages of other languages, each set in a folder of its own under the target directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Installs into a folder unless that was done before, also by another test at the same time: whoever is first to
/// rename has done it for all.
pub(crate) fn provide(name: &str, install: impl FnOnce(&Path) -> Command) -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sops-tools");
    let done = tools.join(name);
    if done.is_dir() {
        return Some(done);
    }
    fs::create_dir_all(&tools).unwrap();
    let fresh = tempfile::tempdir_in(&tools).unwrap();
    let failed = match install(fresh.path()).stdin(Stdio::null()).output() {
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
