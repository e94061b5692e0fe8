//! `towpath secrets keygen`: a key of age for somebody who has no `age-keygen`.
//!
//! Makes keys of kind X25519 only, and gives them to nobody: who is named in `.sops.yaml` is for people to write.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use jiff::Timestamp;
use serde::Serialize;
use towpath_secrets::sops::{Format, Identities, KeyError, new_identity, recipients_of};

use super::{now, place};
use crate::{
    cli::KeygenArgs,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    folder::unwritable,
    git::{Keeping, keeping},
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    recipients: Vec<String>,
}

pub(super) fn run(context: &Context, args: &KeygenArgs) -> Outcome {
    if let Some(path) = &args.recipient {
        return recipient(context, path);
    }
    let made = new_identity(&whole_seconds(now()));
    let Some(path) = &args.to else {
        place::print(made.file.as_bytes())?;
        return Ok(Exit::Done);
    };
    write(path, made.file.as_bytes())?;
    if keeping(&std::path::absolute(path).unwrap_or_default()) != Keeping::Ignored {
        context.out.warn(&format!(
            "git would take `{}`: a private key in a repository is everybody's; move it, or name it in `.gitignore`",
            path.display()
        ));
    }
    if context.out.is_text() {
        context.out.progress(&format!("Public key: {}", made.recipient));
    } else {
        context.out.show(&View { recipients: vec![made.recipient] }, |_| String::new())?;
    }
    Ok(Exit::Done)
}

fn recipient(context: &Context, path: &Path) -> Outcome {
    let input = place::read(path, Some(Format::Binary.word()), None)?;
    let wrong = |why: String| {
        Failure::new(Exit::Failed, "no_identity", format!("{}: {why}", input.name))
            .next("name a file of private keys as `towpath secrets keygen` and `age-keygen` write it")
    };
    if Identities::is_encrypted(&input.bytes) {
        return Err(wrong("it is encrypted with a passphrase".to_owned())
            .next("decrypt it on the way: age -d FILE | towpath secrets keygen --recipient -"));
    }
    let text = std::str::from_utf8(&input.bytes).map_err(|_| wrong("it is no text".to_owned()))?;
    let recipients = recipients_of(text).map_err(|why: KeyError| wrong(why.to_string()))?;
    if recipients.is_empty() {
        return Err(wrong("there is no private key in it".to_owned()));
    }
    context.out.show(&View { recipients: recipients.clone() }, |_| recipients.join("\n") + "\n")?;
    Ok(Exit::Done)
}

/// As `age-keygen` writes the time of a key.
fn whole_seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

/// Writes a file that is not there yet, readable by its owner only, in a folder that is made alike if need be.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        if written.is_err() {
            // Half a key is none. The first failure matters, not that of tidying up.
            let _ = fs::remove_file(path);
        }
        written.and_then(|()| File::open(folder)?.sync_all())
    };
    write().map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return Failure::new(Exit::Refused, "exists", format!("`{}` is there already", path.display()))
                .kept("it stays as it is: whoever loses a key loses what it opens")
                .next("name another file, or add a key to this one: towpath secrets keygen >> FILE");
        }
        unwritable(path, &error)
    })
}
