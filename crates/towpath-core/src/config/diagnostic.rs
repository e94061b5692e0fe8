//! What is wrong with a configuration: collected, never thrown one at a time.

use serde::Serialize;

use super::source::{Label, Position, SourceSet, Span};

use excerpt::Excerpts;

mod excerpt;
mod report;

pub use report::render_diagnostics;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can be used, but is hardly meant so.
    Warning,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// A stable name of the kind of mistake, such as `config::unknown-key`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Where; `None` when something is missing that has no place.
    pub primary: Option<Label>,
    /// Other places that explain it, each with a few words.
    pub related: Vec<(Label, String)>,
    /// What to do.
    pub help: Option<String>,
    /// The primary place holds a secret: an excerpt shows `*` instead.
    pub hidden: bool,
}

/// A mistake as the API and `--output json` show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiagnosticView {
    /// The stable name of the kind of mistake.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The file, or the name of what else it is in.
    pub path: Option<String>,
    /// From 1.
    pub line: Option<u32>,
    /// From 1, in characters.
    pub column: Option<u32>,
    /// The line after the last marked character, from 1.
    pub end_line: Option<u32>,
    /// The column after the last marked character, from 1.
    pub end_column: Option<u32>,
    /// The line it is in; secrets in it are blotted out.
    pub excerpt: Option<String>,
    /// Other places that explain it.
    pub related: Vec<RelatedView>,
    /// What to do.
    pub help: Option<String>,
}

/// Another place that explains a mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RelatedView {
    /// What it has to do with it.
    pub message: String,
    /// The file, or the name of what else it is in.
    pub path: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl Diagnostic {
    /// Returns a mistake that keeps the file from being used.
    pub fn error(code: &'static str, at: impl Into<Option<Label>>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            primary: at.into(),
            related: Vec::new(),
            help: None,
            hidden: false,
        }
    }

    /// Returns one that is hardly meant so.
    pub fn warning(code: &'static str, at: impl Into<Option<Label>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, at, message) }
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says whether the place holds a secret.
    #[must_use]
    pub fn hidden(mut self, hidden: bool) -> Self {
        self.hidden = hidden;
        self
    }

    /// Adds another place that explains it.
    #[must_use]
    pub fn related(mut self, label: Label, words: impl Into<String>) -> Self {
        self.related.push((label, words.into()));
        self
    }

    /// Says whether it keeps the configuration from being used.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Says whether it is about the value of a secret in a file.
    pub fn is_plain_secret(&self) -> bool {
        self.code == PLAIN_SECRET
    }

    /// Returns the form that machines read, without an excerpt: only all mistakes together know every secret.
    pub fn view(&self, sources: &SourceSet) -> DiagnosticView {
        let position = self.primary.and_then(|label| sources.position(label));
        let end = self.primary.and_then(|label| {
            let span = Span { start: label.span.end, end: label.span.end };
            sources.position(Label { span, ..label })
        });
        let related = self.related.iter().filter_map(|(label, message)| {
            let Position { path, line, column } = sources.position(*label)?;
            Some(RelatedView { message: message.clone(), path, line, column })
        });
        DiagnosticView {
            end_line: end.as_ref().map(|end| end.line),
            end_column: end.map(|end| end.column),
            excerpt: None,
            related: related.collect(),
            code: self.code,
            severity: self.severity,
            message: self.message.clone(),
            line: position.as_ref().map(|position| position.line),
            column: position.as_ref().map(|position| position.column),
            path: position.map(|position| position.path),
            help: self.help.clone(),
        }
    }
}

/// The code of a secret's value that stands in a file.
pub(crate) const PLAIN_SECRET: &str = "config::plain-secret";

/// Returns all mistakes as machines read them.
pub fn diagnostic_views(sources: &SourceSet, diagnostics: &[Diagnostic]) -> Vec<DiagnosticView> {
    let secrets = diagnostics.iter().filter(|one| one.hidden).filter_map(|one| one.primary);
    let excerpts = Excerpts::new(sources, secrets);
    let view = |one: &Diagnostic| DiagnosticView {
        excerpt: one.primary.and_then(|label| excerpts.of(label)?.line(label)),
        ..one.view(sources)
    };
    diagnostics.iter().map(view).collect()
}

/// Sorts by place and drops what was said before.
pub(crate) fn tidy(diagnostics: &mut Vec<Diagnostic>) {
    for diagnostic in diagnostics.iter_mut().filter(|diagnostic| diagnostic.help.is_none()) {
        diagnostic.help = usual_help(diagnostic.code).map(str::to_owned);
    }
    diagnostics.sort_by(|a, b| {
        (a.primary.is_none(), a.primary, a.code, &a.message).cmp(&(b.primary.is_none(), b.primary, b.code, &b.message))
    });
    diagnostics.dedup_by(|a, b| a.code == b.code && a.primary == b.primary && a.message == b.message);
}

/// Says what to do about a kind of mistake, where nothing better is known of the one.
fn usual_help(code: &str) -> Option<&'static str> {
    Some(match code {
        "config::alias" => "give one of the two environments another name",
        "config::base" => "write it into the files of the environments it holds for",
        "config::cycle" => "let one of them refer to none of the others",
        "config::deprecated" => "set what comes in its place, and take this away",
        "config::file" => "keep one of the two",
        "config::forbidden" => "take one of the two rules away",
        "config::key" => "name a key such as `services.web.replicas` that this layer may set",
        "config::pipeline" => "name each environment once",
        "config::secret" => "declare it `secret: true`, or make it of what is not secret",
        "config::type" => "write a value of this type",
        "config::value" => "write a value that fits, or change what it has to be where that is declared",
        _ if code.starts_with("yaml::") => "mend the file at this place; the rest is read when it is YAML again",
        _ => return None,
    })
}

/// Says whether any of them keeps the configuration from being used.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(Diagnostic::is_error)
}
