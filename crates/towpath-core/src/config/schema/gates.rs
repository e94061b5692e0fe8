//! What a release must pass to enter an environment.

use std::{collections::BTreeSet, num::NonZeroU32};

use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;

use super::access::positive;
use crate::{
    config::{
        describe::{Book, Shape},
        diagnostic::Diagnostic,
        nearest::suggestion,
        read::{NAME, Placed, Read, Reader, section},
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
        if let Some(roles) = reader.roles.as_ref().filter(|roles| !roles.contains(role.as_str())) {
            let message = format!("nobody in the project has the role `{role}`");
            let help = suggestion(role.as_str(), roles.iter().map(String::as_str));
            reader.push(Diagnostic::warning("config::nobody", value.origin, message).help(help));
        }
        Some(Self(role))
    }

    fn shape(book: &mut Book) -> Shape {
        let words = Role::shape(book).words;
        let any = json!({ "type": "string", "pattern": NAME });
        let json =
            if book.names.roles.is_empty() { any } else { json!({ "anyOf": [{ "enum": book.names.roles }, any] }) };
        Shape { words, json }
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
    /// A time in which something holds: again and again, or once.
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
    choice("cron", "from"; one) "a window needs `cron` and `duration`, or `from` and `to`"
    check(value, reader; cron, duration, from) {
        let sound = cron.is_some() == duration.is_some() || (cron.is_none() && from.is_none());
        if !sound && duration.is_none() {
            reader.wrong(value, "`cron` needs `duration`", "write `duration: 2h`, how long the window lasts");
        } else if !sound {
            reader.clash(value, &["duration", "from"], "`duration` belongs to `cron`; with `from` write `to`");
        }
        sound
    }
    check(value, reader; from, to, cron) {
        let sound = from.is_some() == to.is_some() || (cron.is_none() && from.is_none());
        if !sound && to.is_none() {
            reader.wrong(value, "`from` needs `to`", "write `to: …`, when the window ends");
        } else if !sound {
            reader.clash(value, &["to", "cron"], "`to` belongs to `from`; with `cron` write `duration`");
        }
        sound
    }
    check(value, reader; from, to) {
        let sound = from.zip(*to).is_none_or(|(from, to)| from < to);
        if !sound {
            reader.clash(value, &["from", "to"], "`to` must be later than `from`");
        }
        sound
    }
    check(_value, reader; cron) {
        cron.as_ref().is_none_or(|cron| check_cron(cron, reader))
    }
    check(value, reader; duration) {
        let sound = duration.is_none_or(|time| time.0 > 0);
        if !sound {
            positive(value, "duration", reader);
        }
        sound
    }
    check(_value, reader; timezone) {
        timezone.as_ref().is_none_or(|zone| check_zone(zone, reader))
    }
}

impl Read for WindowFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let WindowMap { cron, duration, timezone, from, to, reason } = WindowMap::read(value, reader)?;
        let recurring = cron.zip(duration).map(|(cron, duration)| {
            let time_zone = timezone.map_or_else(|| "UTC".to_owned(), |zone| zone.value);
            Window::Recurring { cron: cron.value, duration, time_zone, reason: reason.clone() }
        });
        recurring.or_else(|| from.zip(to).map(|(from, to)| Window::Absolute { from, to, reason })).map(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        WindowMap::shape(book)
    }
}

fn check_zone(zone: &Placed<String>, reader: &mut Reader) -> bool {
    let sound = TimeZone::get(&zone.value).is_ok();
    if !sound {
        let message = format!("`{}` is not a time zone", zone.value);
        let error = Diagnostic::error("config::value", zone.label, message);
        reader.push(error.help("use a name of the IANA database such as `Europe/Berlin` or `UTC`"));
    }
    sound
}

fn check_cron(cron: &Placed<String>, reader: &mut Reader) -> bool {
    let fields = cron.value.split_whitespace().count();
    let sound = fields == 5 && cronexpr::parse_crontab(&format!("{} UTC", cron.value)).is_ok();
    if !sound {
        let message = format!("`{}` is not a line of crontab", cron.value);
        let error = Diagnostic::error("config::value", cron.label, message);
        let help = "write five fields: minute hour day-of-month month day-of-week, such as `0 16 * * FRI`";
        reader.push(error.help(help));
    }
    sound
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
