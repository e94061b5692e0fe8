//! One container: what it starts, what it is given, how it is probed.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Maps;
use crate::import::{
    convert::{Dialect, cpu, memory, references, seconds, with_port},
    facts::{Imported, Kind, Layer, Outcome, Place, Target},
    node::Node,
};

pub(super) struct Container<'a> {
    pub(super) service: &'a str,
    pub(super) node: &'a Node,
    pub(super) layer: &'a Layer,
    pub(super) maps: &'a Maps<'a>,
}

const KNOWN: &[&str] = &[
    "name",
    "image",
    "command",
    "args",
    "env",
    "envFrom",
    "ports",
    "readinessProbe",
    "livenessProbe",
    "startupProbe",
    "resources",
    "imagePullPolicy",
];

impl Container<'_> {
    fn set(&self, key: &'static str, value: impl Into<Value>, place: Place, imported: &mut Imported) {
        let target = Target::Service { service: self.service.to_owned(), key };
        imported.fact(target, self.layer, value, Kind::Kubernetes, place);
    }

    fn variable(&self, name: &str, value: Option<String>, place: Place, imported: &mut Imported) {
        imported.variable(Some(self.service), name, self.layer, value, Kind::Kubernetes, place);
    }

    fn what(&self, key: &str) -> String {
        format!("{}.{key}", self.service)
    }

    pub(super) fn import(&self, used: &mut BTreeSet<String>, imported: &mut Imported) {
        let ports: Vec<u16> = self
            .node
            .get("ports")
            .map_or(&[][..], Node::items)
            .iter()
            .filter_map(|port| port.get("containerPort")?.count()?.try_into().ok())
            .collect();
        if let Some(node) = self.node.get("ports") {
            let why = "every instance gets a port of its own in `PORT`";
            imported.note(node.place(), Outcome::Changed, self.what("ports"), why);
        }
        if let Some(image) = self.node.get("image")
            && let Some(text) = image.text()
        {
            self.set("image", text, image.place(), imported);
        }
        self.command(&ports, imported);
        for source in self.node.get("envFrom").map_or(&[][..], Node::items) {
            self.env_from(source, used, imported);
        }
        for item in self.node.get("env").map_or(&[][..], Node::items) {
            self.env(item, used, imported);
        }
        let probes = [
            ("startupProbe", "probes.startup"),
            ("readinessProbe", "probes.readiness"),
            ("livenessProbe", "probes.liveness"),
        ];
        for (theirs, ours) in probes {
            if let Some(node) = self.node.get(theirs)
                && let Some(probe) = probe(node, &self.what(theirs), &ports, imported)
            {
                self.set(ours, probe, node.place(), imported);
            }
        }
        self.limits(imported);
        self.node.others(KNOWN, &format!("{}.", self.service), "only a cluster has a place for it", imported);
    }

    fn command(&self, ports: &[u16], imported: &mut Imported) {
        let Some(command) = self.node.get("command") else {
            if let Some(args) = self.node.get("args") {
                let why = "arguments alone are for what the image starts, which is not known here";
                imported.left(args.place(), self.what("args"), why);
            }
            let why = "what the image starts is not known: it runs on Kubernetes; here it needs a `command`";
            return imported.note(self.node.place(), Outcome::Changed, self.what("command"), why);
        };
        let words = command.texts().into_iter().chain(self.node.get("args").map_or_else(Vec::new, Node::texts));
        let words: Result<Vec<String>, String> = words
            .map(|word| references(&word, Dialect::Kubernetes).map(|word| with_port(&word.replace("$$", "$"), ports)))
            .collect();
        match words {
            Ok(words) if !words.is_empty() => self.set("command", words, command.place(), imported),
            Ok(_) => {}
            Err(why) => imported.left(command.place(), self.what("command"), why),
        }
    }

    fn env_from(&self, source: &Node, used: &mut BTreeSet<String>, imported: &mut Imported) {
        let prefix = source.text_at(&["prefix"]).unwrap_or_default();
        if let Some(name) = source.text_at(&["configMapRef", "name"]) {
            used.insert(format!("ConfigMap/{name}"));
            let Some(map) = self.maps.config.get(&name) else {
                return imported.left(source.place(), format!("ConfigMap {name}"), "it is in none of the files");
            };
            for (key, node) in map.get("data").map_or(&[][..], Node::entries) {
                let value = node.text().map(|text| text.replace('$', "$$"));
                self.variable(&format!("{prefix}{key}"), value, node.place(), imported);
            }
        } else if let Some(name) = source.text_at(&["secretRef", "name"]) {
            used.insert(format!("Secret/{name}"));
            let Some(secret) = self.maps.secret.get(&name) else {
                return imported.left(source.place(), format!("Secret {name}"), "it is in none of the files");
            };
            for (key, value, place) in secret_data(secret) {
                imported.secret(&format!("{prefix}{key}"), value.as_deref(), "it is in a Secret", place);
            }
        } else {
            imported.left(source.place(), self.what("envFrom"), "only ConfigMaps and Secrets are read");
        }
    }

    fn env(&self, item: &Node, used: &mut BTreeSet<String>, imported: &mut Imported) {
        let Some(name) = item.text_at(&["name"]) else { return };
        let place = item.place();
        if let Some(value) = item.get("value").and_then(Node::text) {
            return match references(&value, Dialect::Kubernetes) {
                Ok(value) => self.variable(&name, Some(value), place, imported),
                Err(why) => imported.left(place, name, why),
            };
        }
        let Some(from) = item.get("valueFrom") else {
            return self.variable(&name, Some(String::new()), place, imported);
        };
        if let Some(reference) = from.get("configMapKeyRef") {
            let map = reference.text_at(&["name"]).unwrap_or_default();
            let key = reference.text_at(&["key"]).unwrap_or_default();
            used.insert(format!("ConfigMap/{map}"));
            let found = self.maps.config.get(&map).and_then(|map| map.at(&["data", &key]));
            match found.and_then(Node::text) {
                Some(text) => self.variable(&name, Some(text.replace('$', "$$")), place, imported),
                None => imported.left(place, name, format!("`{key}` of ConfigMap {map} is in none of the files")),
            }
        } else if let Some(reference) = from.get("secretKeyRef") {
            let secret = reference.text_at(&["name"]).unwrap_or_default();
            let key = reference.text_at(&["key"]).unwrap_or_default();
            used.insert(format!("Secret/{secret}"));
            let data = self.maps.secret.get(&secret).map_or_else(Vec::new, |node| secret_data(node));
            let value = data.into_iter().find(|(name, ..)| *name == key).and_then(|(_, value, _)| value);
            imported.secret(&name, value.as_deref(), "it is in a Secret", place);
        } else {
            imported.left(place, name, "it tells of the pod; `TOWPATH_…` variables tell an instance what it is");
        }
    }

    fn limits(&self, imported: &mut Imported) {
        let Some(resources) = self.node.get("resources") else { return };
        for (key, ours) in [("cpu", "resources.cpu"), ("memory", "resources.memory")] {
            let Some(node) = resources.at(&["limits", key]) else { continue };
            let text = node.text().unwrap_or_default();
            match if key == "cpu" { cpu(&text) } else { memory(&text, false) } {
                Some(value) => self.set(ours, value, node.place(), imported),
                None => imported.left(node.place(), self.what(ours), "not an amount that Towpath knows"),
            }
        }
        if let Some(node) = resources.get("requests") {
            imported.left(node.place(), self.what("resources.requests"), "Towpath has limits only");
        }
    }
}

/// Returns the entries of a Secret: `stringData` as text, `data` in base64.
fn secret_data(node: &Node) -> Vec<(String, Option<String>, Place)> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let mut all = Vec::new();
    for (key, node) in node.get("data").map_or(&[][..], Node::entries) {
        let bytes = node.text().and_then(|text| STANDARD.decode(text.split_whitespace().collect::<String>()).ok());
        all.push((key.clone(), bytes.and_then(|bytes| String::from_utf8(bytes).ok()), node.place()));
    }
    for (key, node) in node.get("stringData").map_or(&[][..], Node::entries) {
        all.push((key.clone(), node.text(), node.place()));
    }
    all
}

/// Returns a probe of Kubernetes as ours; Helm's usual values have the same form.
pub(in crate::import) fn probe(node: &Node, what: &str, ports: &[u16], imported: &mut Imported) -> Option<Value> {
    let mut probe = Map::new();
    if let Some(http) = node.get("httpGet") {
        let path = http.text_at(&["path"]).unwrap_or_else(|| "/".to_owned());
        if http.text_at(&["scheme"]).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")) {
            imported.left(http.place(), what, "instances are probed over plain HTTP");
            return None;
        }
        let headers: Map<String, Value> = http
            .get("httpHeaders")
            .map_or(&[][..], Node::items)
            .iter()
            .filter_map(|header| Some((header.text_at(&["name"])?, json!(header.text_at(&["value"])?))))
            .collect();
        let http = if headers.is_empty() { json!(path) } else { json!({"path": path, "headers": headers}) };
        probe.insert("http".to_owned(), http);
    } else if node.get("tcpSocket").is_some() {
        probe.insert("tcp".to_owned(), json!(true));
    } else if let Some(command) = node.at(&["exec", "command"]) {
        let words: Vec<String> = command.texts().iter().map(|word| with_port(word, ports)).collect();
        probe.insert("command".to_owned(), json!(words));
    } else {
        imported.left(node.place(), what, "only HTTP, TCP and commands are probed");
        return None;
    }
    let times = [("initialDelaySeconds", "initial_delay"), ("periodSeconds", "period"), ("timeoutSeconds", "timeout")];
    for (theirs, ours) in times {
        if let Some(count) =
            node.get(theirs).and_then(Node::count).filter(|count| *count > 0 || ours == "initial_delay")
        {
            probe.insert(ours.to_owned(), json!(seconds(count)));
        }
    }
    for (theirs, ours) in [("failureThreshold", "failure_threshold"), ("successThreshold", "success_threshold")] {
        if let Some(count) = node.get(theirs).and_then(Node::count).filter(|count| *count > 0) {
            probe.insert(ours.to_owned(), json!(count));
        }
    }
    Some(Value::Object(probe))
}
