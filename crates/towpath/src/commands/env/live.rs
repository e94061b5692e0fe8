//! What the ledger lays over the files of an environment, asked of the project's server where one can be reached.
//!
//! Commands that only read files go on without a server; that something may be missing is told then.

use std::time::Duration;

use towpath_core::{
    config::{Live, OverlayEntry, OverlayOrigin},
    ids::{EnvironmentName, PrincipalName},
};
use towpath_server::api::types::{OverlayEntryView, OverlayView, PreviewSummary};

use crate::{
    context::Context,
    failure::{Exit, Failure},
    folder::ProjectFolder,
    words::word,
};

/// How long the server may take to answer before the files alone are shown.
const PATIENCE: Duration = Duration::from_secs(3);

/// Returns what the ledger lays over the files of an environment: nothing where no server was ever started, and nothing but
/// a line on standard error where the server cannot be asked.
pub(in crate::commands) fn live(context: &Context, environment: &EnvironmentName, offline: bool) -> Live {
    if offline || !has_server(context) {
        return Live::NONE;
    }
    match ask(context, environment) {
        Ok(live) => live,
        // An environment outside the pipeline has no overlay.
        Err(failure) if failure.code() == "not_found" => Live::NONE,
        Err(failure) => {
            context.out.warn(&format!(
                "the live overlay of {environment} is not included: {}; --offline leaves it out",
                failure.message()
            ));
            Live::NONE
        }
    }
}

/// Says whether there is or was a server that could know something.
pub(super) fn has_server(context: &Context) -> bool {
    context.globals.url.is_some()
        || ProjectFolder::find(context.globals.project.as_deref()).is_ok_and(|folder| folder.data().is_dir())
}

/// Returns the previews that the server knows, with their tiers; none where it cannot be asked.
pub(in crate::commands) fn previews(context: &Context) -> Vec<(String, String, PreviewSummary)> {
    if !has_server(context) {
        return Vec::new();
    }
    let Ok(client) = context.client() else { return Vec::new() };
    let status = asked(|| async move { client.status().await });
    let environments = status.map(|status| status.environments).unwrap_or_default();
    environments.into_iter().filter_map(|one| Some((one.name, word(&one.tier), one.preview?))).collect()
}

fn ask(context: &Context, environment: &EnvironmentName) -> Result<Live, Failure> {
    let client = context.client()?;
    asked(|| async move { client.overlay(environment.as_str()).await }).map(of_view)
}

/// Asks the server something, with patience.
pub(super) fn asked<T: Send, F: Future<Output = Result<T, Failure>>>(
    ask: impl FnOnce() -> F + Send,
) -> Result<T, Failure> {
    let failed = || Failure::new(Exit::Failed, "runtime", "cannot start");
    // In a thread of its own, because who asks may be waiting for something else already.
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| failed().because(&error))?;
            let late = || Failure::new(Exit::Unreachable, "unreachable", "the server does not answer");
            runtime.block_on(async {
                let answer = tokio::time::timeout(PATIENCE, ask()).await;
                answer.map_err(|_| late())?
            })
        });
        asking.join().map_err(|_| failed())?
    })
}

fn of_view(view: OverlayView) -> Live {
    let overlay = view.entries.into_iter().filter_map(entry).collect();
    Live { overlay, file: view.file, ..Live::NONE }
}

fn entry(view: OverlayEntryView) -> Option<OverlayEntry> {
    let principal = PrincipalName::new(&view.by).ok()?;
    let origin = OverlayOrigin { sequence: view.event, at: view.at, principal, reason: view.reason };
    Some(OverlayEntry { key: view.key, value: view.value, origin })
}
