//! From the parser's events to a tree.

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle, Tag};

use super::{
    build::{Builder, Mark},
    scalar::{self, Core},
};
use crate::sops::{
    SopsError, Value,
    error::syntax,
    layout::utf8,
    tree::{MAX_DEPTH, MAX_NODES, Span, Tree},
};

/// An event with its place; a comment's place is that of its sign and its text.
pub(super) struct Spanned<'t> {
    pub(super) event: Event<'t>,
    pub(super) span: Span,
    /// The place of the node's tag.
    pub(super) tag: Option<Span>,
}

/// Reads all events of a text.
pub(super) fn events(text: &str) -> Result<Vec<Spanned<'_>>, SopsError> {
    let options = granit_parser::options! {
        emit_comments: true,
        emit_unresolved_aliases: true,
        max_buffered_comment_events: MAX_NODES,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut events = Vec::new();
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| {
            let end = text.trim_end().len();
            let at = error.marker().byte_offset().unwrap_or(end).min(end);
            let deep = matches!(error.kind(), granit_parser::ErrorKind::RecursionLimitExceeded);
            let what = if deep {
                format!("nested deeper than {MAX_DEPTH} levels")
            } else {
                format!("this is not valid YAML: {}", error.info())
            };
            syntax(text.as_bytes(), at, what)
        })?;
        if events.len() > 4 * MAX_NODES {
            return Err(syntax(text.as_bytes(), 0, "there are too many values"));
        }
        let range = |span: &granit_parser::Span| {
            let range = span.byte_range().unwrap_or_default();
            range.start..range.end.max(range.start)
        };
        let tag = span.tag_span().map(|tag| range(&tag));
        events.push(Spanned { event, span: range(&span), tag });
    }
    Ok(events)
}

/// Reads a text without aliases.
pub(super) fn read(text: &[u8]) -> Result<Tree, SopsError> {
    let text = utf8(text)?;
    let events = events(text)?;
    let mut builder = Builder::new(text);
    for Spanned { event, span, .. } in &events {
        if let Event::Comment(..) = event {
            builder.add_comment(span.clone());
        }
    }
    for spanned in events {
        take(&mut builder, spanned)?;
    }
    builder.finish()
}

fn take(builder: &mut Builder<'_>, spanned: Spanned<'_>) -> Result<(), SopsError> {
    let Spanned { event, span, tag: tag_span } = spanned;
    match event {
        Event::DocumentStart(..) => builder.start_document(&span),
        Event::DocumentEnd => builder.end_document()?,
        Event::Scalar(text, style, _, tag) => {
            let plain = style == ScalarStyle::Plain;
            let value = self_value(builder, &text, plain, tag.as_deref(), &span)?;
            let span = match style {
                ScalarStyle::Literal | ScalarStyle::Folded => builder.block_scalar(span),
                _ => span,
            };
            builder.scalar(value, span, core(tag.as_deref()).and(tag_span))?;
        }
        Event::SequenceStart(style, ..) => builder.open(Mark::List, style == StructureStyle::Flow, span)?,
        Event::MappingStart(style, ..) => builder.open(Mark::Map, style == StructureStyle::Flow, span)?,
        Event::SequenceEnd | Event::MappingEnd => builder.close(&span),
        Event::Alias(_) => return Err(builder.wrong(span.start, "an alias stands here")),
        Event::UnresolvedAlias(name) => {
            return Err(builder.wrong(span.start, format!("there is no anchor `&{name}` above this alias")));
        }
        Event::StreamStart | Event::StreamEnd | Event::Anchor(..) | Event::Comment(..) | _ => {}
    }
    Ok(())
}

/// Returns the core tag of a node.
pub(super) fn core(tag: Option<&Tag>) -> Option<Core> {
    tag.and_then(Tag::core_suffix).and_then(Core::of_suffix)
}

fn self_value(
    builder: &Builder<'_>,
    text: &str,
    plain: bool,
    tag: Option<&Tag>,
    span: &Span,
) -> Result<Value, SopsError> {
    // A tag of another kind makes a text of anything.
    let plain = plain && (tag.is_none() || core(tag).is_some());
    scalar::value(text, plain, core(tag)).map_err(|what| builder.wrong(span.start, what))
}
