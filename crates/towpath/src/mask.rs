//! Replacing values of secrets in what a command prints by their names, however the output is cut into pieces.
//!
//! Known forms of a value are found: as it is, in base64 wherever it stands in what was encoded, in URLs, in JSON, its lines
//! one by one. What a program makes of a value otherwise (a hash, a part of it) is not.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use towpath_core::secrets::SecretText;
use zeroize::Zeroizing;

/// Values that are shorter are not looked for: replacing every `1` would say more than it hides.
pub(crate) const SHORTEST: usize = 4;
/// Lines and encoded pieces that are shorter are not looked for alone.
const SHORTEST_PIECE: usize = 8;

/// What is looked for, and what takes its place. Holds the values.
pub(crate) struct Masks {
    patterns: Vec<Zeroizing<Vec<u8>>>,
    names: Vec<String>,
    search: Option<AhoCorasick>,
    longest: usize,
}

/// One output that is masked.
pub(crate) struct Masked<'m> {
    masks: &'m Masks,
    /// What may be the beginning of a value.
    held: Zeroizing<Vec<u8>>,
}

impl Masks {
    /// Prepares the values by name, and returns the names of those that are too short.
    pub(crate) fn new(values: &BTreeMap<String, SecretText>) -> (Self, Vec<String>) {
        let mut forms: BTreeMap<Vec<u8>, String> = BTreeMap::new();
        let mut short = Vec::new();
        for (name, value) in values.iter().filter(|(_, value)| !value.is_empty()) {
            if value.len() < SHORTEST {
                short.push(name.clone());
                continue;
            }
            for form in self::forms(value.expose()) {
                forms.entry(form).or_insert_with(|| format!("${{{name}}}"));
            }
        }
        let longest = forms.keys().map(Vec::len).max().unwrap_or_default();
        let search = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(forms.keys()).ok();
        let (patterns, names): (Vec<_>, Vec<_>) =
            forms.into_iter().map(|(form, name)| (Zeroizing::new(form), name)).unzip();
        let search = search.filter(|_| !patterns.is_empty());
        (Self { patterns, names, search, longest }, short)
    }

    /// Begins an output.
    pub(crate) fn begin(&self) -> Masked<'_> {
        Masked { masks: self, held: Zeroizing::default() }
    }

    /// Returns how many bytes at the end of a text may be the beginning of what is looked for.
    fn open_end(&self, text: &[u8]) -> usize {
        let first = text.len().saturating_sub(self.longest.saturating_sub(1));
        let opens = |start: &usize| {
            let rest = text.get(*start..).unwrap_or_default();
            self.patterns.iter().any(|pattern| pattern.len() > rest.len() && pattern.starts_with(rest))
        };
        (first..text.len()).find(opens).map_or(0, |start| text.len() - start)
    }
}

impl Masked<'_> {
    /// Takes a piece of the output and returns what of it can be shown.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        let text = std::mem::take(&mut *self.held);
        let (shown, rest) = self.replace(&text, self.masks.open_end(&text));
        self.held.extend_from_slice(rest);
        drop(Zeroizing::new(text));
        shown
    }

    /// Returns what was held back, when nothing more comes. A value that was begun and never ended is not one.
    pub(crate) fn end(mut self) -> Vec<u8> {
        let text = std::mem::take(&mut *self.held);
        let (shown, _) = self.replace(&text, 0);
        drop(Zeroizing::new(text));
        shown
    }

    /// Returns the text with names for values, and what is left over at its end, where another value may have begun.
    fn replace<'t>(&self, text: &'t [u8], open: usize) -> (Vec<u8>, &'t [u8]) {
        let mut shown = Vec::with_capacity(text.len());
        let mut at = 0;
        let limit = text.len() - open;
        for found in self.masks.search.iter().flat_map(|search| search.find_iter(text)) {
            // One that begins where a longer one may have begun is decided when more is there.
            if found.start() >= limit {
                break;
            }
            shown.extend_from_slice(text.get(at..found.start()).unwrap_or_default());
            shown.extend_from_slice(
                self.masks.names.get(found.pattern().as_usize()).map_or(b"${}", |name| name.as_bytes()),
            );
            at = found.end();
        }
        let upto = limit.max(at);
        shown.extend_from_slice(text.get(at..upto).unwrap_or_default());
        (shown, text.get(upto..).unwrap_or_default())
    }
}

/// Returns the forms in which a value is known to be written.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![value.as_bytes().to_vec()];
    let mut add = |form: Vec<u8>, shortest: usize| {
        if form.len() >= shortest && !forms.contains(&form) {
            forms.push(form);
        }
    };
    for line in value.lines().map(str::trim) {
        add(line.as_bytes().to_vec(), SHORTEST_PIECE);
    }
    for upper in [true, false] {
        for blank in ["%20", "+"] {
            add(percent(value, upper, blank, b"-._~"), SHORTEST);
            add(percent(value, upper, blank, b"-._~!'()*"), SHORTEST);
        }
    }
    for quoted in [serde_json::Value::from(value).to_string(), format!("{value:?}")] {
        add(quoted.trim_matches('"').as_bytes().to_vec(), SHORTEST);
    }
    for shift in 0..3 {
        for piece in shifted(value.as_bytes(), shift) {
            add(piece, SHORTEST_PIECE);
        }
    }
    forms
}

/// Returns what of a value is the same in base64 whatever stands around it, when it begins `shift` bytes after a group of three.
fn shifted(value: &[u8], shift: usize) -> [Vec<u8>; 2] {
    let mut padded = Zeroizing::new(vec![0; shift]);
    padded.extend_from_slice(value);
    // Signs of six bits: those that also tell of bytes before or after the value are left out.
    let first = (shift * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    let cut = |encoded: String| {
        let encoded = Zeroizing::new(encoded);
        encoded.as_bytes().get(first..last).unwrap_or_default().to_vec()
    };
    [cut(STANDARD_NO_PAD.encode(&*padded)), cut(URL_SAFE_NO_PAD.encode(&*padded))]
}

/// Writes a value as URLs have it (RFC 3986 section 2.1), or forms (`+` for a blank).
fn percent(value: &str, upper: bool, blank: &str, kept: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() * 3);
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            out.push(byte);
        } else if byte == b' ' {
            out.extend_from_slice(blank.as_bytes());
        } else {
            let hex = if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
            out.extend_from_slice(hex.as_bytes());
        }
    }
    out
}

#[cfg(test)]
mod tests;
