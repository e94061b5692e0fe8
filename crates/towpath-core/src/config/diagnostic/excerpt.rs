//! The lines of a source around a mistake, found without reading all that is before them.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use crate::config::source::{Label, Source, SourceId, SourceSet};

/// The longest stretch that is marked, in bytes.
pub(super) const MAX_MARKED: usize = 200;
/// The longest lines around a mistake that are shown whole, in bytes together.
const MAX_WINDOW: usize = 4000;
/// How many bytes are shown before and after a mark on a line that is longer.
const AROUND: usize = 60;

/// The sources with every secret blotted out, byte for byte, so that every place stays where it is.
#[derive(Debug)]
pub(super) struct Excerpts<'a> {
    sources: &'a SourceSet,
    masked: BTreeMap<SourceId, Arc<str>>,
}

impl<'a> Excerpts<'a> {
    /// Takes the sources and where secrets stand in them, besides those that are known to.
    pub(super) fn new(sources: &'a SourceSet, secrets: impl Iterator<Item = Label>) -> Self {
        let mut hidden: BTreeMap<SourceId, Vec<Range<usize>>> = BTreeMap::new();
        let known = sources.secrets().iter().map(|place| place.label);
        for Label { source, span } in secrets.chain(known) {
            hidden.entry(source).or_default().push(span.start as usize..span.end as usize);
        }
        let mask =
            |(id, hidden): (SourceId, Vec<Range<usize>>)| Some((id, masked(sources.get(id)?.text(), hidden).into()));
        Self { sources, masked: hidden.into_iter().filter_map(mask).collect() }
    }

    /// Returns the source of a label.
    pub(super) fn of(&self, label: Label) -> Option<Excerpt> {
        let source = self.sources.get(label.source)?.clone();
        Some(Excerpt { source, masked: self.masked.get(&label.source).cloned() })
    }
}

fn masked(text: &str, mut hidden: Vec<Range<usize>>) -> String {
    hidden.sort_by_key(|range| (range.start, range.end));
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for range in hidden {
        let start = range.start.max(at);
        let end = range.end.max(start);
        let (Some(before), Some(secret)) = (text.get(at..start), text.get(start..end)) else {
            // Secrets are marked at characters; were one not, nothing would be shown.
            return "*".repeat(text.len());
        };
        out.push_str(before);
        for c in secret.chars() {
            if c == '\n' { out.push(c) } else { out.extend(std::iter::repeat_n('*', c.len_utf8())) }
        }
        at = end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// A source as miette asks for its lines.
#[derive(Debug)]
pub(super) struct Excerpt {
    source: Arc<Source>,
    masked: Option<Arc<str>>,
}

impl Excerpt {
    /// Returns the line a label begins in; of a very long one what is around the label.
    pub(super) fn line(&self, label: Label) -> Option<String> {
        let text = self.masked.as_deref().unwrap_or(self.source.text());
        let at = label.span.start as usize;
        let before = text.get(..at)?;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = text.get(start..)?.lines().next().unwrap_or_default();
        if line.len() <= MAX_WINDOW {
            return Some(line.trim_end().to_owned());
        }
        let from = text.floor_char_boundary(at.saturating_sub(AROUND).max(start));
        let to = text.ceil_char_boundary((at + MAX_MARKED).min(start + line.len()));
        text.get(from..to).map(str::to_owned)
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let text = self.masked.as_deref().unwrap_or(self.source.text());
        let starts = self.source.line_starts();
        let line_of = |at: usize| starts.partition_point(|start| *start as usize <= at).saturating_sub(1);
        // One line more on both sides than is asked for, so that nothing at the edge is seen otherwise.
        let first = line_of(span.offset()).saturating_sub(before + 1);
        let last = line_of(span.offset() + span.len()) + after + 2;
        let start = starts.get(first).map_or(0, |start| *start as usize);
        let end = starts.get(last).map_or(text.len(), |end| *end as usize);
        let window = text.get(start..end).ok_or(MietteError::OutOfBounds)?;
        let name = self.source.name().to_owned();
        if end - start > MAX_WINDOW {
            // Only what is around the mark of lines that nobody could read.
            let line = line_of(span.offset());
            let begin = starts.get(line).map_or(0, |start| *start as usize);
            let from = text.floor_char_boundary(span.offset().saturating_sub(AROUND).max(begin));
            let to = text.ceil_char_boundary((span.offset() + span.len() + AROUND).min(text.len()));
            let shown = text.get(from..to).ok_or(MietteError::OutOfBounds)?;
            let column = u32::try_from(from).map_or(1, |from| self.source.line_column(from).1) as usize - 1;
            let place = SourceSpan::new(from.into(), to - from);
            return Ok(Box::new(MietteSpanContents::new_named(name, shown.as_bytes(), place, line, column, 1)));
        }
        let inside = SourceSpan::new(span.offset().saturating_sub(start).into(), span.len());
        let found = window.read_span(&inside, before, after)?;
        let from = start + found.span().offset();
        let shown = text.as_bytes().get(from..from + found.span().len()).ok_or(MietteError::OutOfBounds)?;
        let place = SourceSpan::new(from.into(), found.span().len());
        let (line, column, count) = (first + found.line(), found.column(), first + found.line_count());
        Ok(Box::new(MietteSpanContents::new_named(name, shown, place, line, column, count)))
    }
}
