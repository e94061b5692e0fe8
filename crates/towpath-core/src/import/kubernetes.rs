//! Kubernetes manifests: workloads, what their first container is given, who scales them, who reaches them.
//!
//! Objects are read as the API server would (<https://kubernetes.io/docs/reference/kubernetes-api/>); what only a
//! cluster needs (labels, volumes, service accounts) has no counterpart and is noted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{
    facts::{Imported, Kind, Layer, Outcome, Place, Target},
    kustomize,
    names::{environment, name_of},
    node::{Node, documents},
};

mod container;

pub(super) use container::probe;

const WORKLOADS: &[&str] = &["Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"];

/// Takes manifests: with kustomize where there are kustomizations, else file by file.
pub(super) fn import(files: &[(&str, &str)], texts: &BTreeMap<&str, &str>, imported: &mut Imported) {
    let used = kustomize::import(files, texts, imported);
    let mut layers: BTreeMap<Layer, Vec<Node>> = BTreeMap::new();
    for (path, text) in files {
        if used.contains(*path) || kustomize::is_kustomization(path) {
            continue;
        }
        if text.contains("{{") && path.contains("templates/") {
            let why = "it is a template: `helm template . > all.yaml`, then `--from all.yaml`";
            imported.left(Place::new(path, 0), "the file", why);
            continue;
        }
        let layer = layer_of(path, imported);
        layers.entry(layer).or_default().extend(documents(path, text, imported));
    }
    let common = layers.remove(&Layer::Common).unwrap_or_default();
    let common = flat(common);
    if !common.is_empty()
        && let Some(layer) = imported.foundation(&layers.keys().collect::<Vec<_>>())
    {
        objects(&common, &layer, imported);
    }
    for (layer, own) in layers {
        objects(&laid_over(&common, flat(own)), &layer, imported);
    }
}

/// A folder that is named as an environment holds its manifests: `k8s/production/web.yaml`.
fn layer_of(path: &str, imported: &mut Imported) -> Layer {
    let folder = path.rsplit('/').nth(1).and_then(environment);
    match folder {
        Some((name, tier)) => imported.environment(&name, tier),
        None => Layer::Common,
    }
}

/// Replaces a `List` by what it lists.
fn flat(nodes: Vec<Node>) -> Vec<Node> {
    let mut all = Vec::new();
    for node in nodes {
        if kind(&node) == "List" {
            all.extend(node.get("items").map_or(&[][..], Node::items).iter().cloned());
        } else {
            all.push(node);
        }
    }
    all
}

/// Returns the objects with those of the same kind and name replaced.
fn laid_over(below: &[Node], above: Vec<Node>) -> Vec<Node> {
    let names: BTreeSet<(String, String)> = above.iter().map(|node| (kind(node), name(node))).collect();
    let kept = below.iter().filter(|node| !names.contains(&(kind(node), name(node)))).cloned();
    kept.chain(above).collect()
}

pub(super) fn kind(node: &Node) -> String {
    node.text_at(&["kind"]).unwrap_or_default()
}

pub(super) fn name(node: &Node) -> String {
    node.text_at(&["metadata", "name"]).unwrap_or_default()
}

/// What containers refer to by name.
#[derive(Debug, Default)]
pub(super) struct Maps<'n> {
    config: BTreeMap<String, &'n Node>,
    secret: BTreeMap<String, &'n Node>,
}

/// Takes all objects of one environment, or of all.
pub(super) fn objects(objects: &[Node], layer: &Layer, imported: &mut Imported) {
    let mut maps = Maps::default();
    for object in objects {
        match kind(object).as_str() {
            "ConfigMap" => {
                maps.config.insert(name(object), object);
            }
            "Secret" => {
                maps.secret.insert(name(object), object);
            }
            _ => {}
        }
    }
    let mut used = BTreeSet::new();
    for object in objects {
        let kind = kind(object);
        match kind.as_str() {
            kind if WORKLOADS.contains(&kind) => workload(object, layer, &maps, &mut used, imported),
            // Scalers come after the workloads, as they overrule what these say.
            "ConfigMap" | "Secret" | "HorizontalPodAutoscaler" => {}
            "Ingress" => ingress(object, layer, imported),
            "" => imported.left(object.place(), "a document", "it has no `kind`, so it is no manifest"),
            "Service" | "Gateway" | "HTTPRoute" => {
                imported.left(object.place(), format!("{kind} {}", name(object)), "the proxy routes to every service");
            }
            "Namespace" => {
                let why = "an environment keeps its services apart by itself";
                imported.left(object.place(), format!("{kind} {}", name(object)), why);
            }
            "Job" | "CronJob" | "Pod" => {
                let why = "Towpath keeps services running; what ends by itself has no place yet";
                imported.left(object.place(), format!("{kind} {}", name(object)), why);
            }
            kind => imported.left(object.place(), format!("{kind} {}", name(object)), "Towpath has no place for it"),
        }
    }
    for object in objects.iter().filter(|object| kind(object) == "HorizontalPodAutoscaler") {
        scaler(object, layer, imported);
    }
    unused(&maps, &used, imported);
}

/// Maps that no container reads as environment are mounted as files, or by nobody.
fn unused(maps: &Maps<'_>, used: &BTreeSet<String>, imported: &mut Imported) {
    for (kind, all) in [("ConfigMap", &maps.config), ("Secret", &maps.secret)] {
        for (name, node) in all {
            if !used.contains(&format!("{kind}/{name}")) {
                let why = "no container reads it as environment variables; files are part of an artifact";
                imported.left(node.place(), format!("{kind} {name}"), why);
            }
        }
    }
}

fn workload(object: &Node, layer: &Layer, maps: &Maps<'_>, used: &mut BTreeSet<String>, imported: &mut Imported) {
    let (kind, name) = (kind(object), name(object));
    let Some(service) = name_of(&name) else {
        return imported.left(object.place(), format!("{kind} {name}"), "not a name that a service can have");
    };
    let set = |key: &'static str| Target::Service { service: service.clone(), key };
    let spec = ["spec", "template", "spec"];
    let pod = object.at(&spec);
    let containers = pod.and_then(|pod| pod.get("containers")).map_or(&[][..], Node::items);
    let Some(first) = containers.first() else {
        return imported.left(object.place(), format!("{kind} {name}"), "it has no containers");
    };
    if let Some(replicas) = object.at(&["spec", "replicas"]) {
        match replicas.count() {
            Some(count) => imported.fact(set("replicas"), layer, count, Kind::Kubernetes, replicas.place()),
            None => imported.left(replicas.place(), format!("{name}.replicas"), "not a number of instances"),
        }
    }
    if let Some(grace) = pod.and_then(|pod| pod.get("terminationGracePeriodSeconds"))
        && let Some(seconds) = grace.count()
    {
        let time = super::convert::seconds(seconds);
        imported.fact(set("stop_grace"), layer, time, Kind::Kubernetes, grace.place());
    }
    if let Some(spec) = object.get("spec") {
        let known = ["replicas", "template", "selector", "serviceName"];
        spec.others(&known, &format!("{name}.spec."), "Towpath rolls out by `deployment.strategy`", imported);
    }
    if let Some(pod) = pod {
        let known = ["containers", "terminationGracePeriodSeconds", "restartPolicy"];
        pod.others(&known, &format!("{name}.pod."), "only a cluster has a place for it", imported);
    }
    container::Container { service: &service, node: first, layer, maps }.import(used, imported);
    for sidecar in containers.iter().skip(1) {
        let what = format!("container {}", sidecar.text_at(&["name"]).unwrap_or_default());
        imported.left(sidecar.place(), what, "a service has one process: write the other as a service of its own");
    }
}

/// The smallest number is what runs before anything is scaled.
fn scaler(object: &Node, layer: &Layer, imported: &mut Imported) {
    let target = object.text_at(&["spec", "scaleTargetRef", "name"]).unwrap_or_default();
    let min = object.at(&["spec", "minReplicas"]);
    if let (Some(service), Some(node)) = (name_of(&target), min)
        && let Some(count) = node.count()
    {
        let target = Target::Service { service, key: "replicas" };
        imported.fact(target, layer, count, Kind::Kubernetes, node.place());
    }
    let max = object.text_at(&["spec", "maxReplicas"]).unwrap_or_default();
    let why = format!("scaling up to {max} by load is not taken over; `replicas` is the smallest number");
    imported.note(object.place(), Outcome::Left, format!("HorizontalPodAutoscaler {}", name(object)), why);
}

fn ingress(object: &Node, layer: &Layer, imported: &mut Imported) {
    let rules = object.at(&["spec", "rules"]).map_or(&[][..], Node::items);
    let mut hosts = rules.iter().filter_map(|rule| Some((rule.text_at(&["host"])?, rule.get("host")?)));
    let Some((host, node)) = hosts.next() else {
        return imported.left(object.place(), format!("Ingress {}", name(object)), "it names no host");
    };
    let scheme = if object.at(&["spec", "tls"]).is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{host}");
    if crate::config::is_url(&url) && !host.contains('*') {
        imported.fact(Target::Environment("url"), layer, json!(url), Kind::Kubernetes, node.place());
    } else {
        imported.left(node.place(), format!("host {host}"), "not the host of a URL");
    }
    for (host, node) in hosts {
        imported.left(node.place(), format!("host {host}"), "an environment has one `url`; `api_url` may be another");
    }
}
