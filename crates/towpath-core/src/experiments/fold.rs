//! Folding the events of experiments. Total: what does not fit the state changes nothing.

use std::sync::Arc;

use super::{Experiments, Run, RunState};
use crate::event::{Event, Fact};

/// Folds one event into the experiments of its environment.
#[expect(clippy::wildcard_enum_match_arm, reason = "the exhaustive match over events is in `World::apply`")]
pub(crate) fn fold(experiments: &mut Experiments, event: &Event) {
    let (at, by) = (event.at, event.principal.clone());
    match &event.fact {
        Fact::ExperimentStarted(started) => {
            let run = Run {
                number: started.run,
                definition: Arc::new(started.definition.as_ref().clone()),
                pinned: started.pinned.clone(),
                started_at: at,
                started_by: by,
                reason: started.reason.clone(),
                altered: None,
                state: RunState::Running,
            };
            experiments.begin(&started.experiment, run);
        }
        Fact::ExperimentAltered(altered) => experiments.change(&altered.experiment, altered.run, |run| {
            run.altered.get_or_insert((at, altered.what.clone()));
        }),
        Fact::ExperimentStopped(stopped) => experiments.change(&stopped.experiment, stopped.run, |run| {
            end(run, RunState::Stopped { at, by, cause: stopped.cause.clone(), reason: stopped.reason.clone() });
        }),
        Fact::ExperimentDecided(decided) => experiments.change(&decided.experiment, decided.run, |run| {
            let (variant, summary, reason) = (decided.variant.clone(), decided.summary.clone(), decided.reason.clone());
            end(run, RunState::Decided { at, by, variant, summary, reason });
        }),
        _ => {}
    }
}

/// Ends a run; what has ended stays as it ended.
fn end(run: &mut Run, state: RunState) {
    match run.state {
        RunState::Running => run.state = state,
        RunState::Stopped { .. } | RunState::Decided { .. } => {}
    }
}
