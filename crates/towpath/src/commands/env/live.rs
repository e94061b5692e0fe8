//! What the ledger lays over the files of an environment, asked of the project's server where one can be reached.
//!
//! Commands that only read files go on without a server; that something may be missing is told then.

use std::time::Duration;

use towpath_core::{
    config::{Live, OverlayEntry, OverlayOrigin},
    ids::{EnvironmentName, PrincipalName},
};
use towpath_server::api::types::{OverlayEntryView, OverlayView};

use crate::{
    context::Context,
    failure::{Exit, Failure},
    folder::ProjectFolder,
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
fn has_server(context: &Context) -> bool {
    context.globals.url.is_some()
        || ProjectFolder::find(context.globals.project.as_deref()).is_ok_and(|folder| folder.data().is_dir())
}

fn ask(context: &Context, environment: &EnvironmentName) -> Result<Live, Failure> {
    let client = context.client()?;
    let failed = || Failure::new(Exit::Failed, "runtime", "cannot start");
    // In a thread of its own, because who asks may be waiting for something else already.
    let answer = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| failed().because(&error))?;
            let late = || Failure::new(Exit::Unreachable, "unreachable", "the server does not answer");
            runtime.block_on(async {
                let answer = tokio::time::timeout(PATIENCE, client.overlay(environment.as_str())).await;
                answer.map_err(|_| late())?
            })
        });
        asking.join().map_err(|_| failed())?
    })?;
    Ok(of_view(answer))
}

fn of_view(view: OverlayView) -> Live {
    let overlay = view.entries.into_iter().filter_map(entry).collect();
    Live { overlay, file: view.file }
}

fn entry(view: OverlayEntryView) -> Option<OverlayEntry> {
    let principal = PrincipalName::new(&view.by).ok()?;
    let origin = OverlayOrigin { sequence: view.event, at: view.at, principal, reason: view.reason };
    Some(OverlayEntry { key: view.key, value: view.value, origin })
}
