//! How many files and connections the process may have open at once.
//!
//! The soft limit of a shell is often 1,024, far below what the machine allows; each application that follows flags is a connection.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is kept for everything but applications that follow flags: files, instances, the proxy, the API.
const KEPT: u64 = 2048;

/// Raises the limit as far as the process itself may, and returns how many of `wanted` applications may follow flags at once.
pub(crate) fn raise(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum != limit.current {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(error = &error as &dyn std::error::Error, "the limit of open files cannot be raised");
        }
    }
    let limit = getrlimit(Resource::Nofile).current;
    let room = fitting(limit, wanted);
    if room < wanted {
        tracing::warn!(
            limit,
            streams = room,
            "the limit of open files leaves less room for streams of flags than usual"
        );
    }
    room
}

fn fitting(limit: Option<u64>, wanted: usize) -> usize {
    // No limit at all.
    let Some(limit) = limit else { return wanted };
    // Where there is little, half is for streams.
    let room = limit.saturating_sub(KEPT).max(limit / 2);
    usize::try_from(room).unwrap_or(usize::MAX).min(wanted)
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn streams_get_what_everything_else_leaves() {
        assert_eq!(fitting(None, 16_384), 16_384);
        assert_eq!(fitting(Some(1 << 20), 16_384), 16_384);
        assert_eq!(fitting(Some(10_000), 16_384), 7952);
        assert_eq!(fitting(Some(1024), 16_384), 512);
    }
}
