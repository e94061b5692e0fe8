//! Reading of single values: names, numbers, quantities, addresses.

use std::{fmt::Display, net::SocketAddr, str::FromStr};

use jiff::Timestamp;

use super::{Key, Read, Reader, scalar_of, text_of};
use crate::{
    config::{
        value::{Data, Value},
        yaml::ScalarKind,
    },
    ids::{ArtifactName, EnvironmentName, PrincipalName, ProjectName, Role, ServiceName},
    project::Tier,
    units::{Bytes, MilliCpu, Millis, Percent},
};

impl Read for String {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        text_of(value, reader, "a text").map(str::to_owned)
    }
}

impl Key for String {
    fn key(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
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
    ($($type:ty: $what:literal),* $(,)?) => {$(
        impl Read for $type {
            fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
                int(value, reader, $what)
            }
        }
    )*};
}

ints!(
    u16: "a whole number from 0 to 65535",
    u32: "a whole number from 0",
    u64: "a whole number from 0",
    i64: "a whole number",
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
}

impl Read for f64 {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let found = if let Data::Scalar(scalar) = &value.data { scalar.as_float() } else { None };
        if found.is_none() {
            reader.expected(value, "a number");
        }
        found.filter(|float| float.is_finite())
    }
}

/// Reads a text that has its own form; its error says what the form is.
fn parsed<T: FromStr<Err: Display>>(value: &Value, reader: &mut Reader, what: &str) -> Option<T> {
    let scalar = scalar_of(value, reader, what)?;
    if scalar.kind == ScalarKind::Bool {
        reader.expected(value, what);
        return None;
    }
    match scalar.text().parse() {
        Ok(read) => Some(read),
        Err(error) => {
            reader.wrong(value, &error.to_string());
            None
        }
    }
}

macro_rules! parsed {
    ($($type:ty: $what:literal),* $(,)?) => {$(
        impl Read for $type {
            fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
                parsed(value, reader, $what)
            }
        }
    )*};
}

parsed!(
    Millis: "a duration such as `30s`",
    Bytes: "a size such as `512Mi`",
    MilliCpu: "an amount of CPU such as `500m`",
    Percent: "a percentage such as `10` or `10%`",
    ProjectName: "a name",
    EnvironmentName: "a name",
    ServiceName: "a name",
    ArtifactName: "a name",
    PrincipalName: "a name",
    Role: "a role",
);

macro_rules! keys {
    ($($type:ty),* $(,)?) => {$(
        impl Key for $type {
            fn key(text: &str) -> Result<Self, String> {
                text.parse().map_err(|error: crate::ids::NameError| error.to_string())
            }
        }
    )*};
}

keys!(ArtifactName, EnvironmentName, ServiceName, PrincipalName);

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
}

impl Read for Tier {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let words = Self::ALL.map(Self::as_str);
        let text = text_of(value, reader, "a tier")?;
        let found = Self::ALL.into_iter().find(|tier| tier.as_str() == text);
        if found.is_none() {
            super::unknown_word(value, text, &words, reader);
        }
        found
    }
}
