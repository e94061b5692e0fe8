//! Private files: nobody else may read them, and they are there as a whole or not at all.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use crate::{failure::Failure, folder::unwritable};

/// Makes a folder that only its owner can enter, or makes it so.
pub(crate) fn private_folder(path: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o700)))
        .map_err(|error| unwritable(path, &error))
}

/// Writes a file that only its owner can read, durably, in place of the one before.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let write = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = folder.join(format!(".{name}.{}", std::process::id()));
        // What a killed process left, or what somebody else put there to read along.
        let _ = fs::remove_file(&temporary);
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&temporary)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            // The first failure matters, not that of tidying up.
            let _ = fs::remove_file(&temporary);
        }
        written.and_then(|()| File::open(folder)?.sync_all())
    };
    write().map_err(|error| unwritable(path, &error))
}

/// Returns bytes that nobody can guess, from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; N];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| crate::folder::unreadable(path, &error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
