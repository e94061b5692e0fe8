//! The data plane: listeners, routing, splitting, draining, metrics.
