//! What a release must pass to enter an environment.

use std::{collections::BTreeSet, num::NonZeroU32};

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    config::{
        diagnostic::Diagnostic,
        nearest::suggestion,
        read::{Placed, Read, Reader, section},
        value::Value,
    },
    ids::Role,
    project::{ApprovalPolicy, GatePolicy, Window},
    units::Millis,
};

section! {
    /// The gates of an environment.
    #[derive(Default)]
    pub struct GatesFile {
        /// Who must agree.
        approvals: Option<ApprovalsFile>,
        /// What must be ticked off, in order.
        checklist: Vec<String>,
        /// How long the release must have run in each environment before this one.
        soak: Option<Millis>,
        /// When releases may and may not enter.
        windows: WindowsFile = WindowsFile::default(),
    }
}

section! {
    /// Who must agree.
    pub struct ApprovalsFile {
        /// How many different people.
        required: NonZeroU32 = NonZeroU32::MIN,
        /// Which roles may approve; anybody in the project if empty.
        roles: BTreeSet<KnownRole>,
        /// How long an approval holds.
        expires: Millis = Millis::from_secs(7 * 86_400),
    }
}

/// A role; one that nobody has is probably a slip.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownRole(pub Role);

impl Read for KnownRole {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let role = Role::read(value, reader)?;
        if !reader.roles.contains(role.as_str()) {
            let message = format!("nobody in the project has the role `{role}`");
            let help = suggestion(role.as_str(), reader.roles.iter().map(String::as_str));
            reader.push(Diagnostic::warning("config::nobody", value.origin, message).help(help));
        }
        Some(Self(role))
    }
}

section! {
    /// When releases may and may not enter.
    #[derive(Default)]
    pub struct WindowsFile {
        /// Nothing enters inside these.
        freeze: Vec<WindowFile>,
        /// Releases enter only inside these; always if there are none.
        maintenance: Vec<WindowFile>,
    }
}

/// A window: `cron` with `duration`, or `from` with `to`.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowFile(Window);

section! {
    /// The keys of a window.
    pub struct WindowMap {
        /// When it begins again and again: the five fields of crontab.
        cron: Option<Placed<String>>,
        /// How long it lasts, with `cron`.
        duration: Option<Millis>,
        /// The time zone of `cron`, by its IANA name.
        timezone: Option<Placed<String>>,
        /// When it begins once.
        from: Option<Timestamp>,
        /// When it ends, with `from`.
        to: Option<Timestamp>,
        /// Why, in words; shown to whom it stops.
        reason: Option<String>,
    }
}

impl Read for WindowFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let map = WindowMap::read(value, reader)?;
        let reason = map.reason;
        match (map.cron, map.duration, map.timezone, map.from, map.to) {
            (Some(cron), Some(duration), zone, None, None) => {
                let time_zone = zone_name(zone, reader)?;
                check_cron(&cron, duration, reader)?;
                Some(Self(Window::Recurring { cron: cron.value, duration, time_zone, reason }))
            }
            (None, None, None, Some(from), Some(to)) if from < to => Some(Self(Window::Absolute { from, to, reason })),
            (None, None, None, Some(_), Some(_)) => {
                reader.wrong(value, "`to` must be later than `from`");
                None
            }
            _ => {
                reader.wrong(value, "a window needs `cron` and `duration` (and `timezone`), or `from` and `to`");
                None
            }
        }
    }
}

fn zone_name(zone: Option<Placed<String>>, reader: &mut Reader) -> Option<String> {
    let Some(zone) = zone else { return Some("UTC".to_owned()) };
    if TimeZone::get(&zone.value).is_err() {
        let message = format!("`{}` is not an IANA time zone such as `Europe/Berlin`", zone.value);
        reader.error("config::value", zone.label, message);
        return None;
    }
    Some(zone.value)
}

fn check_cron(cron: &Placed<String>, duration: Millis, reader: &mut Reader) -> Option<()> {
    let fields = cron.value.split_whitespace().count();
    let read = cronexpr::parse_crontab(&format!("{} UTC", cron.value));
    if fields != 5 || read.is_err() {
        let message =
            format!("`{}` is not five fields of crontab: minute hour day-of-month month day-of-week", cron.value);
        reader.error("config::value", cron.label, message);
        return None;
    }
    if duration.0 == 0 {
        reader.error("config::value", cron.label, "the window of this `cron` has no length");
        return None;
    }
    Some(())
}

impl GatesFile {
    /// Returns the gates as the promotion wants them.
    pub fn policy(&self) -> GatePolicy {
        let windows = |files: &[WindowFile]| files.iter().map(|file| file.0.clone()).collect();
        GatePolicy {
            approvals: self.approvals.as_ref().map(|file| ApprovalPolicy {
                required: file.required.get(),
                roles: file.roles.iter().map(|role| role.0.clone()).collect(),
                expires: file.expires,
            }),
            checklist: self.checklist.clone(),
            soak: self.soak,
            freeze: windows(&self.windows.freeze),
            maintenance: windows(&self.windows.maintenance),
        }
    }
}
