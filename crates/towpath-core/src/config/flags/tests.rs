use super::*;
use crate::config::{SourceSet, load};

mod layers;
mod odd;
mod planted;

fn sources(text: &str) -> SourceSet {
    crate::config::tests::sources(text)
}
