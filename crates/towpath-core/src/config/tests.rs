//! Configuration as a whole: from files to environments and what people read.

use std::collections::BTreeMap;

use super::*;

mod attacks;
mod errors;
mod explain;
mod forms;
mod good;
mod guide;
mod hostile;
mod layers;
mod planted;
mod provenance;

/// Files as they are written, set apart by `== path` lines.
pub(super) fn sources(text: &str) -> SourceSet {
    let mut set = SourceSet::new();
    for file in text.split("== ").skip(1) {
        let (path, text) = file.split_once('\n').unwrap();
        set.insert(path.trim(), text);
    }
    set
}

/// What `env validate --all` prints.
pub(super) fn report(text: &str) -> String {
    let sources = sources(text);
    let diagnostics = load(&sources).validate();
    render_diagnostics(&sources, &diagnostics, false)
}

pub(super) fn resolved(text: &str, environment: &str) -> ResolvedEnvironment {
    resolved_with(text, environment, &Inputs::default())
}

pub(super) fn resolved_with(text: &str, environment: &str, inputs: &Inputs) -> ResolvedEnvironment {
    let resolution = resolve(&sources(text), environment, inputs);
    let shown = render_diagnostics(&resolution.sources, &resolution.diagnostics, false);
    resolution.environment.unwrap_or_else(|| panic!("{shown}"))
}

pub(super) fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
