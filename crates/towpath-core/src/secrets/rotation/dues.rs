//! When secrets are due, and who is reminded.

use jiff::Timestamp;

use super::{RotationAction, RotationPolicy, RotationWork};
use crate::{ids::EnvironmentName, units::Millis, world::World};

/// A secret with a due date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueSecret {
    /// Where.
    pub environment: EnvironmentName,
    /// Which.
    pub name: String,
    /// The version in force.
    pub version: u32,
    /// Since when it is there.
    pub written_at: Timestamp,
    /// When it is due.
    pub due: Timestamp,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Whether it rotates by itself.
    pub automatic: bool,
    /// Whether a rotation is under way.
    pub rotating: bool,
}

impl DueSecret {
    /// Says whether it should have been replaced by now.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        now >= self.due
    }
}

/// Returns every secret of the store that has a due date, the most urgent first.
pub fn dues(world: &World) -> Vec<DueSecret> {
    let mut dues: Vec<DueSecret> = each(world).map(|(due, _)| due).collect();
    dues.sort_by(|a, b| (a.due, &a.environment, &a.name).cmp(&(b.due, &b.environment, &b.name)));
    dues
}

fn each(world: &World) -> impl Iterator<Item = (DueSecret, &RotationPolicy)> {
    let declared = world.project.as_ref().map(|project| &project.secrets);
    let live = world.environments.iter().filter(|(_, state)| state.destroying.is_none());
    live.flat_map(move |(environment, state)| {
        declared.into_iter().flatten().filter_map(move |(name, policy)| {
            let (version, current) = state.secrets.secrets.get(name)?.current()?;
            let due = DueSecret {
                environment: environment.clone(),
                name: name.clone(),
                version,
                written_at: current.at,
                due: policy.due(current.at)?,
                owner: policy.owner.clone(),
                automatic: policy.automatic,
                rotating: state.rotations.running(name).is_some(),
            };
            Some((due, policy))
        })
    })
}

/// What to say about due secrets: a reminder once for each due date, a start for those that rotate by themselves.
pub(super) fn reminders(world: &World, now: Timestamp) -> Vec<RotationWork> {
    let work = each(world).filter_map(|(due, policy)| {
        let rotations = &world.environments.get(&due.environment)?.rotations;
        let near = now >= earlier(due.due, policy.remind);
        let action = if due.rotating {
            return None;
        } else if near && rotations.reminded.get(&due.name) != Some(&due.due) {
            RotationAction::Remind { due: due.due }
        } else if due.automatic && due.is_overdue(now) && !given_up(rotations, &due) {
            RotationAction::Start
        } else {
            return None;
        };
        Some(RotationWork { environment: due.environment, name: due.name, action })
    });
    work.collect()
}

/// Whether somebody gave up replacing this very version: then it is theirs to begin again.
fn given_up(rotations: &super::Rotations, due: &DueSecret) -> bool {
    rotations.latest.get(&due.name).is_some_and(|it| it.phase.is_over() && it.from == Some(due.version))
}

fn earlier(from: Timestamp, by: Millis) -> Timestamp {
    let by = i64::try_from(by.0).unwrap_or(i64::MAX);
    from.checked_sub(jiff::SignedDuration::from_millis(by)).unwrap_or(Timestamp::MIN)
}
