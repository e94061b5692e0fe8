//! POSIX shells.

use super::is_bare;

/// Names that bash or dash do not let be set as any text: constants, counters, and numbers whose assignment is
/// evaluated as arithmetic, which could even run a command.
pub(super) const RESERVED: [&str; 27] = [
    "BASHOPTS",
    "BASHPID",
    "BASH_ARGC",
    "BASH_ARGV",
    "BASH_COMMAND",
    "BASH_COMPAT",
    "BASH_LINENO",
    "BASH_SOURCE",
    "BASH_SUBSHELL",
    "BASH_VERSINFO",
    "BASH_XTRACEFD",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HISTCMD",
    "LINENO",
    "OPTIND",
    "PPID",
    "RANDOM",
    "SECONDS",
    "SHELLOPTS",
    "SRANDOM",
    "UID",
    "_",
];

/// Quotes a value (POSIX, section 2.2.2): everything but `'` is literal in single quotes.
pub(super) fn quoted(value: &str) -> String {
    if is_bare(value) { value.to_owned() } else { format!("'{}'", value.replace('\'', "'\\''")) }
}
