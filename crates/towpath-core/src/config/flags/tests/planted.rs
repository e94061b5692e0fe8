//! Files about flags with many mistakes: each is reported once, where it was made, and nothing else is.

use std::{collections::BTreeMap, fmt::Write as _};

use super::*;

const PROJECT: &str = "project: shop\nservices: {web: {command: x}}\npipeline: [production]\n";

/// Each `mistake` in a comment stands for one in its line.
const FILES: [(&str, &str); 5] = [
    ("flags/flags.yaml", include_str!("planted/flags.yaml")),
    ("flags/more.yaml", include_str!("planted/more.yaml")),
    ("flags/broken.yaml", "flags: {a: [}\n # one mistake in the line above\n"),
    ("flags/environments/production.yaml", include_str!("planted/production.yaml")),
    ("flags/environments/prodution.yaml", "flags: {} # mistake: for no environment\n"),
];

fn planted() -> (SourceSet, BTreeMap<(String, u32), usize>) {
    let mut counts = BTreeMap::from([(("flags/broken.yaml".to_owned(), 1), 1)]);
    for (path, text) in FILES.iter().filter(|(path, _)| !path.contains("broken")) {
        for (line, text) in (1..).zip(text.lines()) {
            let count = text.split_once('#').map_or(0, |(_, comment)| comment.matches("mistake").count());
            if count > 0 {
                counts.insert(((*path).to_owned(), line), count);
            }
        }
    }
    let project = [("towpath.yaml", PROJECT), ("environments/production.yaml", "tier: production\n")];
    (project.into_iter().chain(FILES).collect(), counts)
}

#[test]
fn every_planted_mistake_is_reported_once_where_it_was_made_and_nothing_else() {
    let (sources, planted) = planted();
    assert!(planted.values().sum::<usize>() >= 60);
    let mut found = BTreeMap::new();
    let mut told = String::new();
    for one in load(&sources).flag_mistakes(None) {
        let at = sources.position(one.primary.unwrap()).unwrap();
        assert!(one.help.as_deref().is_some_and(|help| !help.is_empty()), "{one:#?}");
        let _ = writeln!(told, "{}:{}:{} {}: {}", at.path, at.line, at.column, one.code, one.message);
        let _ = writeln!(told, "    {}", one.help.as_deref().unwrap_or_default());
        *found.entry((at.path, at.line)).or_insert(0) += 1;
    }
    let missing: Vec<_> = planted.iter().filter(|(place, count)| found.get(place) != Some(count)).collect();
    let extra: Vec<_> = found.iter().filter(|(place, count)| planted.get(place) != Some(count)).collect();
    assert!(missing.is_empty() && extra.is_empty(), "planted {missing:#?}\nreported {extra:#?}\n{told}");
    insta::assert_snapshot!(told);
}
