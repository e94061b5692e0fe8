//! What an instance is given: its port, its environment, its command with `${NAME}` replaced.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher as _, RandomState},
    io,
    net::{Ipv4Addr, TcpListener},
    sync::{Mutex, PoisonError},
};

use towpath_core::{
    instance::{Environment, InstanceId},
    ports,
};

use crate::command::basic_environment;

/// What is wrong with a command or an environment.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ExpandError {
    #[error("the service has no `command`, which the local target needs")]
    NoCommand,
    #[error("the command uses `${{{0}}}`, but there is no such variable (write `$${{{0}}}` for the text itself)")]
    UnknownVariable(String),
    #[error("`{0}` cannot be the name of an environment variable")]
    VariableName(String),
    #[error("the value of `{0}` has a NUL character, which no environment variable can have")]
    VariableValue(String),
    #[error("an argument of the command has a NUL character")]
    Argument,
}

/// The ports that instances of this target were given, so that none is given twice.
#[derive(Debug, Default)]
pub(super) struct Ports(Mutex<BTreeSet<u16>>);

impl Ports {
    /// Returns a port that nobody listens on. Somebody may before the instance does: then it is started again.
    pub(super) fn take(&self) -> io::Result<u16> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for port in ports::given(RandomState::new().hash_one(())) {
            if !taken.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                taken.insert(port);
                return Ok(port);
            }
        }
        loop {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            if taken.insert(port) {
                return Ok(port);
            }
        }
    }

    /// Notes a port that an instance has already.
    pub(super) fn keep(&self, port: u16) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(port);
    }

    pub(super) fn release(&self, port: u16) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&port);
    }
}

/// Says whether somebody listens on a port.
pub(super) fn is_taken(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

/// Returns the variables that say which instance a process is. They are how its group is recognised, too.
pub(super) fn marks(id: &InstanceId, port: u16) -> BTreeMap<String, String> {
    let marks = [
        ("PORT", port.to_string()),
        ("TOWPATH_ENVIRONMENT", id.set.environment.to_string()),
        ("TOWPATH_SERVICE", id.set.service.to_string()),
        ("TOWPATH_REVISION", id.set.revision.to_string()),
        ("TOWPATH_INSTANCE", id.index.to_string()),
    ];
    marks.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns the whole environment of an instance: the basics, what was resolved for it, and who and where it is.
pub(super) fn of_instance(id: &InstanceId, port: u16, resolved: &Environment) -> BTreeMap<String, String> {
    let mut all = basic_environment();
    all.extend(resolved.0.clone());
    all.insert("HOST".to_owned(), Ipv4Addr::LOCALHOST.to_string());
    all.extend(marks(id, port));
    all
}

/// Checks what no process could be started with.
pub(super) fn check(environment: &BTreeMap<String, String>) -> Result<(), ExpandError> {
    for (name, value) in environment {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(ExpandError::VariableName(name.clone()));
        }
        if value.contains('\0') {
            return Err(ExpandError::VariableValue(name.clone()));
        }
    }
    Ok(())
}

/// Replaces `${NAME}` in a command; `$${` stands for `${`. Any other use of `$` is left alone: it is the shell's.
pub(super) fn expand(command: &[String], environment: &BTreeMap<String, String>) -> Result<Vec<String>, ExpandError> {
    if command.is_empty() {
        return Err(ExpandError::NoCommand);
    }
    command.iter().map(|argument| expand_one(argument, environment)).collect()
}

fn expand_one(argument: &str, environment: &BTreeMap<String, String>) -> Result<String, ExpandError> {
    if argument.contains('\0') {
        return Err(ExpandError::Argument);
    }
    let mut expanded = String::with_capacity(argument.len());
    let mut rest = argument;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = after;
            continue;
        }
        expanded.push_str(before);
        match after.split_once('}') {
            Some((name, tail)) if is_variable(name) => {
                let value = environment.get(name).ok_or_else(|| ExpandError::UnknownVariable(name.to_owned()))?;
                expanded.push_str(value);
                rest = tail;
            }
            // `${NAME:-default}` and the like are the shell's.
            Some(_) | None => {
                expanded.push_str("${");
                rest = after;
            }
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Replaces values of the resolved environment by their names in what is told to people: they may be secret.
pub(super) fn mask(text: &str, resolved: &Environment) -> String {
    // Shorter ones are no secrets worth the name, and replacing every `1` would spoil the text.
    const SHORTEST: usize = 6;
    let mut values: Vec<_> = resolved.0.iter().filter(|(_, value)| value.len() >= SHORTEST).collect();
    // The longest first, as one value may be part of another.
    values.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(value.as_str(), &format!("${{{name}}}")))
}

#[cfg(test)]
mod tests;
