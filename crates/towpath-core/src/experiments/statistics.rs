//! The statistics of experiments: pure functions from sums to intervals and verdicts.
