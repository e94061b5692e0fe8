//! Finding and reading the files an import is made of. Reads only; never follows a link out of the folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use towpath_core::import::{File, MAX_FILE_BYTES, kind_of, looks_into, references};

use crate::failure::{Exit, Failure};

/// How deep folders are looked through.
const MAX_DEPTH: usize = 12;
/// How many files are looked at.
const MAX_FILES: usize = 5_000;
/// How often files may name further files.
const MAX_ROUNDS: usize = 16;
/// Folders of other people's files.
const FOREIGN: &[&str] = &["node_modules", "target", "vendor", "venv", "dist", "build", "__pycache__"];

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) files: Vec<File>,
    /// The paths that are imported; the other files are only named by these.
    pub(super) chosen: BTreeSet<String>,
    /// Paths that could not be read, and why.
    pub(super) unreadable: Vec<(String, String)>,
}

/// Reads what is in the folder, or what was asked for, and the files these name.
pub(super) fn scan(root: &Path, from: &[PathBuf]) -> Result<Found, Failure> {
    let mut scan = Scan { places: BTreeMap::new(), bases: vec![root.to_owned()], found: Found::default() };
    if from.is_empty() {
        scan.folder(root, "", 0, Extent::Usual);
    }
    for path in from {
        scan.from(root, path)?;
    }
    scan.read();
    scan.found.chosen = scan.places.keys().cloned().collect();
    for _ in 0..MAX_ROUNDS {
        if !scan.named() {
            break;
        }
    }
    Ok(scan.found)
}

/// How far a folder is looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Where files usually are.
    Usual,
    /// Everywhere, as it was named.
    Whole,
}

struct Scan {
    /// Where the files that are still to be read are, by the path people know.
    places: BTreeMap<String, PathBuf>,
    /// What paths are relative to.
    bases: Vec<PathBuf>,
    found: Found,
}

impl Scan {
    fn folder(&mut self, folder: &Path, path: &str, depth: usize, extent: Extent) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            // Not through links: they may lead round or out.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder {
                let own = !name.starts_with('.') && !FOREIGN.contains(&name.as_str());
                if own && (extent == Extent::Whole || looks_into(&below)) && depth < MAX_DEPTH {
                    self.folder(&entry.path(), &below, depth + 1, extent);
                }
                continue;
            }
            let wanted = match extent {
                Extent::Usual => kind_of(&below).is_some(),
                Extent::Whole => is_configuration(&below),
            };
            if wanted && self.places.len() < MAX_FILES && entry.path().is_file() {
                self.places.insert(below, entry.path());
            }
        }
    }

    fn from(&mut self, root: &Path, given: &Path) -> Result<(), Failure> {
        let path = fs::canonicalize(given).map_err(|error| {
            let message = format!("`--from {}` cannot be read", given.display());
            Failure::new(Exit::Usage, "unreadable", message).because(&error).kept("nothing was written")
        })?;
        let inside = path.strip_prefix(root).ok().and_then(Path::to_str).map(str::to_owned);
        let shown = if let Some(shown) = inside {
            shown
        } else {
            self.bases.extend(path.parent().map(Path::to_owned));
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        };
        if path.is_dir() {
            self.folder(&path, &shown, 0, Extent::Whole);
        } else {
            self.places.insert(shown, path);
        }
        Ok(())
    }

    fn read(&mut self) {
        for (shown, path) in &self.places {
            match read(path) {
                Ok(text) => self.found.files.push(File { path: shown.clone(), text }),
                Err(why) => self.found.unreadable.push((shown.clone(), why)),
            }
        }
    }

    /// Reads what the files name; says whether there was anything new.
    fn named(&mut self) -> bool {
        let mut new = false;
        for name in references(&self.found.files) {
            if self.places.contains_key(&name) {
                continue;
            }
            let inside = |base: &PathBuf| {
                let base = fs::canonicalize(base).ok()?;
                let path = fs::canonicalize(base.join(&name)).ok()?;
                (path.starts_with(&base) && path.is_file()).then_some(path)
            };
            let Some(path) = self.bases.iter().find_map(inside) else { continue };
            self.places.insert(name.clone(), path.clone());
            match read(&path) {
                Ok(text) => {
                    self.found.files.push(File { path: name, text });
                    new = true;
                }
                Err(why) => self.found.unreadable.push((name, why)),
            }
        }
        new
    }
}

/// Says whether a file of a folder that was named may be configuration.
fn is_configuration(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    let endings = [".yaml", ".yml", ".properties", ".env"];
    endings.iter().any(|ending| file.ends_with(ending))
        || file.starts_with(".env")
        || matches!(file, "package.json" | "Procfile" | "Dockerfile" | "Kustomization")
}

fn read(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > MAX_FILE_BYTES as u64 {
        return Err(format!("it has {size} bytes; at most {MAX_FILE_BYTES} are read"));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|byte| **byte == b'\n').count();
        format!("line {} is not UTF-8", line + 1)
    })
}
