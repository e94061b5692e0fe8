//! Releases and where they are.

use towpath_core::{
    ids::{EnvironmentName, ReleaseNumber},
    release::{Release, ReleaseContent},
    rollout::Phase,
    world::World,
};

use crate::api::{
    look::pipeline,
    types::{self, ArtifactView, CommitView, ReleasePlace, ReleasePlaceState, ReleaseView},
};

/// Shows a release.
pub(crate) fn release(world: &World, release: &Release) -> ReleaseView {
    let places = pipeline(world).into_iter().filter_map(|(name, _)| place(world, name, release.number));
    ReleaseView {
        number: release.number.0,
        digest: release.digest.to_string(),
        version: release.content.version.clone(),
        content: content(&release.content),
        notes: release.notes.clone(),
        created_by: release.created_by.to_string(),
        created_at: release.created_at,
        places: places.collect(),
    }
}

fn content(content: &ReleaseContent) -> types::ReleaseContent {
    let artifacts = content.artifacts.iter().map(|(name, artifact)| {
        let view = ArtifactView { tree: artifact.tree.to_string(), files: artifact.files, size: artifact.size.0 };
        (name.to_string(), view)
    });
    types::ReleaseContent {
        version: content.version.clone(),
        artifacts: artifacts.collect(),
        bundle: content.bundle.to_string(),
        commit: content.commit.as_ref().map(|commit| CommitView {
            id: commit.id.clone(),
            at: commit.at,
            dirty: commit.dirty,
        }),
    }
}

fn place(world: &World, environment: &EnvironmentName, release: ReleaseNumber) -> Option<ReleasePlace> {
    let newest = world.history(environment).find(|deployment| deployment.release == release)?;
    let known = world.environments.get(environment)?;
    let is_current = known.current == Some(newest.revision);
    let state = match &newest.phase {
        Phase::Running(_) | Phase::RollingBack { .. } => ReleasePlaceState::RollingOut,
        Phase::Completed | Phase::Retired if is_current => ReleasePlaceState::Current,
        Phase::Completed | Phase::Retired if known.completed.contains_key(&release) => ReleasePlaceState::Replaced,
        // What completed and is not listed as such any more was gone back from.
        Phase::RolledBack { .. } | Phase::Completed | Phase::Retired => ReleasePlaceState::Failed,
    };
    Some(ReleasePlace { environment: environment.to_string(), revision: newest.revision.0, state })
}
