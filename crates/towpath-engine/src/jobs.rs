//! Jobs: what takes longer than a turn may. They run beside the loop; a later turn writes down how they ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use tokio::task::JoinSet;
use towpath_core::{
    command::{Command, Happened, Report},
    ids::{Revision, ServiceName},
    rollout::{Deployment, Failure, FailureKind, Observation},
};

use crate::engine::{Engine, Memory};

/// Verifications that are running.
#[derive(Default)]
pub(crate) struct Jobs {
    running: BTreeSet<(Revision, usize)>,
    tasks: JoinSet<((Revision, usize), Report)>,
}

impl Engine {
    /// Starts the checks of a step unless they are running.
    pub(crate) fn verify(&self, memory: &mut Memory, deployment: &Deployment, step: usize, observation: &Observation) {
        let key = (deployment.revision, step);
        if !memory.jobs.running.insert(key) {
            return;
        }
        let urls = addresses(deployment, observation);
        let checks = std::sync::Arc::clone(&self.ports.checks);
        let list = deployment.spec.verification.clone();
        let revision = deployment.revision;
        memory.jobs.tasks.spawn(async move {
            let mut results = Vec::with_capacity(list.len());
            let mut failed = None;
            for check in &list {
                let outcome = checks.run(check, &urls).await;
                let word = if outcome.passed { "passed" } else { "failed" };
                results.push(format!("{} {word}: {}", check.name, outcome.message));
                if !outcome.passed {
                    failed.get_or_insert_with(|| format!("check `{}` failed: {}", check.name, outcome.message));
                }
            }
            let happened = match failed {
                None => Happened::Verified { step, results },
                Some(message) => {
                    Happened::Failed(Failure { kind: FailureKind::Verification, message, evidence: results })
                }
            };
            (key, Report { revision, happened })
        });
    }

    /// Writes down how finished jobs ended; says whether any did.
    pub(crate) async fn finish_jobs(&self, memory: &mut Memory) -> bool {
        let mut any = false;
        while let Some(joined) = memory.jobs.tasks.try_join_next() {
            let Ok((key, report)) = joined else { continue };
            memory.jobs.running.remove(&key);
            any |= self.submit_own(Command::Report(report), "verification").await.is_ok();
        }
        any
    }
}

/// One ready instance of each service of a deployment.
fn addresses(deployment: &Deployment, observation: &Observation) -> BTreeMap<ServiceName, SocketAddr> {
    let ready = observation
        .instances
        .values()
        .filter(|status| status.id.set.environment == deployment.environment)
        .filter(|status| status.id.set.revision == deployment.runs && status.is_ready());
    ready.filter_map(|status| Some((status.id.set.service.clone(), status.address?))).collect()
}
