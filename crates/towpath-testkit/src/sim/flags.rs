//! Flags in a simulation: rollouts turn one on, people switch it off and leave it to the files again, and the share of the users
//! that has it must follow the rollout at every moment.

use towpath_core::{
    command::Command,
    flags::{ChangeFlags, FlagChange, FlagCommand, FlagKey, FlagPatch, FlagState, share},
    ids::{Digest, EnvironmentName},
    rollout::{Deployment, Phase, Step},
    units::Percent,
    world::World,
};
use towpath_engine::Engine;

use super::{invariants::Violation, plane::Run};

/// The flag that rollouts turn on.
pub(super) const FLAG: &str = "new-thing";

/// Returns the share of the users that has the flag of an environment, if any rollout there ever knew it.
fn share_in(world: &World, environment: &EnvironmentName) -> Percent {
    let known = world.history(environment).find_map(|it| it.spec.strategy.flag());
    let Some((key, definition)) = known.and_then(|flag| Some((&flag.key, flag.definition.as_ref()?))) else {
        return Percent::ZERO;
    };
    let live = world.flags(environment);
    let whole = live.patches.get(key).map_or_else(|| Ok(definition.clone()), |patch| patch.over(Some(definition)));
    let on = whole.ok().filter(|whole| whole.state == FlagState::Enabled);
    on.and_then(|whole| share(&whole, "on").ok()).unwrap_or(Percent::ZERO)
}

fn last_percent(deployment: &Deployment) -> Percent {
    let percent = deployment
        .steps
        .iter()
        .rev()
        .find_map(|step| if let Step::Flag { percent, .. } = step { Some(*percent) } else { None });
    percent.unwrap_or(deployment.served())
}

impl Run {
    /// Lets the instances know how many of the users have the flag now, and checks that this is what the rollout says.
    pub(super) fn flags(&mut self, before: &World, world: &World) -> Result<(), Violation> {
        for environment in world.environments.keys() {
            let on = share_in(world, environment);
            self.shared.lock().flag_on.insert(environment.clone(), on.get());
            let wrong = |what: String| Violation::WrongShare { environment: environment.clone(), what };
            if let Some(rollout) = world.rollout(environment)
                && let Some(flag) = &rollout.flag
            {
                let wanted = rollout.flag_share().unwrap_or(Percent::ZERO);
                let running = matches!(rollout.phase, Phase::Running(_));
                // Else it is off, or as it was; people may have switched it off since.
                let fits = if running { on == wanted } else { on <= flag.served };
                if !fits {
                    return Err(wrong(format!("{on} while {} is {:?}, not {wanted}", rollout.revision, rollout.phase)));
                }
            }
            let ended = before.rollout(environment).and_then(|it| world.deployments.get(&it.revision));
            if let Some(ended) = ended.filter(|it| it.flag.is_some() && world.rollout(environment).is_none()) {
                let wanted = last_percent(ended);
                match ended.phase {
                    Phase::Completed if on != wanted => return Err(wrong(format!("{on} in the end, not {wanted}"))),
                    Phase::RolledBack { .. } if on > ended.served() => {
                        return Err(wrong(format!("{on} after it failed, not {}", ended.served())));
                    }
                    Phase::Completed
                    | Phase::RolledBack { .. }
                    | Phase::Running(_)
                    | Phase::RollingBack { .. }
                    | Phase::Retired => {}
                }
            }
        }
        Ok(())
    }

    /// Somebody switches the flag off, or leaves it to the files again.
    pub(super) async fn flip(&mut self, engine: &Engine, environment: EnvironmentName) {
        let world = engine.world();
        let Ok(key) = FlagKey::new(FLAG) else { return };
        let live = world.flags(&environment);
        // While a rollout turns it on, switching it off is what matters.
        let turning = world.rollout(&environment).is_some_and(|rollout| rollout.flag.is_some());
        let off = turning || self.chance.one_in(3);
        let patch = off.then(|| {
            let mut patch = live.patches.get(&key).cloned().unwrap_or_default();
            patch.0.insert("state".to_owned(), "DISABLED".into());
            FlagPatch(patch.0)
        });
        let change = ChangeFlags {
            environment: environment.clone(),
            changes: vec![FlagChange::of_flag(key, patch)],
            words: Vec::new(),
            plan: Digest::of(b"simulation"),
            seen: world.flag_basis(&environment),
            reason: Some("simulation".to_owned()),
            undoes: None,
            from: None,
        };
        self.ask(engine, "ana", Command::ChangeFlags(Box::new(FlagCommand::Change(change)))).await;
    }
}
