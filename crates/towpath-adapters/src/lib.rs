//! What performs the engine's actions here: local processes and probes.
