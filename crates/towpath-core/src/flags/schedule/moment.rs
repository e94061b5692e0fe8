//! Moments as people write them: with an offset (RFC 3339), or as the clock on the wall of a time zone shows them.

use jiff::{
    Timestamp, Zoned,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};

/// Why a text is no moment.
#[derive(Debug, thiserror::Error)]
pub enum MomentError {
    /// It is none of the forms.
    #[error("`{0}` is not a time: write `2026-03-01T09:00:00+01:00`, or `2026-03-01T09:00` with a time zone")]
    Form(String),
    /// Nobody knows what the clock on the wall means.
    #[error(
        "`{0}` does not say in which time zone: add an offset such as `+01:00`, or give `--time-zone Europe/Berlin`"
    )]
    NoZone(String),
    /// There is no such zone.
    #[error("there is no time zone `{0}`: write a name such as `Europe/Berlin` or `UTC`")]
    Zone(String),
    /// The clocks go forward over it.
    #[error("there is no {0} in {1}: the clocks go forward over it; give the time with its offset")]
    Gap(DateTime, String),
    /// The clocks go back, so it comes twice.
    #[error("{0} comes twice in {1}, because the clocks go back: give the time with its offset, {2} or {3}")]
    Fold(DateTime, String, String, String),
    /// It has a zone of its own.
    #[error("`{0}` says its offset already: leave the time zone out")]
    Both(String),
}

/// Reads a moment. A time with an offset needs no zone and takes none; one without needs it.
pub fn moment(text: &str, zone: Option<&str>) -> Result<Timestamp, MomentError> {
    let text = text.trim();
    let shown = || text.escape_debug().take(60).collect::<String>();
    if let Ok(zoned) = text.parse::<Zoned>() {
        return if zone.is_some() { Err(MomentError::Both(shown())) } else { Ok(zoned.timestamp()) };
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return if zone.is_some() { Err(MomentError::Both(shown())) } else { Ok(timestamp) };
    }
    // A day without a time would mean its midnight, which nobody means.
    let is_day = text.parse::<DateTime>().is_ok() && text.len() <= 10 && text.parse::<Date>().is_ok();
    let civil = text.parse::<DateTime>().ok().filter(|_| !is_day).ok_or_else(|| MomentError::Form(shown()))?;
    let name = zone.ok_or_else(|| MomentError::NoZone(shown()))?;
    let zone = TimeZone::get(name).map_err(|_| MomentError::Zone(name.escape_debug().take(60).collect()))?;
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => ambiguous.unambiguous().map_err(|_| MomentError::Form(shown())),
        AmbiguousOffset::Gap { .. } => Err(MomentError::Gap(civil, name.to_owned())),
        AmbiguousOffset::Fold { before, after } => {
            Err(MomentError::Fold(civil, name.to_owned(), before.to_string(), after.to_string()))
        }
    }
}
