//! `towpath secrets edit`: an encrypted file in the user's editor.
//!
//! Nothing is written where nothing was changed, and what was not changed keeps its ciphertext.

use std::{
    fs,
    path::{Path, PathBuf},
};

use towpath_secrets::sops::{Creation, File, Format, SopsError};
use zeroize::Zeroizing;

use super::{
    ENTROPY, Opened,
    editor::{Editing, KEPT},
    encrypt::encrypted,
    merge::merged_meanwhile,
    now, open,
    place::{self, CIPHERTEXT_MODE},
    rules,
};
use crate::{
    cli::EditArgs,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    folder::unreadable,
};

/// Where the secrets of a project's environments are.
const FOLDER: &str = "secrets";
/// How lines begin that are for the one who edits, and not kept.
const HINT: &str = "#:";

/// What is edited: a file that is there, or one that is to be.
enum Target {
    There(Box<Opened>),
    New(Creation),
}

pub(super) fn run(context: &Context, args: &EditArgs) -> Outcome {
    let path = path_of(context, &args.what)?;
    refuse_link(&path)?;
    let format = args.input_type.as_deref().and_then(Format::of_word).unwrap_or_else(|| place::format_of(&path));
    let name = path.display().to_string();
    let (target, text) = if path.exists() {
        let opened = open(context, place::read(&path, args.input_type.as_deref(), None)?)?;
        let plain = opened.file.decrypt(&opened.key).map_err(|error| place::wrong(&name, &error))?;
        let text = Zeroizing::new(plain.text().map_err(|error| place::wrong(&name, &error))?.to_vec());
        (Target::There(Box::new(opened)), text)
    } else {
        let creation = rules::creation(context, &path, &args.creation)?;
        (Target::New(creation), beginning(&name, format))
    };
    let file_name = path.file_name().map_or_else(|| "secrets".to_owned(), |name| name.to_string_lossy().into_owned());
    let mut editing = Editing::begin(&file_name, &text)?;
    loop {
        let edited = editing.run()?;
        let kept = without_hints(&edited);
        let is_nothing = matches!(target, Target::New(_)) && kept.trim_ascii().is_empty();
        if edited == text || is_nothing {
            context.out.progress(&format!("nothing was changed in {name}"));
            return Ok(Exit::Done);
        }
        let failure = match target.encrypted(&name, format, &kept) {
            // An editor that was cut off while it saved leaves nothing, too; nobody means that.
            _ if kept.trim_ascii().is_empty() => {
                Failure::new(Exit::Failed, "empty", "the editor left nothing: every value would be gone").next(format!(
                    "remove {name} itself if it is to go, or take values out with towpath secrets file-unset"
                ))
            }
            Ok(bytes) => return write(context, &path, &target, &bytes),
            Err(failure) => failure,
        };
        if !context.is_interactive() {
            return Err(failure.kept(KEPT));
        }
        context.out.failure(&failure);
        if context.ask("Edit again? (y/n)", "y")?.to_ascii_lowercase().starts_with('n') {
            return Err(Failure::new(Exit::Failed, "given_up", "the edit was given up").kept(KEPT));
        }
    }
}

impl Target {
    fn encrypted(&self, name: &str, format: Format, text: &[u8]) -> Result<Vec<u8>, Failure> {
        match self {
            Self::There(opened) => opened
                .file
                .edit(&opened.key, text, now(), &ENTROPY)
                .map_err(|error: SopsError| place::wrong(name, &error)),
            Self::New(creation) => encrypted(name, text, format, creation),
        }
    }
}

/// Writes the result, together with what somebody else wrote meanwhile.
fn write(context: &Context, path: &Path, target: &Target, bytes: &[u8]) -> Outcome {
    let name = path.display();
    match target {
        Target::New(_) => {
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                fs::create_dir_all(folder).map_err(|error| crate::folder::unwritable(folder, &error))?;
            }
            if path.exists() {
                let message = format!("somebody else made {name} while you edited");
                return Err(Failure::new(Exit::Refused, "changed_meanwhile", message).kept(KEPT));
            }
            place::replace(path, bytes, CIPHERTEXT_MODE)?;
            context.out.progress(&format!("made {name}"));
        }
        Target::There(opened) => {
            if bytes == opened.input.bytes.as_slice() {
                context.out.progress(&format!("nothing was changed in {name}"));
                return Ok(Exit::Done);
            }
            let there = fs::read(path).map_err(|error| unreadable(path, &error))?;
            if there == *opened.input.bytes {
                place::replace(path, bytes, CIPHERTEXT_MODE)?;
            } else {
                let merged = merged_meanwhile(opened, bytes, &there);
                let merged = match merged {
                    Ok(merged) => merged,
                    Err(failure) => return Err(keep_beside(path, bytes, failure)),
                };
                place::replace(path, &merged, CIPHERTEXT_MODE)?;
                context.out.progress("somebody else changed the file while you edited; both changes are in it now");
            }
            context.out.progress(&format!("changed {name}"));
        }
    }
    Ok(Exit::Done)
}

/// Keeps what was edited, encrypted as it is, where it is not lost.
fn keep_beside(path: &Path, bytes: &[u8], failure: Failure) -> Failure {
    let mut name = path.file_stem().unwrap_or_default().to_os_string();
    name.push(".edited.");
    name.push(path.extension().unwrap_or_default());
    let beside = path.with_file_name(name);
    match place::replace(&beside, bytes, CIPHERTEXT_MODE) {
        Ok(()) => failure
            .kept(format!("your version, encrypted, in {}", beside.display()))
            .next(format!("towpath secrets edit {}, and take over what you need", path.display())),
        Err(_) => failure.kept(KEPT),
    }
}

/// Returns the file that is meant by a path or the name of an environment.
fn path_of(context: &Context, what: &str) -> Result<PathBuf, Failure> {
    let path = PathBuf::from(what);
    if what.contains(['/', '.']) || path.is_file() {
        return Ok(path);
    }
    let folder = context.folder()?;
    let loaded = folder.load()?;
    let name = if what == "base" {
        what.to_owned()
    } else {
        loaded.find(what).map_err(|error| Failure::of(Exit::Usage, "not_found", &error))?.to_string()
    };
    let of_ending = |ending: &str| folder.root().join(FOLDER).join(format!("{name}.{ending}"));
    let there = ["yaml", "yml", "json", "env"].into_iter().map(of_ending).find(|path| path.is_file());
    Ok(there.unwrap_or_else(|| of_ending("yaml")))
}

fn refuse_link(path: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_symlink() => {
            Err(Failure::new(Exit::Refused, "link", format!("`{}` is a link", path.display()))
                .kept("nothing was opened")
                .next("name the file it leads to"))
        }
        Ok(about) if !about.is_file() => Err(Failure::usage(format!("`{}` is no file", path.display()))),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Returns what a new file begins with in the editor.
fn beginning(name: &str, format: Format) -> Zeroizing<Vec<u8>> {
    let hint = |line: &str| {
        format!(
            "{HINT} {name} is new. Write one {line} a line; lines that begin with `{HINT}` are not kept.\n{HINT} If you write nothing, no file is made.\n"
        )
    };
    let text = match format {
        Format::Yaml => hint("`NAME: value`"),
        Format::Dotenv => hint("`NAME=value`"),
        Format::Json => "{\n}\n".to_owned(),
        Format::Ini | Format::Binary => String::new(),
    };
    Zeroizing::new(text.into_bytes())
}

fn without_hints(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut kept = Zeroizing::new(Vec::with_capacity(text.len()));
    for line in text.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.starts_with(HINT.as_bytes())) {
        kept.extend_from_slice(line);
    }
    kept
}

/// Returns a file that was encrypted here, read again.
pub(super) fn parsed(bytes: &[u8], like: &Opened) -> Result<File, Failure> {
    File::parse(bytes, like.input.format).map_err(|error| place::wrong(&like.input.name, &error))
}
