//! Freeze and maintenance windows: whether one is open at a moment, and when that changes.

use cronexpr::Crontab;
use jiff::{SignedDuration, Timestamp};

use crate::project::Window;

/// Why a window cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// The rule or the time zone cannot be read.
    #[error("`{cron}` in time zone `{time_zone}` is not a calendar rule: {reason}")]
    Rule {
        /// The five fields.
        cron: String,
        /// The zone.
        time_zone: String,
        /// What is wrong.
        reason: String,
    },
    /// It would end before it begins.
    #[error("the window ends at {to}, not after it begins at {from}")]
    Reversed {
        /// Beginning.
        from: Timestamp,
        /// End.
        to: Timestamp,
    },
    /// It would be over at once.
    #[error("the window has no duration")]
    Empty,
}

/// Says what is wrong with a window, if anything.
pub fn check_window(window: &Window) -> Result<(), WindowError> {
    match window {
        Window::Recurring { cron, duration, time_zone, .. } => {
            if duration.0 == 0 {
                return Err(WindowError::Empty);
            }
            crontab(cron, time_zone).map(|_| ())
        }
        Window::Absolute { from, to, .. } if from >= to => Err(WindowError::Reversed { from: *from, to: *to }),
        Window::Absolute { .. } => Ok(()),
    }
}

/// Returns when the window closes, if it is open at `now`: the first moment outside.
///
/// A rule that cannot be read is never open here; projects with such rules are refused when they are read.
pub fn closing(window: &Window, now: Timestamp) -> Option<Timestamp> {
    match window {
        Window::Absolute { from, to, .. } => (*from <= now && now < *to).then_some(*to),
        Window::Recurring { cron, duration, time_zone, .. } => {
            let rule = crontab(cron, time_zone).ok()?;
            let length = SignedDuration::from_millis(i64::try_from(duration.0).ok()?);
            // The earliest beginning that still covers `now`, then later ones: occurrences may overlap.
            let mut begin = next(&rule, now.checked_sub(length).ok()?)?;
            let mut end = None;
            // Bounded: a window of a year that opens every minute is as good as open for as long as we looked.
            for _ in 0..1000 {
                if begin > now {
                    break;
                }
                end = begin.checked_add(length).ok();
                begin = next(&rule, begin)?;
            }
            end.filter(|end| *end > now)
        }
    }
}

/// Returns when the window opens next after `now`, if it ever does.
pub fn next_opening(window: &Window, now: Timestamp) -> Option<Timestamp> {
    match window {
        Window::Absolute { from, .. } => (*from > now).then_some(*from),
        Window::Recurring { cron, time_zone, .. } => next(&crontab(cron, time_zone).ok()?, now),
    }
}

fn next(rule: &Crontab, after: Timestamp) -> Option<Timestamp> {
    rule.find_next(cronexpr::MakeTimestamp(after)).ok().map(|zoned| zoned.timestamp())
}

fn crontab(cron: &str, time_zone: &str) -> Result<Crontab, WindowError> {
    let wrong = |reason: String| WindowError::Rule { cron: cron.to_owned(), time_zone: time_zone.to_owned(), reason };
    if jiff::tz::TimeZone::get(time_zone).is_err() {
        return Err(wrong("there is no such time zone; use an IANA name such as `Europe/Zurich`".to_owned()));
    }
    cronexpr::parse_crontab(&format!("{cron} {time_zone}")).map_err(|error| wrong(first_line(&error.to_string())))
}

fn first_line(text: &str) -> String {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}
