//! Logs of instances: one file each, written by the application itself.
//!
//! The application holds the file open (`O_APPEND`) and must be able to write while no server is there, so nothing
//! may stand between the two, and the file cannot be exchanged under it. Instead of copying and truncating, which
//! loses what is written in between, old bytes are freed in place by punching a hole
//! (`fallocate(FALLOC_FL_PUNCH_HOLE)`): the end of the file does not move, no byte that is kept moves, and a position in
//! the log is the offset in the file for ever. The file looks long to `ls -l` and short to `du`. While no server
//! runs it grows; the next one frees the surplus. Where the file system cannot punch holes it grows on, and the
//! server says so. A process per log that pumps and rotates was the alternative: it costs memory per instance,
//! and its death would take the application's output with it.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{FallocateFlags, fallocate};
use towpath_core::instance::InstanceId;
use towpath_engine::ports::{LogChunk, LogQuery};

/// File systems free whole blocks; 64 KiB is a multiple of every usual block.
const BLOCK: u64 = 64 * 1024;

/// Returns where the log of an instance is.
pub(super) fn path(data_dir: &Path, id: &InstanceId) -> PathBuf {
    let set = &id.set;
    let folder = data_dir.join("logs").join(set.environment.as_str()).join(set.service.as_str());
    folder.join(format!("{}-{}.log", set.revision, id.index))
}

/// Frees what is older than the newest `keep` bytes, if it is worth while.
pub(super) fn trim(path: &Path, keep: u64) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    // Blocks of stat(2) are 512 bytes, whatever the file system's are.
    let allocated = meta.blocks().saturating_mul(512);
    if meta.len() <= keep || allocated <= keep.saturating_add(keep / 4).saturating_add(BLOCK) {
        return Ok(());
    }
    let end = (meta.len() - keep) / BLOCK * BLOCK;
    if end == 0 {
        return Ok(());
    }
    let file = File::options().write(true).open(path)?;
    Ok(fallocate(&file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 0, end)?)
}

/// Returns the position of the first whole line that is kept.
fn oldest(file: &File) -> io::Result<u64> {
    let hole_end = match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(0)) {
        Ok(position) => position,
        // Nothing but a hole, or nothing at all.
        Err(rustix::io::Errno::NXIO) => return Ok(file.metadata()?.len()),
        Err(_) => 0,
    };
    if hole_end == 0 {
        return Ok(0);
    }
    // The hole ends in the middle of a line.
    let mut position = hole_end;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = file.read_at(&mut buffer, position)?;
        let bytes = buffer.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(hole_end);
        }
        if let Some(newline) = bytes.iter().position(|byte| *byte == b'\n') {
            return Ok(position + newline as u64 + 1);
        }
        position += count as u64;
    }
}

/// Reads whole lines of a log. A line without an end belongs to it when nobody can end it any more (`ended`), and when
/// it alone is longer than what is asked for.
pub(super) fn read(path: &Path, query: LogQuery, ended: bool) -> io::Result<LogChunk> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let oldest = oldest(&file)?.min(length);
    let from = match query.from {
        Some(from) => from.clamp(oldest, length),
        None => tail_start(&file, oldest, length, query.tail_lines)?,
    };
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    let most = u64::try_from(query.max_bytes).unwrap_or(u64::MAX);
    // Not beyond the length that was seen: what is written now is for the next call.
    file.take(most.min(length - from)).read_to_end(&mut bytes)?;
    let at_end = from + bytes.len() as u64 == length;
    let lines = bytes.iter().rposition(|byte| *byte == b'\n').map(|newline| newline + 1);
    let whole = match lines {
        _ if at_end && ended => bytes.len(),
        Some(lines) => lines,
        None if at_end => 0,
        None => without_cut_character(&bytes),
    };
    bytes.truncate(whole);
    Ok(LogChunk { text: String::from_utf8_lossy(&bytes).into_owned(), next: from + whole as u64 })
}

/// Returns the length of `bytes` without a character of UTF-8 that its end cuts off.
fn without_cut_character(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
        Ok(_) | Err(_) => bytes.len(),
    }
}

/// Returns where the last so many lines begin, not before `oldest`.
fn tail_start(file: &File, oldest: u64, length: u64, lines: usize) -> io::Result<u64> {
    if lines == 0 {
        return Ok(length);
    }
    let mut left = lines;
    let mut end = length;
    let mut buffer = vec![0; 64 * 1024];
    while end > oldest {
        let count = (end - oldest).min(buffer.len() as u64);
        let start = end - count;
        let block = buffer.get_mut(..usize::try_from(count).unwrap_or_default()).unwrap_or_default();
        file.read_exact_at(block, start)?;
        for (offset, byte) in block.iter().enumerate().rev() {
            let position = start + offset as u64;
            // The end of the last line begins none.
            if *byte == b'\n' && position + 1 < length {
                left -= 1;
                if left == 0 {
                    return Ok(position + 1);
                }
            }
        }
        end = start;
    }
    Ok(oldest)
}

/// Returns the last lines of a log for a message to people, short.
pub(super) fn last_lines(path: &Path) -> String {
    const LINES: usize = 5;
    const BYTES: usize = 1000;
    let Ok(chunk) = read(path, LogQuery { from: None, tail_lines: LINES, max_bytes: 64 * 1024 }, true) else {
        return String::new();
    };
    let text = chunk.text.trim_end();
    let surplus = text.len().saturating_sub(BYTES);
    let start = (surplus..=text.len()).find(|start| text.is_char_boundary(*start)).unwrap_or_default();
    text.get(start..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
