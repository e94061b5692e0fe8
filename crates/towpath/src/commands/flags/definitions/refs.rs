//! `towpath flags refs`: where the project's sources use flags.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read as _,
    path::Path,
};

use ignore::WalkBuilder;
use serde::Serialize;
use serde_json::json;
use towpath_core::config::nearest;

use super::uses::uses;
use crate::{
    cli::RefsArgs,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    output::{Paint, Table},
    words::count,
};

/// Files that are larger are no sources that people wrote.
const LARGEST: u64 = 2 << 20;
/// Folders that hold what others wrote, what was made, or the flags themselves.
const LEFT_OUT: [&str; 6] = [".git", ".towpath", "node_modules", "target", "vendor", "__pycache__"];

/// One use of a flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Reference {
    pub(super) flag: String,
    pub(super) path: String,
    pub(super) line: u32,
    pub(super) column: u32,
    /// Whether the files define such a flag.
    pub(super) defined: bool,
}

/// Everything that was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct References {
    pub(super) found: Vec<Reference>,
    /// How many files were read.
    pub(super) files: usize,
    /// Paths of files that could not be read.
    pub(super) unreadable: Vec<String>,
}

pub(super) fn run(context: &Context, args: &RefsArgs) -> Outcome {
    let folder = context.folder()?;
    let loaded = folder.load()?;
    let defined: BTreeSet<String> = loaded.flag_keys().map(|(key, _)| key.to_owned()).collect();
    let wanted = args.key.clone().into_iter().collect::<BTreeSet<_>>();
    let keys: BTreeSet<&str> = defined.iter().chain(&wanted).map(String::as_str).collect();
    let within = args.within.as_ref().map_or_else(|| folder.root().to_owned(), |within| folder.root().join(within));
    if !within.is_dir() {
        return Err(Failure::usage(format!("there is no folder `{}`", within.display())));
    }
    let mut found = find(folder.root(), &within, &keys, &defined);
    if let Some(key) = &args.key {
        found.found.retain(|reference| reference.flag == *key);
    }
    let used: BTreeSet<&str> = found.found.iter().map(|reference| reference.flag.as_str()).collect();
    let whole = args.key.is_none() && args.within.is_none();
    let unused: Vec<&String> = defined.iter().filter(|key| whole && !used.contains(key.as_str())).collect();
    let unknown: BTreeSet<&str> = found.found.iter().filter(|one| !one.defined).map(|one| one.flag.as_str()).collect();
    let value = json!({
        "references": found.found, "undefined": unknown, "unreferenced": unused,
        "files": found.files, "unreadable": found.unreadable,
    });
    context.out.show(&value, |paint| text(&found, &unused, &defined, paint))?;
    for path in &found.unreadable {
        context.out.warn(&format!("`{path}` cannot be read"));
    }
    Ok(if args.check && !unknown.is_empty() { Exit::Difference } else { Exit::Done })
}

fn text(found: &References, unused: &[&String], defined: &BTreeSet<String>, paint: Paint) -> String {
    let mut by_flag: BTreeMap<&str, Vec<&Reference>> = BTreeMap::new();
    for reference in &found.found {
        by_flag.entry(&reference.flag).or_default().push(reference);
    }
    let mut text = String::new();
    for (flag, references) in &by_flag {
        let known = references.first().is_some_and(|reference| reference.defined);
        let near = nearest(flag, defined.iter().map(String::as_str)).map(|near| format!("; did you mean `{near}`?"));
        let note = if known {
            String::new()
        } else {
            paint.red(&format!("  no flag is called so{}", near.unwrap_or_default()))
        };
        text += &format!("{}{note}\n", paint.bold(flag));
        let mut table = Table::new(&[]);
        for one in references {
            table.row(vec![format!("  {}:{}:{}", one.path, one.line, one.column)]);
        }
        text += &table.text(paint);
    }
    for flag in unused {
        text += &format!("{}{}\n", paint.bold(flag), paint.yellow("  used nowhere"));
    }
    let files = count(found.files as u64, "file");
    text + &format!("{} in {files}\n", count(found.found.len() as u64, "use"))
}

/// Looks through the sources below a folder, in the order of their paths.
pub(super) fn find(root: &Path, within: &Path, keys: &BTreeSet<&str>, defined: &BTreeSet<String>) -> References {
    let mut found = References::default();
    let flags = root.join("flags");
    // Files that version control leaves out are none that people wrote, whether or not this is a repository.
    let walk = WalkBuilder::new(within)
        .hidden(false)
        .require_git(false)
        .sort_by_file_path(Path::cmp)
        .filter_entry(move |entry| {
            let folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            let name = entry.file_name().to_str().unwrap_or_default();
            !(folder && (LEFT_OUT.contains(&name) || entry.path() == flags))
        })
        .build();
    for entry in walk {
        let entry = match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => entry,
            Ok(_) => continue,
            Err(error) => {
                found.unreadable.push(error.to_string());
                continue;
            }
        };
        let shown = entry.path().strip_prefix(root).unwrap_or(entry.path()).to_string_lossy().into_owned();
        let text = match read(entry.path()) {
            Ok(Some(text)) => text,
            Ok(None) => continue,
            Err(_) => {
                found.unreadable.push(shown);
                continue;
            }
        };
        found.files += 1;
        found.found.extend(uses(&text, keys).into_iter().map(|one| Reference {
            defined: defined.contains(&one.key),
            flag: one.key,
            path: shown.clone(),
            line: one.line,
            column: one.column,
        }));
    }
    found
}

/// Reads a text; `None` for what is none or too large.
fn read(path: &Path) -> std::io::Result<Option<String>> {
    let file = File::open(path)?;
    if file.metadata()?.len() > LARGEST {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(if bytes.contains(&0) { None } else { Some(String::from_utf8_lossy(&bytes).into_owned()) })
}
