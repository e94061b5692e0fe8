//! What each type of variable accepts, on texts as a process would get them.
//!
//! Strict, because the program that reads the value will be: one spelling of a number, no blanks around
//! it. What people mistype gets words of its own. Bounds and patterns are not checked here.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{
    config::{nearest::suggestion, schema::variable::Declaration, schema::variable::VariableType},
    units::{Bytes, Millis},
};

/// The longest e-mail address (RFC 5321, sections 4.5.3.1.1 to 4.5.3.1.3, with erratum 1690).
const MAX_EMAIL: usize = 254;
/// The longest part before the `@`.
const MAX_LOCAL: usize = 64;

/// Says what a text would have to be, with a hint after `;` where one is known.
pub(super) fn check(declaration: &Declaration, text: &str) -> Result<(), String> {
    match declaration.r#type {
        VariableType::String => Ok(()),
        VariableType::Int => int(text),
        VariableType::Float => float(text),
        VariableType::Bool => truth(text),
        VariableType::Url => url(text).map_err(|hint| hinted("a URL such as `https://example.org`", hint)),
        VariableType::Email => email(text).map_err(|hint| hinted("an e-mail address", hint)),
        VariableType::Duration => duration(text),
        VariableType::Bytes => bytes(text),
        VariableType::Port => port(text),
        VariableType::Json => {
            serde_json::from_str::<serde_json::Value>(text).map(drop).map_err(|error| format!("JSON: {error}"))
        }
        VariableType::Enum => {
            let known = declaration.values.iter().map(|word| word.0.value.as_str());
            if known.clone().any(|value| value == text) {
                Ok(())
            } else {
                Err(format!("one of its values; {}", suggestion(text, known)))
            }
        }
    }
}

fn hinted(what: &str, hint: &str) -> String {
    if hint.is_empty() { what.to_owned() } else { format!("{what}; {hint}") }
}

/// Says how digits are written otherwise than the canonical way.
fn spelling(text: &str) -> Option<&'static str> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit() || c == '+');
    if text != text.trim() {
        Some("leave out the blanks around it")
    } else if numeric && digits.contains(['_', ',', ' ', '\'']) {
        Some("write the digits without separators")
    } else if digits.starts_with("0x") || digits.starts_with("0o") || digits.starts_with("0b") {
        Some("write it in decimal")
    } else if digits.starts_with('+') {
        Some("leave out the `+`")
    } else if digits.len() > 1 && digits.starts_with('0') && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit) {
        Some("leave out the leading zeros, which some programs read as octal")
    } else {
        None
    }
}

fn int(text: &str) -> Result<(), String> {
    let what = "a whole number";
    if let Some(hint) = spelling(text) {
        return Err(format!("{what}; {hint}"));
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) || text == "-0" {
        return Err(what.to_owned());
    }
    text.parse::<i64>().map(drop).map_err(|_| format!("{what} from {} to {}", i64::MIN, i64::MAX))
}

fn float(text: &str) -> Result<(), String> {
    let what = "a number";
    if let Some(hint) = spelling(text) {
        return Err(format!("{what}; {hint}"));
    }
    // The standard library reads `inf`, `nan` and `infinity`, too, which few programs do.
    let spelled = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    match text.parse::<f64>() {
        Ok(number) if spelled && number.is_finite() => Ok(()),
        Ok(_) if spelled => Err("a number that a 64-bit float can hold".to_owned()),
        Ok(_) | Err(_) => Err(what.to_owned()),
    }
}

fn truth(text: &str) -> Result<(), String> {
    let what = "`true` or `false`";
    match text {
        "true" | "false" => Ok(()),
        _ => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" | "y" | "t" => Err(format!("{what}; write `true`")),
            "false" | "no" | "off" | "0" | "n" | "f" => Err(format!("{what}; write `false`")),
            _ => Err(what.to_owned()),
        },
    }
}

fn duration(text: &str) -> Result<(), String> {
    let what = "a duration such as `30s` or `1h30m`";
    if text.starts_with('-') {
        return Err(format!("{what}; it cannot be negative"));
    }
    match text.parse::<Millis>() {
        Ok(_) if text == text.trim() => Ok(()),
        Ok(_) => Err(format!("{what}; leave out the blanks around it")),
        Err(_) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
            Err(format!("{what}; say the unit: `{text}s` or `{text}ms`"))
        }
        Err(_) => Err(what.to_owned()),
    }
}

fn bytes(text: &str) -> Result<(), String> {
    let what = "a size such as `512Mi` or `1500000`";
    if text.starts_with('-') {
        return Err(format!("{what}; it cannot be negative"));
    }
    match text.parse::<Bytes>() {
        Ok(_) if text == text.trim() => Ok(()),
        Ok(_) => Err(format!("{what}; leave out the blanks around it")),
        Err(_) => {
            let unit = text.trim_start_matches(|c: char| c.is_ascii_digit()).trim();
            let known = match unit {
                "KB" | "kB" | "K" | "KiB" => "`k` is 1000 and `Ki` 1024 bytes",
                "MB" | "MiB" | "m" => "`M` is 1000² and `Mi` 1024² bytes",
                "GB" | "GiB" | "g" => "`G` is 1000³ and `Gi` 1024³ bytes",
                "TB" | "TiB" => "`T` is 1000⁴ and `Ti` 1024⁴ bytes",
                _ => return Err(what.to_owned()),
            };
            Err(format!("{what}; {known}"))
        }
    }
}

fn port(text: &str) -> Result<(), String> {
    let what = "a port from 1 to 65535";
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if digits && text.parse::<u16>().is_ok() { Ok(()) } else { Err(what.to_owned()) }
}

/// Says whether the text is a URL with scheme and host; what is wrong is a hint, empty where nothing more can be said.
///
/// RFC 3986 with the characters of RFC 3987 (names and paths in any script) and what connection strings use: several
/// hosts between commas, schemes in schemes such as `jdbc:postgresql`. A host may be absent where a path says enough
/// (`sqlite:///data.db`), but not for the web.
pub(super) fn url(text: &str) -> Result<(), &'static str> {
    let Some((scheme, rest)) = text.split_once("://") else { return Err("begin it with a scheme and `://`") };
    let sound = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    };
    if !scheme.split(':').all(sound) {
        return Err("the scheme before `://` is made of letters, digits, `+`, `-` and `.`");
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '\\')) {
        return Err("write blanks and other signs that cannot stand in it as `%20` and so on");
    }
    let escapes = text.split('%').skip(1);
    for after in escapes {
        if !after.bytes().take(2).all(|b| b.is_ascii_hexdigit()) || after.len() < 2 {
            return Err("a `%` that stands for itself is written `%25`");
        }
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    if user.contains('@') {
        return Err("an `@` in a name or password is written `%40`");
    }
    if hosts.is_empty() {
        let web = matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https" | "ws" | "wss" | "ftp");
        return if web || path.len() < 2 || !user.is_empty() { Err("it has no host") } else { Ok(()) };
    }
    hosts.split(',').try_for_each(host_port)
}

fn host_port(text: &str) -> Result<(), &'static str> {
    let wrong_port = "the port after `:` is a number from 0 to 65535";
    let port_sound = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if let Some(inner) = text.strip_prefix('[') {
        let (address, after) = inner.split_once(']').ok_or("the `[` of an IPv6 address is not closed")?;
        if address.parse::<Ipv6Addr>().is_err() {
            return Err("between `[` and `]` stands an IPv6 address");
        }
        return match after.strip_prefix(':') {
            Some(port) if port_sound(port) => Ok(()),
            None if after.is_empty() => Ok(()),
            Some(_) | None => Err(wrong_port),
        };
    }
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    if port.is_some_and(|port| port.contains(':')) {
        return Err("write an IPv6 address between `[` and `]`");
    }
    if port.is_some_and(|port| !port_sound(port)) {
        return Err(wrong_port);
    }
    host_name(host)
}

/// A name of labels, or an IPv4 address. `_` is no letter of DNS, but of names in Docker networks.
fn host_name(host: &str) -> Result<(), &'static str> {
    let labels: Vec<&str> = host.strip_suffix('.').unwrap_or(host).split('.').collect();
    let label = |label: &&str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '%') || is_mark(c))
    };
    if !labels.iter().all(label) {
        return Err("a host is made of letters, digits and `-`, with dots between");
    }
    let numeric = labels.last().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if numeric && labels.len() > 1 && host.parse::<Ipv4Addr>().is_err() {
        return Err("an IPv4 address has four numbers from 0 to 255");
    }
    Ok(())
}

/// Marks that names in many scripts cannot do without, and emoji, which some domains have: whatever is not ASCII, not a
/// blank and not a control.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && !c.is_whitespace() && !c.is_control()
}

/// `local@domain` with a dot-atom before the `@` (RFC 5322, section 3.4.1), in any script (RFC 6531).
fn email(text: &str) -> Result<(), &'static str> {
    if text.starts_with("mailto:") {
        return Err("leave out `mailto:`");
    }
    if text.contains(['<', '>']) {
        return Err("the address alone, without a name");
    }
    if text.contains(',') {
        return Err("one address only");
    }
    let Some((local, domain)) = text.rsplit_once('@') else { return Err("it has no `@`") };
    let atom = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || is_mark(c);
    let dotted = local.split('.').all(|part| !part.is_empty() && part.chars().all(atom));
    if !dotted
        || local.len() > MAX_LOCAL
        || text.len() > MAX_EMAIL
        || domain.ends_with('.')
        || domain.contains(['_', '%'])
    {
        return Err("");
    }
    host_name(domain).map_err(|_| "")
}
