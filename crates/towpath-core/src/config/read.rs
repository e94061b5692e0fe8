//! From the tree to typed values: every mistake collected with the place that set the value.
//!
//! A section is a struct declared with [`section!`]; reading it checks every field, names unknown
//! keys with the nearest known one, and yields nothing if any part was wrong, so that no later check
//! complains about what was already said.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    diagnostic::Diagnostic,
    limits::{MAX_TOLD, enough},
    nearest::suggestion,
    source::Label,
    value::{Data, Members, Path, Segment, Value},
    yaml::{Scalar, ScalarKind},
};

mod leaf;

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
    /// The services of the environment that is read.
    pub(crate) services: BTreeSet<String>,
    /// The roles somebody in the project has.
    pub(crate) roles: BTreeSet<String>,
}

/// A type that is read from the tree.
pub(crate) trait Read: Sized {
    /// Reads it, or says what is wrong and returns `None`.
    fn read(value: &Value, reader: &mut Reader) -> Option<Self>;

    /// What stands for a key that is not there; `None` if it must be.
    fn absent() -> Option<Self> {
        None
    }
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

    pub(crate) fn error(&mut self, code: &'static str, at: Label, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(code, at, message));
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
        self.error("config::type", value.origin, message);
    }

    /// Says that a value has the right type but cannot be.
    pub(crate) fn wrong(&mut self, value: &Value, why: &str) {
        let message = if self.steps.is_empty() { why.to_owned() } else { format!("`{}`: {why}", self.path()) };
        self.error("config::value", value.origin, message);
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

/// A map whose known keys are asked for one by one.
pub(crate) struct Fields<'a> {
    value: &'a Value,
    map: Option<&'a Members>,
    known: Vec<&'static str>,
    sound: bool,
}

impl<'a> Fields<'a> {
    /// Takes a map; nothing counts as an empty one.
    pub(crate) fn new(value: &'a Value, reader: &mut Reader) -> Option<Self> {
        if !value.is_null() && value.as_map().is_none() {
            reader.expected(value, "a map");
            return None;
        }
        Some(Self { value, map: value.as_map(), known: Vec::new(), sound: true })
    }

    /// Reads a field. `None` if it is wrong, or missing and required.
    pub(crate) fn field<T: Read>(&mut self, name: &'static str, default: Option<T>, reader: &mut Reader) -> Option<T> {
        let name = name.trim_start_matches("r#");
        self.known.push(name);
        let member = self.map.and_then(|map| map.get(name)).filter(|member| !member.value.is_removed());
        let read = match member {
            Some(member) if !(member.value.is_null() && (default.is_some() || T::absent().is_some())) => {
                reader.under(Step::Field(name), |reader| T::read(&member.value, reader))
            }
            Some(_) | None => default.or_else(T::absent).or_else(|| {
                self.missing(name, reader);
                None
            }),
        };
        self.sound &= read.is_some();
        read
    }

    fn missing(&self, name: &str, reader: &mut Reader) {
        let place = reader.path();
        let message = if place.segments().is_empty() {
            format!("`{name}` is missing")
        } else {
            format!("`{place}` has no `{name}`")
        };
        reader.error("config::missing", self.value.origin, message);
    }

    /// Complains of unknown keys; says whether all was well.
    pub(crate) fn finish(self, reader: &mut Reader) -> bool {
        let mut sound = self.sound;
        for (key, member) in self.map.into_iter().flatten() {
            if member.value.is_removed() || self.known.contains(&key.as_ref()) {
                continue;
            }
            sound = false;
            if reader.has_enough() {
                break;
            }
            let place = reader.path();
            let inside = if place.segments().is_empty() { String::new() } else { format!(" in `{place}`") };
            let error = Diagnostic::error("config::unknown-key", member.key, format!("unknown key `{key}`{inside}"));
            reader.push(error.help(suggestion(key, self.known.iter().copied())));
        }
        sound
    }
}

/// Declares a struct that is read from a map of the same fields, each documented.
///
/// `field: Type` is required unless the type can be absent (`Option`, lists, maps);
/// `field: Type = default` has a default.
macro_rules! section {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[$field_meta:meta])* $field:ident : $type:ty $(= $default:expr)? ),* $(,)?
        }
        $(check($this:ident, $value:ident, $reader:ident) $check:block)?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
        }

        impl $crate::config::read::Read for $name {
            fn read(
                value: &$crate::config::value::Value,
                reader: &mut $crate::config::read::Reader,
            ) -> Option<Self> {
                let mut fields = $crate::config::read::Fields::new(value, reader)?;
                $( let $field: Option<$type> = fields.field(
                    stringify!($field), section!(@default $($default)?), reader); )*
                if !fields.finish(reader) {
                    return None;
                }
                let section = Self { $( $field: $field?, )* };
                $({
                    let ($this, $value) = (&section, value);
                    let $reader = &mut *reader;
                    if !$check {
                        return None;
                    }
                })?
                Some(section)
            }
        }
    };
    (@default) => { None };
    (@default $default:expr) => { Some($default) };
}

/// Declares an enum of words.
macro_rules! words {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $word:literal ),* $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $( $(#[$variant_meta])* $variant, )* }

        impl $name {
            /// Every word.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// Returns the word used in files.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )* }
            }
        }

        impl $crate::config::read::Read for $name {
            fn read(
                value: &$crate::config::value::Value,
                reader: &mut $crate::config::read::Reader,
            ) -> Option<Self> {
                let text = $crate::config::read::text_of(value, reader, "one of the known words")?;
                match text {
                    $( $word => Some(Self::$variant), )*
                    other => {
                        $crate::config::read::unknown_word(value, other, Self::WORDS, reader);
                        None
                    }
                }
            }
        }
    };
}

pub(crate) use {section, words};

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
}

impl<T: Read + Ord> Read for BTreeSet<T> {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        Vec::read(value, reader).map(|items| items.into_iter().collect())
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

/// A type that names something and can be a key.
pub(crate) trait Key: Sized + Ord {
    /// Reads the key, or says what is wrong with it.
    fn key(text: &str) -> Result<Self, String>;
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
            let name = K::key(key).map_err(|error| reader.error("config::name", member.key, error)).ok();
            let value = reader.under(Step::Key(key.clone()), |reader| T::read(&member.value, reader));
            match (name, value) {
                (Some(name), Some(value)) => {
                    read.push((name, value));
                }
                (None, _) | (_, None) => sound = false,
            }
        }
        // They come in order, so the map is built in one go.
        sound.then(|| read.into_iter().collect())
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

impl<T: Read> Read for Placed<T> {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        T::read(value, reader).map(|read| Self { value: read, label: value.origin })
    }
}

impl Read for Value {
    fn read(value: &Value, _: &mut Reader) -> Option<Self> {
        Some(value.clone())
    }
}
