//! kustomize: bases, overlays, and what overlays change
//! (<https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/>).
//!
//! Built here as far as an import needs it: resources, generators of maps, images, replicas, strategic-merge patches.
//! JSON patches, components, plugins and anything fetched from elsewhere are noted, not done.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    facts::{Imported, Layer, Place},
    kubernetes::{kind, name, objects},
    names::{certain_environment, environment},
    node::{Node, Shape, document, documents},
    sources::{folder_of, joined_path},
};

mod patch;

/// How deep kustomizations may build on each other.
const MAX_DEPTH: usize = 16;
/// How many objects one build may make.
const MAX_OBJECTS: usize = 10_000;

/// Folders whose sub-folders are environments.
const OVERLAYS: &[&str] = &["overlays", "overlay", "environments", "envs", "env", "clusters"];

/// Says whether a file is a kustomization.
pub(super) fn is_kustomization(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    matches!(file, "kustomization.yaml" | "kustomization.yml" | "Kustomization")
}

/// Takes what kustomizations build and returns the files that are part of it.
pub(super) fn import(
    files: &[(&str, &str)],
    texts: &BTreeMap<&str, &str>,
    imported: &mut Imported,
) -> BTreeSet<String> {
    let mut all = BTreeMap::new();
    for (path, text) in files.iter().filter(|(path, _)| is_kustomization(path)) {
        if let Some(node) = document(path, text, imported) {
            all.insert(folder_of(path).to_owned(), node);
        }
    }
    let mut build = Build { all: &all, texts, used: BTreeSet::new(), stack: Vec::new() };
    let built_on: BTreeSet<String> = all.iter().flat_map(|(folder, node)| folders(folder, node)).collect();
    let roots: Vec<&String> = all.keys().filter(|folder| !built_on.contains(*folder)).collect();
    let mut layers = Vec::new();
    let mut shared: Option<BTreeSet<String>> = None;
    for root in &roots {
        let mut parts = root.rsplit('/');
        let (word, parent) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let found = if OVERLAYS.contains(&parent) { certain_environment(word) } else { environment(word) };
        let layer = match found {
            Some((name, tier)) => imported.environment(&name, tier),
            None if roots.len() == 1 => Layer::Common,
            None => {
                let path = all.get(*root).map_or_else(|| Place::new(root, 0), Node::place);
                let why = "its folder is named as no usual environment and is in no `overlays`";
                imported.left(Place::new(&path.path, 0), "the kustomization", why);
                continue;
            }
        };
        let made = build.folder(root, imported);
        objects(&made, &layer, imported);
        let below: BTreeSet<String> = all
            .get(*root)
            .map_or_else(Vec::new, |node| folders(root, node))
            .into_iter()
            .filter(|folder| all.contains_key(folder))
            .collect();
        shared = Some(shared.map_or_else(|| below.clone(), |shared| &shared & &below));
        layers.push(layer);
    }
    // What every overlay is built on is what people run while they develop.
    let shared = shared.unwrap_or_default();
    if let (Some(base), 1, false) = (shared.first(), shared.len(), layers.contains(&Layer::Common))
        && let Some(layer) = imported.foundation(&layers.iter().collect::<Vec<_>>())
    {
        let made = build.folder(base, imported);
        objects(&made, &layer, imported);
    }
    let mut used = build.used;
    used.extend(files.iter().filter(|(path, _)| is_kustomization(path)).map(|(path, _)| (*path).to_owned()));
    used
}

/// Returns the folders that a kustomization is built on.
fn folders(folder: &str, node: &Node) -> Vec<String> {
    let lists = ["resources", "bases", "components"];
    let named = lists.iter().filter_map(|key| node.get(key)).flat_map(Node::texts);
    named.filter_map(|path| joined_path(folder, &path)).collect()
}

/// Returns the paths that a kustomization names: resources, patches, env files.
pub(super) fn named(path: &str, node: &Node) -> Vec<String> {
    let folder = folder_of(path);
    let mut names: Vec<String> = Vec::new();
    for key in ["resources", "bases", "patchesStrategicMerge"] {
        names.extend(node.get(key).map_or_else(Vec::new, Node::texts));
    }
    for patch in node.get("patches").map_or(&[][..], Node::items) {
        names.extend(patch.text_at(&["path"]));
    }
    for generator in node.get("configMapGenerator").map_or(&[][..], Node::items) {
        names.extend(generator.get("envs").map_or_else(Vec::new, Node::texts));
        names.extend(generator.text_at(&["env"]));
    }
    names.iter().filter(|name| !name.contains("://")).filter_map(|name| joined_path(folder, name)).collect()
}

struct Build<'a> {
    all: &'a BTreeMap<String, Node>,
    texts: &'a BTreeMap<&'a str, &'a str>,
    used: BTreeSet<String>,
    stack: Vec<String>,
}

const KNOWN: &[&str] = &[
    "apiVersion",
    "kind",
    "resources",
    "bases",
    "configMapGenerator",
    "secretGenerator",
    "images",
    "replicas",
    "patches",
    "patchesStrategicMerge",
    "generatorOptions",
];

impl Build<'_> {
    fn folder(&mut self, folder: &str, imported: &mut Imported) -> Vec<Node> {
        let all = self.all;
        let Some(node) = all.get(folder) else { return Vec::new() };
        if self.stack.iter().any(|above| above == folder) || self.stack.len() >= MAX_DEPTH {
            imported.broken(node.place(), format!("`{folder}` builds on itself"));
            return Vec::new();
        }
        self.stack.push(folder.to_owned());
        let mut built = self.resources(folder, node, imported);
        self.config_maps(folder, node, &mut built, imported);
        secrets(node, imported);
        self.patches(folder, node, &mut built, imported);
        images(node, &mut built);
        replicas(node, &mut built);
        let why = "it has no meaning outside of a cluster, or is not built by an import";
        node.others(KNOWN, "", why, imported);
        self.stack.pop();
        built
    }

    fn resources(&mut self, folder: &str, node: &Node, imported: &mut Imported) -> Vec<Node> {
        let mut built = Vec::new();
        let lists = ["resources", "bases"].iter().filter_map(|key| node.get(key));
        for item in lists.flat_map(Node::items) {
            let Some(text) = item.text() else { continue };
            let Some(path) = joined_path(folder, &text).filter(|_| !text.contains("://")) else {
                imported.left(item.place(), format!("`{text}`"), "it is somewhere else");
                continue;
            };
            if self.all.contains_key(&path) {
                built.extend(self.folder(&path, imported));
            } else if let Some(text) = self.texts.get(path.as_str()) {
                self.used.insert(path.clone());
                built.extend(documents(&path, text, imported));
            } else {
                imported.left(item.place(), format!("`{text}`"), "there is no such file");
            }
            if built.len() > MAX_OBJECTS {
                imported.broken(item.place(), format!("more than {MAX_OBJECTS} objects"));
                built.truncate(MAX_OBJECTS);
                break;
            }
        }
        built
    }

    fn config_maps(&mut self, folder: &str, node: &Node, built: &mut Vec<Node>, imported: &mut Imported) {
        for generator in node.get("configMapGenerator").map_or(&[][..], Node::items) {
            let name = generator.text_at(&["name"]).unwrap_or_default();
            let mut data: Vec<(String, Node)> = Vec::new();
            let envs = generator.get("envs").map_or_else(Vec::new, Node::texts);
            for file in envs.into_iter().chain(generator.text_at(&["env"])) {
                self.env_file(folder, &file, generator, &mut data, imported);
            }
            for literal in generator.get("literals").map_or(&[][..], Node::items) {
                let text = literal.text().unwrap_or_default();
                match text.split_once('=') {
                    Some((key, value)) => put(&mut data, key, value.trim_matches(['"', '\'']), literal),
                    None => imported.broken(literal.place(), "a literal is `NAME=value`"),
                }
            }
            if let Some(files) = generator.get("files") {
                imported.left(files.place(), format!("files of ConfigMap {name}"), "files are part of an artifact");
            }
            let merge = generator.text_at(&["behavior"]).as_deref() == Some("merge");
            let old = built.iter_mut().find(|object| kind(object) == "ConfigMap" && self::name(object) == name);
            match old {
                Some(old) if merge => patch::merge(old, &config_map(generator, &name, data)),
                Some(old) => *old = config_map(generator, &name, data),
                None => built.push(config_map(generator, &name, data)),
            }
        }
    }

    /// Env files of kustomize are lines of `NAME=value` without quotes; a name alone comes from the caller's environment.
    fn env_file(
        &mut self,
        folder: &str,
        file: &str,
        generator: &Node,
        data: &mut Vec<(String, Node)>,
        imported: &mut Imported,
    ) {
        let path = joined_path(folder, file).unwrap_or_default();
        let Some(text) = self.texts.get(path.as_str()) else {
            return imported.left(generator.place(), format!("`{file}`"), "there is no such file");
        };
        self.used.insert(path.clone());
        let shared: Arc<str> = path.as_str().into();
        for (line, number) in text.trim_start_matches('\u{feff}').lines().zip(1_u32..) {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let place = Node { path: shared.clone(), line: number, shape: Shape::Null };
            match line.split_once('=') {
                Some((key, value)) => put(data, key, value, &place),
                None => {
                    imported.left(place.place(), "a name without a value", "it comes from the caller's environment");
                }
            }
        }
    }

    fn patches(&mut self, folder: &str, node: &Node, built: &mut Vec<Node>, imported: &mut Imported) {
        for item in node.get("patchesStrategicMerge").map_or(&[][..], Node::items) {
            let text = item.text().unwrap_or_default();
            if text.contains('\n') {
                self.apply(&documents(&item.path, &text, imported), None, item, built, imported);
            } else {
                self.apply_file(folder, &text, None, item, built, imported);
            }
        }
        for item in node.get("patches").map_or(&[][..], Node::items) {
            let target = item.get("target");
            if let Some(path) = item.text_at(&["path"]) {
                self.apply_file(folder, &path, target, item, built, imported);
            } else if let Some(text) = item.text_at(&["patch"]) {
                let mut patches = documents(&item.path, &text, imported);
                // Lines inside of the text are not lines of the file.
                for patch in &mut patches {
                    patch::place_at(patch, item.line);
                }
                self.apply(&patches, target, item, built, imported);
            }
        }
    }

    fn apply_file(
        &mut self,
        folder: &str,
        file: &str,
        target: Option<&Node>,
        item: &Node,
        built: &mut Vec<Node>,
        imported: &mut Imported,
    ) {
        let path = joined_path(folder, file).unwrap_or_default();
        let Some(text) = self.texts.get(path.as_str()) else {
            return imported.left(item.place(), format!("`{file}`"), "there is no such file");
        };
        self.used.insert(path.clone());
        self.apply(&documents(&path, text, imported), target, item, built, imported);
    }

    #[expect(clippy::unused_self, reason = "it is a step of the build, as its callers are")]
    fn apply(
        &self,
        patches: &[Node],
        target: Option<&Node>,
        item: &Node,
        built: &mut Vec<Node>,
        imported: &mut Imported,
    ) {
        for one in patches {
            if !one.items().is_empty() {
                imported.left(one.place(), "a JSON patch", "only strategic-merge patches are applied");
                continue;
            }
            let wanted_kind = target.map_or_else(|| Some(kind(one)), |target| target.text_at(&["kind"]));
            let wanted_name = target.map_or_else(|| Some(name(one)), |target| target.text_at(&["name"]));
            let fits = |object: &Node| {
                wanted_kind.as_ref().is_none_or(|wanted| *wanted == kind(object))
                    && wanted_name.as_ref().is_none_or(|wanted| *wanted == name(object))
            };
            if target.is_some_and(|target| target.get("labelSelector").is_some()) || !built.iter().any(fits) {
                imported.left(item.place(), "a patch", "it fits none of the objects that are known here");
            } else if patch::deletes(one) {
                built.retain(|object| !fits(object));
            } else {
                built.iter_mut().filter(|object| fits(object)).for_each(|object| patch::merge(object, one));
            }
        }
    }
}

fn put(data: &mut Vec<(String, Node)>, key: &str, value: &str, place: &Node) {
    data.retain(|(name, _)| name != key);
    let node = Node { path: place.path.clone(), line: place.line, shape: Shape::Text(value.to_owned()) };
    data.push((key.to_owned(), node));
}

fn config_map(place: &Node, name: &str, data: Vec<(String, Node)>) -> Node {
    let node = |shape: Shape| Node { path: place.path.clone(), line: place.line, shape };
    let text = |text: &str| node(Shape::Text(text.to_owned()));
    let metadata = node(Shape::Map(vec![("name".to_owned(), text(name))]));
    node(Shape::Map(vec![
        ("kind".to_owned(), text("ConfigMap")),
        ("metadata".to_owned(), metadata),
        ("data".to_owned(), node(Shape::Map(data))),
    ]))
}

fn secrets(node: &Node, imported: &mut Imported) {
    for generator in node.get("secretGenerator").map_or(&[][..], Node::items) {
        for literal in generator.get("literals").map_or(&[][..], Node::items) {
            let text = literal.text().unwrap_or_default();
            if let Some((key, value)) = text.split_once('=') {
                imported.secret(key, Some(value), "it is in a secretGenerator", literal.place());
            }
        }
        for key in ["envs", "env", "files"] {
            if let Some(files) = generator.get(key) {
                let why = "files of secrets are not read; declare their names with `secret: true`";
                imported.left(files.place(), format!("{key} of a secretGenerator"), why);
            }
        }
    }
}

fn images(node: &Node, built: &mut [Node]) {
    for image in node.get("images").map_or(&[][..], Node::items) {
        let Some(wanted) = image.text_at(&["name"]) else { continue };
        for object in built.iter_mut() {
            patch::containers(object, &mut |container| {
                let Some(old) = container.text_at(&["image"]) else { return };
                let (name, rest) = split_image(&old);
                if name != wanted {
                    return;
                }
                let name = image.text_at(&["newName"]).unwrap_or_else(|| name.to_owned());
                let new = match (image.text_at(&["digest"]), image.text_at(&["newTag"])) {
                    (Some(digest), _) => format!("{name}@{digest}"),
                    (None, Some(tag)) => format!("{name}:{tag}"),
                    (None, None) => format!("{name}{rest}"),
                };
                let new = Node { path: image.path.clone(), line: image.line, shape: Shape::Text(new) };
                patch::set(container, "image", new);
            });
        }
    }
}

/// Cuts an image into its name and `:tag` or `@digest`.
fn split_image(image: &str) -> (&str, &str) {
    let name_end = image.find('@').unwrap_or_else(|| {
        let last = image.rfind('/').unwrap_or(0);
        image.get(last..).and_then(|tail| tail.find(':')).map_or(image.len(), |colon| last + colon)
    });
    image.split_at_checked(name_end).unwrap_or((image, ""))
}

fn replicas(node: &Node, built: &mut [Node]) {
    for item in node.get("replicas").map_or(&[][..], Node::items) {
        let (Some(wanted), Some(count)) = (item.text_at(&["name"]), item.get("count")) else { continue };
        for object in built.iter_mut().filter(|object| name(object) == wanted) {
            if let Shape::Map(entries) = &mut object.shape
                && let Some((_, spec)) = entries.iter_mut().find(|(key, _)| key == "spec")
            {
                patch::set(spec, "replicas", count.clone());
            }
        }
    }
}
