//! `cargo xtask docs`: checks the links of every page, then renders the guide with mdBook.
//!
//! Looks only at links inside the repository: a page elsewhere may be away for a day without the guide being wrong.

mod links;

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::workspace::Workspace;

/// Checks and renders.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    check(workspace)?;
    let renderer = workspace.built_binary("xtask-book")?;
    let output = workspace.target()?.join("guide");
    fs::create_dir_all(&output).with_context(|| format!("cannot make `{}`", output.display()))?;
    let mut render = workspace.command(&renderer.to_string_lossy());
    process::run(render.arg(workspace.path("docs")).arg(&output))?;
    println!("docs: rendered to {}", output.join("index.html").display());
    Ok(())
}

fn check(workspace: &Workspace) -> Result<()> {
    let files = workspace.files()?;
    let mut pages = BTreeMap::new();
    for page in files.iter().filter(|file| file.rsplit_once('.').is_some_and(|(_, kind)| kind == "md")) {
        pages.insert(page.clone(), workspace.read(page)?);
    }
    let broken = links::broken(&pages, &|path| workspace.path(path).exists());
    for line in &broken {
        println!("{line}");
    }
    if !broken.is_empty() {
        bail!("{} links or pages are wrong (above)", broken.len());
    }
    println!("docs: the links of {} pages resolve", pages.len());
    Ok(())
}
