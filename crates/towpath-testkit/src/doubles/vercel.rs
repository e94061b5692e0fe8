//! Vercel's API of environment variables: <https://vercel.com/docs/rest-api/projects/create-one-or-more-environment-variables>
//! and its neighbours for listing and removing.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use super::http::{Answer, Asked, Fault, Service, lock};

const TOKEN: &str = "token-of-the-vercel-double";
const PAGE: usize = 20;

#[derive(Clone)]
struct Variable {
    id: String,
    key: String,
    value: String,
    kind: String,
    targets: BTreeSet<String>,
    updated: u64,
}

#[derive(Default)]
struct State {
    variables: Vec<Variable>,
    millis: u64,
    refused: Option<String>,
}

/// A Vercel with the project `shop` of the team `team_acme`.
pub struct VercelDouble {
    service: Service,
    state: Arc<Mutex<State>>,
}

impl VercelDouble {
    /// Starts it.
    pub fn start() -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let service = Service::start(Arc::new(move |asked: &Asked| answer(&mut lock(&shared), asked)))?;
        Ok(Self { service, state })
    }

    /// Returns its address.
    pub fn url(&self) -> String {
        self.service.url()
    }

    /// Returns the token it takes.
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// Returns the values for one of its environments, with their types.
    pub fn values(&self, target: &str) -> BTreeMap<String, (String, String)> {
        let state = lock(&self.state);
        let of = state.variables.iter().filter(|variable| variable.targets.contains(target));
        of.map(|variable| (variable.key.clone(), (variable.value.clone(), variable.kind.clone()))).collect()
    }

    /// Sets a variable as somebody else would.
    pub fn set(&self, key: &str, value: &str, targets: &[&str]) {
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        store(&mut lock(&self.state), key, value, "encrypted", targets);
    }

    /// Refuses every write of this variable from now on, or no more.
    pub fn refuse(&self, key: Option<&str>) {
        lock(&self.state).refused = key.map(str::to_owned);
    }

    /// Lets the request after so many good ones fail.
    pub fn fail(&self, after: usize, fault: Fault) {
        self.service.fail(after, fault);
    }

    /// Returns every request so far.
    pub fn asked(&self) -> Vec<String> {
        self.service.asked()
    }
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::of(status, json!({ "error": { "code": code, "message": message } }))
}

fn answer(state: &mut State, asked: &Asked) -> Answer {
    if asked.headers.get("authorization").map(String::as_str) != Some(&format!("Bearer {TOKEN}")) {
        return error(403, "forbidden", "Not authorized");
    }
    let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
    let own = asked.query.get("teamId").map(String::as_str) == Some("team_acme");
    match (asked.method.as_str(), path.as_slice()) {
        ("GET", ["v9" | "v10", "projects", "shop", "env"]) if own => list(state, asked),
        ("POST", ["v10", "projects", "shop", "env"]) if own => post(state, asked),
        ("DELETE", ["v9", "projects", "shop", "env", id]) if own => {
            let before = state.variables.len();
            state.variables.retain(|variable| variable.id != *id);
            if state.variables.len() < before {
                Answer::of(200, json!([]))
            } else {
                error(404, "not_found", "no such variable")
            }
        }
        _ => error(404, "not_found", "Project not found."),
    }
}

fn shown(variable: &Variable) -> Value {
    let targets: Vec<&String> = variable.targets.iter().collect();
    // One environment is shown as a text by some versions.
    let target = if let [one] = targets.as_slice() { json!(one) } else { json!(targets) };
    json!({
        "id": variable.id, "key": variable.key, "type": variable.kind, "target": target, "gitBranch": null,
        "createdAt": 1_700_000_000_000_u64, "updatedAt": 1_700_000_000_000_u64 + variable.updated,
    })
}

fn list(state: &State, asked: &Asked) -> Answer {
    let from = asked.query.get("until").and_then(|text| text.parse().ok()).unwrap_or(0_usize);
    let page: Vec<Value> = state.variables.iter().skip(from).take(PAGE).map(shown).collect();
    let next = (from + PAGE < state.variables.len()).then_some(from + PAGE);
    Answer::of(200, json!({ "envs": page, "pagination": { "count": page.len(), "next": next, "prev": null } }))
}

fn post(state: &mut State, asked: &Asked) -> Answer {
    let text = |key: &str| asked.body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (key, value, kind) = (text("key"), text("value"), text("type"));
    let targets: BTreeSet<String> = match asked.body.get("target") {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    };
    let known = targets.iter().all(|target| matches!(target.as_str(), "production" | "preview" | "development"));
    if key.is_empty() || targets.is_empty() || !known || !matches!(kind.as_str(), "encrypted" | "plain" | "sensitive") {
        return error(400, "bad_request", "Invalid request: key, value, type and target are needed");
    }
    if key.starts_with("VERCEL_") {
        return error(400, "ENV_RESERVED", "The name is reserved");
    }
    if kind == "sensitive" && targets.contains("development") {
        return error(400, "bad_request", "You cannot set a Sensitive Environment Variable's target to development.");
    }
    if state.refused.as_deref() == Some(key.as_str()) {
        return Answer::of(201, failed("ENV_FAILED", "it cannot be kept"));
    }
    let overlaps = |variable: &&Variable| variable.key == key && !variable.targets.is_disjoint(&targets);
    let upsert = asked.query.get("upsert").map(String::as_str) == Some("true");
    match state.variables.iter().find(overlaps) {
        Some(other) if !upsert || other.targets != targets => {
            Answer::of(201, failed("ENV_CONFLICT", "it exists for another target"))
        }
        _ => {
            let variable = store(state, &key, &value, &kind, targets);
            Answer::of(201, json!({ "created": shown(&variable), "failed": [] }))
        }
    }
}

fn failed(code: &str, message: &str) -> Value {
    json!({ "created": [], "failed": [{ "error": { "code": code, "message": message } }] })
}

fn store(state: &mut State, key: &str, value: &str, kind: &str, targets: BTreeSet<String>) -> Variable {
    state.millis += 1;
    let before = state.variables.iter().position(|variable| variable.key == key && variable.targets == targets);
    let id = before
        .and_then(|place| state.variables.get(place))
        .map_or_else(|| format!("env{}", state.millis), |it| it.id.clone());
    let (key, value, kind) = (key.to_owned(), value.to_owned(), kind.to_owned());
    let variable = Variable { id, key, value, kind, targets, updated: state.millis };
    match before.and_then(|place| state.variables.get_mut(place)) {
        Some(place) => *place = variable.clone(),
        None => state.variables.push(variable.clone()),
    }
    variable
}
