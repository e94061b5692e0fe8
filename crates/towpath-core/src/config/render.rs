//! Environment variables in the formats other tools read.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// `.env` as dotenv libraries read it.
    Dotenv,
    /// A JSON object of strings.
    Json,
    /// A YAML map of texts.
    Yaml,
    /// `export` lines for a POSIX shell.
    Shell,
    /// Docker's `--env-file`.
    DockerEnv,
    /// A Kubernetes `ConfigMap`.
    ConfigMap,
    /// systemd's `EnvironmentFile`.
    Systemd,
}

/// Why the variables cannot be written in a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The format has no way to write a line break.
    #[error("the value of `{name}` has several lines, which a Docker env file cannot hold; use another format")]
    Lines {
        /// Which variable.
        name: String,
    },
    /// No format and no process can hold it.
    #[error("the value of `{name}` has a NUL character, which no environment variable can hold")]
    Nul {
        /// Which variable.
        name: String,
    },
    /// The name would be read as something else.
    #[error("`{name}` cannot be written in this format: use letters, digits and `_` for names")]
    Name {
        /// Which variable.
        name: String,
    },
}

impl Format {
    /// Every format with the word used for it.
    pub const ALL: [(&'static str, Self); 7] = [
        ("dotenv", Self::Dotenv),
        ("json", Self::Json),
        ("yaml", Self::Yaml),
        ("shell", Self::Shell),
        ("docker-env", Self::DockerEnv),
        ("configmap", Self::ConfigMap),
        ("systemd", Self::Systemd),
    ];
}

/// Writes variables. `name` is that of the object, where the format has one.
pub fn render(format: Format, name: &str, variables: &BTreeMap<String, String>) -> Result<String, RenderError> {
    let structured = matches!(format, Format::Json | Format::Yaml);
    for (name, value) in variables {
        if value.contains('\0') {
            return Err(RenderError::Nul { name: name.clone() });
        }
        if !structured && !super::schema::variable::is_variable_name(name) {
            return Err(RenderError::Name { name: name.clone() });
        }
    }
    match format {
        Format::Json => Ok(json(variables)),
        Format::Yaml => Ok(lines(variables, |name, value| format!("{}: {}", quoted(name), quoted(value)))),
        Format::Dotenv => Ok(lines(variables, |name, value| format!("{name}={}", dotenv(value)))),
        Format::Shell => Ok(lines(variables, |name, value| format!("export {name}={}", shell(value)))),
        Format::Systemd => Ok(lines(variables, |name, value| format!("{name}={}", systemd(value)))),
        Format::DockerEnv => docker(variables),
        Format::ConfigMap => {
            let head = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {}\n", quoted(name));
            let data = lines(variables, |name, value| format!("  {name}: {}", quoted(value)));
            Ok(if data.is_empty() { format!("{head}data: {{}}\n") } else { format!("{head}data:\n{data}") })
        }
    }
}

fn lines(variables: &BTreeMap<String, String>, line: impl Fn(&str, &str) -> String) -> String {
    variables.iter().fold(String::new(), |mut out, (name, value)| {
        // Writing into a String cannot fail.
        let _ = writeln!(out, "{}", line(name, value));
        out
    })
}

fn json(variables: &BTreeMap<String, String>) -> String {
    let mut out = serde_json::to_string_pretty(variables).unwrap_or_else(|_| "{}".to_owned());
    out.push('\n');
    out
}

/// A JSON string, which is a double-quoted scalar of YAML 1.2 too. The characters YAML counts as
/// line breaks or does not allow unescaped (section 5.1) are escaped besides.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for c in serde_json::Value::from(text).to_string().chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out
}

fn is_bare(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_./:@%+,-".contains(&b))
}

/// Single quotes where nothing needs an escape, because most readers take everything in them as it is.
fn dotenv(value: &str) -> String {
    if is_bare(value) {
        return value.to_owned();
    }
    if !value.contains(['\'', '\\', '\n', '\r']) {
        return format!("'{value}'");
    }
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

/// POSIX shell quoting (section 2.2.2): everything but `'` is literal in single quotes.
fn shell(value: &str) -> String {
    if is_bare(value) { value.to_owned() } else { format!("'{}'", value.replace('\'', "'\\''")) }
}

/// systemd.exec(5), `EnvironmentFile=`: in double quotes only `"`, `\`, `` ` `` and `$` are escaped.
fn systemd(value: &str) -> String {
    if is_bare(value) {
        return value.to_owned();
    }
    let mut out = String::from("\"");
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '`' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

fn docker(variables: &BTreeMap<String, String>) -> Result<String, RenderError> {
    match variables.iter().find(|(_, value)| value.contains(['\n', '\r'])) {
        Some((name, _)) => Err(RenderError::Lines { name: name.clone() }),
        None => Ok(lines(variables, |name, value| format!("{name}={value}"))),
    }
}

#[cfg(test)]
mod tests;
