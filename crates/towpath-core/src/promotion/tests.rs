//! Tests of `promotion`.
