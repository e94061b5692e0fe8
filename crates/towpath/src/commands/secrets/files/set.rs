//! `towpath secrets file-set` and `file-unset`: one value of a file.

use std::{
    fs,
    io::{self, IsTerminal as _, Read as _},
};

use towpath_core::secrets::SecretText;
use towpath_secrets::sops::{self, Value};
use zeroize::Zeroizing;

use super::{
    prompt::ask_hidden,
    values::{self, Written},
};
use crate::{
    cli::{FileSetArgs, FileUnsetArgs},
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    folder::unreadable,
};

pub(super) fn set(context: &Context, args: &FileSetArgs) -> Outcome {
    let path = path_of(&args.path)?;
    let text = value(context, args)?;
    let written = if args.file.exists() {
        let value = if args.json { typed(&text)? } else { Value::text(&text) };
        values::set(context, &args.file, &path, &value)?
    } else {
        let [sops::Step::Key(name)] = path.steps.as_slice() else {
            let message = format!("there is no `{}`, and a new one begins with a name at its top", args.file.display());
            return Err(Failure::new(Exit::Usage, "not_found", message));
        };
        values::set_in_file(context, &args.file, name, &SecretText::new(text.as_str()))?
    };
    tell(context, &args.file, written);
    Ok(Exit::Done)
}

pub(super) fn unset(context: &Context, args: &FileUnsetArgs) -> Outcome {
    let written = values::unset(context, &args.file, &path_of(&args.path)?)?;
    tell(context, &args.file, written);
    Ok(Exit::Done)
}

fn path_of(text: &str) -> Result<sops::Path, Failure> {
    sops::Path::parse(text).map_err(|error| Failure::of(Exit::Usage, "usage", &error))
}

fn tell(context: &Context, file: &std::path::Path, written: Written) {
    let file = file.display();
    context.out.progress(&match written {
        Written::Made => format!("made {file}"),
        Written::Changed => format!("changed {file}"),
        Written::Unchanged => format!("{file} says so already"),
    });
}

/// Reads the value from where others cannot see it: a file, standard input, or the keyboard. One newline at its end is not
/// part of it.
fn value(context: &Context, args: &FileSetArgs) -> Result<Zeroizing<String>, Failure> {
    let mut text = if let Some(file) = &args.from_file {
        Zeroizing::new(fs::read_to_string(file).map_err(|error| unreadable(file, &error))?)
    } else if io::stdin().is_terminal() {
        return ask_hidden(context, &format!("value of {}", args.path));
    } else {
        let mut text = Zeroizing::new(String::with_capacity(64 << 10));
        let read = io::stdin().lock().read_to_string(&mut text);
        read.map_err(|error| unreadable(std::path::Path::new("standard input"), &error))?;
        text
    };
    if text.ends_with('\n') {
        let length = text.trim_end_matches('\n').len().max(text.len() - 1);
        text.truncate(length);
    }
    Ok(text)
}

/// Reads a value as JSON has it.
fn typed(text: &str) -> Result<Value, Failure> {
    let wrong =
        || Failure::usage("the value is not one text, number or truth value of JSON").kept("the file as it was");
    Ok(match serde_json::from_str(text).map_err(|_| wrong())? {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::String(text) => Value::text(&Zeroizing::new(text)),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Value::Int(int),
            (None, Some(float)) => Value::Float(float),
            (None, None) => return Err(wrong()),
        },
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => return Err(wrong()),
    })
}
