//! Folding the events of rotations. Total: what does not fit the state changes nothing.

use std::sync::Arc;

use super::{Advance, Phase, Rotation, RotationStarted, Trouble, state::MAX_TRIES};
use crate::{
    event::{Event, Fact},
    secrets::store::SecretOrigin,
    world::EnvironmentState,
};

/// Folds one event into an environment: the rotation and, where that changes, which version is in force.
#[expect(clippy::wildcard_enum_match_arm, reason = "the exhaustive match over events is in `World::apply`")]
pub(crate) fn fold(state: &mut EnvironmentState, event: &Event) {
    let rotations = Arc::make_mut(&mut state.rotations);
    let at = event.at;
    let in_force = match &event.fact {
        Fact::RotationStarted(started) => {
            rotations.begin(&started.name, begun(started, event));
            None
        }
        Fact::SecretWritten(written) => {
            if let SecretOrigin::Rotated { rotation, .. } = written.origin {
                let to = written.version;
                rotations.change(&written.name, rotation, |it| {
                    it.phase = match it.phase {
                        Phase::Creating => Phase::Staged { to },
                        other => other,
                    };
                    it.trouble = None;
                });
            }
            None
        }
        Fact::RotationAdvanced(advanced) => {
            let mut in_force = None;
            let mut revoked = None;
            rotations.change(&advanced.name, advanced.number, |it| {
                let before = it.phase;
                it.phase = advance(before, advanced.to, at);
                if it.phase != before {
                    it.trouble = None;
                }
                match (before, it.phase) {
                    (Phase::Staged { .. }, Phase::Dual { to, .. }) => in_force = Some(Some(to)),
                    (Phase::Switched { .. }, Phase::Retiring { .. }) => revoked = it.from,
                    _ => {}
                }
            });
            if let Some(version) = revoked {
                rotations.revoked.entry(advanced.name.clone()).or_default().insert(version);
            }
            in_force.map(|version| (advanced.name.clone(), version))
        }
        Fact::RotationAborting(aborting) => {
            let mut in_force = None;
            let mut revoked = None;
            rotations.change(&aborting.name, aborting.number, |it| match it.phase {
                Phase::Creating | Phase::Staged { .. } | Phase::Dual { .. } | Phase::Switched { .. } => {
                    revoked = it.phase.new_version();
                    if matches!(it.phase, Phase::Dual { .. } | Phase::Switched { .. }) {
                        in_force = Some(it.from);
                    }
                    it.phase = Phase::Aborting { to: revoked, since: at };
                    it.trouble = None;
                }
                Phase::Retiring { .. } | Phase::Aborting { .. } | Phase::Finished { .. } | Phase::Aborted { .. } => {}
            });
            if let Some(version) = revoked {
                rotations.revoked.entry(aborting.name.clone()).or_default().insert(version);
            }
            in_force.map(|version| (aborting.name.clone(), version))
        }
        Fact::RotationFailed(failed) => {
            rotations.change(&failed.name, failed.number, |it| {
                let tries = it.trouble.as_ref().map_or(0, |trouble| trouble.tries);
                let tries = tries.saturating_add(1).min(MAX_TRIES);
                it.trouble = Some(Trouble { tries, message: failed.message.clone(), at, hopeless: failed.hopeless });
            });
            None
        }
        Fact::RotationRetried(retried) => {
            rotations.change(&retried.name, retried.number, |it| it.trouble = None);
            None
        }
        Fact::RotationFinished(finished) => {
            rotations.change(&finished.name, finished.number, |it| {
                it.phase = match it.phase {
                    Phase::Retiring { to, .. } if finished.rotated => Phase::Finished { to, at },
                    Phase::Aborting { .. } if !finished.rotated => Phase::Aborted { at },
                    other => other,
                };
                it.trouble = None;
            });
            None
        }
        Fact::RotationDue(due) => {
            rotations.reminded.insert(due.name.clone(), due.due);
            None
        }
        _ => None,
    };
    if let Some((name, version)) = in_force {
        Arc::make_mut(&mut state.secrets).put_in_force(&name, version, at);
        state.refresh_secrets();
    }
}

fn begun(started: &RotationStarted, event: &Event) -> Rotation {
    Rotation {
        number: started.number,
        from: started.from,
        credential: started.credential.clone(),
        generate: started.generate.clone(),
        grace: started.grace,
        started_at: event.at,
        started_by: event.principal.clone(),
        reason: started.reason.clone(),
        phase: Phase::Creating,
        trouble: None,
    }
}

fn advance(phase: Phase, to_phase: Advance, since: jiff::Timestamp) -> Phase {
    match (phase, to_phase) {
        (Phase::Staged { to }, Advance::Dual) => Phase::Dual { to, since },
        (Phase::Dual { to, .. }, Advance::Switched) => Phase::Switched { to, since },
        (Phase::Switched { to, .. }, Advance::Retiring) => Phase::Retiring { to, since },
        (phase @ Phase::Creating, Advance::Dual | Advance::Switched | Advance::Retiring)
        | (phase @ Phase::Staged { .. }, Advance::Switched | Advance::Retiring)
        | (phase @ Phase::Dual { .. }, Advance::Dual | Advance::Retiring)
        | (phase @ Phase::Switched { .. }, Advance::Dual | Advance::Switched)
        | (
            phase @ (Phase::Retiring { .. } | Phase::Aborting { .. } | Phase::Finished { .. } | Phase::Aborted { .. }),
            Advance::Dual | Advance::Switched | Advance::Retiring,
        ) => phase,
    }
}
