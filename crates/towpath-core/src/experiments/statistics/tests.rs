//! What sums prove.

use super::*;

mod golden;
