//! The data plane: listeners, routing, splitting, draining, retries, per-revision metrics.
//!
//! hyper is used as a codec only; pool, header rules, retries and balancing are here. One current-thread runtime per
//! core, each with its own listening sockets, connections and counters, so that requests share no lock. It decides
//! nothing about rollouts: it does what the table says and tells what happened. It terminates no TLS.
#![warn(missing_docs)]

mod answer;
mod balance;
mod body;
mod client;
mod control;
mod forward;
mod listen;
mod metrics;
mod normal;
mod options;
mod outlier;
mod pool;
mod sniff;
mod table;
mod tunnel;
mod worker;

pub use control::{Proxy, StartError};
pub use options::ProxyOptions;
