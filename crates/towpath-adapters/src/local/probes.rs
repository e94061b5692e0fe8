//! Asking an instance what a probe asks.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use towpath_core::deployment::{Probe, ProbeAction};

use super::{environment, launch::Running};
use crate::{command::Short, http};

/// One attempt of a probe, with all it needs of the process.
pub(super) struct Attempt {
    probe: Probe,
    address: SocketAddr,
    environment: Arc<BTreeMap<String, String>>,
    directory: PathBuf,
}

impl Attempt {
    pub(super) fn new(probe: &Probe, running: &Running) -> Self {
        Self {
            probe: probe.clone(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, running.port)),
            environment: Arc::clone(&running.environment),
            directory: running.directory.clone(),
        }
    }

    /// Returns the answer; `Err` says in words why it counts as a failure.
    pub(super) async fn make(self) -> Result<(), String> {
        let timeout = self.probe.timeout.to_std();
        match &self.probe.action {
            ProbeAction::Tcp => http::connect(self.address, timeout).await.map(drop),
            ProbeAction::Http { path, headers } => {
                let (status, _) = http::get(self.address, path, headers, timeout, 0).await?;
                if (200..400).contains(&status.as_u16()) {
                    Ok(())
                } else {
                    Err(format!("GET {path} answered {}", status.as_u16()))
                }
            }
            ProbeAction::Command { command } => {
                let command = environment::expand(command, &self.environment).map_err(|error| error.to_string())?;
                let (environment, directory) = (&*self.environment, &*self.directory);
                Short { command: &command, environment, directory, timeout }.run().await
            }
        }
    }
}
