//! The addresses that routes without a declared one were given, kept so that they are the same after a restart.
//!
//! A convenience: a file that is missing, damaged or cannot be written costs nothing but the old port numbers.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use towpath_core::traffic::RouteId;
use towpath_engine::{Engine, ports::Traffic};

use super::files::write_private;

const FILE: &str = "addresses.json";
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Returns where routes were listened on before.
pub(super) fn usual(data: &Path) -> BTreeMap<RouteId, SocketAddr> {
    read(data).iter().filter_map(|(route, address)| Some((route_id(route)?, *address))).collect()
}

fn read(data: &Path) -> BTreeMap<String, SocketAddr> {
    fs::read(data.join(FILE)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn route_id(text: &str) -> Option<RouteId> {
    let (environment, service) = text.split_once('/')?;
    Some(RouteId { environment: environment.parse().ok()?, service: service.parse().ok()? })
}

/// Writes the addresses down whenever they change, for ever.
pub(super) async fn keep(data: &Path, traffic: Arc<dyn Traffic>, engine: Arc<Engine>) {
    let mut kept = read(data);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let world = engine.world();
        // An environment that was destroyed takes its addresses with it.
        let known = |route: &str| {
            route_id(route).is_some_and(|id| {
                !world.gone.contains_key(&id.environment) || world.environments.contains_key(&id.environment)
            })
        };
        let now = traffic.status().routes;
        let mut next = kept.clone();
        next.retain(|route, _| known(route));
        next.extend(now.into_iter().filter_map(|(route, status)| Some((route, status.listen?))));
        if next != kept
            && let Ok(text) = serde_json::to_vec_pretty(&next)
            && write_private(&data.join(FILE), &text).is_ok()
        {
            kept = next;
        }
    }
}
