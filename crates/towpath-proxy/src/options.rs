//! What a proxy is started with. Everything here is the same for all routes; what differs is in the route.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use towpath_core::traffic::RouteId;

/// How the proxy runs.
#[derive(Clone)]
pub struct ProxyOptions {
    /// Threads, each with its own sockets; 0 takes one per core.
    pub workers: usize,
    /// The key of the hash that turns a client's cookie into a bucket. Keep it the same over restarts and over proxies of
    /// one environment, or clients change revision.
    pub sticky_key: [u8; 16],
    /// How long one attempt to connect to an instance may take.
    pub connect_timeout: Duration,
    /// How long an instance may take to begin its answer, counted anew with each part of the request's body.
    pub response_timeout: Duration,
    /// How long a client may take to send a request's head, and how long its connection may be idle between requests.
    pub client_timeout: Duration,
    /// How long an idle connection to an instance is kept. Below what applications use (Node's default is 5 s).
    pub pool_idle: Duration,
    /// How many requests of a route may wait for an instance, per worker; more get 503 at once.
    pub max_waiters: usize,
    /// Where routes that name no address were listened on before: tried first, so that clients find them again after a
    /// restart.
    pub usual: BTreeMap<RouteId, SocketAddr>,
}

impl Default for ProxyOptions {
    fn default() -> Self {
        Self {
            workers: 0,
            sticky_key: [0; 16],
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_mins(1),
            client_timeout: Duration::from_mins(1),
            pool_idle: Duration::from_secs(4),
            max_waiters: 1024,
            usual: BTreeMap::new(),
        }
    }
}

impl std::fmt::Debug for ProxyOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key stays out: whoever has it can choose a revision.
        f.debug_struct("ProxyOptions").field("workers", &self.workers).finish_non_exhaustive()
    }
}
