//! Values of our own, and the ways they are written elsewhere.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use towpath_core::secrets::SecretText;
use zeroize::Zeroizing;

/// A value that is looked for, with what people call it.
#[derive(Debug, Clone)]
pub struct OwnValue {
    /// What people call it: `production DB_PASSWORD`.
    pub name: String,
    /// The value.
    pub value: SecretText,
}

/// How a value is written where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Plain,
    /// In base64, perhaps among other bytes.
    Base64,
    /// In hexadecimal digits.
    Hex,
    /// With `%` escapes.
    Url,
    /// With the escapes of JSON.
    Json,
}

impl Form {
    /// Returns it in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Plain => "as it is",
            Self::Base64 => "in base64",
            Self::Hex => "in hexadecimal",
            Self::Url => "escaped for a URL",
            Self::Json => "escaped for JSON",
        }
    }
}

/// Says whether finding a value means that the secret is there: `postgres` as a password is in many places. Others are not
/// looked for.
pub fn is_searched(value: &str) -> bool {
    let classes = [
        value.bytes().any(|b| b.is_ascii_lowercase()),
        value.bytes().any(|b| b.is_ascii_uppercase()),
        value.bytes().any(|b| b.is_ascii_digit()),
        value.bytes().any(|b| !b.is_ascii_alphanumeric()),
    ];
    let kinds = classes.iter().filter(|there| **there).count();
    (value.len() >= 12 && kinds >= 2) || value.len() >= 20 || (value.len() >= 7 && kinds >= 3)
}

/// Returns every form of a value that differs from the others.
pub(super) fn forms(value: &str) -> Vec<(Form, Zeroizing<Vec<u8>>)> {
    let mut forms: Vec<(Form, Zeroizing<Vec<u8>>)> = Vec::new();
    let mut push = |form, bytes: Zeroizing<Vec<u8>>| {
        if bytes.len() >= 7 && !forms.iter().any(|(_, known)| *known == bytes) {
            forms.push((form, bytes));
        }
    };
    let text = value.trim_end_matches(['\r', '\n']);
    push(Form::Plain, Zeroizing::new(text.as_bytes().to_vec()));
    let lines = text.lines().collect::<Vec<_>>();
    // A key of many lines is often written with other breaks, so its longest line is looked for as well.
    if lines.len() > 2 {
        let longest = lines.iter().max_by_key(|line| line.len()).copied().unwrap_or_default();
        push(Form::Plain, Zeroizing::new(longest.as_bytes().to_vec()));
    }
    push(Form::Json, json(text));
    push(Form::Url, percent(text));
    push(Form::Hex, Zeroizing::new(hex::encode(text).into_bytes()));
    push(Form::Hex, Zeroizing::new(hex::encode_upper(text).into_bytes()));
    push(Form::Base64, Zeroizing::new(STANDARD.encode(text).into_bytes()));
    for offset in 0..3 {
        let (common, safe) = base64_inside(text, offset);
        push(Form::Base64, common);
        push(Form::Base64, safe);
    }
    forms
}

fn json(text: &str) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() * 2));
    for c in text.chars() {
        let escape: &[u8] = match c {
            '"' => b"\\\"",
            '\\' => b"\\\\",
            '\n' => b"\\n",
            '\r' => b"\\r",
            '\t' => b"\\t",
            _ => {
                let mut buffer = [0; 4];
                out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
                continue;
            }
        };
        out.extend_from_slice(escape);
    }
    out
}

fn percent(text: &str) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() * 3));
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            out.push(b'%');
            out.extend_from_slice(hex::encode_upper([byte]).as_bytes());
        }
    }
    out
}

/// Returns what base64 shows of a value that begins `offset` bytes after a group does, whatever stands before and after it,
/// in both alphabets.
fn base64_inside(text: &str, offset: usize) -> (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>) {
    let mut bytes = Zeroizing::new(vec![0; offset]);
    bytes.extend_from_slice(text.as_bytes());
    // Characters that hold bits of neighbours cannot be known.
    let skipped = [0, 2, 3].get(offset).copied().unwrap_or_default();
    let unknown = usize::from(!bytes.len().is_multiple_of(3));
    let cut = |encoded: Zeroizing<String>| {
        let end = encoded.len().saturating_sub(unknown);
        Zeroizing::new(encoded.as_bytes().get(skipped..end).unwrap_or_default().to_vec())
    };
    (cut(Zeroizing::new(STANDARD_NO_PAD.encode(&*bytes))), cut(Zeroizing::new(URL_SAFE_NO_PAD.encode(&*bytes))))
}
