//! Sealed boxes of libsodium (`crypto_box_seal`), which GitHub takes secrets in.
