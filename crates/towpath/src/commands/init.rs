//! `towpath init`: a project that validates and runs.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use towpath_core::{
    ids::is_name,
    import::{Choices, Imported, Note, read},
};

use super::{Outcome, schema::with_schemas};
use crate::{
    cli::InitArgs,
    context::Context,
    failure::{Exit, Failure},
    folder::{unreadable, unwritable},
    words::count,
};

mod import;
mod scan;
mod template;

use template::{Answers, files};

/// What `.gitignore` must have: private data belongs in no repository.
const IGNORED: &str = ".towpath/";
/// What is left out of artifacts; a file of this name may be there already.
const IGNORE_FILE: &str = ".towpathignore";

/// What is to be written and told.
struct Prepared {
    name: String,
    files: Vec<(String, String)>,
    notes: Vec<Note>,
    secrets: Vec<String>,
}

pub(crate) fn run(context: &Context, args: &InitArgs) -> Outcome {
    let root = context.globals.project.clone().unwrap_or_else(|| PathBuf::from("."));
    let root = fs::canonicalize(&root).map_err(|error| unreadable(&root, &error))?;
    let mut prepared = prepare(context, args, &root)?;
    prepared.files = with_schemas(prepared.files);
    refuse_existing(&root, &mut prepared)?;
    let ignores = needs_ignoring(&root)?;
    let unignored = import::unignored(&root, &prepared.notes)?;
    if !args.dry_run {
        write(&root, &prepared.files)?;
        if ignores {
            ignore(&root)?;
        }
    }
    show(context, args, &root, &prepared, ignores)?;
    for path in &unignored {
        context.out.warn(&format!("`{path}` holds secrets and git does not ignore it: add it to `.gitignore`"));
    }
    if !args.dry_run {
        if !prepared.secrets.is_empty() {
            let what = count(prepared.secrets.len() as u64, "secret variable");
            context.out.progress(&format!(
                "{what} declared by name only: the values stay where they are, and a process that has them set \
                 gives them to `towpath` (`set -a; . ./.env; set +a`); \
                 `towpath secrets edit ENVIRONMENT` keeps them encrypted in the project"
            ));
        }
        context.out.next("towpath up, then towpath release create --version 1.0");
    }
    Ok(Exit::Done)
}

/// Finds out what to write: the files of a new project, or of what is there already.
fn prepare(context: &Context, args: &InitArgs, root: &Path) -> Result<Prepared, Failure> {
    let found = if args.no_import { scan::Found::default() } else { scan::scan(root, &args.from)? };
    let imported = read(&found.files, &found.chosen);
    let asks = context.is_interactive() && !context.globals.yes && !args.dry_run;
    let bare = imported.is_bare() && imported.broken.is_empty() && found.unreadable.is_empty();
    if !bare {
        import::refuse_broken(&imported, &found.unreadable, args)?;
        let from: Vec<&str> = found.chosen.iter().map(String::as_str).collect();
        let wanted = !asks || {
            let question = format!("Import what {} say?", from.join(", "));
            !context.ask(&question, "yes")?.to_lowercase().starts_with('n')
        };
        if wanted && !imported.is_bare() {
            return adopt(context, args, root, &imported, &found.unreadable);
        }
    }
    let notes = if bare { imported.notes.clone() } else { Vec::new() };
    let answers = answers(context, args, root, imported.plain_command())?;
    Ok(Prepared { files: files(&answers), name: answers.name, notes, secrets: Vec::new() })
}

fn adopt(
    context: &Context,
    args: &InitArgs,
    root: &Path,
    imported: &Imported,
    unreadable: &[(String, String)],
) -> Result<Prepared, Failure> {
    let asks = context.is_interactive() && !context.globals.yes && !args.dry_run;
    let default = imported.project_name().map_or_else(|| folder_name(root), str::to_owned);
    let name = match &args.name {
        Some(name) => name.clone(),
        None if asks => context.ask("What is the project called?", &default)?,
        None => default,
    };
    check_names(&name, args.service.as_deref())?;
    check_command(args.command.as_deref())?;
    let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<String>>();
    let choices = Choices {
        name: name.clone(),
        service: args.service.clone(),
        command: args.command.clone(),
        prefer: args.prefer.clone(),
        secret: set(&args.secret),
        plain: set(&args.plain),
        enums: set(&args.enums),
        ..Choices::default()
    };
    let mut settled = import::settle(context, imported, choices, asks)?;
    settled.notes.extend(unreadable.iter().map(|(path, why)| import::unread(path, why)));
    Ok(Prepared { name, files: settled.files, notes: settled.notes, secrets: settled.secrets })
}

fn refuse_existing(root: &Path, prepared: &mut Prepared) -> Result<(), Failure> {
    // What is left out of artifacts is the user's to say where they said something.
    prepared.files.retain(|(path, _)| path != IGNORE_FILE || !root.join(path).exists());
    let there: Vec<&str> =
        prepared.files.iter().map(|(path, _)| path.as_str()).filter(|path| root.join(path).exists()).collect();
    if there.is_empty() {
        return Ok(());
    }
    let failure = Failure::new(Exit::Refused, "exists", "there is a project here already");
    let failure = there.iter().fold(failure, |failure, path| failure.fact("file", *path));
    Err(failure.kept("nothing was written").next("towpath env validate, to check it; or init another folder"))
}

fn show(context: &Context, args: &InitArgs, root: &Path, prepared: &Prepared, ignores: bool) -> Result<(), Failure> {
    let mut paths: Vec<&str> = prepared.files.iter().map(|(path, _)| path.as_str()).collect();
    paths.extend(ignores.then_some(".gitignore"));
    let texts: Vec<Value> = prepared.files.iter().map(|(path, text)| json!({ "path": path, "text": text })).collect();
    let mut value = json!({
        "project": prepared.name, "folder": root, "written": !args.dry_run, "files": paths,
        "notes": prepared.notes, "secrets": prepared.secrets,
    });
    if let (true, Some(object)) = (args.dry_run, value.as_object_mut()) {
        object.insert("texts".to_owned(), texts.into());
    }
    context.out.show(&value, |paint| {
        let verb = if args.dry_run { "would write" } else { "wrote" };
        let lines: String = paths.iter().map(|path| format!("  {} {path}\n", paint.green("+"))).collect();
        let mut text = format!("{verb} project {}\n{lines}", paint.bold(&prepared.name));
        text += &import::report(&prepared.notes, paint);
        if args.dry_run {
            // Schemas are long and follow from the rest.
            for (path, file) in prepared.files.iter().filter(|(path, _)| !path.starts_with("schema/")) {
                text += &format!("\n{}\n{file}", paint.bold(&format!("=== {path}")));
            }
        }
        text
    })
}

fn folder_name(root: &Path) -> String {
    let folder = root.file_name().and_then(|name| name.to_str()).map(to_name).unwrap_or_default();
    if is_name(&folder) { folder } else { "my-project".to_owned() }
}

fn check_names(project: &str, service: Option<&str>) -> Result<(), Failure> {
    for (what, name) in [("project", Some(project)), ("service", service)] {
        if let Some(name) = name.filter(|name| !is_name(name)) {
            return Err(Failure::usage(format!("`{name}` cannot be the name of a {what}"))
                .next("use 1 to 63 lower-case letters, digits and `-`, beginning with a letter"));
        }
    }
    Ok(())
}

fn check_command(command: Option<&str>) -> Result<(), Failure> {
    match command {
        Some(command) if command.trim().is_empty() || command.chars().any(char::is_control) => {
            Err(Failure::usage("the command must be one line that is not empty"))
        }
        Some(_) | None => Ok(()),
    }
}

fn answers(context: &Context, args: &InitArgs, root: &Path, found: Option<&str>) -> Result<Answers, Failure> {
    let asks = context.is_interactive() && !context.globals.yes && !args.dry_run;
    let ask = |given: &Option<String>, question: &str, default: &str| match given {
        Some(given) => Ok(given.clone()),
        None if asks => context.ask(question, default),
        None => Ok(default.to_owned()),
    };
    let name = ask(&args.name, "What is the project called?", &folder_name(root))?;
    let service = ask(&args.service, "What is its service called?", "web")?;
    check_names(&name, Some(&service))?;
    let command = match &args.command {
        Some(command) => Some(command.clone()),
        None if asks => {
            let answer = context.ask("What starts it? Its port is ${PORT}", found.unwrap_or("a page by python3"))?;
            Some(answer).filter(|answer| answer != "a page by python3")
        }
        None => found.map(str::to_owned),
    };
    if command.is_none() && !in_path("python3") {
        return Err(Failure::usage("what starts the service is not known, and there is no python3 for an example")
            .next("towpath init --command './serve --port ${PORT}'"));
    }
    check_command(command.as_deref())?;
    Ok(Answers { name, service, command })
}

fn in_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// Returns the nearest name: letters made small, other characters made `-`.
fn to_name(text: &str) -> String {
    let plain: String =
        text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(63).collect();
    plain.trim_matches('-').to_owned()
}

/// Writes all files or none: what was written before one that cannot be is taken away again.
fn write(root: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    let mut written: Vec<PathBuf> = Vec::new();
    for (path, text) in files {
        let path = root.join(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        // Never over a file that came into being meanwhile.
        let opened = made.and_then(|()| OpenOptions::new().write(true).create_new(true).open(&path));
        let result = opened.and_then(|mut file| {
            written.push(path.clone());
            file.write_all(text.as_bytes())
        });
        if let Err(error) = result {
            let kept: Vec<String> = written
                .iter()
                .filter(|path| fs::remove_file(path).is_err())
                .map(|path| format!("`{}`", path.display()))
                .collect();
            let kept = if kept.is_empty() { "nothing was written".to_owned() } else { kept.join(", ") };
            return Err(unwritable(&path, &error).kept(kept));
        }
    }
    Ok(())
}

fn needs_ignoring(root: &Path) -> Result<bool, Failure> {
    let path = root.join(".gitignore");
    match fs::read_to_string(&path) {
        Ok(text) => {
            Ok(!text.lines().any(|line| matches!(line.trim(), IGNORED | ".towpath" | "/.towpath/" | "/.towpath")))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(unreadable(&path, &error)),
    }
}

fn ignore(root: &Path) -> Result<(), Failure> {
    let path = root.join(".gitignore");
    let before = fs::read_to_string(&path).unwrap_or_default();
    let newline = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    let opened = OpenOptions::new().create(true).append(true).open(&path);
    let written = opened.and_then(|mut file| writeln!(file, "{newline}{IGNORED}"));
    written.map_err(|error| unwritable(&path, &error).kept("the project's files were written"))
}
