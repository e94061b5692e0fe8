//! What the double holds, and which engine answers a request.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    Fault, Seen,
    acl::{self, Capability, Policy},
    auth::{Role, Token},
    kv::Kv,
    transit::Transit,
};

/// A request after reading.
pub(super) struct Request {
    pub(super) method: String,
    /// Decoded, without `/v1/`.
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) token: Option<String>,
    pub(super) namespace: String,
    pub(super) content_type: String,
    pub(super) body: Map<String, Value>,
}

impl Request {
    pub(super) fn text(&self, name: &str) -> &str {
        self.body.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let value = self.body.get(name)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.body.get(name).and_then(Value::as_bool)
    }

    /// A list, or what is separated by commas.
    pub(super) fn words(&self, name: &str) -> Option<Vec<String>> {
        match self.body.get(name)? {
            Value::Array(words) => Some(words.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            Value::String(text) => {
                Some(text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
        }
    }

    /// Seconds as a number or a text such as `30s`, `5m`, `1h`.
    pub(super) fn duration(&self, name: &str) -> Option<Duration> {
        if let Some(seconds) = self.number(name) {
            return Some(Duration::from_secs(seconds));
        }
        let text = self.text(name);
        let (number, unit) = text.split_at(text.len().checked_sub(1)?);
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return None,
        };
        Some(Duration::from_secs(number.parse::<u64>().ok()? * unit))
    }

    pub(super) fn is_list(&self) -> bool {
        self.method == "LIST" || self.method == "GET" && self.query.get("list").is_some_and(|list| list == "true")
    }

    pub(super) fn is_write(&self) -> bool {
        matches!(self.method.as_str(), "POST" | "PUT")
    }
}

/// What is answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
}

/// What is answered to what is not done.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) errors: Vec<String>,
}

pub(super) type Answer = Result<Reply, Refusal>;

pub(super) fn refuse<T>(status: u16, error: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { status, errors: vec![error.into()] })
}

pub(super) fn not_found<T>() -> Result<T, Refusal> {
    Err(Refusal { status: 404, errors: Vec::new() })
}

pub(super) fn denied<T>() -> Result<T, Refusal> {
    refuse(403, "1 error occurred:\n\t* permission denied\n\n")
}

pub(super) fn unsupported<T>() -> Result<T, Refusal> {
    refuse(405, "1 error occurred:\n\t* unsupported operation\n\n")
}

#[expect(clippy::unnecessary_wraps, reason = "what handlers end with")]
pub(super) fn empty() -> Answer {
    Ok(Reply { status: 204, body: None })
}

#[expect(clippy::unnecessary_wraps, reason = "what handlers end with")]
pub(super) fn with(status: u16, data: &Value) -> Answer {
    Ok(Reply { status, body: Some(envelope(data, &Value::Null)) })
}

pub(super) fn answer(data: &Value) -> Answer {
    with(200, data)
}

#[expect(clippy::unnecessary_wraps, reason = "what handlers end with")]
pub(super) fn signed_in(auth: &Value) -> Answer {
    Ok(Reply { status: 200, body: Some(envelope(&Value::Null, auth)) })
}

fn envelope(data: &Value, auth: &Value) -> Value {
    json!({
        "request_id": random_id(), "lease_id": "", "renewable": false, "lease_duration": 0, "data": data,
        "wrap_info": null, "warnings": null, "auth": auth,
    })
}

/// Random bytes as text: tokens, accessors, ids.
pub(super) fn random_id() -> String {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).unwrap_or_default();
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().concat();
    [part(0, 4), part(4, 6), part(6, 8), part(8, 10), part(10, 16)].join("-")
}

/// What an engine or a method of signing in is mounted as.
pub(super) enum Mount {
    Kv(Kv),
    Transit(Transit),
}

/// All that is apart between namespaces.
#[derive(Default)]
pub(super) struct Namespace {
    pub(super) mounts: BTreeMap<String, Mount>,
    pub(super) policies: BTreeMap<String, Policy>,
    /// By mount, then by name.
    pub(super) roles: BTreeMap<String, BTreeMap<String, Role>>,
}

impl Namespace {
    fn new() -> Self {
        let mut namespace = Self::default();
        namespace.mounts.insert("secret".to_owned(), Mount::Kv(Kv::default()));
        namespace.mounts.insert("transit".to_owned(), Mount::Transit(Transit::default()));
        namespace.roles.insert("approle".to_owned(), BTreeMap::new());
        namespace.policies.insert("default".to_owned(), Policy::default_rules());
        namespace
    }
}

/// All the double holds.
pub(super) struct State {
    pub(super) sealed: bool,
    pub(super) ahead: Duration,
    pub(super) root_token: String,
    pub(super) unseal_key: String,
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) namespaces: BTreeMap<String, Namespace>,
    pub(super) faults: VecDeque<(String, Fault)>,
    pub(super) seen: Vec<Seen>,
}

impl State {
    pub(super) fn new() -> Self {
        let root_token = format!("hvs.{}", random_id().replace('-', ""));
        let mut state = Self {
            sealed: false,
            ahead: Duration::ZERO,
            root_token: root_token.clone(),
            unseal_key: random_id().replace('-', ""),
            tokens: BTreeMap::new(),
            namespaces: BTreeMap::from([(String::new(), Namespace::new())]),
            faults: VecDeque::new(),
            seen: Vec::new(),
        };
        state.tokens.insert(root_token, Token::root());
        state
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::try_from(self.ahead).unwrap_or_default()
    }

    pub(super) fn add_namespace(&mut self, name: &str) {
        self.namespaces.insert(name.trim_matches('/').to_owned(), Namespace::new());
    }

    pub(super) fn add_policy(&mut self, namespace: &str, name: &str, rules: &str) {
        let policy = Policy::parse(rules);
        if let (Some(namespace), Ok(policy)) = (self.namespaces.get_mut(namespace), policy) {
            namespace.policies.insert(name.to_owned(), policy);
        }
    }

    /// Takes the next fault that is meant for this path.
    pub(super) fn take_fault(&mut self, path: &str) -> Option<Fault> {
        let index = self.faults.iter().position(|(part, _)| path.contains(part.as_str()))?;
        self.faults.remove(index).map(|(_, fault)| fault)
    }

    /// Answers a request.
    pub(super) fn handle(&mut self, request: &Request) -> Answer {
        if let Some(rest) = request.path.strip_prefix("sys/")
            && let Some(answer) = self.open_sys(rest, request)
        {
            return answer;
        }
        if self.sealed {
            return refuse(503, "Vault is sealed");
        }
        if !self.namespaces.contains_key(&request.namespace) {
            return refuse(404, format!("no handler for route {:?}. route entry not found.", request.path));
        }
        if let Some(answer) = self.login(request) {
            return answer;
        }
        let (id, token) = self.token(request)?;
        let wanted = self.wanted(request);
        if !self.allows(&token, &request.namespace, &request.path, wanted) {
            return denied();
        }
        self.use_token(&id);
        if request.path.starts_with("auth/token/") {
            return self.token_endpoint(&id, &token, request);
        }
        if request.path.starts_with("sys/") {
            return self.sys(&token, request);
        }
        if request.path.starts_with("auth/") {
            return self.approle(request);
        }
        self.engine(request)
    }

    /// Says which capability a request needs: whether something is there decides between `create` and `update`.
    fn wanted(&self, request: &Request) -> Capability {
        if request.is_list() {
            return Capability::List;
        }
        match request.method.as_str() {
            "GET" => Capability::Read,
            "DELETE" => Capability::Delete,
            "PATCH" => Capability::Patch,
            _ if self.exists(request) => Capability::Update,
            _ => Capability::Create,
        }
    }

    fn exists(&self, request: &Request) -> bool {
        let Some((mount, rest)) = self.find_mount(&request.namespace, &request.path) else { return true };
        let mount = self.namespaces.get(&request.namespace).and_then(|namespace| namespace.mounts.get(mount));
        match mount {
            Some(Mount::Kv(kv)) => kv.exists(rest),
            Some(Mount::Transit(transit)) => transit.exists(rest),
            None => true,
        }
    }

    pub(super) fn allows(&self, token: &Token, namespace: &str, path: &str, wanted: Capability) -> bool {
        if token.policies.iter().any(|policy| policy == "root") {
            return true;
        }
        if token.namespace != namespace {
            return false;
        }
        let Some(space) = self.namespaces.get(namespace) else { return false };
        let policies = token.policies.iter().filter_map(|name| space.policies.get(name));
        let found = acl::capabilities(policies, path);
        // Where nothing tells creating from updating, either is enough.
        found.contains(&wanted) && !found.contains(&Capability::Deny)
    }

    fn find_mount<'a>(&'a self, namespace: &str, path: &'a str) -> Option<(&'a str, &'a str)> {
        let mounts = &self.namespaces.get(namespace)?.mounts;
        let under = |mount: &&String| path.strip_prefix(mount.as_str()).is_some_and(|rest| rest.starts_with('/'));
        let mount = mounts.keys().filter(under).max_by_key(|mount| mount.len())?;
        Some((mount, path.get(mount.len() + 1..)?))
    }

    fn engine(&mut self, request: &Request) -> Answer {
        let now = self.now();
        let found = self.find_mount(&request.namespace, &request.path);
        let Some((mount, rest)) = found.map(|(mount, rest)| (mount.to_owned(), rest.to_owned())) else {
            return refuse(404, format!("no handler for route {:?}. route entry not found.", request.path));
        };
        let space = self.namespaces.get_mut(&request.namespace);
        match space.and_then(|space| space.mounts.get_mut(&mount)) {
            Some(Mount::Kv(kv)) => kv.handle(&rest, request, now),
            Some(Mount::Transit(transit)) => transit.handle(&rest, request, now),
            None => not_found(),
        }
    }
}
