//! Single values of encrypted files, for commands that know a name and not a file's form.

use std::{fs, path::Path};

use serde_json::Value as Json;
use towpath_core::secrets::SecretText;
use towpath_secrets::sops::{self, File, Format, Value};
use zeroize::Zeroizing;

use super::{
    ENTROPY,
    encrypt::encrypted,
    now, open,
    place::{self, CIPHERTEXT_MODE},
    rules,
};
use crate::{
    cli::CreationArgs,
    context::Context,
    failure::{Exit, Failure},
    folder::unwritable,
};

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It was made, for whom `.sops.yaml` names.
    Made,
    /// It was changed.
    Changed,
    /// It said so already.
    Unchanged,
}

/// Sets a value at the top of a file, which is made if it is not there.
pub(crate) fn set_in_file(context: &Context, path: &Path, name: &str, value: &SecretText) -> Result<Written, Failure> {
    if !path.exists() {
        let creation = rules::creation(context, path, &CreationArgs::default())?;
        let format = place::format_of(path);
        let bytes = encrypted(&path.display().to_string(), &first_line(path, format, name, value)?, format, &creation)?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        }
        place::replace(path, &bytes, CIPHERTEXT_MODE)?;
        return Ok(Written::Made);
    }
    set(context, path, &sops::Path::of_key(name), &Value::text(value.expose()))
}

/// Sets a value anywhere in a file that is there.
pub(super) fn set(context: &Context, path: &Path, at: &sops::Path, value: &Value) -> Result<Written, Failure> {
    let opened = open(context, place::read(path, None, None)?)?;
    let bytes = opened.file.set(&opened.key, at, value, now(), &ENTROPY);
    write(path, &opened.input, bytes)
}

/// Takes a value out of a file.
pub(crate) fn unset_in_file(context: &Context, path: &Path, name: &str) -> Result<Written, Failure> {
    unset(context, path, &sops::Path::of_key(name))
}

/// Takes a value or a part out of a file.
pub(super) fn unset(context: &Context, path: &Path, at: &sops::Path) -> Result<Written, Failure> {
    let opened = open(context, place::read(path, None, None)?)?;
    let bytes = opened.file.unset(&opened.key, at, now(), &ENTROPY);
    write(path, &opened.input, bytes)
}

/// Returns a value of a file.
pub(crate) fn get_from_file(context: &Context, path: &Path, name: &str) -> Result<SecretText, Failure> {
    let opened = open(context, place::read(path, None, None)?)?;
    let wrong = |error: &sops::SopsError| place::wrong(&opened.input.name, error);
    let plain = opened.file.decrypt(&opened.key).map_err(|error| wrong(&error))?;
    let path_of = sops::Path::of_key(name);
    let value = plain.get(&path_of).ok_or_else(|| wrong(&sops::SopsError::NoSuchPath(name.to_owned())))?;
    let text = value.as_text().ok_or_else(|| {
        Failure::new(Exit::Failed, "no_text", format!("`{name}` of {} is empty or no text", path.display()))
    })?;
    Ok(SecretText::new((*text).clone()))
}

/// Returns the names at the top of a file. Needs no key.
#[allow(dead_code, reason = "for commands that know names and not paths")]
pub(crate) fn names_in_file(path: &Path) -> Result<Vec<String>, Failure> {
    let input = place::read(path, None, None)?;
    let file = File::parse(&input.bytes, input.format).map_err(|error| place::wrong(&input.name, &error))?;
    let mut names: Vec<String> = file.names().iter().filter_map(|name| name.path.root().map(str::to_owned)).collect();
    names.dedup();
    Ok(names)
}

fn write(path: &Path, input: &place::Input, bytes: Result<Vec<u8>, sops::SopsError>) -> Result<Written, Failure> {
    let bytes = bytes.map_err(|error| place::wrong(&input.name, &error).kept("the file as it was"))?;
    if bytes == *input.bytes {
        return Ok(Written::Unchanged);
    }
    place::replace(path, &bytes, CIPHERTEXT_MODE)?;
    Ok(Written::Changed)
}

/// Returns a new file's text with one value.
fn first_line(path: &Path, format: Format, name: &str, value: &SecretText) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // A text as JSON has it is one in YAML.
    let quoted = |text: &str| Zeroizing::new(Json::from(text).to_string());
    let (key, text) = (quoted(name), quoted(value.expose()));
    let line = match format {
        Format::Yaml => format!(
            "{}: {}\n",
            if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') { name } else { &key },
            *text
        ),
        Format::Json => format!("{{{}: {}}}\n", *key, *text),
        Format::Dotenv => format!("{name}={}\n", value.expose().replace('\n', "\\n")),
        Format::Ini | Format::Binary => {
            let message = format!("`{}` is no file for values with names", path.display());
            return Err(Failure::usage(message).next("name a file that ends in .yaml, .json or .env"));
        }
    };
    Ok(Zeroizing::new(line.into_bytes()))
}
