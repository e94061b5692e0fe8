//! `towpath secrets decrypt`.

use std::path::Path;

use towpath_secrets::sops::{self, Format, Plain, Value};
use zeroize::Zeroizing;

use super::{
    convert::convert,
    open,
    place::{self, Delivery, PLAIN_MODE},
};
use crate::{
    cli::DecryptArgs,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    git::{self, Keeping},
};

pub(super) fn run(context: &Context, args: &DecryptArgs) -> Outcome {
    let input = place::read(&args.file.file, args.file.input_type.as_deref(), None)?;
    let delivery = Delivery::of(&input, &args.result)?;
    let opened = open(context, input)?;
    let name = opened.input.name.as_str();
    let plain = opened.file.decrypt(&opened.key).map_err(|error| place::wrong(name, &error))?;
    let format = args.output_type.as_deref().and_then(Format::of_word).unwrap_or(opened.input.format);
    let text = match &args.extract {
        Some(path) => extracted(name, &plain, path, format)?,
        None if format == opened.input.format => {
            Zeroizing::new(plain.text().map_err(|error| place::wrong(name, &error))?.to_vec())
        }
        None => convert(&plain, &sops::Path::default(), format)?,
    };
    if let Some(file) = delivery.file() {
        check_target(context, file, matches!(delivery, Delivery::Replace(_)))?;
    }
    delivery.write(&text, PLAIN_MODE)?;
    delivery.tell(context, &format!("decrypted {name}"));
    Ok(Exit::Done)
}

/// Returns one value as it is, or a part of the file in the format.
fn extracted(name: &str, plain: &Plain, path: &str, format: Format) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let path = sops::Path::parse(path).map_err(|error| Failure::of(Exit::Usage, "usage", &error))?;
    if let Some(value) = plain.get(&path) {
        return Ok(if let Value::Text(bytes) = value {
            bytes.clone()
        } else {
            Zeroizing::new(value.as_text().map(|text| text.as_bytes().to_vec()).unwrap_or_default())
        });
    }
    let below = plain.values().any(|(other, _)| other.steps.starts_with(&path.steps));
    if !below {
        let message = format!("{name} has no `{path}`");
        return Err(Failure::new(Exit::Usage, "not_found", message)
            .next("names are in clear: towpath secrets file-status shows the file's, or look into it"));
    }
    // A part of a file has no lines of its own.
    convert(plain, &path, if format == Format::Ini { Format::Yaml } else { format })
}

/// Keeps plain texts out of git.
fn check_target(context: &Context, file: &Path, in_place: bool) -> Result<(), Failure> {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    match git::keeping(&absolute) {
        Keeping::Tracked if !in_place => {
            let message = format!("git tracks `{}`, and its history would keep the secrets", file.display());
            Err(Failure::new(Exit::Refused, "tracked_file", message)
                .kept("nothing was written")
                .next("name another file, one that git ignores"))
        }
        Keeping::Tracked => {
            context.out.warn(&format!("git tracks `{}`: encrypt it again before you commit", file.display()));
            Ok(())
        }
        Keeping::Untracked => {
            context.out.warn(&format!("git does not ignore `{}`: it has secrets and can be committed", file.display()));
            Ok(())
        }
        Keeping::Ignored => Ok(()),
    }
}
