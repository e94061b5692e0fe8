//! The project's folder: where it is, its sources, and the private data beside them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use towpath_core::{
    config::{
        Diagnostic, ENVIRONMENT_FOLDER, FLAG_FOLDERS, Loaded, PROJECT_FILE, SECRET_FOLDER, SourceSet, diagnostic_views,
        has_errors, is_source, load, render_diagnostics,
    },
    project::Project,
};

use crate::{
    failure::{Exit, Failure},
    output::Paint,
};

/// Where private data is kept.
pub(crate) const DATA_FOLDER: &str = ".towpath";

/// A folder with a project file.
#[derive(Debug, Clone)]
pub(crate) struct ProjectFolder {
    root: PathBuf,
}

impl ProjectFolder {
    /// Returns the project in `given`, or the nearest one around the current folder.
    pub(crate) fn find(given: Option<&Path>) -> Result<Self, Failure> {
        if let Some(given) = given {
            if has_project(given) {
                return Ok(Self { root: absolute(given)? });
            }
            let message = format!("there is no `{PROJECT_FILE}` in `{}`", given.display());
            return Err(Failure::new(Exit::Usage, "no_project", message).next("towpath init, to write one"));
        }
        let here = absolute(Path::new("."))?;
        here.ancestors().find(|folder| has_project(folder)).map(|root| Self { root: root.to_owned() }).ok_or_else(
            || {
                let message = format!("there is no `{PROJECT_FILE}` in `{}` nor in a folder above it", here.display());
                Failure::new(Exit::Usage, "no_project", message)
                    .next("towpath init, to write one; or --project DIR, to name its folder")
            },
        )
    }

    /// Returns the folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the folder of private data.
    pub(crate) fn data(&self) -> PathBuf {
        self.root.join(DATA_FOLDER)
    }

    /// Reads every source of the configuration.
    pub(crate) fn sources(&self) -> Result<SourceSet, Failure> {
        let mut paths = names(&self.root)?;
        for folder in [ENVIRONMENT_FOLDER, SECRET_FOLDER].into_iter().chain(FLAG_FOLDERS) {
            let inside = self.root.join(folder);
            if inside.is_dir() {
                paths.extend(names(&inside)?.into_iter().map(|name| format!("{folder}/{name}")));
            }
        }
        let mut sources = SourceSet::new();
        for path in paths.into_iter().filter(|path| is_source(path)) {
            let file = self.root.join(&path);
            let bytes = fs::read(&file).map_err(|error| unreadable(&file, &error))?;
            let text = String::from_utf8(bytes).map_err(|error| {
                let line =
                    error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|b| **b == b'\n').count();
                Failure::new(
                    Exit::Failed,
                    "not_utf8",
                    format!("`{path}` is not UTF-8 text: line {} has other bytes", line + 1),
                )
                .next("save the file as UTF-8")
            })?;
            sources.insert(path, text);
        }
        Ok(sources)
    }

    /// Reads and parses every source; mistakes are in what is returned.
    pub(crate) fn load(&self) -> Result<Loaded, Failure> {
        Ok(load(&self.sources()?))
    }
}

/// Returns the project as the ledger keeps it and everything that is wrong with its files, in whatever environment. Where only
/// the mistakes are asked for, `Loaded::validate` finds them with half the work.
pub(crate) fn checked(loaded: &Loaded) -> (Option<Project>, Vec<Diagnostic>) {
    (loaded.project().0, loaded.validate())
}

/// Returns the failure that these mistakes are, or `None` if there are only warnings.
pub(crate) fn mistakes(sources: &SourceSet, diagnostics: &[Diagnostic], paint: Paint) -> Option<Failure> {
    if !has_errors(diagnostics) {
        return None;
    }
    let count = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let views = diagnostic_views(sources, diagnostics);
    let message = if count == 1 {
        "the configuration has a mistake".to_owned()
    } else {
        format!("the configuration has {count} mistakes")
    };
    Some(
        Failure::new(Exit::Failed, "invalid_configuration", message)
            .report(render_diagnostics(sources, diagnostics, paint.is_on()), &serde_json::json!(views))
            .kept("nothing was changed")
            .next("mend the files, then towpath env validate"),
    )
}

/// Returns the failure to read a file.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, "unreadable", format!("cannot read `{}`", path.display())).because(error)
}

/// Returns the failure to write a file, with what to do where that is known.
pub(crate) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::new(Exit::Failed, "unwritable", format!("cannot write `{}`", path.display())).because(error);
    if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) {
        failure.next("give this user the right to write there, or work in another folder")
    } else if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        failure.next("make room on this file system and try again")
    } else {
        failure
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    fs::canonicalize(path).map_err(|error| unreadable(path, &error))
}

fn has_project(folder: &Path) -> bool {
    ["towpath.yaml", "towpath.yml", "towpath.json"].iter().any(|name| folder.join(name).is_file())
}

/// Returns the names of the files in a folder, sorted; ones that are no UTF-8 are none of ours.
fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        // A link to nothing is taken too, so that reading it says so and no environment is missed in silence.
        let (path, dangling) = (entry.path(), entry.path().is_symlink() && !entry.path().exists());
        if let (Ok(name), true) = (entry.file_name().into_string(), path.is_file() || dangling) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
