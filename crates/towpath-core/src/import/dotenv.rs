//! `.env` files: the dialects of dotenv libraries and of Compose as far as they agree, and what we do where not.
//!
//! A reader of our own, because the well-kept crate (`dotenvy`) replaces references from the process environment while
//! it reads and gives neither lines nor comments, all of which an import has to keep. Rules, as in python-dotenv
//! (<https://saurabh-kumar.com/python-dotenv/reference/>) and Compose
//! (<https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax>): `export` is
//! allowed; in single quotes and backticks everything is text (python-dotenv replaces `${}` there too); double quotes
//! know escapes and may span lines; a comment behind a value without quotes needs a blank before `#`.

use std::collections::BTreeMap;

use super::{
    convert::{Dialect, references},
    facts::{Imported, Kind, Layer, Outcome, Place},
    names::environment,
    secret::by_value,
};
use crate::project::Tier;

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// In Towpath's notation; `None` for a name without `=`.
    pub(super) value: Option<String>,
    pub(super) line: u32,
    pub(super) doc: Option<String>,
}

/// A line that cannot be read, and why; or what a line says that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) line: u32,
    pub(super) message: String,
    /// Nothing is wrong with the line but that it has no counterpart.
    pub(super) only_left: bool,
}

/// What a file named so holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    Values(Layer, Option<Tier>),
    Example,
    Unknown(&'static str),
}

/// Returns what a file of this name holds.
pub(super) fn role(file: &str) -> Role {
    let Some(rest) = file.strip_prefix(".env") else { return Role::Unknown("not an env file") };
    let Some(word) = rest.strip_prefix('.').or_else(|| rest.strip_prefix('-')) else {
        return Role::Values(Layer::Common, None);
    };
    let word = word.to_ascii_lowercase();
    if matches!(word.as_str(), "example" | "sample" | "template" | "dist" | "defaults" | "schema")
        || word.ends_with(".example")
        || word.ends_with(".sample")
    {
        return Role::Example;
    }
    if matches!(word.as_str(), "vault" | "keys" | "me") {
        return Role::Unknown("it holds the keys of another tool");
    }
    let backup = ["bak", "backup", "old", "orig", "swp", "save", "copy"];
    if word.split('.').any(|part| backup.contains(&part)) || word.ends_with('~') {
        return Role::Unknown("it is a copy of another file");
    }
    let stem = word.strip_suffix(".local").unwrap_or(&word);
    match environment(stem) {
        Some((name, tier)) => Role::Values(Layer::Environment(name), Some(tier)),
        None => Role::Unknown("its name is none of a usual environment: `--from` it renamed, such as `.env.staging`"),
    }
}

/// Takes every env file of a folder. What is more special comes later and wins: `.env`, `.env.ENV`, `.env.local`,
/// `.env.ENV.local`.
pub(super) fn import(files: &[(&str, &str)], imported: &mut Imported) {
    let special = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        let local = name.rsplit('.').next() == Some("local");
        (local, local && name != ".env.local", name != ".env", path.to_owned())
    };
    let mut files = files.to_vec();
    files.sort_by_key(|(path, _)| special(path));
    for (path, text) in files {
        let name = path.rsplit('/').next().unwrap_or(path);
        match role(name) {
            Role::Values(layer, tier) => {
                if let (Layer::Environment(name), Some(tier)) = (&layer, tier) {
                    imported.environment(name, tier);
                }
                values(path, text, &layer, imported);
            }
            Role::Example => example(path, text, imported),
            Role::Unknown(why) => imported.left(Place::new(path, 0), "the file", why),
        }
    }
}

fn values(path: &str, text: &str, layer: &Layer, imported: &mut Imported) {
    let (entries, problems) = parse(text);
    report(path, problems, imported);
    let mut last: BTreeMap<&str, u32> = BTreeMap::new();
    for entry in &entries {
        if let Some(first) = last.insert(&entry.name, entry.line) {
            let why = format!("line {} says it again, and the last one holds", entry.line);
            imported.left(Place::new(path, first), format!("`{}`", entry.name), why);
        }
    }
    for entry in &entries {
        if last.get(entry.name.as_str()) != Some(&entry.line) {
            continue;
        }
        let place = Place::new(path, entry.line);
        if entry.value.is_none() {
            imported.note(place.clone(), Outcome::Changed, &entry.name, "declared; the line gives it no value");
        }
        imported.variable(None, &entry.name, layer, entry.value.clone(), Kind::Dotenv, place);
        document(entry, imported);
    }
}

fn document(entry: &Entry, imported: &mut Imported) {
    if let (Some(doc), Some(known)) = (&entry.doc, imported.known.get_mut(&entry.name)) {
        known.doc.get_or_insert_with(|| doc.clone());
    }
}

fn example(path: &str, text: &str, imported: &mut Imported) {
    let (entries, problems) = parse(text);
    report(path, problems, imported);
    for entry in &entries {
        let place = Place::new(path, entry.line);
        imported.variable(None, &entry.name, &Layer::Common, None, Kind::Dotenv, place.clone());
        document(entry, imported);
        let Some(known) = imported.known.get_mut(&entry.name) else { continue };
        known.example = entry.value.clone().filter(|value| !value.is_empty());
        imported.note(place, Outcome::Taken, &entry.name, "declared, with its example");
    }
}

fn report(path: &str, problems: Vec<Problem>, imported: &mut Imported) {
    for problem in problems {
        let place = Place::new(path, problem.line);
        if problem.only_left {
            imported.left(place, "the value", problem.message);
        } else {
            imported.broken(place, problem.message);
        }
    }
}

/// Reads an env file.
pub(super) fn parse(text: &str) -> (Vec<Entry>, Vec<Problem>) {
    let mut reader = Reader {
        rest: text.strip_prefix('\u{feff}').unwrap_or(text),
        line: 1,
        comments: Vec::new(),
        entries: Vec::new(),
        problems: Vec::new(),
    };
    while !reader.rest.is_empty() {
        reader.line();
    }
    (reader.entries, reader.problems)
}

struct Reader<'t> {
    rest: &'t str,
    line: u32,
    /// The lines of comment directly above.
    comments: Vec<String>,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
}

impl<'t> Reader<'t> {
    /// Returns the rest of the line and goes on behind it.
    fn take_line(&mut self) -> &'t str {
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        self.line = self.line.saturating_add(1);
        line.strip_suffix('\r').unwrap_or(line)
    }

    fn problem(&mut self, line: u32, message: impl Into<String>) {
        self.problems.push(Problem { line, message: message.into(), only_left: false });
    }

    fn line(&mut self) {
        let line = self.line;
        let text = self.rest.split('\n').next().unwrap_or_default();
        let trimmed = text.trim();
        if trimmed.is_empty() {
            self.comments.clear();
            self.take_line();
            return;
        }
        if let Some(comment) = trimmed.strip_prefix('#') {
            let comment = comment.trim();
            // `# NAME=value` is an assignment that somebody switched off, and rulers are decoration.
            let says = comment.chars().any(char::is_alphanumeric) && !comment.contains('=');
            if says {
                self.comments.push(comment.to_owned());
            } else {
                self.comments.clear();
            }
            self.take_line();
            return;
        }
        let doc = std::mem::take(&mut self.comments).join(" ");
        let Some((before, _)) = text.split_once('=') else {
            self.take_line();
            let name = trimmed.strip_prefix("export ").unwrap_or(trimmed).trim();
            // A line of a key that was pasted without quotes must not become a name.
            let plain = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
            if plain && is_key(name) {
                self.entries.push(Entry { name: name.to_owned(), value: None, line, doc: None });
            } else {
                self.problem(line, "this line is no assignment: write `NAME=value`");
            }
            return;
        };
        let name = before.trim();
        let name = name.strip_prefix("export ").map_or(name, str::trim_start).trim_matches(['\'', '"']);
        if !is_key(name) {
            self.take_line();
            return self.problem(line, "what stands before `=` is no name of a variable: write `NAME=value`");
        }
        self.rest = self.rest.get(before.len() + 1..).unwrap_or_default();
        let (value, inline) = match self.value() {
            Ok(found) => found,
            Err(message) => return self.problem(line, message),
        };
        let doc = Some(doc).filter(|doc| !doc.is_empty()).or(inline);
        match value {
            Ok(value) => self.entries.push(Entry { name: name.to_owned(), value: Some(value), line, doc }),
            Err(message) => {
                self.entries.push(Entry { name: name.to_owned(), value: None, line, doc });
                self.problems.push(Problem { line, message: format!("`{name}`: {message}"), only_left: true });
            }
        }
    }

    /// Reads a value and what is behind it.
    fn value(&mut self) -> Result<(Result<String, String>, Option<String>), String> {
        let blanks = self.rest.len() - self.rest.trim_start_matches([' ', '\t']).len();
        self.rest = self.rest.get(blanks..).unwrap_or_default();
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
        let Some(quote) = quote else {
            let text = self.take_line();
            let comment = comment_start(text);
            let (value, comment) = text.split_at_checked(comment).unwrap_or((text, ""));
            let doc = comment.trim().trim_start_matches('#').trim();
            let doc = Some(doc.to_owned()).filter(|doc| !doc.is_empty() && !doc.contains('='));
            return Ok((references(value.trim(), Dialect::Dotenv), doc));
        };
        let inner = self.rest.get(1..).unwrap_or_default();
        let Some(end) = closing(inner, quote) else {
            self.take_line();
            return Err(format!("the quote {quote} that begins here is not closed"));
        };
        let (inside, after) = inner.split_at_checked(end).unwrap_or((inner, ""));
        self.line = self.line.saturating_add(u32::try_from(inside.matches('\n').count()).unwrap_or(u32::MAX));
        self.rest = after.get(1..).unwrap_or_default();
        let behind = self.take_line().trim();
        if !behind.is_empty() && !behind.starts_with('#') {
            return Err("something stands behind the closing quote".to_owned());
        }
        let inside = inside.replace("\r\n", "\n");
        let value = match quote {
            '"' => double_quoted(&inside),
            '\'' => references(&inside.replace("\\'", "'").replace("\\\\", "\\"), Dialect::Literal),
            _ => references(&inside, Dialect::Literal),
        };
        let doc = behind.trim_start_matches('#').trim();
        Ok((value, Some(doc.to_owned()).filter(|doc| !doc.is_empty() && !doc.contains('='))))
    }
}

fn is_key(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && (name.contains('_') || by_value(name).is_none())
        && !name.contains(|c: char| c.is_whitespace() || c.is_control() || "#'\"`$+/".contains(c))
}

/// Returns where the comment of a value without quotes begins.
fn comment_start(text: &str) -> usize {
    let mut before = ' ';
    for (place, c) in text.char_indices() {
        if c == '#' && before.is_whitespace() {
            return place;
        }
        before = c;
    }
    text.len()
}

fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (place, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            c if c == quote => return Some(place),
            _ => {}
        }
    }
    None
}

/// Resolves escapes; `\$` is a dollar that refers to nothing.
fn double_quoted(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut piece = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            piece.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => piece.push('\n'),
            Some('r') => piece.push('\r'),
            Some('t') => piece.push('\t'),
            Some('f') => piece.push('\u{c}'),
            Some('b') => piece.push('\u{8}'),
            Some('a') => piece.push('\u{7}'),
            Some('v') => piece.push('\u{b}'),
            Some('$') => {
                out += &references(&std::mem::take(&mut piece), Dialect::Dotenv)?;
                out += "$$";
            }
            Some(c @ ('"' | '\'' | '\\')) => piece.push(c),
            Some(c) => piece.extend(['\\', c]),
            None => piece.push('\\'),
        }
    }
    out += &references(&piece, Dialect::Dotenv)?;
    Ok(out)
}
