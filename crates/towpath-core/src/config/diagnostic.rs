//! What is wrong with a configuration: collected, never thrown one at a time.

use serde::Serialize;

use super::source::{Label, SourceSet};

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
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    pub(crate) fn error(code: &'static str, at: impl Into<Option<Label>>, message: impl Into<String>) -> Self {
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

    pub(crate) fn warning(code: &'static str, at: impl Into<Option<Label>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, at, message) }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn hidden(mut self, hidden: bool) -> Self {
        self.hidden = hidden;
        self
    }

    pub(crate) fn related(mut self, label: Label, words: impl Into<String>) -> Self {
        self.related.push((label, words.into()));
        self
    }

    /// Says whether it keeps the configuration from being used.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Returns the form that machines read.
    pub fn view(&self, sources: &SourceSet) -> DiagnosticView {
        let position = self.primary.and_then(|label| sources.position(label));
        DiagnosticView {
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

/// Sorts by place and drops what was said before.
pub(crate) fn tidy(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| {
        (a.primary.is_none(), a.primary, a.code, &a.message).cmp(&(b.primary.is_none(), b.primary, b.code, &b.message))
    });
    diagnostics.dedup_by(|a, b| a.code == b.code && a.primary == b.primary && a.message == b.message);
}

/// Says whether any of them keeps the configuration from being used.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(Diagnostic::is_error)
}
