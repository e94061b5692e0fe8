//! Sections of lines `name = value`.
//!
//! What the reference implementation's reader takes, but for what it does with quotes that span lines and with lines that
//! end in a backslash: those are refused rather than read otherwise.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::{
    SopsError, Value,
    dotenv::lines,
    error::syntax,
    json::decimal,
    layout::{Block as MetadataBlock, Found, Layout, Patch, utf8},
    metadata::{Meta, flatten, unflatten},
    path::{Path, Step},
    tree::{Block, Comment, Document, Item, Leaf, MAX_NODES, Node, Pair, Setting, Span, Tree},
};

const KEY: &str = "sops";
/// The section of what stands before any other.
const DEFAULT: &str = "DEFAULT";
const LINE: Setting = Setting { flow: false, column: 0, last: true };

pub(crate) struct Ini;

struct Reader<'t> {
    text: &'t str,
    root: Block,
    /// The section being read: its name, the place of the name, what is in it, where it begins.
    section: (String, Span, Block),
    known: BTreeSet<String>,
    sections: BTreeSet<String>,
    /// A comment being read, line by line, and where it is.
    comment: Option<Span>,
}

impl Reader<'_> {
    fn wrong(&self, at: usize, what: impl Into<String>) -> SopsError {
        syntax(self.text.as_bytes(), at, what)
    }

    fn line(&mut self, span: &Span) -> Result<(), SopsError> {
        let raw = self.text.get(span.clone()).unwrap_or_default();
        let line = raw.trim();
        let start = span.start + (raw.len() - raw.trim_start().len());
        let end = start + line.len();
        match line.bytes().next() {
            None => {}
            Some(b'#' | b';') => {
                let from = self.comment.take().map_or(start, |comment| comment.start);
                self.comment = Some(from..end);
            }
            Some(b'[') => {
                let close = line.rfind(']').filter(|close| {
                    let after = line.get(close + 1..).unwrap_or_default().trim_start();
                    after.is_empty() || after.starts_with(['#', ';'])
                });
                let close = close.ok_or_else(|| self.wrong(start, "a section is `[name]`"))?;
                let name = line.get(1..close).unwrap_or_default().to_owned();
                self.end_section(start);
                if !self.sections.insert(name.clone()) && name != DEFAULT {
                    return Err(self.wrong(start, format!("the section `{name}` is there twice; keep one of the two")));
                }
                let block = Block { span: start..start, ..Block::default() };
                self.section = (name, start + 1..start + close, block);
                self.known.clear();
                self.take_comment(start);
            }
            Some(_) => self.pair(line, start)?,
        }
        Ok(())
    }

    fn pair(&mut self, line: &str, start: usize) -> Result<(), SopsError> {
        let equals = line.find(['=', ':']).ok_or_else(|| self.wrong(start, "a line must be `name = value`"))?;
        let key = line.get(..equals).unwrap_or_default().trim();
        if key.is_empty() || key.starts_with(['"', '`']) {
            return Err(self.wrong(start, "a line must be `name = value`, the name without quotes"));
        }
        if !self.known.insert(key.to_owned()) {
            return Err(self.wrong(start, format!("`{key}` is there twice; keep one of the two")));
        }
        if self.root.items.len() + self.section.2.items.len() > MAX_NODES {
            return Err(self.wrong(start, "there are too many lines"));
        }
        let after = line.get(equals + 1..).unwrap_or_default();
        let value_start = start + equals + 1 + (after.len() - after.trim_start().len());
        let (value, length) = self.value(after.trim(), value_start)?;
        let leaf = Leaf { value, span: value_start..value_start + length, setting: LINE };
        let key_span = start..start + key.len();
        let comment = self.comment.take();
        self.section.2.items.push(Item::Pair(Pair { key: key.to_owned(), key_span, value: Node::Leaf(leaf) }));
        // A comment counts as what follows the value below it.
        self.comment = comment;
        self.take_comment(start);
        Ok(())
    }

    /// Reads a value; returns it and how long it is as written.
    fn value(&self, text: &str, at: usize) -> Result<(Value, usize), SopsError> {
        if text.starts_with("\"\"\"") || text.ends_with('\\') {
            return Err(self.wrong(at, "values over several lines are not supported in INI files; use YAML"));
        }
        if let Some(inner) = text.strip_prefix('`') {
            let end = inner.find('`').ok_or_else(|| self.wrong(at, "this value has no closing quote"))?;
            return Ok((Value::text(inner.get(..end).unwrap_or_default()), end + 2));
        }
        let end = [text.find(" #"), text.find(" ;"), text.find("\t#"), text.find("\t;")].into_iter().flatten().min();
        let own = text.get(..end.unwrap_or(text.len())).unwrap_or_default().trim_end();
        let quoted = ["\"", "'"].iter().find_map(|quote| {
            own.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).filter(|inner| !inner.contains(quote))
        });
        Ok((Value::text(quoted.unwrap_or(own)), own.len()))
    }

    /// Gives the comment read last to the section.
    fn take_comment(&mut self, _: usize) {
        let Some(span) = self.comment.take() else { return };
        let raw = self.text.get(span.clone()).unwrap_or_default();
        let first = raw.chars().next().unwrap_or('#');
        let text = raw.trim_start_matches([first, ' ']);
        let inner = span.end - text.len()..span.end;
        let comment = Comment { text: Zeroizing::new(text.to_owned()), span: inner, ways: Vec::new() };
        self.section.2.items.push(Item::Comment(comment));
    }

    fn end_section(&mut self, at: usize) {
        let (name, key_span, mut block) = std::mem::take(&mut self.section);
        block.span.end = at;
        if name != DEFAULT || !block.items.is_empty() {
            self.root.items.push(Item::Pair(Pair { key: name, key_span, value: Node::Map(block) }));
        }
    }
}

impl Layout for Ini {
    fn read(&self, text: &[u8]) -> Result<Tree, SopsError> {
        let text = utf8(text)?;
        let mut reader = Reader {
            text,
            root: Block { span: 0..text.len(), ..Block::default() },
            section: (DEFAULT.to_owned(), 0..0, Block::default()),
            known: BTreeSet::new(),
            sections: BTreeSet::new(),
            comment: None,
        };
        for span in lines(text.as_bytes()) {
            reader.line(&span)?;
        }
        reader.end_section(text.len());
        Ok(Tree { documents: vec![Document { root: reader.root, span: 0..text.len() }] })
    }

    fn render(&self, value: &Value, _: Setting) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        let text = match value {
            Value::Null => return Ok(Zeroizing::default()),
            Value::Bool(value) => return Ok(Zeroizing::new(value.to_string().into_bytes())),
            Value::Float(number) => return Ok(Zeroizing::new(decimal(*number).into_bytes())),
            Value::Int(_) | Value::Time(_) => return Ok(Zeroizing::new(value.plain().into_owned())),
            Value::Text(bytes) => std::str::from_utf8(bytes).map_err(|_| "its bytes are no text")?,
        };
        if text.contains(['\n', '\r']) {
            return Err("it has more than one line; use YAML or JSON");
        }
        let odd = text.trim() != text
            || text.starts_with(['"', '\'', '`'])
            || text.ends_with('\\')
            || [" #", " ;", "\t#", "\t;"].iter().any(|sign| text.contains(sign));
        match (odd, text.contains('`')) {
            (false, _) => Ok(Zeroizing::new(text.as_bytes().to_vec())),
            (true, false) => Ok(Zeroizing::new(format!("`{text}`").into_bytes())),
            (true, true) => Err("it has quotes of every kind; use YAML or JSON"),
        }
    }

    fn take_metadata(&self, text: &[u8], tree: &mut Tree) -> Result<Option<Found>, SopsError> {
        let Some(document) = tree.documents.first_mut() else { return Ok(None) };
        let items = &mut document.root.items;
        let found = items.iter().position(|item| matches!(item, Item::Pair(pair) if pair.key == KEY));
        let Some(Item::Pair(pair)) = found.map(|at| items.remove(at)) else { return Ok(None) };
        let Node::Map(section) = &pair.value else { return Ok(None) };
        let at = section.span.start;
        let texts: Vec<(String, String)> = section.pairs().map(entry).collect();
        let meta = unflatten(texts.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            .map_err(|what| SopsError::Metadata { at: super::Position::of(text, at), what })?;
        let fields = super::json::fields(section);
        let blocks = vec![MetadataBlock { pieces: vec![section.span.clone()], fields }];
        // The blank line above is put there with the section.
        let blank = text.get(..section.span.start).is_some_and(|before| before.ends_with(b"\n\n"));
        let cut = section.span.start - usize::from(blank)..section.span.end;
        Ok(Some(Found { meta, at, cuts: vec![cut], blocks }))
    }

    fn metadata(&self, meta: &Meta) -> Vec<u8> {
        let entries = flatten(meta);
        let width = entries.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let line = |(name, value): (String, String)| format!("{name:width$} = {}\n", value.replace('\n', "\\n"));
        format!("[{KEY}]\n{}", entries.into_iter().map(line).collect::<String>()).into_bytes()
    }

    fn attach(&self, text: &[u8], blocks: &[Vec<u8>]) -> Result<Vec<u8>, SopsError> {
        let mut out = text.to_vec();
        if out.last().is_some_and(|last| *last != b'\n') {
            out.push(b'\n');
        }
        if !out.is_empty() && !out.ends_with(b"\n\n") {
            out.push(b'\n');
        }
        out.extend_from_slice(blocks.first().map(Vec::as_slice).unwrap_or_default());
        Ok(out)
    }

    fn set(&self, text: &[u8], tree: &Tree, path: &Path, value: &Value) -> Result<Patch, SopsError> {
        let (section, key) = keys(path)?;
        let unfit = |what| SopsError::Unfit { path: path.to_string(), format: super::Format::Ini, what };
        let new = self.render(value, LINE).map_err(unfit)?;
        let strange = |name: &str| {
            name.trim() != name || name.is_empty() || name.contains(['=', ':', '[', ']', '\n', '#', ';', '"', '`'])
        };
        if strange(section) || strange(key) || section == KEY {
            let what =
                "names in INI files have no `=`, `:`, brackets, quotes or signs of comments, and no section is `sops`";
            return Err(SopsError::Path { path: path.to_string(), what });
        }
        let block = tree.documents.first().and_then(|document| document.root.get(section));
        let line = |start: &str| {
            let mut line = Zeroizing::new(format!("{start}{key} = ").into_bytes());
            line.extend_from_slice(&new);
            line.push(b'\n');
            line
        };
        let Some(Node::Map(block)) = block else {
            let start = if text.is_empty() {
                ""
            } else if text.ends_with(b"\n") {
                "\n"
            } else {
                "\n\n"
            };
            return Ok((text.len()..text.len(), line(&format!("{start}[{section}]\n"))));
        };
        if let Some(node) = block.get(key) {
            return Ok((node.span(), new));
        }
        let last = block.pairs().last().map_or(block.span.start, |pair| pair.value.span().end);
        let end = text.iter().skip(last).position(|byte| *byte == b'\n').map_or(text.len(), |at| last + at + 1);
        let start = if end == text.len() && !text.ends_with(b"\n") { "\n" } else { "" };
        Ok((end..end, line(start)))
    }

    fn unset(&self, text: &[u8], tree: &Tree, path: &Path) -> Result<Patch, SopsError> {
        let none = || SopsError::NoSuchPath(path.to_string());
        let (section, key) = keys(path)?;
        let block = tree.documents.first().and_then(|document| document.root.get(section)).ok_or_else(none)?;
        let Node::Map(block) = block else { return Err(none()) };
        let pair = block.pairs().find(|pair| pair.key == key).ok_or_else(none)?;
        let end = pair.value.span().end;
        let end = text.iter().skip(end).position(|byte| *byte == b'\n').map_or(text.len(), |at| end + at + 1);
        Ok((pair.key_span.start..end, Zeroizing::default()))
    }
}

fn entry(pair: &Pair) -> (String, String) {
    let value = match &pair.value {
        Node::Leaf(leaf) => String::from_utf8_lossy(&leaf.value.plain()).replace("\\n", "\n"),
        Node::Map(_) | Node::List(_) => String::new(),
    };
    (pair.key.clone(), value)
}

fn keys(path: &Path) -> Result<(&str, &str), SopsError> {
    match path.steps.as_slice() {
        [Step::Key(key)] => Ok((DEFAULT, key)),
        [Step::Key(section), Step::Key(key)] => Ok((section, key)),
        _ => Err(SopsError::Path { path: path.to_string(), what: "a value of an INI file is `section.name`" }),
    }
}
