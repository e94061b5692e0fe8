//! Which files are read, by whom, and which others they name.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    compose, dotenv,
    facts::{Imported, Kind, Place},
    helm, kubernetes, kustomize,
    node::{Node, document},
    package, procfile, spring,
};

/// The longest file that is read.
pub const MAX_FILE_BYTES: usize = crate::config::MAX_BYTES;

/// A text with its path, `/` between its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The path as people know it, relative to the project's folder where it is in there.
    pub path: String,
    /// The text.
    pub text: String,
}

/// Folders in which Kubernetes manifests and charts are looked for.
const MANIFESTS: &[&str] = &[
    "k8s",
    "kubernetes",
    "manifests",
    "deploy",
    "deployment",
    "kustomize",
    "overlays",
    "base",
    "helm",
    "chart",
    "charts",
];

/// Returns who reads a file of this path, relative to the folder; `None` for what is no configuration.
pub fn kind_of(path: &str) -> Option<Kind> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let is_yaml = ends(file, &[".yaml", ".yml"]);
    let under = folder.split('/').any(|part| MANIFESTS.contains(&part));
    if is_yaml && compose::word(path).is_some() && folder.is_empty() {
        return Some(Kind::Compose);
    }
    let spring = matches!(folder, "" | "config" | "src/main/resources" | "src/main/resources/config");
    if spring && spring::profile(path).is_some() {
        return Some(Kind::Spring);
    }
    if folder.is_empty() {
        match file {
            "package.json" => return Some(Kind::Package),
            "Procfile" => return Some(Kind::Procfile),
            "Dockerfile" => return Some(Kind::Dockerfile),
            // `.envrc` is a script of direnv.
            _ if file == ".env" || file.starts_with(".env.") || file.starts_with(".env-") => return Some(Kind::Dotenv),
            _ => {}
        }
    }
    if matches!(file, "Chart.yaml") || (is_yaml && helm::word(path).is_some() && (under || folder.is_empty())) {
        return Some(Kind::Helm);
    }
    let manifest = under && (is_yaml || file == "Kustomization");
    (manifest || kustomize::is_kustomization(path)).then_some(Kind::Kubernetes)
}

fn ends(file: &str, endings: &[&str]) -> bool {
    endings.iter().any(|ending| file.ends_with(ending))
}

/// Says whether there may be files to read in a folder of this path, relative to the project's.
pub fn looks_into(path: &str) -> bool {
    let spring = "src/main/resources/config";
    path == "config"
        || spring == path
        || spring.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
        || path.split('/').any(|part| MANIFESTS.contains(&part))
}

/// Returns who reads a file that was named by the user, by its name or else by what is in it.
fn named_kind(file: &File) -> Option<Kind> {
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    if compose::word(name).is_some() && !kustomize::is_kustomization(name) {
        return Some(Kind::Compose);
    }
    if let Some(kind) = kind_of(&file.path).or_else(|| kind_of(name)) {
        return Some(kind);
    }
    let line = |begins: &str| file.text.lines().any(|line| line.starts_with(begins));
    let is_yaml = ends(name, &[".yaml", ".yml", ".json"]);
    if is_yaml && (line("kind:") || line("apiVersion:") || file.text.contains("\"kind\"")) {
        return Some(Kind::Kubernetes);
    }
    if is_yaml && line("services:") {
        return Some(Kind::Compose);
    }
    ends(name, &[".env"]).then_some(Kind::Dotenv)
}

/// Returns the paths that these files name and that are needed to read them: env files, resources, Dockerfiles.
pub fn references(files: &[File]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut scratch = Imported::default();
    for file in files {
        match named_kind(file) {
            Some(Kind::Compose) => {
                let Some(node) = document(&file.path, &file.text, &mut scratch) else { continue };
                for (_, service) in node.get("services").map_or(&[][..], Node::entries) {
                    compose_references(service, &mut names);
                }
            }
            Some(Kind::Kubernetes) if kustomize::is_kustomization(&file.path) => {
                let Some(node) = document(&file.path, &file.text, &mut scratch) else { continue };
                for path in kustomize::named(&file.path, &node) {
                    // A folder means its kustomization.
                    for name in ["kustomization.yaml", "kustomization.yml", "Kustomization"] {
                        names.insert(format!("{path}/{name}").trim_start_matches('/').to_owned());
                    }
                    names.insert(path);
                }
            }
            Some(_) | None => {}
        }
    }
    for file in files {
        names.remove(&file.path);
    }
    names
}

fn compose_references(service: &Node, names: &mut BTreeSet<String>) {
    if let Some(files) = service.get("env_file") {
        let items = files.items().iter().filter_map(|item| item.text_at(&["path"]));
        names.extend(files.texts().into_iter().chain(items).filter_map(|path| joined(files, &path)));
    }
    if let Some(build) = service.get("build") {
        let context = build.text().or_else(|| build.text_at(&["context"])).unwrap_or_else(|| ".".to_owned());
        let file = build.text_at(&["dockerfile"]).unwrap_or_else(|| "Dockerfile".to_owned());
        names.extend(joined(build, &format!("{context}/{file}")));
    }
}

/// Reads all files. `chosen` are the paths that were asked for; the others are only there for those to name.
pub fn read(files: &[File], chosen: &BTreeSet<String>) -> Imported {
    let mut imported = Imported::default();
    let texts: BTreeMap<&str, &str> = files.iter().map(|file| (file.path.as_str(), file.text.as_str())).collect();
    let mut kinds: BTreeMap<Kind, Vec<(&str, &str)>> = BTreeMap::new();
    for file in files {
        let by_name = named_kind(file);
        let is_named = chosen.contains(&file.path);
        // A kustomization that another one is built on is read with it.
        let built = kustomize::is_kustomization(&file.path);
        match by_name {
            Some(kind) if is_named || built => {
                kinds.entry(kind).or_default().push((file.path.as_str(), file.text.as_str()));
            }
            None if is_named => {
                let why = "it is the file of no tool that is known";
                imported.left(Place::new(&file.path, 0), "the file", why);
            }
            Some(_) | None => {}
        }
    }
    let all = |kind: Kind| kinds.get(&kind).map_or(&[][..], Vec::as_slice);
    dotenv::import(all(Kind::Dotenv), &mut imported);
    spring::import(all(Kind::Spring), &mut imported);
    compose::import(all(Kind::Compose), &texts, &mut imported);
    kubernetes::import(all(Kind::Kubernetes), &texts, &mut imported);
    helm::import(all(Kind::Helm), &mut imported);
    for (path, text) in all(Kind::Procfile) {
        procfile::import(path, text, &mut imported);
    }
    for (path, text) in all(Kind::Package) {
        package::import(path, text, &mut imported);
    }
    imported
}

/// Returns a path that a node's file names, relative to the folder that the file's own path is relative to.
pub(super) fn joined(node: &Node, path: &str) -> Option<String> {
    joined_path(folder_of(&node.path), path)
}

/// Returns the folder of a path, empty for none.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Returns a path with `.` and `..` resolved; `None` for one that leaves the folder or begins elsewhere.
pub(super) fn joined_path(folder: &str, path: &str) -> Option<String> {
    if path.starts_with(['/', '~']) || path.contains('\\') || path.contains('$') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
