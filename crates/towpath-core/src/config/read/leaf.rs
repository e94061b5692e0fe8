//! Reading of single values: names, numbers, quantities, addresses.

use std::{net::SocketAddr, str::FromStr};

use jiff::Timestamp;

use serde_json::{Value as Json, json};

use super::{Key, Read, Reader, Step, scalar_of, text_of};
use crate::{
    config::{
        describe::{Book, Names, Shape},
        diagnostic::Diagnostic,
        value::{Data, Value},
        yaml::{ScalarKind, shorten},
    },
    ids::{ArtifactName, EnvironmentName, ExperimentName, PrincipalName, ProjectName, Role, ServiceName},
    project::Tier,
    units::{Bytes, MilliCpu, Millis, Percent},
};

impl Read for String {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        text_of(value, reader, "a text").map(str::to_owned)
    }

    fn shape(book: &mut Book) -> Shape {
        book.simple(
            "text",
            "Any text. What looks like a number or a truth value needs quotes: `\"1.10\"`.",
            json!({ "type": "string" }),
        )
    }

    fn written(&self) -> Option<Json> {
        Some(self.as_str().into())
    }
}

impl Key for String {
    fn key(text: &str) -> Result<Self, (String, String)> {
        Ok(text.to_owned())
    }

    fn pattern() -> Option<&'static str> {
        None
    }
}

impl Read for bool {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let found = if let Data::Scalar(scalar) = &value.data { scalar.as_bool() } else { None };
        if found.is_none() {
            reader.expected(value, "`true` or `false`");
        }
        found
    }

    fn shape(_: &mut Book) -> Shape {
        Shape { words: "`true`, `false`".to_owned(), json: json!({ "type": "boolean" }) }
    }

    fn written(&self) -> Option<Json> {
        Some((*self).into())
    }
}

fn int<T: TryFrom<i64>>(value: &Value, reader: &mut Reader, what: &str) -> Option<T> {
    let found = if let Data::Scalar(scalar) = &value.data { scalar.as_int() } else { None };
    let found = found.and_then(|int| T::try_from(int).ok());
    if found.is_none() {
        reader.expected(value, what);
    }
    found
}

macro_rules! ints {
    ($($type:ty: $what:literal, $least:expr, $most:expr);* $(;)?) => {$(
        impl Read for $type {
            fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
                int(value, reader, $what)
            }

            fn shape(_: &mut Book) -> Shape {
                Shape { words: $what.trim_start_matches("a ").to_owned(), json: range($least, $most) }
            }

            fn written(&self) -> Option<Json> {
                Some((*self).into())
            }
        }
    )*};
}

fn range(least: Option<i64>, most: Option<i64>) -> Json {
    let mut json = json!({ "type": "integer" });
    if let Json::Object(json) = &mut json {
        json.extend(least.map(|least| ("minimum".to_owned(), least.into())));
        json.extend(most.map(|most| ("maximum".to_owned(), most.into())));
    }
    json
}

ints!(
    u16: "a whole number from 0 to 65535", Some(0), Some(65_535);
    u32: "a whole number from 0", Some(0), Some(i64::from(u32::MAX));
    u64: "a whole number from 0", Some(0), None;
    i64: "a whole number", None, None;
);

impl Read for std::num::NonZeroU32 {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let what = "a whole number from 1";
        let found = if let Data::Scalar(scalar) = &value.data { scalar.as_int() } else { None };
        let found = found.and_then(|int| u32::try_from(int).ok()).and_then(Self::new);
        if found.is_none() {
            reader.expected(value, what);
        }
        found
    }

    fn shape(_: &mut Book) -> Shape {
        Shape { words: "whole number from 1".to_owned(), json: range(Some(1), Some(i64::from(u32::MAX))) }
    }

    fn written(&self) -> Option<Json> {
        Some(self.get().into())
    }
}

impl Read for f64 {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let found = if let Data::Scalar(scalar) = &value.data { scalar.as_float() } else { None };
        let found = found.filter(|float| float.is_finite());
        if found.is_none() {
            reader.expected(value, "a number");
        }
        found
    }

    fn shape(_: &mut Book) -> Shape {
        Shape { words: "number".to_owned(), json: json!({ "type": "number" }) }
    }
}

/// Reads a text that has its own form: what it is, and how that is written.
fn parsed<T: FromStr>(value: &Value, reader: &mut Reader, (what, how): (&str, &str)) -> Option<T> {
    let scalar = scalar_of(value, reader, what)?;
    if scalar.kind == ScalarKind::Bool {
        reader.expected(value, what);
        return None;
    }
    let read = scalar.text().parse().ok();
    if read.is_none() {
        reader.wrong(value, &format!("`{}` is not {what}", shorten(scalar.text())), &format!("write {how}"));
    }
    read
}

macro_rules! parsed {
    ($($type:ty: $what:literal, $how:literal, $word:literal, $about:literal, $json:expr);* $(;)?) => {$(
        impl Read for $type {
            fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
                parsed(value, reader, ($what, $how))
            }

            fn shape(book: &mut Book) -> Shape {
                book.simple($word, $about, $json)
            }

            fn written(&self) -> Option<Json> {
                Some(self.to_string().into())
            }
        }
    )*};
}

parsed!(
    Bytes: "a size", "bytes or a number with its unit, such as `64Ki`, `512Mi` or `1Gi`", "size",
        "A number of bytes, such as `64Ki`, `512Mi`, `1Gi` or `1500000`.",
        json!({ "anyOf": [{ "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": "^[0-9]+(Ti|Gi|Mi|Ki|T|G|M|k)?$" }] });
    MilliCpu: "an amount of CPU", "cores or thousandths of one, such as `2`, `0.5` or `250m`", "CPU",
        "Cores: `2`, `0.5`, or thousandths of a core: `500m`.",
        json!({ "anyOf": [{ "type": "number", "minimum": 0 },
            { "type": "string", "pattern": r"^([0-9]+m|[0-9]+(\.[0-9]{0,3})?)$" }] });
    Percent: "a whole percentage from 0 to 100", "a number such as `10` or `10%`", "percentage",
        "A whole percentage from 0 to 100, such as `10` or `10%`.",
        json!({ "anyOf": [{ "type": "integer", "minimum": 0, "maximum": 100 },
            { "type": "string", "pattern": "^(100|[0-9]{1,2})%?$" }] });
);

impl Read for Millis {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let what = "a duration such as `30s`";
        let scalar = scalar_of(value, reader, what)?;
        if matches!(scalar.kind, ScalarKind::Int | ScalarKind::Float) && scalar.text() != "0" {
            let message = format!("`{}`: `{}` has no unit", reader.path(), scalar.text());
            let error = Diagnostic::error("config::value", value.origin, message);
            reader.push(error.help(units_of(scalar.text(), &reader.steps)));
            return None;
        }
        parsed(value, reader, ("a duration", "a number with its unit, such as `250ms`, `30s`, `10m`, `1h30m` or `2d`"))
    }

    fn shape(book: &mut Book) -> Shape {
        book.simple(
            "duration",
            "A length of time with its unit, such as `250ms`, `30s`, `10m`, `1h30m` or `2d`; only `0` needs none.",
            json!({ "anyOf": [{ "type": "string", "pattern": "^(0|([0-9]+(d|h|ms|m|s))+)$" }, { "const": 0 }] }),
        )
    }

    fn written(&self) -> Option<Json> {
        Some(self.to_string().into())
    }
}

/// Says how a bare number would be written, with the unit people most likely had in mind first.
fn units_of(number: &str, steps: &[Step]) -> String {
    let name = |step: &Step| match step {
        Step::Field(name) => (*name).to_owned(),
        Step::Key(key) => key.to_string(),
        Step::Index(_) => String::new(),
    };
    let names: Vec<String> = steps.iter().map(name).collect();
    let last = names.last().map_or("", String::as_str);
    let rollback = names.iter().any(|name| name == "rollback");
    let units = match last {
        _ if last.ends_with("retention") || last == "expires" => ["d", "h", "s"],
        "idle_timeout" | "max_age" | "progress_deadline" | "long_build" => ["m", "h", "s"],
        _ if rollback => ["m", "s", "h"],
        _ => ["s", "m", "ms"],
    };
    let word = |unit: &str| match unit {
        "d" => "days",
        "h" => "hours",
        "m" => "minutes",
        "s" => "seconds",
        _ => "milliseconds",
    };
    let ways: Vec<String> = units.iter().map(|unit| format!("`{number}{unit}` for {}", word(unit))).collect();
    format!("write {}", ways.join(", "))
}

/// What all names match.
pub(crate) const NAME: &str = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$";
const NAMES: &str = "1 to 63 lower-case letters, digits and `-`, beginning with a letter and not ending with `-`.";

/// Says what names are, with the nearest to what was written.
fn a_name(text: &str) -> String {
    let plain: String =
        text.chars().take(63).map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let plain = plain.trim_matches('-').trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
    let rule = "1 to 63 lower-case letters, digits and `-`, beginning with a letter and not ending with `-`";
    if crate::ids::is_name(plain) { format!("write `{plain}`: {rule}") } else { format!("use {rule}") }
}

macro_rules! names {
    ($($type:ty: $what:literal, $known:expr);* $(;)?) => {$(
        impl Read for $type {
            fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
                let scalar = scalar_of(value, reader, $what)?;
                match <$type as Key>::key(scalar.text()) {
                    Ok(name) if scalar.kind != ScalarKind::Bool => Some(name),
                    Ok(_) => {
                        reader.expected(value, $what);
                        None
                    }
                    Err((why, help)) => {
                        reader.wrong(value, &why, &help);
                        None
                    }
                }
            }

            fn shape(book: &mut Book) -> Shape {
                let known: fn(&Names) -> &[String] = $known;
                let json = Book::one_of(known(&book.names), json!({ "type": "string", "pattern": NAME }));
                book.simple("name", NAMES, json)
            }
        }

        impl Key for $type {
            fn key(text: &str) -> Result<Self, (String, String)> {
                text.parse().map_err(|_| (format!("`{}` is not a name", shorten(text)), a_name(text)))
            }

            fn pattern() -> Option<&'static str> {
                Some(NAME)
            }

            fn known(names: &Names) -> &[String] {
                let known: fn(&Names) -> &[String] = $known;
                known(names)
            }
        }
    )*};
}

names!(
    ProjectName: "a name", |_| &[];
    EnvironmentName: "a name", |names| &names.environments;
    ServiceName: "a name", |names| &names.services;
    ArtifactName: "a name", |names| &names.artifacts;
    PrincipalName: "a name", |_| &[];
    Role: "a role", |_| &[];
    ExperimentName: "a name", |_| &[];
);

impl Read for Timestamp {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let what = "a time such as `2026-12-24T18:00:00Z` or `2026-12-24T18:00:00+01:00`";
        let text = text_of(value, reader, what)?;
        let found = text.parse().ok();
        if found.is_none() {
            reader.expected(value, what);
        }
        found
    }

    fn shape(book: &mut Book) -> Shape {
        let pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$";
        let about = "A moment with its offset, such as `2026-12-24T18:00:00Z` or `2026-12-24T18:00:00+01:00`.";
        book.simple("time", about, json!({ "type": "string", "pattern": pattern }))
    }
}

impl Read for SocketAddr {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let what = "an address such as `127.0.0.1:8080` or a port such as `8080`";
        let scalar = scalar_of(value, reader, what)?;
        let port = scalar.as_int().and_then(|port| u16::try_from(port).ok());
        let found = port.map(|port| Self::from(([127, 0, 0, 1], port))).or_else(|| scalar.text().parse().ok());
        if found.is_none() {
            reader.expected(value, what);
        }
        found
    }

    fn shape(book: &mut Book) -> Shape {
        let pattern = r"^([0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$";
        book.simple(
            "address",
            "An IP address with port, such as `127.0.0.1:8080`, or a port of the loopback address, such as `8080`.",
            json!({ "anyOf": [{ "type": "integer", "minimum": 0, "maximum": 65535 }, { "type": "string", "pattern": pattern }] }),
        )
    }
}

impl Read for Tier {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let words = Self::ALL.map(Self::as_str);
        let text = super::word_of(value, &words, reader)?;
        let found = Self::ALL.into_iter().find(|tier| tier.as_str() == text);
        if found.is_none() {
            super::unknown_word(value, text, &words, reader);
        }
        found
    }

    fn shape(_: &mut Book) -> Shape {
        let docs = [
            "Where people try things.",
            "Where a release is tested.",
            "Where a release is rehearsed.",
            "Where users are.",
        ];
        Book::words(&Self::ALL.map(Self::as_str), &docs.map(str::to_owned))
    }
}
