//! Other people's programs that read our schemas, each in a private folder under the target directory.
//!
//! Nothing is installed into the machine. Where a package cannot be had, its tests say so and end, but not in CI.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use towpath_testkit::tools;

/// Where the folders are.
const UNDER: &str = env!("CARGO_TARGET_TMPDIR");
/// Python's validator, an independent implementation of draft 2020-12, and a reader of YAML 1.2.
const PYTHON: [&str; 2] = ["jsonschema==4.26.0", "ruamel.yaml==0.18.16"];
/// What Visual Studio Code and most other editors run for YAML.
const NODE: &str = "yaml-language-server@1.25.0";

/// Returns the folder with the Python packages, to be the `PYTHONPATH`.
pub(super) fn python() -> Option<PathBuf> {
    tools::python(Path::new(UNDER), "schema-python", &PYTHON)
}

/// Returns the file that node runs as the language server.
pub(super) fn language_server() -> Option<PathBuf> {
    let folder = tools::provide(Path::new(UNDER), "schema-node", |folder| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix"])
            .arg(folder)
            .arg(NODE);
        npm
    })?;
    Some(folder.join("node_modules/yaml-language-server/bin/yaml-language-server"))
}
