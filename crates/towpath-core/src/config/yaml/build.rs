//! From the parser's events to the arena.

use std::{collections::BTreeMap, sync::Arc};

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use super::{
    Document, Entry, MAX_ALIASED, MAX_BYTES, MAX_DEPTH, MAX_NODES, MergeTag, NULL, Node, NodeId, NodeKind, Parsed,
    Scalar, ScalarKind, plain, sorting,
};
use crate::config::{
    diagnostic::Diagnostic,
    nearest::suggestion,
    source::{Label, SourceId, Span},
};

/// Reads the first document of a text that begins at byte `offset` of its source.
pub(crate) fn parse(source: SourceId, text: &str, offset: u32) -> Parsed {
    parse_up_to(MAX_BYTES, source, text, offset)
}

/// As [`parse`], with another limit of bytes.
pub(crate) fn parse_up_to(most: usize, source: SourceId, text: &str, offset: u32) -> Parsed {
    if text.len() > most {
        let mut builder = Builder::new(source, offset);
        builder.limit(Span::default(), format!("the text has {} bytes; at most {most} are read", text.len()));
        return (None, builder.diagnostics);
    }
    match plain::read(source, text, offset) {
        Some(document) => (Some(document), Vec::new()),
        None => events(source, text, offset),
    }
}

/// Reads a text with the full parser.
pub(super) fn events(source: SourceId, text: &str, offset: u32) -> Parsed {
    let mut builder = Builder::new(source, offset);
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    for next in Parser::new_from_str_with_options(text, options) {
        let event = next.map_err(|error| builder.syntax(text, &error));
        if !event.is_ok_and(|(event, span)| builder.event(event, span)) {
            break;
        }
    }
    builder.finish()
}

/// How many mistakes of one text are worth telling.
const MAX_MISTAKES: usize = 100;

/// A list or map that is not closed yet.
struct Frame {
    id: NodeId,
    open: Open,
    weight: usize,
    depth: usize,
}

enum Open {
    List(Vec<NodeId>),
    Map { entries: Vec<Entry>, merges: Vec<NodeId>, key: Key },
}

/// The key whose value is awaited.
enum Key {
    None,
    Named(Arc<str>, Span),
    Merge,
    /// The key was no scalar; its value is dropped.
    Unusable,
}

struct Builder {
    source: SourceId,
    offset: u32,
    nodes: Vec<Node>,
    /// For each node: how many nodes it stands for with aliases followed, and how deep it is.
    measures: Vec<(usize, usize)>,
    anchors: BTreeMap<usize, NodeId>,
    stack: Vec<Frame>,
    root: Option<NodeId>,
    documents: usize,
    aliased: usize,
    failed: bool,
    /// Whether any merge tag was found.
    tagged: bool,
    diagnostics: Vec<Diagnostic>,
}

impl Builder {
    fn new(source: SourceId, offset: u32) -> Self {
        Self {
            source,
            offset,
            nodes: Vec::new(),
            measures: Vec::new(),
            anchors: BTreeMap::new(),
            stack: Vec::new(),
            root: None,
            documents: 0,
            aliased: 0,
            failed: false,
            tagged: false,
            diagnostics: Vec::new(),
        }
    }

    fn label(&self, span: Span) -> Label {
        Label { source: self.source, span }
    }

    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.mistake(Diagnostic::error(code, self.label(span), message));
    }

    /// Takes a mistake; a text that is nothing but mistakes is not read to its end.
    fn mistake(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
        self.failed |= self.diagnostics.len() >= MAX_MISTAKES;
    }

    fn limit(&mut self, span: Span, message: impl Into<String>) {
        self.error("yaml::limit", span, message);
        self.failed = true;
    }

    fn syntax(&mut self, text: &str, error: &granit_parser::ScanError) {
        self.failed = true;
        // The parser may notice at the end of the text, where there is nothing to see: point at the last line.
        let end = text.trim_end().len();
        let at = error.marker().byte_offset().unwrap_or(end).min(end);
        let at = u32::try_from(at).unwrap_or(u32::MAX).saturating_add(self.offset);
        let depth = matches!(error.kind(), granit_parser::ErrorKind::RecursionLimitExceeded);
        let (code, message) = if depth {
            ("yaml::limit", format!("nested deeper than {MAX_DEPTH} levels"))
        } else {
            ("yaml::syntax", format!("this is not valid YAML: {}", error.info()))
        };
        let help = "check the indentation and the quotes here and on the line above";
        let label = self.label(Span { start: at, end: at.saturating_add(1) });
        self.diagnostics.push(Diagnostic::error(code, label, message).help(help));
    }

    /// Takes one event; `false` ends the reading.
    fn event(&mut self, event: Event<'_>, span: granit_parser::Span) -> bool {
        let span = self.span(&span);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.error("yaml::syntax", span, "a second document begins here; a file holds one");
                    return false;
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(&text, style, tag.as_deref(), span);
                let id = self.push(node, (1, 1));
                self.anchor(anchor, id);
                self.attach(id, true);
            }
            Event::SequenceStart(_, anchor, tag) => self.open(Open::List(Vec::new()), anchor, tag.as_deref(), span),
            Event::MappingStart(_, anchor, tag) => {
                let open = Open::Map { entries: Vec::new(), merges: Vec::new(), key: Key::None };
                self.open(open, anchor, tag.as_deref(), span);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::UnresolvedAlias(name) => {
                self.error("yaml::alias", span, format!("there is no anchor `&{name}` above this alias"));
                let id = self.push(Node { span, ..NULL }, (1, 1));
                self.attach(id, false);
            }
            // Ends, comments, and whatever the parser may learn to report: no part of a value.
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Anchor(..) | Event::Comment(..) | _ => {
            }
        }
        !self.failed
    }

    fn span(&self, span: &granit_parser::Span) -> Span {
        let offset = |marker: &granit_parser::Marker| {
            u32::try_from(marker.byte_offset().unwrap_or(0)).unwrap_or(u32::MAX).saturating_add(self.offset)
        };
        let start = offset(&span.start);
        Span { start, end: offset(&span.end).max(start) }
    }

    fn push(&mut self, node: Node, measure: (usize, usize)) -> NodeId {
        if self.nodes.len() >= MAX_NODES {
            self.limit(node.span, format!("more than {MAX_NODES} values"));
        }
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(node);
        self.measures.push(measure);
        id
    }

    fn anchor(&mut self, anchor: usize, id: NodeId) {
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Node {
        let plain = style == ScalarStyle::Plain;
        let forced = tag.and_then(|tag| tag.core_suffix());
        let mut scalar = if plain && forced != Some("str") { Scalar::plain(text) } else { Scalar::of_text(text) };
        let tag = match forced {
            Some("str") => None,
            Some(core) => {
                scalar = Scalar::plain(text);
                let fits = match core {
                    "null" => scalar.kind == ScalarKind::Null,
                    "bool" => scalar.kind == ScalarKind::Bool,
                    "int" => scalar.kind == ScalarKind::Int,
                    "float" => matches!(scalar.kind, ScalarKind::Float | ScalarKind::Int),
                    _ => false,
                };
                if !fits {
                    self.error("yaml::tag", span, format!("`{text}` is not what its tag `!!{core}` says"));
                }
                None
            }
            None => self.merge_tag(tag, span),
        };
        Node { kind: NodeKind::Scalar(scalar), span, tag }
    }

    fn merge_tag(&mut self, tag: Option<&Tag>, span: Span) -> Option<Box<MergeTag>> {
        let tag = tag?;
        if matches!(tag.core_suffix(), Some("map" | "seq")) {
            return None;
        }
        let spelled = tag.original();
        let known = match spelled.as_str() {
            "!" => return None,
            "!append" => MergeTag::Append,
            "!prepend" => MergeTag::Prepend,
            "!replace" => MergeTag::Replace,
            "!unset" => MergeTag::Unset,
            other => match other.strip_prefix("!merge-by:") {
                Some(key) if !key.is_empty() => MergeTag::MergeBy(key.to_owned()),
                _ => {
                    let help = suggestion(other, ["!append", "!merge-by:KEY", "!prepend", "!replace", "!unset"]);
                    let error = Diagnostic::error("yaml::tag", self.label(span), format!("unknown tag `{other}`"));
                    self.mistake(error.help(help));
                    return None;
                }
            },
        };
        self.tagged = true;
        Some(Box::new(known))
    }

    fn open(&mut self, open: Open, anchor: usize, tag: Option<&Tag>, span: Span) {
        if self.stack.len() >= MAX_DEPTH {
            self.limit(span, format!("nested deeper than {MAX_DEPTH} levels"));
            return;
        }
        let tag = self.merge_tag(tag, span);
        let id = self.push(Node { span, tag, ..NULL }, (0, 0));
        self.anchor(anchor, id);
        self.stack.push(Frame { id, open, weight: 1, depth: 1 });
    }

    fn close(&mut self, end: Span) {
        let Some(frame) = self.stack.pop() else { return };
        let mut weight = frame.weight;
        let mut depth = frame.depth;
        let first;
        let kind = match frame.open {
            Open::List(items) => {
                first = items.first().map(|id| self.node_span(*id));
                NodeKind::List(items)
            }
            Open::Map { mut entries, merges, .. } => {
                first = entries.first().map(|entry| entry.key_span);
                self.check_duplicates(&mut entries);
                for second in merges.iter().skip(1) {
                    let span = self.node_span(*second);
                    self.error("yaml::duplicate-key", span, "`<<` is used twice in one map; give it a list instead");
                }
                if let Some(merge) = merges.into_iter().next() {
                    let (more, deeper) = self.merge_key(&mut entries, merge);
                    weight += more;
                    depth = depth.max(deeper);
                }
                sorting::sort(&mut entries);
                NodeKind::Map(entries)
            }
        };
        if let Some(measure) = self.measures.get_mut(frame.id.0 as usize) {
            *measure = (weight, depth);
        }
        if let Some(node) = self.nodes.get_mut(frame.id.0 as usize) {
            // A flow collection is marked whole, a block by its first key: the rest would bury the mistake.
            let flow = end.end > end.start;
            node.span = if flow { Span { start: node.span.start, end: end.end } } else { first.unwrap_or(node.span) };
            node.kind = kind;
        }
        self.attach(frame.id, !matches!(end, Span { start, end } if end > start));
    }

    fn node_span(&self, id: NodeId) -> Span {
        self.nodes.get(id.0 as usize).map_or(Span::default(), |node| node.span)
    }

    fn measure(&self, id: NodeId) -> (usize, usize) {
        self.measures.get(id.0 as usize).copied().unwrap_or((1, 1))
    }

    /// Gives a complete node to the list or map it belongs to. `own` is false for what an alias repeats.
    fn attach(&mut self, id: NodeId, own: bool) {
        let (weight, depth) = self.measure(id);
        let span = self.node_span(id);
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(id);
            return;
        };
        frame.weight = frame.weight.saturating_add(weight);
        frame.depth = frame.depth.max(depth + 1);
        let mut mark = None;
        let mut bad_key = false;
        match &mut frame.open {
            Open::List(items) => items.push(id),
            Open::Map { entries, merges, key } => match std::mem::replace(key, Key::None) {
                Key::None => match self.nodes.get(id.0 as usize).map(|node| &node.kind) {
                    Some(NodeKind::Scalar(scalar)) if is_merge_key(scalar) => *key = Key::Merge,
                    Some(NodeKind::Scalar(scalar)) => {
                        let text = scalar.text.clone().unwrap_or_else(|| Arc::from("null"));
                        *key = Key::Named(text, span);
                    }
                    Some(NodeKind::List(_) | NodeKind::Map(_)) | None => {
                        *key = Key::Unusable;
                        bad_key = true;
                    }
                },
                Key::Named(name, key_span) => {
                    mark = own.then_some(key_span);
                    entries.push(Entry { key: name, key_span, value: id });
                }
                Key::Merge => merges.push(id),
                Key::Unusable => {}
            },
        }
        if bad_key {
            self.error("yaml::key", span, "a key must be a text or a number, not a list or a map");
        }
        self.mark_block(id, mark);
    }

    /// Marks a block collection by the key it stands under.
    fn mark_block(&mut self, id: NodeId, key_span: Option<Span>) {
        if let (Some(key_span), Some(node)) = (key_span, self.nodes.get_mut(id.0 as usize))
            && (matches!(node.kind, NodeKind::List(_) | NodeKind::Map(_)) || node.span.start == node.span.end)
        {
            node.span = key_span;
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) {
        let open = |id: NodeId| self.stack.iter().any(|frame| frame.id == id);
        let target = self.anchors.get(&anchor).copied().filter(|id| !open(*id));
        let Some(target) = target else {
            self.error("yaml::alias", span, "this alias stands inside what it names");
            let id = self.push(Node { span, ..NULL }, (1, 1));
            return self.attach(id, false);
        };
        let (weight, depth) = self.measure(target);
        self.repeat(weight, span);
        if self.stack.len() + depth > MAX_DEPTH {
            self.limit(span, format!("nested deeper than {MAX_DEPTH} levels through this alias"));
        }
        self.attach(target, false);
    }

    fn repeat(&mut self, weight: usize, span: Span) {
        self.aliased = self.aliased.saturating_add(weight);
        if self.aliased > MAX_ALIASED && !self.failed {
            self.limit(span, format!("aliases repeat more than {MAX_ALIASED} values"));
        }
    }

    fn check_duplicates(&mut self, entries: &mut Vec<Entry>) {
        let mut order: Vec<&Entry> = entries.iter().collect();
        order.sort_by(|a, b| a.key.cmp(&b.key));
        let mut doubles: Vec<(Arc<str>, Span, Span)> = Vec::new();
        for pair in order.windows(2) {
            if let [first, second] = pair
                && first.key == second.key
            {
                doubles.push((first.key.clone(), first.key_span, second.key_span));
            }
        }
        let later: std::collections::BTreeSet<Span> = doubles.iter().map(|(_, _, second)| *second).collect();
        entries.retain(|entry| !later.contains(&entry.key_span));
        for (key, first, second) in doubles.into_iter().take(MAX_MISTAKES) {
            let error = Diagnostic::error("yaml::duplicate-key", self.label(second), format!("`{key}` is set twice"));
            let error = error.related(self.label(first), "first set here").help("keep one of the two");
            self.mistake(error);
        }
    }

    /// Adds what `<<` names, own keys winning; returns how many nodes that repeats and how deep they are.
    fn merge_key(&mut self, entries: &mut Vec<Entry>, merge: NodeId) -> (usize, usize) {
        let sources: Vec<NodeId> = match self.nodes.get(merge.0 as usize).map(|node| &node.kind) {
            Some(NodeKind::List(items)) => items.clone(),
            Some(NodeKind::Map(_) | NodeKind::Scalar(_)) | None => vec![merge],
        };
        let mut total = (0_usize, 0_usize);
        let mut known: std::collections::BTreeSet<Arc<str>> = entries.iter().map(|entry| entry.key.clone()).collect();
        for source in sources {
            let span = self.node_span(source);
            let Some(NodeKind::Map(more)) = self.nodes.get(source.0 as usize).map(|node| &node.kind) else {
                self.error("yaml::merge-key", span, "`<<` takes a map or a list of maps, usually an alias");
                continue;
            };
            let new: Vec<Entry> = more.iter().filter(|entry| known.insert(entry.key.clone())).cloned().collect();
            self.repeat(more.len(), span);
            for entry in new {
                let (weight, depth) = self.measure(entry.value);
                self.repeat(weight, span);
                total = (total.0.saturating_add(weight), total.1.max(depth + 1));
                entries.push(entry);
            }
        }
        total
    }

    fn finish(mut self) -> Parsed {
        if self.failed {
            return (None, self.diagnostics);
        }
        let root = match self.root {
            Some(root) => root,
            None => self.push(NULL, (1, 1)),
        };
        let document = Document { source: self.source, nodes: self.nodes, root };
        if self.tagged {
            let left = MAX_MISTAKES.saturating_sub(self.diagnostics.len());
            self.diagnostics.extend(super::tags::check(&document).into_iter().take(left));
        }
        (Some(document), self.diagnostics)
    }
}

fn is_merge_key(scalar: &Scalar) -> bool {
    scalar.kind == ScalarKind::Text && scalar.text() == "<<"
}
