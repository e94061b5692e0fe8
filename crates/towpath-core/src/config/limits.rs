//! How much of a project is read, and of its mistakes told. What one text may have is in [`super::yaml`].

use super::diagnostic::Diagnostic;

/// How many environments a project may have.
pub const MAX_ENVIRONMENTS: usize = 1000;
/// How many environments one may be built on, each on the next.
pub const MAX_EXTENDS: usize = 64;
/// How many bytes all files together may have.
pub const MAX_TOTAL_BYTES: usize = 16 << 20;
/// After how many mistakes no more are looked for in one environment.
pub(crate) const MAX_TOLD: usize = 1000;
/// After how many mistakes no further environment is looked at.
pub(crate) const MAX_TOLD_IN_ALL: usize = 5000;
/// How many mistakes are drawn for people; machines are told all.
pub(crate) const MAX_DRAWN: usize = 200;

/// Says whether enough mistakes were found that looking for more would help nobody. Warnings alone are never enough:
/// an error after them must still be found.
pub(crate) fn enough(diagnostics: &[Diagnostic], most: usize) -> bool {
    diagnostics.len() >= most && diagnostics.iter().take(most).any(Diagnostic::is_error)
}
