//! `cargo xtask codegen`: writes the files that are derived from the code, or says which are stale.
//!
//! To add one, add a line to [`GENERATED`]. What the product prints of itself comes from the hidden command
//! `towpath __reference …`; its standard output is the file.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::workspace::Workspace;
use crate::{process, tidy};

#[cfg(test)]
mod tests;

/// Whether to write or only compare.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Writes nothing; fails and names the stale files.
    #[arg(long)]
    check: bool,
}

/// One generated file.
struct Generated {
    path: &'static str,
    from: Source,
}

/// Where the text of a generated file comes from.
enum Source {
    /// A function of this crate.
    Function(fn() -> String),
    /// What `towpath` prints when called with these arguments.
    Binary(&'static [&'static str]),
}

const GENERATED: &[Generated] = &[
    Generated { path: "docs/src/reference/crates.md", from: Source::Function(tidy::crates_page) },
    Generated { path: "docs/src/reference/cli.md", from: Source::Binary(&["__reference", "cli"]) },
    Generated { path: "docs/src/reference/configuration.md", from: Source::Binary(&["__reference", "configuration"]) },
    Generated {
        path: "docs/src/reference/project.schema.json",
        from: Source::Binary(&["__reference", "project-schema"]),
    },
    Generated {
        path: "docs/src/reference/environment.schema.json",
        from: Source::Binary(&["__reference", "environment-schema"]),
    },
    Generated {
        path: "examples/notice-board/schema/towpath.json",
        from: Source::Binary(&["--project", "examples/notice-board", "schema", "project"]),
    },
    Generated {
        path: "examples/notice-board/schema/environment.json",
        from: Source::Binary(&["--project", "examples/notice-board", "schema", "environment"]),
    },
    Generated { path: "docs/src/reference/openapi.json", from: Source::Binary(&["__reference", "openapi"]) },
];

/// Writes what is stale, or with `--check` fails on it.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let stale = stale(workspace, GENERATED)?;
    if options.check {
        return refuse(&stale);
    }
    for (path, text) in &stale {
        let file = workspace.path(path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make the folder of `{path}`"))?;
        }
        fs::write(file, text).with_context(|| format!("cannot write `{path}`"))?;
        println!("wrote {path}");
    }
    println!("{} generated, {} changed", GENERATED.len(), stale.len());
    Ok(())
}

/// Fails when a generated file is stale.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    run(workspace, &Options { check: true })
}

fn refuse(stale: &[(&'static str, String)]) -> Result<()> {
    if stale.is_empty() {
        return Ok(());
    }
    let paths: Vec<&str> = stale.iter().map(|(path, _)| *path).collect();
    bail!("stale: {}; write them with `cargo xtask codegen` and commit", paths.join(", "))
}

fn stale(workspace: &Workspace, entries: &[Generated]) -> Result<Vec<(&'static str, String)>> {
    let needs_binary = entries.iter().any(|entry| matches!(entry.from, Source::Binary(_)));
    let binary = if needs_binary { Some(workspace.built_binary("towpath")?) } else { None };
    let mut stale = Vec::new();
    for entry in entries {
        let text = match (&entry.from, &binary) {
            (Source::Function(text), _) => text(),
            (Source::Binary(arguments), Some(binary)) => {
                let mut command = workspace.command(&binary.to_string_lossy());
                process::stdout_of(command.env_clear().args(*arguments))?
            }
            (Source::Binary(_), None) => bail!("`towpath` is not built, so `{}` cannot be", entry.path),
        };
        if fs::read_to_string(workspace.path(entry.path)).ok().as_deref() != Some(text.as_str()) {
            stale.push((entry.path, text));
        }
    }
    Ok(stale)
}
