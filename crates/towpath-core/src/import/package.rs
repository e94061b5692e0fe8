//! npm's `package.json`: the name, and what starts it.

use super::{
    facts::{Fact, Imported, Kind, Layer, Place, Target},
    names::name_of,
    node::document,
};

/// Keys that say something about running; all others are npm's business.
const TOLD: &[(&str, &str)] = &[
    ("workspaces", "each workspace is a package of its own: `--from` its folder, or write its service by hand"),
    ("engines", "which Node runs is for the machine to say"),
];

pub(super) fn import(path: &str, text: &str, imported: &mut Imported) {
    let Some(package) = document(path, text, imported) else { return };
    if let Some(name) = package.text_at(&["name"]) {
        // `@school/board` is the package `board` of a scope.
        let plain = name.rsplit('/').next().unwrap_or(&name);
        match name_of(plain) {
            Some(name) => {
                imported.project.get_or_insert(name);
            }
            None => imported.left(package.place(), "name", "not a name that a project can have"),
        }
    }
    if let Some(version) = package.get("version") {
        imported.left(version.place(), "version", "a release has its own: `towpath release create --version`");
    }
    for (key, why) in TOLD {
        if let Some(node) = package.get(key) {
            imported.left(node.place(), *key, *why);
        }
    }
    let Some(scripts) = package.get("scripts") else { return };
    if scripts.get("start").is_some() {
        imported.facts.push(Fact {
            target: Target::Service { service: "web".to_owned(), key: "command" },
            layer: Layer::Common,
            value: "npm start".into(),
            from: Kind::Package,
            place: scripts.get("start").map_or_else(|| Place::new(path, 0), super::node::Node::place),
            weak: true,
        });
    } else if let Some(dev) = scripts.get("dev") {
        imported.left(dev.place(), "scripts.dev", "it is for development; `--command 'npm run dev'` takes it");
    }
}
