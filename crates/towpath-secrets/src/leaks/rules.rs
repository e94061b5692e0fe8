//! The rule set, a table per subject.

use super::rule::Rule;

mod ai;
mod cloud;
mod code;
mod keys;
mod messages;
mod named;
mod payments;

/// The rule of passwords in URLs, which may be ones that everybody knows.
pub(super) const URL_PASSWORD: &str = "url-password";

/// Returns every rule; those that know a shape before those that guess.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [cloud::RULES, code::RULES, messages::RULES, payments::RULES, ai::RULES, keys::RULES, named::RULES]
        .into_iter()
        .flatten()
}

#[cfg(test)]
pub(super) mod tests;
