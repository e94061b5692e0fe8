//! Times, durations and shares as people read them.

use std::fmt::Write as _;

use jiff::Timestamp;

/// Returns a time to the second, in UTC.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Returns the time of day to the second, in UTC.
pub(crate) fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// Returns a duration with the precision that people care for: `850 ms`, `4.2 s`, `3 min 20 s`, `5 h 12 min`, `3 d 4 h`.
pub(crate) fn span(millis: u64) -> String {
    let (seconds, minutes, hours, days) = (millis / 1000, millis / 60_000, millis / 3_600_000, millis / 86_400_000);
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{seconds}.{} s", millis % 1000 / 100),
        60_000..3_600_000 => format!("{minutes} min {} s", seconds % 60),
        3_600_000..86_400_000 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// Returns the time from one moment to another.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> String {
    span(u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0))
}

/// Returns a size with a binary unit.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    UNITS.iter().find(|(_, scale)| bytes >= *scale).map_or_else(
        || format!("{bytes} B"),
        |(unit, scale)| format!("{}.{} {unit}", bytes / scale, bytes % scale * 10 / scale),
    )
}

/// Returns microseconds as milliseconds.
pub(crate) fn micros(us: u64) -> String {
    format!("{}.{} ms", us / 1000, us % 1000 / 100)
}

/// Returns `1 file`, `2 files`.
pub(crate) fn count(number: u64, what: &str) -> String {
    let mut text = format!("{number} {what}");
    if number != 1 {
        let _ = write!(text, "s");
    }
    text
}

/// Returns the first twelve digits of a digest: enough for people.
pub(crate) fn short(digest: &str) -> &str {
    let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
    digits.get(..12).unwrap_or(digits)
}

/// Returns a value of an API enumeration as its JSON word, `_` as blank.
pub(crate) fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(|text| text.replace('_', " ")))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
