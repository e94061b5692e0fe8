//! Secrets that stand where they should not: in files and in the history of a repository.
