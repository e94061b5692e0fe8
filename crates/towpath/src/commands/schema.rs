//! `towpath schema`: JSON Schemas of the files, for editors and other validators.

use std::{fs, io, path::Path};

use serde_json::json;
use towpath_core::config::{Loaded, SCHEMAS, SchemaKind, SourceSet, is_source, json_schema, load};

use super::Outcome;
use crate::{
    cli::SchemaArgs,
    context::Context,
    failure::{Exit, Failure},
    folder::{unreadable, unwritable},
};

pub(crate) fn run(context: &Context, args: &SchemaArgs) -> Outcome {
    if args.write || args.check {
        let folder = context.folder()?;
        let wanted = texts(&folder.load()?);
        return if args.write {
            write(context, folder.root(), &wanted)
        } else {
            check(context, folder.root(), &wanted)
        };
    }
    let folder = if args.general { None } else { context.folder().ok() };
    let loaded = folder.map(|folder| folder.load()).transpose()?;
    context.out.data(&text(args.kind, loaded.as_ref()))?;
    Ok(Exit::Done)
}

/// Returns a schema as it is written into a file.
pub(crate) fn text(kind: SchemaKind, loaded: Option<&Loaded>) -> String {
    format!("{:#}\n", json_schema(kind, loaded))
}

/// Adds to the files of a new project their schemas, and to each what lets editors find its own.
pub(crate) fn with_schemas(mut files: Vec<(String, String)>) -> Vec<(String, String)> {
    for (path, text) in files.iter_mut().filter(|(path, _)| is_source(path)) {
        *text = SchemaKind::of_path(path).modeline() + text;
    }
    let sources: SourceSet = files.iter().filter(|(path, _)| is_source(path)).cloned().collect();
    files.extend(texts(&load(&sources)).into_iter().map(|(path, text)| (path.to_owned(), text)));
    files
}

/// Returns the schemas that a project needs: those of flags once it has files about flags.
fn texts(loaded: &Loaded) -> Vec<(&'static str, String)> {
    let has = |kind: SchemaKind| loaded.sources().files().any(|(path, _)| SchemaKind::of_path(path) == kind);
    let needed = |kind: &SchemaKind| match kind {
        SchemaKind::Project | SchemaKind::Environment => true,
        SchemaKind::Flags | SchemaKind::FlagEnvironment => has(SchemaKind::Flags) || has(SchemaKind::FlagEnvironment),
    };
    SCHEMAS.into_iter().filter(needed).map(|kind| (kind.path(), text(kind, Some(loaded)))).collect()
}

/// Returns the paths of those that are not in the folder as they should be.
fn stale<'a>(root: &Path, wanted: &'a [(&'static str, String)]) -> Result<Vec<(&'static str, &'a str)>, Failure> {
    let mut stale = Vec::new();
    for (path, text) in wanted {
        let file = root.join(path);
        match fs::read_to_string(&file) {
            Ok(found) if found == *text => {}
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
                return Err(unreadable(&file, &error));
            }
            Ok(_) | Err(_) => stale.push((*path, text.as_str())),
        }
    }
    Ok(stale)
}

fn write(context: &Context, root: &Path, wanted: &[(&'static str, String)]) -> Outcome {
    let stale = stale(root, wanted)?;
    for (path, text) in &stale {
        let file = root.join(path);
        let made = file.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&file, text)).map_err(|error| unwritable(&file, &error))?;
    }
    let written: Vec<&str> = stale.iter().map(|(path, _)| *path).collect();
    context.out.show(&json!({ "written": written }), |paint| {
        let lines: String = wanted
            .iter()
            .map(|(path, _)| {
                let new = written.contains(path);
                format!("{} {path}\n", if new { paint.green("wrote") } else { paint.dim("as it was") })
            })
            .collect();
        lines
    })?;
    if !written.is_empty() {
        let line = SchemaKind::Environment.modeline();
        context.out.next(&format!("`{}` as the first line of each environment's file, and commit", line.trim_end()));
    }
    Ok(Exit::Done)
}

fn check(context: &Context, root: &Path, wanted: &[(&'static str, String)]) -> Outcome {
    let stale: Vec<&str> = stale(root, wanted)?.into_iter().map(|(path, _)| path).collect();
    context.out.show(&json!({ "stale": stale }), |paint| {
        if stale.is_empty() {
            return format!("{} the schemas are as the configuration says\n", paint.green("ok"));
        }
        stale.iter().map(|path| format!("{} {path}\n", paint.red("stale"))).collect()
    })?;
    if stale.is_empty() {
        return Ok(Exit::Done);
    }
    context.out.next("towpath schema --write, and commit");
    Ok(Exit::Difference)
}
