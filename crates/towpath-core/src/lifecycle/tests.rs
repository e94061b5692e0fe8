//! Tests of the life of environments.
