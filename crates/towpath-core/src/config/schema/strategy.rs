//! How a revision takes over from the one before.

use std::num::NonZeroU32;

use super::{access::positive, values::Rate};
use crate::{
    config::{
        describe::{Book, Shape},
        diagnostic::Diagnostic,
        read::{Fields, Read, Reader, Step, section},
        value::{Data, Value},
    },
    deployment::{AnalysisSpec, CanaryStep, Strategy},
    units::{Millis, Percent},
};

mod flag;

pub use flag::{FlagFile, FlagStepFile, FlagStepMap, FlagSteps, ViaFile};

/// The forms of a strategy.
pub(crate) const FORMS: &[&str] = &["rolling", "recreate", "blue-green", "canary", "flag"];

/// Those that need no settings, so that their name says it all.
const NAMES: &[&str] = &["rolling", "recreate", "blue-green", "canary"];

/// A strategy: its name, or a map with the name and its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct StrategyFile(pub Strategy);

section! {
    /// How a revision takes over from the one before.
    pub struct StrategyMap {
        /// Instance by instance.
        rolling: Option<RollingFile>,
        /// The old is stopped, then the new started.
        recreate: Option<RecreateFile>,
        /// The new is started beside the old and traffic switched at once.
        blue_green as "blue-green": Option<BlueGreenFile>,
        /// A growing share of the traffic goes to the new.
        canary: Option<CanaryFile>,
        /// The new takes everything over with a flag off; then the flag goes on for a growing share of the users.
        flag: Option<FlagFile>,
    }
    choice("rolling", "recreate", "blue-green", "canary", "flag"; one)
        "a strategy is exactly one of `rolling`, `recreate`, `blue-green`, `canary` and `flag`"
}

section! {
    /// Instance by instance.
    pub struct RollingFile {
        /// How many instances more than declared may run.
        max_surge: u32 = 1,
        /// How many instances fewer than declared may be ready.
        max_unavailable: u32 = 0,
    }
    check(value, reader; max_surge, max_unavailable) {
        let moves = *max_surge > 0 || *max_unavailable > 0;
        if !moves {
            let why = "with `max_surge` and `max_unavailable` both 0 no instance could be replaced";
            reader.clash(value, &["max_surge", "max_unavailable"], why);
        }
        moves
    }
}

/// The old is stopped, then the new started; there is nothing to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecreateFile;

section! {
    /// The new is started beside the old and traffic switched at once.
    pub struct BlueGreenFile {
        /// Promotes by itself after this time in preview; without it a person does.
        auto_promote_after: Option<Millis>,
        /// How long the old is kept running after the switch.
        keep_old: Millis = Millis::from_secs(600),
        /// Judged after the switch.
        analysis: Option<AnalysisFile>,
    }
}

section! {
    /// A growing share of the traffic.
    pub struct CanaryFile {
        /// Weights, pauses and analyses in order; 10, 25, 50 and 100 % with a pause and an analysis each if absent.
        steps: Option<Steps>,
    }
}

/// Steps in order; their weights rise.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps(Vec<StepFile>);

section! {
    /// How the proxy's own metrics decide whether a rollout goes on.
    pub struct AnalysisFile {
        /// Time between measurements.
        interval: Millis = Millis::from_secs(30),
        /// How many measurements are made.
        count: NonZeroU32 = NonZeroU32::MIN.saturating_add(2),
        /// How many measurements may fail.
        failure_limit: u32 = 0,
        /// How many measurements may be inconclusive before the rollout pauses.
        inconclusive_limit: u32 = 3,
        /// Requests below which a measurement is inconclusive.
        min_requests: u64 = 20,
        /// The highest share of failed requests, such as `1%`.
        max_error_rate: Option<Rate>,
        /// The highest 95th percentile of latency.
        max_p95: Option<Millis>,
    }
    check(value, reader; interval) {
        let sound = interval.0 > 0;
        if !sound {
            positive(value, "interval", reader);
        }
        sound
    }
    check(value, reader; failure_limit, count) {
        let sound = *failure_limit < count.get();
        if !sound {
            let why = "`failure_limit` must be lower than `count`, or the analysis could never fail";
            reader.clash(value, &["failure_limit", "count"], why);
        }
        sound
    }
}

/// One step: exactly one of `weight`, `pause` and `analysis`.
#[derive(Debug, Clone, PartialEq)]
pub struct StepFile(CanaryStep);

section! {
    /// A step of a canary.
    pub struct StepMap {
        /// Sends this share of the traffic to the new revision.
        weight: Option<Percent>,
        /// Waits this long, or with `manual` until a person goes on.
        pause: Option<Pause>,
        /// Judges the new revision.
        analysis: Option<AnalysisFile>,
    }
    choice("weight", "pause", "analysis"; most_one) "a step is exactly one of `weight`, `pause` and `analysis`"
}

/// How long to wait, or for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause(pub(crate) Option<Millis>);

impl Read for RecreateFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        Fields::new(value, reader)?.finish(reader).then_some(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        book.section("RecreateFile", "The old is stopped, then the new started.", |_| (Vec::new(), Vec::new()))
    }
}

impl Read for Pause {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let manual = matches!(&value.data, Data::Scalar(scalar) if scalar.text() == "manual");
        if manual { Some(Self(None)) } else { Millis::read(value, reader).map(|time| Self(Some(time))) }
    }

    fn shape(book: &mut Book) -> Shape {
        book.or_word(&["manual"], Millis::shape)
    }
}

impl Read for StepFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        // `- analysis:` without settings means the usual analysis.
        let bare = value.as_map().and_then(|map| map.get("analysis")).filter(|member| member.value.is_removed());
        let usual = bare.is_some_and(|member| member.value.shadowed.is_empty());
        let step = StepMap::read(value, reader)?;
        let found = match (step.weight, step.pause, step.analysis) {
            (Some(percent), None, None) => Some(CanaryStep::Weight { percent }),
            (None, Some(Pause(duration)), None) => Some(CanaryStep::Pause { duration }),
            (None, None, Some(analysis)) => Some(CanaryStep::Analysis(analysis.spec())),
            (None, None, None) if usual => Some(CanaryStep::Analysis(default_analysis())),
            _ => None,
        };
        if found.is_none() {
            let message = format!("`{}`: a step is exactly one of `weight`, `pause` and `analysis`", reader.path());
            let error = Diagnostic::error("config::missing", value.origin, message);
            reader.push(error.help("write `weight: 10%`, `pause: 30s` or `analysis: {…}`"));
        }
        found.map(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        StepMap::shape(book)
    }
}

impl Read for Steps {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let Data::List(items) = &value.data else {
            reader.expected(value, "a list of steps");
            return None;
        };
        let mut sound = true;
        let mut steps = Vec::new();
        let mut before = 0;
        for (index, item) in items.iter().enumerate() {
            let step = reader.under(Step::Index(index), |reader| {
                let step = StepFile::read(item, reader);
                if let Some(CanaryStep::Weight { percent }) = step.as_ref().map(|step| &step.0) {
                    sound &= rises(item, before, percent.get(), reader);
                    before = percent.get();
                }
                step
            });
            sound &= step.is_some();
            steps.extend(step);
        }
        sound.then_some(Self(steps))
    }

    fn shape(book: &mut Book) -> Shape {
        Vec::<StepFile>::shape(book)
    }
}

/// Checks that a weight is above the one before; the first above nothing.
fn rises(item: &Value, before: u8, percent: u8, reader: &mut Reader) -> bool {
    if percent > before {
        return true;
    }
    if percent == 0 {
        reader.wrong(item, "a weight of 0 sends nothing to the new revision", "begin with 1 or more");
    } else {
        let why = format!("the weights of the steps must rise: {percent}% comes after {before}%");
        reader.wrong(item, &why, "raise this weight, or put the step before the other");
    }
    false
}

fn default_analysis() -> AnalysisSpec {
    AnalysisSpec {
        interval: Millis::from_secs(30),
        count: 3,
        failure_limit: 0,
        inconclusive_limit: 3,
        min_requests: 20,
        max_error_rate_bp: Some(100),
        max_p95: Some(Millis::from_secs(1)),
    }
}

fn default_steps() -> Vec<CanaryStep> {
    let weights = [10, 25, 50, 100].into_iter().filter_map(Percent::new);
    weights
        .flat_map(|percent| {
            [
                CanaryStep::Weight { percent },
                CanaryStep::Pause { duration: Some(Millis::from_secs(60)) },
                CanaryStep::Analysis(default_analysis()),
            ]
        })
        .collect()
}

impl AnalysisFile {
    /// Returns the analysis as the rollout wants it. Without any condition the usual ones hold: 1 %, one second.
    fn spec(&self) -> AnalysisSpec {
        let usual = default_analysis();
        let none = self.max_error_rate.is_none() && self.max_p95.is_none();
        AnalysisSpec {
            interval: self.interval,
            count: self.count.get(),
            failure_limit: self.failure_limit,
            inconclusive_limit: self.inconclusive_limit,
            min_requests: self.min_requests,
            max_error_rate_bp: if none { usual.max_error_rate_bp } else { self.max_error_rate.map(|rate| rate.0) },
            max_p95: if none { usual.max_p95 } else { self.max_p95 },
        }
    }
}

impl StrategyFile {
    /// Returns what holds where nothing is said: instance by instance, never fewer than declared.
    pub fn usual() -> Self {
        Self(Strategy::Rolling { max_surge: 1, max_unavailable: 0 })
    }

    fn named(name: &str) -> Option<Self> {
        Some(Self(match name {
            "rolling" => return Some(Self::usual()),
            "recreate" => Strategy::Recreate,
            "blue-green" => {
                Strategy::BlueGreen { auto_promote_after: None, analysis: None, keep_old: Millis::from_secs(600) }
            }
            "canary" => Strategy::Canary { steps: default_steps() },
            _ => return None,
        }))
    }
}

impl Read for StrategyFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        if let Data::Scalar(scalar) = &value.data {
            let found = Self::named(scalar.text());
            if found.is_none() && scalar.text() == "flag" {
                let why = "the strategy `flag` needs to know which flag";
                reader.wrong(value, why, "write `strategy: {flag: {key: KEY}}`");
            } else if found.is_none() {
                crate::config::read::unknown_word(value, scalar.text(), FORMS, reader);
            }
            return found;
        }
        let StrategyMap { rolling, recreate, blue_green, canary, flag } = StrategyMap::read(value, reader)?;
        if let (None, None, None, None, Some(flag)) = (&rolling, &recreate, &blue_green, &canary, &flag) {
            return Some(Self(Strategy::Flag(Box::new(flag.clone().strategy()))));
        }
        let found = match (rolling, recreate, blue_green, canary) {
            (Some(rolling), None, None, None) => {
                Strategy::Rolling { max_surge: rolling.max_surge, max_unavailable: rolling.max_unavailable }
            }
            (None, Some(_), None, None) => Strategy::Recreate,
            (None, None, Some(file), None) => Strategy::BlueGreen {
                auto_promote_after: file.auto_promote_after,
                analysis: file.analysis.as_ref().map(AnalysisFile::spec),
                keep_old: file.keep_old,
            },
            (None, None, None, Some(file)) => Strategy::Canary {
                steps: file
                    .steps
                    .map_or_else(default_steps, |Steps(steps)| steps.into_iter().map(|step| step.0).collect()),
            },
            // Said already by the choice of the section.
            _ => return None,
        };
        Some(Self(found))
    }

    fn shape(book: &mut Book) -> Shape {
        book.or_word(NAMES, StrategyMap::shape)
    }
}
