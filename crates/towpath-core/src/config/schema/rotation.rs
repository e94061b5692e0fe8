//! What a secret variable says of its life: how often it changes, how a new value is made, what makes it valid.

use jiff::civil::Date;
use serde_json::json;

use crate::{
    config::{
        describe::{Book, Shape},
        diagnostic::Diagnostic,
        read::{Placed, Read, Reader, section, text_of, words},
        schema::variable::Declaration,
        value::{Data, Value},
    },
    secrets::rotation::{Credential, Generator, RotationPolicy},
    units::Millis,
};

/// How a new value is made: a word for the usual one, or a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateFile(pub(crate) Generator);

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(pub(crate) Date);

words! {
    /// A kind of value that can be made.
    pub enum GeneratorWord {
        /// 32 letters and digits.
        Password = "password",
        /// 32 random bytes in URL-safe base64.
        Token = "token",
        /// 32 random bytes in hexadecimal.
        Hex = "hex",
        /// 32 random bytes in base64.
        Base64 = "base64",
        /// A random UUID.
        Uuid = "uuid",
    }
}

section! {
    /// How a new value is made.
    pub struct GeneratorMap {
        /// Letters, digits and what is added; every such password is as likely as any other.
        password: Option<PasswordMap>,
        /// Random bytes in URL-safe base64 without padding.
        token: Option<RandomMap>,
        /// Random bytes in hexadecimal.
        hex: Option<RandomMap>,
        /// Random bytes in base64.
        base64: Option<RandomMap>,
    }
    choice("password", "token", "hex", "base64"; one) "say how the value is made: `password`, `token`, `hex` or `base64`"
}

section! {
    /// What a password is made of.
    pub struct PasswordMap {
        /// How many characters, 8 to 1024.
        length: u32 = 32,
        /// Characters besides letters and digits, such as `!#%+`: at least one of each kind is in every password.
        symbols: Option<String>,
        /// The only characters to choose from, instead of letters and digits.
        alphabet: Option<String>,
    }
    choice("symbols", "alphabet"; most_one) "say `symbols` or `alphabet`, not both"
}

section! {
    /// How many bytes are random.
    pub struct RandomMap {
        /// How many, 8 to 1024.
        bytes: u32 = 32,
    }
}

section! {
    /// How a secret changes without interruption.
    #[derive(Default)]
    pub struct RotationFile {
        /// How long the old value stays valid after every service has the new one.
        grace: Millis = RotationPolicy::GRACE,
        /// Whether it is rotated by itself when it is due; it needs `generate`.
        automatic: bool = false,
        /// Two login roles of a PostgreSQL server that take turns.
        postgres: Option<PostgresRoles>,
        /// A program that makes values valid and invalid elsewhere.
        command: Option<RotationProgram>,
    }
    choice("postgres", "command"; most_one) "say `postgres` or `command`, not both"
}

section! {
    /// Two login roles that take turns: the value is the URL that the application connects with.
    pub struct PostgresRoles {
        /// What the variable of the server's process begins with that holds the URL of somebody who may alter the roles:
        /// for `DB_ADMIN`, production's is in `DB_ADMIN_PRODUCTION`.
        admin: String,
        /// The role that owns the application's tables; both login roles act as it.
        owner: String,
        /// The two login roles; they are made when they are first needed.
        roles: Vec<Placed<String>>,
    }
    check(_value, reader; roles) {
        let two = roles.len() == 2;
        let named = |index: usize| roles.get(index).map(|role| &role.value);
        let differ = named(0) != named(1) && roles.iter().all(|role| !role.value.is_empty());
        if let Some(first) = roles.first().filter(|_| !two || !differ) {
            let message = format!("`{}.roles` needs two different roles", reader.path());
            reader.push(Diagnostic::error("config::value", first.label, message).help("write `[app_a, app_b]`"));
        } else if !two {
            reader.wrong(_value, "`roles` needs two roles", "write `[app_a, app_b]`");
        }
        two && differ
    }
}

section! {
    /// A program of yours that is told to `create`, `verify` and `revoke` values.
    pub struct RotationProgram {
        /// The program and its arguments. `TOWPATH_ROTATION` says what to do, `TOWPATH_ENVIRONMENT` and `TOWPATH_SECRET` of what;
        /// the value is on its standard input.
        run: Vec<String>,
        /// How long it may take.
        timeout: Millis = Millis::from_secs(60),
    }
    check(value, reader; run) {
        if run.is_empty() {
            reader.wrong(value, "`run` needs a program", "write `run: [./rotate-key]`");
        }
        !run.is_empty()
    }
}

impl Read for GenerateFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let generator = match &value.data {
            Data::Map(_) => GeneratorMap::read(value, reader)?.generator(),
            Data::Removed | Data::Scalar(_) | Data::List(_) => match GeneratorWord::read(value, reader)? {
                GeneratorWord::Password => Generator::password(32, ""),
                GeneratorWord::Token => Generator::Token { bytes: 32 },
                GeneratorWord::Hex => Generator::Hex { bytes: 32 },
                GeneratorWord::Base64 => Generator::Base64 { bytes: 32 },
                GeneratorWord::Uuid => Generator::Uuid,
            },
        };
        if let Err(error) = generator.check() {
            reader.wrong(value, &error.to_string(), "such as `password: {length: 32}`");
            return None;
        }
        Some(Self(generator))
    }

    fn shape(book: &mut Book) -> Shape {
        book.or_word(GeneratorWord::WORDS, GeneratorMap::shape)
    }
}

impl GeneratorMap {
    fn generator(self) -> Generator {
        let bytes = |map: Option<RandomMap>| map.map(|map| map.bytes);
        if let Some(PasswordMap { length, symbols, alphabet }) = self.password {
            return match alphabet {
                Some(alphabet) => Generator::Password { length, classes: vec![alphabet] },
                None => Generator::password(length, symbols.as_deref().unwrap_or_default()),
            };
        }
        match (bytes(self.token), bytes(self.hex), bytes(self.base64)) {
            (Some(bytes), _, _) => Generator::Token { bytes },
            (None, Some(bytes), _) => Generator::Hex { bytes },
            (None, None, bytes) => Generator::Base64 { bytes: bytes.unwrap_or(32) },
        }
    }
}

impl Read for Day {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let what = "a day such as `2027-03-31`";
        let text = text_of(value, reader, what)?;
        // Only the plain form: the calendar's parser takes times too.
        let found = (text.len() == 10).then(|| text.parse().ok()).flatten();
        if found.is_none() {
            reader.expected(value, what);
        }
        found.map(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        let pattern = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$";
        let about = "A day, such as `2027-03-31`; it ends at midnight UTC.";
        book.simple("day", about, json!({ "type": "string", "pattern": pattern }))
    }
}

impl Declaration {
    /// Checks that only secrets say something of their rotation, and that what they say can be done.
    pub(super) fn check_rotation(
        value: &Value,
        reader: &mut Reader,
        secret: bool,
        (generated, rotation): (bool, Option<&RotationFile>),
    ) -> bool {
        let Some(map) = value.as_map() else { return true };
        let of_secrets = ["rotate_every", "expires", "remind", "generate", "rotation"];
        let said = of_secrets
            .into_iter()
            .find(|key| map.iter().any(|(name, member)| &**name == *key && !member.value.is_null()));
        if let Some(key) = said.filter(|_| !secret) {
            reader.clash(value, &[key], &format!("`{key}` needs `secret: true`"));
            return false;
        }
        if rotation.is_some_and(|rotation| rotation.automatic) && !generated {
            reader.clash(value, &["rotation"], "`automatic: true` needs `generate`: nobody is there to bring a value");
            return false;
        }
        true
    }

    /// Returns what is declared of a secret's life; nothing for what says nothing of it.
    pub fn rotation_policy(&self) -> Option<RotationPolicy> {
        if !self.secret {
            return None;
        }
        let usual = RotationFile { grace: RotationPolicy::GRACE, ..RotationFile::default() };
        let rotation = self.rotation.as_ref().unwrap_or(&usual);
        let policy = RotationPolicy {
            every: self.rotate_every,
            expires: self.expires.map(|day| day.0),
            remind: self.remind.unwrap_or(RotationPolicy::REMIND),
            owner: self.owner.clone(),
            generate: self.generate.as_ref().map(|GenerateFile(generator)| generator.clone()),
            credential: rotation.credential(),
            grace: rotation.grace,
            automatic: rotation.automatic,
        };
        let told = self.rotation.is_some() || self.remind.is_some();
        let says = told || policy.every.is_some() || policy.expires.is_some() || policy.generate.is_some();
        says.then_some(policy)
    }
}

impl RotationFile {
    fn credential(&self) -> Credential {
        if let Some(PostgresRoles { admin, owner, roles }) = &self.postgres
            && let [a, b] = roles.as_slice()
        {
            let roles = [a.value.clone(), b.value.clone()];
            return Credential::Postgres { admin: admin.clone(), owner: owner.clone(), roles };
        }
        match &self.command {
            Some(RotationProgram { run, timeout }) => Credential::Command { command: run.clone(), timeout: *timeout },
            None => Credential::Value,
        }
    }
}

#[cfg(test)]
mod tests;
