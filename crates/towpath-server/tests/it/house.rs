//! A house to test in: a server on a free port, a client, and the loop turned by hand.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use towpath_core::{
    artifact::{Tree, TreeEntry, TreePath},
    config::{Bundle, SourceSet},
    ids::{Digest, PrincipalName},
    ledger::CheckpointSigner,
};
use towpath_engine::{
    Engine, Ports, Progress,
    ports::Blobs as _,
    secrets::{Secrets, SystemEntropy},
};
use towpath_server::{Access, Bundles, ServeError, ServerOptions, serve};
use towpath_testkit::{MemoryBlobs, MemoryExperiments, MemoryKeys, MemoryLedger, MemorySamples, OneKeyProvider};

use crate::fakes::{BundleResolver, FakeChecks, FakeClock, FakeTarget, FakeTraffic};

/// The key of the ledger's checkpoints.
pub(crate) fn signer() -> CheckpointSigner {
    CheckpointSigner::new("towpath/test", &[7; 32]).unwrap()
}

/// Everything of a project but its versions.
const FILES: [(&str, &str); 4] = [
    ("environments/base.yaml", "services:\n  web: {replicas: 2}\n"),
    ("environments/development.yaml", "tier: development\nservices:\n  web: {replicas: 1}\n"),
    ("environments/staging.yaml", "tier: staging\ngates:\n  checklist: [the press is told, the shop is open]\n"),
    (
        "environments/production.yaml",
        "tier: production\nservices:\n  web: {listen: 8080}\ndeployment:\n  strategy:\n    canary:\n      steps: [{weight: 20}, {pause: manual}, {weight: 60}]\ngates:\n  approvals: {required: 1, roles: [tech-lead]}\n",
    ),
];

const PROJECT: &str = "project: shop
people:
  ana: {roles: [developer]}
  ben: {roles: [tech-lead]}
services:
  web:
    command: [./serve, --port, \"${PORT}\"]
    env: {GREETING: GREETING_VALUE}
variables:
  REGION: {default: eu}
  API_KEY: {secret: true}
pipeline:
  development: {deploy: automatic}
  staging: {after: development}
  production: {after: staging}
";

/// A server with everything around it.
pub(crate) struct House {
    pub(crate) url: String,
    pub(crate) port: u16,
    pub(crate) engine: Arc<Engine>,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) blobs: Arc<MemoryBlobs>,
    pub(crate) target: Arc<FakeTarget>,
    pub(crate) traffic: Arc<FakeTraffic>,
    pub(crate) keys: Arc<MemoryKeys>,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) client: reqwest::Client,
    pub(crate) clock: Arc<FakeClock>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), ServeError>>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Checks that it is this problem, and a proper one.
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{self:#?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["type"], format!("urn:towpath:problem:{code}"));
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["requestId"], self.header("x-request-id"));
        for text in ["title", "detail"] {
            assert!(self.body[text].as_str().is_some_and(|text| !text.is_empty()), "{self:#?}");
        }
    }

    pub(crate) fn ok(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:#?}");
        self.body
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut ServerOptions)) -> Self {
        let (ledger, blobs) = (Arc::new(MemoryLedger::default()), Arc::new(MemoryBlobs::default()));
        let (target, traffic) = (Arc::new(FakeTarget::default()), Arc::new(FakeTraffic::default()));
        let clock = Arc::new(FakeClock(AtomicI64::new(1_790_000_000_000)));
        let ports = Ports {
            ledger: ledger.clone(),
            blobs: blobs.clone(),
            samples: Arc::new(MemorySamples::default()),
            experiments: Arc::new(MemoryExperiments::default()),
            target: target.clone(),
            traffic: traffic.clone(),
            checks: Arc::new(FakeChecks),
            resolver: Arc::new(BundleResolver { blobs: blobs.clone() }),
            clock: clock.clone(),
        };
        let engine = Engine::open(ports, signer()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let keys = Arc::new(MemoryKeys::default());
        let secrets = Secrets::new(Arc::new(OneKeyProvider(keys.clone())), Arc::new(SystemEntropy));
        secrets.attach(&engine);
        let mut options = ServerOptions::new(Arc::new(Bundles));
        options.secrets = Some(secrets.clone());
        change(&mut options);
        let tokens =
            ["ana", "ben"].map(|who| (Digest::of(format!("{who}-token").as_bytes()), PrincipalName::new(who).unwrap()));
        let access = Access { tokens: tokens.to_vec() };
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(listener, engine.clone(), access, options, async {
            drop(stopped.await);
        }));
        let (url, client) = (format!("http://127.0.0.1:{port}"), reqwest::Client::new());
        let stop = Some(stop);
        Self { url, port, engine, ledger, blobs, target, traffic, keys, secrets, client, clock, stop, served }
    }

    /// Stops the server and waits until it has.
    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth("ana-token")
    }

    pub(crate) async fn send(request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Self::send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        Self::send(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn post_as(&self, who: &str, path: &str, body: Value) -> Answer {
        let request = self.client.post(format!("{}{path}", self.url)).bearer_auth(format!("{who}-token"));
        Self::send(request.json(&body)).await
    }

    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    /// Turns the loop until nothing moves any more.
    pub(crate) async fn settle(&self) {
        for _ in 0..100 {
            self.wait(1);
            if self.engine.turn().await.unwrap() == Progress::Settled {
                return;
            }
        }
        panic!("it never came to rest");
    }

    /// Puts the blobs of a release there and returns what asks for it.
    pub(crate) async fn release_body(&self, version: &str, greeting: &str) -> Value {
        let files = FILES.iter().map(|(path, text)| (*path, (*text).to_owned()));
        let project = ("towpath.yaml", PROJECT.replace("GREETING_VALUE", greeting));
        let sources: SourceSet = files.chain([project]).collect();
        let bundle = self.blobs.put(&Bundle::of(&sources).to_bytes()).await.unwrap();
        let program = format!("program {version}");
        let digest = self.blobs.put(program.as_bytes()).await.unwrap();
        let entry = TreeEntry::File { digest, executable: true, size: program.len() as u64 };
        let tree = Tree::new(BTreeMap::from([(TreePath::new("serve").unwrap(), entry)])).unwrap();
        let tree = self.blobs.put(&tree.canonical()).await.unwrap();
        json!({
            "content": {
                "version": version,
                "artifacts": { "web": { "tree": tree.to_string(), "files": 1, "size": program.len() } },
                "bundle": bundle.to_string(),
                "commit": { "id": "c0ffee", "at": "2026-09-20T08:00:00Z", "dirty": false },
            },
            "notes": "what changed",
        })
    }

    pub(crate) async fn release(&self, version: &str) -> u64 {
        let body = self.release_body(version, &format!("hello {version}")).await;
        self.post("/api/v1/releases", body).await.ok(201)["number"].as_u64().unwrap()
    }

    /// Brings a release into staging, checklist and all.
    pub(crate) async fn to_staging(&self, release: u64) {
        self.settle().await;
        let body = json!({ "environment": "staging", "release": release });
        let number = self.post("/api/v1/promotions", body).await.ok(201)["number"].as_u64().unwrap();
        for item in ["the press is told", "the shop is open"] {
            self.post(&format!("/api/v1/promotions/{number}/confirm"), json!({ "item": item })).await.ok(200);
        }
        self.settle().await;
    }

    /// Asks for a release in production and has it approved; returns the number of the promotion.
    pub(crate) async fn to_production(&self, release: u64) -> u64 {
        self.to_staging(release).await;
        let body = json!({ "environment": "production", "release": release, "confirm": "production" });
        let number = self.post("/api/v1/promotions", body).await.ok(201)["number"].as_u64().unwrap();
        self.post_as("ben", &format!("/api/v1/promotions/{number}/approve"), json!({})).await.ok(200);
        self.settle().await;
        number
    }

    /// A house where 1.0 runs in production and 1.1 is held there at 20 percent.
    pub(crate) async fn with_canary() -> Self {
        let house = Self::new().await;
        for version in ["1.0", "1.1"] {
            let release = house.release(version).await;
            house.to_production(release).await;
        }
        house
    }
}
