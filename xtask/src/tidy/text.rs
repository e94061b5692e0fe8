//! Rules about the text of single files: heads, length, words, left-overs, places that exist on one machine only.
//!
//! Works line by line, without parsing Rust: a rule that needs a parser belongs to clippy. A line can be excused by
//! `tidy: allow(RULE) reason` on it or on the line above; an excuse without a reason counts for nothing.

use super::Finding;

#[cfg(test)]
mod tests;

const LONGEST_FILE: usize = 600;

/// One forbidden thing on a line.
struct Rule {
    /// What an excuse names.
    name: &'static str,
    applies: fn(path: &str) -> bool,
    breaks: fn(&str) -> bool,
    why: &'static str,
    fix: &'static str,
}

// The patterns are put together from pieces, so that this file does not break its own rules.
const RULES: &[Rule] = &[
    Rule {
        name: "ignore",
        applies: is_rust,
        breaks: |line| line.trim_start().starts_with(concat!("#[", "ignore")),
        why: "an ignored test proves nothing and rots",
        fix: "make it pass everywhere, or delete it",
    },
    Rule {
        name: "unfinished",
        applies: is_rust,
        breaks: |line| {
            [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("db", "g!(")]
                .iter()
                .any(|word| line.contains(word))
        },
        why: "unfinished code must not be merged",
        fix: "finish it, or leave the feature out",
    },
    Rule {
        name: "hash-order",
        applies: is_core,
        breaks: |line| has_word(line, concat!("Hash", "Map")) || has_word(line, concat!("Hash", "Set")),
        why: "core's output must not depend on chance, and hashed collections iterate in random order",
        fix: "use `BTreeMap`/`BTreeSet`, or `imbl::OrdMap` where the world is cloned",
    },
    Rule {
        name: "sleep",
        applies: is_test,
        breaks: |line| has_word(line, "sleep") && line.contains("sleep("),
        why: "a test that sleeps is slow when it passes and flaky when it is not",
        fix: "wait for the thing itself with a bounded deadline, or use the paused clock; excuse the pause inside a \
              polling loop with `// tidy: allow(sleep) reason`",
    },
    Rule {
        name: "empty-name",
        applies: is_rust,
        breaks: |line| type_name(line).is_some_and(has_empty_word),
        why: "the name says nothing about what the type is",
        fix: "name it by the word of the glossary for what it does",
    },
    Rule {
        name: "machine-path",
        applies: |_| true,
        breaks: names_machine_path,
        why: "the path exists on one machine only",
        fix: "write it relative to the repository, or take it from the environment",
    },
    Rule {
        name: "registry-host",
        applies: |path| path != "Cargo.lock",
        breaks: names_registry_host,
        why: "the host of a package mirror is the business of each machine's own settings",
        fix: "leave the host out; packages are named by name and version",
    },
];

/// Says whether a file is text that the rules read.
pub(super) fn is_text(path: &str) -> bool {
    let known =
        ["rs", "toml", "md", "yaml", "yml", "json", "sql", "svg", "html", "css", "js", "sh", "txt", "lock", "snap"];
    known.iter().any(|extension| has_extension(path, extension)) || path == ".ci/run" || path == ".gitignore"
}

/// Checks one file.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(head(path, text));
    findings.extend(length(path, text));
    let lines: Vec<&str> = text.lines().collect();
    for rule in RULES.iter().filter(|rule| (rule.applies)(path)) {
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| (rule.breaks)(line)) {
            let above = index.checked_sub(1).and_then(|before| lines.get(before)).copied().unwrap_or_default();
            if !excuses(line, rule.name) && !excuses(above, rule.name) {
                findings.push(found(path, index + 1, rule.why.into(), rule.fix.into()));
            }
        }
    }
    findings
}

fn found(path: &str, line: usize, why: String, fix: String) -> Finding {
    Finding { file: path.to_owned(), line, why, fix }
}

fn head(path: &str, text: &str) -> Option<Finding> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    (is_rust(path) && !first.starts_with("//!")).then(|| {
        let why = "the file does not say what it is for".into();
        found(path, 1, why, "open it with `//!`: what it is for, and what it deliberately does not do".into())
    })
}

fn length(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    (is_rust(path) && !is_test(path) && lines > LONGEST_FILE).then(|| {
        let why = format!("the file has {lines} lines, {LONGEST_FILE} are the most");
        found(path, LONGEST_FILE + 1, why, "cut it where it changes subject; tests go to `tests.rs`".into())
    })
}

fn excuses(line: &str, rule: &str) -> bool {
    let marker = format!("tidy: allow({rule})");
    line.split_once(&marker).is_some_and(|(_, reason)| !reason.trim().is_empty())
}

fn is_rust(path: &str) -> bool {
    has_extension(path, "rs")
}

fn is_test(path: &str) -> bool {
    is_rust(path) && (path.ends_with("/tests.rs") || path.contains("/tests/"))
}

fn is_core(path: &str) -> bool {
    is_rust(path) && path.starts_with("crates/towpath-core/")
}

fn has_extension(path: &str, extension: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, found)| found == extension)
}

fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(is_word_character) && !after.is_some_and(is_word_character)
    })
}

/// Returns the name a line defines as a type, if it does.
fn type_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub") || word.ends_with("crate)"));
    let keyword = words.next()?;
    if !["struct", "enum", "trait", "type", "union"].contains(&keyword) {
        return None;
    }
    words.next()?.split(|character| !is_word_character(character)).next()
}

/// Says whether one of a name's capitalised words is one of the empty ones.
fn has_empty_word(name: &str) -> bool {
    let mut words: Vec<String> = Vec::new();
    for character in name.chars() {
        match words.last_mut() {
            Some(word) if !character.is_uppercase() => word.push(character),
            _ => words.push(character.to_string()),
        }
    }
    words.iter().any(|word| ["Manager", "Managers", "Helper", "Helpers", "Util", "Utils"].contains(&word.as_str()))
}

fn names_machine_path(line: &str) -> bool {
    [concat!("/wo", "rk"), concat!("/ro", "ot")].iter().any(|path| {
        line.match_indices(path).any(|(at, _)| {
            let before = line.get(..at).and_then(|text| text.chars().next_back());
            let after = line.get(at + path.len()..).and_then(|text| text.chars().next());
            let starts = !before.is_some_and(|character| is_word_character(character) || "./}>-".contains(character));
            starts && !after.is_some_and(|character| is_word_character(character) || character == '-')
        })
    })
}

/// Says whether a line holds the address of a package mirror; names reserved for examples (RFC 2606) are free.
fn names_registry_host(line: &str) -> bool {
    let reserved = [".example.com", ".example.org", ".example.net", ".example", ".test", ".invalid", ".localhost"];
    line.match_indices("://").any(|(at, separator)| {
        let rest = line.get(at + separator.len()..).unwrap_or_default();
        let end = rest.find(|character: char| !(character.is_alphanumeric() || ".-_@:".contains(character)));
        let address = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let host = address.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default();
        let mirror = ["artifactory", "nexus", "registry", "mirror", "pypi", "npmjs", "goproxy"];
        mirror.iter().any(|word| host.contains(word)) && !reserved.iter().any(|name| host.ends_with(name))
    })
}
