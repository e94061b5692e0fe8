//! The live overlay.

use towpath_core::{config::Live, ids::EnvironmentName, world::World};

use crate::{
    api::types::{OverlayEntryView, OverlaySummary, OverlayView},
    etag,
};

/// Shows what is laid over the files of an environment; `live` is what is or would be.
pub(crate) fn overlay(world: &World, environment: &EnvironmentName, live: &Live) -> OverlayView {
    let entries = live.overlay.iter().map(|entry| OverlayEntryView {
        key: entry.key.clone(),
        value: entry.value.clone(),
        event: entry.origin.sequence,
        at: entry.origin.at,
        by: entry.origin.principal.to_string(),
        reason: entry.origin.reason.clone(),
    });
    OverlayView {
        environment: environment.to_string(),
        entries: entries.collect(),
        pending: pending(world, environment, live),
        file: live.file.clone(),
    }
}

/// Keys of which what runs says something else.
fn pending(world: &World, environment: &EnvironmentName, live: &Live) -> Vec<String> {
    live.changed(world.current(environment).map_or(&Live::NONE, |current| &current.live))
}

/// Shows the overlay at a glance, unless there is and was none.
pub(crate) fn overlay_summary(world: &World, environment: &EnvironmentName) -> Option<OverlaySummary> {
    let live = world.live(environment);
    let summary = OverlaySummary { keys: live.overlay.len(), pending: pending(world, environment, live) };
    (summary.keys > 0 || !summary.pending.is_empty()).then_some(summary)
}

/// What decisions about the overlay depend on.
pub(crate) fn overlay_version(live: &Live) -> String {
    let sequences: Vec<u64> = live.overlay.iter().map(|entry| entry.origin.sequence).collect();
    etag::version(&(live.digest(), sequences))
}
