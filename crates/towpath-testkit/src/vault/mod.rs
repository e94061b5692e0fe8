//! A double of Vault: a real HTTP(S) server on the loopback interface with real cryptography, in memory.
//!
//! Written from the documented API (developer.hashicorp.com and openbao.org) and the behaviour OpenBao's own tests describe:
//! transit, KV version 2, tokens, AppRole, policies, namespaces, sealing. It can be told to misbehave. What it is not: a
//! Vault. Leases, response wrapping, audit devices, replication and every other engine are missing, and nothing of it is
//! meant to keep a secret.

mod acl;
mod auth;
mod kv;
mod server;
mod state;
mod sys;
mod transit;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub use server::Fault;
use server::Running;
use state::State;

/// A request the double has seen. Neither its token nor its body is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Such as `GET` or `PATCH`.
    pub method: String,
    /// Without `/v1/`.
    pub path: String,
    /// The namespace, without slashes at its ends.
    pub namespace: String,
    /// What was answered.
    pub status: u16,
}

/// A running double. It ends when it is dropped.
pub struct VaultDouble {
    state: Arc<Mutex<State>>,
    running: Running,
    ca: Option<String>,
}

impl VaultDouble {
    /// Starts one that speaks HTTP, unsealed, with KV version 2 at `secret` and transit at `transit`.
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State::new()));
        Self { running: Running::start(state.clone(), None), state, ca: None }
    }

    /// Starts one that speaks HTTPS with a certificate of an authority of its own.
    pub fn start_tls() -> Self {
        let state = Arc::new(Mutex::new(State::new()));
        let (tls, ca) = server::certificates();
        Self { running: Running::start(state.clone(), Some(tls)), state, ca: Some(ca) }
    }

    /// Returns where it listens, such as `https://127.0.0.1:41234`.
    pub fn address(&self) -> String {
        let scheme = if self.ca.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.socket())
    }

    /// Returns the socket it listens on.
    pub fn socket(&self) -> SocketAddr {
        self.running.address
    }

    /// Returns the certificate of the authority, in PEM; empty without TLS.
    pub fn ca_pem(&self) -> &str {
        self.ca.as_deref().unwrap_or_default()
    }

    /// Returns a token that may do everything.
    pub fn root_token(&self) -> String {
        self.lock().root_token.clone()
    }

    /// Returns the key that unseals it.
    pub fn unseal_key(&self) -> String {
        self.lock().unseal_key.clone()
    }

    /// Seals it, as an operator would.
    pub fn seal(&self) {
        self.lock().sealed = true;
    }

    /// Unseals it.
    pub fn unseal(&self) {
        self.lock().sealed = false;
    }

    /// Lets its clock run ahead, so that tokens expire.
    pub fn advance(&self, by: Duration) {
        self.lock().ahead += by;
    }

    /// Makes a namespace, with the same engines as the root one has.
    pub fn add_namespace(&self, name: &str) {
        self.lock().add_namespace(name);
    }

    /// Writes a policy into a namespace (the root one is empty) in Vault's language.
    pub fn add_policy(&self, namespace: &str, name: &str, rules: &str) {
        self.lock().add_policy(namespace, name, rules);
    }

    /// Makes a token of a namespace with these policies that lives this long.
    pub fn add_token(&self, namespace: &str, policies: &[&str], lives: Duration) -> String {
        self.lock().add_token(namespace, policies, lives)
    }

    /// Makes an AppRole and returns its role id and a secret id with this many uses (0: as many as one likes). Its tokens
    /// live for so long, and with renewals four times as long.
    pub fn add_approle(&self, namespace: &str, policies: &[&str], lives: Duration, uses: u32) -> (String, String) {
        self.lock().add_approle(namespace, policies, lives, uses)
    }

    /// Lets the next requests whose path contains this text fail, as many times as said. Faults are used up in the order
    /// they were added.
    pub fn fault(&self, path: &str, fault: &Fault, times: usize) {
        let mut state = self.lock();
        for _ in 0..times {
            state.faults.push_back((path.to_owned(), fault.clone()));
        }
    }

    /// Returns what was asked since the start.
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
