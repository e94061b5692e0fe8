//! Tests of `rollout`.
