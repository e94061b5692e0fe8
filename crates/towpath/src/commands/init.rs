//! `towpath init`: a project that validates and runs.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde_json::json;
use towpath_core::ids::is_name;

use super::Outcome;
use crate::{
    cli::InitArgs,
    context::Context,
    failure::{Exit, Failure},
    folder::{unreadable, unwritable},
};

mod template;

use template::{Answers, files};

/// What `.gitignore` must have: private data belongs in no repository.
const IGNORED: &str = ".towpath/";

pub(crate) fn run(context: &Context, args: &InitArgs) -> Outcome {
    let root = context.globals.project.clone().unwrap_or_else(|| PathBuf::from("."));
    let root = fs::canonicalize(&root).map_err(|error| unreadable(&root, &error))?;
    let answers = answers(context, args, &root)?;
    let files = super::schema::with_schemas(files(&answers));
    let there: Vec<&str> =
        files.iter().map(|(path, _)| path.as_str()).filter(|path| root.join(path).exists()).collect();
    if !there.is_empty() {
        let failure = Failure::new(Exit::Refused, "exists", "there is a project here already");
        let failure = there.iter().fold(failure, |failure, path| failure.fact("file", *path));
        return Err(failure
            .kept("nothing was written")
            .next("towpath env validate, to check it; or init another folder"));
    }
    let ignores = needs_ignoring(&root)?;
    let mut paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    paths.extend(ignores.then_some(".gitignore"));
    if !args.dry_run {
        write(&root, &files)?;
        if ignores {
            ignore(&root)?;
        }
    }
    let value = json!({ "project": answers.name, "folder": root, "written": !args.dry_run, "files": paths });
    context.out.show(&value, |paint| {
        let verb = if args.dry_run { "would write" } else { "wrote" };
        let lines: String = paths.iter().map(|path| format!("  {} {path}\n", paint.green("+"))).collect();
        format!("{verb} project {}\n{lines}", paint.bold(&answers.name))
    })?;
    if !args.dry_run {
        context.out.next("towpath up, then towpath release create --version 1.0");
    }
    Ok(Exit::Done)
}

fn answers(context: &Context, args: &InitArgs, root: &Path) -> Result<Answers, Failure> {
    let folder = root.file_name().and_then(|name| name.to_str()).map(to_name).unwrap_or_default();
    let folder = if is_name(&folder) { folder } else { "my-project".to_owned() };
    let asks = context.is_interactive() && !context.globals.yes && !args.dry_run;
    let ask = |given: &Option<String>, question: &str, default: &str| match given {
        Some(given) => Ok(given.clone()),
        None if asks => context.ask(question, default),
        None => Ok(default.to_owned()),
    };
    let name = ask(&args.name, "What is the project called?", &folder)?;
    let service = ask(&args.service, "What is its service called?", "web")?;
    for (what, name) in [("project", &name), ("service", &service)] {
        if !is_name(name) {
            return Err(Failure::usage(format!("`{name}` cannot be the name of a {what}"))
                .next("use 1 to 63 lower-case letters, digits and `-`, beginning with a letter"));
        }
    }
    let found = detect(root);
    let command = match &args.command {
        Some(command) => Some(command.clone()),
        None if asks => {
            let answer =
                context.ask("What starts it? Its port is ${PORT}", found.as_deref().unwrap_or("a page by python3"))?;
            Some(answer).filter(|answer| answer != "a page by python3")
        }
        None => found,
    };
    if command.is_none() && !in_path("python3") {
        return Err(Failure::usage("what starts the service is not known, and there is no python3 for an example")
            .next("towpath init --command './serve --port ${PORT}'"));
    }
    if let Some(command) = &command
        && (command.trim().is_empty() || command.chars().any(char::is_control))
    {
        return Err(Failure::usage("the command must be one line that is not empty"));
    }
    Ok(Answers { name, service, command })
}

/// Returns what seems to start the service of this folder.
fn detect(root: &Path) -> Option<String> {
    let procfile = fs::read_to_string(root.join("Procfile")).ok();
    let web = procfile.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("web:")));
    if let Some(web) = web {
        return Some(web.trim().replace("$PORT", "${PORT}"));
    }
    let package: serde_json::Value = serde_json::from_slice(&fs::read(root.join("package.json")).ok()?).ok()?;
    package.pointer("/scripts/start").map(|_| "npm start".to_owned())
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

fn write(root: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    for (index, (path, text)) in files.iter().enumerate() {
        let path = root.join(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        // Never over a file that came into being meanwhile.
        let file = made.and_then(|()| OpenOptions::new().write(true).create_new(true).open(&path));
        if let Err(error) = file.and_then(|mut file| file.write_all(text.as_bytes())) {
            let kept = if index == 0 { "nothing was written" } else { "the files before it were written and kept" };
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
