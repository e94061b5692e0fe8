//! One suite per port: what every implementation must do, run on the fakes here and on the real ones in their crates.
//!
//! Each case takes a fresh, empty implementation and panics with what is wrong. `ledger_conformance!(fresh)` and its
//! like turn a suite into tests; `fresh` is an async function that returns `(guard, Arc<dyn Port>)`, where the guard
//! keeps alive whatever the implementation stands on.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a failed case is a failed test"
)]

pub mod blobs;
pub mod evaluations;
pub mod experiments;
pub mod keys;
pub mod ledger;
pub mod samples;
pub mod sources;
pub mod target;

/// Makes one test of each case of a suite.
#[macro_export]
#[doc(hidden)]
macro_rules! conformance_cases {
    ($suite:ident, $fresh:path, $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (_guard, port) = $fresh().await;
                $crate::conformance::$suite::$case(port).await;
            }
        )+
    };
}
