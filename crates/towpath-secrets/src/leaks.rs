//! Secrets that stand where they should not: in files and in the history of a repository.
//!
//! Bytes with a path go in, hits come out: what was found, where, with an excerpt that shows nothing of it. Rules know the
//! credentials of well-known services by their shape, and whatever is assigned to a telling name by its entropy; values of
//! our own are found exactly, also encoded. Walking folders and reading repositories is not here.

mod entropy;
mod hit;
mod needles;
mod own;
mod path;
mod placeholder;
mod rule;
mod rules;
mod scanner;

pub use hit::{Fingerprint, Hit};
pub use own::{Form, OwnValue, is_searched};
pub use rule::{LeakSeverity, OWN_VALUE, Rule};
pub use rules::all as rules;
pub use scanner::Scanner;

#[cfg(test)]
mod tests;
