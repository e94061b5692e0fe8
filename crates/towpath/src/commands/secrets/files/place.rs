//! Where a command reads its file, and how it puts another in its place: as a whole or not at all, never through a link.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use towpath_secrets::sops::{Format, SopsError};
use zeroize::Zeroizing;

use crate::{
    cli::ResultArgs,
    context::Context,
    failure::{Exit, Failure},
    folder::{unreadable, unwritable},
};

/// A file as it was read.
pub(super) struct Input {
    /// What it is called in messages.
    pub(super) name: String,
    /// Where it is; `None` for standard input.
    pub(super) path: Option<PathBuf>,
    pub(super) format: Format,
    /// Erased, because it may be a plain text.
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

/// Reads a file or standard input.
pub(super) fn read(path: &Path, format: Option<&str>, named: Option<&Path>) -> Result<Input, Failure> {
    let stdin = path == Path::new("-") || path == Path::new("/dev/stdin");
    let mut bytes = Zeroizing::new(Vec::new());
    if stdin {
        io::stdin().lock().read_to_end(&mut bytes).map_err(|error| unreadable(Path::new("standard input"), &error))?;
    } else {
        let mut file = File::open(path).map_err(|error| unreadable(path, &error))?;
        // Its size at once: growing would leave copies behind that nobody erases.
        let size = file.metadata().map_or(0, |about| about.len());
        bytes.reserve_exact(usize::try_from(size).unwrap_or(0).min(64 << 20) + 1);
        file.read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    }
    let name = named.unwrap_or(path).display().to_string();
    let format = format.and_then(Format::of_word).unwrap_or_else(|| format_of(named.unwrap_or(path)));
    let name = if stdin && named.is_none() { "standard input".to_owned() } else { name };
    Ok(Input { name, path: (!stdin).then(|| path.to_owned()), format, bytes })
}

/// Returns the format that a file's name stands for.
pub(super) fn format_of(path: &Path) -> Format {
    Format::of_path(&path.to_string_lossy())
}

/// Returns the failure that a mistake in a file is.
pub(super) fn wrong(name: &str, error: &SopsError) -> Failure {
    let placed = matches!(
        error,
        SopsError::Syntax { .. } | SopsError::Encrypted { .. } | SopsError::Metadata { .. } | SopsError::Value { .. }
    );
    let tampered = matches!(error, SopsError::Mac | SopsError::NoMac(_) | SopsError::Value { .. });
    let (code, exit) = if matches!(error, SopsError::NoSuchPath(_)) {
        ("not_found", Exit::Usage)
    } else if matches!(error, SopsError::NotEncrypted) {
        ("not_encrypted", Exit::Failed)
    } else if matches!(error, SopsError::Encrypted { .. }) {
        ("encrypted_already", Exit::Failed)
    } else {
        (if tampered { "tampered" } else { "sops_file" }, Exit::Failed)
    };
    Failure::new(exit, code, format!("{name}:{}{error}", if placed { "" } else { " " })).causes(error)
}

/// Puts bytes in the place of a file, which keeps its mode. A file that is new gets `mode`.
pub(super) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let mode = match fs::symlink_metadata(path) {
        Ok(about) if about.is_symlink() => {
            let target =
                fs::read_link(path).map_or_else(|_| "another file".to_owned(), |to| format!("`{}`", to.display()));
            return Err(Failure::new(Exit::Refused, "link", format!("`{}` is a link to {target}", path.display()))
                .kept("nothing was written")
                .next("name the file itself"));
        }
        Ok(about) if !about.is_file() => {
            return Err(Failure::usage(format!("`{}` is no file", path.display())).kept("nothing was written"));
        }
        Ok(about) => about.permissions().mode() & 0o7777,
        Err(_) => mode,
    };
    let write = || -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = folder.join(format!(".{name}.{}", std::process::id()));
        // What a killed process left, or what somebody else put there to read along.
        let _ = fs::remove_file(&temporary);
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&temporary)?;
        let written = file
            .write_all(bytes)
            .and_then(|()| file.set_permissions(Permissions::from_mode(mode)))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            // The first failure matters, not that of tidying up.
            let _ = fs::remove_file(&temporary);
        }
        written.and_then(|()| File::open(folder)?.sync_all())
    };
    write().map_err(|error| unwritable(path, &error))
}

/// Prints bytes as they are.
pub(super) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::closed_output();
        }
        Failure::new(Exit::Failed, "output", "cannot write to standard output").because(&error)
    })
}

/// The mode of a new encrypted file: who may read its folder may read the ciphertext, as git would make it.
pub(super) const CIPHERTEXT_MODE: u32 = 0o644;
/// The mode of a new file of plain text.
pub(super) const PLAIN_MODE: u32 = 0o600;

/// Where a result goes.
pub(super) enum Delivery {
    Print,
    Replace(PathBuf),
    Write(PathBuf),
}

impl Delivery {
    /// Reads where the command line wants the result.
    pub(super) fn of(input: &Input, args: &ResultArgs) -> Result<Self, Failure> {
        match (&args.to, args.in_place, &input.path) {
            (Some(to), _, _) => Ok(Self::Write(to.clone())),
            (None, true, Some(path)) => Ok(Self::Replace(path.clone())),
            (None, true, None) => {
                Err(Failure::usage("standard input has no place to write to").next("leave --in-place out"))
            }
            (None, false, _) => Ok(Self::Print),
        }
    }

    /// Returns the file that is written, if it is one.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::Print => None,
            Self::Replace(path) | Self::Write(path) => Some(path),
        }
    }

    pub(super) fn write(&self, bytes: &[u8], mode: u32) -> Result<(), Failure> {
        self.file().map_or_else(|| print(bytes), |path| replace(path, bytes, mode))
    }

    /// Tells what was done, where the result is not what is seen.
    pub(super) fn tell(&self, context: &Context, done: &str) {
        match self {
            Self::Print => {}
            Self::Replace(_) => context.out.progress(done),
            Self::Write(path) => context.out.progress(&format!("{done}, into {}", path.display())),
        }
    }
}
