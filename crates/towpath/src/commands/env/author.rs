//! `towpath env create` and `env clone`: files of environments, written only when the project is right with them.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use serde_json::json;
use towpath_core::{
    config::{AuthorError, Cleared, ENVIRONMENT_FOLDER, NewEnvironment, SourceSet, load},
    ids::EnvironmentName,
    project,
};
use towpath_server::api::types::Tier;

use crate::{
    cli::{CloneArgs, CreateEnvArgs},
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    folder::{ProjectFolder, mistakes, unwritable},
};

pub(super) fn create(context: &Context, folder: &ProjectFolder, args: &CreateEnvArgs) -> Outcome {
    let loaded = folder.load()?;
    let name = loaded.new_name(&args.name).map_err(|error| unauthored(&error))?;
    let new = NewEnvironment {
        extends: args.extends.clone(),
        tier: args.tier.map(core_tier),
        description: args.description.clone(),
        aliases: args.aliases.clone(),
        set: args.set.clone(),
    };
    let text = loaded.new_file(&name, &new).map_err(|error| unauthored(&error))?;
    let path = format!("{ENVIRONMENT_FOLDER}/{name}.yaml");
    settle(context, folder, &File { name: &name, path: &path, text: &text, dry_run: args.dry_run }, &[], &[])
}

pub(super) fn copy(context: &Context, folder: &ProjectFolder, args: &CloneArgs) -> Outcome {
    let loaded = folder.load()?;
    let source = super::which(context, &loaded, Some(&args.source))?;
    let name = loaded.new_name(&args.name).map_err(|error| unauthored(&error))?;
    let copied = loaded.copy_file(&source, args.flat).map_err(|error| {
        let broken = matches!(error, AuthorError::Broken(_)).then(|| loaded.validate());
        let failure = broken.and_then(|found| mistakes(loaded.sources(), &found, context.out.paint_err()));
        failure.unwrap_or_else(|| unauthored(&error))
    })?;
    let mut text = copied.text;
    if !args.flat && !says_tier(&text) && copied.ending != ".json" {
        // The tier of a well-known name is not that of another one.
        let resolved = loaded.resolve(source.as_str(), &towpath_core::config::Inputs::default()).environment;
        if let Some(resolved) = resolved {
            let line = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            text += &format!("{line}tier: {}\n", resolved.tier);
        }
    }
    let path = format!("{ENVIRONMENT_FOLDER}/{name}{}", copied.ending);
    let file = File { name: &name, path: &path, text: &text, dry_run: args.dry_run };
    settle(context, folder, &file, &copied.cleared, &copied.shared)
}

fn says_tier(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("tier:") || line.starts_with("extends:"))
}

struct File<'a> {
    name: &'a EnvironmentName,
    path: &'a str,
    text: &'a str,
    dry_run: bool,
}

/// Writes the file if the project is right with it, and says what became of it.
fn settle(
    context: &Context,
    folder: &ProjectFolder,
    file: &File<'_>,
    cleared: &[Cleared],
    shared: &[String],
) -> Outcome {
    right(context, folder, file)?;
    if !file.dry_run {
        write_new(&folder.root().join(file.path), file.text)?;
    }
    let told: Vec<_> = cleared.iter().map(|one| json!({ "key": one.key, "because": one.why })).collect();
    let value = json!({
        "name": file.name,
        "path": file.path,
        "written": !file.dry_run,
        "text": file.text,
        "cleared": told,
        "shared": shared,
    });
    context.out.show(&value, |paint| {
        let verb = if file.dry_run { "would write" } else { "wrote" };
        let mut text = format!("{verb} {}\n", paint.bold(file.path));
        for one in cleared {
            text += &format!("  {} {} {}\n", paint.yellow("cleared"), one.key, paint.dim(one.why));
        }
        for key in shared {
            text += &format!("  {} {key} {}\n", paint.yellow("shared "), paint.dim("both take it from the same place"));
        }
        if file.dry_run {
            text += &format!("\n{}", file.text);
        }
        text
    })?;
    if !file.dry_run {
        let name = file.name;
        context.out.next(&format!(
            "towpath env show {name}; to let releases in, put it into `pipeline` in towpath.yaml: at its place in the list, or as `{name}: {{after: ENVIRONMENT}}` in the map"
        ));
    }
    Ok(Exit::Done)
}

/// Checks the whole project with the file in it.
fn right(context: &Context, folder: &ProjectFolder, file: &File<'_>) -> Result<(), Failure> {
    let mut sources: SourceSet = folder.sources()?.files().collect();
    sources.insert(file.path, file.text);
    let loaded = load(&sources);
    let diagnostics = loaded.validate();
    match mistakes(loaded.sources(), &diagnostics, context.out.paint_err()) {
        None => Ok(()),
        Some(failure) => Err(failure.kept("nothing was written")),
    }
}

/// Writes a file that is there as a whole or not at all, and never in another's place.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: &io::Error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            let message = format!("`{}` is there already", path.display());
            return Failure::new(Exit::Refused, "exists", message).kept("nothing was written");
        }
        unwritable(path, error).kept("nothing was written")
    };
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = fs::OpenOptions::new().write(true).create_new(true).open(&temporary).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // A link is made only where nothing is.
        fs::hard_link(&temporary, path)
    });
    let _ = fs::remove_file(&temporary);
    written.map_err(|error| failed(&error))?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(&error))
}

pub(super) fn core_tier(tier: Tier) -> project::Tier {
    match tier {
        Tier::Development => project::Tier::Development,
        Tier::Testing => project::Tier::Testing,
        Tier::Staging => project::Tier::Staging,
        Tier::Production => project::Tier::Production,
    }
}

fn unauthored(error: &AuthorError) -> Failure {
    let exit = match error {
        AuthorError::Exists { .. } | AuthorError::Alias { .. } => Exit::Refused,
        AuthorError::Broken(_) => Exit::Failed,
        AuthorError::Name(_)
        | AuthorError::Reserved(_)
        | AuthorError::UnknownParent { .. }
        | AuthorError::Key { .. } => Exit::Usage,
    };
    let next = error.free().map_or_else(|| error.next().to_owned(), |free| format!("`{free}` is free"));
    Failure::of(exit, "not_made", error).kept("nothing was written").next(next)
}
