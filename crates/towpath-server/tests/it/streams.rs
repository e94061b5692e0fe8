//! Flags as they change: event streams, the protocol of pages, and the features of OpenFeature's test bed.

mod asking;
mod conformance;
mod events;
mod pages;

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use towpath_core::{
    command::Command,
    flags::{KeyChange, KeyCommand, KeyKind, NewKey},
    ids::{Digest, EnvironmentName, PrincipalName},
};
use towpath_engine::flags::{FlagSets, Served};
use towpath_server::{Access, Bundles, ServeError, ServerOptions, serve};

use crate::house::House;

/// What ends a server, and what it ends with.
type Serving = (oneshot::Sender<()>, JoinHandle<Result<(), ServeError>>);

/// A second server beside the one of a house, over the same engine, with flags that the test publishes. It can be stopped and comes
/// back on its port.
pub(crate) struct Line {
    pub(crate) house: House,
    pub(crate) port: u16,
    pub(crate) flags: Arc<FlagSets>,
    change: Box<dyn Fn(&mut ServerOptions) + Send>,
    running: Option<Serving>,
}

impl Line {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl Fn(&mut ServerOptions) + Send + 'static) -> Self {
        let house = House::new().await;
        house.release("1.0").await;
        let (flags, change) = (Arc::<FlagSets>::default(), Box::new(change));
        let mut line = Self { house, port: 0, flags, change, running: None };
        line.up().await;
        line
    }

    /// Starts the server.
    pub(crate) async fn up(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.port = listener.local_addr().unwrap().port();
        let mut options = ServerOptions::new(Arc::new(Bundles));
        options.flags = Arc::clone(&self.flags);
        (self.change)(&mut options);
        let access = Access::of_token("ana-token", PrincipalName::new("ana").unwrap());
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(listener, Arc::clone(&self.house.engine), access, options, async {
            drop(stopped.await);
        }));
        self.running = Some((stop, served));
    }

    /// Stops the server in good order.
    pub(crate) async fn down(&mut self) {
        let (stop, served) = self.running.take().unwrap();
        stop.send(()).unwrap();
        served.await.unwrap().unwrap();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Serves these flags in an environment from now on.
    pub(crate) fn publish(&self, environment: &str, document: Value) {
        let served = Served::new(serde_json::from_value(document).unwrap());
        self.flags.publish(&environment.parse().unwrap(), Arc::new(served));
    }

    /// Makes a key of an environment whose text is its name.
    pub(crate) async fn key(&self, environment: &str, name: &str, kind: KeyKind) {
        let digest = Digest::of(name.as_bytes());
        let key = NewKey { kind, digest, origins: Vec::new(), per_second: None, expires_at: None };
        self.change_key(environment, name, KeyChange::Make(key)).await;
    }

    pub(crate) async fn revoke(&self, environment: &str, name: &str) {
        self.change_key(environment, name, KeyChange::Revoke).await;
    }

    async fn change_key(&self, environment: &str, name: &str, change: KeyChange) {
        let (environment, reason): (EnvironmentName, _) = (environment.parse().unwrap(), Some("test".to_owned()));
        let command = KeyCommand { environment, name: name.parse().unwrap(), change, reason };
        let ben = PrincipalName::new("ben").unwrap();
        self.house.engine.submit(&ben, Command::ChangeFlagKeys(Box::new(command)), "test").await.unwrap();
    }
}

/// One flag that is on or off.
pub(crate) fn flag(on: bool) -> Value {
    let variant = if on { "on" } else { "off" };
    json!({ "flags": { "a": { "state": "ENABLED", "variants": { "on": true, "off": false }, "defaultVariant": variant } } })
}
