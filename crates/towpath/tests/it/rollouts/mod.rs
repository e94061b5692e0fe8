//! Rollouts of apps that nobody here wrote and of apps that misbehave: good ones lose no request, bad ones go back by
//! themselves, and a control plane that is killed carries on where it was. What is decided and why is tested in core.

mod bad;
mod bed;
mod flagged;
mod good;
mod killed;
mod steered;
