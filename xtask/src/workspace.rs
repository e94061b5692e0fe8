//! Where the repository is, which files belong to it, and what `cargo metadata` says of it.
//!
//! Reads only; commands write through their own code.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process;

/// The repository this tool was started in.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Finds the workspace: the nearest folder upwards whose `Cargo.toml` has a `[workspace]` table.
    pub(crate) fn find() -> Result<Self> {
        let start = env::current_dir().context("cannot read the current folder")?;
        for folder in start.ancestors() {
            let manifest = folder.join("Cargo.toml");
            if fs::read_to_string(manifest).is_ok_and(|text| text.contains("[workspace]")) {
                return Ok(Self { root: folder.to_path_buf() });
            }
        }
        bail!("no workspace found from `{}` upwards: start it inside the repository", start.display())
    }

    /// Takes a folder as the workspace, whatever is in it.
    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    /// Returns the root folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns a path inside the repository.
    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// Reads a text file of the repository.
    pub(crate) fn read(&self, relative: &str) -> Result<String> {
        fs::read_to_string(self.path(relative)).with_context(|| format!("cannot read `{relative}`"))
    }

    /// Lists what is or would be committed: tracked and new files, without ignored ones, sorted.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut command = self.command("git");
        command.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listed = process::stdout_of(&mut command)?;
        let mut files: Vec<String> =
            listed.split('\0').filter(|name| !name.is_empty() && self.path(name).is_file()).map(String::from).collect();
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// Prepares a command that runs at the root.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// Prepares a call of the cargo that started this tool.
    pub(crate) fn cargo(&self) -> Command {
        let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let mut command = self.command(&cargo);
        // Set by `cargo run` for this tool's own package; a nested cargo must not inherit them.
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
            command.env_remove(name);
        }
        command
    }

    /// Returns `cargo metadata` for the host: only what is compiled here needs to be on disk.
    pub(crate) fn metadata(&self) -> Result<Value> {
        let rustc = process::stdout_of(self.command("rustc").arg("-vV"))?;
        let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).context("`rustc -vV` names no host")?;
        let mut command = self.cargo();
        command.args(["metadata", "--format-version", "1", "--filter-platform", host]);
        let text = process::stdout_of(&mut command)?;
        serde_json::from_str(&text).context("cannot read the output of `cargo metadata`")
    }

    /// Returns the folder cargo builds into.
    pub(crate) fn target(&self) -> Result<PathBuf> {
        let mut command = self.cargo();
        command.args(["metadata", "--format-version", "1", "--no-deps"]);
        let metadata: Value = serde_json::from_str(&process::stdout_of(&mut command)?)?;
        let folder = metadata.get("target_directory").and_then(Value::as_str);
        Ok(PathBuf::from(folder.context("`cargo metadata` names no target folder")?))
    }

    /// Builds one binary of the workspace with the features the tests build with, and returns its path.
    ///
    /// `--workspace` makes cargo unify features as `nextest --workspace` does, so nothing is compiled twice.
    pub(crate) fn built_binary(&self, name: &str) -> Result<PathBuf> {
        process::run(self.cargo().args(["build", "--quiet", "--workspace", "--bin", name]))?;
        Ok(self.target()?.join("debug").join(name))
    }
}
