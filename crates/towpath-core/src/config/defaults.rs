//! What holds where nobody says anything, as a source of its own that lies under all others.
//!
//! It depends on nothing but the names of the services, so environments with the same services share it. How it is laid
//! under a tree is decided in `merge`.

use std::{
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use super::{
    merge::fill,
    source::{Source, SourceId, SourceKind, SourceSet},
    value::Value,
    yaml::{self, Document},
};

/// The defaults of services of these names.
#[derive(Debug)]
struct Defaults {
    services: Vec<Arc<str>>,
    id: SourceId,
    source: Arc<Source>,
    document: Option<Document>,
}

/// The defaults that were asked for first; whoever needs others makes them.
#[derive(Debug, Default)]
pub(crate) struct SharedDefaults(OnceLock<Defaults>);

impl SharedDefaults {
    /// Adds the defaults to the sources and lays them under the tree.
    pub(crate) fn lay_under(&self, tree: &mut Value, sources: &mut SourceSet) {
        let services = services(tree);
        let id = sources.next_id();
        let known = self.0.get_or_init(|| Defaults::new(services.clone(), id));
        let own;
        let defaults = if known.id == id && known.services == services {
            known
        } else {
            own = Defaults::new(services, id);
            &own
        };
        sources.push(defaults.source.clone());
        if let Some(document) = &defaults.document {
            fill(tree, document, document.root());
        }
    }
}

/// Returns the names of the services that are there.
fn services(tree: &Value) -> Vec<Arc<str>> {
    let services = tree.get("services").and_then(Value::as_map);
    let present = services.into_iter().flatten().filter(|(_, member)| member.value.as_map().is_some());
    present.map(|(name, _)| name).filter(|name| crate::ids::is_name(name)).cloned().collect()
}

impl Defaults {
    fn new(services: Vec<Arc<str>>, id: SourceId) -> Self {
        let mut text = String::from("deployment:\n  strategy: rolling\n  progress_deadline: 10m\n");
        if !services.is_empty() {
            text.push_str("services:\n");
        }
        for name in &services {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "  {name}: {{replicas: 1, stop_grace: 10s, drain: 10s}}");
        }
        let (document, _) = yaml::parse(id, &text, 0);
        let source = Arc::new(Source::new("schema default".to_owned(), text, SourceKind::Default));
        Self { services, id, source, document }
    }
}
