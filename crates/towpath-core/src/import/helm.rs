//! Helm's values, where they are named as `helm create` names them.
//!
//! What a chart's templates make of a value is not known without Helm
//! (<https://helm.sh/docs/chart_template_guide/values_files/>): values of other names are noted, with the way that
//! always works, which is to import what `helm template` prints.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    convert::{cpu, memory, seconds},
    facts::{Imported, Kind, Layer, Place, Target},
    kubernetes::probe,
    names::{environment, name_of},
    node::{Node, Shape, document},
    sources::folder_of,
};

const UNKNOWN: &str =
    "what a template makes of it is not known: `helm template -f … . > all.yaml`, then `towpath init --from all.yaml`";

/// Returns what a values file is for: nothing for `values.yaml`, `prod` for `values-prod.yaml`.
pub(super) fn word(path: &str) -> Option<&str> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml"))?;
    let rest = stem.strip_prefix("values")?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix(['-', '.', '_']) }
}

/// Takes charts: `Chart.yaml`, `values.yaml` and `values-ENV.yaml` of each folder.
pub(super) fn import(files: &[(&str, &str)], imported: &mut Imported) {
    let mut charts: BTreeMap<String, Chart> = BTreeMap::new();
    for (path, text) in files {
        let folder = folder_of(path).to_owned();
        let Some(node) = document(path, text, imported) else { continue };
        let chart = charts.entry(folder).or_default();
        match word(path) {
            None => chart.head = Some(node),
            Some("") => chart.values = Some(node),
            Some(word) => match environment(word) {
                Some((name, tier)) => {
                    chart.layers.push((imported.environment(&name, tier), node));
                }
                None => imported.left(Place::new(path, 0), "the file", "its name is none of a usual environment"),
            },
        }
    }
    for (folder, chart) in charts {
        let folder = folder.rsplit('/').next().and_then(name_of);
        let name = chart.head.as_ref().and_then(|head| name_of(&head.text_at(&["name"])?));
        let name = name.or(folder).unwrap_or_else(|| "web".to_owned());
        imported.project.get_or_insert_with(|| name.clone());
        let version = chart.head.as_ref().and_then(|head| head.text_at(&["appVersion"]));
        if let Some(head) = &chart.head
            && let Some(parts) = head.get("dependencies")
        {
            imported.left(parts.place(), "dependencies", "charts of others run beside Towpath");
        }
        let Some(values) = chart.values.or_else(|| chart.layers.first().map(|(_, node)| node.clone())) else {
            continue;
        };
        let layers: Vec<&Layer> = chart.layers.iter().map(|(layer, _)| layer).collect();
        if let Some(layer) = imported.foundation(&layers) {
            self::values(&values, &name, version.as_deref(), &layer, imported);
        }
        for (layer, over) in &chart.layers {
            let mut merged = values.clone();
            merge(&mut merged, over);
            self::values(&merged, &name, version.as_deref(), layer, imported);
        }
    }
}

#[derive(Debug, Default)]
struct Chart {
    head: Option<Node>,
    values: Option<Node>,
    layers: Vec<(Layer, Node)>,
}

/// Maps merge, everything else replaces, `null` takes away.
fn merge(into: &mut Node, over: &Node) {
    let (Shape::Map(entries), Shape::Map(more)) = (&mut into.shape, &over.shape) else {
        *into = over.clone();
        return;
    };
    for (key, node) in more {
        match entries.iter().position(|(name, _)| name == key) {
            Some(place) if node.is_null() => {
                entries.remove(place);
            }
            Some(place) => {
                if let Some((_, old)) = entries.get_mut(place) {
                    merge(old, node);
                }
            }
            None => entries.push((key.clone(), node.clone())),
        }
    }
}

fn values(values: &Node, name: &str, version: Option<&str>, layer: &Layer, imported: &mut Imported) {
    let is_service = |node: &Node| node.get("image").is_some() || node.get("replicaCount").is_some();
    if is_service(values) {
        Service { name, version, layer }.import(values, "", imported);
        return;
    }
    for (key, node) in values.entries() {
        match name_of(key).filter(|_| is_service(node)) {
            Some(service) => Service { name: &service, version, layer }.import(node, &format!("{key}."), imported),
            None => shared(key, node, layer, imported),
        }
    }
}

/// Values beside the services: `config` and the like hold for all of them.
fn shared(key: &str, node: &Node, layer: &Layer, imported: &mut Imported) {
    if CONFIG.contains(&key) {
        for (name, node) in node.entries() {
            imported.variable(None, name, layer, node.text().as_deref().map(doubled), Kind::Helm, node.place());
        }
    } else if key == "ingress" {
        ingress(node, layer, imported);
    } else {
        imported.left(node.place(), key, UNKNOWN);
    }
}

/// Maps of names and values that charts hand to containers.
const CONFIG: &[&str] =
    &["config", "configMap", "configmap", "env", "envVars", "environment", "extraEnv", "extraEnvVars"];
const SECRETS: &[&str] = &["secret", "secrets", "secretEnv", "extraSecrets"];

struct Service<'a> {
    name: &'a str,
    version: Option<&'a str>,
    layer: &'a Layer,
}

impl Service<'_> {
    fn set(&self, key: &'static str, value: impl Into<Value>, place: Place, imported: &mut Imported) {
        let target = Target::Service { service: self.name.to_owned(), key };
        imported.fact(target, self.layer, value, Kind::Helm, place);
    }

    fn import(&self, values: &Node, prefix: &str, imported: &mut Imported) {
        for (key, node) in values.entries() {
            match key.as_str() {
                "replicaCount" | "replicas" => match node.count() {
                    Some(count) => self.set("replicas", count, node.place(), imported),
                    None => imported.left(node.place(), key, "not a number of instances"),
                },
                "image" => self.image(node, imported),
                "resources" => self.resources(node, imported),
                "terminationGracePeriodSeconds" => {
                    if let Some(count) = node.count() {
                        self.set("stop_grace", seconds(count), node.place(), imported);
                    }
                }
                "startupProbe" => self.probe("probes.startup", node, imported),
                "readinessProbe" => self.probe("probes.readiness", node, imported),
                "livenessProbe" => self.probe("probes.liveness", node, imported),
                "command" if !node.items().is_empty() => {
                    let words: Vec<String> =
                        node.texts().into_iter().chain(values.get("args").map_or_else(Vec::new, Node::texts)).collect();
                    self.set("command", words, node.place(), imported);
                }
                "args" if values.get("command").is_some() => {}
                "ingress" => ingress(node, self.layer, imported),
                key if CONFIG.contains(&key) => self.environment(node, imported),
                key if SECRETS.contains(&key) => {
                    for (name, node) in node.entries() {
                        imported.secret(name, node.text().as_deref(), "the chart has it among secrets", node.place());
                    }
                }
                // After `replicaCount`, which it overrules.
                "autoscaling" => {}
                key => imported.left(node.place(), format!("{prefix}{key}"), UNKNOWN),
            }
        }
        self.autoscaling(values, imported);
    }

    fn image(&self, node: &Node, imported: &mut Imported) {
        let image = node.text().or_else(|| {
            let repository = node.text_at(&["repository"])?;
            let registry = node.text_at(&["registry"]).filter(|registry| !registry.is_empty());
            let tag = node.text_at(&["tag"]).filter(|tag| !tag.is_empty());
            let tag = tag.or_else(|| self.version.map(str::to_owned));
            let image = registry.map_or_else(|| repository.clone(), |registry| format!("{registry}/{repository}"));
            Some(tag.map_or_else(|| image.clone(), |tag| format!("{image}:{tag}")))
        });
        match image {
            Some(image) => self.set("image", image, node.place(), imported),
            None => imported.left(node.place(), "image", UNKNOWN),
        }
    }

    fn resources(&self, node: &Node, imported: &mut Imported) {
        for (key, ours) in [("cpu", "resources.cpu"), ("memory", "resources.memory")] {
            let Some(limit) = node.at(&["limits", key]) else { continue };
            let text = limit.text().unwrap_or_default();
            match if key == "cpu" { cpu(&text) } else { memory(&text, false) } {
                Some(value) => self.set(ours, value, limit.place(), imported),
                None => imported.left(limit.place(), format!("resources.limits.{key}"), "not an amount Towpath knows"),
            }
        }
        if let Some(requests) = node.get("requests") {
            imported.left(requests.place(), "resources.requests", "Towpath has limits only");
        }
    }

    fn probe(&self, key: &'static str, node: &Node, imported: &mut Imported) {
        if node.entries().is_empty() {
            return;
        }
        if let Some(probe) = probe(node, key, &[], imported) {
            self.set(key, probe, node.place(), imported);
        }
    }

    fn environment(&self, node: &Node, imported: &mut Imported) {
        for (name, node) in node.entries() {
            let place = node.place();
            imported.variable(
                Some(self.name),
                name,
                self.layer,
                node.text().as_deref().map(doubled),
                Kind::Helm,
                place,
            );
        }
        for item in node.items() {
            let Some(name) = item.text_at(&["name"]) else {
                imported.left(item.place(), "a variable", UNKNOWN);
                continue;
            };
            let place = item.place();
            if item.at(&["valueFrom", "secretKeyRef"]).is_some() {
                imported.secret(&name, None, "it is in a Secret", place);
            } else if item.get("valueFrom").is_some() {
                imported.left(place, name, UNKNOWN);
            } else {
                let value = item.text_at(&["value"]).as_deref().map(doubled);
                imported.variable(Some(self.name), &name, self.layer, value, Kind::Helm, place);
            }
        }
    }

    fn autoscaling(&self, values: &Node, imported: &mut Imported) {
        let Some(node) = values.get("autoscaling") else { return };
        if node.text_at(&["enabled"]).as_deref() != Some("true") {
            return;
        }
        if let Some(min) = node.get("minReplicas")
            && let Some(count) = min.count()
        {
            self.set("replicas", count, min.place(), imported);
        }
        let why = "scaling by load is not taken over; `replicas` is the smallest number";
        imported.left(node.place(), "autoscaling", why);
    }
}

/// A value of Helm refers to nothing once the chart is rendered.
fn doubled(text: &str) -> String {
    text.replace('$', "$$")
}

fn ingress(node: &Node, layer: &Layer, imported: &mut Imported) {
    if node.text_at(&["enabled"]).as_deref() == Some("false") {
        return;
    }
    let host = node.get("hosts").and_then(|hosts| hosts.items().first()).or(node.get("host"));
    let text = host.and_then(|host| host.text().or_else(|| host.text_at(&["host"])));
    let Some((host, text)) = host.zip(text) else {
        return imported.left(node.place(), "ingress", "it names no host");
    };
    let tls = node.get("tls").is_some_and(|tls| !tls.items().is_empty() || tls.text().as_deref() == Some("true"));
    let url = format!("{}://{text}", if tls { "https" } else { "http" });
    if crate::config::is_url(&url) && !url.contains(['*', '{']) {
        imported.fact(Target::Environment("url"), layer, json!(url), Kind::Helm, host.place());
    } else {
        imported.left(host.place(), "ingress", "not the host of a URL");
    }
}
