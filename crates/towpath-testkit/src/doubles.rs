//! Doubles of services of others, written from their published documentation: they listen on a port of their own, keep state,
//! check what they are sent, and fail on demand.
//!
//! A double is no proof that the service does the same; suites that use one run against the service too, where a token for it
//! is given.

mod github;
mod http;
mod vercel;

pub use github::GitHubDouble;
pub use http::Fault;
pub use vercel::VercelDouble;
