//! `${NAME}` and `${NAME:-default}` in values of variables and in the `env` of services.
//!
//! `$$` is a `$`; a `$` before anything else stays. A reference to itself over any number of steps is
//! refused with the way it takes; nothing grows beyond a limit.

use std::collections::BTreeMap;

use super::{diagnostic::Diagnostic, nearest::suggestion, schema::variable::reserved, source::Label};

/// How deep defaults may nest and references may refer on.
const MAX_DEPTH: usize = 64;
/// The longest value that comes of replacing.
const MAX_LENGTH: usize = 4 << 20;

/// A name in its scope: a variable, or an entry of the `env` of a service.
pub(crate) type Name<'a> = (Option<&'a str>, &'a str);

/// A value before its references are replaced.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) text: String,
    pub(crate) label: Label,
    pub(crate) secret: bool,
    /// What a process set is taken as it is.
    pub(crate) literal: bool,
}

/// A value after its references were replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) text: String,
    /// Whether anything secret went into it.
    pub(crate) secret: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'t> {
    Text(&'t str),
    Reference { name: &'t str, default: Option<&'t str> },
}

/// Replaces the references of all values.
pub(crate) struct Interpolation<'a> {
    raw: &'a BTreeMap<Name<'a>, Raw>,
    /// Names that exist but have no value here.
    unset: Vec<&'a str>,
    done: BTreeMap<Name<'a>, Option<Text>>,
    stack: Vec<Name<'a>>,
    diagnostics: Vec<Diagnostic>,
}

/// Returns every value with its references replaced, `None` where that failed and was reported.
pub(crate) fn interpolate<'a>(
    raw: &'a BTreeMap<Name<'a>, Raw>,
    declared: impl Iterator<Item = &'a str>,
    diagnostics: &mut Vec<Diagnostic>,
) -> BTreeMap<Name<'a>, Option<Text>> {
    let unset = declared.filter(|name| !raw.contains_key(&(None, *name))).collect();
    let mut work = Interpolation { raw, unset, done: BTreeMap::new(), stack: Vec::new(), diagnostics: Vec::new() };
    for name in raw.keys() {
        work.value(*name);
    }
    diagnostics.append(&mut work.diagnostics);
    work.done
}

impl<'a> Interpolation<'a> {
    fn value(&mut self, name: Name<'a>) -> Option<Text> {
        if let Some(done) = self.done.get(&name) {
            return done.clone();
        }
        let raw = self.raw.get(&name)?;
        if self.stack.contains(&name) || self.stack.len() >= MAX_DEPTH {
            self.cycle(name);
            return None;
        }
        self.stack.push(name);
        let text = if raw.literal || !raw.text.contains('$') {
            Some(Text { text: raw.text.clone(), secret: raw.secret })
        } else {
            self.replace(name, raw, &raw.text, 0).map(|text| Text { secret: text.secret || raw.secret, ..text })
        };
        self.stack.pop();
        // A member of a cycle was marked as failed when the cycle was found.
        self.done.entry(name).or_insert(text).clone()
    }

    fn cycle(&mut self, name: Name<'a>) {
        let Some(start) = self.stack.iter().position(|other| *other == name) else {
            let label = self.raw.get(&name).map(|raw| raw.label);
            let message = format!("`{}` is reached over more than {MAX_DEPTH} references", name.1);
            self.diagnostics.push(Diagnostic::error("config::cycle", label, message));
            self.done.insert(name, None);
            return;
        };
        let members: Vec<Name<'a>> = self.stack.iter().skip(start).copied().collect();
        let way: Vec<&str> = members.iter().chain(members.first()).map(|(_, name)| *name).collect();
        let message = format!("`{}` refers to itself: {}", name.1, way.join(" → "));
        let label = |name: &Name<'a>| self.raw.get(name).map(|raw| raw.label);
        let mut error =
            Diagnostic::error("config::cycle", label(&name), message).help("give one of them a value of its own");
        for member in members.iter().skip(1) {
            if let Some(label) = label(member) {
                error = error.related(label, format!("`{}`", member.1));
            }
        }
        self.diagnostics.push(error);
        for member in members {
            self.done.insert(member, None);
        }
    }

    fn replace(&mut self, name: Name<'a>, raw: &'a Raw, text: &'a str, depth: usize) -> Option<Text> {
        let parts = match parts(text) {
            Ok(parts) if depth < MAX_DEPTH => parts,
            Ok(_) => return self.fail(raw, "the defaults nest too deeply".to_owned(), None),
            Err(why) => return self.fail(raw, why.to_owned(), Some("write `$$` for a `$`".to_owned())),
        };
        let mut out = Text { text: String::new(), secret: false };
        let mut sound = true;
        for part in parts {
            let piece = match part {
                Part::Text(text) => Some(Text { text: text.to_owned(), secret: false }),
                Part::Reference { name: other, default } => self.reference(name, raw, other, default, depth),
            };
            let Some(piece) = piece else {
                sound = false;
                continue;
            };
            out.text.push_str(&piece.text);
            out.secret |= piece.secret;
            if out.text.len() > MAX_LENGTH {
                return self.fail(raw, format!("the value of `{}` grows beyond {MAX_LENGTH} bytes", name.1), None);
            }
        }
        sound.then_some(out)
    }

    fn reference(
        &mut self,
        from: Name<'a>,
        raw: &'a Raw,
        name: &'a str,
        default: Option<&'a str>,
        depth: usize,
    ) -> Option<Text> {
        // An entry that refers to its own name means the variable it overrides.
        let own = (from.0, name);
        let target = if from.0.is_some() && name != from.1 && self.raw.contains_key(&own) { own } else { (None, name) };
        if self.raw.contains_key(&target) {
            let found = self.value(target)?;
            if !found.text.is_empty() || default.is_none() {
                return Some(found);
            }
        }
        if let Some(default) = default {
            return self.replace(from, raw, default, depth + 1);
        }
        if reserved(name) {
            let help = "use it in `command`, where it is replaced when the instance starts".to_owned();
            return self.fail(raw, format!("`{name}` is known only when an instance starts"), Some(help));
        }
        if self.unset.contains(&name) {
            let help = format!("set `{name}` for this environment or write `${{{name}:-default}}`");
            return self.fail(raw, format!("`{name}` has no value here"), Some(help));
        }
        let known: Vec<&str> = self
            .raw
            .keys()
            .filter(|(scope, _)| scope.is_none() || *scope == from.0)
            .map(|(_, name)| *name)
            .chain(self.unset.iter().copied())
            .filter(|known| *known != from.1)
            .collect();
        let help = suggestion(name, known.iter().copied());
        self.fail(raw, format!("there is no variable `{name}`"), Some(help))
    }

    fn fail(&mut self, raw: &Raw, message: String, help: Option<String>) -> Option<Text> {
        let error = Diagnostic::error("config::reference", raw.label, message);
        self.diagnostics.push(Diagnostic { help, hidden: raw.secret, ..error });
        None
    }
}

/// Cuts a text into what stays and what is replaced.
fn parts(text: &str) -> Result<Vec<Part<'_>>, &'static str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        if let Some(tail) = after.strip_prefix('$') {
            parts.push(Part::Text("$"));
            rest = tail;
        } else if let Some(inner) = after.strip_prefix('{') {
            let end = closing(inner).ok_or("`${` is not closed by `}`")?;
            let (inside, tail) = inner.split_at_checked(end).ok_or("`${` is not closed by `}`")?;
            parts.push(reference(inside)?);
            rest = tail.strip_prefix('}').unwrap_or(tail);
        } else {
            parts.push(Part::Text("$"));
            rest = after;
        }
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

fn reference(inside: &str) -> Result<Part<'_>, &'static str> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if super::schema::variable::is_variable_name(name) {
        Ok(Part::Reference { name, default })
    } else {
        Err("a reference is `${NAME}` or `${NAME:-default}`")
    }
}

/// Returns the place of the `}` that closes what is before the text, nested `${…}` skipped.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (place, c) in text.char_indices() {
        match c {
            '{' if before == '$' => depth += 1,
            '}' if depth == 0 => return Some(place),
            '}' => depth -= 1,
            _ => {}
        }
        before = c;
    }
    None
}

#[cfg(test)]
mod tests;
