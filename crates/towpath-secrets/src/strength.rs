//! How hard a value is to guess.
