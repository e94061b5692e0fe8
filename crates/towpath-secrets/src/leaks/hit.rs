//! What a scan finds.

use std::{fmt, ops::Range};

use sha2::{Digest as _, Sha256};

use super::{
    own::Form,
    rule::{LeakSeverity, Rule},
};

/// The most characters of a line that an excerpt shows before the hit.
const BEFORE: usize = 48;

/// Names a hit so that it can be accepted: the same as long as file, line (wherever it moves) and credential are the same.
///
/// Nothing can be learnt of the credential from it: no more than 16 bits of its digest go in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(String);

/// One credential in one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Which rule found it.
    pub rule: &'static str,
    /// What it is, in words.
    pub what: &'static str,
    /// How bad it is.
    pub severity: LeakSeverity,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The begin of the line with everything that was found in it masked.
    pub excerpt: String,
    /// Its name.
    pub fingerprint: Fingerprint,
    /// For a value of our own, its number among those that were given and how it is written there.
    pub own: Option<(usize, Form)>,
    pub(super) span: Range<usize>,
}

impl Fingerprint {
    /// Returns the text of one, if it is one: 16 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
            .then(|| Self(text.to_owned()))
    }

    /// Returns its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(rule: &str, path: &str, line: &str, credential: &[u8]) -> Self {
        let inner = Sha256::digest(credential);
        let mut hash = Sha256::new();
        for part in [rule.as_bytes(), path.as_bytes(), line.as_bytes(), inner.get(..2).unwrap_or_default()] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self(hex::encode(hash.finalize().get(..8).unwrap_or_default()))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was found before it is told: which rule and where.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    pub(super) rule: Found,
    pub(super) span: Range<usize>,
}

/// By what it was found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    Rule(&'static Rule),
    Own { number: usize, form: Form },
}

impl Raw {
    /// Tells it: line, column, excerpt, fingerprint. `all` is everything that was found in these bytes.
    pub(super) fn told(&self, path: &str, bytes: &[u8], all: &[Self]) -> Hit {
        let start = self.span.start;
        let (begin, end) = line_around(bytes, start);
        let before = bytes.get(..begin).unwrap_or_default();
        let masked = masked(bytes, begin..end, all);
        let (rule, what, severity, own) = match self.rule {
            Found::Rule(rule) => (rule.id, rule.what, rule.severity, None),
            Found::Own { number, form } => (
                super::OWN_VALUE,
                "the value of a secret of this project",
                LeakSeverity::Critical,
                Some((number, form)),
            ),
        };
        Hit {
            rule,
            what,
            severity,
            line: before.split(|byte| *byte == b'\n').count(),
            column: String::from_utf8_lossy(bytes.get(begin..start).unwrap_or_default()).chars().count() + 1,
            excerpt: shortened(&masked),
            fingerprint: Fingerprint::of(rule, path, &masked, bytes.get(self.span.clone()).unwrap_or_default()),
            own,
            span: self.span.clone(),
        }
    }
}

/// Returns where the line begins and ends that holds this byte; of an endless line a stretch around it.
pub(super) fn line_around(bytes: &[u8], at: usize) -> (usize, usize) {
    const MOST: usize = 512;
    let before = bytes.get(..at).unwrap_or_default();
    let begin = before
        .iter()
        .rev()
        .take(MOST)
        .position(|byte| *byte == b'\n')
        .map_or(at.saturating_sub(MOST), |back| at - back);
    let after = bytes.get(at..).unwrap_or_default();
    let end =
        after.iter().take(MOST).position(|byte| *byte == b'\n').map_or((at + MOST).min(bytes.len()), |on| at + on);
    (begin, end)
}

/// Returns a line in which everything that was found is masked; a known prefix of a credential stays.
fn masked(bytes: &[u8], line: Range<usize>, all: &[Raw]) -> String {
    let mut out = String::new();
    let mut at = line.start;
    for raw in all.iter().filter(|raw| raw.span.start < line.end && raw.span.end > line.start) {
        if raw.span.end <= at {
            continue;
        }
        let start = raw.span.start.max(at);
        out += &String::from_utf8_lossy(bytes.get(at..start).unwrap_or_default());
        if start == raw.span.start {
            out += &String::from_utf8_lossy(bytes.get(start..start + shown(raw)).unwrap_or_default());
        }
        out += "••••••••";
        at = raw.span.end.min(line.end);
    }
    out += &String::from_utf8_lossy(bytes.get(at..line.end).unwrap_or_default());
    out.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned()
}

/// Returns how many bytes of a credential may be shown: the prefix by which people know what it is, nothing of others.
fn shown(raw: &Raw) -> usize {
    match raw.rule {
        Found::Rule(rule) if !rule.guesses && !rule.is_assigned() && raw.span.len() >= 20 => 4,
        Found::Own { .. } | Found::Rule(_) => 0,
    }
}

/// Returns the part of a masked line that people need: some words before the first mask.
fn shortened(line: &str) -> String {
    let mask = line.find('•').unwrap_or(line.len());
    let from = line.get(..mask).unwrap_or_default().char_indices().rev().nth(BEFORE).map_or(0, |(place, _)| place);
    let kept: String = line.get(from..).unwrap_or_default().chars().take(BEFORE + 40).collect();
    let ellipsis = |cut: bool| if cut { "…" } else { "" };
    let cut = kept.len() < line.len() - from;
    format!("{}{kept}{}", ellipsis(from > 0), ellipsis(cut))
}
