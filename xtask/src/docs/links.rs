//! Finds links that lead nowhere and pages nobody can reach.
//!
//! Reads Markdown just far enough for that: inline links and images, headings, code fences.

use std::collections::{BTreeMap, BTreeSet};

#[cfg(test)]
mod tests;

const GUIDE: &str = "docs/src/";
const CONTENTS: &str = "docs/src/SUMMARY.md";

/// Returns a line per broken link and per page of the guide that is missing from its table of contents.
pub(super) fn broken(pages: &BTreeMap<String, String>, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut broken = Vec::new();
    let mut listed = BTreeSet::new();
    for (page, text) in pages {
        for (line, target) in links(text) {
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let Some(path) = resolve(page, path) else {
                broken.push(format!("{page}:{line}: `{target}` leads out of the repository"));
                continue;
            };
            if page == CONTENTS {
                listed.insert(path.clone());
            }
            if !exists(&path) {
                broken.push(format!("{page}:{line}: `{target}` leads nowhere: there is no `{path}`"));
            } else if let Some(text) = pages.get(&path).filter(|_| !heading.is_empty())
                && !anchors(text).contains(heading)
            {
                broken.push(format!("{page}:{line}: `{target}` leads nowhere: `{path}` has no such heading"));
            }
        }
    }
    let guide = pages.keys().filter(|page| page.starts_with(GUIDE) && page.as_str() != CONTENTS);
    broken.extend(
        guide
            .filter(|page| !listed.contains(*page))
            .map(|page| format!("{page}:1: nobody can reach this page: add it to `{CONTENTS}`")),
    );
    broken
}

/// Returns the lines outside code fences, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

/// Returns the targets of links inside the repository, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        for (opening, closing) in [("](", ')'), ("src=\"", '"'), ("srcset=\"", '"'), ("href=\"", '"')] {
            for (at, _) in line.match_indices(opening) {
                let rest = line.get(at + opening.len()..).unwrap_or_default();
                let target = rest.split(closing).next().unwrap_or_default();
                let target = target.split_whitespace().next().unwrap_or_default();
                let in_code = line.get(..at).is_some_and(|before| before.matches('`').count() % 2 == 1);
                if !in_code && !target.contains("://") && !target.starts_with("mailto:") && !target.is_empty() {
                    found.push((number, target));
                }
            }
        }
    }
    found
}

/// Returns the path a link means, from the root of the repository; `None` when it leaves it.
fn resolve(page: &str, target: &str) -> Option<String> {
    if target.is_empty() {
        return Some(page.to_owned());
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Returns the anchors of a page's headings, as mdBook and GitHub make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter_map(|(_, line)| {
        let title = line.trim_start_matches('#');
        (title.len() < line.len()).then(|| title.strip_prefix(' ')).flatten()
    });
    headings
        .map(|title| {
            let kept = title.trim().to_lowercase().replace(' ', "-");
            kept.chars().filter(|character| character.is_alphanumeric() || "-_".contains(*character)).collect()
        })
        .collect()
}
