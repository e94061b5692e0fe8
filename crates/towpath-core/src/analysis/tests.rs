//! Tests of `analysis`.
