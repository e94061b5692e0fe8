//! One pass over a file: keywords first, patterns only near them.

use std::{collections::BTreeMap, sync::OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::bytes::Regex;

use super::{
    entropy::bits_per_byte,
    hit::{Found, Hit, Raw, line_around},
    needles::Needles,
    own::OwnValue,
    path::is_noise,
    placeholder,
    rule::Rule,
    rules,
};

/// How far from a keyword the credential is looked for, in bytes, on a line that does not end.
const REACH: usize = 4_096;
/// How far before it.
const BACK: usize = 256;
/// The most bytes a credential of one line has.
const LONGEST: usize = 512;
/// The most hits that are told of one file: a dump of thousands is one finding too many to read.
const MOST_HITS: usize = 200;
/// What a comment says that takes the responsibility for a line; the second is what gitleaks reads.
const ALLOWED: [&[u8]; 2] = [b"towpath:allow", b"gitleaks:allow"];

/// Finds credentials in files. Made once, used from many threads.
pub struct Scanner {
    needles: Needles,
}

/// The known kinds of credentials, made ready once for all scanners.
struct Known {
    keywords: Option<AhoCorasick>,
    rules: Vec<Compiled>,
    /// The rules of each keyword.
    rules_of: Vec<Vec<usize>>,
}

/// A rule with its pattern, which is compiled when a keyword of it is first seen: most never are.
struct Compiled {
    rule: &'static Rule,
    pattern: OnceLock<Option<Regex>>,
}

impl std::fmt::Debug for Scanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scanner(…)")
    }
}

impl Scanner {
    /// Returns a scanner for the known kinds of credentials and these values of our own.
    pub fn new(own: &[OwnValue]) -> Self {
        Self { needles: Needles::new(own) }
    }

    /// Returns what was found in a file, in order. The path decides what is noise; it is not opened.
    pub fn scan(&self, path: &str, bytes: &[u8]) -> Vec<Hit> {
        let mut found: Vec<Raw> = Vec::new();
        for place in self.needles.find(bytes) {
            let rule = Found::Own { number: place.number, form: place.form };
            found.push(Raw { rule, span: place.span });
        }
        Known::ready().scan(path, bytes, &mut found);
        if found.is_empty() {
            return Vec::new();
        }
        let found = apart(found);
        let told = found.iter().filter(|raw| !is_allowed(bytes, raw)).take(MOST_HITS);
        told.map(|raw| raw.told(path, bytes, &found)).collect()
    }
}

impl Known {
    fn ready() -> &'static Self {
        static KNOWN: OnceLock<Known> = OnceLock::new();
        KNOWN.get_or_init(Self::new)
    }

    fn new() -> Self {
        let mut texts: Vec<&'static str> = Vec::new();
        let mut rules_of: Vec<Vec<usize>> = Vec::new();
        for (number, rule) in rules::all().enumerate() {
            for keyword in rule.keywords {
                if let Some(place) = texts.iter().position(|known| known == keyword) {
                    rules_of.get_mut(place).into_iter().for_each(|of| of.push(number));
                } else {
                    texts.push(keyword);
                    rules_of.push(vec![number]);
                }
            }
        }
        let mut builder = AhoCorasick::builder();
        // The keywords are ours and few: that it can be built is tested by every rule's examples.
        let keywords = builder.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(&texts).ok();
        let rules = rules::all().map(|rule| Compiled { rule, pattern: OnceLock::new() }).collect();
        Self { keywords, rules, rules_of }
    }

    fn scan(&self, path: &str, bytes: &[u8], found: &mut Vec<Raw>) {
        let Some(keywords) = &self.keywords else { return };
        let mut noise = None;
        let mut searched_to = vec![0_usize; self.rules.len()];
        for hit in keywords.find_overlapping_iter(bytes) {
            for number in self.rules_of.get(hit.pattern().as_usize()).into_iter().flatten() {
                let (Some(compiled), Some(searched)) = (self.rules.get(*number), searched_to.get_mut(*number)) else {
                    continue;
                };
                let rule = compiled.rule;
                if hit.start() < *searched || (rule.guesses && *noise.get_or_insert_with(|| is_noise(path, bytes))) {
                    continue;
                }
                let (start, end, next) = window(bytes, hit.start(), rule.lines);
                compiled.search(bytes, (start.max(*searched), end), found);
                *searched = next;
            }
        }
    }
}

/// Returns from where to where a rule looks because of a keyword at this place, and up to where keywords are done with.
fn window(bytes: &[u8], at: usize, lines: bool) -> (usize, usize, usize) {
    let before = bytes.get(..at).unwrap_or_default();
    let start = before
        .iter()
        .rev()
        .take(BACK)
        .position(|byte| *byte == b'\n')
        .map_or(at.saturating_sub(BACK), |back| at - back);
    let after = bytes.get(at..).unwrap_or_default();
    if lines {
        let end = (at + 4 * REACH).min(bytes.len());
        return (start, end, at + 1);
    }
    match after.iter().take(REACH).position(|byte| *byte == b'\n') {
        // With the line's end, so that patterns see it.
        Some(on) => (start, at + on + 1, at + on),
        None if after.len() <= REACH => (start, bytes.len(), bytes.len()),
        None => (start, at + REACH, at + REACH - LONGEST),
    }
}

impl Compiled {
    fn search(&self, bytes: &[u8], (mut start, end): (usize, usize), found: &mut Vec<Raw>) {
        let Some(pattern) = self.pattern.get_or_init(|| self.rule.compile()) else { return };
        let text = bytes.get(..end).unwrap_or_default();
        while start < end {
            // Most windows hold nothing, and looking costs far less than looking for groups.
            if !pattern.is_match_at(text, start) {
                return;
            }
            let Some(groups) = pattern.captures_at(text, start) else { return };
            let Some(value) = groups.get(1).or_else(|| groups.get(0)) else { return };
            if is_credential(self.rule, value.as_bytes()) {
                found.push(Raw { rule: Found::Rule(self.rule), span: value.range() });
            }
            start = value.end().max(start + 1);
        }
    }
}

fn is_credential(rule: &Rule, value: &[u8]) -> bool {
    bits_per_byte(value) >= rule.entropy
        && !placeholder::is_one(value)
        && (!rule.guesses || placeholder::may_be_random(value))
        && (rule.id != rules::URL_PASSWORD || !placeholder::is_usual_password(value))
}

/// Returns the hits in order, of those that overlap the surest: our own, then known shapes, then guesses.
fn apart(mut found: Vec<Raw>) -> Vec<Raw> {
    let rank = |raw: &Raw| match raw.rule {
        Found::Own { .. } => 0,
        Found::Rule(rule) if rule.guesses => 3,
        Found::Rule(rule) if rule.is_assigned() => 2,
        Found::Rule(_) => 1,
    };
    found.sort_by_key(|raw| (rank(raw), raw.span.start, usize::MAX - raw.span.len()));
    let mut kept: BTreeMap<usize, Raw> = BTreeMap::new();
    for raw in found {
        let before = kept.range(..raw.span.end).next_back();
        if before.is_none_or(|(_, other)| other.span.end <= raw.span.start) {
            kept.insert(raw.span.start, raw);
        }
    }
    kept.into_values().collect()
}

/// Says whether a comment on the line or on the one above allows it. No comment allows a value of our own.
fn is_allowed(bytes: &[u8], raw: &Raw) -> bool {
    let Found::Rule(rule) = raw.rule else { return false };
    let (begin, end) = line_around(bytes, raw.span.start);
    let above = begin.checked_sub(1).map_or(begin, |newline| line_around(bytes, newline).0);
    let allows = |line: &[u8]| {
        ALLOWED.iter().any(|word| {
            let Some(at) = line.windows(word.len()).position(|window| window == *word) else { return false };
            // A rule may be named, then only that one is allowed.
            let rest = line.get(at + word.len()..).unwrap_or_default();
            let named =
                rest.strip_prefix(b" ").map(|rest| rest.split(|b| !b.is_ascii_alphanumeric() && *b != b'-').next());
            let named = named.flatten().filter(|named| rules::all().any(|rule| rule.id.as_bytes() == *named));
            named.is_none_or(|named| named == rule.id.as_bytes())
        })
    };
    let own_line = bytes.get(begin..end).unwrap_or_default();
    let line_above = bytes.get(above..begin).unwrap_or_default();
    allows(own_line) || (is_comment(line_above) && allows(line_above))
}

/// Says whether there is nothing but a comment on a line, so that what it allows is on the next.
fn is_comment(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    [b"#".as_slice(), b"//", b"/*", b"<!--", b"--", b";", b"*"].iter().any(|sign| line.starts_with(sign))
}
