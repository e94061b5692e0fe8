//! What is left out of artifacts: the usual forms of `.gitignore`, without its rarest ones (`[a-z]`, `\`).

use std::{fs, io, path::Path};

use super::IGNORE_FILE;
use crate::{failure::Failure, folder::unreadable};

/// Rules in the order they were written; the last that fits decides.
#[derive(Debug, Default)]
pub(super) struct Ignored(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    pattern: Vec<String>,
    keeps: bool,
    only_folders: bool,
    anchored: bool,
}

impl Ignored {
    /// Reads the ignore files of these folders, where there are any.
    pub(super) fn read(folders: &[&Path]) -> Result<Self, Failure> {
        let mut rules = Vec::new();
        for folder in folders {
            let path = folder.join(IGNORE_FILE);
            match fs::read_to_string(&path) {
                Ok(text) => rules.extend(text.lines().filter_map(rule)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(&path, &error)),
            }
        }
        Ok(Self(rules))
    }

    /// Says whether a path, relative to the artifact's folder, is left out.
    pub(super) fn has(&self, path: &str, is_folder: bool) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let last = self.0.iter().rev().find(|rule| (is_folder || !rule.only_folders) && rule.fits(&parts));
        last.is_some_and(|rule| !rule.keeps)
    }

    #[cfg(test)]
    pub(super) fn of(text: &str) -> Self {
        Self(text.lines().filter_map(rule).collect())
    }
}

fn rule(line: &str) -> Option<Rule> {
    let line = line.trim_end();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (keeps, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
    let only_folders = line.ends_with('/');
    let line = line.trim_end_matches('/');
    // A slash anywhere but at the end binds the pattern to the folder of the file.
    let anchored = line.contains('/');
    let pattern = line.trim_start_matches('/').split('/').map(str::to_owned).collect();
    Some(Rule { pattern, keeps, only_folders, anchored })
}

impl Rule {
    fn fits(&self, parts: &[&str]) -> bool {
        if self.anchored {
            return path_fits(&self.pattern, parts);
        }
        matches!((self.pattern.first(), parts.last()), (Some(pattern), Some(name)) if name_fits(pattern, name))
    }
}

fn path_fits(pattern: &[String], parts: &[&str]) -> bool {
    match pattern.split_first() {
        None => parts.is_empty(),
        Some((any, rest)) if any == "**" => {
            // At the end it means everything below, which is at least one part.
            let fewest = usize::from(rest.is_empty());
            (fewest..=parts.len()).any(|skipped| parts.get(skipped..).is_some_and(|parts| path_fits(rest, parts)))
        }
        Some((first, rest)) => {
            parts.split_first().is_some_and(|(part, parts)| name_fits(first, part) && path_fits(rest, parts))
        }
    }
}

/// Matches `*` and `?`. Remembers the last `*` only, so that the time is at worst the product of both lengths.
fn name_fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut from) = (0, 0);
    let mut star = None;
    while let Some(c) = name.get(at) {
        match pattern.get(from) {
            Some('*') => {
                star = Some((from, at));
                from += 1;
            }
            Some(p) if *p == '?' || p == c => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((stood, began)) = star else { return false };
                star = Some((stood, began + 1));
                (from, at) = (stood + 1, began + 1);
            }
        }
    }
    pattern.get(from..).is_some_and(|rest| rest.iter().all(|p| *p == '*'))
}
