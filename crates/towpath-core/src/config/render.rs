//! Environment variables in the formats other tools read.
//!
//! A value is written only where the format's readers give exactly it back; what a format cannot hold is
//! refused, all of it at once, before a single line is returned. Nothing here opens a file or decides
//! which variables somebody may see: [`Format::takes`] says what a format is for.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use super::schema::variable::{VariableType, is_variable_name};

mod docker;
mod dotenv;
mod manifest;
mod select;
mod shell;
mod systemd;
mod terraform;
mod unfit;
pub(super) mod yaml;

pub use manifest::{Object, ObjectError};
pub use unfit::{RenderError, Unfit, Why};

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// `.env` in the part of the format that Python's python-dotenv, npm's dotenv and Docker Compose read alike.
    Dotenv,
    /// `.env` for python-dotenv alone, which can hold any value.
    DotenvPython,
    /// `.env` for npm's dotenv alone.
    DotenvNode,
    /// An `env_file` of Docker Compose, which can hold any value.
    ComposeEnv,
    /// Docker's `--env-file`: raw lines.
    DockerEnv,
    /// `export` lines for a POSIX shell.
    Shell,
    /// systemd's `EnvironmentFile`.
    Systemd,
    /// A JSON object of strings.
    Json,
    /// A YAML map of texts.
    Yaml,
    /// A Kubernetes `ConfigMap`.
    #[serde(rename = "configmap")]
    ConfigMap,
    /// A Kubernetes `Secret`.
    K8sSecret,
    /// Terraform's `.tfvars`.
    Tfvars,
    /// Terraform's `.tfvars.json`.
    TfvarsJson,
}

/// A value to be written.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The value.
    pub value: String,
    /// Whether it is secret.
    pub secret: bool,
    /// The declared type, where there is one; only Terraform's formats tell numbers from texts.
    pub kind: Option<VariableType>,
}

/// Which variables a format is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Any, secret ones if asked for.
    Any,
    /// Only what is not secret.
    Plain,
    /// Only what is secret.
    Secret,
}

impl std::fmt::Debug for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.secret { super::resolved::MASK } else { &self.value })
    }
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 13] = [
        Self::Dotenv,
        Self::DotenvPython,
        Self::DotenvNode,
        Self::ComposeEnv,
        Self::DockerEnv,
        Self::Shell,
        Self::Systemd,
        Self::Json,
        Self::Yaml,
        Self::ConfigMap,
        Self::K8sSecret,
        Self::Tfvars,
        Self::TfvarsJson,
    ];

    /// Returns the word for the format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dotenv => "dotenv",
            Self::DotenvPython => "dotenv-python",
            Self::DotenvNode => "dotenv-node",
            Self::ComposeEnv => "compose-env",
            Self::DockerEnv => "docker-env",
            Self::Shell => "shell",
            Self::Systemd => "systemd",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::ConfigMap => "configmap",
            Self::K8sSecret => "k8s-secret",
            Self::Tfvars => "tfvars",
            Self::TfvarsJson => "tfvars-json",
        }
    }

    /// Returns the format of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }

    /// Returns which variables the format is for.
    pub fn takes(self) -> Takes {
        match self {
            Self::ConfigMap => Takes::Plain,
            Self::K8sSecret => Takes::Secret,
            Self::Dotenv
            | Self::DotenvPython
            | Self::DotenvNode
            | Self::ComposeEnv
            | Self::DockerEnv
            | Self::Shell
            | Self::Systemd
            | Self::Json
            | Self::Yaml
            | Self::Tfvars
            | Self::TfvarsJson => Takes::Any,
        }
    }

    /// Says whether the format describes an object that has a name.
    pub fn has_object(self) -> bool {
        matches!(self, Self::ConfigMap | Self::K8sSecret)
    }

    fn fits(self, secret: bool) -> bool {
        match self.takes() {
            Takes::Any => true,
            Takes::Plain => !secret,
            Takes::Secret => secret,
        }
    }

    /// Returns what one variable is in this format, or why it cannot be.
    fn entry(self, name: &str, variable: &Rendered) -> Result<String, Why> {
        if variable.value.contains('\0') {
            return Err(Why::Nul);
        }
        self.check_name(name)?;
        let value = variable.value.as_str();
        let assigned = |value: String| format!("{name}={value}");
        match self {
            Self::Dotenv => dotenv::common(value).map(assigned).ok_or(Why::Readers),
            Self::DotenvPython => Ok(assigned(dotenv::python(value))),
            Self::DotenvNode => dotenv::node(value).map(assigned).ok_or(Why::Quotes),
            Self::ComposeEnv => Ok(assigned(dotenv::compose(value))),
            Self::DockerEnv => docker::line(name, value),
            Self::Shell => Ok(format!("export {name}={}", shell::quoted(value))),
            Self::Systemd => systemd::quoted(value).map(assigned),
            Self::Json => Ok(format!("  {}: {}", yaml::quoted(name), yaml::json(value))),
            Self::Yaml => Ok(yaml::entry("", name, &yaml::quoted(value))),
            Self::ConfigMap => Ok(yaml::entry("  ", name, &yaml::quoted(value))),
            Self::K8sSecret => Ok(yaml::entry("  ", name, &manifest::encoded(value))),
            Self::Tfvars => terraform::hcl(variable).map(|value| format!("{name} = {value}")),
            Self::TfvarsJson => terraform::json(variable).map(|value| format!("  {}: {value}", yaml::quoted(name))),
        }
    }

    fn check_name(self, name: &str) -> Result<(), Why> {
        let sound = match self {
            Self::Json | Self::Yaml => !name.is_empty() && !name.contains(['\0', '=']),
            Self::ConfigMap | Self::K8sSecret => manifest::is_key(name),
            Self::Dotenv
            | Self::DotenvPython
            | Self::DotenvNode
            | Self::ComposeEnv
            | Self::DockerEnv
            | Self::Shell
            | Self::Systemd
            | Self::Tfvars
            | Self::TfvarsJson => is_variable_name(name),
        };
        if !sound {
            return Err(Why::Name);
        }
        let taken = match self {
            Self::Shell => shell::RESERVED.contains(&name).then_some("the shell sets it itself"),
            Self::Tfvars | Self::TfvarsJson => {
                terraform::RESERVED.contains(&name).then_some("Terraform reserves the name")
            }
            Self::Dotenv | Self::DotenvNode => (name == "__proto__").then_some("JavaScript reserves the name"),
            Self::DotenvPython
            | Self::ComposeEnv
            | Self::DockerEnv
            | Self::Systemd
            | Self::Json
            | Self::Yaml
            | Self::ConfigMap
            | Self::K8sSecret => None,
        };
        taken.map_or(Ok(()), |why| Err(Why::Reserved(why)))
    }
}

/// Writes variables. `object` is what the format calls them, where it has a name for them.
///
/// Which variables there are is the caller's choice; a secret one in a [`Format::ConfigMap`] or a plain one in a
/// [`Format::K8sSecret`] is an error like any other value that does not fit.
pub fn render(format: Format, object: &Object, variables: &BTreeMap<String, Rendered>) -> Result<String, RenderError> {
    let mut entries = Vec::with_capacity(variables.len());
    let mut unfit = Vec::new();
    for (name, variable) in variables {
        let entry = if format.fits(variable.secret) { format.entry(name, variable) } else { Err(Why::Kind) };
        match entry {
            Ok(entry) => entries.push(entry),
            Err(why) => unfit.push(Unfit { name: name.clone(), why, fits: fitting(name, variable) }),
        }
    }
    if !unfit.is_empty() {
        return Err(RenderError::Unfit { format, variables: unfit });
    }
    if format.has_object() {
        object.check()?;
        manifest::check_size(format, variables)?;
    }
    let (head, separator, tail) = frame(format, object, entries.is_empty());
    let length = entries.iter().map(|entry| entry.len() + separator.len()).sum::<usize>();
    let mut text = String::with_capacity(head.len() + length + tail.len());
    text.push_str(&head);
    for (place, entry) in entries.iter().enumerate() {
        if place > 0 {
            text.push_str(separator);
        }
        text.push_str(entry);
    }
    text.push_str(tail);
    Ok(text)
}

/// Returns the formats that can hold a variable.
fn fitting(name: &str, variable: &Rendered) -> Vec<Format> {
    let fits = |format: &Format| format.fits(variable.secret) && format.entry(name, variable).is_ok();
    Format::ALL.into_iter().filter(fits).collect()
}

/// Returns what stands before, between and after the entries.
fn frame(format: Format, object: &Object, empty: bool) -> (String, &'static str, &'static str) {
    let tail = if empty { "" } else { "\n" };
    match format {
        Format::Json | Format::TfvarsJson | Format::Yaml if empty => ("{}\n".to_owned(), "", ""),
        Format::Json | Format::TfvarsJson => ("{\n".to_owned(), ",\n", "\n}\n"),
        Format::ConfigMap => (object.head("ConfigMap", empty), "\n", tail),
        Format::K8sSecret => (object.head("Secret", empty), "\n", tail),
        Format::Dotenv
        | Format::DotenvPython
        | Format::DotenvNode
        | Format::ComposeEnv
        | Format::DockerEnv
        | Format::Shell
        | Format::Systemd
        | Format::Yaml
        | Format::Tfvars => (String::new(), "\n", tail),
    }
}

/// Says whether every reader takes the value as it stands.
fn is_bare(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_./:@%+,-".contains(&b))
}

/// Puts a value in double quotes, `escape` saying what stands for a character that cannot stand for itself.
fn escaped(value: &str, escape: impl Fn(char, &mut String) -> bool) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars() {
        if !escape(c, &mut out) {
            out.push(c);
        }
    }
    out.push('"');
    out
}

/// Writes a character as `\uXXXX`, in two halves where it needs them (RFC 8259, section 7).
fn push_utf16(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing into a String cannot fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests;
