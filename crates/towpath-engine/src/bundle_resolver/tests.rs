//! Tests of `bundle_resolver`.
