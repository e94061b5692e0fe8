//! From the tree to typed values: every mistake collected with the place that set the value.
//!
//! A section is a struct declared with [`section!`]; reading it checks every field, then what fields mean to each
//! other as far as they could be read, and names unknown keys with the nearest known one. It yields nothing if any
//! part was wrong, so that no later check complains about what was already said.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value as Json, json};

use super::{
    describe::{self, Book, Choice, Shape},
    diagnostic::Diagnostic,
    limits::{MAX_TOLD, enough},
    nearest::{nearest, suggestion},
    source::{Label, SourceId},
    value::{Data, Member, Members, Path, Segment, Value},
    yaml::{Scalar, ScalarKind},
};

mod foreign;
mod leaf;
mod macros;

/// One step of the way to the value that is read; made for every value, so it copies no text.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Field(&'static str),
    Key(Arc<str>),
    Index(usize),
}

/// What reading needs besides the value: where it is, and where mistakes go.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) steps: Vec<Step>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The services of the environment that is read; `None` where what names them cannot be read.
    pub(crate) services: Option<BTreeSet<String>>,
    /// The roles somebody in the project has; `None` where what names them cannot be read.
    pub(crate) roles: Option<BTreeSet<String>>,
    /// The environments of the project and their other names.
    pub(crate) environments: BTreeSet<String>,
    /// The files the value was made of, the lowest layer first.
    pub(crate) layers: Vec<SourceId>,
}

/// A type that is read from the tree.
pub(crate) trait Read: Sized {
    /// Reads it, or says what is wrong and returns `None`.
    fn read(value: &Value, reader: &mut Reader) -> Option<Self>;

    /// What stands for a key that is not there; `None` if it must be.
    fn absent() -> Option<Self> {
        None
    }

    /// Says how it is written.
    fn shape(book: &mut Book) -> Shape;

    /// Returns it as one would write it, where that is worth showing as a default.
    fn written(&self) -> Option<Json> {
        None
    }
}

/// Returns the key of a field, whose name may be a word of the language.
pub(crate) fn key_of(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

/// Describes one key of a section.
pub(crate) fn key<T: Read>(name: &'static str, doc: &[&str], default: Option<T>, book: &mut Book) -> describe::Key {
    let required = default.is_none() && T::absent().is_none();
    let shape = book.under(name, |book| T::shape(book));
    describe::Key { name, doc: describe::doc(doc), shape, required, default: default.and_then(|value| value.written()) }
}

/// A value with the place that set it, for checks that look at several values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it was set.
    pub label: Label,
}

impl Reader {
    /// Returns where the value that is read stands.
    pub(crate) fn path(&self) -> Path {
        let segments: Vec<Segment> = self
            .steps
            .iter()
            .map(|step| match step {
                Step::Field(name) => Segment::Key((*name).to_owned()),
                Step::Key(key) => Segment::Key(key.to_string()),
                Step::Index(index) => Segment::Index(*index),
            })
            .collect();
        Path::of(&segments)
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Says that a value has the wrong type.
    pub(crate) fn expected(&mut self, value: &Value, what: &str) {
        let found = match &value.data {
            Data::Removed => "nothing".to_owned(),
            Data::Scalar(scalar) => scalar.describe(),
            Data::List(_) => "a list".to_owned(),
            Data::Map(_) => "a map".to_owned(),
        };
        let message = format!("`{}` must be {what}, not {found}", self.path());
        let error = Diagnostic::error("config::type", value.origin, message);
        self.push(error.help(how_to_write(value, what)));
    }

    /// Says that a value has the right type but cannot be, and what to do.
    pub(crate) fn wrong(&mut self, value: &Value, why: &str, help: &str) {
        let message = if self.steps.is_empty() { why.to_owned() } else { format!("`{}`: {why}", self.path()) };
        self.push(Diagnostic::error("config::value", value.origin, message).help(help));
    }

    /// Says that fields cannot be together: at the one that was set last, naming the others.
    pub(crate) fn clash(&mut self, value: &Value, fields: &[&str], why: &str) {
        let mut places: Vec<Label> =
            fields.iter().filter_map(|name| value.get(name)).map(|found| found.origin).collect();
        // What is laid over the files comes after all of them.
        let rank = |label: &Label| {
            let layer = self.layers.iter().position(|source| *source == label.source);
            (layer.unwrap_or(usize::MAX), label.source, label.span.start)
        };
        places.sort_by_key(rank);
        let last = places.pop().unwrap_or(value.origin);
        let path = self.path();
        let message = if path.segments().is_empty() { why.to_owned() } else { format!("`{path}`: {why}") };
        let names: Vec<String> = fields.iter().map(|name| format!("`{name}`")).collect();
        let mut error = Diagnostic::error("config::clash", last, message)
            .help(format!("change {}, or take one away", names.join(" or ")));
        for place in places {
            error = error.related(place, "set here");
        }
        self.push(error);
    }

    /// Says whether so much is wrong that nothing more is read.
    pub(crate) fn has_enough(&self) -> bool {
        enough(&self.diagnostics, MAX_TOLD)
    }

    /// Reads what is under a key, with the key in the path.
    pub(crate) fn under<T>(&mut self, step: Step, read: impl FnOnce(&mut Self) -> T) -> T {
        self.steps.push(step);
        let result = read(self);
        self.steps.pop();
        result
    }
}

/// Says how to write what must be of another type.
fn how_to_write(value: &Value, what: &str) -> String {
    let scalar = if let Data::Scalar(scalar) = &value.data { Some(scalar) } else { None };
    let text = scalar.map_or("", Scalar::text);
    match what {
        "a list" if !text.is_empty() => format!("write `[{}]`", super::yaml::shorten(text)),
        "a text" if !text.is_empty() => format!("put it in quotes: `\"{}\"`", super::yaml::shorten(text)),
        "a map" | "a list" => format!("write {what}: its items below, each on a line of its own"),
        "`true` or `false`" => match text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "1" | "true" => "write `true`, without quotes".to_owned(),
            "no" | "off" | "0" | "false" => "write `false`, without quotes".to_owned(),
            _ => "write `true` or `false`, without quotes".to_owned(),
        },
        _ if scalar.is_some_and(|scalar| scalar.kind == ScalarKind::Text) && text.parse::<f64>().is_ok() => {
            format!("write {what}, without quotes")
        }
        _ => format!("write {what}"),
    }
}

/// What to do where none of several keys is there.
pub(crate) type Hint = fn(&Reader) -> String;

/// A map whose known keys are asked for one by one.
pub(crate) struct Fields<'a> {
    value: &'a Value,
    map: Option<&'a Members>,
    known: Vec<&'static str>,
    missing: Vec<&'static str>,
    sound: bool,
}

impl<'a> Fields<'a> {
    /// Takes a map; nothing counts as an empty one.
    pub(crate) fn new(value: &'a Value, reader: &mut Reader) -> Option<Self> {
        if !value.is_null() && value.as_map().is_none() {
            reader.expected(value, "a map");
            return None;
        }
        // Room for the keys of all but the largest section.
        let known = Vec::with_capacity(16);
        Some(Self { value, map: value.as_map(), known, missing: Vec::new(), sound: true })
    }

    fn member(&self, name: &str) -> Option<&'a Member> {
        self.map.and_then(|map| map.get(name)).filter(|member| !member.value.is_removed())
    }

    /// Reads a field. `None` if it is wrong, or missing and required.
    pub(crate) fn field<T: Read>(&mut self, name: &'static str, default: Option<T>, reader: &mut Reader) -> Option<T> {
        self.known.push(name);
        let read = match self.member(name) {
            Some(member) if !(member.value.is_null() && (default.is_some() || T::absent().is_some())) => {
                reader.under(Step::Field(name), |reader| T::read(&member.value, reader))
            }
            Some(_) | None => default.or_else(T::absent).or_else(|| {
                self.missing.push(name);
                None
            }),
        };
        self.sound &= read.is_some();
        read
    }

    /// Takes in what a check of several fields found.
    pub(crate) fn also(&mut self, sound: bool) {
        self.sound &= sound;
    }

    /// Says whether something was written here that cannot be understood and was probably meant to be one of these.
    fn mistyped(&self, names: &[&str]) -> bool {
        let unknown = self.unknown().map(|(key, _)| key);
        unknown.into_iter().any(|key| {
            let meant = foreign::meant(key, &self.known).or_else(|| nearest(key, self.known.iter().copied()));
            meant.is_some_and(|meant| names.contains(&meant))
        })
    }

    fn unknown(&self) -> impl Iterator<Item = (&'a Arc<str>, &'a Member)> {
        let all = self.map.into_iter().flatten();
        all.filter(|(key, member)| !member.value.is_removed() && !self.known.contains(&key.as_ref()))
    }

    /// Checks how many of some keys there are. To be called after all fields were read.
    pub(crate) fn choice(&mut self, choice: Choice, (words, help): (&str, Option<Hint>), reader: &mut Reader) {
        let chosen = |key: &&&str| {
            self.member(key).is_some_and(|member| match &member.value.data {
                Data::Scalar(scalar) => scalar.kind != ScalarKind::Null && scalar.as_bool() != Some(false),
                Data::Removed => false,
                Data::List(_) | Data::Map(_) => true,
            })
        };
        let chosen: Vec<&str> = choice.keys.iter().filter(chosen).copied().collect();
        let none = choice.least && chosen.is_empty() && !self.mistyped(choice.keys);
        if none {
            let path = reader.path();
            let message = if path.segments().is_empty() { words.to_owned() } else { format!("`{path}`: {words}") };
            let keys: Vec<String> = choice.keys.iter().map(|key| format!("`{key}:`")).collect();
            let usual = || format!("write {}", keys.join(" or "));
            let help = help.map_or_else(usual, |help| help(reader));
            reader.push(Diagnostic::error("config::missing", self.value.origin, message).help(help));
        } else if choice.most && chosen.len() > 1 {
            reader.clash(self.value, &chosen, words);
            let chosen: Vec<String> = chosen.iter().map(|key| format!("`{key}`")).collect();
            if let Some(error) = reader.diagnostics.last_mut() {
                error.help = Some(format!("keep one of {} and take the others away", chosen.join(", ")));
            }
        }
        self.sound &= !none && (!choice.most || chosen.len() < 2);
    }

    fn report_missing(&self, name: &str, reader: &mut Reader) {
        let place = reader.path();
        let message = if place.segments().is_empty() {
            format!("`{name}` is missing")
        } else {
            format!("`{place}` has no `{name}`")
        };
        let error = Diagnostic::error("config::missing", self.value.origin, message);
        reader.push(error.help(format!("write `{name}:` with its value here")));
    }

    /// Complains of missing and unknown keys; says whether all was well.
    pub(crate) fn finish(self, reader: &mut Reader) -> bool {
        for name in &self.missing {
            // A mistyped key is one mistake, not two.
            if !self.mistyped(&[name]) {
                self.report_missing(name, reader);
            }
        }
        let mut sound = self.sound;
        for (key, member) in self.unknown() {
            sound = false;
            if reader.has_enough() {
                break;
            }
            let place = reader.path();
            let inside = if place.segments().is_empty() { String::new() } else { format!(" in `{place}`") };
            let error = Diagnostic::error("config::unknown-key", member.key, format!("unknown key `{key}`{inside}"));
            let known = self.known.iter().copied();
            reader.push(error.help(foreign::hint(key, &self.known).unwrap_or_else(|| suggestion(key, known))));
        }
        sound
    }
}

pub(crate) use leaf::NAME;
pub(crate) use macros::{docs, parts, section, words};

/// Returns the text of a scalar, or says that it must be `what`.
pub(crate) fn text_of<'a>(value: &'a Value, reader: &mut Reader, what: &str) -> Option<&'a str> {
    match &value.data {
        Data::Scalar(scalar) if matches!(scalar.kind, ScalarKind::Text | ScalarKind::Replaced) => Some(scalar.text()),
        Data::Removed | Data::Scalar(_) | Data::List(_) | Data::Map(_) => {
            reader.expected(value, what);
            None
        }
    }
}

/// Returns any scalar that is not nothing, or says that it must be `what`.
pub(crate) fn scalar_of<'a>(value: &'a Value, reader: &mut Reader, what: &str) -> Option<&'a Scalar> {
    match &value.data {
        Data::Scalar(scalar) if scalar.kind != ScalarKind::Null => Some(scalar),
        Data::Removed | Data::Scalar(_) | Data::List(_) | Data::Map(_) => {
            reader.expected(value, what);
            None
        }
    }
}

/// Returns the text of a scalar, or says which words it may be.
pub(crate) fn word_of<'a>(value: &'a Value, known: &[&str], reader: &mut Reader) -> Option<&'a str> {
    // Nearly every value is right, so what to say otherwise is made only when it is said.
    if let Data::Scalar(scalar) = &value.data
        && matches!(scalar.kind, ScalarKind::Text | ScalarKind::Replaced)
    {
        return Some(scalar.text());
    }
    let words: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    reader.expected(value, &format!("one of {}", words.join(", ")));
    None
}

/// Says that a word is not among the known ones.
pub(crate) fn unknown_word(value: &Value, word: &str, known: &[&str], reader: &mut Reader) {
    let message = format!("`{}` cannot be `{}`", reader.path(), super::yaml::shorten(word));
    let error = Diagnostic::error("config::value", value.origin, message);
    reader.push(error.help(suggestion(word, known.iter().copied())));
}

impl<T: Read> Read for Option<T> {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        T::read(value, reader).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn shape(book: &mut Book) -> Shape {
        T::shape(book)
    }

    fn written(&self) -> Option<Json> {
        self.as_ref().and_then(T::written)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let Data::List(items) = &value.data else {
            reader.expected(value, "a list");
            return None;
        };
        // All are read before one failure fails the whole: every mistake is to be found.
        let read: Vec<Option<T>> = items
            .iter()
            .filter(|item| !item.is_removed())
            .enumerate()
            .map(|(index, item)| {
                if reader.has_enough() {
                    None
                } else {
                    reader.under(Step::Index(index), |reader| T::read(item, reader))
                }
            })
            .collect();
        read.into_iter().collect()
    }

    fn absent() -> Option<Self> {
        Some(Vec::new())
    }

    fn shape(book: &mut Book) -> Shape {
        let item = book.under("[]", |book| T::shape(book));
        let json = if book.mode == describe::Mode::Layer { describe::referable(item.json) } else { item.json };
        Shape { words: format!("list of {}", item.words), json: json!({ "type": "array", "items": json }) }
    }
}

impl<T: Read + Ord> Read for BTreeSet<T> {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        Vec::read(value, reader).map(|items| items.into_iter().collect())
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn shape(book: &mut Book) -> Shape {
        Vec::<T>::shape(book)
    }
}

/// A type that names something and can be a key.
pub(crate) trait Key: Sized + Ord {
    /// Reads the key, or says what is wrong with it and what to do.
    fn key(text: &str) -> Result<Self, (String, String)>;

    /// Returns what all keys match, where they are not any text.
    fn pattern() -> Option<&'static str>;

    /// Returns the names that the project has, for an editor to offer.
    fn known(_: &describe::Names) -> &[String] {
        &[]
    }
}

impl<K: Key, T: Read> Read for BTreeMap<K, T> {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let Some(map) = value.as_map() else {
            if value.is_null() {
                return Some(Self::new());
            }
            reader.expected(value, "a map");
            return None;
        };
        let mut sound = true;
        let mut read = Vec::with_capacity(map.len());
        for (key, member) in map.iter().filter(|(_, member)| !member.value.is_removed()) {
            if reader.has_enough() {
                return None;
            }
            let name = K::key(key);
            let name = name.map_err(|(error, help)| {
                reader.push(Diagnostic::error("config::name", member.key, error).help(help));
            });
            let value = reader.under(Step::Key(key.clone()), |reader| T::read(&member.value, reader));
            match (name, value) {
                (Ok(name), Some(value)) => {
                    read.push((name, value));
                }
                (Err(()), _) | (_, None) => sound = false,
            }
        }
        // They come in order, so the map is built in one go.
        sound.then(|| read.into_iter().collect())
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn shape(book: &mut Book) -> Shape {
        let value = book.under("NAME", |book| T::shape(book));
        let words = format!("map from name to {}", value.words);
        let layer = book.mode == describe::Mode::Layer;
        let value = if layer { describe::nullable(describe::referable(value.json)) } else { value.json };
        let known: serde_json::Map<String, Json> =
            K::known(&book.names).iter().map(|name| (name.clone(), value.clone())).collect();
        let mut json = json!({ "type": "object", "additionalProperties": value });
        if let (Json::Object(json), false) = (&mut json, known.is_empty()) {
            json.insert("properties".to_owned(), known.into());
        }
        if let (Json::Object(json), Some(pattern)) = (&mut json, K::pattern()) {
            json.insert("propertyNames".to_owned(), json!({ "pattern": pattern }));
        }
        Shape { words, json }
    }
}

impl<T: Read> Read for Placed<T> {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        T::read(value, reader).map(|read| Self { value: read, label: value.origin })
    }

    fn shape(book: &mut Book) -> Shape {
        T::shape(book)
    }
}

impl Read for Value {
    fn read(value: &Value, _: &mut Reader) -> Option<Self> {
        Some(value.clone())
    }

    fn shape(_: &mut Book) -> Shape {
        Shape { words: "any value".to_owned(), json: json!({}) }
    }
}
