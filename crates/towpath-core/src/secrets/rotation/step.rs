//! What is to be done next. The same world gives the same answer; every action can be done twice.

use jiff::Timestamp;

use super::{Phase, Rotation};
use crate::{
    decide::secrets::{STORE, running_with},
    ids::EnvironmentName,
    lifecycle::later,
    promotion::Promotion,
    world::World,
};

/// Something to do for a secret of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationWork {
    /// Where.
    pub environment: EnvironmentName,
    /// Which secret.
    pub name: String,
    /// What.
    pub action: RotationAction,
}

/// What to do. Every action is idempotent and names what it was planned from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RotationAction {
    /// Reminds of a due date: an event, once.
    Remind {
        /// The due date.
        due: Timestamp,
    },
    /// Begins the rotation of what is due and rotates by itself.
    Start,
    /// Makes a new value and stores it, in force for nobody.
    Stage {
        /// Which rotation.
        number: u32,
    },
    /// Makes the stored value valid, sees that it is, and puts it in force with a promotion of what runs.
    Create {
        /// Which rotation.
        number: u32,
        /// The new version.
        to: u32,
        /// The version that must stay valid.
        keep: Option<u32>,
    },
    /// Asks for a promotion of what runs, so that it gets the version in force. Once for each phase: where somebody says no,
    /// or the rollout fails, it is for people to go on.
    Bring {
        /// Which rotation.
        number: u32,
    },
    /// Writes down that nothing runs with the old one.
    Switch {
        /// Which rotation.
        number: u32,
    },
    /// Sees once more that the new value is valid, and writes down that the old one is to be made invalid.
    Confirm {
        /// Which rotation.
        number: u32,
        /// The new version.
        to: u32,
        /// The version that is to go.
        from: Option<u32>,
    },
    /// Makes a value invalid and writes down that the rotation is over.
    Revoke {
        /// Which rotation.
        number: u32,
        /// The version that goes; `None` if there is none.
        version: Option<u32>,
        /// The version that must stay valid.
        keep: Option<u32>,
        /// Whether it is the old one.
        rotated: bool,
    },
}

/// Returns what is to be done about rotations, at most one thing for each secret.
pub fn due(world: &World, now: Timestamp) -> Vec<RotationWork> {
    let mut work = Vec::new();
    for (environment, state) in world.environments.iter().filter(|(_, state)| state.destroying.is_none()) {
        for (name, rotation) in state.rotations.latest.iter().filter(|(_, rotation)| !rotation.phase.is_over()) {
            let ready = rotation.trouble.as_ref().is_none_or(|it| it.again_at().is_some_and(|again| now >= again));
            let action = step(world, environment, name, rotation, now).filter(|_| ready);
            let (environment, name) = (environment.clone(), name.clone());
            work.extend(action.map(|action| RotationWork { environment, name, action }));
        }
    }
    work.extend(super::dues::reminders(world, now));
    work
}

/// Returns the next step of a rotation; nothing while it waits for consumers, for its grace or for a person.
pub fn step(
    world: &World,
    environment: &EnvironmentName,
    name: &str,
    rotation: &Rotation,
    now: Timestamp,
) -> Option<RotationAction> {
    let Rotation { number, from, .. } = *rotation;
    let unused = |version: u32| running_with(world, environment, name, version).is_none();
    match rotation.phase {
        Phase::Creating => rotation.generate.is_some().then_some(RotationAction::Stage { number }),
        Phase::Staged { to } => Some(RotationAction::Create { number, to, keep: from }),
        Phase::Dual { .. } if from.is_none_or(unused) => Some(RotationAction::Switch { number }),
        Phase::Dual { since, .. } => {
            to_be_brought(world, environment, (name, from), since).then_some(RotationAction::Bring { number })
        }
        Phase::Switched { to, since } => {
            let over = now >= later(since, rotation.grace);
            // A rollback during the grace brings the old one back: it is valid still, and waited for.
            (over && from.is_none_or(unused)).then_some(RotationAction::Confirm { number, to, from })
        }
        Phase::Retiring { to, .. } => {
            Some(RotationAction::Revoke { number, version: from, keep: Some(to), rotated: true })
        }
        Phase::Aborting { to, .. } if to.is_none_or(unused) => {
            Some(RotationAction::Revoke { number, version: to, keep: from, rotated: false })
        }
        Phase::Aborting { to, since } => {
            to_be_brought(world, environment, (name, to), since).then_some(RotationAction::Bring { number })
        }
        Phase::Finished { .. } | Phase::Aborted { .. } => None,
    }
}

/// Says whether what is good here has a version that is to go, nothing is changing, and nobody asked since then.
fn to_be_brought(
    world: &World,
    environment: &EnvironmentName,
    (name, version): (&str, Option<u32>),
    since: Timestamp,
) -> bool {
    let version = version.map(|version| version.to_string());
    let pinned = world.current(environment).and_then(|current| current.spec.secrets.get(name));
    let has_it = pinned.is_some_and(|pin| pin.from.0 == STORE && Some(&pin.version.0) == version.as_ref());
    let asked = |it: &Promotion| it.environment == *environment && it.requested_at >= since;
    has_it && world.rollout(environment).is_none() && !world.promotions.values().any(|it| asked(it))
}

/// Says in words what a rotation waits for; nothing if it is over or about to be gone on with.
pub fn waits_for(
    world: &World,
    environment: &EnvironmentName,
    name: &str,
    rotation: &Rotation,
    now: Timestamp,
) -> Option<String> {
    if let Some(trouble) = &rotation.trouble {
        let then = trouble.again_at().map_or_else(
            || "it waits for somebody to retry or abort it".to_owned(),
            |at| format!("tried again at {at:.0}"),
        );
        return Some(format!("{} ({then})", trouble.message));
    }
    if step(world, environment, name, rotation, now).is_some() {
        return None;
    }
    let users = |version: Option<u32>| {
        let version = version?;
        let revision = running_with(world, environment, name, version)?;
        let promotion = world.waiting().find(|it| it.environment == *environment).map(|it| it.number);
        let through = promotion.map_or_else(
            || format!("towpath promote brings it to what runs in {environment}"),
            |number| format!("{number} brings the other one"),
        );
        Some(format!("{revision} runs with version {version}: {through}"))
    };
    match rotation.phase {
        Phase::Creating => Some("somebody has to bring the new value".to_owned()),
        Phase::Dual { .. } => users(rotation.from),
        Phase::Switched { since, .. } => {
            let until = later(since, rotation.grace);
            if now < until {
                return Some(format!("the old value stays valid until {until:.0}"));
            }
            users(rotation.from)
        }
        Phase::Aborting { to, .. } => users(to),
        Phase::Staged { .. } | Phase::Retiring { .. } | Phase::Finished { .. } | Phase::Aborted { .. } => None,
    }
}
