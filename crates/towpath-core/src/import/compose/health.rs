//! `healthcheck` as a readiness probe.

use serde_json::{Map, Value, json};

use super::{Service, in_command, listens};
use crate::import::{
    convert::{Dialect, duration, references},
    facts::{Imported, Outcome},
    node::Node,
};

impl Service<'_> {
    /// `fresh` means that no earlier file described this service.
    pub(super) fn health(&self, ports: &[u16], fresh: bool, imported: &mut Imported) {
        let check = self.node.get("healthcheck");
        let disabled = check.is_some_and(|check| check.text_at(&["disable"]).as_deref() == Some("true"));
        let Some(check) = check.filter(|check| !disabled && check.get("test").is_some()) else {
            if fresh && !ports.is_empty() {
                let place = self.node.place();
                let why = "no `healthcheck`: an instance is ready when it listens";
                imported.note(place.clone(), Outcome::Changed, self.what("healthcheck"), why);
                self.set("probes.readiness", listens(), place, imported);
            }
            return;
        };
        let Some(mut probe) = self.action(check, ports, imported) else { return };
        for (theirs, ours) in [("interval", "period"), ("timeout", "timeout")] {
            if let Some(time) = check.text_at(&[theirs]).as_deref().and_then(duration).filter(|time| time != "0s") {
                probe.insert(ours.to_owned(), json!(time));
            }
        }
        if let Some(retries) = check.get("retries").and_then(Node::count).filter(|count| *count > 0) {
            probe.insert("failure_threshold".to_owned(), json!(retries));
        }
        for key in ["start_period", "start_interval"] {
            if let Some(node) = check.get(key) {
                let why = "an instance has until `progress_deadline`; a `startup` probe can hold the others back";
                imported.left(node.place(), self.what(&format!("healthcheck.{key}")), why);
            }
        }
        self.set("probes.readiness", Value::Object(probe), check.place(), imported);
    }

    fn action(&self, check: &Node, ports: &[u16], imported: &mut Imported) -> Option<Map<String, Value>> {
        let test = check.get("test")?;
        let mut words = test.texts();
        match words.first().map(String::as_str) {
            Some("NONE") | None => return None,
            Some("CMD") => {
                words.remove(0);
            }
            Some("CMD-SHELL") => words = vec!["/bin/sh".to_owned(), "-c".to_owned(), words.get(1)?.clone()],
            Some(_) => words = vec!["/bin/sh".to_owned(), "-c".to_owned(), words.first()?.clone()],
        }
        if let Some(path) = http_path(&words.join(" "), ports) {
            return Some(Map::from_iter([("http".to_owned(), json!(path))]));
        }
        let words: Result<Vec<String>, String> =
            words.iter().map(|word| references(word, Dialect::Compose).map(|word| in_command(&word, ports))).collect();
        match words {
            Ok(words) => Some(Map::from_iter([("command".to_owned(), json!(words))])),
            Err(why) => {
                imported.left(test.place(), self.what("healthcheck.test"), why);
                None
            }
        }
    }
}

/// Returns the path that a check by curl or wget asks the service itself for.
fn http_path(line: &str, ports: &[u16]) -> Option<String> {
    let asks = line.split_whitespace().any(|word| matches!(word, "curl" | "wget"));
    let plain = !line.contains(['|', '>', ';', '$']) && !line.contains("-X") && !line.contains("--post");
    let (_, url) = line.split_once("http://").filter(|_| asks && plain)?;
    let url = url.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')).next()?;
    let (host, path) = url.split_once('/').unwrap_or((url, ""));
    let (name, port) = host.split_once(':').unwrap_or((host, "80"));
    let own = matches!(name, "localhost" | "127.0.0.1" | "0.0.0.0");
    // A service that names no port asks itself by the one it has.
    let its = |port: u16| ports.is_empty() || ports.contains(&port);
    (own && port.parse().is_ok_and(its)).then(|| format!("/{path}"))
}
