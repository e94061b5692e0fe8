//! GitHub's API of Actions secrets: <https://docs.github.com/en/rest/actions/secrets>.
//!
//! Values are decrypted as GitHub does, with the secret half of the key it gave out. Times have its resolution, a second, and
//! go on by one with every write.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto_box::SecretKey;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::http::{Answer, Asked, Fault, Service, lock};

const TOKEN: &str = "token-of-the-github-double";
const KEY_ID: &str = "012345678912345678";
const MAX_SEALED: usize = 48 * 1024 + 48;

#[derive(Clone)]
struct Secret {
    value: String,
    updated: i64,
    visibility: Option<String>,
    selected: Vec<Value>,
}

#[derive(Default)]
struct State {
    /// By the path that a repository, an environment or an organisation keeps its secrets under.
    places: BTreeMap<String, BTreeMap<String, Secret>>,
    seconds: i64,
    refused: Option<String>,
}

/// A GitHub with the repository `acme/shop`, its environment `production`, and the organisation `acme`.
pub struct GitHubDouble {
    service: Service,
    state: Arc<Mutex<State>>,
}

impl GitHubDouble {
    /// Where the secrets of the repository are.
    pub const REPOSITORY: &str = "repos/acme/shop/actions/secrets";
    /// Where those of its environment are.
    pub const ENVIRONMENT: &str = "repos/acme/shop/environments/production/secrets";
    /// Where those of the organisation are.
    pub const ORGANIZATION: &str = "orgs/acme/actions/secrets";

    /// Starts it.
    pub fn start() -> io::Result<Self> {
        let places =
            [Self::REPOSITORY, Self::ENVIRONMENT, Self::ORGANIZATION].map(|place| (place.to_owned(), BTreeMap::new()));
        let state = Arc::new(Mutex::new(State { places: BTreeMap::from(places), seconds: 0, refused: None }));
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

    /// Returns the decrypted secrets of a place.
    pub fn values(&self, place: &str) -> BTreeMap<String, String> {
        let state = lock(&self.state);
        let secrets = state.places.get(place).into_iter().flatten();
        secrets.map(|(name, secret)| (name.clone(), secret.value.clone())).collect()
    }

    /// Returns who may use a secret of the organisation, and which repositories if they are selected.
    pub fn visibility(&self, name: &str) -> Option<(String, Vec<Value>)> {
        let state = lock(&self.state);
        let secret = state.places.get(Self::ORGANIZATION)?.get(name)?;
        Some((secret.visibility.clone()?, secret.selected.clone()))
    }

    /// Sets a secret as somebody else would.
    pub fn set(&self, place: &str, name: &str, value: &str, visibility: Option<&str>, selected: &[u64]) {
        let mut state = lock(&self.state);
        state.seconds += 1;
        let updated = state.seconds;
        let selected = selected.iter().map(|id| json!(id)).collect();
        let secret = Secret { value: value.to_owned(), updated, visibility: visibility.map(str::to_owned), selected };
        state.places.entry(place.to_owned()).or_default().insert(name.to_owned(), secret);
    }

    /// Removes a secret as somebody else would.
    pub fn remove(&self, place: &str, name: &str) {
        lock(&self.state).places.entry(place.to_owned()).or_default().remove(name);
    }

    /// Refuses every write of this secret from now on, or no more.
    pub fn refuse(&self, name: Option<&str>) {
        lock(&self.state).refused = name.map(str::to_owned);
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

fn key() -> SecretKey {
    SecretKey::from([42; 32])
}

fn said(status: u16, message: &str) -> Answer {
    Answer::of(status, json!({ "message": message, "documentation_url": "https://docs.github.com/rest" }))
}

fn answer(state: &mut State, asked: &Asked) -> Answer {
    if asked.headers.get("user-agent").is_none_or(String::is_empty) {
        return said(
            403,
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
        );
    }
    if asked.headers.get("authorization").map(String::as_str) != Some(&format!("Bearer {TOKEN}")) {
        return said(401, "Bad credentials");
    }
    let path = asked.path.join("/");
    let Some(place) =
        state.places.keys().find(|place| path == **place || path.starts_with(&format!("{place}/"))).cloned()
    else {
        return said(404, "Not Found");
    };
    let rest: Vec<&str> = path.get(place.len()..).unwrap_or_default().split('/').skip(1).collect();
    match (asked.method.as_str(), rest.as_slice()) {
        ("GET", []) => list(state, &place, asked),
        ("GET", ["public-key"]) => {
            Answer::of(200, json!({ "key_id": KEY_ID, "key": STANDARD.encode(key().public_key().as_bytes()) }))
        }
        ("GET", [name, "repositories"]) => repositories(state, &place, name),
        ("PUT", [name]) => put(state, &place, name, &asked.body),
        ("DELETE", [name]) => match state.places.get_mut(&place).and_then(|secrets| secrets.remove(*name)) {
            Some(_) => Answer::empty(204),
            None => said(404, "Not Found"),
        },
        _ => said(404, "Not Found"),
    }
}

fn list(state: &State, place: &str, asked: &Asked) -> Answer {
    let number = |name: &str, usual: usize| asked.query.get(name).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (per_page, page) = (number("per_page", 30).clamp(1, 100), number("page", 1).max(1));
    let Some(secrets) = state.places.get(place) else { return said(404, "Not Found") };
    let time =
        |second: i64| Timestamp::from_second(1_700_000_000 + second).map(|at| at.to_string()).unwrap_or_default();
    let shown = secrets.iter().skip((page - 1) * per_page).take(per_page).map(|(name, secret)| {
        let mut item = json!({ "name": name, "created_at": time(0), "updated_at": time(secret.updated) });
        if let (Some(visibility), Some(object)) = (&secret.visibility, item.as_object_mut()) {
            object.insert("visibility".to_owned(), json!(visibility));
        }
        item
    });
    Answer::of(200, json!({ "total_count": secrets.len(), "secrets": shown.collect::<Vec<_>>() }))
}

fn repositories(state: &State, place: &str, name: &str) -> Answer {
    let Some(secret) = state.places.get(place).and_then(|secrets| secrets.get(name)) else {
        return said(404, "Not Found");
    };
    let all: Vec<Value> = secret.selected.iter().map(|id| json!({ "id": id, "name": "some" })).collect();
    Answer::of(200, json!({ "total_count": all.len(), "repositories": all }))
}

fn put(state: &mut State, place: &str, name: &str, body: &Value) -> Answer {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let fit =
        |(place, byte): (usize, u8)| byte.is_ascii_alphabetic() || byte == b'_' || (place > 0 && byte.is_ascii_digit());
    if name.is_empty() || !name.bytes().enumerate().all(fit) || name.to_ascii_uppercase().starts_with("GITHUB_") {
        return said(
            422,
            "Secret names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_)",
        );
    }
    if state.refused.as_deref() == Some(name) {
        return said(422, "Validation Failed");
    }
    let (Some(sealed), Some(KEY_ID)) = (text("encrypted_value"), text("key_id")) else {
        return said(422, "encrypted_value and the current key_id are needed");
    };
    let opened = STANDARD
        .decode(sealed)
        .ok()
        .filter(|bytes| bytes.len() <= MAX_SEALED)
        .and_then(|bytes| key().unseal(&bytes).ok());
    let Some(value) = opened.and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return said(422, "the value cannot be decrypted");
    };
    let (visibility, selected) = (text("visibility").map(str::to_owned), body.get("selected_repository_ids"));
    let organization = place.starts_with("orgs/");
    let known = visibility.as_deref().is_some_and(|word| matches!(word, "all" | "private" | "selected"));
    if organization && (!known || (visibility.as_deref() == Some("selected")) != selected.is_some()) {
        return said(422, "visibility is needed, and selected_repository_ids only with selected");
    }
    state.seconds += 1;
    let updated = state.seconds;
    let selected = selected.and_then(Value::as_array).cloned().unwrap_or_default();
    // Names are the same whatever their case, and are kept in capitals.
    let secrets = state.places.entry(place.to_owned()).or_default();
    let before = secrets.insert(name.to_ascii_uppercase(), Secret { value, updated, visibility, selected });
    if before.is_some() { Answer::empty(204) } else { Answer::of(201, json!({})) }
}
