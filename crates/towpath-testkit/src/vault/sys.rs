//! `sys/`: health, seal, mounts, policies.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    acl::{self, Capability, Policy},
    auth::Token,
    kv::Kv,
    state::{Answer, Mount, Reply, Request, State, answer, empty, not_found, random_id, refuse, unsupported},
    transit::Transit,
};

/// The version whose API is doubled.
const VERSION: &str = "1.19.0";

#[expect(clippy::unnecessary_wraps, reason = "what handlers end with")]
fn plain(status: u16, body: Value) -> Answer {
    Ok(Reply { status, body: Some(body) })
}

fn mount_info(kind: &str, options: &Value) -> Value {
    json!({
        "accessor": format!("{kind}_{}", &random_id()[..8]), "type": kind, "description": "", "local": false,
        "seal_wrap": false, "external_entropy_access": false, "options": options, "uuid": random_id(),
        "config": { "default_lease_ttl": 0, "max_lease_ttl": 0, "force_no_cache": false, "token_type": "default-service" },
    })
}

impl State {
    /// Answers what needs no token.
    pub(super) fn open_sys(&mut self, path: &str, request: &Request) -> Option<Answer> {
        Some(match (path, request.method.as_str()) {
            ("health", "GET" | "HEAD") => self.health(request),
            ("seal-status", "GET") => plain(200, self.seal_status()),
            ("unseal", "POST" | "PUT") => {
                if request.flag("reset") != Some(true) && request.text("key") != self.unseal_key {
                    return Some(refuse(400, "'key' must be a valid hex or base64 string"));
                }
                self.sealed = self.sealed && request.flag("reset") == Some(true);
                plain(200, self.seal_status())
            }
            ("init", "GET") => plain(200, json!({ "initialized": true })),
            _ => return None,
        })
    }

    fn health(&self, request: &Request) -> Answer {
        let code = |name: &str| request.query.get(name).and_then(|code| code.parse().ok());
        let status = if self.sealed { code("sealedcode").unwrap_or(503) } else { code("activecode").unwrap_or(200) };
        plain(
            status,
            json!({
                "initialized": true, "sealed": self.sealed, "standby": false, "performance_standby": false,
                "replication_performance_mode": "disabled", "replication_dr_mode": "disabled",
                "server_time_utc": self.now().as_second(), "version": VERSION,
            }),
        )
    }

    fn seal_status(&self) -> Value {
        json!({
            "type": "shamir", "initialized": true, "sealed": self.sealed, "t": 1, "n": 1, "progress": 0, "nonce": "",
            "version": VERSION, "build_date": "2025-03-04T12:36:40Z", "migration": false, "recovery_seal": false,
            "storage_type": "inmem",
        })
    }

    /// Answers what needs a token.
    pub(super) fn sys(&mut self, token: &Token, request: &Request) -> Answer {
        let path = request.path.strip_prefix("sys/").unwrap_or_default();
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        match parts.as_slice() {
            ["seal"] if request.is_write() => {
                self.sealed = true;
                empty()
            }
            ["mounts"] if request.method == "GET" => self.mounts(request),
            ["mounts", mount @ ..] => self.mount(&mount.join("/"), request),
            ["auth"] if request.method == "GET" => self.auth_methods(request),
            ["auth", mount @ ..] if request.is_write() => {
                if request.text("type") != "approle" {
                    return refuse(400, format!("plugin not found in the catalog: {}", request.text("type")));
                }
                if let Some(space) = self.namespaces.get_mut(&request.namespace) {
                    space.roles.entry(mount.join("/")).or_default();
                }
                empty()
            }
            ["policies", "acl"] | ["policy"] => self.policy_names(request),
            ["policies", "acl", name] | ["policy", name] => self.policy(name, request),
            ["capabilities-self"] if request.is_write() => self.capabilities(token, request),
            ["namespaces", name @ ..] if request.is_write() => {
                self.add_namespace(&name.join("/"));
                answer(&json!({ "id": random_id(), "path": format!("{}/", name.join("/")) }))
            }
            _ => unsupported(),
        }
    }

    /// What is listed stands in `data` and, for older clients, beside it.
    fn twice(listed: &Map<String, Value>) -> Answer {
        let mut body = listed.clone();
        body.insert("data".to_owned(), Value::Object(listed.clone()));
        body.insert("request_id".to_owned(), Value::String(random_id()));
        plain(200, Value::Object(body))
    }

    fn mounts(&self, request: &Request) -> Answer {
        let Some(space) = self.namespaces.get(&request.namespace) else { return not_found() };
        let listed = space.mounts.iter().map(|(path, mount)| {
            let info = match mount {
                Mount::Kv(_) => mount_info("kv", &json!({ "version": "2" })),
                Mount::Transit(_) => mount_info("transit", &Value::Null),
            };
            (format!("{path}/"), info)
        });
        Self::twice(&listed.collect())
    }

    fn mount(&mut self, path: &str, request: &Request) -> Answer {
        let Some(space) = self.namespaces.get_mut(&request.namespace) else { return not_found() };
        match request.method.as_str() {
            "POST" | "PUT" => {
                if space.mounts.contains_key(path) {
                    return refuse(400, format!("path is already in use at {path}/"));
                }
                let version = request.body.get("options").and_then(|options| options.get("version"));
                let mount = match request.text("type") {
                    "transit" => Mount::Transit(Transit::default()),
                    "kv-v2" => Mount::Kv(Kv::default()),
                    "kv" if version.is_some_and(|version| version == "2" || version == 2) => Mount::Kv(Kv::default()),
                    other => return refuse(400, format!("plugin not found in the catalog: {other}")),
                };
                space.mounts.insert(path.to_owned(), mount);
                empty()
            }
            "DELETE" => {
                space.mounts.remove(path);
                empty()
            }
            _ => unsupported(),
        }
    }

    fn auth_methods(&self, request: &Request) -> Answer {
        let Some(space) = self.namespaces.get(&request.namespace) else { return not_found() };
        let mut listed: Map<String, Value> =
            space.roles.keys().map(|mount| (format!("{mount}/"), mount_info("approle", &Value::Null))).collect();
        listed.insert("token/".to_owned(), mount_info("token", &Value::Null));
        Self::twice(&listed)
    }

    fn policy_names(&self, request: &Request) -> Answer {
        let Some(space) = self.namespaces.get(&request.namespace) else { return not_found() };
        let names: Vec<&str> = space.policies.keys().map(String::as_str).chain(["root"]).collect();
        let listed = json!({ "keys": names, "policies": names });
        listed.as_object().map_or_else(not_found, Self::twice)
    }

    fn policy(&mut self, name: &str, request: &Request) -> Answer {
        let Some(space) = self.namespaces.get_mut(&request.namespace) else { return not_found() };
        match request.method.as_str() {
            "GET" => match space.policies.get(name) {
                Some(policy) => answer(&json!({ "name": name, "policy": policy.text, "rules": policy.text })),
                None => not_found(),
            },
            "POST" | "PUT" => match Policy::parse(request.text("policy")) {
                Ok(policy) => {
                    space.policies.insert(name.to_owned(), policy);
                    empty()
                }
                Err(why) => refuse(400, format!("failed to parse policy: {why}")),
            },
            "DELETE" => {
                space.policies.remove(name);
                empty()
            }
            _ => unsupported(),
        }
    }

    fn capabilities(&self, token: &Token, request: &Request) -> Answer {
        let paths = request.words("paths").or_else(|| request.words("path")).unwrap_or_default();
        let mut found: BTreeMap<String, Value> = BTreeMap::new();
        for path in &paths {
            let names: Vec<&str> = if token.policies.iter().any(|policy| policy == "root") {
                vec!["root"]
            } else {
                let space = self.namespaces.get(&request.namespace);
                let policies = token.policies.iter().filter_map(|name| space?.policies.get(name));
                let found = acl::capabilities(policies, path);
                if found.is_empty() {
                    vec![Capability::Deny.name()]
                } else {
                    found.into_iter().map(Capability::name).collect()
                }
            };
            found.insert(path.clone(), json!(names));
        }
        if let [only] = paths.as_slice() {
            let names = found.get(only).cloned().unwrap_or_default();
            found.insert("capabilities".to_owned(), names);
        }
        answer(&json!(found))
    }
}
