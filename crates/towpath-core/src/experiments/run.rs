//! Where experiments stand, as their events tell it.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ExperimentDefinition, Pinned, StopCause};
use crate::{
    flags::FlagKey,
    ids::{ExperimentName, PrincipalName},
};

/// How many runs of one experiment are remembered; the ledger has all.
const REMEMBERED: usize = 20;

/// The experiments of an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiments {
    /// The runs of each, the oldest first.
    pub runs: BTreeMap<ExperimentName, Vec<Arc<Run>>>,
}

/// One run of an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its number among those of the experiment.
    pub number: u32,
    /// What it compares and how it is judged.
    pub definition: Arc<ExperimentDefinition>,
    /// How the flag was served when it began.
    pub pinned: Pinned,
    /// When.
    pub started_at: Timestamp,
    /// By whom.
    pub started_by: PrincipalName,
    /// Why.
    pub reason: Option<String>,
    /// When and how the flag became something else.
    pub altered: Option<(Timestamp, String)>,
    /// Where it stands.
    pub state: RunState,
}

/// Where a run stands. A draft is no run: it is only declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Units are counted.
    Running,
    /// It ended without a decision.
    Stopped {
        /// When.
        at: Timestamp,
        /// By whom.
        by: PrincipalName,
        /// What stopped it.
        cause: StopCause,
        /// Why, in the words of who asked.
        reason: Option<String>,
    },
    /// It ended with a decision.
    Decided {
        /// When.
        at: Timestamp,
        /// By whom.
        by: PrincipalName,
        /// The variant that was chosen.
        variant: String,
        /// What was known then.
        summary: Option<String>,
        /// Why, in the words of who asked.
        reason: Option<String>,
    },
}

impl Experiments {
    /// Returns the last run of an experiment.
    pub fn latest(&self, experiment: &ExperimentName) -> Option<&Arc<Run>> {
        self.runs.get(experiment)?.last()
    }

    /// Returns a run of an experiment by its number.
    pub fn run(&self, experiment: &ExperimentName, number: u32) -> Option<&Arc<Run>> {
        self.runs.get(experiment)?.iter().find(|run| run.number == number)
    }

    /// Returns every experiment that runs.
    pub fn running(&self) -> impl Iterator<Item = (&ExperimentName, &Arc<Run>)> {
        self.runs.iter().filter_map(|(name, runs)| Some((name, runs.last().filter(|run| run.is_running())?)))
    }

    /// Returns the experiment that runs on a flag.
    pub fn on_flag(&self, flag: &FlagKey) -> Option<(&ExperimentName, &Arc<Run>)> {
        self.running().find(|(_, run)| run.definition.flag == *flag)
    }

    pub(super) fn begin(&mut self, experiment: &ExperimentName, run: Run) {
        let runs = self.runs.entry(experiment.clone()).or_default();
        runs.push(Arc::new(run));
        if runs.len() > REMEMBERED {
            runs.remove(0);
        }
    }

    pub(super) fn change(&mut self, experiment: &ExperimentName, number: u32, change: impl FnOnce(&mut Run)) {
        let runs = self.runs.get_mut(experiment);
        if let Some(run) = runs.and_then(|runs| runs.iter_mut().find(|run| run.number == number)) {
            change(Arc::make_mut(run));
        }
    }
}

impl Run {
    /// Says whether units are counted.
    pub fn is_running(&self) -> bool {
        self.state == RunState::Running
    }

    /// Returns when it ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match &self.state {
            RunState::Running => None,
            RunState::Stopped { at, .. } | RunState::Decided { at, .. } => Some(*at),
        }
    }
}

impl RunState {
    /// Returns its name.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped { .. } => "stopped",
            Self::Decided { .. } => "decided",
        }
    }
}

/// Says whether it need not be written down.
pub fn is_unused(experiments: &Arc<Experiments>) -> bool {
    experiments.runs.is_empty()
}
