//! What is reported, looked at one by one: what fits is kept, what does not is refused with a reason, and neither depends on
//! its neighbours.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use towpath_core::{
    config::nearest,
    experiments::{DeclaredExperiments, Experiments, Run},
    ids::EnvironmentName,
};
use towpath_secrets::keyed::DigestKey;

use crate::ports::{EventHash, Exposure, Gained, MetricEvent, RunId, UnitHash};

/// The most items in one request.
pub const MAX_ITEMS: usize = 10_000;
/// How far clocks may be ahead of or behind this one.
pub(super) const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// What is older is not kept.
pub(super) const OLDEST: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The longest unit and id in bytes.
const MAX_UNIT: usize = 1024;
/// The largest value of an event, either way: sums of squares stay exact enough.
const MAX_VALUE: f64 = 1e15;

/// An exposure as an application reports it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReportedExposure {
    /// The experiment; or instead its flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// The flag: every experiment on it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// The variant that was shown.
    pub variant: String,
    /// To whom: the same text that the flag was evaluated with.
    pub unit: String,
    /// When; without it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// A metric event as an application reports it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReportedEvent {
    /// A text that names this event among those of the unit: sent again, it is not counted again.
    pub id: String,
    /// What happened.
    pub event: String,
    /// Who did it: the same text as in the exposure.
    pub unit: String,
    /// How much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// When; without it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// Why an item is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// A stable name of the kind of reason.
    pub code: &'static str,
    /// The reason in words; nothing of the unit.
    pub reason: String,
}

/// What can be reported in an environment.
#[derive(Debug, Default)]
pub struct Known {
    environment: Option<EnvironmentName>,
    /// Runs by the name of their experiment and by the key of their flag, the newest first.
    runs: BTreeMap<String, Vec<KnownRun>>,
    flags: BTreeMap<String, Vec<KnownRun>>,
    events: BTreeSet<String>,
}

#[derive(Debug, Clone)]
struct KnownRun {
    id: RunId,
    from: Timestamp,
    until: Option<Timestamp>,
    variants: Vec<String>,
}

impl Refused {
    /// Returns a reason.
    pub fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

impl Known {
    /// Returns what the runs and the drafts of an environment measure.
    pub fn new(environment: &EnvironmentName, runs: Option<&Experiments>, declared: &DeclaredExperiments) -> Self {
        let mut known = Self { environment: Some(environment.clone()), ..Self::default() };
        for (name, run) in
            runs.iter().flat_map(|all| &all.runs).flat_map(|(name, runs)| runs.iter().map(move |run| (name, run)))
        {
            let id = RunId { environment: environment.clone(), experiment: name.clone(), run: run.number };
            let entry = KnownRun::new(id, run);
            known.runs.entry(name.to_string()).or_default().insert(0, entry.clone());
            known.flags.entry(run.definition.flag.to_string()).or_default().insert(0, entry);
            known.events.extend(run.definition.events().map(str::to_owned));
        }
        // What happens before an experiment starts takes noise out of what happens while it runs.
        for draft in declared.values() {
            known.events.extend(draft.value.events().map(str::to_owned));
        }
        known
    }

    /// Returns what is kept of an exposure: one for each experiment it counts for.
    pub fn exposure(&self, key: &DigestKey, it: &ReportedExposure, now: Timestamp) -> Result<Vec<Gained>, Refused> {
        check_text("unit", &it.unit)?;
        let at = moment(it.at, now)?;
        let (runs, what) = match (&it.experiment, &it.flag) {
            (Some(experiment), None) => {
                let runs = self.runs.get(experiment).ok_or_else(|| self.unknown_experiment(experiment))?;
                (runs, "the experiment did not run then")
            }
            (None, Some(flag)) => {
                let none = || Refused::new("no_experiment", "no experiment was ever started on the flag");
                (self.flags.get(flag).ok_or_else(none)?, "no experiment ran on the flag then")
            }
            (None, None) | (Some(_), Some(_)) => return Err(Refused::new("invalid", "say `experiment` or `flag`")),
        };
        let mut gained = Vec::new();
        let mut strange = None;
        for run in runs.iter().filter(|run| run.covers(at)) {
            let Some(variant) = run.variants.iter().position(|known| *known == it.variant) else {
                strange = Some(run);
                continue;
            };
            gained.push(Gained::Exposure(Exposure {
                run: run.id.clone(),
                unit: unit(key, &run.id.environment, &it.unit),
                variant: u8::try_from(variant).unwrap_or(u8::MAX),
                // A clock that is a little behind exposes nobody before the experiment began.
                at: at.max(run.from),
            }));
        }
        match strange {
            _ if !gained.is_empty() => Ok(gained),
            Some(run) => {
                let reason =
                    format!("the experiment does not compare this variant; it compares {}", run.variants.join(", "));
                Err(Refused::new("unknown_variant", reason))
            }
            None => Err(Refused::new("not_running", what)),
        }
    }

    /// Returns what is kept of a metric event.
    pub fn event(&self, key: &DigestKey, it: &ReportedEvent, now: Timestamp) -> Result<Gained, Refused> {
        check_text("unit", &it.unit)?;
        check_text("id", &it.id)?;
        let at = moment(it.at, now)?;
        if it.value.is_some_and(|value| !value.is_finite() || value.abs() > MAX_VALUE) {
            return Err(Refused::new("invalid", format!("`value` is beyond {MAX_VALUE:e}")));
        }
        let environment = self.environment.as_ref().filter(|_| self.events.contains(&it.event));
        let Some(environment) = environment else {
            let near = nearest(&it.event, self.events.iter().map(String::as_str));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(Refused::new("unknown_event", format!("no experiment measures this event{near}")));
        };
        Ok(Gained::Event(MetricEvent {
            environment: environment.clone(),
            event: it.event.clone(),
            unit: unit(key, environment, &it.unit),
            id: EventHash(key.tag(&["experiments", "event", environment.as_str()], it.id.as_bytes())),
            at,
            value: it.value,
        }))
    }

    fn unknown_experiment(&self, name: &str) -> Refused {
        let near = nearest(name, self.runs.keys().map(String::as_str));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Refused::new("unknown_experiment", format!("no experiment of this name was ever started{near}"))
    }
}

impl KnownRun {
    fn new(id: RunId, run: &Run) -> Self {
        let variants = run.pinned.arms.iter().map(|arm| arm.variant.clone()).collect();
        Self { id, from: run.started_at, until: run.ended_at(), variants }
    }

    fn covers(&self, at: Timestamp) -> bool {
        at >= self.from.checked_sub(SKEW).unwrap_or(self.from) && self.until.is_none_or(|until| at < until)
    }
}

/// Returns a unit as it is kept: in no two environments the same.
pub(super) fn unit(key: &DigestKey, environment: &EnvironmentName, unit: &str) -> UnitHash {
    UnitHash(key.tag(&["experiments", "unit", environment.as_str()], unit.as_bytes()))
}

fn check_text(what: &str, text: &str) -> Result<(), Refused> {
    if text.is_empty() || text.len() > MAX_UNIT {
        return Err(Refused::new("invalid", format!("`{what}` needs 1 to {MAX_UNIT} bytes")));
    }
    Ok(())
}

fn moment(at: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Refused> {
    let Some(at) = at else { return Ok(now) };
    let ahead = at.duration_since(now);
    if ahead > SKEW {
        return Err(Refused::new("in_the_future", "`at` is more than 5 minutes ahead of the server's clock"));
    }
    if ahead < -OLDEST {
        return Err(Refused::new("too_old", "`at` is more than 90 days ago"));
    }
    Ok(at)
}

#[cfg(test)]
mod tests;
