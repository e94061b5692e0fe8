//! Tests of `keys`.
