//! The key-value engine, version 2.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::state::{Answer, Refusal, Request, answer, empty, not_found, refuse, unsupported, with};

/// How many versions are kept where nothing else is said.
const KEPT: u64 = 10;

/// The engine.
#[derive(Default)]
pub(super) struct Kv {
    max_versions: u64,
    cas_required: bool,
    secrets: BTreeMap<String, Secret>,
}

struct Version {
    made: Timestamp,
    deleted: Option<Timestamp>,
    destroyed: bool,
    data: Map<String, Value>,
}

struct Secret {
    made: Timestamp,
    changed: Timestamp,
    current: u64,
    max_versions: u64,
    cas_required: bool,
    custom: Option<Map<String, Value>>,
    versions: BTreeMap<u64, Version>,
}

fn time(at: Option<Timestamp>) -> String {
    at.map(|at| at.to_string()).unwrap_or_default()
}

impl Version {
    fn info(&self) -> Map<String, Value> {
        let mut info = Map::new();
        info.insert("created_time".to_owned(), json!(self.made.to_string()));
        info.insert("deletion_time".to_owned(), json!(time(self.deleted)));
        info.insert("destroyed".to_owned(), json!(self.destroyed));
        info
    }

    fn gone(&self, now: Timestamp) -> bool {
        self.destroyed || self.deleted.is_some_and(|deleted| deleted <= now)
    }
}

impl Secret {
    fn new(now: Timestamp) -> Self {
        Self {
            made: now,
            changed: now,
            current: 0,
            max_versions: 0,
            cas_required: false,
            custom: None,
            versions: BTreeMap::new(),
        }
    }

    fn metadata(&self, version: u64, found: &Version) -> Value {
        let mut info = found.info();
        info.insert("version".to_owned(), json!(version));
        info.insert("custom_metadata".to_owned(), json!(self.custom));
        Value::Object(info)
    }

    /// Finds what a read asks for: a version that is there, one that is gone (404 with what is known of it), or none.
    fn version(&self, request: &Request, now: Timestamp) -> Result<Result<(u64, &Version), Value>, Refusal> {
        let asked = request.query.get("version").and_then(|text| text.parse().ok()).filter(|asked| *asked > 0);
        let version = asked.unwrap_or(self.current);
        let Some(found) = self.versions.get(&version) else { return not_found() };
        Ok(if found.gone(now) { Err(self.metadata(version, found)) } else { Ok((version, found)) })
    }

    fn add(&mut self, data: Map<String, Value>, now: Timestamp, kept: u64) -> Answer {
        self.current += 1;
        self.changed = now;
        let version = Version { made: now, deleted: None, destroyed: false, data };
        let reply = self.metadata(self.current, &version);
        self.versions.insert(self.current, version);
        while u64::try_from(self.versions.len()).unwrap_or(u64::MAX) > kept {
            self.versions.pop_first();
        }
        answer(&reply)
    }

    fn all(&self) -> Value {
        let versions: BTreeMap<String, Value> =
            self.versions.iter().map(|(number, it)| (number.to_string(), Value::Object(it.info()))).collect();
        json!({
            "versions": versions, "current_version": self.current,
            "oldest_version": self.versions.first_key_value().map_or(0, |(number, _)| *number),
            "created_time": self.made.to_string(), "updated_time": self.changed.to_string(),
            "max_versions": self.max_versions, "cas_required": self.cas_required, "delete_version_after": "0s",
            "custom_metadata": self.custom,
        })
    }

    fn describe(&mut self, request: &Request, merge: bool) -> Answer {
        if let Some(custom) = request.body.get("custom_metadata").and_then(Value::as_object) {
            if custom.len() > 64 {
                let count = custom.len();
                return refuse(
                    400,
                    format!(
                        "custom_metadata validation failed: payload must contain at most 64 keys, provided {count}"
                    ),
                );
            }
            let mut all = if merge { self.custom.take().unwrap_or_default() } else { Map::new() };
            for (name, value) in custom {
                if value.is_null() {
                    all.remove(name);
                } else {
                    all.insert(name.clone(), value.clone());
                }
            }
            self.custom = Some(all);
        }
        if let Some(most) = request.number("max_versions") {
            self.max_versions = most;
        }
        if let Some(required) = request.flag("cas_required") {
            self.cas_required = required;
        }
        empty()
    }
}

impl Kv {
    /// Says whether the secret that a request would make is there.
    pub(super) fn exists(&self, rest: &str) -> bool {
        match rest.split_once('/') {
            Some(("data" | "metadata", path)) => self.secrets.contains_key(path),
            _ => true,
        }
    }

    pub(super) fn handle(&mut self, rest: &str, request: &Request, now: Timestamp) -> Answer {
        let (kind, path) = rest.split_once('/').unwrap_or((rest, ""));
        match (kind, request.method.as_str()) {
            ("config", "GET") => answer(&json!({
                "max_versions": self.max_versions, "cas_required": self.cas_required, "delete_version_after": "0s",
            })),
            ("config", "POST" | "PUT") => {
                self.max_versions = request.number("max_versions").unwrap_or(self.max_versions);
                self.cas_required = request.flag("cas_required").unwrap_or(self.cas_required);
                empty()
            }
            ("metadata", _) if request.is_list() => self.list(path),
            ("data", "GET") => self.read(path, request, now),
            ("subkeys", "GET") => self.subkeys(path, request, now),
            ("data", "POST" | "PUT") => self.write(path, request, now),
            ("data", "PATCH") => self.patch(path, request, now),
            ("data", "DELETE") => self.mark(path, None, now, |version, now| version.deleted = Some(now)),
            ("delete", "POST" | "PUT") => self.mark(path, Some(request), now, |version, now| {
                if !version.gone(now) {
                    version.deleted = Some(now);
                }
            }),
            ("undelete", "POST" | "PUT") => self.mark(path, Some(request), now, |version, _| {
                if !version.destroyed {
                    version.deleted = None;
                }
            }),
            ("destroy", "POST" | "PUT") => self.mark(path, Some(request), now, |version, _| {
                version.destroyed = true;
                version.data = Map::new();
            }),
            ("metadata", "GET") => self.secrets.get(path).map_or_else(not_found, |secret| answer(&secret.all())),
            ("metadata", "POST" | "PUT") => {
                self.secrets.entry(path.to_owned()).or_insert_with(|| Secret::new(now)).describe(request, false)
            }
            ("metadata", "PATCH") => {
                self.secrets.get_mut(path).map_or_else(not_found, |secret| secret.describe(request, true))
            }
            ("metadata", "DELETE") => {
                self.secrets.remove(path);
                empty()
            }
            _ => unsupported(),
        }
    }

    fn list(&self, path: &str) -> Answer {
        let folder = if path.is_empty() || path.ends_with('/') { path.to_owned() } else { format!("{path}/") };
        let keys: BTreeSet<String> = self
            .secrets
            .keys()
            .filter_map(|name| name.strip_prefix(&folder))
            .map(|rest| rest.split_once('/').map_or_else(|| rest.to_owned(), |(folder, _)| format!("{folder}/")))
            .collect();
        if keys.is_empty() { not_found() } else { answer(&json!({ "keys": keys })) }
    }

    fn read(&self, path: &str, request: &Request, now: Timestamp) -> Answer {
        let Some(secret) = self.secrets.get(path) else { return not_found() };
        match secret.version(request, now)? {
            Ok((version, found)) => answer(&json!({ "data": found.data, "metadata": secret.metadata(version, found) })),
            Err(metadata) => with(404, &json!({ "data": null, "metadata": metadata })),
        }
    }

    fn subkeys(&self, path: &str, request: &Request, now: Timestamp) -> Answer {
        fn keys(data: &Map<String, Value>) -> Value {
            let below = |value: &Value| value.as_object().filter(|map| !map.is_empty()).map_or(Value::Null, keys);
            Value::Object(data.iter().map(|(name, value)| (name.clone(), below(value))).collect())
        }
        let Some(secret) = self.secrets.get(path) else { return not_found() };
        match secret.version(request, now)? {
            Ok((version, found)) => {
                answer(&json!({ "subkeys": keys(&found.data), "metadata": secret.metadata(version, found) }))
            }
            Err(metadata) => with(404, &json!({ "subkeys": null, "metadata": metadata })),
        }
    }

    /// Checks `cas`, and returns how many versions are kept.
    fn check(&self, path: &str, request: &Request) -> Result<u64, Refusal> {
        let secret = self.secrets.get(path);
        let cas = request.body.get("options").and_then(|options| options.get("cas"));
        let cas = cas.map(|cas| cas.as_u64().or_else(|| cas.as_str()?.parse().ok()));
        match cas {
            Some(None) => return refuse(400, "error parsing check-and-set parameter"),
            Some(Some(cas)) if cas != secret.map_or(0, |secret| secret.current) => {
                return refuse(400, "check-and-set parameter did not match the current version");
            }
            None if self.cas_required || secret.is_some_and(|secret| secret.cas_required) => {
                return refuse(400, "check-and-set parameter required for this call");
            }
            Some(Some(_)) | None => {}
        }
        let told = [secret.map_or(0, |secret| secret.max_versions), self.max_versions];
        Ok(told.into_iter().find(|most| *most > 0).unwrap_or(KEPT))
    }

    fn write(&mut self, path: &str, request: &Request, now: Timestamp) -> Answer {
        if path.is_empty() {
            return refuse(400, "missing path");
        }
        let Some(data) = request.body.get("data").and_then(Value::as_object) else {
            return refuse(400, "no data provided");
        };
        let kept = self.check(path, request)?;
        self.secrets.entry(path.to_owned()).or_insert_with(|| Secret::new(now)).add(data.clone(), now, kept)
    }

    fn patch(&mut self, path: &str, request: &Request, now: Timestamp) -> Answer {
        if !request.content_type.starts_with("application/merge-patch+json") {
            return refuse(
                415,
                "PATCH requires Content-Type of application/merge-patch+json, provided \"application/json\"",
            );
        }
        let Some(changes) = request.body.get("data") else { return refuse(400, "no data provided") };
        if !self.secrets.contains_key(path) {
            return not_found();
        }
        let kept = self.check(path, request)?;
        let Some(secret) = self.secrets.get_mut(path) else { return not_found() };
        let Some(current) = secret.versions.get(&secret.current) else { return not_found() };
        if current.gone(now) {
            let metadata = secret.metadata(secret.current, current);
            return with(404, &metadata);
        }
        let mut data = Value::Object(current.data.clone());
        merge(&mut data, changes);
        let data = data.as_object().cloned().unwrap_or_default();
        secret.add(data, now, kept)
    }

    /// Marks the versions that are named, or the current one.
    fn mark(
        &mut self,
        path: &str,
        request: Option<&Request>,
        now: Timestamp,
        act: impl Fn(&mut Version, Timestamp),
    ) -> Answer {
        let named: Option<Vec<u64>> = request.map(|request| {
            let versions = request.body.get("versions").and_then(Value::as_array);
            let number = |it: &Value| it.as_u64().or_else(|| it.as_str()?.parse().ok());
            versions.into_iter().flatten().filter_map(number).collect()
        });
        if named.as_ref().is_some_and(Vec::is_empty) {
            return refuse(400, "No version number provided");
        }
        let Some(secret) = self.secrets.get_mut(path) else { return empty() };
        for version in named.unwrap_or_else(|| vec![secret.current]) {
            if let Some(version) = secret.versions.get_mut(&version) {
                act(version, now);
            }
        }
        secret.changed = now;
        empty()
    }
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(target) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}
