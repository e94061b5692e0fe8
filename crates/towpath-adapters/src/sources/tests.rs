//! Every source passes the suites of its port; what is special to each is beside them.
#![expect(clippy::unused_async, reason = "the suites take sources that are opened with waiting too")]

mod command;
mod environment;
mod vault;
