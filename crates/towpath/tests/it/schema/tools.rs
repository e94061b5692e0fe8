//! Other people's programs that read our schemas, each in a private folder under the target directory.
//!
//! Nothing is installed into the machine. Where a package cannot be had, its tests say so and end, but not in CI.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Python's validator, an independent implementation of draft 2020-12, and a reader of YAML 1.2.
const PYTHON: [&str; 2] = ["jsonschema==4.26.0", "ruamel.yaml==0.18.16"];
/// What Visual Studio Code and most other editors run for YAML.
const NODE: &str = "yaml-language-server@1.25.0";

/// Returns the folder with the Python packages, to be the `PYTHONPATH`.
pub(super) fn python() -> Option<PathBuf> {
    provide("python", |folder| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]).arg(folder);
        pip.args(PYTHON);
        pip
    })
}

/// Returns the file that node runs as the language server.
pub(super) fn language_server() -> Option<PathBuf> {
    let folder = provide("node", |folder| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix"])
            .arg(folder)
            .arg(NODE);
        npm
    })?;
    Some(folder.join("node_modules/yaml-language-server/bin/yaml-language-server"))
}

/// Installs into a folder of its own unless that was done before, also by another test at the same time: whoever is
/// first to rename has done it for all.
fn provide(name: &str, install: impl FnOnce(&Path) -> Command) -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schema-tools");
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
