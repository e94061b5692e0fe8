//! Tokens and AppRole.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::state::{
    Answer, Refusal, Request, State, answer, denied, empty, not_found, random_id, refuse, signed_in, unsupported,
};

/// How long a token lives at most, however often it is renewed, where nothing else is said: 32 days.
const MOST: Duration = Duration::from_hours(32 * 24);

/// A token.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) accessor: String,
    pub(super) namespace: String,
    pub(super) policies: Vec<String>,
    pub(super) display_name: String,
    pub(super) issued: Timestamp,
    /// Nothing: it lives for ever.
    pub(super) expires: Option<Timestamp>,
    pub(super) ttl: Duration,
    pub(super) most: Duration,
    pub(super) renewable: bool,
    /// 0: as often as one likes.
    pub(super) uses: u64,
}

impl Token {
    pub(super) fn root() -> Self {
        Self {
            accessor: random_id(),
            namespace: String::new(),
            policies: vec!["root".to_owned()],
            display_name: "root".to_owned(),
            issued: Timestamp::now(),
            expires: None,
            ttl: Duration::ZERO,
            most: Duration::ZERO,
            renewable: false,
            uses: 0,
        }
    }

    fn left(&self, now: Timestamp) -> u64 {
        // Rounded up: what was just given an hour has 3600 seconds left.
        let left = |expires: Timestamp| (expires.duration_since(now).as_millis() + 999) / 1000;
        self.expires.map_or(0, |expires| u64::try_from(left(expires)).unwrap_or(0))
    }

    fn auth(&self, id: &str, now: Timestamp) -> Value {
        json!({
            "client_token": id, "accessor": self.accessor, "policies": self.policies, "token_policies": self.policies,
            "metadata": {}, "lease_duration": self.left(now), "renewable": self.renewable, "entity_id": "",
            "token_type": "service", "orphan": true, "mfa_requirement": null, "num_uses": self.uses,
        })
    }

    fn data(&self, id: &str, now: Timestamp) -> Value {
        json!({
            "id": id, "accessor": self.accessor, "policies": self.policies, "display_name": self.display_name,
            "creation_time": self.issued.as_second(), "creation_ttl": self.ttl.as_secs(), "ttl": self.left(now),
            "expire_time": self.expires.map(|at| at.to_string()), "issue_time": self.issued.to_string(),
            "explicit_max_ttl": 0, "num_uses": self.uses, "orphan": true, "path": "auth/token/create",
            "renewable": self.renewable, "meta": null, "entity_id": "", "type": "service",
        })
    }
}

/// A role to sign in with.
#[derive(Debug, Clone)]
pub(super) struct Role {
    id: String,
    policies: Vec<String>,
    ttl: Duration,
    most: Duration,
    bind_secret_id: bool,
    secret_id_uses: u64,
    secret_id_ttl: Duration,
    /// By secret id: uses that are left (nothing: any number) and when it ends.
    secret_ids: BTreeMap<String, (Option<u64>, Option<Timestamp>)>,
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now + SignedDuration::try_from(by).unwrap_or_default()
}

impl State {
    pub(super) fn add_token(&mut self, namespace: &str, policies: &[&str], lives: Duration) -> String {
        let policies = policies.iter().map(|policy| (*policy).to_owned()).collect();
        self.issue(namespace, policies, lives, MOST, "token").0
    }

    pub(super) fn add_approle(
        &mut self,
        namespace: &str,
        policies: &[&str],
        lives: Duration,
        uses: u32,
    ) -> (String, String) {
        let (role_id, secret_id) = (random_id(), random_id());
        let role = Role {
            id: role_id.clone(),
            policies: policies.iter().map(|policy| (*policy).to_owned()).collect(),
            ttl: lives,
            most: lives * 4,
            bind_secret_id: true,
            secret_id_uses: u64::from(uses),
            secret_id_ttl: Duration::ZERO,
            secret_ids: BTreeMap::from([(secret_id.clone(), ((uses > 0).then_some(u64::from(uses)), None))]),
        };
        if let Some(space) = self.namespaces.get_mut(namespace) {
            space.roles.entry("approle".to_owned()).or_default().insert(random_id(), role);
        }
        (role_id, secret_id)
    }

    fn issue(
        &mut self,
        namespace: &str,
        mut policies: Vec<String>,
        ttl: Duration,
        most: Duration,
        display_name: &str,
    ) -> (String, Token) {
        let now = self.now();
        if !policies.iter().any(|policy| policy == "root" || policy == "default") {
            policies.insert(0, "default".to_owned());
        }
        let token = Token {
            accessor: random_id(),
            namespace: namespace.to_owned(),
            policies,
            display_name: display_name.to_owned(),
            issued: now,
            expires: Some(later(now, ttl)),
            ttl,
            most,
            renewable: true,
            uses: 0,
        };
        let id = format!("hvs.{}", random_id().replace('-', ""));
        self.tokens.insert(id.clone(), token.clone());
        (id, token)
    }

    /// Finds the token of a request, if it is still good.
    pub(super) fn token(&self, request: &Request) -> Result<(String, Token), Refusal> {
        let Some(id) = request.token.as_deref().filter(|id| !id.is_empty()) else {
            return refuse(403, "permission denied");
        };
        let now = self.now();
        let found = self.tokens.get(id).filter(|token| token.expires.is_none_or(|expires| expires > now));
        match found {
            Some(token) => Ok((id.to_owned(), token.clone())),
            None => Err(Refusal {
                status: 403,
                errors: vec!["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n".to_owned()],
            }),
        }
    }

    /// Counts a use of a token that has only so many.
    pub(super) fn use_token(&mut self, id: &str) {
        if let Some(token) = self.tokens.get_mut(id).filter(|token| token.uses > 0) {
            token.uses -= 1;
            if token.uses == 0 {
                self.tokens.remove(id);
            }
        }
    }

    /// Answers what a token asks about tokens.
    pub(super) fn token_endpoint(&mut self, id: &str, token: &Token, request: &Request) -> Answer {
        let now = self.now();
        match (request.path.as_str(), request.method.as_str()) {
            ("auth/token/lookup-self", "GET") => answer(&token.data(id, now)),
            ("auth/token/lookup", "POST" | "PUT") => {
                let asked = request.text("token");
                match self.tokens.get(asked).filter(|token| token.expires.is_none_or(|expires| expires > now)) {
                    Some(found) => answer(&found.data(asked, now)),
                    None => refuse(403, "bad token"),
                }
            }
            ("auth/token/renew-self", "POST" | "PUT") => self.renew(id, request.duration("increment")),
            ("auth/token/renew", "POST" | "PUT") => {
                let asked = request.text("token").to_owned();
                self.renew(&asked, request.duration("increment"))
            }
            ("auth/token/revoke-self", "POST" | "PUT") => {
                self.tokens.remove(id);
                empty()
            }
            ("auth/token/revoke", "POST" | "PUT") => {
                self.tokens.remove(request.text("token"));
                empty()
            }
            ("auth/token/create", "POST" | "PUT") => self.create_token(token, request),
            _ => unsupported(),
        }
    }

    fn create_token(&mut self, parent: &Token, request: &Request) -> Answer {
        let policies = request.words("policies").unwrap_or_else(|| parent.policies.clone());
        let ttl = request.duration("ttl").filter(|ttl| !ttl.is_zero()).unwrap_or(MOST);
        let most = request.duration("explicit_max_ttl").filter(|most| !most.is_zero()).unwrap_or(MOST);
        let (id, _) = self.issue(&request.namespace, policies, ttl.min(most), most, "token");
        let now = self.now();
        let Some(token) = self.tokens.get_mut(&id) else { return not_found() };
        token.uses = request.number("num_uses").unwrap_or(0);
        token.renewable = request.flag("renewable").unwrap_or(true);
        signed_in(&token.auth(&id, now))
    }

    fn renew(&mut self, id: &str, increment: Option<Duration>) -> Answer {
        let now = self.now();
        let Some(token) = self.tokens.get_mut(id) else { return denied() };
        if token.expires.is_some() {
            if !token.renewable {
                return refuse(400, "lease is not renewable");
            }
            let asked = later(now, increment.filter(|asked| !asked.is_zero()).unwrap_or(token.ttl));
            token.expires = Some(asked.min(later(token.issued, token.most)));
        }
        signed_in(&token.auth(id, now))
    }

    /// Signs in with a role, which needs no token.
    pub(super) fn login(&mut self, request: &Request) -> Option<Answer> {
        let mount = request.path.strip_prefix("auth/")?.strip_suffix("/login")?.to_owned();
        self.namespaces.get(&request.namespace)?.roles.get(&mount)?;
        Some(if request.is_write() { self.login_with_role(&mount, request) } else { unsupported() })
    }

    fn login_with_role(&mut self, mount: &str, request: &Request) -> Answer {
        const WRONG: &str = "invalid role or secret ID";
        let now = self.now();
        let (role_id, secret_id) = (request.text("role_id"), request.text("secret_id"));
        if role_id.is_empty() {
            return refuse(400, "missing role_id");
        }
        let space = self.namespaces.get_mut(&request.namespace);
        let roles = space.and_then(|space| space.roles.get_mut(mount));
        let Some(role) = roles.and_then(|roles| roles.values_mut().find(|role| role.id == role_id)) else {
            return refuse(400, WRONG);
        };
        if role.bind_secret_id {
            if secret_id.is_empty() {
                return refuse(400, "missing secret_id");
            }
            match role.secret_ids.get_mut(secret_id) {
                None => return refuse(400, WRONG),
                Some((_, Some(ends))) if *ends <= now => return refuse(400, WRONG),
                Some((None, _)) => {}
                Some((Some(uses), _)) => {
                    *uses -= 1;
                    if *uses == 0 {
                        role.secret_ids.remove(secret_id);
                    }
                }
            }
        }
        let (policies, ttl, most) = (role.policies.clone(), role.ttl, role.most);
        let (id, token) = self.issue(&request.namespace, policies, ttl, most, "approle");
        signed_in(&token.auth(&id, now))
    }

    /// Answers what is asked about roles.
    pub(super) fn approle(&mut self, request: &Request) -> Answer {
        let now = self.now();
        let Some((mount, rest)) = request.path.strip_prefix("auth/").and_then(|rest| rest.split_once("/role")) else {
            return not_found();
        };
        let space = self.namespaces.get_mut(&request.namespace);
        let Some(roles) = space.and_then(|space| space.roles.get_mut(mount)) else { return not_found() };
        let parts: Vec<&str> = rest.trim_matches('/').split('/').collect();
        match (parts.as_slice(), request.method.as_str()) {
            ([""], _) if request.is_list() => answer(&json!({ "keys": roles.keys().collect::<Vec<_>>() })),
            ([name], "POST" | "PUT") => {
                let role = roles.entry((*name).to_owned()).or_insert_with(|| Role::new(random_id()));
                role.configure(request);
                empty()
            }
            ([name], "DELETE") => {
                roles.remove(*name);
                empty()
            }
            ([name, rest @ ..], _) => {
                roles.get_mut(*name).map_or_else(not_found, |role| role.handle(rest, request, now))
            }
            _ => unsupported(),
        }
    }
}

impl Role {
    fn new(id: String) -> Self {
        Self {
            id,
            policies: Vec::new(),
            ttl: MOST,
            most: MOST,
            bind_secret_id: true,
            secret_id_uses: 0,
            secret_id_ttl: Duration::ZERO,
            secret_ids: BTreeMap::new(),
        }
    }

    fn configure(&mut self, request: &Request) {
        self.policies = request.words("token_policies").or_else(|| request.words("policies")).unwrap_or_default();
        let told = |name: &str| request.duration(name).filter(|told| !told.is_zero());
        self.most = told("token_max_ttl").unwrap_or(MOST);
        self.ttl = told("token_ttl").unwrap_or(MOST).min(self.most);
        self.bind_secret_id = request.flag("bind_secret_id").unwrap_or(true);
        self.secret_id_uses = request.number("secret_id_num_uses").unwrap_or(0);
        self.secret_id_ttl = request.duration("secret_id_ttl").unwrap_or_default();
    }

    fn handle(&mut self, rest: &[&str], request: &Request, now: Timestamp) -> Answer {
        match (rest, request.method.as_str()) {
            ([], "GET") => answer(&json!({
                "token_policies": self.policies, "token_ttl": self.ttl.as_secs(), "token_max_ttl": self.most.as_secs(),
                "secret_id_num_uses": self.secret_id_uses, "secret_id_ttl": self.secret_id_ttl.as_secs(),
                "bind_secret_id": self.bind_secret_id, "secret_id_bound_cidrs": null, "token_bound_cidrs": [],
                "token_explicit_max_ttl": 0, "token_no_default_policy": false, "token_num_uses": 0, "token_period": 0,
                "token_type": "default", "local_secret_ids": false,
            })),
            (["role-id"], "GET") => answer(&json!({ "role_id": self.id })),
            (["role-id"], "POST" | "PUT") => {
                request.text("role_id").clone_into(&mut self.id);
                empty()
            }
            (["secret-id"], "POST" | "PUT") => {
                let id = random_id();
                let uses = request.number("num_uses").unwrap_or(self.secret_id_uses);
                let ends = (!self.secret_id_ttl.is_zero()).then(|| later(now, self.secret_id_ttl));
                self.secret_ids.insert(id.clone(), ((uses > 0).then_some(uses), ends));
                answer(&json!({
                    "secret_id": id, "secret_id_accessor": random_id(), "secret_id_num_uses": uses,
                    "secret_id_ttl": self.secret_id_ttl.as_secs(),
                }))
            }
            (["secret-id", "destroy"], "POST" | "PUT") => {
                self.secret_ids.remove(request.text("secret_id"));
                empty()
            }
            _ => unsupported(),
        }
    }
}
