//! Ledger, blobs and samples on SQLite.
