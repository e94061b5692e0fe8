//! Files that `sops` reads and writes.
