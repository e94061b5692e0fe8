//! Files about flags: layers, mistakes with their places, odd and hostile texts.

use super::*;
use crate::config::{SourceSet, load};

mod layers;
mod odd;
mod planted;

fn sources(text: &str) -> SourceSet {
    crate::config::tests::sources(text)
}
