//! Scalars by the core schema of YAML 1.2 (section 10.3.2): what is a number, a truth value, nothing.

use std::sync::Arc;

/// What a scalar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarKind {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A number with fraction or exponent.
    Float,
    /// A text.
    Text,
    /// A text that references were replaced in: whatever it can be read as.
    Replaced,
}

/// A scalar, with the text as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// What it is.
    pub kind: ScalarKind,
    /// The text after escapes were resolved; `None` for nothing.
    pub(super) text: Option<Arc<str>>,
}

impl Scalar {
    /// Nothing.
    pub const NULL: Self = Self { kind: ScalarKind::Null, text: None };

    /// Returns a text.
    pub fn of_text(text: &str) -> Self {
        Self { kind: ScalarKind::Text, text: Some(text.into()) }
    }

    /// Returns a text that references were replaced in.
    pub(crate) fn replaced(text: Arc<str>) -> Self {
        Self { kind: ScalarKind::Replaced, text: Some(text) }
    }

    /// Returns what it can be read as.
    fn read_as(&self) -> ScalarKind {
        if self.kind == ScalarKind::Replaced { kind_of(self.text()) } else { self.kind }
    }

    /// Returns the text without copying it, empty for nothing.
    pub(crate) fn shared_text(&self) -> Arc<str> {
        self.text.clone().unwrap_or_default()
    }

    /// Returns the text as it was written, empty for nothing.
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or("")
    }

    /// Returns the truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        (self.read_as() == ScalarKind::Bool).then(|| self.text().eq_ignore_ascii_case("true"))
    }

    /// Returns the whole number, if it is one and fits.
    pub fn as_int(&self) -> Option<i64> {
        if self.read_as() == ScalarKind::Int { parse_int(self.text()) } else { None }
    }

    /// Returns the number, if it is one.
    pub fn as_float(&self) -> Option<f64> {
        match self.read_as() {
            #[expect(clippy::cast_precision_loss, reason = "a float is asked for")]
            ScalarKind::Int => self.as_int().map(|int| int as f64),
            ScalarKind::Float => parse_float(self.text()),
            ScalarKind::Null | ScalarKind::Bool | ScalarKind::Text | ScalarKind::Replaced => None,
        }
    }

    /// Returns the kind in words, with article.
    pub fn describe(&self) -> String {
        match self.kind {
            ScalarKind::Null => "nothing".to_owned(),
            ScalarKind::Bool | ScalarKind::Int | ScalarKind::Float | ScalarKind::Text | ScalarKind::Replaced => {
                format!("`{}`", shorten(self.text()))
            }
        }
    }

    pub(super) fn plain(text: &str) -> Self {
        let kind = kind_of(text);
        Self { kind, text: (kind != ScalarKind::Null).then(|| text.into()) }
    }
}

/// Cuts a long text for a message.
pub(crate) fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or("");
    if line.len() == text.len() && text.chars().count() <= 60 {
        return text.to_owned();
    }
    line.chars().take(57).chain("…".chars()).collect()
}

/// Says whether a plain scalar stands for nothing.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

pub(super) fn kind_of(text: &str) -> ScalarKind {
    match text {
        _ if is_null(text) => ScalarKind::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => ScalarKind::Bool,
        // Every number begins with one of these.
        _ if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) => ScalarKind::Text,
        _ if is_int(text) => ScalarKind::Int,
        _ if is_float(text) => ScalarKind::Float,
        _ => ScalarKind::Text,
    }
}

fn digits(text: &str, valid: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(valid)
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn is_int(text: &str) -> bool {
    if let Some(octal) = text.strip_prefix("0o") {
        return digits(octal, |b| matches!(b, b'0'..=b'7'));
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return digits(hex, |b| b.is_ascii_hexdigit());
    }
    digits(unsigned(text), |b| b.is_ascii_digit())
}

fn is_float(text: &str) -> bool {
    let number = unsigned(text);
    if matches!(number, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (number, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    all(whole)
        && all(fraction)
        && (!whole.is_empty() || !fraction.is_empty())
        && exponent.is_none_or(|exponent| digits(unsigned(exponent), |b| b.is_ascii_digit()))
}

fn parse_int(text: &str) -> Option<i64> {
    if let Some(octal) = text.strip_prefix("0o") {
        return i64::from_str_radix(octal, 8).ok();
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok();
    }
    text.parse().ok()
}

fn parse_float(text: &str) -> Option<f64> {
    match unsigned(text) {
        ".inf" | ".Inf" | ".INF" => Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }),
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        _ => text.parse().ok(),
    }
}
