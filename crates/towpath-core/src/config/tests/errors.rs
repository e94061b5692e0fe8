//! What people read when something is wrong.

use super::*;
