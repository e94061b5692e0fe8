//! Diagnostics for people: excerpt of the source, mark under the mistake, help.

use std::fmt::{self, Write as _};

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode, SourceSpan};

use super::{
    Diagnostic, Severity,
    excerpt::{Excerpt, Excerpts},
};
use crate::config::{
    limits::MAX_DRAWN,
    source::{Label, SourceSet},
};

/// Returns the diagnostics as text with source excerpts, one after the other; a blank text for none. Of very many the last
/// are only counted.
pub fn render_diagnostics(sources: &SourceSet, diagnostics: &[Diagnostic], color: bool) -> String {
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(100)
        .with_context_lines(1)
        .with_links(false)
        .without_syntax_highlighting();
    // A secret may stand on a line beside the one another mistake is about.
    let secrets = diagnostics.iter().filter(|one| one.hidden).filter_map(|one| one.primary);
    let excerpts = Excerpts::new(sources, secrets);
    let mut out = String::new();
    for (place, diagnostic) in diagnostics.iter().take(MAX_DRAWN).enumerate() {
        if place > 0 {
            out.push('\n');
        }
        let report = Report::new(sources, diagnostic, &excerpts);
        // Writing into a String cannot fail.
        let _ = handler.render_report(&mut out, &report);
    }
    if let Some(more) = diagnostics.len().checked_sub(MAX_DRAWN).filter(|more| *more > 0) {
        let _ = writeln!(out, "\n… and {more} more; `--output json` tells all");
    }
    out
}

/// A diagnostic with its source, as miette wants it.
#[derive(Debug)]
struct Report<'a> {
    diagnostic: &'a Diagnostic,
    code: Option<Excerpt>,
    labels: Vec<LabeledSpan>,
    /// Places in other sources.
    elsewhere: Vec<Elsewhere>,
}

#[derive(Debug)]
struct Elsewhere {
    words: String,
    code: Excerpt,
    span: SourceSpan,
}

impl<'a> Report<'a> {
    fn new(sources: &SourceSet, diagnostic: &'a Diagnostic, excerpts: &Excerpts<'_>) -> Self {
        let mut labels = Vec::new();
        let mut elsewhere = Vec::new();
        let home = diagnostic.primary.map(|label| label.source);
        if let Some(label) = diagnostic.primary {
            labels.push(LabeledSpan::new_primary_with_span(None, span(sources, label)));
        }
        for (label, words) in &diagnostic.related {
            let span = span(sources, *label);
            if Some(label.source) == home {
                labels.push(LabeledSpan::new_with_span(Some(words.clone()), span));
            } else if let Some(code) = excerpts.of(*label) {
                elsewhere.push(Elsewhere { words: words.clone(), code, span });
            }
        }
        let code = diagnostic.primary.and_then(|label| excerpts.of(label));
        Self { diagnostic, code, labels, elsewhere }
    }
}

/// Cuts the span to its first line: a mark over a whole section would hide what it is about.
fn span(sources: &SourceSet, label: Label) -> SourceSpan {
    let start = label.span.start as usize;
    let text = sources.get(label.source).and_then(|source| source.text().get(start..label.span.end as usize));
    let length = text.and_then(|text| text.lines().next()).map_or(0, |line| line.trim_end().len());
    SourceSpan::new(start.into(), length.min(super::excerpt::MAX_MARKED))
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.code.as_ref().map(|code| code as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty())
            .then(|| Box::new(self.labels.iter().cloned()) as Box<dyn Iterator<Item = LabeledSpan>>)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        (!self.elsewhere.is_empty()).then(|| {
            Box::new(self.elsewhere.iter().map(|place| place as &dyn miette::Diagnostic))
                as Box<dyn Iterator<Item = &dyn miette::Diagnostic>>
        })
    }
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Elsewhere {}

impl miette::Diagnostic for Elsewhere {
    fn severity(&self) -> Option<miette::Severity> {
        Some(miette::Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.code)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(None, self.span))))
    }
}
