//! Fakes of what is outside: instances that are ready at once, a proxy that does as it is told, a clock that is set.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use jiff::Timestamp;
use towpath_core::{
    config::{Bundle, Live, environment_bytes, load},
    deployment::{Check, DeploymentSpec},
    ids::{Digest, EnvironmentName, Revision, ServiceName},
    instance::{InstanceId, InstancePhase, InstanceSet, InstanceStatus, SetId},
    release::Release,
    traffic::{Counts, RouteId, RouteStatus, RouteTable, TrafficStatus},
    units::Millis,
};
use towpath_engine::ports::{
    Blobs, CheckOutcome, Checks, Clock, LogChunk, LogQuery, ResolveError, Resolver, Target, TargetError, Traffic,
    TrafficError,
};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs everything at once.
#[derive(Default)]
pub(crate) struct FakeTarget {
    sets: Mutex<BTreeMap<SetId, u32>>,
    pub(crate) broken: AtomicBool,
    pub(crate) panics: AtomicBool,
}

#[async_trait]
impl Target for FakeTarget {
    async fn scale(&self, set: &InstanceSet) -> Result<(), TargetError> {
        lock(&self.sets).insert(set.id.clone(), set.replicas);
        Ok(())
    }

    async fn remove(&self, set: &SetId) -> Result<(), TargetError> {
        lock(&self.sets).remove(set);
        Ok(())
    }

    async fn observe(&self) -> Result<Vec<InstanceStatus>, TargetError> {
        assert!(!self.panics.load(Ordering::Relaxed), "a planted panic");
        if self.broken.load(Ordering::Relaxed) {
            return Err(TargetError::Failed("a planted fault with a `s3cret` in it".into()));
        }
        let sets = lock(&self.sets);
        Ok(sets
            .iter()
            .flat_map(|(set, replicas)| (0..*replicas).map(|index| InstanceId { set: set.clone(), index }))
            .map(|id| {
                let port = u16::try_from(20_000 + id.set.revision.0 * 10 + u64::from(id.index)).unwrap();
                InstanceStatus {
                    id,
                    phase: InstancePhase::Ready,
                    address: Some(SocketAddr::from(([127, 0, 0, 1], port))),
                    pid: Some(1000),
                    started_at: None,
                    restarts: 0,
                    message: None,
                    usage: None,
                }
            })
            .collect())
    }

    async fn logs(&self, instance: &InstanceId, query: LogQuery) -> Result<LogChunk, TargetError> {
        if lock(&self.sets).get(&instance.set).is_none_or(|replicas| instance.index >= *replicas) {
            return Err(TargetError::Unknown(instance.clone()));
        }
        let all = format!("first line of {instance}\nsecond line\n");
        let from = usize::try_from(query.from.unwrap_or(0)).unwrap_or(usize::MAX).min(all.len());
        Ok(LogChunk { text: all[from..].to_owned(), next: all.len() as u64 })
    }

    async fn changed(&self) {
        std::future::pending::<()>().await;
    }
}

/// Listens everywhere it is told to, on paper.
#[derive(Default)]
pub(crate) struct FakeTraffic {
    table: Mutex<RouteTable>,
    pub(crate) counts: Mutex<BTreeMap<(RouteId, Revision), Counts>>,
}

#[async_trait]
impl Traffic for FakeTraffic {
    async fn apply(&self, table: &RouteTable) -> Result<(), TrafficError> {
        *lock(&self.table) = table.clone();
        Ok(())
    }

    fn status(&self) -> TrafficStatus {
        let table = lock(&self.table);
        let routes = table.0.iter().map(|(id, route)| {
            let listen = Some(route.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 9000))));
            let status = RouteStatus { listen, preview: route.preview, error: None };
            (format!("{}/{}", id.environment, id.service), status)
        });
        let endpoints = table.0.values().flat_map(|route| route.backends.values()).flat_map(|it| it.endpoints.keys());
        TrafficStatus { routes: routes.collect(), in_flight: endpoints.map(|id| (id.to_string(), 0)).collect() }
    }

    fn counts(&self) -> BTreeMap<(RouteId, Revision), Counts> {
        lock(&self.counts).clone()
    }

    fn prometheus(&self) -> String {
        "# TYPE towpath_requests_total counter\ntowpath_requests_total 3".to_owned()
    }
}

/// Passes everything.
pub(crate) struct FakeChecks;

#[async_trait]
impl Checks for FakeChecks {
    async fn run(&self, _: &Check, _: &BTreeMap<ServiceName, SocketAddr>) -> CheckOutcome {
        CheckOutcome { passed: true, message: "answered 200".to_owned(), duration: Millis(1) }
    }
}

/// A clock that is set by hand.
pub(crate) struct FakeClock(pub(crate) AtomicI64);

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// Resolves with the real configuration.
pub(crate) struct BundleResolver {
    pub(crate) blobs: Arc<dyn Blobs>,
}

#[async_trait]
impl Resolver for BundleResolver {
    async fn resolve(
        &self,
        release: &Release,
        environment: &EnvironmentName,
        live: &Live,
    ) -> Result<DeploymentSpec, ResolveError> {
        let bundle = Bundle::from_bytes(&self.blobs.get(&release.content.bundle).await?).unwrap();
        let resolution =
            load(&live.sources(&bundle.to_sources(), environment)).resolve(environment.as_str(), &live.inputs());
        let invalid = |mistakes| ResolveError::Invalid { environment: environment.clone(), mistakes };
        let messages = resolution.diagnostics.iter().map(|found| found.message.clone()).collect();
        let resolved = resolution.environment.ok_or_else(|| invalid(messages))?;
        let artifacts: BTreeMap<_, Digest> =
            release.content.artifacts.iter().map(|(name, artifact)| (name.clone(), artifact.tree)).collect();
        let made = resolved.to_deployment_spec(&artifacts);
        let (spec, environments) = made.map_err(|error| invalid(vec![error.to_string()]))?;
        for environment in environments.values() {
            self.blobs.put(&environment_bytes(environment)).await?;
        }
        Ok(spec)
    }
}
