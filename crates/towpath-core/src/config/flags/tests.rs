use super::*;
use crate::config::{SourceSet, load};

mod layers;

fn sources(text: &str) -> SourceSet {
    crate::config::tests::sources(text)
}

/// Returns every mistake as a line.
fn told(text: &str) -> String {
    let sources = sources(text);
    let mut lines = String::new();
    for one in load(&sources).flag_mistakes(None) {
        let place = one.primary.map(|label| sources.place(label)).unwrap_or_default();
        lines += &format!("{place} {}: {}\n", one.code, one.message);
        lines += &format!("    {}\n", one.help.as_deref().unwrap_or("-"));
        for (label, words) in &one.related {
            lines += &format!("    {}: {words}\n", sources.place(*label));
        }
    }
    lines
}
