//! Builders, fakes of every port and the simulation. Used by tests only.
