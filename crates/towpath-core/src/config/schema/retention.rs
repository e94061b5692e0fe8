//! How long previews live and what is kept of what was: `previews` and `retention` in `towpath.yaml`.

use super::project::ProjectFile;
use crate::{config::read::section, lifecycle::Housekeeping, units::Millis};

section! {
    /// Environments that are in no file.
    pub struct PreviewsFile {
        /// The longest time from now that a preview may live, such as `7d`; 30 days if absent.
        max_ttl: Millis = Housekeeping::default().max_ttl,
    }
    check(this, value, reader) {
        let sound = this.max_ttl.0 > 0;
        if !sound {
            reader.wrong(value, "`max_ttl` must be longer than 0");
        }
        sound
    }
}

section! {
    /// What is kept of what was.
    pub struct RetentionFile {
        /// How many revisions of each environment can be gone back to at least, from 1; 10 if absent.
        revisions: u32 = Housekeeping::default().revisions,
        /// How old what nothing names must be before `towpath gc` removes it; 1 hour if absent.
        grace: Millis = Housekeeping::default().grace,
    }
    check(this, value, reader) {
        let sound = this.revisions > 0;
        if !sound {
            reader.wrong(value, "`revisions` must be at least 1: what serves is one");
        }
        sound
    }
}

impl Default for PreviewsFile {
    fn default() -> Self {
        Self { max_ttl: Housekeeping::default().max_ttl }
    }
}

impl Default for RetentionFile {
    fn default() -> Self {
        let Housekeeping { revisions, grace, .. } = Housekeeping::default();
        Self { revisions, grace }
    }
}

impl ProjectFile {
    /// Returns how long things are kept.
    pub(crate) fn housekeeping(&self) -> Housekeeping {
        Housekeeping {
            max_ttl: self.previews.max_ttl,
            revisions: self.retention.revisions,
            grace: self.retention.grace,
        }
    }
}
