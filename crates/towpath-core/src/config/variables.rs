//! Whether a value is what its variable was declared to be.
//!
//! Declarations are checked once, when they are read: patterns, bounds, defaults, examples. What environments
//! owe each other is in `rules`; where values come from is not known here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use regex::{Regex, RegexBuilder};

use super::{
    diagnostic::Diagnostic,
    nearest::suggestion,
    schema::{
        project::DeclaredVariable,
        variable::{Bound, Declaration, Deprecated, VariableType},
    },
    source::Label,
    value::{Data, Value},
    yaml::{ScalarKind, shorten},
};
use crate::units::{Bytes, Millis};

mod kinds;
pub(crate) mod rules;

/// The longest pattern.
const MAX_PATTERN: usize = 1000;
/// How much memory a compiled pattern may take; what people write takes a hundredth of it.
const MAX_PATTERN_SIZE: usize = 1 << 20;

/// The declarations with their patterns compiled.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    pub(crate) variables: BTreeMap<String, DeclaredVariable>,
    patterns: BTreeMap<String, Regex>,
    /// Variables whose declared bounds or pattern cannot be used, so that nothing is said about their values.
    broken: BTreeSet<String>,
}

/// What is wrong with a value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Why, in words; the value of a secret is not in it.
    pub(crate) why: String,
    /// What it was measured by.
    pub(crate) rule: Option<(Label, String)>,
}

impl Declared {
    /// Compiles patterns and checks bounds, defaults and examples.
    pub(crate) fn new(variables: BTreeMap<String, DeclaredVariable>, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut declared = Self { variables, patterns: BTreeMap::new(), broken: BTreeSet::new() };
        let mut found = Vec::new();
        // Compiling is slow, and the same few patterns come again and again.
        let mut compiled: BTreeMap<&str, Result<Regex, String>> = BTreeMap::new();
        for (name, variable) in &declared.variables {
            let Some(declaration) = &variable.declaration else { continue };
            let before = found.len();
            check_bounds(name, declaration, &mut found);
            if let Some(pattern) = &declaration.pattern {
                match compiled.entry(&pattern.value).or_insert_with(|| compile(&pattern.value)) {
                    Ok(regex) => {
                        declared.patterns.insert(name.clone(), regex.clone());
                    }
                    Err(why) => {
                        let message = format!("`variables.{name}.pattern` {why}");
                        let error = Diagnostic::error("config::value", pattern.label, message);
                        found.push(error.help("mend it; a sign that is meant as itself needs `\\` before it"));
                    }
                }
            }
            if found.len() > before {
                declared.broken.insert(name.clone());
            }
        }
        for name in declared.variables.keys() {
            declared.check_words(name, &mut found);
        }
        diagnostics.append(&mut found);
        declared
    }

    pub(crate) fn declaration(&self, name: &str) -> Option<&Declaration> {
        self.variables.get(name).and_then(|declared| declared.declaration.as_ref())
    }

    /// Returns every declaration that could be read.
    pub(crate) fn declarations(&self) -> impl Iterator<Item = (&String, &Declaration)> {
        self.variables.iter().filter_map(|(name, declared)| Some((name, declared.declaration.as_ref()?)))
    }

    pub(crate) fn is_secret(&self, name: &str) -> bool {
        self.declaration(name).is_some_and(|declaration| declaration.secret)
    }

    /// Says whether a value stands where the declared default stands, which was checked when it was declared.
    pub(crate) fn is_of_default(&self, name: &str, label: Label) -> bool {
        let default = self.declaration(name).and_then(|declaration| declaration.default.as_ref());
        default.is_some_and(|default| default.origin == label)
    }

    /// Says whether a value is the declared default and nothing was merged into it.
    pub(crate) fn is_default(&self, name: &str, value: &Value) -> bool {
        let default = self.declaration(name).and_then(|declaration| declaration.default.as_ref());
        default.is_some_and(|default| default.origin == value.origin && default.data == value.data)
    }

    /// Checks default, example and what a deprecated variable points to.
    fn check_words(&self, name: &str, diagnostics: &mut Vec<Diagnostic>) {
        let Some(declaration) = self.declaration(name) else { return };
        let written = [("", &declaration.default), (".example", &declaration.example)];
        for (field, value) in written.into_iter().filter_map(|(field, value)| Some((field, value.as_ref()?))) {
            let wrong = match text_of(value, Some(declaration)) {
                _ if value.is_null() => continue,
                Err(what) => Err(Wrong { why: format!("it must be {what}"), rule: None }),
                // What refers to others is checked in every environment.
                Ok(text) if text.contains('$') && matches!(value.data, Data::Scalar(_)) => continue,
                Ok(text) => self.check(name, &text),
            };
            if let Err(wrong) = wrong {
                let error = wrong.diagnostic(&format!("variables.{name}{field}"), value.origin);
                diagnostics.push(error.hidden(declaration.secret));
            }
        }
        if let Some(Deprecated::Map(map)) = &declaration.deprecated
            && let Some(instead) = &map.r#use
            && super::schema::variable::is_variable_name(&instead.value)
            && !self.variables.contains_key(&instead.value)
        {
            let message = format!("`{name}` is to be replaced by `{}`, which is not declared", instead.value);
            let others = self.variables.keys().map(String::as_str).filter(|other| *other != name);
            let error = Diagnostic::error("config::reference", instead.label, message);
            diagnostics.push(error.help(suggestion(&instead.value, others)));
        }
    }

    /// Checks a text that references were resolved in; says why it is wrong.
    pub(crate) fn check(&self, name: &str, text: &str) -> Result<(), Wrong> {
        let Some(declaration) = self.declaration(name) else { return Ok(()) };
        let shown = if declaration.secret { "the value".to_owned() } else { format!("`{}`", shorten(text)) };
        let plain = |why: String| Wrong { why, rule: None };
        if text.contains('\0') {
            return Err(plain("it has a NUL character, which no environment variable can hold".to_owned()));
        }
        if let Err(what) = kinds::check(declaration, text) {
            // A parser's or suggestion's words may repeat what is secret.
            let what = if declaration.secret { declaration.r#type.article().to_owned() } else { what };
            return Err(plain(format!("{shown} is not {what}")));
        }
        if self.broken.contains(name) {
            return Ok(());
        }
        if let Some(pattern) = declaration.pattern.as_ref().filter(|_| !self.fits(name, text)) {
            let why = format!("{shown} does not match `{}`", shorten(&pattern.value));
            return Err(Wrong { why, rule: Some((pattern.label, "the pattern".to_owned())) });
        }
        check_range(declaration, text).map_err(|(why, bound, word)| Wrong {
            why: format!("{shown} {why}"),
            rule: Some((bound.0.label, format!("the {word}"))),
        })
    }

    fn fits(&self, name: &str, text: &str) -> bool {
        self.patterns.get(name).is_none_or(|pattern| pattern.is_match(text))
    }
}

impl Wrong {
    /// Returns the mistake with the place of the value and of what it was measured by.
    pub(crate) fn diagnostic(self, key: &str, at: Label) -> Diagnostic {
        let error = Diagnostic::error("config::value", at, format!("`{key}`: {}", self.why));
        match self.rule {
            Some((label, words)) => error.related(label, words),
            None => error,
        }
    }
}

/// Returns the text of a variable's value as a process would see it, or what it must be.
pub(crate) fn text_of(value: &Value, declaration: Option<&Declaration>) -> Result<Arc<str>, &'static str> {
    let json = declaration.is_none_or(|declaration| declaration.r#type == VariableType::Json);
    match &value.data {
        Data::Scalar(scalar) if scalar.kind == ScalarKind::Bool => Ok(scalar.text().to_ascii_lowercase().into()),
        Data::Scalar(scalar) => Ok(scalar.shared_text()),
        Data::List(_) | Data::Map(_) if json => Ok(value.to_json().to_string().into()),
        Data::Removed | Data::List(_) | Data::Map(_) => Err("a text, a number or a truth value"),
    }
}

/// Compiles a pattern for whole values. The engine takes time linear in the text, whatever the pattern.
fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_PATTERN {
        return Err(format!("is longer than {MAX_PATTERN} bytes"));
    }
    let build = |pattern: &str| RegexBuilder::new(pattern).size_limit(MAX_PATTERN_SIZE).build();
    let wrong = |error: &str| {
        let why = error.lines().last().unwrap_or("").trim_start_matches("error: ");
        format!("is not a regular expression: {why}")
    };
    let said = |error: regex::Error| {
        if matches!(error, regex::Error::CompiledTooBig(_)) {
            return "repeats too much to be compiled: use smaller counts".to_owned();
        }
        wrong(&error.to_string())
    };
    // Alone first, so that `a)(b` is no pattern and a mistake is not blamed on what is put around it.
    // Read only: compiling is what takes the time.
    regex_syntax::Parser::new().parse(pattern).map_err(|error| wrong(&error.to_string()))?;
    // The line break ends a comment of `(?x)`, where it means nothing else.
    build(&format!("^(?:{pattern})$")).or_else(|_| build(&format!("^(?:{pattern}\n)$"))).map_err(said)
}

/// Says whether a text is of a type; an `enum` has no values here, so nothing is.
pub(crate) fn check_text(kind: VariableType, text: &str) -> bool {
    kinds::check(&Declaration { r#type: kind, ..Declaration::default() }, text).is_ok()
}

/// What `min` and `max` compare: whole numbers exactly, others as floats.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
enum Measure {
    Whole(i128),
    Real(f64),
}

/// Returns what a text of this type measures.
fn measure(kind: VariableType, text: &str) -> Option<Measure> {
    match kind {
        VariableType::Int | VariableType::Port => text.parse().ok().map(Measure::Whole),
        VariableType::Float => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Measure::Real),
        VariableType::Duration => text.parse::<Millis>().ok().map(|time| Measure::Whole(time.0.into())),
        VariableType::Bytes => text.parse::<Bytes>().ok().map(|size| Measure::Whole(size.0.into())),
        VariableType::String | VariableType::Url | VariableType::Email => {
            i128::try_from(text.chars().count()).ok().map(Measure::Whole)
        }
        VariableType::Bool | VariableType::Enum | VariableType::Json => None,
    }
}

/// Returns a bound as the type counts; lengths are whole numbers from 0.
fn bound(bound: &Bound, kind: VariableType) -> Option<Measure> {
    let text = bound.0.value.text();
    match kind {
        VariableType::String | VariableType::Url | VariableType::Email => {
            measure(VariableType::Int, text).filter(|length| *length >= Measure::Whole(0))
        }
        VariableType::Int
        | VariableType::Float
        | VariableType::Port
        | VariableType::Duration
        | VariableType::Bytes
        | VariableType::Bool
        | VariableType::Enum
        | VariableType::Json => measure(kind, text),
    }
}

fn check_bounds(name: &str, declaration: &Declaration, diagnostics: &mut Vec<Diagnostic>) {
    let kind = declaration.r#type;
    for limit in [&declaration.min, &declaration.max].into_iter().flatten() {
        if bound(limit, kind).is_none() {
            let text = limit.0.value.text();
            let message = format!("`{text}` cannot bound `variables.{name}`, which is of type `{}`", kind.as_str());
            let error = Diagnostic::error("config::value", limit.0.label, message);
            diagnostics.push(error.help("write a value of this type; for texts, how many characters"));
        }
    }
    if let (Some(min), Some(max)) = (&declaration.min, &declaration.max)
        && let (Some(least), Some(most)) = (bound(min, kind), bound(max, kind))
        && least > most
    {
        let message = format!("`variables.{name}`: no value is from {} to {}", min.0.value.text(), max.0.value.text());
        diagnostics.push(Diagnostic::error("config::value", max.0.label, message).related(min.0.label, "the minimum"));
    }
}

fn check_range<'a>(declaration: &'a Declaration, text: &str) -> Result<(), (String, &'a Bound, &'static str)> {
    let kind = declaration.r#type;
    let Some(size) = measure(kind, text) else { return Ok(()) };
    let length = matches!(kind, VariableType::String | VariableType::Url | VariableType::Email);
    if let Some(min) = declaration.min.as_ref().filter(|min| bound(min, kind).is_some_and(|min| size < min)) {
        let least = min.0.value.text();
        let why = if length { format!("is shorter than {least} characters") } else { format!("is below {least}") };
        return Err((why, min, "minimum"));
    }
    if let Some(max) = declaration.max.as_ref().filter(|max| bound(max, kind).is_some_and(|max| size > max)) {
        let most = max.0.value.text();
        let why = if length { format!("is longer than {most} characters") } else { format!("is above {most}") };
        return Err((why, max, "maximum"));
    }
    Ok(())
}

/// Says whether the text is a URL with scheme and host.
pub(crate) fn is_url(text: &str) -> bool {
    kinds::url(text).is_ok()
}

#[cfg(test)]
mod tests;
