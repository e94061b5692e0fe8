//! Flags as their users meet them: the suites of the OpenFeature project, other evaluators, hostile input.
//!
//! What a single part does is tested beside it; here only what the crate offers is used.

mod conformance;
