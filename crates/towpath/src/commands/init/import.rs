//! The import of `towpath init`: what is asked, what is refused, and the report of what became of everything.

use std::{fs, path::Path};

use serde_json::{Value, json};
use towpath_core::{
    config::render_diagnostics,
    import::{Choices, Conflict, Imported, Kind, Note, Outcome, Place, Settled},
};

use crate::{
    cli::InitArgs,
    context::Context,
    failure::{Exit, Failure},
    folder::unreadable,
    output::Paint,
    words::count,
};

/// How many mistakes are told at once.
const MAX_TOLD: usize = 50;

/// Refuses what cannot be read, unless it is to be left out.
pub(super) fn refuse_broken(
    imported: &Imported,
    unreadable: &[(String, String)],
    args: &InitArgs,
) -> Result<(), Failure> {
    let total = imported.broken.len() + unreadable.len();
    if args.skip_broken || total == 0 {
        return Ok(());
    }
    let what = format!("{} cannot be read", count(total as u64, "place"));
    let mut failure = Failure::new(Exit::Failed, "broken", what);
    let texts = imported.broken.iter().map(|broken| format!("{}: {}", broken.place, broken.message));
    let files = unreadable.iter().map(|(path, why)| format!("{path}: {why}"));
    for line in files.chain(texts).take(MAX_TOLD) {
        failure = failure.fact("broken", line);
    }
    Err(failure
        .kept("nothing was written")
        .next("mend them, or leave them out with --skip-broken, or import nothing with --no-import"))
}

/// Returns the project, after everything that had to be chosen was.
pub(super) fn settle(
    context: &Context,
    imported: &Imported,
    mut choices: Choices,
    asks: bool,
) -> Result<Settled, Failure> {
    loop {
        match imported.settle(&choices) {
            Ok(settled) if settled.mistakes.is_empty() => return Ok(settled),
            Ok(settled) => return Err(too_much(&settled)),
            Err(conflicts) if asks => {
                for conflict in conflicts {
                    let kind = ask(context, &conflict)?;
                    choices.picked.insert(conflict.what, kind);
                }
            }
            Err(conflicts) => return Err(undecided(&conflicts)),
        }
    }
}

fn ask(context: &Context, conflict: &Conflict) -> Result<Kind, Failure> {
    context.out.progress(&format!("{}: the files do not agree", conflict.what));
    for (number, choice) in (1..).zip(&conflict.choices) {
        context.out.progress(&format!("  {number}  {}  {}  {}", choice.from.as_str(), choice.place, choice.value));
    }
    loop {
        let answer = context.ask("Which holds?", "1")?;
        let number = answer.parse::<usize>().ok().and_then(|number| conflict.choices.get(number.checked_sub(1)?));
        let found = number.or_else(|| conflict.choices.iter().find(|choice| choice.from.as_str() == answer));
        if let Some(choice) = found {
            return Ok(choice.from);
        }
        context.out.progress(&format!("`{answer}` is none of them: a number from 1 to {}", conflict.choices.len()));
    }
}

fn undecided(conflicts: &[Conflict]) -> Failure {
    let message = format!("the files do not agree about {}", count(conflicts.len() as u64, "thing"));
    let mut failure = Failure::new(Exit::Usage, "undecided", message);
    let mut words: Vec<&str> = Vec::new();
    for conflict in conflicts.iter().take(MAX_TOLD) {
        for choice in &conflict.choices {
            words.push(choice.from.as_str());
            let line = format!("{}: {} says `{}`", choice.place, choice.from.as_str(), choice.value);
            failure = failure.fact("differ", format!("{}: {line}", conflict.what));
        }
    }
    words.sort_unstable();
    words.dedup();
    let flags: Vec<String> = words.iter().map(|word| format!("--prefer {word}")).collect();
    failure.kept("nothing was written").next(format!("say whose word holds: {}", flags.join(" or ")))
}

fn too_much(settled: &Settled) -> Failure {
    let sources = settled.files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let views: Vec<Value> = settled.mistakes.iter().map(|mistake| json!(mistake.view(&sources))).collect();
    let shown = settled.mistakes.get(..MAX_TOLD.min(settled.mistakes.len())).unwrap_or_default();
    Failure::new(Exit::Failed, "invalid", "what the files say does not make a valid project")
        .report(render_diagnostics(&sources, shown, false), &json!(views))
        .kept("nothing was written")
        .next("towpath init --no-import, and write these parts by hand")
}

/// Notes a file that was not read.
pub(super) fn unread(path: &str, why: &str) -> Note {
    let place = Place { path: path.to_owned(), line: 0 };
    Note { place, outcome: Outcome::Left, what: "the file".to_owned(), why: format!("it cannot be read: {why}") }
}

/// Returns the report for people.
pub(super) fn report(notes: &[Note], paint: Paint) -> String {
    let mut text = String::new();
    let groups = [
        (Outcome::Taken, "taken"),
        (Outcome::Changed, "taken, but changed"),
        (Outcome::Secret, "secret: the name is declared, the value is written nowhere"),
        (Outcome::Left, "not taken"),
    ];
    for (outcome, title) in groups {
        let group: Vec<&Note> = notes.iter().filter(|note| note.outcome == outcome).collect();
        if group.is_empty() {
            continue;
        }
        text += &format!("\n{} ({})\n", paint.bold(title), group.len());
        for note in group {
            let place = paint.dim(&note.place.to_string());
            text += &format!("  {place}  {}: {}\n", printable(&note.what), printable(&note.why));
        }
    }
    text
}

/// Names and reasons come from files, so they may hold what would move the cursor.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Returns the files with secret values that git does not ignore.
pub(super) fn unignored(root: &Path, notes: &[Note]) -> Result<Vec<String>, Failure> {
    let path = root.join(".gitignore");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(unreadable(&path, &error)),
    };
    let secret = notes.iter().filter(|note| note.outcome == Outcome::Secret).map(|note| note.place.path.clone());
    let mut files: Vec<String> = secret.filter(|path| is_env_file(path) && !is_ignored(&text, path)).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

fn is_env_file(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    let example = ["example", "sample", "template", "dist"].iter().any(|word| file.contains(word));
    let named = file.starts_with(".env") || file.split('.').next_back() == Some("env");
    named && !example
}

/// Says whether a line of `.gitignore` fits the file; the last that does decides.
fn is_ignored(rules: &str, path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    let fits = |rule: &str| {
        let rule = rule.trim_start_matches('/').trim_start_matches("**/");
        glob(rule.as_bytes(), path.as_bytes()) || glob(rule.as_bytes(), file.as_bytes())
    };
    let mut lines = rules.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let last = lines.rfind(|line| fits(line.strip_prefix('!').unwrap_or(line)));
    last.is_some_and(|line| !line.starts_with('!'))
}

/// `*` is any number of characters, `?` is one.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = text.get(seen) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(p) if p == c || *p == b'?' => {
                at += 1;
                seen += 1;
            }
            Some(_) | None => {
                let Some((begin, from)) = star else { return false };
                star = Some((begin, from + 1));
                at = begin + 1;
                seen = from + 1;
            }
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|c| *c == b'*'))
}

#[cfg(test)]
mod tests;
