//! Tests of `words`.
