//! Values, and the one spelling in which each is encrypted and counted in the MAC.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::time::Time;

/// The value of a key, erased when it is dropped. Shows only its kind in `Debug`.
#[derive(Clone, Default, PartialEq)]
pub enum Value {
    /// Nothing; never encrypted.
    #[default]
    Null,
    /// A text, or bytes that are none.
    Text(Zeroizing<Vec<u8>>),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// Yes or no.
    Bool(bool),
    /// A point in time, in RFC 3339.
    Time(String),
}

/// The kind of a value as sops writes it after `type:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Text,
    Int,
    Float,
    Bool,
    Time,
    Comment,
}

impl Kind {
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            // Bytes are only read: what was bytes is a text when it is written again.
            "str" | "bytes" => Self::Text,
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "time" => Self::Time,
            "comment" => Self::Comment,
            _ => return None,
        })
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Text => "str",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Time => "time",
            Self::Comment => "comment",
        }
    }
}

impl Value {
    /// Returns a text.
    pub fn text(text: &str) -> Self {
        Self::Text(Zeroizing::new(text.as_bytes().to_vec()))
    }

    /// Returns the value as text: what a variable of a process gets. Null is none; bytes that are no text are none.
    pub fn as_text(&self) -> Option<Zeroizing<String>> {
        match self {
            Self::Null => None,
            Self::Text(bytes) => std::str::from_utf8(bytes).ok().map(|text| Zeroizing::new(text.to_owned())),
            Self::Bool(value) => Some(Zeroizing::new(value.to_string())),
            Self::Int(_) | Self::Float(_) | Self::Time(_) => {
                String::from_utf8(self.plain().into_owned()).ok().map(Zeroizing::new)
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(bytes) => bytes.is_empty(),
            Self::Int(_) | Self::Float(_) | Self::Bool(_) | Self::Time(_) => false,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Null | Self::Text(_) => Kind::Text,
            Self::Int(_) => Kind::Int,
            Self::Float(_) => Kind::Float,
            Self::Bool(_) => Kind::Bool,
            Self::Time(_) => Kind::Time,
        }
    }

    /// Returns the bytes that are encrypted and go into the MAC.
    pub(crate) fn plain(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Null => Cow::Borrowed(b""),
            Self::Text(bytes) => Cow::Borrowed(bytes),
            Self::Int(number) => Cow::Owned(number.to_string().into_bytes()),
            Self::Float(number) => Cow::Owned(float(*number).into_bytes()),
            Self::Bool(value) => Cow::Borrowed(if *value { b"True" } else { b"False" }),
            Self::Time(time) => Cow::Borrowed(time.as_bytes()),
        }
    }

    /// Reads decrypted bytes; none where they are not of their kind.
    pub(crate) fn of_plain(kind: Kind, plain: Zeroizing<Vec<u8>>) -> Option<Self> {
        if matches!(kind, Kind::Text | Kind::Comment) {
            return Some(Self::Text(plain));
        }
        let text = std::str::from_utf8(&plain).ok()?;
        Some(match kind {
            Kind::Int => Self::Int(text.parse().ok()?),
            Kind::Float => Self::Float(text.parse().ok()?),
            Kind::Bool => Self::Bool(boolean(text)?),
            Kind::Time => Self::Time(Time::of_rfc3339(text)?.as_str().to_owned()),
            Kind::Text | Kind::Comment => return None,
        })
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("Value(null)"),
            value => write!(f, "Value({} …)", value.kind().word()),
        }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        match self {
            Self::Int(number) => number.zeroize(),
            Self::Float(number) => number.zeroize(),
            Self::Time(time) => time.zeroize(),
            Self::Null | Self::Text(_) | Self::Bool(_) => {}
        }
    }
}

/// Spells a number as Go's `strconv.FormatFloat(x, 'f', -1, 64)` does: the shortest digits that say it, never an exponent.
pub(crate) fn float(number: f64) -> String {
    match number {
        number if number.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        number => number.to_string(),
    }
}

/// Reads what Go's `strconv.ParseBool` takes.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
