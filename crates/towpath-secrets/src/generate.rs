//! Generators of new values: passwords, tokens.
