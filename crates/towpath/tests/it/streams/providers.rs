//! Providers as people set them up: what they evaluate, and how soon they hear of a change.
