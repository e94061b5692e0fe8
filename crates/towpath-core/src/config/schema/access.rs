//! Who may use an environment's application and what protects the way in.

use std::collections::BTreeSet;

use super::{
    gates::KnownRole,
    values::{Cidr, Country, HttpPath, VariableName},
};
use crate::{
    config::{
        describe::{Book, Shape},
        diagnostic::Diagnostic,
        read::{Read, Reader, Step, section, words},
        value::{Data, Value},
    },
    units::Millis,
};

/// Who may use the application: a word, or a map with its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessFile(pub AccessMap);

section! {
    /// Who may use the application: the mode alone (`access: open`) or with what it needs.
    /// Towpath checks this and shows it; nothing acts on it yet.
    pub struct AccessMap {
        /// Who is let in.
        mode: AccessMode,
        /// With `mode: roles`, which roles of the project are let in.
        roles: BTreeSet<KnownRole>,
        /// With `mode: basic-auth`, the variable that holds `user:password`; declare it `secret: true`.
        credentials: Option<VariableName>,
    }
    check(value, reader; mode, roles) {
        let sound = (*mode == AccessMode::Roles) != roles.is_empty();
        if !sound && roles.is_empty() {
            reader.wrong(value, "`mode: roles` needs `roles`", "write `roles: […]`, the list of who is let in");
        } else if !sound {
            reader.clash(value, &["mode", "roles"], "`roles` is for `mode: roles` only");
        }
        sound
    }
    check(value, reader; mode, credentials) {
        let sound = (*mode == AccessMode::BasicAuth) == credentials.is_some();
        if !sound && credentials.is_none() {
            let help = "write `credentials: NAME`, the variable that holds `user:password`";
            reader.wrong(value, "`mode: basic-auth` needs `credentials`", help);
        } else if !sound {
            reader.clash(value, &["mode", "credentials"], "`credentials` is for `mode: basic-auth` only");
        }
        sound
    }
}

words! {
    /// Who is let in.
    pub enum AccessMode {
        /// Everybody.
        Open = "open",
        /// Who knows the password.
        BasicAuth = "basic-auth",
        /// Who has one of the roles.
        Roles = "roles",
    }
}

impl Read for AccessFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        if let Data::Scalar(_) = &value.data {
            let mode = AccessMode::read(value, reader)?;
            if mode != AccessMode::Open {
                let needs = if mode == AccessMode::Roles { "roles: […]" } else { "credentials: NAME" };
                let why = format!("`{}` alone is not enough", mode.as_str());
                reader.wrong(value, &why, &format!("write `{{mode: {}, {needs}}}`", mode.as_str()));
                return None;
            }
            return Some(Self(AccessMap { mode, roles: BTreeSet::new(), credentials: None }));
        }
        AccessMap::read(value, reader).map(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        book.or_word(&["open"], AccessMap::shape)
    }
}

section! {
    /// Sessions of signed-in users.
    /// Towpath checks this and shows it; nothing acts on it yet.
    pub struct SessionsFile {
        /// How long a session lasts without a request.
        idle_timeout: Millis = Millis::from_secs(1800),
        /// How long a session lasts at most.
        max_age: Option<Millis>,
        /// How many sessions one user may have at once.
        max_per_user: Option<std::num::NonZeroU32>,
    }
    check(value, reader; idle_timeout, max_age) {
        let sound = max_age.is_none_or(|max| *idle_timeout <= max);
        if !sound {
            reader.clash(value, &["idle_timeout", "max_age"], "`idle_timeout` must not be longer than `max_age`");
        }
        sound
    }
}

words! {
    /// Whether users need a second factor.
    pub enum Mfa {
        /// Everybody needs one.
        Required = "required",
        /// Who wants one has one.
        Optional = "optional",
        /// There is none.
        None = "none",
    }
}

section! {
    /// From which countries requests may come: some are let in, or some are kept out.
    /// Towpath checks this and shows it; nothing acts on it yet.
    pub struct GeoBlockingFile {
        /// Only these are let in.
        allow: Option<Countries>,
        /// These are kept out.
        block: Option<Countries>,
    }
    choice("allow", "block"; one) "geo blocking needs exactly one of `allow` and `block`"
}

/// At least one country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Countries(pub BTreeSet<Country>);

impl Read for Countries {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let countries = BTreeSet::read(value, reader)?;
        if countries.is_empty() {
            reader.wrong(value, "there is no country in it", "name at least one, such as `[DE]`, or take the key away");
            return None;
        }
        Some(Self(countries))
    }

    fn shape(book: &mut Book) -> Shape {
        let mut shape = BTreeSet::<Country>::shape(book);
        if let Some(json) = shape.json.as_object_mut() {
            json.insert("minItems".to_owned(), 1.into());
        }
        shape
    }
}

section! {
    /// How many requests one caller may make.
    /// Towpath checks this and shows it; nothing acts on it yet.
    pub struct RateLimitFile {
        /// What it is called.
        name: Option<String>,
        /// The paths it holds for begin with this.
        path: HttpPath = HttpPath("/".to_owned()),
        /// How many requests.
        requests: std::num::NonZeroU32,
        /// In what time.
        per: Millis = Millis::from_secs(60),
        /// How many more may come at once.
        burst: u32 = 0,
        /// What tells callers apart.
        by: Caller = Caller::Address,
    }
    check(_value, reader; per) {
        let sound = per.0 > 0;
        if !sound {
            positive(_value, "per", reader);
        }
        sound
    }
}

words! {
    /// What tells callers apart.
    pub enum Caller {
        /// The IP address.
        Address = "address",
        /// The signed-in user.
        User = "user",
        /// The API token.
        Token = "token",
    }
}

/// Says that a duration must be longer than nothing, at the duration.
pub(crate) fn positive(value: &Value, field: &'static str, reader: &mut Reader) {
    let place = value.get(field).unwrap_or(value);
    reader.under(Step::Field(field), |reader| {
        let message = format!("`{}` must be longer than 0", reader.path());
        let error = Diagnostic::error("config::value", place.origin, message);
        reader.push(error.help("write a duration such as `30s`"));
    });
}

/// The addresses that are let in.
pub type AllowList = BTreeSet<Cidr>;
