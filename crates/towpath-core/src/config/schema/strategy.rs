//! How a revision takes over from the one before.

use std::num::NonZeroU32;

use crate::{
    config::{
        read::{Fields, Read, Reader, section},
        value::{Data, Value},
    },
    deployment::{AnalysisSpec, CanaryStep, Strategy},
    units::{Millis, Percent},
};

/// The forms of a strategy.
pub(crate) const FORMS: &[&str] = &["rolling", "recreate", "blue-green", "canary"];

/// A strategy: its name, or a map with the name and its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct StrategyFile(pub Strategy);

section! {
    /// Instance by instance.
    pub struct RollingFile {
        /// How many instances more than declared may run.
        max_surge: u32 = 1,
        /// How many instances fewer than declared may be ready.
        max_unavailable: u32 = 0,
    }
    check(this, value, reader) {
        let moves = this.max_surge + this.max_unavailable > 0;
        if !moves {
            reader.wrong(value, "with `max_surge` and `max_unavailable` both 0 no instance could be replaced");
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
        steps: Option<Vec<StepFile>>,
    }
    check(this, value, reader) {
        let sound = this.steps.as_ref().is_none_or(|steps| rising(steps));
        if !sound {
            reader.wrong(value, "the weights of the steps must rise, each from 1 to 100");
        }
        sound
    }
}

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
    check(this, value, reader) {
        let sound = this.interval.0 > 0 && this.failure_limit < this.count.get();
        if this.interval.0 == 0 {
            reader.wrong(value, "`interval` must be longer than 0");
        } else if !sound {
            reader.wrong(value, "`failure_limit` must be lower than `count`, or the analysis could never fail");
        }
        sound
    }
}

/// One step: exactly one of `weight`, `pause` and `analysis`.
#[derive(Debug, Clone, PartialEq)]
pub struct StepFile(CanaryStep);

section! {
    /// The keys of a step.
    pub struct StepMap {
        /// Sends this share of the traffic to the new revision.
        weight: Option<Percent>,
        /// Waits this long, or with `manual` until a person goes on.
        pause: Option<Pause>,
        /// Judges the new revision.
        analysis: Option<AnalysisFile>,
    }
}

/// A share with up to two decimals, in hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(pub u32);

/// How long to wait, or for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause(Option<Millis>);

impl Read for RecreateFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        Fields::new(value, reader)?.finish(reader).then_some(Self)
    }
}

impl Read for Rate {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let what = "a share such as `1%` or `0.5%`";
        let text = crate::config::read::text_of(value, reader, what)?;
        let found = rate(text);
        if found.is_none() {
            reader.expected(value, what);
        }
        found.map(Self)
    }
}

fn rate(text: &str) -> Option<u32> {
    let number = text.trim().strip_suffix('%')?.trim_end();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 2 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let rate = whole.parse::<u32>().ok()?.checked_mul(100)? + format!("{fraction:0<2}").parse::<u32>().ok()?;
    (rate <= 10_000).then_some(rate)
}

impl Read for Pause {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let manual = matches!(&value.data, Data::Scalar(scalar) if scalar.text() == "manual");
        if manual { Some(Self(None)) } else { Millis::read(value, reader).map(|time| Self(Some(time))) }
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
            reader.wrong(value, "a step is exactly one of `weight`, `pause` and `analysis`");
        }
        found.map(Self)
    }
}

fn rising(steps: &[StepFile]) -> bool {
    let weights: Vec<u8> = steps
        .iter()
        .filter_map(|step| match step.0 {
            CanaryStep::Weight { percent } => Some(percent.get()),
            CanaryStep::Pause { .. } | CanaryStep::Analysis(_) => None,
        })
        .collect();
    weights.first().is_none_or(|first| *first > 0) && weights.iter().zip(weights.iter().skip(1)).all(|(a, b)| a < b)
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
            if found.is_none() {
                crate::config::read::unknown_word(value, scalar.text(), FORMS, reader);
            }
            return found;
        }
        let mut fields = Fields::new(value, reader)?;
        let rolling = fields.field::<Option<RollingFile>>("rolling", None, reader)?;
        let recreate = fields.field::<Option<RecreateFile>>("recreate", None, reader)?;
        let blue_green = fields.field::<Option<BlueGreenFile>>("blue-green", None, reader)?;
        let canary = fields.field::<Option<CanaryFile>>("canary", None, reader)?;
        if !fields.finish(reader) {
            return None;
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
                steps: file.steps.map_or_else(default_steps, |steps| steps.into_iter().map(|step| step.0).collect()),
            },
            _ => {
                reader.wrong(value, "a strategy is exactly one of `rolling`, `recreate`, `blue-green` and `canary`");
                return None;
            }
        };
        Some(Self(found))
    }
}
