//! Values with a form of their own that several sections use: addresses, shares, codes.

use serde_json::{Value as Json, json};

use crate::config::{
    describe::{Book, Shape},
    diagnostic::Diagnostic,
    read::{Read, Reader, scalar_of, text_of},
    value::Value,
};

mod countries;

/// Declares a text with a form of its own.
macro_rules! texts {
    ($( $(#[$meta:meta])* $name:ident: $word:literal, $about:literal, $pattern:expr, $sound:expr, $why:literal, $help:literal; )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub String);

        impl Read for $name {
            fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
                let text = String::read(value, reader)?;
                let sound: fn(&str) -> bool = $sound;
                let sound = sound(&text);
                if !sound {
                    reader.wrong(value, &format!(concat!("`{}` ", $why), crate::config::yaml::shorten(&text)), $help);
                }
                sound.then_some(Self(text))
            }

            fn shape(book: &mut Book) -> Shape {
                book.simple($word, $about, json!({ "type": "string", "pattern": $pattern }))
            }

            fn written(&self) -> Option<Json> {
                Some(self.0.as_str().into())
            }
        }
    )*};
}

texts! {
    /// A URL with scheme and host.
    UrlText: "URL", "An address with scheme and host, such as `https://example.org`.",
        r"^[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#][^\s]*$", |text| crate::config::variables::is_url(text) && !text.contains(":///"),
        "is not a URL", "write one with scheme and host, such as `https://example.org`";
    /// A range of IP addresses.
    Cidr: "CIDR", "A range of IP addresses such as `203.0.113.0/24` or `2001:db8::/32`, or one address.",
        r"^([0-9]{1,3}(\.[0-9]{1,3}){3}(/([0-9]|[12][0-9]|3[0-2]))?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(/([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8]))?)$",
        is_cidr, "is not a range of addresses", "write one such as `203.0.113.0/24` or `2001:db8::/32`; behind the prefix no bit may be set";
    /// A currency.
    Currency: "currency", "A currency by the three letters of ISO 4217, such as `EUR`.",
        "^[A-Z]{3}$", |text| text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()),
        "is not a currency", "use the three capital letters of ISO 4217, such as `EUR`";
    /// A path that begins with `/`.
    HttpPath: "path", "A path of a URL; it begins with `/` and has no blanks.",
        r"^/[^\s]*$", |text| text.starts_with('/') && !text.contains(|c: char| c.is_whitespace() || c.is_control()),
        "is not a path", "begin it with `/` and leave out blanks";
    /// A Kubernetes namespace.
    Namespace: "namespace", "A Kubernetes namespace: 1 to 63 lower-case letters, digits and `-`, no `-` at the ends (RFC 1123).",
        "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", is_label,
        "is not a namespace", "use 1 to 63 lower-case letters, digits and `-`, with no `-` at the ends";
    /// The name of a variable, in what refers to it.
    VariableName: "variable name", "The name of a variable: letters, digits and `_`, not beginning with a digit.",
        "^[A-Za-z_][A-Za-z0-9_]*$", super::variable::is_variable_name,
        "cannot be the name of a variable", "use letters, digits and `_`, beginning with no digit";
}

/// Says whether a text is a label of a host name.
fn is_label(text: &str) -> bool {
    let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(sound) && !text.starts_with('-') && !text.ends_with('-')
}

/// Says whether a text is an address, alone or with a prefix behind which no bit is set (RFC 4632).
fn is_cidr(text: &str) -> bool {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let Ok(address) = address.parse::<std::net::IpAddr>() else { return false };
    let Some(prefix) = prefix else { return true };
    if prefix.is_empty() || prefix.len() > 3 || !prefix.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let Ok(prefix) = prefix.parse::<u32>() else { return false };
    let (bits, width) = match address {
        std::net::IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        std::net::IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let free = width - prefix.min(width);
    prefix <= width && (free == 128 && bits == 0 || free < 128 && bits & ((1_u128 << free) - 1) == 0)
}

/// A country by ISO 3166-1 alpha-2.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Country(pub String);

impl Read for Country {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let text = text_of(value, reader, "a country such as `DE`")?;
        if countries::ALL.contains(&text) {
            return Some(Self(text.to_owned()));
        }
        let message = format!("`{}`: `{}` is not a country", reader.path(), crate::config::yaml::shorten(text));
        let error = Diagnostic::error("config::value", value.origin, message);
        let upper = text.to_ascii_uppercase();
        let known = countries::ALL.iter().find(|code| **code == upper || (upper == "UK" && **code == "GB"));
        reader.push(error.help(match known {
            Some(code) => format!("did you mean `{code}`?"),
            None => "use two capital letters of ISO 3166-1, such as `DE` or `US`".to_owned(),
        }));
        None
    }

    fn shape(book: &mut Book) -> Shape {
        let about = "A country by the two letters of ISO 3166-1, such as `DE`.";
        book.simple("country", about, json!({ "type": "string", "enum": countries::ALL }))
    }
}

/// A share with up to two decimals, in hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(pub u32);

/// A share with up to four decimals, in ten-thousandths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FineRate(pub u32);

/// A share as a number from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

/// An amount of money, not negative, with at most two decimals, in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount(pub u64);

impl Read for Rate {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        percentage(value, reader, "a share such as `1%` or `0.5%`", 2).map(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        book.simple(
            "share",
            "A percentage with its sign and at most two decimals, such as `1%` or `0.5%`.",
            json!({ "type": "string", "pattern": r"^\s*(0*100(\.0{0,2})?|0*[0-9]{1,2}(\.[0-9]{0,2})?)\s*%$" }),
        )
    }

    fn written(&self) -> Option<Json> {
        Some(decimals(u64::from(self.0), 2, "%").into())
    }
}

impl Read for FineRate {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        percentage(value, reader, "a share such as `99.9%` or `99.999%`", 4).map(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        book.simple(
            "fine share",
            "A percentage with its sign and at most four decimals, such as `99.9%` or `99.999%`.",
            json!({ "type": "string", "pattern": r"^\s*(0*100(\.0{0,4})?|0*[0-9]{1,2}(\.[0-9]{0,4})?)\s*%$" }),
        )
    }

    fn written(&self) -> Option<Json> {
        Some(decimals(u64::from(self.0), 4, "%").into())
    }
}

impl Read for Share {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let share = f64::read(value, reader)?;
        let sound = (0.0..=1.0).contains(&share);
        if !sound {
            reader.wrong(value, &format!("`{share}` is not a share"), "write a number from 0 to 1, such as `0.1`");
        }
        sound.then_some(Self(share))
    }

    fn shape(_: &mut Book) -> Shape {
        Shape { words: "number from 0 to 1".to_owned(), json: json!({ "type": "number", "minimum": 0, "maximum": 1 }) }
    }
}

impl Read for Amount {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let what = "an amount such as `400` or `99.50`";
        let scalar = scalar_of(value, reader, what)?;
        let found = fixed(scalar.text(), 2);
        if found.is_none() {
            reader.expected(value, what);
        }
        found.map(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        book.simple(
            "amount",
            "An amount of money, not negative, with at most two decimals, such as `400` or `99.50`.",
            json!({ "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": r"^[0-9]+(\.[0-9]{0,2})?$" }] }),
        )
    }
}

/// Reads `99.9%` as so many parts of the last decimal.
fn percentage(value: &Value, reader: &mut Reader, what: &str, places: usize) -> Option<u32> {
    let scalar = scalar_of(value, reader, what)?;
    let number = scalar.text().trim().strip_suffix('%').map(str::trim_end);
    let most = 100 * 10_u64.pow(u32::try_from(places).unwrap_or(0));
    let found = number.and_then(|number| fixed(number, places)).filter(|parts| *parts <= most);
    if let Some(parts) = found {
        return u32::try_from(parts).ok();
    }
    if number.is_none() && fixed(scalar.text(), places).is_some() {
        let message = format!("`{}`: `{}` has no `%`", reader.path(), scalar.text());
        let error = Diagnostic::error("config::value", value.origin, message);
        reader.push(error.help(format!("write `{}%`", scalar.text())));
    } else {
        reader.expected(value, what);
    }
    None
}

/// Reads a number without sign as so many parts of its last decimal.
fn fixed(text: &str, places: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || fraction.len() > places || !digits(whole) || !digits(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse().ok()
}

fn decimals(parts: u64, places: usize, unit: &str) -> String {
    let text = format!("{parts:0>width$}", width = places + 1);
    let (whole, fraction) = text.split_at(text.len() - places);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { format!("{whole}{unit}") } else { format!("{whole}.{fraction}{unit}") }
}

#[cfg(test)]
mod tests;
