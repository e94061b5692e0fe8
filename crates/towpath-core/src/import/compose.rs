//! Docker Compose: services, what starts them, what they are given.
//!
//! What the Compose specification says is taken where Towpath has a place for it
//! (<https://docs.docker.com/reference/compose-file/services/>); networks, volumes and the building of images have none.
//! `environment` wins over `env_file` (<https://docs.docker.com/compose/how-tos/environment-variables/envvars-precedence/>).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    convert::{Dialect, cpu, duration, memory, references, referred, shell_words, with_port},
    dockerfile, dotenv,
    facts::{Fact, Imported, Kind, Layer, Outcome, Place, Target},
    names::{environment, is_variable, name_of},
    node::{Node, document},
    sources::joined,
};

mod health;

/// Keys of a service that are read; all others are noted.
const KNOWN: &[&str] = &[
    "command",
    "entrypoint",
    "image",
    "build",
    "ports",
    "expose",
    "environment",
    "env_file",
    "healthcheck",
    "deploy",
    "depends_on",
    "stop_grace_period",
    "profiles",
    "mem_limit",
    "cpus",
    "scale",
];

const NO_PLACE: &str = "Towpath has no place for it";

/// Takes every Compose file of a folder; `texts` are all files that were given, by path.
pub(super) fn import(files: &[(&str, &str)], texts: &BTreeMap<&str, &str>, imported: &mut Imported) {
    let mut files = files.to_vec();
    files.sort_by_key(|(path, _)| (rank(path), (*path).to_owned()));
    let mut first: Option<&str> = None;
    let mut seen = Seen::default();
    for (path, text) in files {
        let Some(word) = word(path) else { continue };
        if word.is_empty() {
            if let Some(first) = first {
                imported.left(Place::new(path, 0), "the file", format!("Compose takes `{first}` where both are there"));
                continue;
            }
            first = Some(path);
        }
        let layer = match (word, environment(word)) {
            ("", _) => Layer::Common,
            ("override", _) => Layer::Environment("development".to_owned()),
            (_, Some((name, tier))) => imported.environment(&name, tier),
            (word, None) => {
                let why = format!("`{word}` is none of a usual environment: rename it, such as `compose.staging.yaml`");
                imported.left(Place::new(path, 0), "the file", why);
                continue;
            }
        };
        if let Some(file) = document(path, text, imported) {
            self::file(&file, &layer, texts, &mut seen, imported);
        }
    }
}

/// What earlier files said of services, as Compose merges them.
#[derive(Debug, Default)]
struct Seen {
    ports: BTreeMap<String, Vec<u16>>,
    runs: BTreeMap<String, bool>,
}

/// `compose.yaml` is preferred to `docker-compose.yml`, and both come before what is laid over them.
fn rank(path: &str) -> u8 {
    let file = path.rsplit('/').next().unwrap_or(path);
    match file {
        "compose.yaml" => 0,
        "compose.yml" => 1,
        "docker-compose.yaml" => 2,
        "docker-compose.yml" => 3,
        _ if word(path) == Some("override") => 4,
        _ => 5,
    }
}

/// Returns what is between `compose.` and the ending: nothing, `override`, or perhaps an environment.
pub(super) fn word(path: &str) -> Option<&str> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml"))?;
    let rest = stem.strip_prefix("docker-compose").or_else(|| stem.strip_prefix("compose"))?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix(['.', '-', '_']) }
}

fn file(file: &Node, layer: &Layer, texts: &BTreeMap<&str, &str>, seen: &mut Seen, imported: &mut Imported) {
    for (key, node) in file.entries() {
        match key.as_str() {
            "services" | "version" => {}
            "name" => {
                if let Some(name) = node.text().as_deref().and_then(name_of) {
                    imported.project.get_or_insert(name);
                }
            }
            key if key.starts_with("x-") => {}
            "include" | "extends" => imported.left(node.place(), key, "give the file it names with `--from`"),
            key => imported.left(node.place(), key, NO_PLACE),
        }
    }
    for (name, node) in file.get("services").map_or(&[][..], Node::entries) {
        let Some(service) = name_of(name) else {
            imported.left(node.place(), format!("services.{name}"), "not a name that a service can have");
            continue;
        };
        let mut one = Service { name: service, node, layer, texts, image: dockerfile::Image::default() };
        one.import(seen, imported);
    }
}

struct Service<'a> {
    name: String,
    node: &'a Node,
    layer: &'a Layer,
    texts: &'a BTreeMap<&'a str, &'a str>,
    image: dockerfile::Image,
}

impl Service<'_> {
    fn what(&self, key: &str) -> String {
        format!("services.{}.{key}", self.name)
    }

    fn set(&self, key: &'static str, value: impl Into<Value>, place: Place, imported: &mut Imported) {
        let target = Target::Service { service: self.name.clone(), key };
        imported.fact(target, self.layer, value, Kind::Compose, place);
    }

    fn import(&mut self, seen: &mut Seen, imported: &mut Imported) {
        let own = self.node.get("build").is_some() || self.node.get("command").is_some();
        let known = seen.runs.get(&self.name).copied();
        if !own && self.node.get("entrypoint").is_none() && known != Some(true) {
            seen.runs.insert(self.name.clone(), false);
            let why = "it runs an image as it is (a database, a queue): run it beside Towpath, which starts processes";
            return imported.left(self.node.place(), format!("services.{}", self.name), why);
        }
        seen.runs.insert(self.name.clone(), true);
        if self.node.get("profiles").is_some() {
            let why = "it starts only with a profile: write its service by hand where it is wanted";
            return imported.left(self.node.place(), format!("services.{}", self.name), why);
        }
        self.build(imported);
        let ports = self.ports(imported);
        let ports = if ports.is_empty() { seen.ports.get(&self.name).cloned().unwrap_or_default() } else { ports };
        seen.ports.insert(self.name.clone(), ports.clone());
        self.command(&ports, imported);
        self.environment(imported);
        self.health(&ports, known.is_none(), imported);
        self.limits(imported);
        self.others(imported);
    }

    /// A folder of its own becomes an artifact, so that the service runs in it.
    fn build(&mut self, imported: &mut Imported) {
        let Some(build) = self.node.get("build") else { return };
        let context = build.text().or_else(|| build.text_at(&["context"])).unwrap_or_else(|| ".".to_owned());
        let folder = joined(build, &context);
        let file = build.text_at(&["dockerfile"]).unwrap_or_else(|| "Dockerfile".to_owned());
        let Some(folder) = folder else {
            return imported.left(build.place(), self.what("build"), "it is outside of this folder");
        };
        let path = if folder.is_empty() { file } else { format!("{folder}/{file}") };
        if let Some(text) = self.texts.get(path.as_str()) {
            self.image = dockerfile::read(&path, text);
        }
        let why = if folder.is_empty() {
            "no image is built: the service runs in this folder".to_owned()
        } else {
            format!("the service runs in the files of `{folder}`, as an artifact of each release")
        };
        imported.note(build.place(), Outcome::Changed, self.what("build"), why);
        if !folder.is_empty() {
            imported.artifacts.insert(self.name.clone(), folder);
        }
    }

    /// Returns the ports that the process listens on.
    fn ports(&self, imported: &mut Imported) -> Vec<u16> {
        let mut inside = Vec::new();
        for port in self.node.get("ports").map_or(&[][..], Node::items) {
            let (published, target) = match port.text() {
                Some(text) => published(&text),
                None => (
                    port.get("published").and_then(Node::text),
                    port.get("target").and_then(Node::count).and_then(|port| port.try_into().ok()),
                ),
            };
            let Some(target) = target else {
                imported.left(port.place(), self.what("ports"), "only single TCP ports have a counterpart");
                continue;
            };
            inside.push(target);
            let why = "every instance gets a port of its own in `PORT`";
            imported.note(port.place(), Outcome::Changed, format!("port {target}"), why);
            if let Some(published) = published {
                let environment = match self.layer {
                    Layer::Common => "development",
                    Layer::Environment(name) => name,
                };
                match published.parse::<u16>() {
                    Ok(published) if inside.len() == 1 => {
                        let layer = Layer::Environment(environment.to_owned());
                        let target = Target::Service { service: self.name.clone(), key: "listen" };
                        imported.fact(target, &layer, published, Kind::Compose, port.place());
                    }
                    Ok(_) => imported.left(port.place(), format!("port {published}"), "a service has one address"),
                    Err(_) => imported.left(port.place(), self.what("ports"), "only a plain number has a counterpart"),
                }
            }
        }
        for port in self.node.get("expose").map_or(&[][..], Node::items) {
            inside.extend(port.text().and_then(|text| published(&text).1));
        }
        if inside.is_empty() { self.image.ports.clone() } else { inside }
    }

    fn words(&self, key: &str, ports: &[u16], imported: &mut Imported) -> Option<Vec<String>> {
        let node = self.node.get(key)?;
        let words = match node.text() {
            Some(line) => shell_words(&line),
            None => Some(node.items().iter().filter_map(Node::text).collect()),
        };
        let Some(words) = words else {
            imported.broken(node.place(), format!("a quote in `{}` is not closed", self.what(key)));
            return None;
        };
        let words: Result<Vec<String>, String> =
            words.iter().map(|word| references(word, Dialect::Compose).map(|word| in_command(&word, ports))).collect();
        let mut words = words.map_err(|why| imported.left(node.place(), self.what(key), why)).ok()?;
        for word in &mut words {
            self.defaults(word, node, imported);
        }
        Some(words)
    }

    /// A command knows no defaults: each becomes the value of a variable that no file sets.
    fn defaults(&self, word: &mut String, node: &Node, imported: &mut Imported) {
        for (name, default) in referred(word) {
            let begin = format!("${{{name}:-");
            let Some((before, rest)) = word.split_once(begin.as_str()).filter(|_| default) else { continue };
            let Some((value, after)) = rest.split_once('}').filter(|(value, _)| !value.contains('$')) else { continue };
            let (value, whole) = (value.to_owned(), format!("{before}${{{name}}}{after}"));
            if is_variable(&name).is_ok() {
                imported.known.entry(name.clone()).or_default();
                let (layer, place, from) = (self.layer.clone(), node.place(), Kind::Compose);
                imported.facts.push(Fact {
                    target: Target::Variable(name),
                    layer,
                    value: value.into(),
                    from,
                    place,
                    weak: true,
                });
            }
            *word = whole;
        }
    }

    fn command(&self, ports: &[u16], imported: &mut Imported) {
        let entrypoint = self.words("entrypoint", ports, imported);
        let command = self.words("command", ports, imported);
        let place = || self.node.get("command").or(self.node.get("entrypoint")).unwrap_or(self.node).place();
        if entrypoint.is_some() || command.is_some() {
            let words: Vec<String> = entrypoint.into_iter().chain(command).flatten().collect();
            if !words.is_empty() {
                self.set("command", words, place(), imported);
            }
        } else if let (Some(words), Some(place)) = (self.image.words(), self.image.place.clone()) {
            let words: Vec<String> = words.iter().map(|word| with_port(word, ports)).collect();
            imported.facts.push(Fact {
                target: Target::Service { service: self.name.clone(), key: "command" },
                layer: self.layer.clone(),
                value: words.into(),
                from: Kind::Dockerfile,
                place,
                weak: true,
            });
        }
    }

    fn environment(&self, imported: &mut Imported) {
        for file in self.node.get("env_file").map_or_else(Vec::new, Node::texts_with_place) {
            self.env_file(&file, imported);
        }
        let Some(environment) = self.node.get("environment") else { return };
        for item in environment.items() {
            let text = item.text().unwrap_or_default();
            match text.split_once('=') {
                Some((name, value)) => self.variable(name, Some(value), item.place(), imported),
                None => self.variable(&text, None, item.place(), imported),
            }
        }
        for (name, node) in environment.entries() {
            self.variable(name, node.text().as_deref(), node.place(), imported);
        }
    }

    /// A name without value is passed on from the shell or from `.env`, which is what a declaration alone does.
    fn variable(&self, name: &str, value: Option<&str>, place: Place, imported: &mut Imported) {
        let Some(value) = value else {
            imported.note(place.clone(), Outcome::Taken, name, "declared; its value comes from outside, as in Compose");
            return imported.variable(Some(&self.name), name, self.layer, None, Kind::Compose, place);
        };
        match references(value, Dialect::Compose) {
            Ok(value) => imported.variable(Some(&self.name), name, self.layer, Some(value), Kind::Compose, place),
            Err(why) => imported.left(place, name, why),
        }
    }

    fn env_file(&self, (file, node): &(String, &Node), imported: &mut Imported) {
        let Some(path) = joined(node, file) else {
            return imported.left(node.place(), format!("`{file}`"), "it is outside of this folder");
        };
        // `.env` holds for the whole project already.
        if path.rsplit('/').next().is_some_and(|name| name.starts_with(".env")) {
            return;
        }
        let Some(text) = self.texts.get(path.as_str()) else {
            return imported.left(node.place(), format!("`{file}`"), "there is no such file");
        };
        let (entries, problems) = dotenv::parse(text);
        for problem in problems {
            imported.broken(Place::new(&path, problem.line), problem.message);
        }
        for entry in entries {
            let place = Place::new(&path, entry.line);
            imported.variable(Some(&self.name), &entry.name, self.layer, entry.value, Kind::Compose, place);
            if let (Some(doc), Some(known)) = (entry.doc, imported.known.get_mut(&entry.name)) {
                known.doc.get_or_insert(doc);
            }
        }
    }

    fn limits(&self, imported: &mut Imported) {
        let node = self.node;
        let replicas = node.at(&["deploy", "replicas"]).or(node.get("scale"));
        if let Some((node, count)) = replicas.and_then(|node| Some((node, node.count()?))) {
            self.set("replicas", count, node.place(), imported);
        }
        let limits = |name: &str| node.at(&["deploy", "resources", "limits", name]);
        let sizes = [
            ("resources.memory", limits("memory").or(node.get("mem_limit"))),
            ("resources.cpu", limits("cpus").or(node.get("cpus"))),
        ];
        for (key, node) in sizes {
            let Some(node) = node else { continue };
            let text = node.text().unwrap_or_default();
            let value = if key == "resources.cpu" { cpu(&text) } else { memory(&text, true) };
            match value {
                Some(value) => self.set(key, value, node.place(), imported),
                None => imported.left(node.place(), self.what(key), "not an amount that Towpath knows"),
            }
        }
        if let Some(reserved) = node.at(&["deploy", "resources", "reservations"]) {
            imported.left(reserved.place(), self.what("deploy.resources.reservations"), "Towpath has limits only");
        }
        if let Some(grace) = node.get("stop_grace_period") {
            match grace.text().as_deref().and_then(duration) {
                Some(time) => self.set("stop_grace", time, grace.place(), imported),
                None => imported.left(grace.place(), self.what("stop_grace_period"), "not a duration Towpath knows"),
            }
        }
    }

    fn others(&self, imported: &mut Imported) {
        self.node.others(KNOWN, &format!("services.{}.", self.name), NO_PLACE, imported);
        if let Some(image) = self.node.get("image") {
            match image.text().map(|text| references(&text, Dialect::Compose)) {
                Some(Ok(text)) if !text.contains('$') => self.set("image", text, image.place(), imported),
                Some(_) | None => {
                    imported.left(image.place(), self.what("image"), "an image cannot refer to variables");
                }
            }
        }
        if let Some(after) = self.node.get("depends_on") {
            let why = "services start together here: let each wait for what it needs, or fail and be started again";
            imported.left(after.place(), self.what("depends_on"), why);
        }
        if let Some(deploy) = self.node.get("deploy") {
            deploy.others(&["replicas", "resources"], &format!("services.{}.deploy.", self.name), NO_PLACE, imported);
        }
    }
}

impl Node {
    /// Returns one file or a list of them, as texts or as maps with `path`.
    fn texts_with_place(&self) -> Vec<(String, &Node)> {
        let one = |node: &Self| node.text().or_else(|| node.text_at(&["path"]));
        match one(self) {
            Some(text) => vec![(text, self)],
            None => self.items().iter().filter_map(|node| Some((one(node)?, node))).collect(),
        }
    }
}

/// In a command `$` means something to the shell, so it is not doubled as in values.
fn in_command(text: &str, ports: &[u16]) -> String {
    with_port(&text.replace("$$", "$"), ports)
}

/// Returns the port outside, if one is fixed, and the one inside of `8000`, `8080:8000` or `127.0.0.1:8080:8000/tcp`.
fn published(text: &str) -> (Option<String>, Option<u16>) {
    let text = match text.split_once('/') {
        Some((text, "tcp")) => text,
        Some(_) => return (None, None),
        None => text,
    };
    match text.rsplit_once(':') {
        None => (None, text.parse().ok()),
        Some((outside, inside)) => {
            let outside = outside.rsplit(':').next().unwrap_or(outside);
            (Some(outside.to_owned()).filter(|port| !port.is_empty()), inside.parse().ok())
        }
    }
}

/// Returns a probe that only asks whether somebody listens.
fn listens() -> Value {
    json!({"tcp": true, "period": "1s"})
}
