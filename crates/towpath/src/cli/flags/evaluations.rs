//! `towpath flags evaluations`: how often flags were evaluated.

use clap::{Args, builder::NonEmptyStringValueParser};

/// Shows how often each flag was evaluated, to what and when last.
///
/// Asked alone is what services do. Pages ask for all flags at once, which says nothing about whether anybody uses this one.
#[derive(Debug, Args)]
pub(crate) struct EvaluationsArgs {
    /// Where.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
}
