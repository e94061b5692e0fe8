//! What a command prints: data on standard output, everything else on standard error.
//!
//! The format never depends on where the output goes; only colour and animation do.

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
};

use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::{Exit, Failure};

mod paint;
mod table;

pub(crate) use paint::Paint;
pub(crate) use table::Table;

/// The version of the JSON that commands print.
const SCHEMA_VERSION: u32 = 1;

/// In which form data is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// One JSON document on each line, for lists and streams.
    Jsonl,
}

/// When colour is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where a command prints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// The form of data.
    pub format: Format,
    quiet: bool,
    verbose: u8,
    out: Paint,
    err: Paint,
    live: bool,
}

impl Output {
    /// Returns the output that the global options ask for.
    pub(crate) fn new(format: Format, color: Color, quiet: bool, verbose: u8) -> Self {
        let wanted = |terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
                let forced = env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0" && !value.is_empty());
                let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
                !set("NO_COLOR") && (forced || (terminal && !dumb))
            }
        };
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            format,
            quiet,
            verbose,
            out: Paint::new(wanted(io::stdout().is_terminal())),
            err: Paint::new(wanted(io::stderr().is_terminal())),
            live: io::stdout().is_terminal() && !dumb && color != Color::Never,
        }
    }

    /// Returns the colours of standard output.
    pub(crate) fn paint(self) -> Paint {
        self.out
    }

    /// Returns the colours of standard error.
    pub(crate) fn paint_err(self) -> Paint {
        self.err
    }

    /// Says whether data is for people.
    pub(crate) fn is_text(self) -> bool {
        self.format == Format::Text
    }

    /// Says whether what was printed may be drawn over.
    pub(crate) fn is_live(self) -> bool {
        self.live && self.is_text()
    }

    /// Says how much more is to be told.
    pub(crate) fn verbosity(self) -> u8 {
        self.verbose
    }

    /// Prints one thing: as text what `text` returns, as JSON the value itself.
    pub(crate) fn show<T: Serialize>(self, value: &T, text: impl FnOnce(Paint) -> String) -> Result<(), Failure> {
        match self.format {
            Format::Text => self.data(&text(self.out)),
            Format::Json => self.data(&(pretty(&versioned(value)) + "\n")),
            Format::Jsonl => self.line(value),
        }
    }

    /// Prints a list: as text what `text` returns, as JSON `{"items": [...]}`, as JSON lines one item on each.
    pub(crate) fn list<T: Serialize>(self, items: &[T], text: impl FnOnce(Paint) -> String) -> Result<(), Failure> {
        match self.format {
            Format::Text => self.data(&text(self.out)),
            Format::Json => self.data(&(pretty(&versioned(&json!({ "items": items }))) + "\n")),
            Format::Jsonl => items.iter().try_for_each(|item| self.line(item)),
        }
    }

    /// Prints a value as one line of JSON: an item of a stream.
    pub(crate) fn line<T: Serialize>(self, value: &T) -> Result<(), Failure> {
        self.data(&format!("{}\n", versioned(value)))
    }

    /// Prints text as it is.
    #[expect(clippy::unused_self, reason = "where data goes is the output's to say")]
    pub(crate) fn data(self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| write_failure(&error))
    }

    /// Tells how far the command is, on standard error; not with `--quiet`, nor where data is JSON.
    pub(crate) fn progress(self, text: &str) {
        if !self.quiet && self.is_text() {
            tell(text);
        }
    }

    /// Tells what to do next, on standard error; as [`Output::progress`].
    pub(crate) fn next(self, command: &str) {
        self.progress(&format!("{} {command}", self.err.dim("next:")));
    }

    /// Tells what data was made of, on standard error, whatever form the data has; not with `--quiet`.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            tell(&self.err.dim(text));
        }
    }

    /// Tells something that matters, on standard error.
    pub(crate) fn warn(self, text: &str) {
        tell(&format!("{} {text}", self.err.yellow("warning:")));
    }

    /// Prints why the command failed, on standard error.
    pub(crate) fn failure(self, failure: &Failure) {
        let text = match self.format {
            Format::Text => failure.text(self.err),
            Format::Json => pretty(&failure.json()) + "\n",
            Format::Jsonl => format!("{}\n", failure.json()),
        };
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

fn tell(text: &str) {
    // Where nobody reads standard error, nothing can be told.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn versioned<T: Serialize>(value: &T) -> Value {
    match serde_json::to_value(value) {
        Ok(Value::Object(mut object)) => {
            object.insert("schemaVersion".to_owned(), json!(SCHEMA_VERSION));
            Value::Object(object)
        }
        Ok(other) => json!({ "schemaVersion": SCHEMA_VERSION, "value": other }),
        // Nothing that is printed has keys that are no texts.
        Err(_) => Value::Null,
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

fn write_failure(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::closed_output();
    }
    Failure::new(Exit::Failed, "output", "cannot write to standard output").because(error)
}

#[cfg(test)]
mod tests;
